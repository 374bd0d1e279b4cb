"""Where to draw the APs of a site: by their positions, or by how loud they hear each other. Pure.

Without positions distances are guessed from the signal (log-distance path loss, exponent 3), and drawn by
pivot MDS (Brandes and Pich 2007) and a few rounds of stress by gradient descent (Zheng, Pawar and Goodman
2019): the same site gives the same picture.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agent.view import SiteView
from inventory.model import ap_of

Point = tuple[float, float]
Near = dict[str, dict[str, float]]
"""Metres between APs that hear each other."""

ONE_METRE_DBM: Final = -40.0
EXPONENT: Final = 3.0
FARTHEST_M: Final = 150.0

PIVOTS: Final = 20
ROUNDS: Final = 30
POWER_ROUNDS: Final = 60

FLOOR_M: Final = 2.5
"""APs that differ less in height are on one floor."""

GAP_M: Final = 15.0
"""Between floors, and between groups that do not hear each other."""


def places(view: SiteView) -> dict[str, Point]:
    """Each AP (id) of the site in metres, x to the right and y down; floors one below the other, the highest
    first."""
    near = _near(view)
    known = {id: ap.position_m for id, ap in view.site.aps.items() if ap.position_m is not None}
    if not known:
        return _by_signal(sorted(view.site.aps), near)
    found = _floors(known)
    lost = [id for id in sorted(view.site.aps) if id not in found]
    return {**found, **_beside(lost, found, near)}


def _near(view: SiteView) -> Near:
    loudest: dict[tuple[str, str], float] = {}
    for key, at in view.radios.items():
        mine = ap_of(key).split("/")[1]
        for each in at.heard(view.site.policy.neighbour_age_s):
            other = view.bssids.get(each.bssid)
            if other is None or (theirs := ap_of(other).split("/")[1]) == mine:
                continue
            pair = min(mine, theirs), max(mine, theirs)
            loudest[pair] = max(loudest.get(pair, -200.0), each.signal_dbm)
    found: Near = {id: {} for id in view.site.aps}
    for (a, b), dbm in loudest.items():
        found[a][b] = found[b][a] = metres(dbm)
    return found


def metres(dbm: float) -> float:
    """How far away somebody is who is heard so loud, as a guess: 1 to `FARTHEST_M`."""
    return min(FARTHEST_M, max(1.0, math.pow(10.0, (ONE_METRE_DBM - dbm) / (10.0 * EXPONENT))))


# -- by position -------------------------------------------------------------------------------------------


def _floors(known: Mapping[str, tuple[float, float, float]]) -> dict[str, Point]:
    heights = sorted({z for _, _, z in known.values()}, reverse=True)
    tops = [z for above, z in zip([math.inf, *heights], heights, strict=False) if above - z > FLOOR_M]
    deep = max(y for _, y, _ in known.values()) - min(y for _, y, _ in known.values())
    return {
        id: (x, y + (deep + GAP_M) * (sum(top >= z - 1e-9 for top in tops) - 1))
        for id, (x, y, z) in known.items()
    }


def _beside(lost: Sequence[str], found: Mapping[str, Point], near: Near) -> dict[str, Point]:
    """APs without a position: in the middle of those that they hear, the near ones counting more; in a row
    below all where they hear nobody."""
    below = max(y for _, y in found.values()) + GAP_M
    placed: dict[str, Point] = {}
    row = 0
    for id in lost:
        seen = [(found[other], 1.0 / m**2) for other, m in near[id].items() if other in found]
        total = sum(weight for _, weight in seen)
        if seen:
            placed[id] = (
                sum(x * weight for (x, _), weight in seen) / total,
                sum(y * weight for (_, y), weight in seen) / total,
            )
        else:
            placed[id] = (min(x for x, _ in found.values()) + row * GAP_M, below)
            row += 1
    return placed


# -- by signal ---------------------------------------------------------------------------------------------


def _by_signal(aps: Sequence[str], near: Near) -> dict[str, Point]:
    """Groups that hear each other, the greatest first, in rows."""
    groups = sorted(_groups(aps, near), key=lambda group: (-len(group), group))
    drawn = [_drawn(group, near) for group in groups]
    width = max((_size(each)[0] for each in drawn), default=0.0)
    found: dict[str, Point] = {}
    x = y = tall = 0.0
    for each in drawn:
        wide, high = _size(each)
        if x > 0 and x + wide > width:
            x, y, tall = 0.0, y + tall + GAP_M, 0.0
        found |= {id: (x + at[0], y + at[1]) for id, at in each.items()}
        x, tall = x + wide + GAP_M, max(tall, high)
    return found


def _size(found: Mapping[str, Point]) -> Point:
    return max(x for x, _ in found.values()), max(y for _, y in found.values())


def _groups(aps: Sequence[str], near: Near) -> Iterator[list[str]]:
    left = set(aps)
    for first in aps:
        if first in left:
            group = sorted(_distances(first, near))
            left -= set(group)
            yield group


def _distances(start: str, near: Near) -> dict[str, float]:
    """Metres from one AP to all that it reaches, hop by hop (Dijkstra)."""
    found: dict[str, float] = {}
    queue = [(0.0, start)]
    while queue:
        far, id = heapq.heappop(queue)
        if id in found:
            continue
        found[id] = far
        for other, step in near[id].items():
            if other not in found:
                heapq.heappush(queue, (far + step, other))
    return found


def _drawn(group: Sequence[str], near: Near) -> dict[str, Point]:
    """One group, its upper left corner at 0, 0."""
    pivots = _pivots(group, near)
    at = _mds(group, pivots)
    _relax(at, pivots, near)
    at = _level(at)
    left, top = min(x for x, _ in at.values()), min(y for _, y in at.values())
    return {id: (x - left, y - top) for id, (x, y) in at.items()}


def _level(at: Mapping[str, Point]) -> dict[str, Point]:
    """Turned so that the longest way across is from left to right."""
    count = len(at)
    x0, y0 = sum(x for x, _ in at.values()) / count, sum(y for _, y in at.values()) / count
    moved = {id: (x - x0, y - y0) for id, (x, y) in at.items()}
    xx, yy = sum(x * x for x, _ in moved.values()), sum(y * y for _, y in moved.values())
    angle = math.atan2(2 * sum(x * y for x, y in moved.values()), xx - yy) / 2
    cos, sin = math.cos(angle), math.sin(angle)
    return {id: (x * cos + y * sin, y * cos - x * sin) for id, (x, y) in moved.items()}


def _pivots(group: Sequence[str], near: Near) -> dict[str, dict[str, float]]:
    """Some APs far from each other, with their distances to all."""
    found = {group[0]: _distances(group[0], near)}
    while len(found) < min(PIVOTS, len(group)):
        far = max(group, key=lambda id: (min(each[id] for each in found.values()), id))
        if far in found:
            break
        found[far] = _distances(far, near)
    return found


def _mds(group: Sequence[str], pivots: Mapping[str, Mapping[str, float]]) -> dict[str, Point]:
    squares = [[each[id] ** 2 for each in pivots.values()] for id in group]
    by_row = [sum(row) / len(row) for row in squares]
    by_column = [sum(column) / len(column) for column in zip(*squares, strict=True)]
    mean = sum(by_row) / len(by_row)
    centred = [
        [-(cell - of_row - of_column + mean) / 2 for cell, of_column in zip(row, by_column, strict=True)]
        for row, of_row in zip(squares, by_row, strict=True)
    ]
    x = _axis(centred, None)
    y = _axis(centred, x)
    return {
        id: (_dot(row, x) + 1e-3 * index, _dot(row, y) + 1e-3 * (index % 7))
        for index, (id, row) in enumerate(zip(group, centred, strict=True))
    }


def _axis(rows: Sequence[Sequence[float]], beside: Sequence[float] | None) -> list[float]:
    """The direction in which the rows differ most, at a right angle to ``beside`` (power iteration)."""
    axis = [1.0 / (1 + index) for index in range(len(rows[0]))]
    for _ in range(POWER_ROUNDS):
        along = [_dot(row, axis) for row in rows]
        axis = [
            sum(row[column] * part for row, part in zip(rows, along, strict=True))
            for column in range(len(axis))
        ]
        if beside is not None:
            part = _dot(axis, beside)
            axis = [each - part * other for each, other in zip(axis, beside, strict=True)]
        length = math.sqrt(_dot(axis, axis))
        if length < 1e-9:
            return [0.0] * len(axis)
        axis = [each / length for each in axis]
    return axis


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _relax(at: dict[str, Point], pivots: Mapping[str, Mapping[str, float]], near: Near) -> None:
    """Bring what is drawn nearer to the distances; near pairs count more."""
    wanted = {(a, b): far for a in at for b, far in near[a].items() if a < b}
    wanted |= {(pivot, id): far for pivot, each in pivots.items() for id, far in each.items() if id != pivot}
    pairs = sorted(wanted.items())
    if not pairs:
        return
    longest, shortest = max(wanted.values()) ** 2, min(wanted.values()) ** 2
    for turn in range(ROUNDS):
        step = longest * (0.1 * shortest / longest) ** (turn / (ROUNDS - 1))
        for (a, b), far in pairs:
            (ax, ay), (bx, by) = at[a], at[b]
            dx, dy = ax - bx, ay - by
            apart = math.hypot(dx, dy) or 1e-6
            push = min(1.0, step / far**2) * (far - apart) / (2 * apart)
            at[a], at[b] = (ax + push * dx, ay + push * dy), (bx - push * dx, by - push * dy)
