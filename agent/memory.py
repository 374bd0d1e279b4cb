"""What the agent knows about its radios right now: last readings, histories, scans, who was where.

Lost with the process, and rebuilt by polling; what must survive is in the store.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from agent.change import Change, State
from agent.events import Event
from agent.history import History
from agent.moment import Moment
from agent.nop import Nop, later
from agent.view import Heard, RadioView, SiteView, block_of
from drivers.types import BssReading, Capabilities, DeviceInfo, NeighborReading, RadioReading, Snapshot
from inventory.model import Policy, RadioKey, Site, site_of

KEEP_SLOTS = 22
"""A baseline of 20 slots and some, of a device that refreshes slowly."""


@dataclass(slots=True)
class RadioMemory:
    """One radio. ``held``: when it was seen on which 20 MHz channels, newest last.

    ``neighbors``: by BSSID, when it was heard last and how; replaced as a whole, since views look into it.
    ``keep_s``: how long. ``scanned_at_s`` and ``clients_at_s``: when the neighbour table and the client
    table were read last, even if empty; None = never. ``macs``: the clients of the present reading.
    ``bss``: its BSSs as last reported, kept when its device is lost: others may still hear them.
    """

    device: str
    keep_s: float = Policy().neighbour_age_s
    history: History = field(default_factory=History)
    reading: RadioReading | None = None
    neighbors: Mapping[str, tuple[float, NeighborReading]] = field(default_factory=dict)
    scanned_at_s: float | None = None
    clients_at_s: float | None = None
    macs: frozenset[str] = frozenset()
    bss: tuple[BssReading, ...] = ()
    capabilities: Capabilities | None = None
    held: deque[tuple[float, frozenset[int]]] = field(default_factory=lambda: deque(maxlen=64))
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, reading: RadioReading) -> None:
        """Take in one reading; tables that it lacks stay as they were."""
        self.history.add(reading)
        self.reading = merged(self.reading, reading)
        if reading.bss is not None:
            self.bss = reading.bss
        if block := block_of(reading):
            self.held.append((reading.at_s, block.mhz20))
        if reading.clients is not None:
            self.clients_at_s = reading.at_s
            self.macs = frozenset(client.mac for client in reading.clients)
        if reading.neighbors is not None:
            self._hear(reading.at_s, reading.neighbors)
        self.seen.set()
        self.seen = asyncio.Event()

    def _hear(self, now_s: float, scan: Iterable[NeighborReading]) -> None:
        """Add one scan to what was heard; what is older than ``keep_s`` is forgotten."""
        self.scanned_at_s = now_s
        known = {**self.neighbors, **{heard.bssid: (now_s, heard) for heard in scan}}
        self.neighbors = {
            bssid: (at_s, heard)
            for bssid, (at_s, heard) in known.items()
            if heard.age_s + now_s - at_s <= self.keep_s
        }

    def heard(self, now_s: float, keep_s: float) -> Heard:
        """Every BSS heard within ``keep_s``, with its age."""
        return Heard(self.neighbors, now_s, keep_s)

    def lose(self) -> None:
        """The reading and its clients are no longer fit to decide on."""
        self.reading, self.macs = None, frozenset()

    def held_since(self, since_s: float) -> frozenset[int]:
        """20 MHz channels that the radio was seen on since then, and where it was just before."""
        recent = [mhz20 for at_s, mhz20 in self.held if at_s >= since_s]
        before = [mhz20 for at_s, mhz20 in self.held if at_s < since_s][-1:]
        return frozenset().union(*recent, *before)


def merged(old: RadioReading | None, new: RadioReading) -> RadioReading:
    """The new reading, with the tables that were not asked for this time taken over from the old one."""
    if old is None:
        return new
    kept = {
        name: getattr(old, name)
        for name in ("clients", "counters", "survey", "neighbors", "bss", "allowed_mhz", "country")
        if getattr(new, name) is None
    }
    return replace(new, **kept)


class Memory:
    """All sites of the daemon."""

    def __init__(self, sites: Mapping[str, Site]) -> None:
        self.sites = sites
        self.radios: dict[RadioKey, RadioMemory] = {
            key: RadioMemory(device=site.device_of(key).id, keep_s=site.policy.neighbour_age_s)
            for site in sites.values()
            for key in site.radios
        }
        self.nops: dict[tuple[str, int, RadioKey], Nop] = {}  # site, 20 MHz channel, who heard the radar
        self.changes: dict[str, Change] = {}
        self.paused: frozenset[str] = frozenset()
        self.observing_only: str | None = None
        self.stuck: set[str] = set()  # escalated changes that still hold their radios
        self.standby: dict[str, str] = {}  # site -> why this agent may not write to it
        self.lost: set[str] = set()  # site/device
        self._critical: dict[RadioKey, deque[tuple[str, str]]] = {}

    def opened(self, info: DeviceInfo) -> None:
        for key in info.radios:
            if key in self.radios:
                self.radios[key].capabilities = info.capabilities
                slowest_s = max(info.capabilities.refresh_s.values(), default=0.0)
                self.radios[key].history.keep(KEEP_SLOTS * slowest_s)

    def see(self, snapshot: Snapshot) -> None:
        for key, reading in snapshot.readings.items():
            if key in self.radios:
                self.radios[key].see(reading)

    def lose(self, site: str, device: str) -> None:
        """The device answers no more: what is known of its radios is no longer fit to decide on."""
        self.lost.add(f"{site}/{device}")
        for key, radio in self.radios.items():
            if site_of(key) == site and radio.device == device:
                radio.lose()

    def note(self, event: Event) -> None:
        """An event was raised; the critical ones are held against an open change of their radio."""
        if event.severity == "critical" and event.radio is not None:
            self._critical.setdefault(event.radio, deque(maxlen=64)).append((str(event.kind), event.key))

    def critical(self, key: RadioKey) -> tuple[tuple[str, str], ...]:
        """Kind and de-duplication key of the critical events of a radio, oldest first."""
        return tuple(self._critical.get(key, ()))

    def remember(self, change: Change) -> Change:
        if (
            change.state is State.ESCALATED
            and change.id in self.changes
            and not self.changes[change.id].final
        ):
            self.stuck.add(change.id)
        self.changes[change.id] = change
        return change

    def bar(self, nops: Iterable[Nop]) -> None:
        for nop in nops:
            key = (nop.site, nop.mhz20, nop.by_radio)
            known = self.nops.get(key)
            deadline = later(known.deadline, nop.deadline) if known else nop.deadline
            self.nops[key] = replace(nop, deadline=deadline)

    def barred(self, site: str, now: Moment) -> frozenset[int]:
        """20 MHz channels of the site in a non-occupancy period; ended ones are forgotten."""
        for key in [key for key, nop in self.nops.items() if nop.deadline.passed(now)]:
            del self.nops[key]
        return frozenset(mhz for where, mhz, _ in self.nops if where == site)

    def changes_of(self, site: str, now: Moment) -> tuple[Change, ...]:
        """Open changes and those of the last week, newest first; older ones are forgotten."""
        week_us = 7 * 86_400_000_000
        for change in list(self.changes.values()):
            if change.final and now.utc_us - change.created_utc_us > week_us:
                del self.changes[change.id]
        mine = [change for change in self.changes.values() if change.site == site]
        return tuple(sorted(mine, key=lambda c: c.created_utc_us, reverse=True))

    def view(self, site: Site, now: Moment) -> SiteView:
        """The site as decisions see it."""
        return SiteView(
            site=site,
            now=now,
            radios={key: self._radio(site, key, now) for key in site.radios},
            barred_mhz=self.barred(site.id, now),
            changes=self.changes_of(site.id, now),
            paused=self.paused,
            observing_only=self.observing_only or self.standby.get(site.id),
            bssids=self._bssids(site),
        )

    def _radio(self, site: Site, key: RadioKey, now: Moment) -> RadioView:
        known, keep_s = self.radios[key], site.policy.neighbour_age_s
        scanned_at_s = known.scanned_at_s
        scanned_age_s = None if scanned_at_s is None else now.monotonic_s - scanned_at_s
        return RadioView(
            radio=site.radios[key],
            device=known.device,
            reading=known.reading,
            neighbors=known.heard(now.monotonic_s, keep_s),
            scanned=scanned_age_s is not None and scanned_age_s <= keep_s,
            scanned_age_s=scanned_age_s,
            capabilities=known.capabilities,
        )

    def _bssids(self, site: Site) -> dict[str, RadioKey]:
        return {bss.bssid: key for key in site.radios for bss in self.radios[key].bss}
