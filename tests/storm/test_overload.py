"""An agent that has more to do than it can: observation gives way first, radar never."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stories import AP1, stage

from agent.agent import Agent
from agent.clock import Clock
from agent.counts import Count
from agent.simulated_time import SimulatedLoop, run
from drivers.types import Table
from inventory.model import RadioKey


@contextmanager
def asked(agent: Agent) -> Iterator[list[frozenset[Table]]]:
    """What the polls of AP 1 ask for."""
    lane, tables = agent.fleet.lane("lab", "ap1"), list[frozenset[Table]]()
    read = lane.device.read

    async def watched(wanted: frozenset[Table], radios: frozenset[RadioKey] | None) -> Any:
        tables.append(wanted)
        return await read(wanted, radios)

    lane.device.read = watched  # type: ignore[method-assign,assignment]
    yield tables


async def busy(seconds: float) -> None:
    """For so long each second of work takes two."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    until_s = loop.time() + seconds
    while loop.time() < until_s:
        await asyncio.sleep(0.5)
        loop._time.now_s += 1.0


def test_an_agent_that_is_late_asks_for_less_and_for_all_again_when_it_is_not(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, calm_s=60.0) as (_, agent):
            with asked(agent) as tables:
                await busy(300.0)
                thin = [each for each in tables if each == {Table.STATUS}]
                assert len(thin) > len(tables) / 2
                assert len(thin) < len(tables), "observed all the same"
                assert agent.ledger.counts.of(Count.THINNED)["lab",] >= len(thin)
                await asyncio.sleep(300.0)
                tables.clear()
                await asyncio.sleep(100.0)
                assert tables
                assert all(Table.CLIENTS in each for each in tables)

    run(story)


def test_a_thin_poll_still_finds_radar_of_which_no_signal_told(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, channels=(52, 100, 149, 157), calm_s=60.0) as (rig, agent):
            await busy(100.0)
            radio = rig.world.radio(AP1)
            with asked(agent) as tables:
                radio.memory.hit({5260}, rig.world.now_s)  # nobody is told
                await busy(30.0)
                assert {Table.STATUS} in tables
                assert agent.memory.barred("lab", clock.now()) == {5260}

    run(story)
