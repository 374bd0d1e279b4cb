"""Actions without an undo: each is done once, and only while nothing speaks against it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stories import AP1, said, stage

from agent.clock import Clock
from agent.detectors.sight import Finding, Presence
from agent.events import EventKind
from agent.radar import Report
from agent.simulated_time import run
from inventory.model import RadioKey


def failing(what: str, key: RadioKey = AP1) -> Finding:
    return Finding(
        kind=EventKind.HW_FAILURE,
        key=f"{key}:{what}",
        presence=Presence.THERE,
        radio=key,
        severity="critical",
        confidence_ppm=900_000,
        evidence={"what": what},
    )


def test_two_failures_at_once_restart_the_radio_once(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            await asyncio.gather(*(agent.incidents._take("lab", failing(w)) for w in ("stuck", "resets")))
            await asyncio.sleep(120.0)
        assert [r["result"] for r in said(rig, "restart_radio")] == ["doing", "done"]

    run(story)


def test_radar_that_comes_before_its_turn_stops_a_restart(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, channels=(52, 100, 149, 157)) as (rig, agent):
            lane = agent.fleet.lane("lab", "ap1")
            async with lane._turn:
                await agent.incidents._take("lab", failing("stuck"))
                await asyncio.sleep(1.0)
                assert [r["result"] for r in said(rig, "restart_radio")] == ["doing"]
                report = Report(site="lab", radios=(AP1,), mhz20=rig.block().mhz20, source="signal")
                await agent.radar.heard(report)
            await asyncio.sleep(1.0)
            assert [r["result"] for r in said(rig, "restart_radio")] == ["doing", "withheld"]

    run(story)
