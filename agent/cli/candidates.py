"""The blocks that a decision looked at, as a table: each term of the score in a column of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.cli.terminal import show_table


def show_candidates(found: Iterable[Mapping[str, Any]], params: Mapping[str, Any]) -> None:
    """``params``: the decision's own; they name the block to be left and the one to take."""
    rows = list(found)
    names = list(dict.fromkeys(name for row in rows for name in row.get("terms") or ()))
    marks = {params.get("to"): "to", params.get("from"): "from"}
    columns = ("channel", "MHz", "", "score MHz", *map(_title, names))
    show_table("Candidates", columns, (_row(row, names, marks) for row in rows))


def _row(candidate: Mapping[str, Any], names: list[str], marks: Mapping[Any, str]) -> tuple[Any, ...]:
    channel, width = candidate["channel"], candidate["width_mhz"]
    terms = candidate.get("terms") or {}
    score = f"{candidate['score_ppm'] / 1e6:.2f}"
    mark = next((text for block, text in marks.items() if _is(block, channel, width)), "")
    return (channel, width, mark, score, *(_told(name, terms.get(name)) for name in names))


def _is(block: Any, channel: int, width: int) -> bool:
    """``6/40+`` is channel 6 at 40 MHz."""
    return isinstance(block, str) and block.rstrip("+-") == f"{channel}/{width}"


def _title(name: str) -> str:
    """``non_wifi_ppm`` -> ``non wifi``; a frequency is told in MHz."""
    word, _, unit = name.rpartition("_")
    return {"ppm": word, "khz": f"{word}_MHz"}.get(unit, name).replace("_", " ")


def _told(name: str, value: Any) -> Any:
    if not isinstance(value, int):
        return value
    if name.endswith("_ppm"):
        return f"{value / 1e6:.3f}"
    return f"{value / 1e3:.1f}" if name.endswith("_khz") else value
