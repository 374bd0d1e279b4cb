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


def with_table(text: str) -> str:
    """The page with the table as it should be. Raises ValueError when the two marks are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{markdown(ours())}\n{END}{after}"


def main() -> int:
    text = README.read_text()
    written = with_table(text)
    README.write_text(written)
    print("README.md: as it was" if written == text else "README.md: the table of drivers is new")
    return 0


if __name__ == "__main__":
    sys.exit(main())
