"""ROLLING_BACK: one attempt after the other, until the device is back, or a person must act."""

from __future__ import annotations

import structlog

from agent.change import Change, Trigger, backoff_s
from agent.course import Course
from agent.lane import Withheld
from agent.moment import Deadline
from agent.rollback import destination, is_ours
from agent.undo_timer import SETTLING_S
from agent.workbench import READ_BACK_S, Workbench, read_back, text
from drivers.errors import Conflict, DriverError, Refused
from drivers.types import ConfigState, Edit, RadioState, Setting, Values

log = structlog.get_logger()


class TakingBack:
    """The step that undoes."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    async def take_back(self, change: Change, course: Course) -> Change:
        """One attempt after the other, until the device is back, or a person must act. Never without one
        attempt of this process: the time may have passed while no agent lived."""
        tried = False
        while True:
            if (told := course.take()) and told.trigger is Trigger.SUPERSEDED:
                return await self._bench.step(change, told)
            policy = self._bench.policy(change)
            over = change.deadline.passed(self._bench.clock.now())
            if tried and (over or change.attempts >= policy.rollback_attempts):
                return await self._bench.ledger.step(change, Trigger.DEADLINE, reason="rollback_given_up")
            try:
                after = await self._attempt(change, course)
            except Withheld as error:  # the destination has become unlawful: there is another, or none
                change, tried = await self._withheld(change, str(error)), True
                continue
            if after.final:
                return after
            tried = tried or after.attempts > change.attempts
            change = self._bench.memory.remember(after)
            await course.wait(backoff_s(change.attempts, policy))

    async def _attempt(self, change: Change, course: Course) -> Change:
        """One attempt. Raises Withheld when the last look said no; nothing was sent then."""
        have = await self._bench.read(change)
        if have is None:
            return await self._failed_attempt(change, "device_not_readable")
        goal = destination(self._bench.view(change), change, have)
        if goal is None:
            return await self._failed_attempt(change, "nowhere_legal_to_go")
        if dict(goal) != dict(change.rollback_to or change.prior):
            change = self._bench.memory.remember(
                await self._bench.ledger.step(
                    change,
                    Trigger.UNDO_FAILED,
                    reason="destination_no_longer_legal",
                    params={"to": text(goal)},
                    rollback_to=goal,
                )
            )
        if self._bench.proven(change, goal, have):
            if self._may_still_land(change, course):
                return change
            return await self._undone(change, "already_back", goal, have)
        if not is_ours(change, change.known(have)):
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
        expect = {k: v for k, v in change.known(have).items() if k in goal}
        edit = Edit(change_id=change.id, scope=change.scope, set=wanted, expect=expect)
        try:
            await self._bench.lane(change).apply(
                edit, None, lambda: self._bench.no_longer_back(change, wanted, have)
            )
        except Withheld:
            raise
        except (Refused, Conflict) as error:  # nothing was done: there is no ack to wait for
            return await self._failed_attempt(change, "device_refused", device_said=str(error)[:200])
        except DriverError as error:
            log.warning("change.undo_in_doubt", change=change.id, error=str(error))
        if back := await self._back(change, course, goal):
            await self._bench.save(change, edit)
            return await self._undone(change, "read_back_agrees", goal, back)
        return await self._failed_attempt(change, "read_back_differs")

    async def _back(self, change: Change, course: Course, goal: Values) -> ConfigState | None:
        """The read-back that proves the goal, waited for at most the ack's time; None: it did not come."""
        policy = self._bench.policy(change)
        limit = Deadline.after(self._bench.clock.now(), policy.ack_timeout_s + change.silent_s)
        while not limit.passed(self._bench.clock.now()) and course.interrupt is None:
            have = await self._bench.read(change)
            if have is not None and self._bench.proven(change, goal, have):
                return have
            await course.wait(READ_BACK_S)
        return None

    async def _neither_back(self, change: Change, have: ConfigState) -> Change:
        return await self._bench.ledger.step(
            change,
            Trigger.SUPERSEDED,
            reason="changed_by_someone_else",
            params={"have": text(change.known(have))},
        )

    async def _undone(self, change: Change, reason: str, goal: Values, have: ConfigState) -> Change:
        evidence = read_back(change, goal, have)
        return await self._bench.ledger.step(change, Trigger.UNDONE, reason=reason, evidence=evidence)

    async def _withheld(self, change: Change, why: str) -> Change:
        change = self._bench.memory.changes[change.id]  # the attempt may have noted another destination
        return self._bench.memory.remember(await self._failed_attempt(change, "no_longer_lawful", why=why))

    async def _failed_attempt(self, change: Change, reason: str, **params: str) -> Change:
        return await self._bench.ledger.step(
            change, Trigger.UNDO_FAILED, reason=reason, params=params, attempts=change.attempts + 1
        )
