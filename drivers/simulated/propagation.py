"""How loud one place hears another: log-distance path loss and walls. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

Position = tuple[float, float, float]
"""Metres."""

NOISE_DBM = -95.0
"""Thermal noise of 20 MHz with a usual receiver."""


@dataclass(frozen=True, slots=True)
class Wall:
    """A wall from floor to roof between two points (metres)."""

    a: tuple[float, float]
    b: tuple[float, float]
    loss_db: float

    def between(self, p: Position, q: Position) -> bool:
        """Whether the straight line from p to q, seen from above, crosses it."""
        return _sides_differ(self.a, self.b, p, q) and _sides_differ(p, q, self.a, self.b)


def _sides_differ(
    a: tuple[float, ...], b: tuple[float, ...], p: tuple[float, ...], q: tuple[float, ...]
) -> bool:
    return _side(a, b, p) * _side(a, b, q) < 0


def _side(a: tuple[float, ...], b: tuple[float, ...], p: tuple[float, ...]) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """A building of equal rooms: walls at every multiple of ``room_m`` in both directions (shifted by half a
    room, so that a multiple of it is the middle of a room), floors at every multiple of ``storey_m``. What
    lies between two places is counted, not searched for, however large the building is."""

    room_m: float = 15.0
    wall_db: float = 6.0
    storey_m: float = 4.0
    floor_db: float = 18.0

    def loss_db(self, p: Position, q: Position) -> float:
        walls = abs(self._room(p[0]) - self._room(q[0])) + abs(self._room(p[1]) - self._room(q[1]))
        floors = abs(p[2] // self.storey_m - q[2] // self.storey_m)
        return walls * self.wall_db + floors * self.floor_db

    def _room(self, metres: float) -> float:
        return (metres / self.room_m + 0.5) // 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Propagation:
    """``exponent``: 2 in free space, about 3 in an office (ITU-R P.1238)."""

    exponent: float = 3.0
    walls: tuple[Wall, ...] = ()
    rooms: Rooms | None = None

    def loss_db(self, a: Position, b: Position, mhz: float) -> float:
        """Path loss: free space for the first metre, then 10 n log10(d); no less than at 1 m."""
        return first_metre_db(mhz) + self.beyond_db(a, b)

    def beyond_db(self, a: Position, b: Position) -> float:
        """What is lost beyond the first metre: the same for every frequency."""
        distance = max(1.0, math.dist(a, b))
        walls = sum(wall.loss_db for wall in self.walls if wall.between(a, b)) if self.walls else 0.0
        rooms = self.rooms.loss_db(a, b) if self.rooms is not None else 0.0
        return 10 * self.exponent * math.log10(distance) + walls + rooms


def first_metre_db(mhz: float) -> float:
    """Free space loss of one metre."""
    return 20 * math.log10(mhz) - 27.55
