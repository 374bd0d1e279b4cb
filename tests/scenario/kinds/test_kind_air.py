"""NON_WIFI_BURST, SPECTRUM_SAT and DENSITY_SPIKE, from the trouble to the clearing: what is done depends on
who fills the air."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from rig import site_of, until
from stories import (
    AP1,
    NEAR_AP1,
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
    penned,
    policy_of,
    raised,
    said,
    stage,
    tells_one_story,
    with_options,
)

from agent.change import State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from drivers.types import Setting
from inventory.channels import block
from inventory.model import Band

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


def test_secondary_channels_that_others_fill_are_given_up(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with penned(tmp_path, clock, frozenset({5180, 5200, 5220, 5240}), 80) as (rig, agent):
            for nth, channel in enumerate((44, 48) * 3):
                where = block(Band.GHZ_5, channel, 20)
                rig.world.add_foreign(f"0e:00:00:00:00:0{nth}", where, NEAR_AP1, busy_ratio=0.58)
            event = await event_of(agent, SAT)
            change = await change_for(agent, event)
            assert (change.state, change.verdict) == (State.COMMITTED, "HELD")
            assert rig.block() == block(Band.GHZ_5, 36, 40)
            await over(agent, event)
        assert "give_up_overlapped_secondary_channels" in codes(tells_one_story(rig, SAT))

    run(story)


def test_faint_strangers_that_cant_be_left_are_deferred_to_less(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        policy = replace(SHORT, min_gain_ratio=0.05)
        async with penned(tmp_path, clock, frozenset({5180}), 20, policy) as (rig, agent):
            for nth in range(4):
                place = (59.0, float(nth), 3.0)
                rig.world.add_foreign(f"0e:00:00:00:00:0{nth}", rig.block(), place, busy_ratio=0.21)
            event = await event_of(agent, SAT)
            change = await change_for(agent, event)
            assert change.target == {Setting.OBSS_PD_DBM: -79}
            assert rig.world.radio(AP1).obss_pd_dbm == (-79 if change.state is State.COMMITTED else -82)
            assert change.state in (State.COMMITTED, State.ROLLED_BACK)
        assert "defer_less_to_faint_bsss" in codes(about(rig, raised(rig, SAT)[0]))

    run(story)


def test_a_crowd_is_asked_to_spread(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(4, policy=policy_of(density_capacity=20), widths=(20,))
        async with stage(tmp_path, clock, site) as (rig, agent):
            before = rig.block()
            now_s = clock.monotonic()
            rig.world.people.add_crowd((5.0, 5.0, 1.0), 30, now_s, now_s + 400.0, mbps=1.2)
            event = await event_of(agent, EventKind.DENSITY_SPIKE)
            full = len(rig.world.clients_of(AP1))
            await until(lambda: len(rig.world.clients_of(AP1)) < full)
            await over(agent, event)
            assert rig.block() == before
        told = tells_one_story(rig, EventKind.DENSITY_SPIKE)
        assert evidence(told[0]) == {"clients": 20, "capacity": 20}
        assert codes(told)[1:3] == ["steer_clients", "steer_clients"]

    run(story)


def test_a_crowd_on_devices_that_have_no_hints_waits_for_quiet_hours(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        policy = replace(policy_of(density_capacity=20), quiet_hours=((720, 780),))
        site = with_options(site_of(4, policy=policy, widths=(20,)), actions=("restart",))
        async with stage(tmp_path, clock, site) as (rig, agent):
            now_s = clock.monotonic()
            rig.world.people.add_crowd((5.0, 5.0, 1.0), 30, now_s, now_s + 400.0)
            await over(agent, await event_of(agent, EventKind.DENSITY_SPIKE))
            assert not agent.memory.changes
        told = codes(tells_one_story(rig, EventKind.DENSITY_SPIKE))
        assert told == ["event.raised", "device_cannot_steer", "only_in_quiet_hours", "event.cleared"]

    run(story)
