"""What a radio sent between two readings, from its own totals or from those of its clients. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.counters import Flaw, rise_of
from drivers.types import ClientReading, Counters, RadioReading

MAX_FRAMES_PER_S = 200_000
"""No radio sends more: 5 us per frame is less than the shortest aggregated MPDU takes."""

NOBODY: frozenset[str] = frozenset()
"""One for all: an empty set takes as much memory as a small observation, and there are 40 to a radio."""

MAX_FRAME_BYTES = 65_536  # a segmentation-offload frame, which mac80211 counts once

_FIELDS = ("frames", "retries", "failed", "bytes", "disconnects")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What was sent in a span. None = not reported, or not usable (``flaws`` says why)."""

    frames: int | None = None
    retries: int | None = None
    failed: int | None = None
    bytes: int | None = None
    disconnects: int | None = None
    flaws: frozenset[Flaw] = frozenset()


def traffic_of(previous: RadioReading, current: RadioReading, span_s: float) -> Traffic:
    """Frames sent in the span: the device's own totals where it keeps them, else the sum over clients."""
    own = _total_traffic(previous.counters, current.counters, span_s)
    if current.counters is not None and current.counters.tx_frames is not None:
        return own
    clients = _client_traffic(previous.clients, current.clients, span_s)
    return replace(clients, disconnects=own.disconnects, flaws=own.flaws)


def _total_traffic(before: Counters | None, after: Counters | None, span_s: float) -> Traffic:
    """Differences of a radio's own totals; a new epoch or a counter that ran backwards gives none."""
    if before is None or after is None:
        return Traffic()
    if before.epoch != after.epoch:
        return Traffic(flaws=frozenset({Flaw.RESET}))
    old, new = _of_totals(before), _of_totals(after)
    rises = {name: rise_of(old[name], new[name], after.width_bits) for name in _FIELDS}
    if any(rise is not None and rise < 0 for rise in rises.values()):
        return Traffic(flaws=frozenset({Flaw.RESET}))
    if not _plausible(rises, span_s):
        # a total that went down and cannot have wrapped, or garbage
        backwards = any(_below(old[name], new[name]) for name in _FIELDS)
        return Traffic(flaws=frozenset({Flaw.RESET if backwards else Flaw.IMPLAUSIBLE}))
    return _of_rises(rises)


def _of_rises(rises: Mapping[str, int | None]) -> Traffic:
    return Traffic(
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


def _plausible(rises: Mapping[str, int | None], span_s: float) -> bool:
    """True when a radio can have sent that much in the span."""
    most = MAX_FRAMES_PER_S * span_s
    if any((rises[name] or 0) > most for name in ("frames", "retries", "failed", "disconnects")):
        return False
    frames, size = rises["frames"], rises["bytes"]
    return size is None or size <= (most if frames is None else frames) * MAX_FRAME_BYTES


def _client_traffic(
    before: Sequence[ClientReading] | None, after: Sequence[ClientReading] | None, span_s: float
) -> Traffic:
    """Sum over the clients that are in both readings; one that started again counts from 0 if it came
    back within the span, else it is left out. A field that one of them lacks is not reported."""
    if before is None or after is None:
        return Traffic()
    old = {client.mac: client for client in before}
    rises = [
        rise
        for client in after
        if client.mac in old and (rise := _client_rise(old[client.mac], client, span_s)) is not None
    ]
    return Traffic(
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
    rises = {name: rise_of(old[name], new[name], 64) for name in old}
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


def gone_clients(previous: RadioReading, current: RadioReading, span_s: float) -> frozenset[str] | None:
    """Clients that left within the span, those that came back at once included."""
    if previous.clients is None or current.clients is None:
        return None
    now = {client.mac: client for client in current.clients}
    gone = {
        client.mac
        for client in previous.clients
        if client.mac not in now or _rejoined(client, now[client.mac], span_s)
    }
    return frozenset(gone) if gone else NOBODY


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def counted(reading: RadioReading) -> Mapping[str, Mapping[str, int | None]] | None:
    """The clients' counters by MAC: what moves when the device refreshes them."""
    return None if reading.clients is None else {c.mac: _of_client(c) for c in reading.clients}
