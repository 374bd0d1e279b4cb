"""MONITORING: wait for a verdict, looking at each new reading."""

from __future__ import annotations

from dataclasses import replace

from agent.change import Change, Trigger, agrees
from agent.course import Course
from agent.judgement import Judgement, Verdict
from agent.moment import Deadline
from agent.records import Evidence, ppm
from agent.view import block_in_values, shows
from agent.watch import Watch
from agent.workbench import READ_BACK_MOST_S, Workbench, text
from drivers.types import ConfigState, RadioState

UNPROVEN = "UNPROVEN"
"""Verdict of a change that was kept because nothing could be said against it, nor for it."""


class Monitoring:
    """The step in which the counters decide."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    async def watch(self, change: Change, course: Course) -> Change:
        """Wait for a verdict, looking at each new reading."""
        if course.around is None and (moved := await self._moved_while_away(change)):
            return moved
        watch = Watch(
            self._bench.memory, self._bench.view(change), change, course.around, self._bench.acked_s(change)
        )
        while True:
            if told := course.take():
                return await self._bench.interrupted(change, told)
            if moved := await self._drifted(change):
                return moved
            now = self._bench.clock.now()
            look = watch.look(now.monotonic_s)
            if self._may_go_back(change, course):
                look = replace(look, verdict=Verdict.TOO_EARLY) if look.verdict is not Verdict.WORSE else look
            if (done := await self._judged(change, look)) is not None:
                return done
            if change.deadline.passed(now):
                return await self._out_of_time(change, course)
            await self._next_reading(change, course)

    def _may_go_back(self, change: Change, course: Course) -> bool:
        """Whether the device's own undo timer may still be armed: nobody confirmed it, as far as we know."""
        until = change.undo_until
        return until is not None and not course.confirmed and not until.passed(self._bench.clock.now())

    async def _judged(self, change: Change, look: Judgement) -> Change | None:
        params = {"code": str(look.code), **{k: int(v) for k, v in look.params.items()}}
        verdict, evidence = str(look.verdict), _measured(look)
        if look.verdict is Verdict.WORSE:
            return await self._bench.to_rollback(
                change, Trigger.WORSE, look.code, params, evidence=evidence, verdict=verdict
            )
        if look.verdict in (Verdict.HELD, Verdict.INEFFECTIVE):
            return await self._bench.ledger.step(
                change, Trigger.HELD, reason=look.code, params=params, evidence=evidence, verdict=verdict
            )
        if look.verdict is Verdict.NO_DATA and not change.extended:
            policy = self._bench.policy(change)
            return await self._bench.ledger.step(
                change,
                Trigger.NO_DATA,
                reason=str(look.code),
                params=params,
                extended=True,
                deadline=Deadline.after(self._bench.clock.now(), policy.monitor.no_data_s),
            )
        return None

    async def _out_of_time(self, change: Change, course: Course) -> Change:
        """No verdict to be had: kept as unproven if the radio is on air with the target, else a person. One
        read that fails says nothing: it is asked for as long as an ack is waited for."""
        limit = Deadline.after(self._bench.clock.now(), self._bench.policy(change).ack_timeout_s)
        while True:
            have = await self._bench.read(change)
            if told := course.take():
                return await self._bench.interrupted(change, told)
            if have is not None and self._bench.proven(change, change.target, have):
                return await self._bench.ledger.step(
                    change, Trigger.HELD, reason="no_data_on_air", verdict=UNPROVEN
                )
            if limit.passed(self._bench.clock.now()):
                break
            await course.wait(READ_BACK_MOST_S)
        on_air = have is not None and have.state is RadioState.ON_AIR
        if on_air and (moved := await self._moved_while_away(change)):
            return moved
        return await self._bench.ledger.step(
            change, Trigger.DEADLINE, reason="no_data_not_on_air", verdict=str(Verdict.NO_DATA)
        )

    async def _drifted(self, change: Change) -> Change | None:
        """What a fresh reading that no longer shows the target means; None: it does, or says nothing."""
        reading = self._bench.memory.radios[change.radios[0]].reading
        if reading is None or reading.at_s <= self._bench.acked_s(change):
            return None
        if reading.state is not RadioState.ON_AIR or shows(reading, change.target):
            return None
        have = await self._bench.read(change)  # a reading may be older than the switch: ask again
        if have is None or agrees(change.target, change.known(have)):
            return None
        if agrees(change.prior, change.known(have)):
            return await self._bench.ledger.step(change, Trigger.UNDONE, reason="device_went_back")
        return await self._superseded(change, have)

    async def _moved_while_away(self, change: Change) -> Change | None:
        """What happened to the change while no agent lived; None: it is in force, or not to be told yet."""
        have = await self._bench.read(change)
        if have is None or agrees(change.target, change.known(have)):
            return None
        if agrees(change.prior, change.known(have)):
            return await self._bench.ledger.step(change, Trigger.UNDONE, reason="device_went_back")
        return await self._superseded(change, have)

    async def _superseded(self, change: Change, have: ConfigState) -> Change:
        target = block_in_values(self._bench.view(change).radios[change.radios[0]].radio, change.target)
        barred = self._bench.memory.barred(change.site, self._bench.clock.now())
        radar = target is not None and bool(target.mhz20 & barred)
        reason = "left_because_of_radar" if radar else "changed_by_someone_else"
        return await self._bench.ledger.step(
            change, Trigger.SUPERSEDED, reason=reason, params={"have": text(change.known(have))}
        )

    async def _next_reading(self, change: Change, course: Course) -> None:
        """Until the radio is read again, someone interrupts, or the deadline passes."""
        now = self._bench.clock.now()
        left_s = change.deadline.left_s(now)
        if self._may_go_back(change, course) and change.undo_until is not None:
            left_s = min(left_s, change.undo_until.left_s(now))
        await course.wait_for(self._bench.memory.radios[change.radios[0]].seen, left_s)


def _measured(look: Judgement) -> list[Evidence]:
    """What the verdict rests on: each metric before and after, and what the controls did meanwhile."""
    return [
        Evidence(field=f"{effect.metric}.{when}", value=ppm(value), unit="ppm", source="monitor")
        for effect in look.effect
        for when, value in (("before", effect.before), ("after", effect.after), ("controls", effect.c))
    ]
