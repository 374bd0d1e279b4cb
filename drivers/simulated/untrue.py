"""Answers that are late, partial or wrong: what scripted faults and slow tables make of true readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from drivers.simulated.faults import Fault, Kind
from drivers.simulated.world import World
from drivers.types import Absence, Counters, RadioReading, Table
from inventory.model import RadioKey

FIELDS: Mapping[Table, tuple[str, ...]] = MappingProxyType(
    {
        Table.CLIENTS: ("clients",),
        Table.COUNTERS: ("counters",),
        Table.SURVEY: ("survey",),
        Table.NEIGHBORS: ("neighbors",),
    }
)
"""What of a reading belongs to which table."""

WRAP = 1 << 32
WRAP_MARGIN = 1000  # frames from the fault to the wrap

Readings = Mapping[RadioKey, RadioReading]
Missing = Mapping[RadioKey, Absence]


@dataclass(frozen=True, slots=True)
class Copy:
    """The device's own copy of one table of one radio, and when it was taken."""

    taken_s: float
    reading: RadioReading


class Untruths:
    """One device's. ``refresh_s``: by table, how often the device renews its copy of it; others it reads
    afresh."""

    def __init__(self, world: World, refresh_s: Mapping[Table, float]) -> None:
        self._world = world
        self._refresh_s = refresh_s
        self._copies: dict[tuple[RadioKey, Table], Copy] = {}
        self._wrapping: dict[RadioKey, Counters] = {}

    def tell(self, found: Readings, fault: Fault | None, now_s: float) -> tuple[Readings, Missing]:
        """What the device answers instead of ``found``, and what it leaves out."""
        frozen = fault is not None and fault.kind is Kind.FROZEN
        told = {
            key: self._aged(self._narrow(reading), now_s, frozen=frozen)
            for key, reading in self._reset(found, fault).items()
        }
        lost = _left_out(told, fault)
        return {key: reading for key, reading in told.items() if key not in lost}, lost

    def _reset(self, found: Readings, fault: Fault | None) -> Readings:
        kind = fault.kind if fault is not None else None
        if kind is Kind.COUNTER_RESET:
            for key in found:
                self._world.reset_counters(key)
            return {key: replace(each, counters=_zero(each.counters)) for key, each in found.items()}
        if kind is Kind.WRAP_32:
            self._wrapping.update({key: each.counters for key, each in found.items() if each.counters})
        return found

    def _narrow(self, reading: RadioReading) -> RadioReading:
        """32-bit totals, all about to wrap when the fault began."""
        start, now = self._wrapping.get(reading.key), reading.counters
        if start is None or now is None:
            return reading
        names = ("tx_frames", "tx_retries", "tx_failed", "tx_bytes")
        totals = {
            name: (getattr(now, name) - getattr(start, name) + WRAP - WRAP_MARGIN) % WRAP for name in names
        }
        return replace(reading, counters=replace(now, **totals, width_bits=32))

    def _aged(self, reading: RadioReading, now_s: float, *, frozen: bool) -> RadioReading:
        """With the device's own copies, as old as it lets them get. A frozen one claims to be fresh."""
        for table, fields in FIELDS.items():
            if getattr(reading, fields[0]) is None:
                continue
            taken = self._copies.get((reading.key, table))
            if taken is not None and (frozen or now_s - taken.taken_s < self._refresh_s.get(table, 0.0)):
                reading = _as_then(reading, taken, table, 0.0 if frozen else now_s - taken.taken_s)
            else:
                self._copies[reading.key, table] = Copy(now_s, reading)
        return reading


def _as_then(reading: RadioReading, taken: Copy, table: Table, age_s: float) -> RadioReading:
    then: dict[str, Any] = {name: getattr(taken.reading, name) for name in FIELDS[table]}
    if table is Table.NEIGHBORS:
        heard = taken.reading.neighbors or ()
        return replace(reading, neighbors=tuple(replace(each, age_s=each.age_s + age_s) for each in heard))
    return replace(reading, **then, fresh_s=max(reading.fresh_s, age_s))


def _zero(counters: Counters | None) -> Counters | None:
    if counters is None:
        return None
    return Counters(
        tx_frames=0,
        tx_retries=0,
        tx_failed=0,
        tx_bytes=0,
        disconnects=0,
        epoch=str(int(counters.epoch) + 1),
    )


def _left_out(told: Readings, fault: Fault | None) -> Missing:
    if fault is None:
        return {}
    if fault.kind is Kind.PARTIAL:
        return dict.fromkeys(fault.radios or sorted(told)[1::2], Absence.TIMEOUT)
    if fault.kind is Kind.GARBAGE:
        return dict.fromkeys(fault.radios or told, Absence.GARBAGE)
    return {}
