"""The devices being served: a lane, a poller and a listener each, coming and going with the site files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from agent.clock import Clock
from agent.counts import Count
from agent.lane import Lane
from agent.listener import Listener
from agent.memory import Memory
from agent.poller import Poller
from agent.supervisor import Supervisor
from drivers.errors import DriverError
from drivers.signals import Signal
from drivers.types import Snapshot
from inventory.credentials import CredentialError
from inventory.model import DeviceConfig, Radio, RadioKey, Site

log = structlog.get_logger()

Name = tuple[str, str]
"""Site and device."""

MakeLane = Callable[[Site, str], Lane]
"""A fresh session to a device of a site, not yet open."""

Charges = Mapping[str, tuple[Mapping[str, str], frozenset[Radio]]]
"""By AP: what tells it from others of its device, and its radios."""

SECOND_WAY_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Who is told what devices say: ``told(site, device, signal)``, ``polled(site, snapshot)`` and
    ``missed(site, device)``."""

    told: Callable[[str, str, Signal], Awaitable[None]]
    polled: Callable[[str, Snapshot], Awaitable[None]]
    missed: Callable[[str, str], Awaitable[None]]


@dataclass(slots=True)
class Station:
    """One device being served. ``charges``: what it was asked to answer for."""

    lane: Lane
    config: DeviceConfig
    charges: Charges
    poller: Poller | None = None
    loops: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def radios(self) -> frozenset[RadioKey]:
        return frozenset(radio.key for _, radios in self.charges.values() for radio in radios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The end of a session to a device that is no longer served, or otherwise than before."""

    name: Name
    address: str
    task: asyncio.Task[None]

    def bars(self, name: Name, config: DeviceConfig) -> bool:
        """Whether a new session to that device has to wait for it; it may have been given another name."""
        return self.name == name or self.address == config.address


class Fleet:
    """All devices of the daemon. ``make_lane`` raises what building a device raises (CredentialError)."""

    def __init__(
        self,
        memory: Memory,
        clock: Clock,
        make_lane: MakeLane,
        jitter: Callable[[], float],
        alert: Callable[[str, str, RadioKey | None], None],
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._make_lane = make_lane
        self._jitter = jitter
        self._alert = alert
        self.stations: dict[Name, Station] = {}
        self._ears: Ears | None = None
        self._keeper: Supervisor | None = None
        self._second_ways: dict[Name, asyncio.Task[None]] = {}
        self._closings: list[Closing] = []
        self._add(self.prepare(memory.sites, frozenset()))

    # -- who there is ------------------------------------------------------------------------------

    @property
    def lanes(self) -> Mapping[Name, Lane]:
        return {name: station.lane for name, station in self.stations.items()}

    def lane(self, site: str, device: str) -> Lane:
        return self.stations[site, device].lane

    def has(self, site: str, device: str) -> bool:
        return (site, device) in self.stations

    def prepare(self, sites: Mapping[str, Site], held: Set[RadioKey]) -> dict[Name, Station]:
        """Stations of these sites that are not there yet, or not so; nothing is asked of a device. ``held``:
        radios with open changes; however their device is reached, it has to be the one that it was."""
        made: dict[Name, Station] = {}
        for site in sites.values():
            for device, config in site.devices.items():
                known = self.stations.get((site.id, device))
                if known is not None and not _altered(site, device, known):
                    continue
                lane = self._make_lane(site, device)
                if known is not None and known.radios & held:
                    lane.identity = known.lane.identity
                made[site.id, device] = Station(lane, config, _charges(site, device))
        return made

    def _add(self, new: Mapping[Name, Station]) -> None:
        for name, station in new.items():
            station.lane.on_open = self._memory.opened
            barred = [each.task for each in self._closings if each.bars(name, station.config)]
            station.lane.after = frozenset(barred)
            self.stations[name] = station
            self._start_one(name)

    # -- life --------------------------------------------------------------------------------------

    def start(self, keeper: Supervisor, ears: Ears) -> None:
        """Poll and listen from now on."""
        self._keeper, self._ears = keeper, ears
        for name in self.stations:
            self._start_one(name)

    def _start_one(self, name: Name) -> None:
        if self._keeper is None or self._ears is None:
            return
        (site, device), station = name, self.stations[name]
        station.poller = Poller(
            site,
            station.lane,
            self._memory,
            self._clock,
            found=partial(self._ears.polled, site),
            missed=partial(self._ears.missed, site, device),
            jitter=self._jitter,
            alert=self._alert,
            thinned=partial(self._keeper.count, Count.THINNED, site),
        )
        listener = Listener(station.lane, partial(self._ears.told, site, device), self._clock.monotonic)
        station.loops = [
            self._keeper.keep(f"poll-{site}/{device}", site, station.poller.run),
            self._keeper.keep(f"listen-{site}/{device}", site, listener.run),
        ]

    def stop(self) -> None:
        """Hear nothing more, also of devices that are served from now on; the lanes stay open."""
        self._ears = None
        for station in self.stations.values():
            for loop in station.loops:
                loop.cancel()
        for task in self._second_ways.values():
            task.cancel()

    async def close(self) -> None:
        for station in self.stations.values():
            with suppress(DriverError):  # it is being left anyway
                await station.lane.close()

    def hush(self, sites: Mapping[str, Site], new: Mapping[Name, Station]) -> None:
        """Hear no more of devices that these sites lack, or that ``new`` replaces; for the moment before the
        memory forgets what they would speak of."""
        for name in self._ending(sites, new):
            for loop in self.stations[name].loops:
                loop.cancel()
            if (asking := self._second_ways.pop(name, None)) is not None:
                asking.cancel()

    def adopt(self, new: Mapping[Name, Station]) -> None:
        """Serve what the memory's sites say now: what `prepare` made of them begins, gone or altered devices
        end. There is no moment without a lane to an altered one, and it waits for the end of its own old
        session only: the close of a dead one may take long."""
        self._closings = [each for each in self._closings if not each.task.done()]
        for name in self._ending(self._memory.sites, new):
            self._end(name)
        self._add(new)

    async def left(self, sites: Collection[str]) -> None:
        """When no session to devices that these sites had is open any more."""
        if closing := [each.task for each in self._closings if each.name[0] in sites]:
            await asyncio.wait(closing)

    def _ending(self, sites: Mapping[str, Site], new: Mapping[Name, Station]) -> list[Name]:
        wanted = {(site.id, device) for site in sites.values() for device in site.devices}
        return [name for name in self.stations if name not in wanted or name in new]

    def _end(self, name: Name) -> None:
        assert self._keeper is not None  # noqa: S101 -- only a daemon that is ready takes another configuration
        (site, device), station = name, self.stations.pop(name)
        station.lane.retire()
        for loop in station.loops:
            loop.cancel()
        task = self._keeper.once(f"close-{site}/{device}", site, partial(_close, station))
        self._closings.append(Closing(name=name, address=station.config.address, task=task))
        self._memory.contacts.pop(f"{site}/{device}", None)
        self._memory.lost.discard(f"{site}/{device}")

    # -- asking ------------------------------------------------------------------------------------

    def poll_now(self, site: str, device: str, *, scan: bool = False) -> None:
        station = self.stations.get((site, device))
        if station is not None and station.poller is not None:
            station.poller.poll_now(scan=scan)

    def ask_otherwise(self, site: str, device: str, then: Callable[[], Awaitable[None]]) -> None:
        """Try a session of its own to a device that no longer answers the kept one; ``then`` is awaited when
        it is known whether that was answered."""
        running = self._second_ways.get((site, device))
        if self._keeper is not None and (running is None or running.done()):
            self._second_ways[site, device] = self._keeper.once(
                f"second-way-{site}/{device}", site, partial(self._second_way, site, device, then)
            )

    async def _second_way(self, site: str, device: str, then: Callable[[], Awaitable[None]]) -> None:
        if not self.has(site, device):
            return
        try:
            lane = self._make_lane(self._memory.sites[site], device)
        except CredentialError as error:  # it was there when the daemon started
            log.error("device.second_way_failed", site=site, device=device, error=str(error))
            return
        try:
            async with asyncio.timeout(SECOND_WAY_S):
                await lane.open()
            answers = True
        except (DriverError, TimeoutError) as error:
            log.debug("device.second_way_failed", site=site, device=device, error=str(error))
            answers = False
        finally:
            with suppress(DriverError):
                await lane.close()
        if self.has(site, device):
            self._memory.contact(site, device).otherwise = answers
            if answers:
                self.poll_now(site, device)
            await then()


async def _close(station: Station) -> None:
    await asyncio.gather(*station.loops, return_exceptions=True)
    with suppress(DriverError):  # it is being left anyway
        await station.lane.close()


def _altered(site: Site, device: str, station: Station) -> bool:
    return site.devices[device] != station.config or _charges(site, device) != station.charges


def _charges(site: Site, device: str) -> Charges:
    aps = [ap for ap in site.aps.values() if ap.device == device]
    return {ap.id: (dict(ap.match), frozenset(ap.radios)) for ap in aps}
