"""A device that says that it has more radios than when it was opened is opened again, and not too often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rig import FAST, Rig, final, rig_of, site_of, until
from scenario.test_one_change import drill

from agent import simulated_time
from agent.agent import Agent
from agent.change import State
from agent.poller import RENEWED_LEAST_S, RENEWED_S
from agent.radar import Report
from agent.simulated_time import SimulatedClock
from drivers.errors import Disconnected
from inventory.model import RadioKey

RADIO = RadioKey("lab/ap1/r5")
POLL_S = 5.0
OPEN_S = 7.0


class Restless:
    """Makes of ap1 a device that never comes to an end of it. When it was opened, read and listened to, in
    seconds. ``says``: which radios have come, None: always another one. ``open_s``, ``read_s``: how long
    that takes; ``hangs``: so many times it is not opened at all;
    ``mute``: what it pushes ends at once; ``noticed``: that somebody sees that;
    ``dead``: it refuses connections."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.opened: list[float] = []
        self.polled: list[float] = []
        self.listened: list[float] = []
        self._closed = asyncio.Event()
        self.says: frozenset[RadioKey] | None = frozenset({RADIO})
        self.open_s = 0.0
        self.read_s = 0.0
        self.hangs = 0
        self.mute = False
        self.noticed = asyncio.Event()
        self.noticed.set()
        self.dead = False

    def __call__(self, device: Any) -> Any:
        if device._id != "ap1":
            return device
        open_, read, signals, close = device.open, device.read, device.signals, device.close

        async def opening() -> Any:
            self.opened.append(self._clock.monotonic())
            if self.dead:
                raise Disconnected("refused")
            self.hangs -= 1
            try:
                async with asyncio.timeout(self.open_s if self.hangs < 0 else None):
                    await self._closed.wait()
                raise Disconnected("closed while it was opened")
            except TimeoutError:
                return await open_()

        async def closing() -> None:
            self._closed.set()
            self._closed = asyncio.Event()
            await close()

        async def reading(*args: Any) -> Any:
            self.polled.append(self._clock.monotonic())
            await asyncio.sleep(self.read_s)
            another = frozenset({RadioKey(f"lab/ap1/r{len(self.polled)}")})
            return replace(await read(*args), appeared=another if self.says is None else self.says)

        async def heard() -> AsyncIterator[Any]:
            self.listened.append(self._clock.monotonic())
            await self.noticed.wait()
            if self.mute:
                return
            async for signal in signals():
                yield signal

        device.open, device.read, device.signals, device.close = opening, reading, heard, closing
        return device


@asynccontextmanager
async def served(
    tmp_path: Path, clock: SimulatedClock, device: Restless, aps: int = 1, **world: Any
) -> AsyncIterator[tuple[Rig, Agent]]:
    """An agent that polls it often."""
    site = site_of(aps, policy=replace(FAST, poll_s=POLL_S))
    async with rig_of(tmp_path, clock, site, clients=0, **world) as rig:
        rig.wrap_device = device
        async with rig.agent() as agent:
            yield rig, agent


def test_it_is_opened_at_once_and_then_no_more_often_than_that(tmp_path: Path) -> None:
    async def main(clock: SimulatedClock) -> Restless:
        device = Restless(clock)
        async with served(tmp_path, clock, device) as (_, agent):
            await asyncio.sleep(10 * RENEWED_S)
            assert agent.memory.contact("lab", "ap1").missed == 0
        return device

    device = simulated_time.run(main)
    first, second = device.opened[:2]
    assert second - first < POLL_S
    assert all(b - a >= RENEWED_S for a, b in pairwise(device.opened[1:]))
    assert 5 <= len(device.opened) <= 12
    assert max(b - a for a, b in pairwise(device.polled)) < 2 * POLL_S


def test_one_that_always_says_another_is_not_opened_in_a_circle(tmp_path: Path) -> None:
    async def main(clock: SimulatedClock) -> Restless:
        device = Restless(clock)
        device.says = None
        async with served(tmp_path, clock, device):
            await asyncio.sleep(100.0)
        return device

    device = simulated_time.run(main)
    assert 5 <= len(device.opened) <= 100.0 / RENEWED_LEAST_S + 2
    assert all(b - a >= RENEWED_LEAST_S for a, b in pairwise(device.opened[1:]))


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
                device.says, before, armed = frozenset({RADIO}), len(device.opened), 0
                while agent.memory.undo_runs("lab", "ap1", clock.now()):
                    assert len(device.opened) == before
                    armed += 1
                    await asyncio.sleep(1.0)
                assert armed > 2 * POLL_S, "it was polled meanwhile"
                await until(lambda: len(device.opened) > before)
                assert (await final(agent, opened)).state is State.COMMITTED

    simulated_time.run(main)


