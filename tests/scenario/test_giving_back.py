"""Memory goes back to the system while the agent runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rig import rig_of
from scenario.test_campaign import SITE, ready

from agent.simulated_time import SimulatedClock, run


def test_once_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []

    async def story(clock: SimulatedClock) -> None:
        monkeypatch.setattr("agent.housekeeping.give_back", lambda: times.append(clock.monotonic()))
        async with rig_of(tmp_path, clock, SITE, channels=(36,), clients=3) as rig, rig.agent() as agent:
            await ready(agent)
            await asyncio.sleep(2.5 * 3600.0)

    run(story)
    first, second = times
    assert 3600.0 <= second - first < 3700.0
