"""Writes the table of docs/safety.md anew, from the cases of the fault matrix: `make safety`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from faults.case import Case, Elsewhere
from faults.matrix import CASES, ELSEWHERE, OPERATIONS, UNAPPLIED

from agent.make_driver_table import between

PAGE: Final = Path(__file__).parents[2] / "docs/safety.md"
BEGIN: Final = "<!-- faults: written by `make safety` -->\n"
END: Final = "<!-- faults: end -->\n"
COLUMNS: Final = ("fault", "when", "what happens", "what you see")


def markdown() -> str:
    """A table for each operation, and under it the faults that it cannot have."""
    return "\n".join(_section(operation, words) for operation, words in OPERATIONS.items())


def _section(operation: str, words: str) -> str:
    rows: tuple[Case | Elsewhere, ...] = (*CASES, *ELSEWHERE)
    mine = [each for each in rows if each.operation == operation]
    lines = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, mine)]
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    heading = f"### {operation}" if operation == words else f"### `{operation}`: {words}"
    return f"{heading}\n\n{table}{''.join(_unapplied(operation))}"


def _row(case: Case | Elsewhere) -> tuple[str, ...]:
    by = f" ({_link(case.test)})" if isinstance(case, Elsewhere) else ""
    return case.fault, str(case.phase), case.must + by, case.seen


def _link(test: str) -> str:
    return f"`{test}`"


def _unapplied(operation: str) -> Iterator[str]:
    """One line for all that have the same reason."""
    mine = [each for each in UNAPPLIED if each.operation == operation]
    if mine:
        yield "\nDoes not apply:\n\n"
    for why, faults in groupby(mine, key=lambda each: each.why):
        yield f"- {', '.join(each.fault for each in faults)}: {why}\n"


def with_table(text: str) -> str:
    """The page as it should be. Raises ValueError when the two marks are not there."""
    return between(text, BEGIN, END, markdown())


def main() -> int:
    text = PAGE.read_text()
    written = with_table(text)
    PAGE.write_text(written)
    print("docs/safety.md: as it was" if written == text else "docs/safety.md: the table of faults is new")
    return 0


if __name__ == "__main__":
    sys.exit(main())
