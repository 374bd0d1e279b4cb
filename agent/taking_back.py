"""ROLLING_BACK: one attempt after the other, until the device is back, or a person must act."""

from __future__ import annotations

import structlog

from agent.change import Change, Trigger, backoff_s
from agent.course import Course
from agent.moment import Deadline
from agent.rollback import destination, is_ours
from agent.undo_timer import SETTLING_S
from agent.workbench import READ_BACK_S, Workbench, text
from drivers.errors import DriverError
from drivers.types import ConfigState, Edit, RadioState, Setting, Values

log = structlog.get_logger()


class TakingBack:
    """The step that undoes."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    async def take_back(self, change: Change, course: Course) -> Change:
        """One attempt after the other, until the device is back, or a person must act."""
        while True:
            if (told := course.take()) and told.trigger is Trigger.SUPERSEDED:
                return await self._bench.step(change, told)
            policy = self._bench.policy(change)
            if change.attempts >= policy.rollback_attempts or change.deadline.passed(self._bench.clock.now()):
                return await self._bench.ledger.step(change, Trigger.DEADLINE, reason="rollback_given_up")
            after = await self._attempt(change, course)
            if after.final:
                return after
            change = self._bench.memory.remember(after)
            await course.wait(backoff_s(change.attempts, policy))

    async def _attempt(self, change: Change, course: Course) -> Change:
        goal = destination(self._bench.view(change), change)
        if goal is None:
            return await self._failed_attempt(change, "nowhere_legal_to_go")
        if dict(goal) != dict(change.rollback_to or change.prior):
            change = await self._bench.ledger.step(
                change,
                Trigger.UNDO_FAILED,
                reason="destination_no_longer_legal",
                params={"to": text(goal)},
                rollback_to=goal,
            )
        have = await self._bench.read(change)
        if have is None:
            return await self._failed_attempt(change, "device_not_readable")
        if self._bench.in_force(goal, have):
            if self._may_still_land(change, course):
                return change
            return await self._undone(change, "already_back")
        if not is_ours(change, have.in_force):
            return await self._neither_back(change, have)
        return await self._write_back(change, course, goal, have)

    def _may_still_land(self, change: Change, course: Course) -> bool:
        """Whether a switch that was announced may be counting down: what is in force now is no proof."""
        now = self._bench.clock.now()
        if course.quiet is None:
            course.quiet = Deadline.after(now, change.silent_s + SETTLING_S)
        return not course.quiet.passed(now)

    async def _write_back(self, change: Change, course: Course, goal: Values, have: ConfigState) -> Change:
        wanted = dict(goal)
        if have.state in (RadioState.OFF, RadioState.NOP):
            wanted.setdefault(Setting.ENABLED, 1)
        expect = {k: v for k, v in have.in_force.items() if k in goal}
        edit = Edit(change_id=change.id, scope=change.scope, set=wanted, expect=expect)
        try:
            await self._bench.lane(change).apply(
                edit, None, lambda: self._bench.no_longer_lawful(change, wanted)
            )
        except DriverError as error:
            log.warning("change.undo_in_doubt", change=change.id, error=str(error))
        if await self._back(change, course, goal):
            return await self._undone(change, "read_back_agrees")
        return await self._failed_attempt(change, "read_back_differs")

    async def _back(self, change: Change, course: Course, goal: Values) -> bool:
        """Read back until the goal is in force, at most for the ack's time."""
        policy = self._bench.policy(change)
        limit = Deadline.after(self._bench.clock.now(), policy.ack_timeout_s + change.silent_s)
        while not limit.passed(self._bench.clock.now()) and course.interrupt is None:
            have = await self._bench.read(change)
            if have is not None and self._bench.in_force(goal, have):
                return True
            await course.wait(READ_BACK_S)
        return False

    async def _neither_back(self, change: Change, have: ConfigState) -> Change:
        return await self._bench.ledger.step(
            change,
            Trigger.SUPERSEDED,
            reason="changed_by_someone_else",
            params={"have": text(have.in_force)},
        )

    async def _undone(self, change: Change, reason: str) -> Change:
        return await self._bench.ledger.step(change, Trigger.UNDONE, reason=reason)

    async def _failed_attempt(self, change: Change, reason: str) -> Change:
        return await self._bench.ledger.step(
            change, Trigger.UNDO_FAILED, reason=reason, attempts=change.attempts + 1
        )
