"""EMERGENCY_QOE, from the bad experience to the clearing: what was changed just before is taken back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from rig import Rig, final, site_of, until
from stories import (
    AP1,
    SHORT,
    change_for,
    changes_for,
    codes,
    event_of,
    evidence,
    loads,
    over,
    stage,
    tells_one_story,
)

from agent.agent import Agent
from agent.change import Actor, Change, State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run

QOE = EventKind.EMERGENCY_QOE
PERSON = Actor(type="operator", uid=1000, name="ann")
SLOW = replace(SHORT, monitor=replace(SHORT.monitor, settle_s=300.0, lost_client_after_s=300.0))
"""The monitor looks late: the emergency is there before it."""


async def moved(rig: Rig, agent: Agent, channel: int = 161) -> Change:
    """A change that a person ordered, under way."""
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    await agent.executor.settled(done.change.id, State.MONITORING)
    return done.change


def test_an_open_change_is_taken_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, site_of(4, policy=SLOW, widths=(20,))) as (rig, agent):
            before = rig.block()
            opened = await moved(rig, agent)
            rig.world.spoil(AP1, rig.block(), 8.0)
            change = await final(agent, opened)
            assert change.state is State.ROLLED_BACK
            assert rig.block() == before
            await until(lambda: not agent.incidents.open_events(), limit_s=900.0)
        assert evidence(tells_one_story(rig, QOE)[0])["what"] in ("retry", "per")

    run(story)


def test_the_last_change_is_taken_back_when_it_is_young(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            before = rig.block()
            change = await final(agent, await moved(rig, agent))
            assert change.state is State.COMMITTED
            rig.world.spoil(AP1, rig.block(), 8.0)
            event = await event_of(agent, QOE)
            await over(agent, event)
            undo = next(c for c in agent.memory.changes.values() if c.undo_of == change.id)
            assert (await final(agent, undo)).state is State.COMMITTED
            assert rig.block() == before
        assert "bad_experience_after_it" in codes(rig.records())

    run(story)


def test_an_old_change_is_not_blamed(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        policy = replace(SHORT, detect=replace(SHORT.detect, qoe_undo_s=200.0))
        async with stage(tmp_path, clock, site_of(4, policy=policy, widths=(20,))) as (rig, agent):
            change = await final(agent, await moved(rig, agent))
            await asyncio.sleep(200.0)
            there = rig.block()
            rig.world.spoil(AP1, None, 8.0)
            event = await event_of(agent, QOE)
            await asyncio.sleep(60.0)
            assert not changes_for(agent, event)
            rig.world.spoil(AP1, None, 1.0)
            await over(agent, event)
            assert rig.block() == there
            assert change.state is State.COMMITTED
        assert "gain_too_small" in codes(tells_one_story(rig, QOE))

    run(story)


def test_without_a_change_to_blame_strangers_are_left(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        policy = replace(SHORT, detect=replace(SHORT.detect, sat_busy=0.99))
        async with stage(tmp_path, clock, site_of(4, policy=policy, widths=(20,))) as (rig, agent):
            here = rig.block()
            loads(rig, here, 0.6)
            rig.world.spoil(AP1, here, 5.0)
            event = await event_of(agent, QOE)
            change = await change_for(agent, event)
            assert change.state is State.COMMITTED
            assert not rig.block().mhz20 & here.mhz20
            await over(agent, event)
        assert "leave_interference" in codes(tells_one_story(rig, QOE))

    run(story)


def test_what_hits_the_whole_site_is_no_radios_emergency(tmp_path: Path) -> None:
    """Retries five times the usual, and twice the usual everywhere: 2.5 times is below three."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, site_of(6, policy=SHORT, widths=(20,))) as (rig, agent):
            for key in rig.world.radio_keys():
                rig.world.spoil(key, None, 2.4 if key != AP1 else 5.0)
            await asyncio.sleep(400.0)
            assert not agent.incidents.open_events()
            for key in rig.world.radio_keys():
                rig.world.spoil(key, None, 1.0)
        assert "event.raised" not in codes(rig.records())

    run(story)
