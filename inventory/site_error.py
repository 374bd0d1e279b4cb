"""What is wrong with a site file: where, what was expected, what was got."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Steps = tuple[str | int, ...]
"""Keys and list positions from the top of the file."""


def dotted(path: Steps) -> str:
    """``aps.ap2.radios.r5.channels[0]``. A key that a terminal would not show as it stands is escaped."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_printable(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def _printable(key: str) -> str:
    return key if key.isprintable() else ascii(key)


@dataclass(frozen=True, slots=True, order=True)
class SiteError:
    """One thing that a person must correct. ``line`` counts from 1; ``path`` is empty for the whole file."""

    file: str
    line: int
    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        where = f" {self.path}:" if self.path else ""
        return f"{self.file}:{self.line}:{where} expected {self.expected}, got {self.got}"


class SiteErrors(ValueError):
    """All that is wrong with one or more site files, in the order of file and line."""

    def __init__(self, errors: Iterable[SiteError]) -> None:
        self.errors = tuple(sorted(set(errors)))
        super().__init__("\n".join(map(str, self.errors)))
