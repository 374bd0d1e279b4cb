"""What the agent knows about one radio right now: last reading, history, scans, pools."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent import airs, crowd, levels
from agent.airs import Airs
from agent.airtime import ChannelAir, airs_of
from agent.crowd import Crowd
from agent.history import History
from agent.known import Known
from agent.levels import Levels
from agent.view import block_of, spot_of
from agent.words import Words
from drivers.types import (
    BssReading,
    Capabilities,
    NeighborReading,
    RadioReading,
    SurveyReading,
    Table,
)
from inventory.model import Policy

HEARD_MOST = 2000
"""BSSs that one radio remembers: a transmitter that makes up addresses shall not fill the memory."""

KEPT = (
    "clients",
    "client_count",
    "counters",
    "survey",
    "gauges",
    "neighbors",
    "bss",
    "allowed_mhz",
    "power_choices_dbm",
    "country",
)
"""What a reading that was not asked for it takes over from the one before."""


@dataclass(slots=True)
class RadioMemory:
    """One radio. ``held``: when it was seen last on which 20 MHz channels, newest last.

    ``neighbors``: by BSSID, when it was heard last and how; replaced as a whole, since views look into it.
    ``keep_s``: how long. ``scanned_at_s`` and ``clients_at_s``: when the neighbour table and the client
    table were read last, even if empty; None = never. ``macs``: the clients of the present reading.
    ``signals``: what its device pushed about it, oldest first.
    ``air``: by 20 MHz channel, when it was measured last and what. ``bss``: its BSSs as last reported, kept
    when its device is lost: others may still hear them, or no longer. ``level_pool``, ``air_pool``,
    ``crowd``: scans, surveys and clients pooled, for plans.
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
    level_pool: Levels = levels.EMPTY
    air_pool: Airs = airs.EMPTY
    crowd: Crowd = crowd.EMPTY
    air: Mapping[int, tuple[float, ChannelAir]] = field(default_factory=dict)
    surveyed: tuple[SurveyReading, ...] = ()
    held: deque[tuple[float, frozenset[int]]] = field(default_factory=lambda: deque(maxlen=64))
    signals: Words = field(default_factory=Words)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, reading: RadioReading) -> None:
        """Take in one reading; tables that it lacks stay as they were."""
        self.history.add(reading)
        self.reading = merged(self.reading, reading)
        if reading.bss is not None:
            self.bss = reading.bss
        if block := block_of(reading):
            self._hold(reading.at_s, block.mhz20)
        if reading.clients is not None:
            self.clients_at_s = reading.at_s
            self.macs = frozenset(client.mac for client in reading.clients)
        if (count := reading.clients_here) is not None and self.crowd.due(reading.at_s):
            self.crowd = self.crowd.seen(count, reading.clients or (), reading.at_s)
        if reading.neighbors is not None:
            self._hear(reading.at_s, reading.neighbors)
        if reading.survey is not None:
            self._measure(reading.at_s, reading.survey, reading.fresh_s)
        self.seen.set()
        self.seen = asyncio.Event()

    def _hold(self, now_s: float, mhz20: frozenset[int]) -> None:
        """Seen there once more, or for the first time."""
        if self.held and self.held[-1][1] == mhz20:
            self.held.pop()
        self.held.append((now_s, mhz20))

    def _hear(self, now_s: float, scan: Sequence[NeighborReading]) -> None:
        """Add one scan to what was heard; what is older than ``keep_s`` is forgotten."""
        self.scanned_at_s = now_s
        if not self.level_pool.scans or now_s - self.level_pool.at_s >= self._renewed_s:
            self.level_pool = self.level_pool.with_scan(self.neighbors, scan, now_s)
        known = {**self.neighbors, **{heard.bssid: (now_s, heard) for heard in scan}}
        fresh = {
            bssid: (at_s, heard)
            for bssid, (at_s, heard) in known.items()
            if heard.age_s + now_s - at_s <= self.keep_s
        }
        self.neighbors = fresh if len(fresh) <= HEARD_MOST else _nearest(fresh)

    def _measure(self, now_s: float, survey: tuple[SurveyReading, ...], age_s: float) -> None:
        """Add what was measured since the survey before; a channel not listened to since stays as it was."""
        measured = airs_of(self.surveyed, survey, age_s)
        self.air = {**self.air, **{mhz: (now_s, each) for mhz, each in measured.items()}}
        used = block_of(self.reading)
        self.air_pool = self.air_pool.with_survey(measured, used.primary_mhz if used else None, now_s)
        self.surveyed = survey

    @property
    def _renewed_s(self) -> float:
        """How old the device lets its neighbour table get, where it says so."""
        return self.capabilities.refresh_s.get(Table.NEIGHBORS, 0.0) if self.capabilities else 0.0

    def seen_so_far(self) -> Known:
        return Known(
            self.device,
            self.reading,
            self.neighbors,
            self.scanned_at_s,
            self.air,
            self.capabilities,
            self.level_pool,
            self.air_pool,
            self.crowd,
            spot_of(self.reading, self.air),
        )

    def lose(self) -> None:
        """The reading and its clients are no longer fit to decide on."""
        self.reading, self.macs = None, frozenset()

    def held_since(self, since_s: float) -> frozenset[int]:
        """20 MHz channels that the radio was seen on since then, and where it was just before."""
        recent = [mhz20 for at_s, mhz20 in self.held if at_s >= since_s]
        before = [mhz20 for at_s, mhz20 in self.held if at_s < since_s][-1:]
        return frozenset().union(*recent, *before)


def _nearest(
    heard: Mapping[str, tuple[float, NeighborReading]],
) -> dict[str, tuple[float, NeighborReading]]:
    """Those read last, the loudest of one scan first: who is really there is heard again and again."""
    order = sorted(heard.items(), key=lambda each: (-each[1][0], -each[1][1].signal_dbm))
    return dict(order[:HEARD_MOST])


def merged(old: RadioReading | None, new: RadioReading) -> RadioReading:
    """The new reading, with the tables that were not asked for this time taken over from the old one."""
    if old is None:
        return new
    kept = {
        name: known
        for name in KEPT
        if getattr(new, name) is None and (known := getattr(old, name)) is not None
    }
    return replace(new, **kept) if kept else new
