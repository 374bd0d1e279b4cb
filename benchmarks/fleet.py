"""Many simulated APs under one agent: the daemon's own composition, over worlds made here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import structlog

from agent import daemon
from agent.agent import Agent
from agent.audit_key import load_or_create_key
from agent.clock import Clock
from agent.garbage import stay_small
from agent.settings import Settings
from agent.turns import take_short_turns
from drivers.simulated import worlds
from drivers.simulated.driver import family
from drivers.simulated.world import World
from inventory import regulatory
from inventory.channels import Block, block, blocks
from inventory.model import AccessPoint, Band, DeviceConfig, Policy, Radio, RadioKey, Site, radio_key

SPACING_M = 15.0
ROW = 25
PLACE_2_4 = (1, 6, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """``worlds``: by site. ``dfs``: of each site one 5 GHz radio for each DFS channel, which stays there."""

    sites: Mapping[str, Site]
    worlds: Mapping[str, World]
    dfs: Mapping[str, tuple[RadioKey, ...]]

    @property
    def aps(self) -> int:
        return sum(len(site.aps) for site in self.sites.values())

    @property
    def radios(self) -> int:
        return sum(len(site.radios) for site in self.sites.values())


def dfs_blocks(country: str) -> tuple[Block, ...]:
    """The 20 MHz channels on which radar is listened for."""
    return tuple(b for b in blocks(Band.GHZ_5, 20) if regulatory.dfs_needed(country, b))


def site_of(name: str, aps: int, policy: Policy, country: str = "US") -> Site:
    """A site of APs with a 2.4 and a 5 GHz radio, in rows of 25, 15 m apart."""
    names = [f"ap{n}" for n in range(aps)]
    options = family.check_options({"world": name, "latency_s": 0.0, "country": country})
    return Site(
        id=name,
        country=country,
        timezone="UTC",
        policy=policy,
        devices={ap: DeviceConfig(id=ap, driver="simulated", address=ap, options=options) for ap in names},
        aps=MappingProxyType({ap: _ap(name, ap, n) for n, ap in enumerate(names)}),
    )


def _ap(site: str, ap: str, index: int) -> AccessPoint:
    row, column = divmod(index, ROW)
    radios = (
        Radio(key=radio_key(site, ap, "r2"), band=Band.GHZ_2_4),
        Radio(key=radio_key(site, ap, "r5"), band=Band.GHZ_5, widths_mhz=(20, 40)),
    )
    return AccessPoint(id=ap, device=ap, position_m=(column * SPACING_M, row * SPACING_M, 3.0), radios=radios)


def world_of(site: Site, seed: int, clients_per_ap: int) -> tuple[World, tuple[RadioKey, ...]]:
    """The site's world at noon, and its radios that stay on a DFS channel whatever they hear."""
    world, dfs = World(seed, site.country, start_hour=12.0), dfs_blocks(site.country)
    stubborn = []
    for n, ap in enumerate(site.aps.values()):
        low, high = ap.radios
        place = ap.position_m or (0.0, 0.0, 3.0)
        world.add_radio(low, block(Band.GHZ_2_4, PLACE_2_4[n % 3], 20), position=place)
        if n < len(dfs):
            stubborn.append(high.key)
        where = dfs[n] if n < len(dfs) else block(Band.GHZ_5, (36, 44, 149, 157)[n % 4], 20)
        world.add_radio(high, where, position=place, stubborn=n < len(dfs))
    world.add_clients(clients_per_ap)
    return world, tuple(stubborn)


@contextmanager
def fleet_of(sites: int, aps: int, policy: Policy, *, clients_per_ap: int = 8) -> Iterator[Fleet]:
    """So many sites of so many APs each, their worlds registered for as long as they are used."""
    made = {name: site_of(name, aps, policy) for name in (f"site{n}" for n in range(sites))}
    worlds_of = {name: world_of(site, n, clients_per_ap) for n, (name, site) in enumerate(made.items())}
    with ExitStack() as stack:
        for name, (world, _) in worlds_of.items():
            stack.enter_context(worlds.registered(name, world))
        yield Fleet(
            sites=made,
            worlds={name: world for name, (world, _) in worlds_of.items()},
            dfs={name: dfs for name, (_, dfs) in worlds_of.items()},
        )


@asynccontextmanager
async def running(directory: Path, sites: Mapping[str, Site], clock: Clock) -> AsyncIterator[Agent]:
    """The daemon's agent over these sites, recovered and polling; stopped well at the end."""
    settings = Settings(state_dir=directory)
    stay_small()
    take_short_turns()
    key = load_or_create_key(settings.key_file)
    async with daemon._ledger(settings, clock, key) as ledger, asyncio.TaskGroup() as tasks:
        agent = daemon._agent(sites, ledger, clock, key, settings, None)
        tasks.create_task(agent.run(), name="agent")
        await agent.ready.wait()
        try:
            yield agent
        finally:
            agent.stop()


def quiet_logs() -> None:
    """Nothing below an error is printed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
