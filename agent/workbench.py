"""What every step of a change needs: where things are kept, the way to the device, and the transitions that
more than one step can come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import structlog

from agent.change import FINAL, TABLE, Actor, Cause, Change, State, Trigger, agrees, deadline_s
from agent.clock import Clock
from agent.course import Interrupt
from agent.desk import ranked
from agent.lane import Lane
from agent.ledger import Ledger
from agent.memory import Memory
from agent.moment import Deadline
from agent.planner import legal
from agent.records import Evidence
from agent.rollback import destination, forbidden, is_ours
from agent.store.errors import TokenExpired, TokenSpent
from agent.view import SiteView
from agent.watch import refresh_s
from drivers.errors import DriverError
from drivers.types import ConfigState, Edit, RadioState, Receipt, Setting, Values
from inventory.model import Policy, Site

log = structlog.get_logger()

UNITS = {
    Setting.WIDTH_MHZ: "MHz",
    Setting.CENTER_MHZ: "MHz",
    Setting.TX_POWER_DBM: "dBm",
    Setting.OBSS_PD_DBM: "dBm",
}

NOT_UNDONE = MappingProxyType({State.APPLYING: Trigger.EXPIRE, State.MONITORING: Trigger.DEADLINE})
"""The step from each state when it should be taken back and its token can no longer be used."""

READ_BACK_S = 0.3
"""First wait between two read-backs; it grows to READ_BACK_MOST_S."""
READ_BACK_MOST_S = 2.0


class Workbench:
    """Shared by the steps of all changes. ``lane_of(site, device)`` gives the way to a device."""

    def __init__(
        self, memory: Memory, ledger: Ledger, clock: Clock, lane_of: Callable[[str, str], Lane]
    ) -> None:
        self.memory = memory
        self.ledger = ledger
        self.clock = clock
        self._lane_of = lane_of
        self._acked_s: dict[str, float] = {}  # of the acks of this process, on its monotonic clock

    async def read(self, change: Change) -> ConfigState | None:
        """The scope's settings, or None when they cannot be had now."""
        try:
            return await self.lane(change).read_config(change.scope)
        except DriverError as error:
            log.debug("change.read_back_failed", change=change.id, error=str(error))
            return None

    async def save(self, change: Change, edit: Edit) -> None:
        """Where a device forgets at its restart what it was told, have it saved, an undo too. It is in force
        either way."""
        able = self.memory.radios[change.radios[0]].capabilities
        if able is None or not able.saves:
            return
        try:
            await self.lane(change).confirm(Receipt(edit=edit))
        except DriverError as error:
            log.warning("change.save_failed", change=change.id, error=str(error))

    def proven(self, change: Change, want: Values, have: ConfigState) -> bool:
        """The device says these values, and the radio transmits unless it was told not to."""
        off = want.get(Setting.ENABLED) == 0
        return agrees(want, change.known(have)) and (off or have.state is RadioState.ON_AIR)

    def no_longer_ours(self, change: Change) -> str | None:
        """Why nothing may be sent at this site any more: the lease may run out before the write has landed.

        Radar is not kept waiting by a store that is lost, unless another agent is known to have the site.
        """
        ours = change.site not in self.memory.standby
        lost = self.ledger.damaged is not None or self.ledger.backlog.holds(change)
        if ours and lost and change.cause is Cause.DFS_RADAR:
            return None
        return self.ledger.unleased(change.site, self.policy(change).apply_timeout_s)

    def no_longer_back(self, change: Change, values: Values, have: ConfigState) -> str | None:
        """Why a rollback must not send these values now; ``have``: what it found on the device."""
        if why := self.no_longer_ours(change):
            return why
        veto = forbidden(self.view(change), change, values, have)
        return veto.reason if veto else None

    def no_longer_lawful(self, change: Change, values: Values) -> str | None:
        """Why these values must not be sent now; the last look before a write, radar may have come since, or
        another agent."""
        if why := self.no_longer_ours(change):
            return why
        view = self.view(change)
        at = view.radios[change.radios[0]]
        veto = legal.values_forbidden(view, at, values, at.block)
        return veto.reason if veto else None

    def site(self, change: Change) -> Site:
        return self.memory.sites[change.site]

    def policy(self, change: Change) -> Policy:
        return self.site(change).policy

    def view(self, change: Change) -> SiteView:
        return self.memory.view(self.site(change), self.clock.now())

    def lane(self, change: Change) -> Lane:
        return self._lane_of(change.site, change.device)

    def deadline(
        self, state: State, policy: Policy, silent_s: float = 0.0, refresh_s: float = 0.0
    ) -> Deadline:
        return Deadline.after(self.clock.now(), deadline_s(state, policy, silent_s, refresh_s))

    def acked_s(self, change: Change) -> float:
        """When the ack was, on this process's monotonic clock, which stands still while the machine sleeps.
        Never later than now: after a reboot only the wall clock is left, and it may be behind."""
        now = self.clock.now()
        ago_s = change.acked_at.left_s(now) if change.acked_at else 0.0
        return self._acked_s.get(change.id, now.monotonic_s + min(0.0, ago_s))

    async def interrupted(self, change: Change, told: Interrupt) -> Change:
        if told.trigger is Trigger.UNDO:
            with ranked(told.rank):
                return await self.to_rollback(
                    change, Trigger.UNDO, told.reason, dict(told.params), actor=told.actor
                )
        return await self.step(change, told)

    async def step(self, change: Change, told: Interrupt, **patch: Any) -> Change:
        """The transition that an interrupt asks for, with its verdict where it is the last; one that the
        table does not know is ignored."""
        if (change.state, told.trigger) not in TABLE:
            log.info("change.interrupt_ignored", change=change.id, trigger=str(told.trigger))
            return change
        if told.verdict is not None and TABLE[change.state, told.trigger] in FINAL:
            patch["verdict"] = told.verdict
        with ranked(told.rank):
            return await self.ledger.step(
                change, told.trigger, reason=told.reason, params=dict(told.params), actor=told.actor, **patch
            )

    async def acked(self, change: Change, have: ConfigState) -> Change:
        now = self.clock.now()
        policy = self.policy(change)
        live = {id for id, each in self.memory.changes.items() if not each.final}
        self._acked_s = {id: at_s for id, at_s in self._acked_s.items() if id in live}
        self._acked_s[change.id] = now.monotonic_s
        return await self.ledger.step(
            change,
            Trigger.ACKED,
            reason="read_back_agrees",
            evidence=read_back(change, change.target, have),
            acked_at=Deadline.after(now, 0.0),
            deadline=self.deadline(
                State.MONITORING, policy, change.silent_s, refresh_s(self.memory.radios[change.radios[0]])
            ),
        )

    async def neither(self, change: Change, have: ConfigState, reason: str) -> Change:
        known = change.known(have)
        params = {"have": text(known)}
        if is_ours(change, known):
            return await self.to_rollback(change, Trigger.DOUBT, reason, params)
        return await self.ledger.step(
            change, Trigger.SUPERSEDED, reason="changed_by_someone_else", params=params
        )

    async def to_rollback(
        self,
        change: Change,
        trigger: Trigger,
        reason: str,
        params: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
        **patch: Any,
    ) -> Change:
        """Spend the token, and write down where the rollback goes, before anything is sent.

        An expired token ends automatic undo; a person may still undo by hand.
        """
        goal = destination(self.view(change), change)
        by_hand = trigger is Trigger.UNDO and actor is not None and actor.type == "operator"
        try:
            return await self.ledger.step(
                change,
                trigger,
                reason=reason,
                params={**(params or {}), "to": text(goal or {})},
                actor=actor,
                use_token=True,
                allow_expired=by_hand,
                rollback_to=goal if goal != change.prior else None,
                **patch,
                deadline=self.deadline(State.ROLLING_BACK, self.policy(change), change.silent_s),
            )
        except (TokenSpent, TokenExpired) as error:
            if change.state not in NOT_UNDONE:
                raise
            return await self.ledger.step(
                change, NOT_UNDONE[change.state], reason="token_not_usable", params={"why": str(error)}
            )


def read_back(change: Change, wanted: Values, have: ConfigState) -> list[Evidence]:
    """What the device says of the wanted settings. ``source``: ``read_back`` of what is in force,
    ``read_back.configured`` of what it only knows to be configured."""
    return [
        Evidence(
            field=str(setting),
            value=value,
            unit=UNITS.get(setting, ""),
            source="read_back" if setting in have.in_force else "read_back.configured",
        )
        for setting, value in sorted(change.known(have).items())
        if setting in wanted
    ]


def text(values: Values) -> str:
    """Settings as the audit writes them: ``channel=36 width_mhz=40``."""
    return " ".join(f"{setting}={value}" for setting, value in sorted(values.items()))
