"""A device that says that it has more radios than when it was opened is opened again, and not too often."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from rig import FAST, final, rig_of, site_of, until
from scenario.test_one_change import drill

from agent import simulated_time
from agent.change import State
from agent.poller import RENEWED_S
from agent.simulated_time import SimulatedClock
from inventory.model import RadioKey

RADIO = RadioKey("lab/ap1/r5")
POLL_S = 5.0


class Restless:
    """Makes of ap1 a device that never comes to an end of it. When it was opened and read, in seconds."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.opened: list[float] = []
        self.polled: list[float] = []
        self.says = True

    def __call__(self, device: Any) -> Any:
        if device._id != "ap1":
            return device
        open_, read = device.open, device.read

        async def opening() -> Any:
            self.opened.append(self._clock.monotonic())
            return await open_()

        async def reading(*args: Any) -> Any:
            self.polled.append(self._clock.monotonic())
            appeared = frozenset({RADIO}) if self.says else frozenset()
            return replace(await read(*args), appeared=appeared)

        device.open, device.read = opening, reading
        return device


def test_it_is_opened_at_once_and_then_no_more_often_than_that(tmp_path: Path) -> None:
    async def main(clock: SimulatedClock) -> Restless:
        device = Restless(clock)
        site = site_of(1, policy=replace(FAST, poll_s=POLL_S))
        async with rig_of(tmp_path, clock, site, clients=0) as rig:
            rig.wrap_device = device
            async with rig.agent() as agent:
                await asyncio.sleep(10 * RENEWED_S)
                assert agent.memory.contact("lab", "ap1").missed == 0
        return device

    device = simulated_time.run(main)
    first, second = device.opened[:2]
    assert second - first < POLL_S
    assert all(b - a >= RENEWED_S for a, b in pairwise(device.opened[1:]))
    assert 5 <= len(device.opened) <= 12
    assert max(b - a for a, b in pairwise(device.polled)) < 2 * POLL_S


def test_not_while_its_own_undo_waits_to_be_confirmed(tmp_path: Path) -> None:
    """The session that armed it is kept until the change is proven; then the radios get theirs."""

    async def main(clock: SimulatedClock) -> None:
        device = Restless(clock)
        site = site_of(policy=replace(FAST, poll_s=POLL_S), undo_timer=True)
        async with rig_of(tmp_path, clock, site) as rig:
            rig.wrap_device = device
            async with rig.agent() as agent:
                opened = await drill(rig, agent)
                await until(lambda: agent.memory.changes[opened.id].undo_until is not None)
                device.says, before, armed = True, len(device.opened), 0
                while agent.memory.undo_runs("lab", "ap1", clock.now()):
                    assert len(device.opened) == before
                    armed += 1
                    await asyncio.sleep(1.0)
                assert armed > 2 * POLL_S, "it was polled meanwhile"
                await until(lambda: len(device.opened) > before)
                assert (await final(agent, opened)).state is State.COMMITTED

    simulated_time.run(main)
