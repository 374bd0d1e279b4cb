"""Open events: decided on again while they last, however much else comes in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from stories import AP1, opened, stage

from agent.clock import Clock
from agent.detectors.sight import Finding, Presence
from agent.events import EventKind
from agent.simulated_time import run

WEAK = Finding(
    kind=EventKind.HW_FAILURE,
    key=f"{AP1}:fault",
    presence=Presence.THERE,
    radio=AP1,
    severity="minor",
    confidence_ppm=500_000,
    evidence={"what": "fault"},
)


def test_a_stream_of_new_events_keeps_nobody_from_looking_at_the_old_ones(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            ticks = []
            tick = agent.incidents._tick

            async def counted() -> None:
                ticks.append(clock.monotonic())
                await tick()

            agent.incidents._tick = counted  # type: ignore[method-assign]
            for _ in range(40):
                agent.incidents._wake.set()
                await asyncio.sleep(1.0)
            assert len(ticks) >= 7

    run(story)


def test_a_fault_that_the_device_confirms_is_critical_from_then_on(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            await agent.incidents._take("lab", WEAK)
            assert not agent.memory.critical(AP1)
            proven = replace(WEAK, severity="critical", confidence_ppm=900_000)
            await agent.incidents._take("lab", proven)
            (event,) = opened(agent, EventKind.HW_FAILURE)
            assert event.severity == "critical"
            assert agent.memory.critical(AP1) == ((EventKind.HW_FAILURE, f"{AP1}:fault"),)

    run(story)
