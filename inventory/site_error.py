"""What is wrong with a site file: where, what was expected, what was got."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ERRORS_MOST: Final = 1000
"""Of one file: nobody reads more, and a daemon that reloads has other things to do."""

Steps = tuple[str | int, ...]
"""Keys and list positions from the top of the file."""


def dotted(path: Steps) -> str:
    """``aps.ap2.radios.r5.channels[0]``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


@dataclass(frozen=True, slots=True, order=True)
class SiteError:
    """One thing that a person must correct. ``line`` counts from 1; ``path`` is empty for the whole file.

    As text it is one line, in which what a terminal would act upon is escaped: the file's words are in it.
    """

    file: str
    line: int
    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        where = f" {self.path}:" if self.path else ""
        text = f"{self.file}:{self.line}:{where} expected {self.expected}, got {self.got}"
        return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


class SiteErrors(ValueError):
    """All that is wrong with one or more site files, in the order of file and line."""

    def __init__(self, errors: Iterable[SiteError]) -> None:
        self.errors = tuple(sorted(set(errors)))
        super().__init__("\n".join(map(str, self.errors)))
