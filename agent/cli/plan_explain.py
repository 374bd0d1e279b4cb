"""`rrmd plan --explain AP`: each block that its radios could be on, term by term."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.cli.duration import spoken
from agent.cli.plan_words import block, changes_powers, show_left
from agent.cli.terminal import show, show_table
from inventory.model import ap_of

_COLUMNS: Final = (
    "block",
    "",
    "usable MHz",
    "rate",
    "non wifi",
    "radar",
    "foreign",
    "own",
    "MHz",
    "own gain",
    "others",
    "move cost",
    "CAC",
    "site",
)


def show_explained(found: Sequence[Mapping[str, Any]], plan: Mapping[str, Any], ap: str) -> None:
    """The radios of an AP (site/ap) as the plan has them, and why it leaves some of them alone."""
    for each in found:
        now = next((one["mhz"] for one in each["candidates"] if one["block"] == each["now"]), None)
        title = f"{each['radio']}, weight {each['weight']:.2f}, all others as planned"
        show_table(title, _COLUMNS, _rows(each, now))
    if found:
        show("MHz = usable x rate x (1 - non wifi) x (1 - radar) / (1 + foreign + own)")
        show("own gain = weight x ln(MHz / MHz now); site = own gain + others - move cost, in nats")
        if changes_powers(plan):
            show("all of it at the powers of now: the plan changes some of them after the channels")
        show(f"a move must bring the site {math.log1p(plan['wishes']['least_gain']):.3f} at least")
    show_left([each for each in plan["left"] if ap_of(each["radio"]) == ap])


def _rows(each: Mapping[str, Any], now_mhz: float | None) -> list[tuple[Any, ...]]:
    """The best first; blocks of one width with the same terms share a row, those of now and of the plan have
    one of their own."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    for one in each["candidates"]:
        primary, _, width = str(block(one["block"])).partition("/")
        alike.setdefault((width, _mark(one, each), *_terms(one, each["weight"], now_mhz)), []).append(primary)
    return [(_blocks(found, width), *cells) for (width, *cells), found in alike.items()]


def _blocks(primaries: list[str], width: str) -> str:
    """``36/80``; ``36, 44, 149 at 20 MHz`` where there are several."""
    if len(primaries) == 1:
        return f"{primaries[0]}/{width}"
    return f"{', '.join(primaries)} at {width} MHz"


def _terms(one: Mapping[str, Any], weight: float, now_mhz: float | None) -> tuple[str | None, ...]:
    gain = None if now_mhz is None else weight * math.log(one["mhz"] / now_mhz)
    return (
        f"{one['usable_khz'] / 1e3:.1f}",
        _share(one["rate_ppm"]),
        _share(one["non_wifi_ppm"]),
        _share(one["radar_ppm"]),
        f"{one['foreign']:.3f}",
        f"{one['own']:.3f}",
        f"{one['mhz']:.2f}",
        None if gain is None else _signed(gain),
        _signed(one["others"]),
        f"{one['move_cost']:.3f}",
        spoken(one["cac_s"]) if one["cac_s"] else None,
        _signed(one["site"]),
    )


def _signed(nats: float) -> str:
    """Nothing is +0.000."""
    return f"{round(nats, 3) + 0.0:+.3f}"


def _share(ppm: int) -> str:
    return f"{ppm / 1e6:.3f}"


def _mark(one: Mapping[str, Any], each: Mapping[str, Any]) -> str:
    marks = [name for name in ("now", "planned") if one["block"] == each[name]]
    return ", ".join(marks)
