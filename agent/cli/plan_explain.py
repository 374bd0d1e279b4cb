"""`rrmd plan --explain AP`: each block that its radios could be on, term by term."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agent.cli.duration import spoken
from agent.cli.plan_words import block
from agent.cli.terminal import show, show_table

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


def show_explained(found: Iterable[Mapping[str, Any]], least_gain: float) -> None:
    """``least_gain``: what a move must bring at least, as a ratio."""
    for each in found:
        now = next((one["mhz"] for one in each["candidates"] if one["block"] == each["now"]), None)
        title = f"{each['radio']}, weight {each['weight']:.2f}, all others as planned"
        show_table(title, _COLUMNS, [_row(one, each, now) for one in each["candidates"]])
    show("MHz = usable x rate x (1 - non wifi) x (1 - radar) / (1 + foreign + own)")
    show("own gain = weight x ln(MHz / MHz now); site = own gain + others - move cost, in nats")
    show(f"a move must bring the site {math.log1p(least_gain):.3f} at least")


def _row(one: Mapping[str, Any], each: Mapping[str, Any], now_mhz: float | None) -> tuple[Any, ...]:
    gain = None if now_mhz is None else each["weight"] * math.log(one["mhz"] / now_mhz)
    return (
        block(one["block"]),
        _mark(one, each),
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
