"""Actions without an undo: each is done once, and only while nothing speaks against it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rig import site_of, until
from stories import AP1, SHORT, opened, policy_of, said, stage

from agent.change import State
from agent.clock import Clock
from agent.detectors.sight import Finding, Presence
from agent.events import EventKind
from agent.radar import Report
from agent.simulated_time import run
from drivers.types import ConfigState
from inventory.model import Mode, RadioKey


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
            lane, have = agent.fleet.lane("lab", "ap1"), await agent.changes.have(AP1)

            async def known(key: RadioKey) -> ConfigState | None:
                return have

            agent.changes.have = known  # type: ignore[method-assign]  # or it would wait for the lane as well
            async with lane._turn:
                await agent.incidents._take("lab", failing("stuck"))
                await asyncio.sleep(1.0)
                assert [r["result"] for r in said(rig, "restart_radio")] == ["doing"]
                report = Report(site="lab", radios=(AP1,), mhz20=rig.block().mhz20, source="signal")
                await agent.radar.heard(report)
            await asyncio.sleep(1.0)
            assert [r["result"] for r in said(rig, "restart_radio")] == ["doing", "withheld"]

    run(story)


def test_help_that_is_decided_on_while_the_ap_comes_back_is_given_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        near = site_of(4, policy=SHORT, widths=(20,), spacing_m=30.0)
        async with stage(tmp_path, clock, near) as (rig, agent):
            gate, have, waiting = asyncio.Event(), agent.changes.have, []

            async def slowly(key: RadioKey) -> ConfigState | None:
                waiting.append(key)
                await gate.wait()
                return await have(key)

            agent.changes.have = slowly  # type: ignore[method-assign]
            before = [rig.world.radio(key).power_dbm for key in rig.world.radio_keys()]
            rig.world.hardware.kill_ap("lab/ap2")
            await until(lambda: waiting)
            rig.world.hardware.revive_ap("lab/ap2")
            await until(lambda: not opened(agent, EventKind.HW_FAILURE))
            await asyncio.sleep(60.0)
            gate.set()
            await asyncio.sleep(3000.0)
            assert said(rig, "cover_for_a_dead_neighbour")
            assert [rig.world.radio(key).power_dbm for key in rig.world.radio_keys()] == before

    run(story)


def test_help_that_nobody_has_approved_is_withdrawn_when_the_ap_is_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        near = site_of(4, policy=policy_of(Mode.ADVISE), widths=(20,), spacing_m=30.0)
        async with stage(tmp_path, clock, near) as (rig, agent):
            rig.world.hardware.kill_ap("lab/ap2")
            await until(lambda: agent.memory.changes)
            (first, *_) = agent.memory.changes
            rig.world.hardware.revive_ap("lab/ap2")
            await until(lambda: not opened(agent, EventKind.HW_FAILURE))
            await asyncio.sleep(60.0)
            assert agent.memory.changes[first].state is State.EXPIRED

    run(story)
