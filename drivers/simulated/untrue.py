"""Answers that are late, partial or wrong: what scripted faults and slow tables make of true readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drivers.simulated.faults import Fault, Kind
from drivers.simulated.world import World
from drivers.types import Absence, Counters, RadioReading
from inventory.model import RadioKey

WRAP = 1 << 32
WRAP_MARGIN = 1000  # frames from the fault to the wrap

Readings = Mapping[RadioKey, RadioReading]
Missing = Mapping[RadioKey, Absence]


class Untruths:
    """One device's. ``refresh_s``: it renews its counters only so often."""

    def __init__(self, world: World, refresh_s: float) -> None:
        self._world = world
        self._refresh_s = refresh_s
        self._last: dict[RadioKey, tuple[float, RadioReading]] = {}
        self._wrapping: dict[RadioKey, Counters] = {}

    def tell(self, found: Readings, fault: Fault | None, now_s: float) -> tuple[Readings, Missing]:
        """What the device answers instead of ``found``, and what it leaves out."""
        told = {key: self._narrow(reading) for key, reading in self._reset(found, fault).items()}
        if fault is None or fault.kind is not Kind.FROZEN:
            told = {key: self._aged(reading, now_s) for key, reading in told.items()}
        else:
            told = {key: self._as_before(reading) for key, reading in told.items()}
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

    def _aged(self, reading: RadioReading, now_s: float) -> RadioReading:
        """The device's own copy of the counters, as old as it lets it get."""
        taken_s, _ = self._last.get(reading.key, (-1e18, reading))
        if self._refresh_s and now_s - taken_s < self._refresh_s:
            return replace(self._as_before(reading), fresh_s=now_s - taken_s)
        self._last[reading.key] = (now_s, reading)
        return reading

    def _as_before(self, reading: RadioReading) -> RadioReading:
        _, before = self._last.get(reading.key, (0.0, reading))
        return replace(reading, counters=before.counters, clients=before.clients, survey=before.survey)


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
