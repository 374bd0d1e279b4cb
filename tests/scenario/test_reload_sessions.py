"""A reload gives APs new sessions: each waits for the end of its own old one, and for no other."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rig import Rig, final, rig_of, until

from agent.agent import Agent
from agent.change import Actor, State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import SimulatedClock, run
from drivers.errors import TryAgain
from inventory.channels import Block
from inventory.model import Site

PERSON = Actor(type="operator", uid=1000, name="ann")


def rotated(site: Site, credential: str = "cred:new") -> Site:
    """All devices with another login: each gets a new session."""
    devices = {name: replace(device, credential=credential) for name, device in site.devices.items()}
    return replace(site, devices=MappingProxyType(devices))


def renamed(site: Site) -> Site:
    """The device of ap4 under another name, at the same address."""
    devices = {name: device for name, device in site.devices.items() if name != "ap4"}
    devices["roof"] = replace(site.devices["ap4"], id="roof")
    aps = {**site.aps, "ap4": replace(site.aps["ap4"], device="roof")}
    return replace(site, devices=MappingProxyType(devices), aps=MappingProxyType(aps))


class Sessions:
    """All sessions of a rig, by AP. Those of the APs in ``held`` do not get closed until ``go``."""

    def __init__(self, rig: Rig) -> None:
        self.opened: dict[str, list[Session]] = defaultdict(list)
        self.held: set[str] = set()
        self.go = asyncio.Event()
        rig.wrap_device = lambda device: Session(device, self)


class Session:
    def __init__(self, device: Any, all_of: Sessions) -> None:
        self._device = device
        self._all = all_of
        self._ap = next(iter(device._radios)).split("/")[1]
        self._of = all_of.opened[self._ap]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    async def open(self) -> Any:
        if self not in self._of:
            self._of.append(self)
        return await self._device.open()

    async def close(self) -> None:
        if self in self._of and self._ap in self._all.held:
            await self._all.go.wait()
        await self._device.close()


@asynccontextmanager
async def staged(tmp_path: Path, clock: Clock, **more: Any) -> AsyncIterator[tuple[Rig, Sessions, Agent]]:
    """A site of which every radio was read."""
    async with rig_of(tmp_path, clock, **more) as rig:
        sessions = Sessions(rig)
        async with rig.agent() as agent:
            await until(lambda: all(agent.memory.radios[key].reading for key in rig.site.radios))
            yield rig, sessions, agent


def test_radar_is_seen_to_while_the_session_of_a_dead_ap_does_not_end(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock, channels=(52, 149, 157, 44), width=40) as (rig, sessions, agent):
            sessions.held = {"ap4"}
            await agent.reload({"lab": rotated(rig.site)})
            heard: Block = rig.block()
            rig.world.set_stubborn(rig.key)
            rig.world.radar(rig.key)
            await until(lambda: not rig.block().mhz20 & heard.mhz20, limit_s=60)
            assert len(sessions.opened["ap1"]) == 2
            assert len(sessions.opened["ap4"]) == 1, "the new one waits for the old one"
            sessions.go.set()
            await until(lambda: len(sessions.opened["ap4"]) == 2, limit_s=60)
            assert not agent.fleet.lane("lab", "ap4").after

    run(story)


@pytest.mark.parametrize("altered", [rotated, renamed])
def test_no_call_of_a_new_session_is_made_before_the_old_one_has_ended(
    tmp_path: Path, altered: Callable[[Site], Site]
) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (rig, sessions, agent):
            sessions.held = {"ap4"}
            await agent.reload({"lab": altered(rig.site)})
            await asyncio.sleep(60.0)
            assert len(sessions.opened["ap4"]) == 1
            third = rotated(altered(rig.site), "cred:newer")
            await agent.reload({"lab": third})
            await asyncio.sleep(60.0)
            assert len(sessions.opened["ap4"]) == 1, "nor that of a second reload"
            sessions.go.set()
            await until(lambda: len(sessions.opened["ap4"]) == 2, limit_s=300)
            key = next(key for key in third.radios if "/ap4/" in key)
            await until(lambda: agent.memory.radios[key].reading, limit_s=300)

    run(story)


def test_a_call_that_waits_for_an_old_session_is_not_made_by_it(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (rig, sessions, agent):
            old = agent.fleet.lane("lab", "ap1")
            async with old._turn:
                asked = asyncio.create_task(old.open())
                await asyncio.sleep(0)
                await agent.reload({"lab": rotated(rig.site)})
            with pytest.raises(TryAgain):
                await asked
            await until(lambda: len(sessions.opened["ap1"]) == 2, limit_s=60)
            assert old.info is None

    run(story)


def test_the_lease_of_a_site_that_left_is_kept_until_its_sessions_have_ended(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (_, sessions, agent):
            sessions.held = {"ap4"}
            leaving = asyncio.create_task(agent.reload({}))
            await until(lambda: not agent.sites)
            await asyncio.sleep(10.0)
            assert "lab" in agent.ledger.leases
            sessions.go.set()
            await leaving
            assert "lab" not in agent.ledger.leases

    run(story)


def test_a_reload_while_the_agent_stops_does_not_keep_it_alive(tmp_path: Path) -> None:
    """A new session is not polled any more: else the daemon would go on until it is killed."""

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            agent, ledger = rig.build()
            running = asyncio.create_task(agent.run(), name="agent")
            await agent.ready.wait()
            drain = agent.executor.drain

            async def slowly() -> None:
                await asyncio.sleep(5.0)
                await drain()

            agent.executor.drain = slowly  # type: ignore[method-assign]
            agent.stop()
            await asyncio.sleep(1.0)
            await agent.reload({"lab": rotated(rig.site)})
            async with asyncio.timeout(60.0):
                await running
            await ledger.close()

    run(story)


def test_a_change_that_is_stored_while_its_ap_gets_a_new_session_is_carried_out(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with staged(tmp_path, clock) as (rig, sessions, agent):
            await until(lambda: (last := agent.memory.radios[rig.key].history.last) and last.at_s >= 400)
            sessions.held = {"ap4"}
            create, stored = agent.ledger.create, asyncio.Event()

            async def reloaded_meanwhile(*args: Any, **named: Any) -> Any:
                change = await create(*args, **named)
                reload = asyncio.create_task(agent.reload({"lab": rotated(rig.site)}))
                await asyncio.sleep(1.0)
                stored.set()
                reloads.append(reload)
                return change

            reloads: list[asyncio.Task[Any]] = []
            agent.ledger.create = reloaded_meanwhile  # type: ignore[method-assign]
            done = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None
            assert (await final(agent, done.change)).state is State.COMMITTED
            sessions.go.set()
            await asyncio.gather(*reloads)
            assert not agent.alerts

    run(story)
