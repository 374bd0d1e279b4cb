"""Sites and worlds for tests that run a whole agent in simulated time, and questions they ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agent.agent import Agent
from agent.change import Change
from agent.clock import Clock
from agent.simulation import LosableDisk, Simulation
from drivers.simulated import worlds
from drivers.simulated.driver import family
from drivers.simulated.faults import NO_FAULTS, FaultPlan
from drivers.simulated.world import World
from inventory.channels import Block, block
from inventory.model import (
    AccessPoint,
    Band,
    DeviceConfig,
    Mode,
    MonitorPolicy,
    Policy,
    Radio,
    RadioKey,
    Site,
    radio_key,
)

FAST = Policy(
    mode=Mode.ACT,
    poll_s=10.0,
    monitor=MonitorPolicy(slot_s=20.0, min_frames=50, settle_s=5.0, lost_client_after_s=30.0),
)
"""A policy whose monitoring takes two minutes instead of six."""


def site_of(
    aps: int = 4,
    *,
    policy: Policy = FAST,
    country: str = "US",
    band: Band = Band.GHZ_5,
    widths: tuple[int, ...] = (20, 40),
    spacing_m: float = 40.0,
    undo_timer: bool = False,
    **radio: Any,
) -> Site:
    """A site of single-radio simulated APs in a row: ``lab/ap1/r5`` and so on."""
    names = [f"ap{n}" for n in range(1, aps + 1)]
    name = f"r{str(band).split('.')[0]}"
    return Site(
        id="lab",
        country=country,
        timezone="UTC",
        policy=policy,
        devices=MappingProxyType(
            {
                ap: DeviceConfig(id=ap, driver="simulated", address=ap, options=_options(undo_timer))
                for ap in names
            }
        ),
        aps=MappingProxyType(
            {
                ap: AccessPoint(
                    id=ap,
                    device=ap,
                    position_m=(spacing_m * n, 0.0, 3.0),
                    radios=(Radio(key=radio_key("lab", ap, name), band=band, widths_mhz=widths, **radio),),
                )
                for n, ap in enumerate(names)
            }
        ),
    )


def renamed(site: Site, id: str) -> Site:
    """The same under another name, without ap1."""
    aps = {
        name: replace(ap, radios=tuple(replace(each, key=RadioKey(f"{id}/{name}/r5")) for each in ap.radios))
        for name, ap in site.aps.items()
        if name != "ap1"
    }
    devices = {name: each for name, each in site.devices.items() if name != "ap1"}
    return replace(site, id=id, aps=MappingProxyType(aps), devices=MappingProxyType(devices))


def _options(undo_timer: bool) -> Mapping[str, Any]:
    return MappingProxyType({**family.check_options({"world": "rig", "undo_timer": undo_timer})})


def world_of(
    site: Site,
    *,
    seed: int = 1,
    channels: tuple[int, ...] = (36, 44, 149, 157),
    width: int = 20,
    clients: int = 6,
) -> World:
    """A world with the site's radios on these channels in turn, and clients that stay."""
    world = World(seed, site.country, start_hour=12.0)
    for n, ap in enumerate(site.aps.values()):
        for radio in ap.radios:
            where = block(radio.band, channels[n % len(channels)], width)
            world.add_radio(radio, where, position=ap.position_m or (0.0, 0.0, 3.0))
    world.add_clients(clients, stays=True)
    return world


@dataclass(slots=True, kw_only=True)
class Rig(Simulation):
    """A simulation that a test looks into."""

    world: World
    faults: FaultPlan = NO_FAULTS

    @property
    def key(self) -> RadioKey:
        return radio_key("lab", "ap1", next(iter(self.site.aps["ap1"].radios)).key.split("/")[2])

    @property
    def url(self) -> str:
        return self.settings.store_url

    def steps(self, change_id: str) -> list[str]:
        """The states a change went through, by the audit."""
        return [
            r["to_state"] for r in self.records() if r["change_id"] == change_id and r["to_state"] is not None
        ]

    def verify(self) -> None:
        """The audit chain is whole, and agrees with the head that the store keeps."""
        report = self.verified()
        assert report.intact, report.findings

    def block(self, key: RadioKey | None = None) -> Block:
        return self.world.radio(key or self.key).block


@asynccontextmanager
async def rig_of(
    directory: Path, clock: Clock, site: Site | None = None, *, faults: FaultPlan = NO_FAULTS, **world: Any
) -> AsyncIterator[Rig]:
    """A rig with its world registered for as long as it is used."""
    site = site or site_of()
    made = world_of(site, **world)
    with worlds.registered("rig", made, faults):
        yield Rig(directory=directory, site=site, world=made, clock=clock, faults=faults)


async def until(condition: Callable[[], Any], *, limit_s: float = 7200.0, step_s: float = 1.0) -> Any:
    """The condition's first true value; simulated seconds pass meanwhile."""
    async with asyncio.timeout(limit_s):
        while not (value := condition()):  # noqa: ASYNC110  a condition of the simulated world has no event
            await asyncio.sleep(step_s)
    return value


async def final(agent: Agent, change: Change) -> Change:
    """The change when it is final and its task has ended."""
    return await agent.executor.finished(change.id)


@asynccontextmanager
async def killed(rig: Rig) -> AsyncIterator[Agent]:
    """An agent that is killed at the end of the block."""
    agent, ledger = rig.build()
    running = asyncio.create_task(agent.run(), name="agent")
    try:
        await agent.ready.wait()
        yield agent
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ledger.close()


__all__ = [
    "FAST",
    "Block",
    "LosableDisk",
    "Rig",
    "final",
    "killed",
    "renamed",
    "replace",
    "rig_of",
    "site_of",
    "until",
    "world_of",
]
