"""PLANNED and APPLYING: look once more, write once, prove it by reading back."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from agent.change import HELD_UP, OVERTAKEN, REHEARSED, Cause, Change, State, Trigger, agrees
from agent.course import Course
from agent.lane import Withheld
from agent.moment import Deadline
from agent.planner import guards
from agent.planner.legal import Veto
from agent.records import Evidence
from agent.undo_timer import SETTLING_S, undo_after_s
from agent.view import SiteView
from agent.watch import look_around
from agent.workbench import READ_BACK_MOST_S, READ_BACK_S, Workbench
from drivers.errors import Conflict, DriverError, Refused
from drivers.types import ConfigState, Effects
from inventory.model import Mode

log = structlog.get_logger()

PAUSED = "paused"

UNDO_MARGIN_S = 10.0
"""How much later than told the device's own undo timer may fire, the write's own time included."""


class Writing:
    """The steps that touch the device for the first time."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._starting: set[str] = set()
        """Changes from the guards to the step on disk: of two that start together the second must see the
        first in flight, and must not wait for its disk."""

    async def start(self, change: Change, course: Course) -> Change:
        """Look once more, freeze what is around, and write down that the device will now be written to."""
        if told := course.take():
            return await self._bench.step(change, told)
        have = await self._bench.read(change)
        if have is None:
            if change.deadline.passed(self._bench.clock.now()):
                return await self._bench.ledger.step(
                    change, Trigger.DEADLINE, reason="device_not_readable", verdict=HELD_UP
                )
            await course.wait(READ_BACK_S)
            return change
        view = self._bench.view(change)
        if view.radios[change.radios[0]].reading is None and not change.deadline.passed(view.now):
            await course.wait(READ_BACK_S)  # after a restart: the first poll is under way
            return change
        if self._bench.no_longer_ours(change) and not change.deadline.passed(view.now):
            self._bench.ledger.unrenewed.set()  # this machine slept, perhaps
            await course.wait(READ_BACK_S)
            return change
        return await self._start(change, course, have)

    async def _start(self, change: Change, course: Course, have: ConfigState) -> Change:
        view = self._bench.view(change).begun(self._starting)
        if vetoes := guards.vetoes(self._proposal(change, view)):
            return await self._objected(change, vetoes)
        if not agrees(change.prior, change.known(have)):
            return await self._bench.ledger.step(
                change, Trigger.SUPERSEDED, reason="prior_has_changed", verdict=OVERTAKEN
            )
        try:
            effects = self._bench.lane(change).plan(change.edit(), have)
        except DriverError as error:
            params = {"device_said": str(error)[:200]}
            return await self._bench.ledger.step(
                change, Trigger.REFUSED, reason="device_cannot", params=params
            )
        if self._bench.policy(change).mode is Mode.DRY_RUN:
            return await self._rehearsed(change, effects)
        course.around = look_around(self._bench.memory, view, change)
        course.undo_after_s = after_s = self._undo_after_s(change, effects, view)
        self._starting.add(change.id)
        try:
            after = await self._bench.ledger.step(
                change,
                Trigger.START,
                reason="writing",
                params={"outage": str(effects.outage)},
                silent_s=effects.silent_s,
                undo_until=None if after_s is None else Deadline.after(view.now, after_s + UNDO_MARGIN_S),
                deadline=self._bench.deadline(State.APPLYING, self._bench.policy(change), effects.silent_s),
            )
            return self._bench.memory.remember(after)
        finally:
            self._starting.discard(change.id)

    async def _objected(self, change: Change, vetoes: Sequence[Veto]) -> Change:
        veto = vetoes[0]
        return await self._bench.ledger.step(
            change,
            Trigger.REFUSED,
            reason=veto.reason,
            params={"guard": veto.guard, **veto.params},
            verdict=HELD_UP if all(map(guards.passes, vetoes)) else None,
        )

    async def _rehearsed(self, change: Change, effects: Effects) -> Change:
        """Mode dry_run: what would be sent now, in the log and in the audit; the change ends here."""
        commands = list(effects.commands)
        log.info("change.would_be_sent", change=change.id, radios=list(change.radios), commands=commands)
        return await self._bench.ledger.step(
            change,
            Trigger.EXPIRE,
            reason="dry_run",
            params={"outage": str(effects.outage), "readback": str(effects.readback)},
            evidence=[Evidence(field="command", value=each, unit="", source="plan") for each in commands],
            verdict=REHEARSED,
        )

    async def apply(self, change: Change, course: Course) -> Change:
        """Write once, then prove it. After a restart nothing is written again, only proven."""
        if course.around is None or course.sent:
            return await self._recovered(change, course)
        course.sent = True
        try:
            course.receipt = await self._bench.lane(change).apply(
                change.edit(), course.undo_after_s, lambda: self._last_look(change, course)
            )
        except Withheld as error:
            return await self._withheld(change, course, str(error))
        except (Refused, Conflict) as error:
            return await self._refused(change, str(error))
        except DriverError as error:
            log.warning("change.write_in_doubt", change=change.id, error=str(error))
        course.quiet = Deadline.after(self._bench.clock.now(), change.silent_s + SETTLING_S)
        return await self._prove(change, course)

    def _proposal(self, change: Change, view: SiteView | None = None) -> guards.Proposal:
        return guards.Proposal(
            view or self._bench.view(change),
            change.radios[0],
            change.target,
            change.cause,
            ignore=change.id,
            by_person=change.by_person,
        )

    def _last_look(self, change: Change, course: Course) -> str | None:
        if course.interrupt is not None:
            return "interrupted"
        if change.cause is not Cause.DFS_RADAR and guards.paused(self._proposal(change)):
            return PAUSED
        return self._bench.no_longer_lawful(change, change.target)

    async def _withheld(self, change: Change, course: Course, why: str) -> Change:
        """Nothing was sent: the device has its prior values."""
        if told := course.take():
            return await self._bench.interrupted(change, told)
        paused = why == PAUSED
        return await self._bench.ledger.step(
            change,
            Trigger.REFUSED,
            reason=PAUSED if paused else "no_longer_lawful",
            params={"why": why},
            verdict=HELD_UP if paused else None,
        )

    async def _recovered(self, change: Change, course: Course) -> Change:
        """A write of an earlier process: nothing is sent again, the device says how far it came.

        Prior values count as not applied only after the edit's own silence: an announced switch may be
        counting down.
        """
        quiet = Deadline.after(self._bench.clock.now(), change.silent_s + SETTLING_S)
        while True:
            if told := course.take():
                return await self._bench.interrupted(change, told)
            have, now = await self._bench.read(change), self._bench.clock.now()
            if have is not None and self._bench.proven(change, change.target, have):
                await self._bench.save(change, change.edit())
                return await self._bench.acked(change, have)
            if have is not None and quiet.passed(now) and agrees(change.prior, change.known(have)):
                return await self._bench.ledger.step(change, Trigger.REFUSED, reason="not_applied")
            if change.deadline.passed(now):
                return await self._unproven(change, have)
            await course.wait(READ_BACK_MOST_S)

    def _undo_after_s(self, change: Change, effects: Effects, view: SiteView) -> float | None:
        able = view.radios[change.radios[0]].capabilities
        return undo_after_s(change, effects, able, view) if able else None

    async def _refused(self, change: Change, words: str) -> Change:
        """The device said no: believed when the read-back says the same."""
        have = await self._bench.read(change)
        params = {"device_said": words[:200]}
        if have is None:
            return await self._bench.to_rollback(change, Trigger.DOUBT, "refused_and_unreadable", params)
        if agrees(change.target, change.known(have)):
            return await self._bench.acked(change, have)
        if agrees(change.prior, change.known(have)):
            return await self._bench.ledger.step(
                change, Trigger.REFUSED, reason="device_refused", params=params
            )
        return await self._bench.neither(change, have, "refused_half_done")

    async def _prove(self, change: Change, course: Course) -> Change:
        """Read back until the device agrees, or until the ack's time is over."""
        policy = self._bench.policy(change)
        limit = Deadline.after(self._bench.clock.now(), policy.ack_timeout_s + change.silent_s)
        wait_s, have = READ_BACK_S, None
        while True:
            if told := course.take():
                after = await self._bench.interrupted(change, told)
                if after.state is State.SUPERSEDED:
                    await self._confirm(change, course)  # the timer must not undo what came instead
                return after
            have = await self._bench.read(change) or have
            if have is not None and self._bench.proven(change, change.target, have):
                acked = await self._bench.acked(change, have)
                await self._confirm(change, course)
                return acked
            now = self._bench.clock.now()
            if limit.passed(now) or change.deadline.passed(now):
                return await self._given_up(change, course, have)
            await course.wait(wait_s)
            wait_s = min(READ_BACK_MOST_S, wait_s * 1.5)

    async def _confirm(self, change: Change, course: Course) -> None:
        """Disarm the device's own timer; if that fails the device goes back, and the watch will see it."""
        if course.receipt is None or not course.receipt.undo_armed:
            await self._bench.save(change, change.edit())
            return
        try:
            await self._bench.lane(change).confirm(course.receipt)
            course.confirmed = True
        except DriverError as error:
            log.warning("change.confirm_failed", change=change.id, error=str(error))

    async def _given_up(self, change: Change, course: Course, have: ConfigState | None) -> Change:
        """No ack. Where someone else's values are in force, the device's timer must not undo theirs."""
        after = await self._unproven(change, have)
        if after.state is State.SUPERSEDED:
            await self._confirm(change, course)
        return after

    async def _unproven(self, change: Change, have: ConfigState | None) -> Change:
        """No ack in time. Failure is what was never proven to be success."""
        if have is None:
            return await self._bench.to_rollback(change, Trigger.DOUBT, "never_read_back")
        if agrees(change.prior, change.known(have)):
            return await self._bench.to_rollback(change, Trigger.DOUBT, "not_applied_in_time")
        return await self._bench.neither(change, have, "read_back_differs")
