"""A site before and after a plan as one SVG: APs coloured by channel, lines between those in each other's
way. Pure.

One row for each band; a line is as wide as what the two cost each other (`agent.planner.site.problem`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from agent.planner.overlap import hit
from agent.planner.site.colours import colour, ink_on
from agent.planner.site.layout import Point, places
from agent.planner.site.plan import Plan
from agent.planner.site.problem import Pair, Problem
from agent.view import SiteView
from inventory.channels import Block
from inventory.model import Band, RadioKey, ap_of

SPACING: Final = 64.0
"""Pixels between two APs in the mean, so that their labels have room."""

LEAST_SIDE: Final = 460.0
MARGIN: Final = 56.0
HEAD: Final = 74.0
BAND_HEAD: Final = 40.0
LEGEND_LINE: Final = 24.0
PILL: Final = (46.0, 18.0)
"""Width and height of a radio's label."""

CLOSEST: Final = 50.0
PUSHES: Final = 60

FULL: Final = 0.3
"""What two radios cost each other that hear each other well, at the usual load: the widest line."""

_STYLE: Final = """
text { font-family: 'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif; fill: #1f2933; }
.title { font-size: 20px; font-weight: bold; } .head { font-size: 15px; font-weight: bold; }
.small { font-size: 12px; fill: #52606d; } .block { font-size: 11px; text-anchor: middle; }
.name { font-size: 10px; text-anchor: middle; } .halo { stroke: #fbfcfd; stroke-width: 3; }
.panel { fill: #fbfcfd; stroke: #d9e2ec; } .near { stroke: #cbd2d9; stroke-width: 0.6; }
.way { stroke: #334155; stroke-linecap: round; } .pill { stroke: #ffffff; stroke-width: 1; }
.moved { stroke: #102a43; stroke-width: 2.6; }
""".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One band: its radios, where they are drawn, and their blocks before and after."""

    problem: Problem
    at: Mapping[RadioKey, Point]
    blocks: tuple[Mapping[RadioKey, Block], Mapping[RadioKey, Block]]
    mhz: tuple[Mapping[RadioKey, float], Mapping[RadioKey, float]]

    @property
    def used(self) -> list[Block]:
        """A block on each primary channel in use before or after, rising."""
        found = {block.primary_mhz: block for side in self.blocks for block in side.values()}
        return [found[mhz] for mhz in sorted(found)]


def svg(view: SiteView, problems: Iterable[Problem], plan: Plan) -> str:
    """The picture as text. ``problems``: those that the plan is of."""
    drawn = places(view)
    side = max(LEAST_SIDE, SPACING * math.sqrt(max(1, len(drawn))) * 1.15)
    at, high = _scaled(drawn, side)
    rows = [_row(problem, at, plan) for problem in problems]
    width = 2 * side + 3 * MARGIN
    parts: list[str] = []
    y = HEAD
    for row in rows:
        parts += _band(row, y, side, high)
        y += BAND_HEAD + high + LEGEND_LINE * (2 + _lines(row, width)) + MARGIN / 2
    head = _head(plan, width)
    size = f'width="{width:.0f}" height="{y:.0f}" viewBox="0 0 {width:.0f} {y:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<style>{_STYLE}</style>",
            f'<rect width="{width:.0f}" height="{y:.0f}" fill="#ffffff"/>',
            *head,
            *parts,
            "</svg>\n",
        ]
    )


# -- where -------------------------------------------------------------------------------------------------


def _scaled(drawn: Mapping[str, Point], side: float) -> tuple[dict[str, Point], float]:
    """APs in pixels of a panel ``side`` wide, and how high that is; none hides another."""
    xs, ys = [x for x, _ in drawn.values()], [y for _, y in drawn.values()]
    left, top = min(xs, default=0.0), min(ys, default=0.0)
    wide, deep = max(xs, default=0.0) - left, max(ys, default=0.0) - top
    inner = side - 2 * MARGIN
    scale = min(inner / wide if wide else math.inf, 1.5 * inner / deep if deep else math.inf)
    scale = 1.0 if math.isinf(scale) else scale
    found = {
        ap: ((x - left) * scale + (side - wide * scale) / 2, (y - top) * scale + MARGIN)
        for ap, (x, y) in drawn.items()
    }
    _part(found)
    lowest = min((y for _, y in found.values()), default=MARGIN)
    found = {
        ap: (min(max(x, MARGIN / 2), side - MARGIN / 2), y - lowest + MARGIN) for ap, (x, y) in found.items()
    }
    return found, max((y for _, y in found.values()), default=MARGIN) + MARGIN


def _part(at: dict[str, Point]) -> None:
    """Push apart those that would cover each other."""
    for _ in range(PUSHES):
        cells: dict[tuple[int, int], list[str]] = {}
        for ap, (x, y) in at.items():
            cells.setdefault((int(x // CLOSEST), int(y // CLOSEST)), []).append(ap)
        touched = False
        for ap in at:
            column, row = (int(each // CLOSEST) for each in at[ap])
            around = [(column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
            for other in (each for cell in around for each in cells.get(cell, ()) if each > ap):
                touched |= _pushed(at, ap, other)
        if not touched:
            return


def _pushed(at: dict[str, Point], a: str, b: str) -> bool:
    (ax, ay), (bx, by) = at[a], at[b]
    dx, dy = bx - ax, by - ay
    apart = math.hypot(dx, dy)
    if apart >= CLOSEST:
        return False
    if apart < 1e-6:
        dx, dy, apart = 1.0, 0.3, math.hypot(1.0, 0.3)
    push = (CLOSEST - apart) / 2 / apart + 1e-3
    at[a], at[b] = (ax - push * dx, ay - push * dy), (bx + push * dx, by + push * dy)
    return True


def _row(problem: Problem, at: Mapping[str, Point], plan: Plan) -> _Row:
    outlook = {each.radio: each for each in plan.outlook}
    mine = [outlook[member.key] for member in problem.members if member.key in outlook]
    return _Row(
        problem=problem,
        at=_radios(problem, at),
        blocks=(
            {each.radio: each.before for each in mine if each.before is not None},
            {each.radio: each.after for each in mine if each.after is not None},
        ),
        mhz=(
            {each.radio: each.mhz_before for each in mine if each.before is not None},
            {each.radio: each.mhz_after for each in mine},
        ),
    )


def _radios(problem: Problem, at: Mapping[str, Point]) -> dict[RadioKey, Point]:
    """Two radios of one AP in the same band stand one below the other."""
    seen: dict[str, int] = {}
    found: dict[RadioKey, Point] = {}
    for member in problem.members:
        ap = ap_of(member.key).split("/")[1]
        number = seen[ap] = seen.get(ap, -1) + 1
        x, y = at[ap]
        found[member.key] = (x, y + 2 * PILL[1] * number)
    return found


# -- what --------------------------------------------------------------------------------------------------


def _head(plan: Plan, width: float) -> Iterator[str]:
    yield _text(MARGIN, 34, f"{plan.site}: the channel plan", "title")
    moved = sum(each.before != each.after for each in plan.moves)
    others = len(plan.moves) - moved
    said = f"{moved} of {plan.radios + plan.unplaced} radios move"
    said += f", {others} more change power alone" if others else ""
    if plan.radios:
        now, then = (math.exp(nats / plan.radios) for nats in (plan.value_now, plan.value_then))
        said += f"; {now:.1f} to {then:.1f} MHz expected for each radio ({plan.gain_ratio:+.1%})"
    yield _text(MARGIN, 56, said, "small")


def _band(row: _Row, y: float, side: float, high: float) -> Iterator[str]:
    for index, name in enumerate(("now", "as planned")):
        x = MARGIN + index * (side + MARGIN)
        told = f"{row.problem.band} GHz {name}: {_mean(row, index):.1f} MHz in the mean"
        yield _text(x, y + BAND_HEAD - 12, told, "head")
        yield f'<g transform="translate({x:.1f} {y + BAND_HEAD:.1f})">'
        yield f'<rect class="panel" width="{side:.1f}" height="{high:.1f}" rx="6"/>'
        yield from _lines_between(row, row.blocks[index])
        yield from _pills(row, index)
        yield "</g>"
    yield from _legend(row, y + BAND_HEAD + high + LEGEND_LINE, 2 * side + 3 * MARGIN)


def _mean(row: _Row, index: int) -> float:
    """Of those that have a place now, as the plan's first line has it: geometric, by weight."""
    weights = {each.key: each.weight for each in row.problem.members if each.key in row.mhz[0]}
    nats = math.fsum(weight * math.log(row.mhz[index][key]) for key, weight in weights.items())
    return math.exp(nats / len(weights)) if weights else 0.0


