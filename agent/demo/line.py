"""One line of the timeline, and how it looks on a page of so many columns. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

NARROW, WIDE = 80, 100


class Tag(StrEnum):
    """Who speaks: the world's script, or the agent by what it wrote down."""

    WORLD = "world"  # what really happens; the agent does not know this
    SEES = "sees"  # what the agent noticed
    DOES = "does"  # what it did, or would not do
    WHY = "why"
    PROOF = "proof"  # what it read back or measured
    ALERT = "alert"  # a person is told


_COLOURS = {
    Tag.WORLD: "33",
    Tag.SEES: "35",
    Tag.DOES: "1;36",
    Tag.WHY: "34",
    Tag.PROOF: "32",
    Tag.ALERT: "1;31",
}
_TITLE, _FAINT = "1", "2"
_GOOD, _BAD = "1;32", "1;31"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``clock``: local time of day; ``where``: AP, or AP and band."""

    clock: str
    where: str
    tag: Tag
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """How wide the page is, and whether it has colours."""

    columns: int = WIDE
    colours: bool = False
    where_columns: int = 11

    def line(self, one: Line) -> Iterator[str]:
        """The line, folded under its own text."""
        head = f"{one.clock:8}  {one.where:{self.where_columns}}  "
        indent = len(head) + len(f"{one.tag:5}  ")
        room = max(20, self.columns - indent)
        parts = textwrap.wrap(one.text, room, break_on_hyphens=False) or [""]
        shown = [self.paint(part, _FAINT) if one.tag is Tag.WHY else part for part in parts]
        yield f"{self.paint(head, _FAINT)}{self.tag(one.tag)}  {shown[0]}"
        yield from (" " * indent + part for part in shown[1:])

    def tag(self, tag: Tag) -> str:
        """The word by itself, as it stands in the lines."""
        return self.paint(f"{tag:5}", _COLOURS[tag])

    def fold(self, text: str, indent: int = 0) -> list[str]:
        """Text over as many lines as it takes."""
        start = " " * indent
        return textwrap.wrap(
            text, self.columns, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
        ) or [start]

    def title(self, text: str) -> str:
        """A heading with a rule to the page's right edge."""
        rule = "─" * max(2, self.columns - len(text) - 4)
        return f"{self.paint('── ', _FAINT)}{self.paint(text, _TITLE)} {self.paint(rule, _FAINT)}"

    def strong(self, text: str) -> str:
        return self.paint(text, _TITLE)

    def mark(self, ok: bool) -> str:
        return self.paint("ok ", _GOOD) if ok else self.paint("NOT", _BAD)

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text else text
