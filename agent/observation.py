"""An observation: what one radio did between two readings of it. Pure.

Only fresh data of the device counts: a reading whose counters are those of the reading before gives no
observation, and the next one that moved is measured from the last one that did (`agent/history.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.airtime import SURVEY_SLACK, air_of, counted_air
from agent.counters import Flaw, retry_share, rise_of, share
from agent.traffic import counted, gone_clients, traffic_of
from drivers.types import Gauges, RadioReading, RadioState
from inventory.model import RadioKey

FLAWLESS: frozenset[Flaw] = frozenset()
NOTHING_TOLD = Gauges()
"""One for all observations, both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one radio did from ``at_s - span_s`` to ``at_s`` (the device's own time of the counters).

    None = not reported, or not usable (``flaws`` says why). ``frames``: frames sent, failed ones included;
    ``retries``: repeated transmissions; ``failed``: frames given up. ``gone``: MACs that were here and are
    not any more, or came back in between; whether they are elsewhere on the site is not known here.
    ``disconnects``: the device's own count. ``hardware_resets``: how often the radio's chip was restarted.
    ``told``: what the device worked out itself; it counts where its counters do not tell.
    """

    key: RadioKey
    at_s: float
    span_s: float
    state: RadioState = RadioState.ON_AIR
    channel: int | None = None
    width_mhz: int | None = None
    frames: int | None = None
    retries: int | None = None
    failed: int | None = None
    bytes: int | None = None
    tx_airtime_ms: int | None = None
    busy_ratio: float | None = None
    rx_ratio: float | None = None
    tx_ratio: float | None = None
    noise_dbm: float | None = None
    client_count: int | None = None
    gone: frozenset[str] | None = None
    disconnects: int | None = None
    hardware_resets: int | None = None
    told: Gauges = NOTHING_TOLD
    flaws: frozenset[Flaw] = frozenset()

    @property
    def start_s(self) -> float:
        return self.at_s - self.span_s

    @property
    def retry_ratio(self) -> float | None:
        """Share of transmissions that were repeats, 0..1: the chance that one try fails."""
        counted = retry_share(self.frames, self.retries)
        return self.told.retry_ratio if counted is None else counted

    @property
    def per(self) -> float | None:
        """Share of frames given up after all tries, 0..1."""
        counted = share(self.failed, self.frames)
        return self.told.per if counted is None else counted

    @property
    def non_wifi_ratio(self) -> float | None:
        """Air time busy with neither our frames nor decoded ones, 0..1; None if a part is missing."""
        if self.told.non_wifi_ratio is not None:
            return self.told.non_wifi_ratio
        if self.busy_ratio is None or self.rx_ratio is None or self.tx_ratio is None:
            return None
        rest = self.busy_ratio - self.rx_ratio - self.tx_ratio
        return max(0.0, rest) if rest >= -SURVEY_SLACK else None

    @property
    def left(self) -> int:
        """How many clients are gone from this radio; 0 also when not reported."""
        return len(self.gone or ())

    @property
    def on_air(self) -> bool:
        """On air at the end of the span and, as far as was seen, all through it."""
        return self.state is RadioState.ON_AIR and Flaw.OFF_AIR not in self.flaws


def observe(previous: RadioReading | None, current: RadioReading) -> Observation | None:
    """What the radio did between two readings; None when there is nothing new to say.

    Nothing new: no reading before, or the device has not refreshed a counter nor changed its state. Then
    the next reading must be compared with the same ``previous`` again (`History` does).
    """
    if previous is None or not _fresh(previous, current):
        return None
    span_s = _data_s(current) - _data_s(previous)
    if span_s <= 0:
        return None
    traffic = traffic_of(previous, current, span_s)
    air = air_of(previous, current)
    off_air = {Flaw.OFF_AIR} if RadioState.ON_AIR is not previous.state or is_off_air(current) else set()
    told = current.gauges or NOTHING_TOLD
    return Observation(
        key=current.key,
        at_s=_data_s(current),
        span_s=span_s,
        state=current.state,
        channel=current.channel.value if current.channel else None,
        width_mhz=current.width_mhz.value if current.width_mhz else None,
        frames=traffic.frames,
        retries=traffic.retries,
        failed=traffic.failed,
        bytes=traffic.bytes,
        tx_airtime_ms=_part_ms(told.tx_ratio, span_s) if air.tx_ms is None else air.tx_ms,
        busy_ratio=told.busy_ratio if air.busy is None else air.busy,
        rx_ratio=told.rx_ratio if air.rx is None else air.rx,
        tx_ratio=told.tx_ratio if air.tx is None else air.tx,
        noise_dbm=told.noise_dbm if air.noise_dbm is None else air.noise_dbm,
        client_count=current.clients_here,
        gone=gone_clients(previous, current, span_s),
        disconnects=traffic.disconnects,
        hardware_resets=_risen(previous.hardware_resets, current.hardware_resets),
        told=told,
        flaws=frozenset(flaws) if (flaws := traffic.flaws | air.flaws | off_air) else FLAWLESS,
    )


def _part_ms(ratio: float | None, span_s: float) -> int | None:
    return None if ratio is None else round(ratio * span_s * 1000)


def _fresh(previous: RadioReading, current: RadioReading) -> bool:
    """True when a counter or a gauge moved, a client came or went, or the radio is not what it was.

    Tables that only one of the two has tell nothing; signal, noise and connection time run by themselves.
    """
    pairs: list[tuple[object, object]] = [
        (counted(previous), counted(current)),
        (previous.counters, current.counters),
        (counted_air(previous), counted_air(current)),
        (previous.gauges, current.gauges),
        (previous.client_count, current.client_count),
    ]
    moved = any(old is not None and new is not None and old != new for old, new in pairs)
    return moved or _identity(previous) != _identity(current)


def _identity(reading: RadioReading) -> tuple[object, ...]:
    channel = reading.channel.value if reading.channel else None
    return reading.state, channel, reading.width_mhz.value if reading.width_mhz else None


def _risen(before: int | None, after: int | None) -> int | None:
    """How far a plain count rose; None when it is not reported or started again."""
    rise = rise_of(before, after, 64)
    return None if rise is None or rise < 0 else rise


def _data_s(reading: RadioReading) -> float:
    """When the device took the counters, as far as it says so."""
    return reading.at_s - reading.fresh_s


def is_off_air(reading: RadioReading) -> bool:
    return reading.state is not RadioState.ON_AIR