def _lines_between(row: _Row, blocks: Mapping[RadioKey, Block]) -> Iterator[str]:
    """First who hears whom, faint; over it who is in whose way."""
    keys = [member.key for member in row.problem.members]
    ways: list[tuple[Point, Point, float]] = []
    for pair in row.problem.pairs:
        a, b = keys[pair.a], keys[pair.b]
        if max(pair.primary_ab, pair.primary_ba) >= FULL / 4:
            yield _line(row.at[a], row.at[b], 'class="near"')
        if a in blocks and b in blocks and (cost := _cost(pair, blocks[a], blocks[b])) >= FULL / 50:
            ways.append((row.at[a], row.at[b], cost))
    thin = min(1.0, math.sqrt(4 * len(keys) / max(1, len(row.problem.pairs))))
    for a_at, b_at, cost in sorted(ways, key=lambda way: way[2]):
        yield _line(a_at, b_at, _way(cost, thin))


def _cost(pair: Pair, a: Block, b: Block) -> float:
    """What one of two loses to the other, the greater loss."""
    of_b, of_a = hit(a, b), hit(b, a)
    return max(
        of_b.cost(pair.primary_ab, pair.secondary_ab),
        of_a.cost(pair.primary_ba, pair.secondary_ba),
    )


def _way(cost: float, thin: float) -> str:
    """``thin``: 0..1, where there are very many."""
    part = min(1.0, cost / FULL)
    width, opacity = (0.6 + 6.4 * part) * thin, 0.15 + 0.5 * part
    return f'class="way" stroke-width="{width:.2f}" stroke-opacity="{opacity:.2f}"'


