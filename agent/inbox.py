"""What devices say, and where it goes: radar at once to its watch, everything else to the detectors."""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog

from agent.clock import Clock
from agent.fleet import Fleet
from agent.incidents import Incidents
from agent.late_writes import LateWrites
from agent.memory import Memory
from agent.radar import RadarWatch, Report
from agent.view import block_of
from drivers.signals import (
    AttackHeard,
    ChannelSwitched,
    Gap,
    InterferenceHeard,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioFault,
    RadioUp,
    RogueHeard,
    Signal,
)
from drivers.types import RadioReading, RadioState, Snapshot
from inventory.model import RadioKey, site_of

log = structlog.get_logger()

REPORTS = (InterferenceHeard, RogueHeard, AttackHeard, RadioFault)
"""Signals that a detector weighs."""

MOVED = (Gap, RadioUp, RadioDown, ChannelSwitched, NopFinished)
"""Signals after which the device is read at once."""

STRANGE_MOST = 1000
"""Unknown radios that are named in the log: who makes them up fills neither it nor the memory."""


class Inbox:
    """All that comes in, from all devices."""

    def __init__(
        self,
        memory: Memory,
        clock: Clock,
        fleet: Fleet,
        radar: RadarWatch,
        incidents: Incidents,
        late: LateWrites,
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._fleet = fleet
        self._radar = radar
        self._incidents = incidents
        self._late = late
        self._to_look_at: dict[tuple[str, RadioKey], None] = {}  # in order, each once
        self._wake = asyncio.Event()
        self._strange: set[RadioKey] = set()  # unknown radios that signals named, each logged once
        self.strange: Counter[str] = Counter()  # by site: signals of such

    async def told(self, site: str, device: str, signal: Signal) -> None:
        """A device pushed something."""
        if isinstance(signal, RadarDetected):
            await self._radar_told(site, device, signal)
        elif isinstance(signal, MOVED):
            if isinstance(signal, RadioUp | RadioDown) and self._knows(site, device, signal.radio):
                self._memory.told(signal, self._clock.monotonic())
            self._fleet.poll_now(site, device)
        elif isinstance(signal, REPORTS) and self._knows(site, device, signal.radio):
            self._memory.told(signal, self._clock.monotonic())
            self._to_look_at[site, signal.radio] = None
            self._wake.set()

    async def run(self) -> None:
        """Ask the detectors about what was reported, until cancelled. Not where it is heard: each event waits
        for the disk, and radar that comes after a flood of reports must not."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._to_look_at:
                site, key = next(iter(self._to_look_at))
                del self._to_look_at[site, key]
                if site in self._memory.sites:
                    await self._incidents.look(site, [key])

    async def polled(self, site: str, snapshot: Snapshot) -> None:
        """What a poll reveals: radar that no signal told of, an AP that fell silent because of it, and all
        that detectors find."""
        known = [key for key in snapshot.readings if key in self._memory.radios]
        for key in known:
            await self._radar_polled(site, key, snapshot.readings[key])
        await self._late.look(known)
        absent = [key for key in snapshot.missing if key in self._memory.radios]
        await self._incidents.look(site, [*known, *absent])

    async def missed(self, site: str, device: str) -> None:
        """A device did not answer a poll. Once it is lost it is asked another way, and its neighbours are
        asked whether they hear it."""
        contact = self._memory.contact(site, device)
        if contact.lost_at_s is not None and contact.otherwise is None:
            self._fleet.ask_otherwise(site, device, lambda: self._otherwise(site, device))
        await self._incidents.look(site, self._radios_of(site, device))

    async def _otherwise(self, site: str, device: str) -> None:
        if self._memory.contact(site, device).otherwise is False:
            self._scan_around(site, device)
        await self._incidents.look(site, self._radios_of(site, device))

    def _scan_around(self, site: str, device: str) -> None:
        """Whoever heard the lost device's radios listens once more."""
        view = self._memory.view(self._memory.sites[site], self._clock.now())
        lost = self._radios_of(site, device)
        near = {view.radios[other].device for key in lost for other in view.neighbours(key)}
        for other in near - {device}:
            self._fleet.poll_now(site, other, scan=True)

    def _radios_of(self, site: str, device: str) -> list[RadioKey]:
        return [
            key
            for key, known in self._memory.radios.items()
            if known.device == device and site_of(key) == site
        ]

    def _knows(self, site: str, device: str, key: RadioKey) -> bool:
        if key in self._memory.radios and site_of(key) == site:
            return True
        self.strange[site] += 1
        if key not in self._strange and len(self._strange) < STRANGE_MOST:
            self._strange.add(key)
            log.warning("signal.unknown_radio", site=site, device=device, radio=key)
        return False

    # -- radar -------------------------------------------------------------------------------------

    async def _radar_told(self, site: str, device: str, signal: RadarDetected) -> None:
        """The device is read in any case: that says whether it is true where nobody proved who sent it, and
        what it is about where the report names no channel that radar can be on."""
        known = signal.radio is None or self._knows(site, device, signal.radio)
        if known and signal.authenticated:
            radios = (signal.radio,) if signal.radio else self._radios_on(site, device, signal.mhz20)
            await self._radar.heard(
                Report(site=site, radios=radios, mhz20=signal.mhz20, source="signal", raw=signal.raw)
            )
        self._fleet.poll_now(site, device)

    def _radios_on(self, site: str, device: str, mhz20: frozenset[int]) -> tuple[RadioKey, ...]:
        """Radios of the device that were on these channels within the last minute."""
        since_s = self._clock.monotonic() - self._memory.sites[site].policy.radar_held_s
        return tuple(
            key
            for key in self._radios_of(site, device)
            if self._memory.radios[key].held_since(since_s) & mhz20
        )

    async def _radar_polled(self, site: str, key: RadioKey, reading: RadioReading) -> None:
        known = self._memory.barred(site, self._clock.now())
        fresh = (reading.nop_mhz or frozenset()) - known
        block = block_of(reading)
        hit = block.mhz20 & self._hit_by(key, reading) if block else frozenset()
        if fresh:
            await self._radar.heard(Report(site=site, radios=(key,), mhz20=fresh, source="poll"))
        elif reading.state is RadioState.NOP or hit or self._radar.left_off(key, reading):
            self._radar.verify(key, hit, None, drill=False)

    def _hit_by(self, key: RadioKey, reading: RadioReading) -> frozenset[int]:
        """20 MHz channels on which this radio itself heard radar: one that is still there after a restart
        of the agent must leave."""
        own = {nop.mhz20 for nop in self._memory.nops.values() if nop.by_radio == key}
        return frozenset(own | (reading.nop_mhz or frozenset()))
