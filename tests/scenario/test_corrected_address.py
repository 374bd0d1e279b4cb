"""An AP is away from its address while a change of it is open, and the site file is put right: it is reached
where it is now, and the change is carried to its end there. Never by another AP that has that address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rig import Rig, final, rig_of, until

from agent.agent import Agent
from agent.change import Actor, Change, State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from drivers.errors import DeviceTimeout
from inventory.model import Site

PERSON = Actor(type="operator", uid=1000, name="ann")


def at(site: Site, address: str, ap: str = "ap1") -> Site:
    device = replace(site.devices[ap], address=address)
    return replace(site, devices=MappingProxyType({**site.devices, ap: device}))


class Network:
    """Where the APs are. ``dead``: addresses at which nobody is; ``strangers``: at which another AP is.
    ``calls``: each call to a device, as address and name of the call."""

    def __init__(self, agent: Agent) -> None:
        self.dead: set[str] = set()
        self.strangers: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        make_lane = agent.fleet._make_lane

        def make(site: Site, device: str) -> Any:
            lane = make_lane(site, device)
            lane.device = Way(lane.device, site.devices[device].address, self)
            return lane

        agent.fleet._make_lane = make


class Way:
    def __init__(self, device: Any, address: str, network: Network) -> None:
        self._device, self._address, self._network = device, address, network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    def _call(self, name: str) -> Any:
        if self._address in self._network.dead:
            raise DeviceTimeout(f"nobody is at {self._address}")
        self._network.calls.append((self._address, name))
        return getattr(self._device, name)

    async def open(self) -> Any:
        info = await self._call("open")()
        return replace(info, identity="stranger") if self._address in self._network.strangers else info

    async def read(self, *given: Any) -> Any:
        return await self._call("read")(*given)

    async def read_config(self, *given: Any) -> Any:
        return await self._call("read_config")(*given)

    async def apply(self, *given: Any) -> Any:
        return await self._call("apply")(*given)


@asynccontextmanager
async def one_open(tmp_path: Path, clock: Clock) -> AsyncIterator[tuple[Rig, Network, Agent, Change]]:
    """ap1 is at ``here``, and a change of it is being monitored."""
    async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
        network = Network(agent)
        await agent.reload({"lab": at(rig.site, "here")})
        await until(lambda: (last := agent.memory.radios[rig.key].history.last) and last.at_s >= 400)
        done = await agent.operator.inject(
            EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
        )
        assert done.change is not None
        yield rig, network, agent, await agent.executor.settled(done.change.id, State.MONITORING)


def is_lost(agent: Agent) -> Callable[[], bool]:
    return lambda: "lab/ap1" in agent.memory.lost


def test_an_ap_that_is_lost_is_found_at_its_new_address_and_its_change_ends(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with one_open(tmp_path, clock) as (rig, network, agent, change):
            network.dead.add("here")
            await until(is_lost(agent), limit_s=600)
            report = await agent.reload({"lab": at(rig.site, "there")})
            assert (report.changed, report.held) == (("lab/ap1",), ())
            await until(lambda: ("there", "read") in network.calls, limit_s=60)
            assert not agent.memory.changes[change.id].final
            assert (await final(agent, change)).state in (State.COMMITTED, State.ROLLED_BACK)
        rig.verify()

    run(story)


def test_it_may_be_lost_after_the_site_file_was_put_right(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with one_open(tmp_path, clock) as (rig, network, agent, change):
            before = agent.fleet.lane("lab", "ap1")
            report = await agent.reload({"lab": at(rig.site, "there")})
            assert report.held == ("lab/ap1",)
            await asyncio.sleep(60.0)
            assert agent.fleet.lane("lab", "ap1") is before, "it answers: its change is not disturbed"
            network.dead.add("here")
            await until(lambda: ("there", "read") in network.calls, limit_s=900)
            assert not agent.memory.changes[change.id].final
            assert (await final(agent, change)).final

    run(story)


def test_another_ap_at_the_new_address_is_not_touched(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with one_open(tmp_path, clock) as (rig, network, agent, change):
            network.dead.add("here")
            network.strangers.add("there")
            await until(is_lost(agent), limit_s=600)
            await agent.reload({"lab": at(rig.site, "there")})
            await until(lambda: [a for a in agent.alerts if "another device" in a.text], limit_s=900)
            after = await until(lambda: (c := agent.memory.changes[change.id]).final and c, limit_s=7200)
            assert after.state is State.ESCALATED
            assert {name for address, name in network.calls if address == "there"} == {"open"}

    run(story)
