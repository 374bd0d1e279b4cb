"""What a command prints: tables for people, one JSON object for scripts, one line for a mistake."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console

ABSENT: Final = "-"
_UNBOUNDED: Final = 100_000  # columns: a file or a pipe has no right edge


def show_json(value: Mapping[str, Any]) -> None:
    """One line, ASCII only: what a device or a neighbour called itself cannot move the cursor."""
    print(json.dumps(value))


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns as wide as their longest cell; on a terminal they are folded so that nothing is cut off.
    Without any name in ``columns`` there is no header."""
    from rich.table import Table  # not at the top: `rrmd --help` and `--json` need no tables
    from rich.text import Text

    header = any(columns)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=header)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value), overflow="fold") for value in row))
    console = _console()
    with console.capture() as drawn:
        if title:
            console.print(Text(title, style="bold underline"))
        console.print(table)
    print("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def show_pairs(title: str, pairs: Mapping[str, Any]) -> None:
    """Name and value, one a line."""
    show_table(title, ("", ""), pairs.items())


def show(text: str = "") -> None:
    print(printable(text))


def complain(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"rrmd: {printable(line)}", file=sys.stderr)


def cell(value: Any) -> str:
    """A value in a table; None, which means not reported, is a dash."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return " ".join(f"{printable(str(k))}={cell(v)}" for k, v in value.items()) or ABSENT
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value) or ABSENT
    return printable(str(value))


def count(number: int, noun: str) -> str:
    """``1 site``, ``2 sites``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def percent(ratio: float | None) -> str | None:
    return None if ratio is None else f"{ratio:.0%}"


def printable(text: str) -> str:
    """The text with control characters, which could drive the terminal, written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _console() -> Console:
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=_UNBOUNDED, color_system=None, force_terminal=False)
