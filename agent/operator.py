"""What a person may ask of the agent: drills, approval, undoing, pauses."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from agent import drill
from agent.answers import Answers
from agent.api.errors import NotFound, Refused
from agent.change import Actor, Change, State, Trigger, token_hash
from agent.changes import UNDOABLE, Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.drill import Injected
from agent.events import Event, EventKind
from agent.executor import Executor
from agent.ledger import Ledger
from agent.memory import Memory
from agent.moment import Deadline
from agent.planner.decision import Answer, Move, NoChange
from agent.radar import RadarWatch, Report
from agent.store.rows import Pause
from agent.view import SiteView
from drivers.types import Edit, Effects
from inventory import regulatory
from inventory.model import Mode, RadioKey, Site, site_of

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
        store, sha = self._ledger.store, token_hash(token)
        row = await self._ledger.call(store.token, sha)
        change = await self._ledger.call(store.change_by_token, sha)
        if row is None or change is None:
            raise NotFound("no change has this token: see `rrmd changes`")
        if row.used_utc_us is not None:
            raise Refused(f"this token was used already: see change {change.id}")
        if not change.final:
            return await self._undo_open(change, actor)
        if why := self._no_home(change):
            raise Refused(f"change {change.id} belongs to {why}")
        if change.state not in UNDOABLE:
            raise Refused(f"change {change.id} is {change.state}: nothing to undo")
        return _opened(await self._changes.undo(change, actor))

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
            raise NotFound(f"no escalated change {change_id} waits for a person: see `rrmd status`")
        if not await self._changes.release(self._memory.changes[change_id], actor):
            raise NotFound(f"change {change_id} was dealt with in the same moment: see `rrmd status`")
        return self._memory.changes[change_id]

    async def approve(self, change_id: str, actor: Actor) -> Change:
        """Let a proposed change go ahead."""
        change = self._memory.changes.get(change_id)
        if change is None or change.state is not State.PROPOSED:
            raise NotFound(f"no proposed change {change_id}: see `rrmd changes --open`")
        told = Interrupt(trigger=Trigger.APPROVE, reason="approved", actor=actor)
        if not self._executor.interrupt(change_id, told):
            raise Refused(f"change {change_id} is not being carried out here")
        after = await self._executor.stepped(change_id)
        if after.state is State.PROPOSED:
            raise Refused(f"change {change_id} was not approved: another change has its radio")
        return after

    # -- pauses ------------------------------------------------------------------------------------

    async def pause(self, scope: str, for_s: float | None, actor: Actor) -> Pause:
        """Leave a site, an AP or a radio alone, at once and across restarts; radar is handled all the same.

        ``for_s`` None: until it is resumed. What is open goes on to its end.
        """
        self._check_scope(scope)
        now = self._clock.now()
        until = None if for_s is None else Deadline.after(now, for_s)
        params = {"scope": scope, "for_s": "" if for_s is None else round(for_s)}
        entry = self._ledger.record(
            "operator", "pause.begun", scope.split("/")[0], actor=actor, params=params
        )
        pause = await self._ledger.write(self._ledger.store.pause, scope, actor, now, until, [entry])
        self._memory.pauses[scope] = until
        log.info("pause.begun", scope=scope, actor=actor.name, for_s=for_s)
        return pause

    async def resume(self, scope: str, actor: Actor) -> None:
        """End the pause of exactly this scope. Raises NotFound when it has none."""
        entry = self._ledger.record(
            "operator", "pause.ended", scope.split("/")[0], actor=actor, params={"scope": scope}
        )
        if not await self._ledger.write(self._ledger.store.resume, scope, [entry]):
            raise NotFound(f"{scope} is not paused: see `rrmd status`")
        self._memory.pauses.pop(scope, None)
        log.info("pause.ended", scope=scope, actor=actor.name)

    def _check_scope(self, scope: str) -> None:
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


def _opened(opened: Change | NoChange) -> Change:
    if isinstance(opened, NoChange):
        why = " ".join(f"{k}={v}" for k, v in opened.params.items())
        raise Refused(f"not undone: {opened.reason} {why}".strip())
    return opened
