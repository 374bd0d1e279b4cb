"""The plot of `benchmarks.plan` as SVG: gaps by size and by solver, and how fast ours gets there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from agent.planner.site.problem import gap_ratio
from benchmarks.plan_rows import FREE, OURS, SAME, Row
from benchmarks.plan_table import SOLVERS

COLOURS: Final = {
    "as installed": "#9a9a9a",
    "random": "#b07aa1",
    "least used": "#edc948",
    "hostapd ACS": "#f28e2b",
    "annealing": "#4e79a7",
    OURS: "#d62728",
}
LOWEST: Final = 1e-4
"""Gaps below this are drawn there: the axis is logarithmic."""

SIZE: Final = (920, 380)
CURVES: Final = ("#d62728", "#4e79a7", "#59a14f", "#f28e2b")


class _Axis(NamedTuple):
    """A logarithmic axis between two values, drawn between two points."""

    low: float
    high: float
    start: float
    end: float

    def at(self, number: float) -> float:
        part = math.log(max(self.low, number) / self.low) / math.log(self.high / self.low)
        return self.start + min(1.0, part) * (self.end - self.start)


def plot(rows: Sequence[Row]) -> str:
    """Two pictures beside each other."""
    width, height = SIZE
    body = [*_gaps(rows, 60, 430), *_speed(rows, 560, 900)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *body,
            "</svg>\n",
        ]
    )


def _gaps(rows: Sequence[Row], left: float, right: float) -> Iterator[str]:
    """One dot for each site, a line through the means; as many moves as ours."""
    rows = [row for row in rows if row.budget == SAME]
    sizes = sorted({row.radios for row in rows})
    up = _Axis(LOWEST, 1.0, 330, 40)
    yield _text(left, 20, "gap to the bound or the best known, same number of moves")
    for mark in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        yield _rule(left, right, up.at(mark))
        yield _text(left - 6, up.at(mark) + 4, f"{100 * mark:g} %", "end")
    step = (right - left) / len(sizes)
    for nth, radios in enumerate(sizes):
        yield _text(left + step * (nth + 0.5), 348, f"{radios} radios", "middle")
    for at, solver in enumerate(SOLVERS):
        means = []
        for nth, radios in enumerate(sizes):
            x = left + step * (nth + 0.25) + step * 0.5 * at / (len(SOLVERS) - 1)
            found = [row.gap_ratio for row in rows if (row.radios, row.solver) == (radios, solver)]
            yield from (_dot(x, up.at(gap), COLOURS[solver]) for gap in found)
            if found:
                means.append((x, up.at(fmean(found))))
        yield _path(means, COLOURS[solver])
        before = sum(map(len, SOLVERS[:at]))
        yield _text(left + 6.6 * before + 12 * at, 368, solver, colour=COLOURS[solver])


def _speed(rows: Sequence[Row], left: float, right: float) -> Iterator[str]:
    """How far ours is from its own last value after so many seconds."""
    ours = [row for row in rows if (row.solver, row.budget) == (OURS, FREE) and row.curve]
    across, up = _Axis(1e-3, 30.0, left, right), _Axis(LOWEST, 1.0, 330, 40)
    yield _text(left, 20, "rrmd: gap to its own last value by processor time")
    for mark in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        yield _rule(left, right, up.at(mark))
        yield _text(left - 6, up.at(mark) + 4, f"{100 * mark:g} %", "end")
    for seconds in (1e-3, 1e-2, 1e-1, 1.0, 10.0):
        yield _text(across.at(seconds), 348, f"{seconds:g} s", "middle")
    sizes = sorted({row.radios for row in ours})
    for at, radios in enumerate(sizes):
        colour = CURVES[at % len(CURVES)]
        for row in ours:
            if row.radios == radios:
                points = [
                    (across.at(seconds), up.at(gap_ratio(by_then, row.value, radios)))
                    for seconds, by_then in row.curve
                ]
                yield _path(points, colour, thin=True)
        yield _text(left + 85 * at, 368, f"{radios} radios", colour=colour)


# -- strokes -----------------------------------------------------------------------------------------------


def _text(x: float, y: float, said: str, anchor: str = "start", colour: str = "#222222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{said}</text>'


def _rule(left: float, right: float, y: float) -> str:
    return f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}" fill-opacity="0.5"/>'


def _path(points: Sequence[tuple[float, float]], colour: str, thin: bool = False) -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    style = 'stroke-width="1" stroke-opacity="0.6"' if thin else 'stroke-width="2"'
    return f'<polyline points="{told}" fill="none" stroke="{colour}" {style}/>'
