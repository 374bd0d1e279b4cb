"""Radar while something that it might wait for does not come back: the disk, in a write of another change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rig import Rig, rig_of, site_of, until
from stories import AP1, AP2, calm

from agent.agent import Agent
from agent.change import Actor, Change, State, Trigger
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
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
