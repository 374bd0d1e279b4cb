"""A device that is only a recording: it answers what was recorded, and takes nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

from drivers.errors import Disconnected, Refused
from drivers.notifications import Oid, Value
from drivers.snmp.parse_recording import Recording, parse
from drivers.snmp.session import Assignment


def load(path: Path) -> Recording:
    """Of a file. Raises OSError, Garbage with the line's number."""
    return parse(path.read_text(encoding="utf-8", errors="surrogateescape"))


class RecordedSession:
    """An SnmpSession over values that do not change by themselves."""

    engine_id: bytes | None = None

    def __init__(self, values: Mapping[Oid, Value]) -> None:
        self.values = dict(values)
        self._order: list[tuple[int, ...]] = []
        self._sorted: list[Oid] = []
        self._is_open = False

    async def open(self) -> None:
        by_numbers = sorted((_numbers(oid), oid) for oid in self.values)
        self._order = [numbers for numbers, _ in by_numbers]
        self._sorted = [oid for _, oid in by_numbers]
        self._is_open = True

    async def get(self, oids: Sequence[Oid]) -> Mapping[Oid, Value]:
        self._check()
        return {oid: self.values[oid] for oid in oids if oid in self.values}

    async def walk(self, roots: Sequence[Oid]) -> Mapping[Oid, Value]:
        self._check()
        return {oid: self.values[oid] for root in roots for oid in self._below(root)}

    def _below(self, root: Oid) -> Sequence[Oid]:
        """In the order in which an agent gives them: by numbers, not by text."""
        *above, last = _numbers(root)
        start, end = (bisect_left(self._order, (*above, each)) for each in (last, last + 1))
        return [oid for oid in self._sorted[start:end] if oid != root]

    async def set(self, values: Sequence[Assignment]) -> None:
        self._check()
        raise Refused("a recording can't be set")

    async def close(self) -> None:
        self._is_open = False

    def _check(self) -> None:
        if not self._is_open:
            raise Disconnected("the session is closed")


def _numbers(oid: Oid) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))
