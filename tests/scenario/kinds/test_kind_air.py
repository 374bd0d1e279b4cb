"""NON_WIFI_BURST, SPECTRUM_SAT and DENSITY_SPIKE, from the trouble to the clearing: what is done depends on
who fills the air."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stories import (
    AP1,
    SHORT,
    about,
    change_for,
    changes_for,
    codes,
    event_of,
    evidence,
    interferes,
    loads,
    over,
    raised,
    said,
    stage,
    tells_one_story,
)

from agent.change import State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run

BURST, SAT = EventKind.NON_WIFI_BURST, EventKind.SPECTRUM_SAT
MOVED = ["leave_interference", "writing", "read_back_agrees"]


def test_a_burst_is_left_and_proven_and_over(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            interferes(rig, here := rig.block())
            event = await event_of(agent, BURST)
            change = await change_for(agent, event)
            assert (change.state, change.verdict) == (State.COMMITTED, "HELD")
            await over(agent, event)
            assert not rig.block().mhz20 & here.mhz20
        told = tells_one_story(rig, BURST)
        assert evidence(told[0])["duty_ppm"] == 800_000
        assert codes(told)[:4] == ["event.raised", *MOVED]
        assert rig.steps(change.id) == ["PLANNED", "APPLYING", "MONITORING", "COMMITTED"]

    run(story)


def test_a_burst_on_every_candidate_is_not_fled_from(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, calm_s=60.0) as (rig, agent):
            rig.world.add_interferer("all", 5150.0, 5900.0, (3.0, 3.0, 3.0), duty_ratio=0.8)
            agent.fleet.poll_now("lab", "ap1", scan=True)
            event = await event_of(agent, BURST, AP1)
            await asyncio.sleep(7 * SHORT.detect.again_s)  # three decisions
            assert not changes_for(agent, event)
        told = about(rig, raised(rig, BURST)[0])
        assert codes(told) == ["event.raised", "all_candidates_hit"], "told once, whatever is decided again"

    run(story)


def test_air_full_of_strangers_is_left(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            loads(rig, here := rig.block())
            event = await event_of(agent, SAT)
            change = await change_for(agent, event)
            assert (change.state, change.verdict) == (State.COMMITTED, "HELD")
            await over(agent, event)
            assert not rig.block().mhz20 & here.mhz20
            assert not agent.alerts
        told = tells_one_story(rig, SAT)
        assert evidence(told[0])["foreign_ppm"] > 800_000
        assert codes(told)[:4] == ["event.raised", *MOVED]

    run(story)


def test_air_full_of_ones_own_traffic_is_told_and_clients_are_asked_to_go(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, clients=2) as (rig, agent):
            before = rig.block()
            now_s = clock.monotonic()
            rig.world.people.add_crowd((5.0, 5.0, 1.0), 12, now_s, now_s + 500.0, mbps=8.0)
            event = await event_of(agent, SAT)
            await over(agent, event)
            assert [alert.text for alert in agent.alerts] == ["Its own load fills the channel"]
            assert not changes_for(agent, event)
            assert rig.block() == before
        told = tells_one_story(rig, SAT)
        assert evidence(told[0])["own_ppm"] > 800_000
        hints = [r["result"] for r in said(rig, "steer_clients")]
        assert hints[:2] == ["doing", "done"]
        assert len(raised(rig, SAT)) == 1

    run(story)
