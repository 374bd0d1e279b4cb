"""What a radio counts: frames, retries and air time at the present rates. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Per second, or as shares of time, until something changes. All 0: silent."""

    frames: float = 0.0
    bytes: float = 0.0
    retry_ratio: float = 0.0
    failed_ratio: float = 0.0
    busy: float = 0.0
    rx: float = 0.0
    tx: float = 0.0


SILENT = Rates()


@dataclass(slots=True)
class Tally:
    """Totals, in whole and broken numbers; what is reported is rounded down, so it never falls."""

    frames: float = 0.0
    retries: float = 0.0
    failed: float = 0.0
    bytes: float = 0.0

    def add(self, seconds: float, rates: Rates, share: float = 1.0) -> None:
        frames = seconds * rates.frames * share
        self.frames += frames
        self.retries += frames * rates.retry_ratio
        self.failed += frames * rates.failed_ratio
        self.bytes += seconds * rates.bytes * share

    def copy(self) -> Tally:
        return Tally(self.frames, self.retries, self.failed, self.bytes)


@dataclass(slots=True)
class Survey:
    """Air time of one 20 MHz channel as one radio saw it, ms."""

    active_ms: float = 0.0
    busy_ms: float = 0.0
    rx_ms: float = 0.0
    tx_ms: float = 0.0

    def add(self, seconds: float, rates: Rates) -> None:
        ms = seconds * 1000
        self.active_ms += ms
        self.busy_ms += ms * rates.busy
        self.rx_ms += ms * rates.rx
        self.tx_ms += ms * rates.tx


@dataclass(slots=True)
class Traffic:
    """A radio's counters, brought up to date when they are looked at or when the rates change.

    ``unit`` is what a client with a demand of 1 Mbit/s would have had: a client's own counters are its
    demand times what ``unit`` grew by since it came, so many clients cost no more than one.
    """

    since_s: float
    total: Tally = field(default_factory=Tally)
    unit: Tally = field(default_factory=Tally)
    surveys: dict[int, Survey] = field(default_factory=dict)
    disconnects: int = 0
    epoch: int = 1
    rates: Rates = SILENT
    demand: float = 0.0  # Mbit/s of all clients
    mhz: int | None = None  # where the radio listens; None: it is off

    def settle(self, now_s: float) -> None:
        """Count up to now at the present rates."""
        seconds = now_s - self.since_s
        if seconds <= 0:
            return
        self.since_s = now_s
        if self.mhz is not None:
            self.surveys.setdefault(self.mhz, Survey()).add(seconds, self.rates)
        if self.demand > 0 and self.rates.frames > 0:
            self.total.add(seconds, self.rates)
            self.unit.add(seconds, self.rates, 1 / self.demand)

    def reset(self) -> None:
        """The device starts counting again at 0. (Clients' own counters go on: they are kept apart.)"""
        self.total = Tally()
        self.surveys = {}
        self.disconnects = 0
        self.epoch += 1
