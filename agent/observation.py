"""Readings turned into rates: an observation is what one radio did between two readings of it. Pure.

Only fresh data of the device counts: a reading whose counters are those of the reading before gives no
observation, and the next one that moved is measured from the last one that did. `History` keeps that
bookkeeping; `fold` makes monitoring slots out of observations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile

from drivers.types import ClientReading, Counters, RadioReading, RadioState, SurveyReading
from inventory.model import MonitorPolicy, RadioKey

MAX_FRAMES_PER_S = 200_000
"""No radio sends more: 5 us per frame is less than the shortest aggregated MPDU takes."""
MAX_FRAME_BYTES = 65_536  # a segmentation-offload frame, which mac80211 counts once
SURVEY_SLACK = 0.01  # busy and active are read one after the other, so a full channel may read 100.5 %
SLOT_SLACK = 0.9  # two polls of 30 s that took 59 s are a slot of a minute
KEEP_S = 2400.0  # 20 slots of a minute before a change, or 30 after it, and some


class Flaw(StrEnum):
    """Why a part of an observation is missing."""

    RESET = "reset"  # the device's totals started again, or ran backwards
    IMPLAUSIBLE = "implausible"  # more frames or bytes than a radio can send in the span
    SURVEY_RESET = "survey_reset"  # air time ran backwards
    SURVEY_GARBAGE = "survey_garbage"  # busier than always
    RETUNED = "retuned"  # the surveyed frequency changed within the span
    OFF_AIR = "off_air"  # not transmitting at some time within the span


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one radio did from ``at_s - span_s`` to ``at_s`` (the device's own time of the counters).

    None = not reported, or not usable (``flaws`` says why). ``frames``: frames sent, failed ones included;
    ``retries``: repeated transmissions; ``failed``: frames given up. ``gone``: MACs that were here and are
    not any more, or came back in between; whether they are elsewhere on the site is not known here.
    ``disconnects``: the device's own count. ``clients``: MACs, kept only in a history's newest
    observation; ``client_count`` stays.
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
    clients: frozenset[str] | None = None
    client_count: int | None = None
    gone: frozenset[str] | None = None
    disconnects: int | None = None
    flaws: frozenset[Flaw] = frozenset()

    @property
    def start_s(self) -> float:
        return self.at_s - self.span_s

    @property
    def retry_ratio(self) -> float | None:
        """Share of transmissions that were repeats, 0..1: the chance that one try fails."""
        return _retry_ratio(self.frames, self.retries)

    @property
    def per(self) -> float | None:
        """Share of frames given up after all tries, 0..1."""
        return _share(self.failed, self.frames)

    @property
    def non_wifi_ratio(self) -> float | None:
        """Air time busy with neither our frames nor decoded ones, 0..1; None if a part is missing."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One monitoring interval of a radio. ``valid``: enough frames, and on air all the time.

    ``bytes_per_airtime``: bytes sent per ms of own transmit air time. ``disconnects_per_minute``: distinct
    clients that left the site. ``clients``: how many at the end. None = not reported.
    """

    start_s: float
    end_s: float
    valid: bool
    frames: int = 0
    retry_ratio: float | None = None
    per: float | None = None
    bytes_per_airtime: float | None = None
    busy_ratio: float | None = None
    non_wifi_ratio: float | None = None
    disconnects_per_minute: float | None = None
    clients: int | None = None


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
    traffic = _traffic(previous, current, span_s)
    air = _air(_in_use(previous), _in_use(current))
    off_air = {Flaw.OFF_AIR} if RadioState.ON_AIR is not previous.state or _off(current) else set()
    macs = _macs(current)
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
        tx_airtime_ms=air.tx_ms,
        busy_ratio=air.busy,
        rx_ratio=air.rx,
        tx_ratio=air.tx,
        noise_dbm=air.noise_dbm,
        clients=macs,
        client_count=None if macs is None else len(macs),
        gone=_gone(previous, current, span_s),
        disconnects=traffic.disconnects,
        flaws=frozenset(traffic.flaws | air.flaws | off_air),
    )


# Counters of traffic.

_FIELDS = ("frames", "retries", "failed", "bytes", "disconnects")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traffic:
    frames: int | None = None
    retries: int | None = None
    failed: int | None = None
    bytes: int | None = None
    disconnects: int | None = None
    flaws: frozenset[Flaw] = frozenset()


def _traffic(previous: RadioReading, current: RadioReading, span_s: float) -> _Traffic:
    """Frames sent in the span: the device's own totals where it keeps them, else the sum over clients."""
    own = _total_traffic(previous.counters, current.counters, span_s)
    if current.counters is not None and current.counters.tx_frames is not None:
        return own
    clients = _client_traffic(previous.clients, current.clients, span_s)
    return replace(clients, disconnects=own.disconnects, flaws=own.flaws)


