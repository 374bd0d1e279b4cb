"""Clocks that jump and machines that sleep: what is the law's or the agent's own counts on the boot clock."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from rig import FAST, Rig, final, killed, replace, rig_of, site_of, until

from agent.agent import Agent
from agent.change import Actor, Cause, Change, State
from agent.events import EventKind
from agent.planner.decision import Move
from agent.simulated_time import SimulatedClock, run
from drivers.types import Setting
from inventory.model import Mode, RadioKey

PERSON = Actor(type="operator", uid=1000, name="ann")
DAY_S = 86_400.0
ON_52 = partial(rig_of, channels=(52, 149), width=40)
jumps = pytest.mark.parametrize("jump_s", [30 * DAY_S, -30 * DAY_S], ids=["forward", "back"])


async def seen(agent: Agent) -> None:
    await until(lambda: all(r.reading for r in agent.memory.radios.values()))


async def opened(agent: Agent, rig: Rig) -> Change:
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


@jumps
def test_a_non_occupancy_period_lasts_as_long_as_it_lasts(tmp_path: Path, jump_s: float) -> None:
    """In memory, on disk, and for a daemon that starts in between."""

    async def story(clock: SimulatedClock) -> None:
        async with ON_52(tmp_path, clock, site_of(2)) as rig:
            async with killed(rig) as agent:
                await seen(agent)
                rig.world.radar(rig.key)
                await until(lambda: agent.memory.barred("lab", clock.now()), step_s=0.1)
                begun_s = clock.monotonic()
                clock.jump_utc(jump_s)
                await until(lambda: clock.monotonic() > begun_s + 60)
                assert 5260 in agent.memory.barred("lab", clock.now())
            async with rig.agent() as agent:
                await until(lambda: clock.monotonic() > begun_s + 1700)
                assert 5260 in agent.memory.barred("lab", clock.now())
                await until(lambda: clock.monotonic() > begun_s + 1805)
                assert not agent.memory.barred("lab", clock.now())

    run(story)


def test_a_non_occupancy_period_goes_on_while_the_machine_sleeps(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with ON_52(tmp_path, clock, site_of(2)) as rig, rig.agent() as agent:
            await seen(agent)
            rig.world.radar(rig.key)
            await until(lambda: agent.memory.barred("lab", clock.now()), step_s=0.1)
            clock.suspend(1000.0)
            assert 5260 in agent.memory.barred("lab", clock.now())
            clock.suspend(1000.0)
            assert not agent.memory.barred("lab", clock.now())

    run(story)


@jumps
def test_a_change_is_judged_in_its_own_time_and_its_token_stays_good(tmp_path: Path, jump_s: float) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, site_of(2)) as rig, rig.agent() as agent:
            await seen(agent)
            before = rig.block()
            change = await agent.executor.settled((await opened(agent, rig)).id, State.MONITORING)
            clock.jump_utc(jump_s)
            await until(lambda: clock.monotonic() > 600)
            assert agent.memory.changes[change.id].state is State.MONITORING
            await agent.operator.rollback(agent.changes.token(change), PERSON)
            assert (await final(agent, change)).state is State.ROLLED_BACK
            assert rig.block() == before
        rig.verify()

    run(story)


@jumps
def test_a_proposal_waits_for_its_time(tmp_path: Path, jump_s: float) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = site_of(2, policy=replace(FAST, mode=Mode.ADVISE))
        async with rig_of(tmp_path, clock, site) as rig, rig.agent() as agent:
            await seen(agent)
            move = Move(
                radio=rig.key,
                target={Setting.CHANNEL: 161, Setting.WIDTH_MHZ: 20},
                cause=Cause.NON_WIFI_BURST,
                reason="test",
            )
            change = await agent.changes.open(move)
            assert isinstance(change, Change)
            clock.jump_utc(jump_s)
            await until(lambda: clock.monotonic() > 3500)
            assert agent.memory.changes[change.id].state is State.PROPOSED
            assert (await final(agent, change)).state is State.EXPIRED
            assert clock.monotonic() < 3700

    run(story)


@jumps
def test_a_pause_lasts_as_long_as_it_was_asked_for(tmp_path: Path, jump_s: float) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, site_of(2)) as rig, rig.agent() as agent:
            await seen(agent)
            await agent.operator.pause("lab", 600.0, PERSON)
            clock.jump_utc(jump_s)
            await until(lambda: clock.monotonic() > 500)
            assert "lab" in agent.memory.paused_at(clock.now())
            await until(lambda: clock.monotonic() > 700)
            assert "lab" not in agent.memory.paused_at(clock.now())

    run(story)


AHEAD_S = 8 * DAY_S
ONE_A_WEEK = replace(FAST, routine_interval_s=1.0, cooldown_s=1.0, routine_per_ap_week=0.5)


async def moved(agent: Agent, key: RadioKey, channel: int) -> State:
    target = {Setting.CHANNEL: channel, Setting.WIDTH_MHZ: 20}
    move = Move(radio=key, target=target, cause=Cause.NON_WIFI_BURST, reason="test")
    change = await agent.changes.open(move)
    assert isinstance(change, Change)
    return (await final(agent, change)).state


def test_a_budget_holds_while_the_wall_clock_is_wrong_for_an_hour_and_after(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, site_of(2, policy=ONE_A_WEEK)) as rig, rig.agent() as agent:
            await seen(agent)
            assert await moved(agent, rig.key, 161) is State.COMMITTED
            clock.jump_utc(AHEAD_S)
            assert await moved(agent, rig.key, 48) is State.FAILED
            await asyncio.sleep(3600.0)
            assert await moved(agent, rig.key, 48) is State.FAILED
            clock.jump_utc(-AHEAD_S)
            await asyncio.sleep(600.0)
            assert await moved(agent, rig.key, 48) is State.FAILED

    run(story)


@pytest.mark.parametrize("started", [False, True], ids=["for_a_day", "at_the_start"])
def test_what_a_wrong_wall_clock_made_seem_old_counts_again_when_it_is_right(
    tmp_path: Path, started: bool
) -> None:
    async def story(clock: SimulatedClock) -> None:
        two = site_of(2, policy=replace(ONE_A_WEEK, routine_per_ap_week=1.0))
        async with rig_of(tmp_path, clock, two) as rig:
            async with rig.agent() as agent:
                await seen(agent)
                assert await moved(agent, rig.key, 161) is State.COMMITTED
                assert await moved(agent, rig.key, 48) is State.COMMITTED
                clock.jump_utc(AHEAD_S)
                if not started:
                    await asyncio.sleep(60.0)
                    clock.suspend(DAY_S)
                    await asyncio.sleep(120.0)
                    await counts_again(agent, clock)
            if started:
                async with rig.agent() as agent:
                    await seen(agent)
                    await counts_again(agent, clock)

    async def counts_again(agent: Agent, clock: SimulatedClock) -> None:
        assert len(agent.view(agent.sites["lab"]).changes) == 1, "what was last done to the radio"
        clock.jump_utc(-AHEAD_S)
        await asyncio.sleep(60.0)
        assert await moved(agent, next(iter(agent.memory.radios)), 157) is State.FAILED

    run(story)
