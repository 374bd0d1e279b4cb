"""Radar while something that it might wait for does not come back: the disk, in a write of another change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, rig_of, site_of, until
from stories import AP1, AP2, calm

from agent.agent import Agent
from agent.change import Actor, Change, State, Trigger
from agent.clock import Clock
from agent.events import EventKind
from agent.radar import Report
from agent.simulated_time import run
from agent.store.errors import StoreConflict
from drivers.errors import DeviceTimeout
from drivers.types import ConfigState, RadioState, ScopeRef
from inventory.model import RadioKey

PERSON = Actor(type="operator", uid=1000, name="ann")
ON_52 = partial(rig_of, channels=(52, 149, 157, 44))
HIT = {5260}


@asynccontextmanager
async def hung_in(agent: Agent, key: RadioKey, trigger: Trigger, channel: int) -> AsyncIterator[Change]:
    """A change of this radio whose step hangs on the disk, with all that is asked of the disk after it, until
    the end of the block."""
    back, ledger = asyncio.Event(), agent.ledger
    call, step, hangs = ledger.call, ledger.step, asyncio.Event()

    async def hung_call(work: Any, *args: Any, **named: Any) -> Any:
        if hangs.is_set():
            await back.wait()
        return await call(work, *args, **named)

    async def hung_step(change: Change, asked: Trigger, **named: Any) -> Change:
        if asked is trigger and key in change.radios:
            hangs.set()
        return await step(change, asked, **named)

    ledger.call, ledger.step = hung_call, hung_step  # type: ignore[method-assign,assignment]
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    await until(hangs.is_set)
    try:
        yield done.change
    finally:
        hangs.clear()
        back.set()


async def leaves(rig: Rig, clock: Clock) -> None:
    """AP 1 is off the channel within the ten seconds of the law."""
    rig.world.set_stubborn(AP1)
    heard_s = clock.monotonic()
    rig.world.radar(AP1)
    await until(lambda: not rig.block(AP1).mhz20 & HIT, limit_s=60, step_s=0.1)
    assert clock.monotonic() - heard_s < 10


def test_radar_waits_for_no_other_radios_write_to_the_disk(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with (
            ON_52(tmp_path, clock, site_of(4, spacing_m=600.0)) as rig,
            rig.agent() as agent,
        ):
            await calm(clock)
            async with hung_in(agent, AP2, Trigger.START, 157):
                await leaves(rig, clock)

    run(story)


def test_radar_ends_a_change_of_the_radio_that_hangs_on_the_disk(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock, site_of(4, spacing_m=600.0)) as rig:
            async with rig.agent() as agent:
                await calm(clock)
                async with hung_in(agent, AP1, Trigger.START, 157) as hung:
                    await leaves(rig, clock)
                    assert agent.memory.changes[hung.id].state is State.SUPERSEDED
                await until(lambda: not agent.ledger.backlog.waiting, limit_s=120)
                await agent.radar.quiet()
                stored = agent.ledger.store.change(hung.id)
                assert stored is not None
                assert stored.state is State.SUPERSEDED
                assert not rig.block(AP1).mhz20 & HIT
            rig.verify()

    run(story)


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_a_radio_still_on_the_channel_is_not_called_dealt_with(tmp_path: Path, how: str) -> None:
    bad = asyncio.Event()

    def wrap(device: Any) -> Any:
        read = device.read_config

        async def read_config(ref: ScopeRef) -> Any:
            if bad.is_set() and ref.name == AP1:
                await asyncio.sleep(3600.0 if how == "hangs" else 0.0)
                raise DeviceTimeout("no answer")
            return await read(ref)

        device.read_config = read_config
        return device

    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            rig.wrap_device = wrap
            async with rig.agent() as agent:
                await calm(clock)
                rig.world.set_stubborn(AP1)
                bad.set()
                rig.world.radar(AP1)
                await asyncio.sleep(14.0)
                assert rig.block(AP1).mhz20 & HIT
                bad.clear()
                await until(lambda: not rig.block(AP1).mhz20 & HIT, limit_s=20)
                await agent.radar.quiet()
                assert not rig.block(AP1).mhz20 & HIT

    run(story)


def made_unreadable(agent: Agent) -> asyncio.Event:
    """The settings of AP 1 can't be read while this is set."""
    device, bad = agent.fleet.lane("lab", "ap1").device, asyncio.Event()
    read = device.read_config

    async def read_config(ref: ScopeRef) -> ConfigState:
        if bad.is_set():
            raise DeviceTimeout("no answer")
        return await read(ref)

    device.read_config = read_config  # type: ignore[method-assign]
    return bad


def test_a_second_hit_wakes_the_wait_for_a_way_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            await calm(clock)
            radio, bad = rig.world.radio(AP1), made_unreadable(agent)
            radio.nowhere = True
            bad.set()
            rig.world.radar(AP1)
            await asyncio.sleep(12.0)
            assert radio.state is RadioState.NOP
            bad.clear()
            await agent.radar.heard(Report(site="lab", radios=(AP1,), mhz20=frozenset(HIT), source="signal"))
            await until(lambda: radio.state is RadioState.ON_AIR, limit_s=10)
            assert not rig.block(AP1).mhz20 & HIT

    run(story)


def test_a_radio_with_no_way_back_is_tried_ever_more_rarely(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            await calm(clock)
            rig.world.radio(AP1).nowhere = True
            made_unreadable(agent).set()
            rig.world.radar(AP1)
            await asyncio.sleep(1000.0)
            tries = [r for r in rig.records() if r["reason"]["code"] == "device_not_readable"]
            assert 3 <= len(tries) <= 6

    run(story)


@pytest.mark.parametrize("error", [StoreConflict("a second appender"), RuntimeError("the thread is dead")])
def test_radar_that_the_store_can_not_take_is_kept_and_followed(tmp_path: Path, error: Exception) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            async with rig.agent() as agent:
                await calm(clock)
                store = agent.ledger.store
                bar, tries = store.bar, []

                def failing(*args: Any, **named: Any) -> None:
                    tries.append(args)
                    if len(tries) == 1:
                        raise error
                    bar(*args, **named)

                store.bar = failing  # type: ignore[method-assign]
                await leaves(rig, clock)
                await until(lambda: not agent.ledger.backlog.waiting, limit_s=120)
                assert {nop.mhz20 for nop in store.nops(clock.now())} >= HIT
                assert [r for r in rig.records() if r["reason"]["code"] == "radar.heard"]
            rig.verify()

    run(story)
