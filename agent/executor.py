"""Carries out what the change table says, through a driver.

One task per open change. Each step ends in one transition that is on disk before the next begins; no byte
goes to a device before the record of its step is in the audit file. Killed anywhere, it leaves a row that
the next start takes up where the device says it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from agent.alert import Alerts
from agent.change import HELD_UP, REHEARSED, Change, State, Trigger
from agent.course import Course, Interrupt
from agent.ledger import LOST_DISK
from agent.monitoring import Monitoring
from agent.store.errors import LeaseLost, RadioBusy
from agent.taking_back import TakingBack
from agent.workbench import Workbench
from agent.writing import Writing
from inventory.model import ap_of

log = structlog.get_logger()

BUSY = frozenset({State.APPLYING, State.ROLLING_BACK})
"""States in which a device may be in the middle of something."""


AGAIN_S = 5.0
"""From a step that failed in a way nobody foresaw to the next try; what fails then too is begun again by
`Housekeeping`, at its pace."""


class Executor:
    """All open changes of the daemon. ``alarm`` calls a person."""

    def __init__(
        self,
        bench: Workbench,
        tasks: asyncio.TaskGroup,
        alarm: Alerts,
    ) -> None:
        self._bench = bench
        self._alarm = alarm
        self._memory = bench.memory
        self._tasks = tasks
        self._courses: dict[str, Course] = {}
        self._told: dict[str, str] = {}  # change that failed -> what a person was told last
        writing = Writing(bench)
        self._steps = {
            State.PROPOSED: self._await_approval,
            State.PLANNED: writing.start,
            State.APPLYING: writing.apply,
            State.MONITORING: Monitoring(bench).watch,
            State.ROLLING_BACK: TakingBack(bench).take_back,
        }

    def begin(self, change: Change) -> Change:
        """Carry a stored change on to its final state, in a task of its own; one that is carried already goes
        on as it was."""
        if change.id in self._courses:
            return self._memory.changes[change.id]
        self._memory.remember(change)
        course = self._courses.setdefault(change.id, Course())
        course.task = self._tasks.create_task(self._carry(change, course), name=f"change-{change.id}")
        return change

    async def store_and_begin(self, storing: Coroutine[Any, Any, Change]) -> Change:
        """The change that ``storing`` stores, begun: both or neither, also when who asked for it goes away
        meanwhile. Raises what ``storing`` does."""
        task = self._tasks.create_task(self._store_and_begin(storing), name="change-to-store")
        done = await asyncio.shield(task)
        if isinstance(done, Exception):
            raise done
        return done

    async def _store_and_begin(self, storing: Coroutine[Any, Any, Change]) -> Change | Exception:
        try:
            return self.begin(await storing)
        except Exception as error:  # it is raised to who waits, and must not end all tasks
            return error

    def interrupt(self, change_id: str, interrupt: Interrupt) -> bool:
        """Tell an open change; False when it is not being carried out here."""
        course = self._courses.get(change_id)
        if course is None:
            return False
        course.stop(interrupt)
        return True

    def carries(self, change_id: str) -> bool:
        return change_id in self._courses

    async def finished(self, change_id: str) -> Change:
        """The change when it has reached its final state."""
        if course := self._courses.get(change_id):
            await course.done.wait()
        return self._memory.changes[change_id]

    async def freed(self, change_id: str, within_s: float) -> Change:
        """The change when it is final, or after so many seconds as it is then, with its task ended: it waited
        for what does not come back. The store may still take its last step."""
        course = self._courses.get(change_id)
        running = None if course is None else course.task
        if running is not None and not (await asyncio.wait({running}, timeout=within_s))[0]:
            log.warning("change.ended", change=change_id, waited_s=within_s)
            running.cancel()
            await asyncio.wait({running}, timeout=within_s)
        return self._memory.changes[change_id]

    async def settled(self, change_id: str, *states: State) -> Change:
        """The change once it is in one of these states, or final."""
        while True:
            change, course = self._memory.changes[change_id], self._courses.get(change_id)
            if change.state in states or change.final or course is None:
                return change
            await course.stepped.wait()

    async def stepped(self, change_id: str) -> Change:
        """The change after its next step, whichever that is; at once when it is not being carried out."""
        if course := self._courses.get(change_id):
            await course.stepped.wait()
        return self._memory.changes[change_id]

    async def answered(self, change_id: str, told: Interrupt) -> Change:
        """The change after the step that dealt with this interrupt, or with what overruled it."""
        after = await self.stepped(change_id)
        while (course := self._courses.get(change_id)) is not None and course.awaits(told):
            after = await self.stepped(change_id)
        return after

    async def drain(self) -> None:
        """When no device is in the middle of something; changes being monitored go on at the next start."""
        for id in list(self._courses):
            calm = [state for state in self._steps if state not in BUSY]
            await self.settled(id, *calm)

    async def abandon(self) -> None:
        """End all tasks; the store knows where each change stands."""
        running = [course.task for course in self._courses.values() if course.task]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def let_go(self, site: str) -> None:
        """Another agent has the site: what is open there is carried on by that one. A call to a device that
        is under way is ended."""
        for id, course in self._courses.items():
            running = course.task
            mine = self._memory.changes[id].site == site
            if mine and running is not None and running is not asyncio.current_task():
                running.cancel()

    async def _carry(self, change: Change, course: Course) -> None:
        try:
            if not await self._all_steps(change, course):
                await self._once_more(change.id, course)
        finally:
            self._courses.pop(change.id, None)
            course.step()
            course.done.set()

    async def _all_steps(self, change: Change, course: Course) -> bool:
        """On to the final state; False when a step failed, and the change is as open as the store says."""
        try:
            while not change.final:
                change = self._memory.remember(await self._steps[change.state](change, course))
                course.step()
            self._told.pop(change.id, None)
            if change.state is State.ESCALATED:
                self._alarm.escalated(change)
            if change.undo_of and change.by_person and not course.turned_back:
                self._tell_in_vain(change)
        except LeaseLost as error:
            log.warning("change.let_go", change=change.id, state=str(change.state), why=str(error))
            return True
        except Exception as error:  # one change must not end the daemon: it stays open, and a person knows
            if self._bench.ledger.damaged:
                self._left_open(change, error)
                return True  # until the disk is back
            self._failed(change, error)
            course.step()
            return False
        return True

    async def _once_more(self, change_id: str, course: Course) -> None:
        """From the row in the store, as after a restart: nothing is written to the device twice."""
        course.around = None
        await course.wait(AGAIN_S)
        known = self._memory.changes[change_id]
        try:
            row = await self._bench.ledger.call(self._bench.ledger.store.change, change_id)
        except LOST_DISK as error:
            self._left_open(known, error)
            return
        except Exception as error:  # a row that makes no sense costs its own change, too
            self._failed(known, error)
            return
        if row is not None and not await self._all_steps(self._memory.remember(row), course):
            log.error("change.given_up", change=change_id, note="left open until it is tried again")

    def _failed(self, change: Change, error: Exception) -> None:
        log.error("change.failed", change=change.id, state=str(change.state), exc_info=error)
        self._tell_once(change, f"failed in {change.state}: {type(error).__name__}: {error}")

    def _tell_once(self, change: Change, what: str) -> None:
        """A person hears of the same trouble once, however often the change is begun again."""
        if self._told.get(change.id) != what:
            self._told[change.id] = what
            radio = change.radios[0] if change.radios else None
            self._alarm.tell(change.site, f"change {change.id} {what}", radio)

    def _tell_in_vain(self, undo: Change) -> None:
        """Who asked for an undo went on to other things meanwhile: it must not come to nothing unheard. What
        `undo --since` has to put off it asks again itself."""
        tried_again = undo.verdict == HELD_UP and undo.reason.get("code") == "undo_since"
        if undo.came_to_nothing and undo.verdict != REHEARSED and not tried_again:
            radio = undo.radios[0]
            how = f"{undo.state}, {undo.verdict}" if undo.verdict else str(undo.state)
            what = f"the undo {undo.id} that {undo.actor.name} asked for came to nothing ({how}): "
            again = f"look at the radio; `rrmd rollback --last --ap {ap_of(radio)}` tries again"
            self._alarm.tell(undo.site, what + again, radio)

    def _left_open(self, change: Change, error: Exception) -> None:
        self._memory.observing_only = self._memory.observing_only or self._bench.ledger.damaged
        log.error("change.left_open", change=change.id, state=str(change.state), error=str(error))

    async def _await_approval(self, change: Change, course: Course) -> Change:
        await course.wait(change.deadline.left_s(self._bench.clock.now()))
        told = course.take()
        if told is None:
            return await self._bench.ledger.step(change, Trigger.EXPIRE, reason="not_approved_in_time")
        policy = self._bench.policy(change)
        if told.trigger is not Trigger.APPROVE:
            return await self._bench.step(change, told)
        try:
            return await self._bench.step(change, told, deadline=self._bench.deadline(State.PLANNED, policy))
        except RadioBusy as busy:
            log.warning("change.not_approved", change=change.id, held_by=busy.change_id)
            return change  # may be approved again, until it expires
