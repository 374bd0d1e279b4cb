"""Devices that are asked together at the start are asked one after the other from then on."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

from rig import rig_of, site_of

from agent import simulated_time
from agent.simulated_time import SimulatedClock

POLL_S = 10.0
APS = 20


def test_the_second_polls_are_spread_over_the_interval(tmp_path: Path) -> None:
    began: dict[str, list[float]] = {}

    async def main(clock: SimulatedClock) -> None:
        def watched(device: Any) -> Any:
            original, name = device.read, str(len(began))
            began[name] = []

            async def read(*args: Any) -> Any:
                began[name].append(clock.monotonic())
                return await original(*args)

            device.read = read
            return device

        async with rig_of(tmp_path, clock, site_of(APS), clients=0) as rig:
            rig.wrap_device, rig.jitter = watched, random.Random(1).random
            async with rig.agent():
                await asyncio.sleep(3 * POLL_S)

    simulated_time.run(main)
    first, second = (sorted(times[n] for times in began.values()) for n in (0, 1))
    assert first[-1] - first[0] <= 1.0
    assert second[-1] - second[0] > 0.7 * POLL_S
    assert max(b - a for a, b in pairwise(second)) < 0.3 * POLL_S
    assert all(b - a <= 1.6 * POLL_S for times in began.values() for a, b in pairwise(times))
