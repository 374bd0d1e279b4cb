"""Opens changes: from a decision to a stored row with its token, and on to the executor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from typing import Any

import structlog

from agent.change import (
    RELIEVES,
    TOKEN_S,
    TOKENLESS,
    Actor,
    Cause,
    Change,
    State,
    Trigger,
    asked_by_person,
    deadline_s,
    token_hash,
)
from agent.clock import Clock
from agent.counts import Count
from agent.course import Interrupt
from agent.executor import Executor
from agent.explaining import explained
from agent.lane import Lane
from agent.ledger import Ledger
from agent.memory import Memory
from agent.moment import Deadline
from agent.planner import guards
from agent.planner.decision import Move, NoChange
from agent.planner.legal import Veto
from agent.records import Evidence, ppm
from agent.rollback import destination
from agent.store.changes import released
from agent.store.errors import LeaseLost, RadioBusy, StaleChange, TokenExpired, TokenSpent
from agent.tokens import token_for
from agent.watch import freeze_baseline
from drivers.errors import DriverError
from drivers.types import (
    ConfigState,
    Edit,
    Effects,
    RadioState,
    Readback,
    ScopeRef,
    Setting,
    Values,
)
from inventory.model import Mode, RadioKey

log = structlog.get_logger()

SUFFERED = frozenset({Cause.NON_WIFI_BURST, Cause.SPECTRUM_SAT, Cause.SECURITY, Cause.EMERGENCY_QOE})
"""Causes that the radio itself suffers from: its change is held against the trouble, not against the calm."""

SILENT = frozenset({RadioState.OFF, RadioState.NOP})
"""A radio that is silent is nowhere: what it had set is not what it goes back to."""

LEFT_ALONE = "left_alone"
"""Reason of an undo that is not made, since the radio is not as the change left it."""

CONFIGURED = Readback.CONFIGURED
UNDOABLE = frozenset({State.COMMITTED, State.ESCALATED})


class Changes:
    """The only maker of changes. ``token_key``: what rollback tokens are derived from."""

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        lane_of: Callable[[str, str], Lane],
        executor: Executor,
        token_key: bytes,
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._lane_of = lane_of
        self._executor = executor
        self._token_key = token_key

    async def open(
        self, move: Move, *, actor: Actor | None = None, drill: bool = False, event_id: str | None = None
    ) -> Change | NoChange:
        """Store a change and begin it; in advise mode it waits for a person first.

        NoChange when the device can't be read or already is there, or the radio is busy.
        """
        opened = await self.try_open(move, actor=actor, drill=drill, event_id=event_id)
        if isinstance(opened, NoChange):
            urgent = move.cause is Cause.DFS_RADAR
            await self.note(opened, drill=drill, event_id=event_id, urgent=urgent)
        return opened

    async def try_open(
        self, move: Move, *, actor: Actor | None = None, drill: bool = False, event_id: str | None = None
    ) -> Change | NoChange:
        """As `open`; a NoChange is for the caller to write down."""
        who = actor or Actor()
        have = await self.have(move.radio)
        if have is None:
            return declined(move, "device_not_readable")
        change = self._change(move, have, who, drill, event_id)
        if isinstance(change, str):
            return declined(move, change)
        try:
            return await self._store(change, move.reason, dict(move.params))
        except RadioBusy as busy:
            return declined(move, "radio_busy", held_by=busy.change_id)
        except LeaseLost:
            return declined(move, "lease_lost")

    async def undo(self, done: Change, actor: Actor, *, again: bool = False) -> Change | NoChange:
        """Take back a change that is over, as a new change from the stored prior values. ``again``: as for
        `try_undo`."""
        opened = await self.try_undo(done, actor, again=again)
        if isinstance(opened, NoChange):
            await self.note(opened)
        return opened

    async def try_undo(
        self,
        done: Change,
        actor: Actor,
        reason: str = "undo",
        *,
        again: bool = False,
        of: Sequence[Change] = (),
        yields: Callable[[ConfigState], str] | None = None,
    ) -> Change | NoChange:
        """As `undo`; a NoChange is for the caller to write down. ``again``: its token may have gone with an
        undo that came to nothing, and the change is in force for all that. ``of``: all the changes that this
        takes back, if they are more than the one. ``yields``: why it is left alone, by what the device has;
        empty: it is not."""
        key = done.radios[0]
        view = self._memory.view(self._memory.sites[done.site], self._clock.now()).begun()
        goal = destination(view, done)
        if goal is None:
            return NoChange(radio=key, reason="nowhere_legal_to_go")
        move = Move(radio=key, target=goal, cause=Cause.UNDO, reason=reason, params={"undo_of": done.id})
        by_person = asked_by_person(actor, reason)
        asked = guards.Proposal(view, key, goal, Cause.UNDO, ignore=done.id, by_person=by_person)
        if vetoes := guards.vetoes(asked):
            return declined(move, "vetoed", tuple(vetoes))
        have = await self.have(key)
        if have is None:
            return declined(move, "device_not_readable")
        if yields is not None and (why := yields(have)):
            return declined(move, LEFT_ALONE, why=why)
        change = self._change(move, have, actor, done.drill, done.event_id, undo_of=done.id)
        if isinstance(change, str):
            return declined(move, change)
        if actor.type == "operator":
            await self._withdraw(of or (done,), actor)
        spent = done.state is State.ROLLED_BACK or (again and await self._is_spent(done))
        spends = None if spent else done.id  # its token is used up
        frees = self._memory.waiting_with(of or (done,))
        try:
            return await self._store(change, reason, {"undo_of": done.id}, spends=spends, frees=frees)
        except RadioBusy as busy:
            return declined(move, "radio_busy", held_by=busy.change_id)
        except LeaseLost:
            return declined(move, "lease_lost")
        except (TokenSpent, TokenExpired, StaleChange) as error:
            return declined(move, "token_not_usable", why=str(error))

    async def _is_spent(self, done: Change) -> bool:
        row = await self._ledger.call(self._ledger.store.token, done.token_sha256 or "")
        return row is not None and row.used_utc_us is not None

    async def release(self, change: Change, actor: Actor) -> bool:
        """Free the radios of an escalated change: a person, or the law, deals with it now. False: somebody
        else did, in the same moment perhaps."""
        if change.id not in self._memory.stuck:
            return False
        entry = self._ledger.record("operator", "change.released", change.site, change=change, actor=actor)
        try:
            after = await self._ledger.write(self._ledger.store.release_escalated, change, [entry])
        except StaleChange:
            log.info("change.released_already", change=change.id)
            waiting = await self._ledger.call(self._ledger.store.escalated, change.site)
            if change.id not in {each.id for each in waiting}:  # by another agent: nobody waits for it here
                self._memory.stuck.discard(change.id)
            return False
        self._freed(after)
        return True

    def _freed(self, after: Change) -> None:
        self._memory.stuck.discard(after.id)
        known = self._memory.changes.get(after.id, after)
        self._memory.remember(replace(known, rev=after.rev))

    async def _withdraw(self, taken: Iterable[Change], actor: Actor) -> None:
        """What the agent proposes to take back makes way for a person who does: the tokens are good again."""
        told = Interrupt(trigger=Trigger.UNDO, reason="taken_back_by_a_person", actor=actor)
        for each in [undo for done in taken for undo in self._memory.proposed_undos(done)]:
            if self._executor.interrupt(each.id, told):
                await self._executor.stepped(each.id)

    async def note(
        self, none: NoChange, *, drill: bool = False, event_id: str | None = None, urgent: bool = False
    ) -> None:
        """The audit's line for a decision to change nothing; ``urgent``: about radar."""
        site = none.radio.split("/")[0] if none.radio else ""
        for veto in none.vetoes:
            self._ledger.counts.add(Count.VETOES, site, veto.guard)
        await self._ledger.note(
            self._ledger.record(
                "decision",
                none.reason,
                site,
                radio=none.radio,
                params=dict(none.params),
                result="no_change",
                drill=drill,
                event_id=event_id,
            ),
            urgent=urgent,
        )

    async def preview(self, radio: RadioKey, target: Values) -> tuple[Edit, Effects] | str:
        """What would be sent and what it would do; text when that can't be told."""
        have = await self.have(radio)
        if have is None:
            return "device_not_readable"
        known = have.known(self._as_configured(radio, target, have))
        edit = Edit(change_id="preview", scope=have.scope, set=target, expect=_prior(target, known))
        try:
            return edit, self._lane(radio).plan(edit, have)
        except DriverError as error:
            return str(error)

    def token(self, change: Change) -> str:
        return token_for(change.id, self._token_key)

    def _seen(self, key: RadioKey) -> list[Evidence]:
        """The air as the radio last reported it: what any decision about it rests on."""
        known = self._memory.radios[key].history.last
        if known is None:
            return []
        age_ms = round((self._clock.monotonic() - known.at_s) * 1000)
        ratios = {
            name: getattr(known, name) for name in ("retry_ratio", "per", "busy_ratio", "non_wifi_ratio")
        }
        return [
            Evidence(field=name, value=ppm(value), unit="ppm", source="poll", age_ms=age_ms)
            for name, value in ratios.items()
            if value is not None
        ]

    # -- inside ------------------------------------------------------------------------------------

    def _lane(self, key: RadioKey) -> Lane:
        site = self._memory.sites[key.split("/")[0]]
        return self._lane_of(site.id, site.device_of(key).id)

    def _settable(self, key: RadioKey) -> Set[Setting]:
        able = self._memory.radios[key].capabilities
        return able.settings.keys() if able else frozenset()

    async def have(self, key: RadioKey) -> ConfigState | None:
        """What the radio is set to; None: it could not be read, or left the configuration meanwhile."""
        if key not in self._memory.radios:
            return None
        scope = ScopeRef(kind="radio", name=key, members=(key,))
        try:
            found = await self._lane(key).read_config(scope)
        except DriverError as error:
            log.warning("change.not_opened", radio=key, error=str(error))
            return None
        return found if key in self._memory.radios else None

    def _as_configured(self, key: RadioKey, target: Values, have: ConfigState) -> frozenset[Setting]:
        """Of the settings those that the device tells as configured only, and whose driver says that no more
        can be read back. One that is merely missing, as a channel of a silent radio, is not among them."""
        missing = [s for s in target if s in have.configured and s not in have.in_force]
        return frozenset(s for s in missing if self._promises(key, {s: target[s]}, have) is CONFIGURED)

    def _promises(self, key: RadioKey, values: Values, have: ConfigState) -> Readback | None:
        """The level at which the driver can read these settings back; None: it can't set them."""
        try:
            edit = Edit(change_id="preview", scope=have.scope, set=values)
            return self._lane(key).plan(edit, have).readback
        except DriverError:
            return None

    def _change(
        self,
        move: Move,
        have: ConfigState,
        actor: Actor,
        drill: bool,
        event_id: str | None,
        undo_of: str | None = None,
    ) -> Change | str:
        """The row to be stored, or why there is none."""
        wakes = have.state in SILENT and move.target.get(Setting.ENABLED) == 1
        as_configured = self._as_configured(move.radio, move.target, have)
        known = have.known(as_configured)
        told = self._settable(move.radio) if wakes else known.keys()
        target = {k: v for k, v in move.target.items() if k in told or k is not Setting.CENTER_MHZ}
        prior = {Setting.ENABLED: 0} if wakes else _prior(target, known)
        if missing := [s for s in target if s not in prior and not wakes]:
            return f"prior_not_reported:{missing[0]}"
        if prior == target:
            return "already_there"
        if as_configured and self._promises(move.radio, target, have) is not CONFIGURED:
            return "device_cannot"  # each setting by itself, but not all of them in one edit
        site = self._memory.sites[move.radio.split("/")[0]]
        now, id = self._clock.now(), self._ledger.ids()
        view = self._memory.view(site, now)
        baseline = freeze_baseline(
            self._memory, view, move.radio, trouble=move.cause in SUFFERED and not drill
        )
        waits = (
            site.policy.mode is Mode.ADVISE and actor.type == "agent" and move.cause is not Cause.DFS_RADAR
        )
        state = State.PROPOSED if waits else State.PLANNED
        return Change(
            id=id,
            site=site.id,
            device=site.device_of(move.radio).id,
            scope=have.scope,
            target=target,
            prior=prior,
            cause=move.cause,
            state=state,
            deadline=Deadline.after(now, deadline_s(state, site.policy, 0.0)),
            actor=actor,
            drill=drill,
            event_id=event_id,
            undo_of=undo_of,
            baseline=baseline.to_json() if baseline else None,
            reason=explained(move, self._memory.radios[move.radio].history.last, as_configured),
            created_utc_us=now.utc_us,
            nth=self._memory.next_nth(site.id, now),
            token_sha256=token_hash(token_for(id, self._token_key)),
        )

    async def _store(
        self,
        change: Change,
        reason: str,
        params: dict[str, Any],
        *,
        spends: str | None = None,
        frees: Sequence[Change] = (),
    ) -> Change:
        """The change, stored and begun; ``frees``: escalated ones that let go of their radios with it."""
        more: dict[str, Any] = {RELIEVES: [each.id for each in frees]} if frees else {}
        if change.undo_of is not None and spends is None:
            more[TOKENLESS] = True
        change = replace(change, reason={**change.reason, **more})

        async def storing() -> Change:
            stored = await self._ledger.create(
                change,
                evidence=self._seen(change.radios[0]),
                token_expires=Deadline.after(self._clock.now(), TOKEN_S),
                spends_token_of=spends,
                releases=frees,
                allow_expired=change.actor.type == "operator",
                reason=reason,
                params=params,
            )
            for each in frees:
                self._freed(released(each))
            return stored

        return await self._executor.store_and_begin(storing())


def declined(move: Move, reason: str, vetoes: tuple[Veto, ...] = (), **params: Any) -> NoChange:
    """No change instead of a move, with what speaks against it."""
    said = {**move.params, **params}
    if vetoes:
        said |= {"guard": vetoes[0].guard, "why": vetoes[0].reason}
    return NoChange(radio=move.radio, reason=reason, params=said, candidates=move.candidates, vetoes=vetoes)


def _prior(target: Values, known: Values) -> dict[Setting, int]:
    return {setting: known[setting] for setting in target if setting in known}
