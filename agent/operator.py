"""What a person may ask of the agent: drills, approval, undoing, pauses."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from agent import drill
from agent.answers import Answers
from agent.api.errors import NotFound, Refused
from agent.change import IN_FLIGHT, REHEARSED, REJECTED, Actor, Cause, Change, State, Trigger, token_hash
from agent.changes import UNDOABLE, Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.drill import Injected
from agent.events import Event, EventKind
from agent.executor import Executor
from agent.ledger import Ledger
from agent.memory import Memory
from agent.pausing import Paused, Pausing
from agent.planner import guards
from agent.planner.decision import Answer, Move, NoChange
from agent.planner.netting import standing
from agent.radar import RadarWatch, Report
from agent.store.errors import StaleChange
from agent.store.rows import Pause
from agent.view import SiteView
from drivers.types import Edit, Effects
from inventory import regulatory
from inventory.model import Mode, RadioKey, Site, ap_of, site_of

log = structlog.get_logger()


class Operator:
    """Each request is checked, recorded with who asked, and carried out like a decision of the agent's own.

    ``no_home(change)``: why a change can't be carried out any more, None = it can.
    """

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        executor: Executor,
        changes: Changes,
        radar: RadarWatch,
        answers: Answers,
        no_home: Callable[[Change], str | None],
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._executor = executor
        self._changes = changes
        self._radar = radar
        self._answers = answers
        self._no_home = no_home
        self._pausing = Pausing(memory, ledger, clock)

    # -- drills ------------------------------------------------------------------------------------

    async def inject(
        self,
        kind: EventKind,
        key: RadioKey,
        *,
        channel: int | None,
        width_mhz: int | None,
        act: bool,
        actor: Actor,
    ) -> Injected:
        """A drill: what would be done about this event, and only with ``act`` is it done."""
        site = self._site_with(key)
        event = drill.event(self._ledger.ids(), self._clock.now(), kind, key)
        if kind is EventKind.DFS_RADAR:
            return await self._inject_radar(event, key, act, actor)
        answers = drill.answers(self._view(site), event, key, channel, width_mhz)
        shown = Injected(event=event, answers=answers)
        edit, effects, note = await self._previewed(shown.decision)
        change: Change | None = None
        if act:
            await self._record_drill(event, actor)
            answers, change = await self._acted(event, answers, actor)
            if change is not None and site.policy.mode is Mode.DRY_RUN:
                change = await self._executor.finished(change.id)
        return Injected(
            event=event,
            answers=answers,
            edit=edit,
            effects=effects,
            change=change,
            begun=act and not all(isinstance(each, NoChange) for each in answers),
            note=note,
        )

    async def _acted(
        self, event: Event, answers: tuple[Answer, ...], actor: Actor
    ) -> tuple[tuple[Answer, ...], Change | None]:
        """Carry the answers out; those that came to nothing say why instead."""
        told: set[str] = set()
        done: list[Answer] = []
        change: Change | None = None
        for answer in answers:
            given = await self._answers.give(answer, event, told, actor)
            done.append(given if isinstance(given, NoChange) else answer)
            change = given if isinstance(given, Change) and change is None else change
        return tuple(done), change

    async def _previewed(self, answer: Answer) -> tuple[Edit | None, Effects | None, str]:
        """What would be sent, also for a move that a guard forbids: looking is always allowed."""
        if not isinstance(answer, (Move, NoChange)) or answer.radio is None or answer.target is None:
            return None, None, ""
        seen = await self._changes.preview(answer.radio, answer.target)
        return (None, None, seen) if isinstance(seen, str) else (*seen, "")

    async def _inject_radar(self, event: Event, key: RadioKey, act: bool, actor: Actor) -> Injected:
        view = self._view(self._memory.sites[site_of(key)])
        block = view.radios[key].block
        if block is not None and not regulatory.dfs_needed(view.site.country, block):
            raise Refused(f"{key} is on {block}, where no radar is listened for: drill it on a DFS channel")
        if block is None:
            raise Refused(f"{key} has not been read yet: try again after the next poll")
        decision = drill.radar(view, key, block)
        edit, effects, note = await self._previewed(decision)
        if act:
            await self._radar.heard(
                Report(
                    site=event.site,
                    radios=(key,),
                    mhz20=block.mhz20,
                    source="drill",
                    drill=True,
                    event_id=event.id,
                    actor=actor,
                )
            )
        return Injected(event=event, answers=(decision,), edit=edit, effects=effects, begun=act, note=note)

    async def _record_drill(self, event: Event, actor: Actor) -> None:
        entry = self._ledger.record(
            "event",
            f"drill.{event.kind}",
            event.site,
            radio=event.radio,
            event_id=event.id,
            actor=actor,
            drill=True,
        )
        await self._ledger.write(self._ledger.store.raise_event, event, [entry])

    # -- changes -----------------------------------------------------------------------------------

    async def rollback(self, token: str, actor: Actor) -> Change:
        """Use a token: an open change goes back, a committed one is undone by a new change.

        Raises NotFound (no such token), Refused (used, nothing to undo, a guard's veto).
        """
        change = await self._ledger.call(self._ledger.store.change_by_token, token_hash(token))
        if change is None:
            raise NotFound("no change has this token: see `rrmd changes`")
        return await self._take_back(change, actor)

    async def rollback_id(self, change_id: str, actor: Actor) -> Change:
        """The same for a change that is named by its id. It is tried again, though the token is used, when
        the change is in force all the same: what used it came to nothing, or was taken back."""
        change = await self._ledger.call(self._ledger.store.change, change_id)
        if change is None:
            raise NotFound(f"no change {change_id}: see `rrmd changes`")
        in_force = [each.id for radio in change.radios for each in await self._in_force(radio)]
        return await self._take_back(change, actor, again=change.id in in_force)

    async def last(self, ap: str) -> Change:
        """The newest change of an AP (site/ap) that is in force and was sent. An undo is taken back by its
        name or token only: else `--last` twice would be a change back and forth. Raises NotFound."""
        self._check_scope(ap)
        found = list[Change]()
        for radio in self._memory.sites[ap.split("/")[0]].radios:
            if ap_of(radio) == ap:
                found += await self._in_force(radio)
        sent = [each for each in found if each.token_sha256 is not None and each.state not in _NOT_SENT]
        if not sent:
            raise NotFound(f"{ap} has no change that can be taken back: see `rrmd changes`")
        return max(sent, key=lambda each: (each.order, each.id))

    async def _in_force(self, radio: RadioKey) -> list[Change]:
        """Changes of a radio that are in force, or may be, as they were made; newest first."""
        mine = await self._ledger.call(self._ledger.store.changes, None, radio)
        left = {change.id for change in standing(mine)}
        return [change for change in mine if change.id in left]

    async def _take_back(self, change: Change, actor: Actor, *, again: bool = False) -> Change:
        sha = change.token_sha256 or ""
        row = await self._ledger.call(self._ledger.store.token, sha)
        proposed = self._memory.proposed_undos(change)  # one makes way, and gives the token back
        if row is None or (row.used_utc_us is not None and not proposed and not again):
            raise Refused(f"this token was used already: see change {change.id}")
        if not change.final:
            return await self._undo_open(change, actor)
        if why := self._no_home(change):
            raise Refused(f"change {change.id} belongs to {why}")
        if change.state not in UNDOABLE:
            raise Refused(f"change {change.id} is {change.state}: nothing to undo")
        return _opened(await self._changes.undo(change, actor, again=again))

    async def _undo_open(self, change: Change, actor: Actor) -> Change:
        told = Interrupt(trigger=Trigger.UNDO, reason="operator", actor=actor)
        if not self._executor.interrupt(change.id, told):
            raise Refused(f"change {change.id} is not being carried out here")
        after = await self._executor.settled(change.id, State.ROLLING_BACK)
        if after.state is State.COMMITTED:  # it was committed in the same moment
            return _opened(await self._changes.undo(after, actor))
        return after

    async def acknowledge(self, change_id: str, actor: Actor) -> Change:
        """A person has looked after an escalated change: its alert ends and its radios are free again."""
        if change_id not in self._memory.stuck:
            return await self._release_left_behind(change_id, actor)
        if not await self._changes.release(self._memory.changes[change_id], actor):
            raise NotFound(f"change {change_id} was dealt with in the same moment: see `rrmd status`")
        return self._memory.changes[change_id]

    async def _release_left_behind(self, change_id: str, actor: Actor) -> Change:
        """One that only the store knows, since its site is not served here any more. Raises NotFound."""
        store = self._ledger.store
        waiting = await self._ledger.call(store.escalated)
        change = next((each for each in waiting if each.id == change_id), None)
        if change is None or change.site in self._memory.sites:
            raise NotFound(f"no escalated change {change_id} waits for a person: see `rrmd status`")
        entry = self._ledger.record("operator", "change.released", change.site, change=change, actor=actor)
        try:
            return await self._ledger.write(store.release_escalated, change, [entry])
        except StaleChange:
            raise NotFound(
                f"change {change_id} was dealt with in the same moment: see `rrmd status`"
            ) from None

    async def approve(self, change_id: str, actor: Actor) -> Change:
        """Let a proposed change go ahead, if no guard objects by now; else it goes on waiting.

        Raises NotFound, Refused.
        """
        change = await self._proposed(change_id)
        if found := guards.vetoes(self._proposal(change)):
            said = " ".join([found[0].reason, *(f"{k}={v}" for k, v in found[0].params.items())])
            raise Refused(f"change {change_id} is not possible now ({found[0].guard}: {said}); it waits on")
        told = Interrupt(trigger=Trigger.APPROVE, reason="approved", actor=actor)
        self._tell(change, told)
        after = await self._executor.stepped(change_id)
        if after.state is State.PROPOSED:
            raise Refused(f"change {change_id} was not approved: another change has its radio")
        if after.state is State.EXPIRED and after.verdict != REHEARSED:
            raise Refused(f"change {change_id} was not approved: {self._over(after)}; nothing was sent")
        return after

    async def approve_all(self, site: str | None, actor: Actor) -> list[tuple[Change, str | None]]:
        """Each proposal in its turn, the oldest first, with what spoke against it; None: it goes ahead."""
        if site is not None:
            self._check_scope(site)
        waiting = [c for c in self._memory.changes.values() if c.state is State.PROPOSED]
        done: list[tuple[Change, str | None]] = []
        for change in sorted(waiting, key=lambda each: (each.created_utc_us, each.id)):
            if site in (None, change.site):
                try:
                    done.append((await self.approve(change.id, actor), None))
                except (NotFound, Refused) as error:
                    done.append((self._memory.changes[change.id], str(error)))
        return done

    async def reject(self, change_id: str, why: str, actor: Actor) -> Change:
        """Say no to a proposed change; the agent does not propose the same for `bar_s`. Also to one that is
        being approved in the same moment, as long as nothing was sent.

        Raises NotFound, and Refused with what became of it instead.
        """
        change = await self._proposed(change_id)
        told = Interrupt(
            trigger=Trigger.UNDO, reason="rejected", params={"why": why}, actor=actor, verdict=REJECTED
        )
        self._tell(change, told)
        after = await self._executor.answered(change_id, told)
        if after.verdict != REJECTED:
            raise Refused(f"change {change_id} was not rejected: {self._instead(after)}")
        return after

    async def _proposed(self, change_id: str) -> Change:
        """A change that waits for a person. Raises NotFound, and Refused with what became of it instead."""
        change = self._memory.changes.get(change_id)
        if change is None:
            change = await self._ledger.call(self._ledger.store.change, change_id)
        if change is None:
            raise NotFound(f"no change {change_id}: see `rrmd changes --open`")
        if change.state is State.PROPOSED and not change.deadline.passed(self._clock.now()):
            return change
        if change.state in (State.PROPOSED, State.EXPIRED):
            raise Refused(f"change {change_id} no longer waits: {self._over(change)}; nothing was sent")
        raise Refused(f"change {change_id} waits for nobody: it is {change.state}")

    def _over(self, change: Change) -> str:
        """Why a proposal waits no longer."""
        if change.verdict == REJECTED:
            return "a person said no to it"
        timely = not change.deadline.passed(self._clock.now())
        return "what it was for is over, or its radio is another now" if timely else "its time is over"

    def _instead(self, change: Change) -> str:
        """What became of a change that was to be rejected."""
        if change.state is State.EXPIRED:
            return f"it no longer waits, {self._over(change)}; nothing was sent"
        if change.state is State.PROPOSED:
            return "that could not be written down; it waits on"
        return f"it is {change.state}"

    def _tell(self, change: Change, told: Interrupt) -> None:
        if not self._executor.interrupt(change.id, told):
            raise Refused(f"change {change.id} is not being carried out here")

    def _proposal(self, change: Change) -> guards.Proposal:
        """As the guards look at it: what was approved just now counts as begun."""
        view = self._view(self._memory.sites[change.site]).begun()
        return guards.Proposal(view, change.radios[0], change.target, change.cause, ignore=change.id)

    # -- pauses ------------------------------------------------------------------------------------

    async def pause(self, scope: str, for_s: float | None, actor: Actor) -> Paused:
        """See `Pausing.pause`. Raises NotFound for a scope that does not exist."""
        self._check_scope(scope)
        return await self._pausing.pause(scope, for_s, actor)

    async def resume(self, scope: str, actor: Actor) -> list[Pause]:
        """See `Pausing.resume`."""
        return await self._pausing.resume(scope, actor)

    def open_in(self, scope: str) -> list[tuple[Change, bool]]:
        """Changes of a scope that are not final, the oldest first, and whether they go on in a pause: those
        that may have been sent do, and the flight from radar; others are not begun."""
        return [
            (change, change.state in IN_FLIGHT or change.cause is Cause.DFS_RADAR)
            for change in sorted(self._memory.changes.values(), key=lambda each: each.id)
            if not change.final and scope in guards.scopes_of(change.radios[0])
        ]

    def _check_scope(self, scope: str) -> None:
        if scope == guards.EVERYWHERE:
            return
        site, _, rest = scope.partition("/")
        known = self._memory.sites.get(site)
        ap, _, radio = rest.partition("/")
        if known is None or (rest and ap not in known.aps) or (radio and scope not in known.radios):
            raise NotFound(f"there is no {scope}: a site, site/ap or site/ap/radio, see `rrmd status`")

    # -- small things ------------------------------------------------------------------------------

    def _view(self, site: Site) -> SiteView:
        return self._memory.view(site, self._clock.now())

    def _site_with(self, key: RadioKey) -> Site:
        site = self._memory.sites.get(site_of(key))
        if site is None or key not in site.radios:
            raise NotFound(f"no radio {key}: see `rrmd status`")
        if site.policy.mode is Mode.OBSERVE:
            log.info("inject.observe_mode", site=site.id)
        return site


_NOT_SENT = frozenset({State.PROPOSED, State.PLANNED, State.ROLLING_BACK})
"""Nothing to take back yet, or it is going back."""


def _opened(opened: Change | NoChange) -> Change:
    if isinstance(opened, NoChange):
        why = " ".join(f"{k}={v}" for k, v in opened.params.items())
        raise Refused(f"not undone: {opened.reason} {why}".strip())
    return opened
