"""What a radio counts: frames, retries and air time at the present rates. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from drivers.types import SurveyReading

Reach = tuple[int, int]
"""How a client is reached: its signal in dBm, rounded to `airtime.LEVEL_DB`, and the width in MHz that it and
the radio both can use. Clients with the same reach have the same retries and the same rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Per second, or as shares of time, until something changes. All 0: silent.

    ``wanted``: the share of air time that would serve the whole demand; may exceed 1. ``retries``: retries
    per frame by reach; ``retry_ratio`` is their mean over the frames.
    """

    frames: float = 0.0
    bytes: float = 0.0
    retry_ratio: float = 0.0
    failed_ratio: float = 0.0
    busy: float = 0.0
    rx: float = 0.0
    tx: float = 0.0
    wanted: float = 0.0
    retries: Mapping[Reach, float] = field(default_factory=lambda: MappingProxyType({}))


SILENT = Rates()


@dataclass(slots=True)
class Tally:
    """Totals, in whole and broken numbers; what is reported is rounded down, so it never falls."""

    frames: float = 0.0
    retries: float = 0.0
    failed: float = 0.0
    bytes: float = 0.0

    def add(self, frames: float, retries: float, failed: float, size: float) -> None:
        self.frames += frames
        self.retries += retries
        self.failed += failed
        self.bytes += size

    def add_tally(self, other: Tally, times: float = 1.0) -> None:
        self.add(other.frames * times, other.retries * times, other.failed * times, other.bytes * times)

    def since(self, before: Tally) -> Tally:
        return Tally(
            self.frames - before.frames,
            self.retries - before.retries,
            self.failed - before.failed,
            self.bytes - before.bytes,
        )

    def copy(self) -> Tally:
        return Tally(self.frames, self.retries, self.failed, self.bytes)


@dataclass(slots=True)
class Survey:
    """Air time of one 20 MHz channel as one radio saw it, ms. ``told``: how it was reported last, when it had
    ``told_ms`` of active time."""

    active_ms: float = 0.0
    busy_ms: float = 0.0
    rx_ms: float = 0.0
    tx_ms: float = 0.0
    told: SurveyReading | None = None
    told_ms: float = 0.0

    def add(self, seconds: float, rates: Rates) -> None:
        ms = seconds * 1000
        self.active_ms += ms
        self.busy_ms += ms * rates.busy
        self.rx_ms += ms * rates.rx
        self.tx_ms += ms * rates.tx


@dataclass(slots=True)
class Traffic:
    """A radio's counters, brought up to date when they are looked at or when the rates change.

    ``lanes``: by reach, what a client there with a demand of 1 Mbit/s would have had: a client's own counters
    are its demand times what its lane grew by since it came, so many clients cost no more than one.
    ``demand``: Mbit/s of all clients, by reach. ``past``: what was counted before the last reset.
    """

    since_s: float
    total: Tally = field(default_factory=Tally)
    past: Tally = field(default_factory=Tally)
    lanes: dict[Reach, Tally] = field(default_factory=dict)
    surveys: dict[int, Survey] = field(default_factory=dict)
    disconnects: int = 0
    epoch: int = 1
    rates: Rates = SILENT
    demand: dict[Reach, float] = field(default_factory=dict)
    mhz: int | None = None  # where the radio listens; None: it is off

    def settle(self, now_s: float) -> None:
        """Count up to now at the present rates."""
        seconds = now_s - self.since_s
        if seconds <= 0:
            return
        self.since_s = now_s
        if self.mhz is not None:
            self.surveys.setdefault(self.mhz, Survey()).add(seconds, self.rates)
        if self.rates.frames > 0:
            self._send(seconds, self.rates)

    def _send(self, seconds: float, rates: Rates) -> None:
        frames, size = seconds * rates.frames, seconds * rates.bytes
        self.total.add(frames, frames * rates.retry_ratio, frames * rates.failed_ratio, size)
        demand = math.fsum(self.demand.values())
        each, each_size = frames / demand, size / demand
        per_retry = rates.failed_ratio / rates.retry_ratio if rates.retry_ratio else 0.0
        for reach, ratio in rates.retries.items():
            retries = each * ratio
            self.lanes[reach].add(each, retries, retries * per_retry, each_size)

    def ever(self, now_s: float) -> Tally:
        """Since the beginning, resets or not."""
        self.settle(now_s)
        found = self.past.copy()
        found.add_tally(self.total)
        return found

    def reset(self) -> None:
        """The device starts counting again at 0. (Clients' own counters go on: they are kept apart.)"""
        self.past.add_tally(self.total)
        self.total = Tally()
        self.surveys = {}
        self.disconnects = 0
        self.epoch += 1