def _line(a: Point, b: Point, style: str) -> str:
    return f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" {style}/>'


def _pills(row: _Row, index: int) -> Iterator[str]:
    before, after = row.blocks
    for key, (x, y) in row.at.items():
        block = row.blocks[index].get(key)
        moved = index == 1 and before.get(key) != after.get(key)
        said = f"{key}: {block or 'off air'}, {row.mhz[index].get(key, 0.0):.1f} MHz"
        yield _pill(x, y, block, str(block or "off"), said, moved=moved)
        for kind in ("name halo", "name"):
            yield _text(x, y + PILL[1] / 2 + 11, ap_of(key).split("/")[1], kind)


def _pill(x: float, y: float, block: Block | None, label: str, said: str, *, moved: bool = False) -> str:
    wide, high = PILL
    fill, ink = (colour(block), ink_on(block)) if block else ("#e4e7eb", "#1f2933")
    kind = "pill moved" if moved else "pill"
    return (
        f'<g><title>{escape(said)}</title><rect class="{kind}" x="{x - wide / 2:.1f}" '
        f'y="{y - high / 2:.1f}" width="{wide:g}" height="{high:g}" rx="6" fill="{fill}"/>'
        f'<text class="block" x="{x:.1f}" y="{y + 4:.1f}" style="fill:{ink}">{escape(label)}</text></g>'
    )


def _legend(row: _Row, y: float, width: float) -> Iterator[str]:
    """Channels with how many are on each, now and then, and what that means; then lines and rings."""
    each_line = _a_line(width)
    for number, block in enumerate(row.used):
        x, down = MARGIN + _COLUMN * (number % each_line), y + LEGEND_LINE * (number // each_line)
        before, after = (sum(b.primary == block.primary for b in side.values()) for side in row.blocks)
        yield _pill(x + PILL[0] / 2, down - 4, block, str(block.primary), f"channel {block.primary}")
        yield _text(x + PILL[0] + 6, down, f"{before} \N{RIGHTWARDS ARROW} {after}", "small")
    down = y + LEGEND_LINE * _lines(row, width)
    yield _text(MARGIN, down, _COLOURS.get(row.problem.band, _WIDE_COLOURS), "small")
    down += LEGEND_LINE
    yield _line((MARGIN, down - 4), (MARGIN + 26, down - 4), _way(FULL, 1.0))
    yield _text(MARGIN + 34, down, "in each other's way, the wider the more", "small")
    yield _line((MARGIN + 310, down - 4), (MARGIN + 336, down - 4), 'class="near"')
    yield _text(MARGIN + 344, down, "hear each other", "small")
    yield _pill(MARGIN + 490, down - 4, None, "moves", "a radio that moves", moved=True)
    yield _text(MARGIN + 522, down, "label: primary channel/width", "small")


_BESIDE: Final = (
    "beside it how many radios have it as their primary channel, now \N{RIGHTWARDS ARROW} as planned"
)
_WIDE_COLOURS: Final = f"colour: the primary channel, one hue for each 80 MHz, lighter upwards; {_BESIDE}"
_COLOURS: Final = {Band.GHZ_2_4: f"colour: the primary channel, near ones have near hues; {_BESIDE}"}

_COLUMN: Final = 106.0


def _a_line(width: float) -> int:
    return max(1, int((width - 2 * MARGIN) // _COLUMN))


def _lines(row: _Row, width: float) -> int:
    return -(-len(row.used) // _a_line(width))


def _text(x: float, y: float, said: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(said)}</text>'