def _total_traffic(before: Counters | None, after: Counters | None, span_s: float) -> _Traffic:
    """Differences of a radio's own totals; a new epoch or a counter that ran backwards gives none."""
    if before is None or after is None:
        return _Traffic()
    if before.epoch != after.epoch:
        return _Traffic(flaws=frozenset({Flaw.RESET}))
    old, new = _of_totals(before), _of_totals(after)
    rises = {name: _rise(old[name], new[name], after.width_bits) for name in _FIELDS}
    if any(rise is not None and rise < 0 for rise in rises.values()):
        return _Traffic(flaws=frozenset({Flaw.RESET}))
    if not _plausible(rises, span_s):
        # a total that went down and cannot have wrapped, or garbage
        backwards = any(_below(old[name], new[name]) for name in _FIELDS)
        return _Traffic(flaws=frozenset({Flaw.RESET if backwards else Flaw.IMPLAUSIBLE}))
    return _traffic_of(rises)


def _traffic_of(rises: Mapping[str, int | None]) -> _Traffic:
    return _Traffic(
        frames=rises["frames"],
        retries=rises["retries"],
        failed=rises["failed"],
        bytes=rises["bytes"],
        disconnects=rises["disconnects"],
    )


def _below(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after < before


def _of_totals(counters: Counters) -> Mapping[str, int | None]:
    return {
        "frames": counters.tx_frames,
        "retries": counters.tx_retries,
        "failed": counters.tx_failed,
        "bytes": counters.tx_bytes,
        "disconnects": counters.disconnects,
    }


def _rise(before: int | None, after: int | None, bits: int) -> int | None:
    """How far a counter rose, one wrap of a 32-bit counter included; negative: it ran backwards."""
    if before is None or after is None:
        return None
    if after < before and bits == 32:
        return after + 2**32 - before
    return after - before


def _plausible(rises: Mapping[str, int | None], span_s: float) -> bool:
    """True when a radio can have sent that much in the span."""
    most = MAX_FRAMES_PER_S * span_s
    if any((rises[name] or 0) > most for name in ("frames", "retries", "failed", "disconnects")):
        return False
    frames, size = rises["frames"], rises["bytes"]
    return size is None or size <= (most if frames is None else frames) * MAX_FRAME_BYTES


def _client_traffic(
    before: Sequence[ClientReading] | None, after: Sequence[ClientReading] | None, span_s: float
) -> _Traffic:
    """Sum over the clients that are in both readings; one that started again counts from 0 if it came
    back within the span, else it is left out. A field that one of them lacks is not reported."""
    if before is None or after is None:
        return _Traffic()
    old = {client.mac: client for client in before}
    rises = [
        rise
        for client in after
        if client.mac in old and (rise := _client_rise(old[client.mac], client, span_s)) is not None
    ]
    return _Traffic(
        frames=_sum(rise["frames"] for rise in rises),
        retries=_sum(rise["retries"] for rise in rises),
        failed=_sum(rise["failed"] for rise in rises),
        bytes=_sum(rise["bytes"] for rise in rises),
    )


def _client_rise(
    before: ClientReading, after: ClientReading, span_s: float
) -> Mapping[str, int | None] | None:
    """One client's part of the span; None when it cannot be told."""
    old, new = _of_client(before), _of_client(after)
    rises = {name: _rise(old[name], new[name], 64) for name in old}
    if _rejoined(before, after, span_s):
        rises = dict(new)
    if rises["frames"] is None or any(rise is not None and rise < 0 for rise in rises.values()):
        return None
    return rises if _plausible({**rises, "disconnects": None}, span_s) else None


def _of_client(client: ClientReading) -> dict[str, int | None]:
    return {
        "frames": client.tx_frames,
        "retries": client.tx_retries,
        "failed": client.tx_failed,
        "bytes": client.tx_bytes,
    }


def _rejoined(before: ClientReading, after: ClientReading, span_s: float) -> bool:
    """True when the association is younger than the span and its counters started again."""
    young = after.connected_s is not None and after.connected_s < span_s
    old, new = _of_client(before), _of_client(after)
    return young and any(_below(old[name], new[name]) for name in old)


def _gone(previous: RadioReading, current: RadioReading, span_s: float) -> frozenset[str] | None:
    """Clients that left within the span, those that came back at once included."""
    if previous.clients is None or current.clients is None:
        return None
    now = {client.mac: client for client in current.clients}
    return frozenset(
        client.mac
        for client in previous.clients
        if client.mac not in now or _rejoined(client, now[client.mac], span_s)
    )


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


# Counters of air time.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Air:
    tx_ms: int | None = None
    busy: float | None = None
    rx: float | None = None
    tx: float | None = None
    noise_dbm: float | None = None
    flaws: frozenset[Flaw] = frozenset()


def _air(before: SurveyReading | None, after: SurveyReading | None) -> _Air:
    """Shares of air time of the channel in use, from a survey before and after on the same frequency."""
    if before is None or after is None:
        return _Air(noise_dbm=after.noise_dbm if after else None)
    if before.frequency_mhz != after.frequency_mhz:
        return _Air(noise_dbm=after.noise_dbm, flaws=frozenset({Flaw.RETUNED}))
    active = _rise(before.active_ms, after.active_ms, 64)
    if active is None or active <= 0:
        flaws = {Flaw.SURVEY_RESET} if active is not None and active < 0 else set()
        return _Air(noise_dbm=after.noise_dbm, flaws=frozenset(flaws))
    rises = [
        _rise(before.busy_ms, after.busy_ms, 64),
        _rise(before.rx_ms, after.rx_ms, 64),
        _rise(before.tx_ms, after.tx_ms, 64),
    ]
    busy, rx, tx = (_air_share(rise, active) for rise in rises)
    garbage = any(
        rise is not None and share is None for rise, share in zip(rises, (busy, rx, tx), strict=True)
    )
    return _Air(
        tx_ms=None if tx is None else rises[2],
        busy=busy,
        rx=rx,
        tx=tx,
        noise_dbm=after.noise_dbm,
        flaws=frozenset({Flaw.SURVEY_GARBAGE} if garbage else ()),
    )


def _air_share(part_ms: int | None, active_ms: int) -> float | None:
    """Share of the active time, 0..1; None when it is impossible."""
    if part_ms is None or part_ms < 0 or part_ms > active_ms * (1 + SURVEY_SLACK) + 1:
        return None
    return min(1.0, part_ms / active_ms)


def _in_use(reading: RadioReading) -> SurveyReading | None:
    return next((entry for entry in reading.survey or () if entry.in_use), None)


# Freshness.


def _fresh(previous: RadioReading, current: RadioReading) -> bool:
    """True when a counter moved, a client came or went, or the radio is not what it was.

    Tables that only one of the two has tell nothing; signal, noise and connection time run by themselves.
    """
    pairs: list[tuple[object, object]] = [
        (_counted(previous), _counted(current)),
        (previous.counters, current.counters),
        (_air_time(previous), _air_time(current)),
    ]
    moved = any(old is not None and new is not None and old != new for old, new in pairs)
    return moved or _identity(previous) != _identity(current)


def _identity(reading: RadioReading) -> tuple[object, ...]:
    channel = reading.channel.value if reading.channel else None
    return reading.state, channel, reading.width_mhz.value if reading.width_mhz else None


def _counted(reading: RadioReading) -> Mapping[str, Mapping[str, int | None]] | None:
    return None if reading.clients is None else {c.mac: _of_client(c) for c in reading.clients}


def _air_time(reading: RadioReading) -> tuple[int | None, ...] | None:
    used = _in_use(reading)
    if used is None:
        return None
    return used.frequency_mhz, used.active_ms, used.busy_ms, used.rx_ms, used.tx_ms


def _data_s(reading: RadioReading) -> float:
    """When the device took the counters, as far as it says so."""
    return reading.at_s - reading.fresh_s


def _off(reading: RadioReading) -> bool:
    return reading.state is not RadioState.ON_AIR


def _macs(reading: RadioReading) -> frozenset[str] | None:
    return None if reading.clients is None else frozenset(client.mac for client in reading.clients)


def _share(part: int | None, whole: int | None) -> float | None:
    if part is None or not whole:
        return None
    return min(1.0, part / whole)


def _retry_ratio(frames: int | None, retries: int | None) -> float | None:
    return None if frames is None or retries is None else _share(retries, frames + retries)


# History and slots.


class History:
    """One radio's recent observations, oldest first, and the reading that the next is measured from.

    ``keep_s``: how much is kept; at least 20 slots of the device's refresh interval.
    """

    __slots__ = ("_items", "_keep_s", "_last", "_off_air")

    def __init__(self, *, keep_s: float = KEEP_S) -> None:
        self._items: deque[Observation] = deque()
        self._keep_s = keep_s
        self._last: RadioReading | None = None
        self._off_air = False

    def add(self, reading: RadioReading) -> Observation | None:
        """The observation that this reading completes, kept; None when it brings nothing new.

        A reading without counters (status only) is remembered when it finds the radio off air.
        """
        self._off_air |= _off(reading)
        if reading.clients is None and reading.counters is None and reading.survey is None:
            return None
        if self._last is None:
            self._last = reading
            return None
        observation = observe(self._last, reading)
        if observation is None:
            return None
        if self._off_air:
            observation = replace(observation, flaws=observation.flaws | {Flaw.OFF_AIR})
        self._off_air = _off(reading)
        self._last = _carried(self._last, reading)
        self.append(observation)
        return observation

    def append(self, observation: Observation) -> None:
        """Keep an observation; the one before it gives up its MACs, what is too old is dropped."""
        if self._items:
            self._items[-1] = replace(self._items[-1], clients=None)
        self._items.append(observation)
        while self._items[0].at_s < observation.at_s - self._keep_s:
            self._items.popleft()

    def keep(self, keep_s: float) -> None:
        """Keep at least so many seconds from now on."""
        self._keep_s = max(self._keep_s, keep_s)

    @property
    def observations(self) -> Sequence[Observation]:
        return tuple(self._items)

    @property
    def last(self) -> Observation | None:
        return self._items[-1] if self._items else None

    def newest(self, count: int) -> tuple[Observation, ...]:
        """The last so many observations, oldest first."""
        return tuple(list(self._items)[-count:]) if count > 0 else ()

    def slots(
        self,
        policy: MonitorPolicy,
        *,
        since_s: float = float("-inf"),
        until_s: float = float("inf"),
        refresh_s: float = 0.0,
        elsewhere: frozenset[str] = frozenset(),
    ) -> tuple[Slot, ...]:
        """Whole slots between two times; see `fold`."""
        recent = list(takewhile(lambda seen: seen.start_s >= since_s, reversed(self._items)))
        inside = [seen for seen in reversed(recent) if seen.at_s <= until_s]
        return fold(inside, policy, refresh_s=refresh_s, elsewhere=elsewhere)


def _carried(previous: RadioReading, current: RadioReading) -> RadioReading:
    """The current reading with the tables that it lacks taken over from the one before."""
    if current.clients is not None and current.counters is not None and current.survey is not None:
        return current
    return replace(
        current,
        clients=previous.clients if current.clients is None else current.clients,
        counters=previous.counters if current.counters is None else current.counters,
        survey=previous.survey if current.survey is None else current.survey,
    )


def fold(
    observations: Iterable[Observation],
    policy: MonitorPolicy,
    *,
    refresh_s: float = 0.0,
    elsewhere: frozenset[str] = frozenset(),
) -> tuple[Slot, ...]:
    """Observations put together into slots of max(``policy.slot_s``, ``refresh_s``), oldest first.

    An incomplete last slot is left out. ``elsewhere``: MACs that are on another radio of the site now: one
    that left and is there has roamed, and is no disconnection.
    """
    length_s = max(policy.slot_s, refresh_s) * SLOT_SLACK
    slots: list[Slot] = []
    part: list[Observation] = []
    for observation in observations:
        part.append(observation)
        if observation.at_s - part[0].start_s >= length_s:
            slots.append(_slot(part, policy.min_frames, elsewhere))
            part = []
    return tuple(slots)


def _slot(part: Sequence[Observation], min_frames: int, elsewhere: frozenset[str]) -> Slot:
    start_s, end_s = part[0].start_s, part[-1].at_s
    frames = sum(seen.frames or 0 for seen in part)
    both = [seen for seen in part if seen.frames is not None and seen.retries is not None]
    given_up = [seen for seen in part if seen.frames is not None and seen.failed is not None]
    counts = [seen.client_count for seen in part if seen.client_count is not None]
    return Slot(
        start_s=start_s,
        end_s=end_s,
        valid=frames >= min_frames and all(seen.on_air for seen in part),
        frames=frames,
        retry_ratio=_retry_ratio(
            sum(seen.frames or 0 for seen in both), sum(seen.retries or 0 for seen in both)
        ),
        per=_share(sum(seen.failed or 0 for seen in given_up), sum(seen.frames or 0 for seen in given_up)),
        bytes_per_airtime=_bytes_per_airtime(part),
        busy_ratio=_mean((seen.busy_ratio, seen.span_s) for seen in part),
        non_wifi_ratio=_mean((seen.non_wifi_ratio, seen.span_s) for seen in part),
        disconnects_per_minute=_disconnects_per_minute(part, elsewhere),
        clients=counts[-1] if counts else None,
    )


def _bytes_per_airtime(part: Sequence[Observation]) -> float | None:
    """Bytes sent per ms of own transmit air time, over observations that report both."""
    both = [seen for seen in part if seen.bytes is not None and seen.tx_airtime_ms]
    airtime_ms = sum(seen.tx_airtime_ms or 0 for seen in both)
    return sum(seen.bytes or 0 for seen in both) / airtime_ms if airtime_ms else None


def _mean(weighted: Iterable[tuple[float | None, float]]) -> float | None:
    pairs = [(value, weight) for value, weight in weighted if value is not None]
    whole = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / whole if whole else None


def _disconnects_per_minute(part: Sequence[Observation], elsewhere: frozenset[str]) -> float | None:
    """Distinct clients that left and are nowhere else, per minute; the device's own count where it lists
    no clients."""
    minutes = (part[-1].at_s - part[0].start_s) / 60
    sets = [seen.gone for seen in part if seen.gone is not None]
    if sets:
        return len(frozenset().union(*sets) - elsewhere) / minutes
    counts = [seen.disconnects for seen in part if seen.disconnects is not None]
    return sum(counts) / minutes if counts else None
