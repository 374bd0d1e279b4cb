"""What both versions of SNMP do alike: tables are walked, several columns at once, within bounds; errors of
an agent become ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.errors import DeviceTimeout, DriverError, Garbage, Refused, TryAgain
from drivers.notifications import Oid, Value
from drivers.transport.snmp_message import Answer, chunks, order

COLUMNS_AT_ONCE: Final = 20  # of one GetBulk: as many names as fit into a datagram with any path MTU
INSTANCES_AT_ONCE: Final = 30  # of one Get

TOO_BIG: Final = 1
STATUSES: Final = (  # RFC 3416 section 3
    "noError",
    "tooBig",
    "noSuchName",
    "badValue",
    "readOnly",
    "genErr",
    "noAccess",
    "wrongType",
    "wrongLength",
    "wrongEncoding",
    "wrongValue",
    "noCreation",
    "inconsistentValue",
    "resourceUnavailable",
    "commitFailed",
    "undoFailed",
    "authorizationError",
    "notWritable",
    "inconsistentName",
)
_PASSING: Final = {"resourceUnavailable", "undoFailed"}  # the latter may have done something

Deliver = Callable[[dict[Oid, Value]], object]
Get = Callable[[Sequence[Oid]], Awaitable[Answer]]
Bulk = Callable[[Sequence[Oid], int], Awaitable[Answer]]
"""One GetBulk: the instances behind these, that many rows of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkLimits:
    """``repetitions``: varbinds that one GetBulk asks for; ``varbinds``, ``seconds``: of one walk."""

    repetitions: int
    varbinds: int
    seconds: float


async def get(name: str, ask: Get, oids: Sequence[Oid]) -> dict[Oid, Value]:
    """Values of these instances, absent ones left out; where the agent says tooBig it is asked for less."""
    found: dict[Oid, Value] = {}
    parts = chunks(oids, INSTANCES_AT_ONCE)[::-1]
    while parts:
        part = parts.pop()
        answer = await ask(part)
        if answer.status == TOO_BIG and len(part) > 1:
            parts += chunks(part, (len(part) + 1) // 2)[::-1]
            continue
        check(name, answer, part)
        wanted = set(part)
        for oid, value in answer.varbinds:
            if oid not in wanted:
                raise Garbage(f"{name}: answered with {oid}, which was not asked for")
            if value is not None:
                found[oid] = value
    return found


async def walk(name: str, bulk: Bulk, roots: Sequence[Oid], limits: WalkLimits, deliver: Deliver) -> None:
    """All instances below the roots, delivered as they come. Raises Garbage for an agent that goes in circles
    or never ends, DeviceTimeout for one that takes too long, and what ``bulk`` raises."""
    state = _Walk(name, roots, limits)
    try:
        async with asyncio.timeout(limits.seconds):
            while columns := state.next_columns():
                cursors = [state.cursors[each] for each in columns]
                deliver(state.take(columns, await bulk(cursors, state.rows(columns))))
    except DriverError:
        raise
    except TimeoutError:
        raise DeviceTimeout(f"{name}: a walk was not done in {limits.seconds:g} s") from None


def check(name: str, answer: Answer, oids: Sequence[Oid]) -> None:
    """Raises what the agent's error-status means: Refused, or TryAgain."""
    if answer.status == 0:
        return
    known = 0 < answer.status < len(STATUSES)
    word = STATUSES[answer.status] if known else f"error-status {answer.status}"
    at = f" at {oids[answer.index - 1]}" if 0 < answer.index <= len(oids) else ""
    kind = TryAgain if word in _PASSING else Refused
    raise kind(f"{name}: the agent says {word}{at}")


class _Walk:
    """How far each column is."""

    def __init__(self, name: str, roots: Sequence[Oid], limits: WalkLimits) -> None:
        self.cursors = {root: root for root in dict.fromkeys(roots)}
        self._places: dict[Oid, tuple[int, ...]] = dict.fromkeys(self.cursors, ())  # behind their columns
        self._name = name
        self._limits = limits
        self._wanted = limits.repetitions
        self._left = limits.varbinds
        self._open = list(self.cursors)

    def next_columns(self) -> list[Oid]:
        return self._open[: min(COLUMNS_AT_ONCE, self._wanted)]

    def rows(self, columns: Sequence[Oid]) -> int:
        return max(1, self._wanted // len(columns))

    def take(self, columns: Sequence[Oid], answer: Answer) -> dict[Oid, Value]:
        """What an answer adds. An agent may leave out what does not fit, at any varbind of a row."""
        found: dict[Oid, Value] = {}
        if answer.status == TOO_BIG or (answer.status == 0 and not answer.varbinds):
            self._ask_for_less()
            return found
        check(self._name, answer, [self.cursors[column] for column in columns])
        ended: set[Oid] = set()
        for column, oid, value in _by_column(columns, answer):
            if column in ended:
                continue
            if value is None or not oid.startswith(column + "."):
                ended.add(column)
            else:
                self._advance(column, oid)
                found[oid] = value
        self._open = [column for column in self._open if column not in ended]
        return found

    def _advance(self, column: Oid, oid: Oid) -> None:
        place = order(oid[len(column) + 1 :])
        if place <= self._places[column]:
            raise Garbage(f"{self._name}: goes in circles: {oid} comes after {self.cursors[column]}")
        self.cursors[column], self._places[column] = oid, place
        self._left -= 1
        if self._left < 0:
            raise Garbage(f"{self._name}: more than {self._limits.varbinds} values below {column}")

    def _ask_for_less(self) -> None:
        if self._wanted == 1:
            raise Refused(f"{self._name}: the agent says tooBig to a single value")
        self._wanted //= 2


def _by_column(columns: Sequence[Oid], answer: Answer) -> Iterator[tuple[Oid, Oid, Value | None]]:
    for at, (oid, value) in enumerate(answer.varbinds):
        yield columns[at % len(columns)], oid, value