def test_a_second_radio_is_not_made_to_wait_for_the_first_ones_time(tmp_path: Path) -> None:
    async def main(clock: SimulatedClock) -> Restless:
        device = Restless(clock)
        async with served(tmp_path, clock, device):
            await asyncio.sleep(8.0)
            device.says = frozenset({RadioKey("lab/ap1/r6")})
            await asyncio.sleep(2 * POLL_S)
        return device

    assert len(simulated_time.run(main).opened) == 3


@asynccontextmanager
async def stubborn(tmp_path: Path, clock: SimulatedClock) -> AsyncIterator[tuple[Restless, Rig, Agent]]:
    """An AP that does not leave by itself, on a channel with radar detection."""
    device = Restless(clock)
    device.says = frozenset()
    async with served(tmp_path, clock, device, aps=2, channels=(52, 149)) as (rig, agent):
        await until(lambda: all(r.reading for r in agent.memory.radios.values()))
        await asyncio.sleep(60.0)
        rig.world.set_stubborn(RADIO)
        yield device, rig, agent


async def gone_after_s(rig: Rig, agent: Agent, clock: SimulatedClock) -> float:
    """How long after radar was heard the radio is off the channel."""
    rig.world.radar(RADIO)
    heard_s = clock.monotonic()
    report = Report(site="lab", radios=(RADIO,), mhz20=frozenset({5260}), source="signal")
    await agent.radar.heard(report)
    await until(lambda: rig.block(RADIO).primary != 52, limit_s=100.0, step_s=0.1)
    return clock.monotonic() - heard_s


@pytest.mark.parametrize("begun", [False, True])
def test_nobody_waits_for_a_session_when_radar_was_heard(tmp_path: Path, begun: bool) -> None:
    """Sessions take longer to open than radar has patience. Where one had begun before the radar it is not
    ended, since it would have to begin anew."""

    async def main(clock: SimulatedClock) -> None:
        async with stubborn(tmp_path, clock) as (device, rig, agent):
            device.says, device.open_s, before = frozenset({RADIO}), OPEN_S, len(device.opened)
            if begun:
                await until(lambda: len(device.opened) > before)
            heard_s = clock.monotonic()
            gone_s = await gone_after_s(rig, agent, clock)
            assert gone_s < 10.0
            assert not [at_s for at_s in device.opened if 0.0 < at_s - heard_s < gone_s - 1.0]
            await until(lambda: len(device.opened) > before, limit_s=100.0)

    simulated_time.run(main)


def test_a_session_that_never_opens_is_ended_in_time_for_radar(tmp_path: Path) -> None:
    """A half-dead sshd: the next connection is answered at once."""

    async def main(clock: SimulatedClock) -> None:
        async with stubborn(tmp_path, clock) as (device, rig, agent):
            device.hangs = 1
            await agent.lanes["lab", "ap1"].renew()
            assert await gone_after_s(rig, agent, clock) < 10.0

    simulated_time.run(main)


def test_a_session_that_was_just_opened_is_not_ended_for_radar(tmp_path: Path) -> None:
    async def main(clock: SimulatedClock) -> None:
        async with stubborn(tmp_path, clock) as (device, rig, agent):
            device.open_s, device.read_s, before = 6.0, 1.5, len(device.opened)
            await agent.lanes["lab", "ap1"].renew()
            assert await gone_after_s(rig, agent, clock) < 15.0
            assert len(device.opened) == before + 1

    simulated_time.run(main)


def test_it_is_listened_to_again_as_soon_as_it_is_opened_again(tmp_path: Path) -> None:
    """However long it had nothing to say: before its radios come an AP ends the stream at once."""

    async def main(clock: SimulatedClock) -> Restless:
        device = Restless(clock)
        device.says, device.mute = frozenset(), True
        async with served(tmp_path, clock, device):
            await asyncio.sleep(100.0)
            device.says, device.mute = frozenset({RADIO}), False
            await asyncio.sleep(2 * POLL_S)
        return device

    device = simulated_time.run(main)
    assert device.listened[-2] < 70.0, "less and less often"
    assert 0.0 <= device.listened[-1] - device.opened[-1] < 1.0


def test_a_device_that_dies_after_it_was_opened_again_is_not_asked_in_a_circle(tmp_path: Path) -> None:
    """The end of what it pushed is noticed only then."""

    async def main(clock: SimulatedClock) -> Restless:
        device = Restless(clock)
        device.says, device.mute = frozenset(), True
        device.noticed.clear()
        async with served(tmp_path, clock, device) as (_, agent):
            await asyncio.sleep(20.0)
            device.says = frozenset({RADIO})
            await until(lambda: len(device.opened) == 2)
            device.dead = True
            device.noticed.set()
            await agent.lanes["lab", "ap1"].close()
            await asyncio.sleep(60.0)
        return device

    assert len(simulated_time.run(main).opened) < 30
