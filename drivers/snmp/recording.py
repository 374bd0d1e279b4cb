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
        self._sorted: list[Oid] = []
        self._is_open = False

    async def open(self) -> None:
        self._sorted = sorted(self.values)
        self._is_open = True

    async def get(self, oids: Sequence[Oid]) -> Mapping[Oid, Value]:
        self._check()
        return {oid: self.values[oid] for oid in oids if oid in self.values}

    async def walk(self, roots: Sequence[Oid]) -> Mapping[Oid, Value]:
        self._check()
        return {oid: self.values[oid] for root in roots for oid in self._below(root)}

    def _below(self, root: Oid) -> Sequence[Oid]:
        """'/' comes right after '.': what starts with the root and a dot stands between."""
        return self._sorted[bisect_left(self._sorted, f"{root}.") : bisect_left(self._sorted, f"{root}/")]

    async def set(self, values: Sequence[Assignment]) -> None:
        self._check()
        raise Refused("a recording can't be set")

    async def close(self) -> None:
        self._is_open = False

    def _check(self) -> None:
        if not self._is_open:
            raise Disconnected("the session is closed")
