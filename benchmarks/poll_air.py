"""What a controller with many APs says over SNMP: the tests' synthetic Cisco controller, one AP of it again
and again, with counters that go on. No recording of a real device is needed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from integration import ber
from integration.ber import Typed
from integration.snmp_responder import Agent, read_snmprec

TEMPLATE = Path(__file__).parents[1] / "tests/contract/recordings/snmp/airespace.synthetic.snmprec"
AIRESPACE = "1.3.6.1.4.1.14179"
SERIAL = f"{AIRESPACE}.1.1.1.4.0"
UPTIME = "1.3.6.1.2.1.1.3.0"
OF_AN_AP = ".2.0.0.0.16."
"""Begins the index of each row that belongs to an AP; the next number tells which of the template's."""
FIRST, NEXT = "16", "2.0.0.0.16.32"
RADAR = f"{AIRESPACE}.2.2.24.1."
STATIONS = (f"{AIRESPACE}.2.1.4.1.", f"{AIRESPACE}.2.1.6.1.")
STATION = ".2.1.0.0.0.1"
SLOT_OF_STATION = f"{AIRESPACE}.2.1.4.1.5"
GROWING = tuple(f"{AIRESPACE}.{each}." for each in ("2.2.6.1.3", "2.2.6.1.12", "2.2.6.1.33", "2.1.6.1"))
STANDING = f"{AIRESPACE}.2.1.6.1.1."  # a signal in dBm among the totals
EVERY_S = 5.0
DOUBLED_S = 10_000.0
"""After so long the totals have doubled: some 150 frames a second and radio, 3 % of them repeats."""


def mac(number: int) -> str:
    """Of an AP, as it stands in an index; each has 16 addresses, as real ones have."""
    return f"2.0.0.{number >> 8}.{number & 255}.16"


def _octets(index: str) -> bytes:
    return bytes(map(int, index.split(".")))


def controller(aps: int, *, first: int = 0, stations: int = 8) -> dict[str, Typed]:
    """So many APs with two radios each and so many clients each; nobody heard radar lately."""
    told = read_snmprec(TEMPLATE.read_text())
    numbers = range(first, first + aps)
    found: dict[str, Typed] = {}
    for oid, typed in told.items():
        if oid.startswith(STATIONS):
            found.update(_of_stations(oid, typed, numbers, stations))
        elif OF_AN_AP in oid:
            found.update(_of_aps(oid, typed, numbers))
        else:
            found[oid] = typed
    return found | {SERIAL: (ber.OCTETS, f"SYNTHETIC{first}".encode())}


def _of_aps(oid: str, typed: Typed, numbers: range) -> Iterator[tuple[str, Typed]]:
    head, _, tail = oid.partition(OF_AN_AP)
    owner, _, rest = tail.partition(".")
    if owner != FIRST or oid.startswith(RADAR):
        return
    for number in numbers:
        after = f".{rest.replace(NEXT, mac(number + 1))}" if rest else ""
        yield f"{head}.{mac(number)}{after}", _renamed(typed, number)


def _renamed(typed: Typed, number: int) -> Typed:
    tag, value = typed
    if value == _octets(mac(0).replace(".0.16", ".16.16")):
        return tag, _octets(mac(number))
    if value == _octets(NEXT):
        return tag, _octets(mac(number + 1))
    return (tag, f"ap{number}".encode()) if value == b"ap1" else typed


def _of_stations(oid: str, typed: Typed, numbers: range, stations: int) -> Iterator[tuple[str, Typed]]:
    if not oid.endswith(STATION):
        return
    column = oid.removesuffix(STATION)
    for number in numbers:
        for each in range(stations):
            value = (ber.INTEGER, each % 2) if column == SLOT_OF_STATION else _renamed(typed, number)
            yield f"{column}.2.1.{each}.{number >> 8}.{number & 255}.1", value


class Living(Agent):
    """Its clock goes on, and so do its totals, looked after every five seconds."""

    def __init__(self, values: dict[str, Typed]) -> None:
        super().__init__(values)
        self.remember = False
        self._begun_s = self._at_s = time.monotonic()
        self._uptime = values[UPTIME]
        self._totals = {
            oid: (tag, total)
            for oid, (tag, total) in values.items()
            if oid.startswith(GROWING) and not oid.startswith(STANDING) and isinstance(total, int)
        }

    def answers(self, datagram: bytes) -> Sequence[tuple[float, bytes]]:
        now_s = time.monotonic()
        if now_s - self._at_s >= EVERY_S:
            self._at_s = now_s
            self._go_on(now_s - self._begun_s)
        return super().answers(datagram)

    def _go_on(self, passed_s: float) -> None:
        tag, ticks = self._uptime
        self.put(UPTIME, (tag, int(ticks) + int(passed_s * 100)))
        for oid, (kind, total) in self._totals.items():
            self.put(oid, (kind, int(total * (1 + passed_s / DOUBLED_S))))
