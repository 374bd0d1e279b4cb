"""What devices push: a flood of it delays no radar, and ends nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from stories import AP1, AP4, opened, stage
from structlog.testing import capture_logs

from agent.clock import Clock
from agent.detectors.sight import Finding, Presence
from agent.events import EventKind
from agent.incidents import Incidents
from agent.simulated_time import run
from drivers.signals import AttackHeard, NopFinished, RadarDetected, Signal


def test_radar_does_not_wait_for_reports_that_came_before_it(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, channels=(52, 100, 149, 157)) as (rig, agent):

            async def slowly(incidents: Incidents, *_: object) -> None:
                await asyncio.sleep(5.0)

            agent.incidents.look = slowly.__get__(agent.incidents)  # type: ignore[method-assign]
            now_s = clock.monotonic()
            attack = AttackHeard(at_s=now_s, device="ap1", radio=AP1, what="deauth")
            for _ in range(3):
                await agent.inbox.told("lab", "ap1", attack)
            radar = RadarDetected(at_s=now_s, device="ap1", radio=AP1, mhz20=rig.block().mhz20)
            await agent.inbox.told("lab", "ap1", radar)
            assert agent.memory.nops
            assert clock.monotonic() - now_s < 1.0

    run(story)


@pytest.mark.parametrize(
    "signal",
    [
        RadarDetected(at_s=0.0, device="ap1", radio=AP1, mhz20=frozenset({5260})),
        RadarDetected(at_s=0.0, device="ap1", mhz20=frozenset({5260}), authenticated=False),
        RadarDetected(at_s=0.0, device="ap1", radio=AP1, mhz20=frozenset({5180, 5200})),
        RadarDetected(at_s=0.0, device="ap1", mhz20=frozenset()),
        NopFinished(at_s=0.0, device="ap1", mhz20=frozenset({5260})),
    ],
    ids=["dfs", "unproven", "no dfs", "no channel", "period over"],
)
def test_whatever_is_said_of_radar_the_device_is_read(tmp_path: Path, signal: Signal) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, calm_s=30.0) as (_, agent):
            polled: list[str] = []

            def poll_now(site: str, device: str, *, scan: bool = False) -> None:
                polled.append(device)

            agent.fleet.poll_now = poll_now  # type: ignore[method-assign]
            with capture_logs() as logs:
                await agent.inbox.told("lab", "ap1", signal)
            assert polled == ["ap1"]
            nowhere = isinstance(signal, RadarDetected) and 5260 not in signal.mhz20
            assert any(each["event"] == "radar.on_no_dfs_channel" for each in logs) is nowhere

    run(story)


def test_a_report_is_looked_at(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            attack = AttackHeard(at_s=clock.monotonic(), device="ap1", radio=AP1, what="deauth")
            await agent.inbox.told("lab", "ap1", attack)
            await asyncio.sleep(0.1)
            assert [event.key for event in opened(agent, EventKind.SECURITY)] == [f"attack:{AP1}"]

    run(story)


def test_an_ap_may_leave_while_a_look_at_another_waits_for_the_disk(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            gate = asyncio.Event()

            async def gated(site: str, finding: Finding) -> None:
                await gate.wait()

            agent.memory.lost.add("lab/ap9")
            agent.incidents._take = gated  # type: ignore[method-assign]
            finding = Finding(kind=EventKind.SECURITY, key="x", presence=Presence.THERE)
            agent.incidents.lookout._asked = lambda *_: (finding,)  # type: ignore[method-assign]
            looking = asyncio.create_task(agent.incidents.look("lab", [AP1, AP4]))
            await asyncio.sleep(0.1)
            site = rig.site
            left = replace(
                site,
                aps=MappingProxyType({id: each for id, each in site.aps.items() if id != "ap4"}),
                devices=MappingProxyType({id: each for id, each in site.devices.items() if id != "ap4"}),
            )
            agent.memory.serve({"lab": left})
            gate.set()
            await looking

    run(story)
