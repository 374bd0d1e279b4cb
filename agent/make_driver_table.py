"""Writes the README's table of drivers anew, from what ours declare: `make drivers`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from agent.driver_table import markdown
from drivers.base import DriverFamily
from drivers.registry import GROUP, OWN, discover

README: Final = Path(__file__).parents[1] / "README.md"
BEGIN: Final = "<!-- drivers: written by `make drivers` -->\n"
END: Final = "<!-- drivers: end -->\n"


def ours() -> Mapping[str, DriverFamily]:
    """The families of this distribution; what else is installed here is nobody's README."""
    points = entry_points(group=GROUP)
    return discover(point for point in points if point.dist is not None and point.dist.name == OWN).families


def between(text: str, begin: str, end: str, table: str) -> str:
    """The page with this table between its two marks, which are lines of their own. Raises ValueError when
    they are not there."""
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"expected the lines {begin.strip()} and {end.strip()}")
    return f"{before}{begin}\n{table}\n{end}{after}"


def with_table(text: str) -> str:
    """The page with the table as it should be. Raises ValueError when the two marks are not there."""
    return between(text, BEGIN, END, markdown(ours()))


def main() -> int:
    text = README.read_text()
    written = with_table(text)
    README.write_text(written)
    print("README.md: as it was" if written == text else "README.md: the table of drivers is new")
    return 0


if __name__ == "__main__":
    sys.exit(main())
