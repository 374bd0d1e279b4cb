"""A device that may be in trouble and one that is well, each with its lane and its poller, in one loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType

from agent.clock import SystemClock
from agent.lane import Lane, R
from agent.memory import Memory
from agent.poller import Poller
from drivers import registry
from drivers.base import DeviceContext
from drivers.errors import DriverError
from drivers.types import Snapshot
from inventory.model import AccessPoint, DetectPolicy, Policy, RadioKey, Site

POLL_S = 0.1
LANE_S = 2.5
"""What a lane allows a read in these tests."""
SOON_S = 20.0
"""Nothing here may take longer, however busy the machine is."""


class WatchedLane(Lane):
    """``errors``: what its opens and reads raised, and after how many seconds."""

    def __init__(self, context: DeviceContext) -> None:
        device = registry.families()[context.config.driver].device(context)
        super().__init__(context.config.id, device, read_s=LANE_S)
        self.errors: list[tuple[DriverError, float]] = []

    async def _call(self, work: Callable[[], Awaitable[R]], limit_s: float) -> R:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        try:
            return await super()._call(work, limit_s)
        except DriverError as error:
            self.errors.append((error, loop.time() - begun_s))
            raise


@dataclass(slots=True)
class Polled:
    """A device under its poller. ``read``: when snapshots came, and they; ``misses``: polls without one."""

    lane: WatchedLane
    read: list[tuple[float, Snapshot]] = field(default_factory=list)
    misses: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def found(self, snapshot: Snapshot) -> None:
        self.read.append((asyncio.get_running_loop().time(), snapshot))
        self.news.set()

    async def missed(self) -> None:
        self.misses += 1
        self.news.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not reached():
                self.news.clear()
                await self.news.wait()

    async def polls(self, more: int = 2) -> None:
        """So many more that are answered. The first may have been under way."""
        have = len(self.read)
        await self.until(lambda: len(self.read) >= have + more)

    async def miss(self, more: int = 1) -> None:
        have = self.misses
        await self.until(lambda: self.misses >= have + more)

    def longest_wait_s(self, since_s: float) -> float:
        """Between two answers, from then until now."""
        times = [since_s, *(at_s for at_s, _ in self.read if at_s > since_s)]
        return max(b - a for a, b in pairwise([*times, asyncio.get_running_loop().time()]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """``alerts``: what a person was told."""

    sick: Polled
    well: Polled
    memory: Memory
    alerts: list[str]

    @property
    def lost(self) -> bool:
        return f"north/{self.sick.lane.name}" in self.memory.lost


@asynccontextmanager
async def polling(*contexts: DeviceContext) -> AsyncIterator[tuple[list[Polled], Memory, list[str]]]:
    """Devices of one site, each polled by then twice; what is known of them; what a person is told."""
    site = _site(contexts)
    memory, alerts = Memory({site.id: site}), list[str]()
    devices = [Polled(WatchedLane(context)) for context in contexts]
    for each in devices:
        each.lane.on_open = memory.opened
    tasks = [
        asyncio.create_task(_poller(site, each, memory, alerts).run(), name=f"poll-{each.lane.name}")
        for each in devices
    ]
    try:
        for each in devices:
            await each.polls()
        yield devices, memory, alerts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in devices:
            with suppress(DriverError):
                await each.lane.close()


@asynccontextmanager
async def beside(sick: DeviceContext, well: DeviceContext) -> AsyncIterator[Both]:
    """Both are polled; each has answered twice."""
    async with polling(sick, well) as ((one, other), memory, alerts):
        yield Both(sick=one, well=other, memory=memory, alerts=alerts)


def _poller(site: Site, polled: Polled, memory: Memory, alerts: list[str]) -> Poller:
    def alert(site: str, text: str, radio: RadioKey | None) -> None:
        alerts.append(text)

    return Poller(
        site.id,
        polled.lane,
        memory,
        SystemClock(),
        found=polled.found,
        missed=polled.missed,
        jitter=lambda: 0.5,
        alert=alert,
    )


def _site(contexts: tuple[DeviceContext, ...]) -> Site:
    aps = [ap for context in contexts for ap in context.aps or (_only_ap(context),)]
    return Site(
        id="north",
        country="US",
        timezone="UTC",
        policy=Policy(poll_s=POLL_S, detect=DetectPolicy(missed_polls=2)),
        devices=MappingProxyType({context.config.id: context.config for context in contexts}),
        aps=MappingProxyType({ap.id: ap for ap in aps}),
    )


def _only_ap(context: DeviceContext) -> AccessPoint:
    return AccessPoint(id="ap1", device=context.config.id, radios=context.radios)


def at(context: DeviceContext, address: str, **options: object) -> DeviceContext:
    """The same device, reached elsewhere and with these options besides."""
    config = context.config
    given = MappingProxyType({**config.options, **options})
    return replace(context, config=replace(config, address=address, options=given))
