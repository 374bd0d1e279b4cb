"""The hour on a terminal: an opening, the timeline as it happens, what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.demo.line import Line, Page, Tag
from agent.demo.stories import STORIES, Outcome, Stay
from agent.demo.wording import LEAVES
from inventory.model import AccessPoint, Band, RadioKey, Site

TAGS = {
    Tag.WORLD: "what really happens; rrmd is not told",
    Tag.SEES: "what rrmd noticed, by asking the APs",
    Tag.DOES: "what it did, or chose not to do",
    Tag.WHY: "its reason",
    Tag.PROOF: "what it read back, or measured before and after",
    Tag.ALERT: "what it told a person",
}
ROW = 4


class Teller(Protocol):
    """Is told of the hour as it goes by."""

    def plan(self, site: Site, now: Mapping[RadioKey, Stay]) -> None:
        """Where every radio is."""

    def story(self, name: str) -> None:
        """A story begins."""

    def line(self, line: Line) -> None: ...


class Silent:
    """For scripts, which want the end only."""

    def plan(self, site: Site, now: Mapping[RadioKey, Stay]) -> None: ...

    def story(self, name: str) -> None: ...

    def line(self, line: Line) -> None: ...


@dataclass(slots=True)
class Show:
    """Prints on a page; ``out`` takes one line."""

    page: Page
    out: Callable[[str], None]
    _told: tuple[str, str] = field(default=("", ""), init=False)  # clock and place of the line before
    _last: Line | None = field(default=None, init=False)
    _left: tuple[str, str] = field(default=("", ""), init=False)
    _reasons: set[tuple[Tag, str]] = field(default_factory=set, init=False)

    def opening(self) -> None:
        self._lines(
            self.page.strong("rrmd demo: an hour at a simulated school with twelve access points"),
            "",
            *self.page.fold(
                "The agent, its store and its audit log are the real ones. The access points, the people and "
                "the time are simulated: an hour takes seconds. Each line is a line of the world's script or "
                "comes from a record in the audit log."
            ),
            "",
        )
        for tag, meaning in TAGS.items():
            self.out(f"  {self.page.tag(tag)}  {meaning}")

    def plan(self, site: Site, now: Mapping[RadioKey, Stay]) -> None:
        """The floor, an AP a room: the channel of its 2.4 GHz radio, and of its 5 GHz radio."""
        cells = [self._cell(ap, now) for ap in site.aps.values()]
        self._lines("", "  The rooms, and the channels of their radios (+: 40 MHz wide):")
        for start in range(0, len(cells), ROW):
            self.out("  " + "  ".join(cells[start : start + ROW]).rstrip())
        self.out("")

    @staticmethod
    def _cell(ap: AccessPoint, now: Mapping[RadioKey, Stay]) -> str:
        shown = {radio.band: _channel(now.get(radio.key)) for radio in ap.radios}
        return f"{ap.id:7}  {shown.get(Band.GHZ_2_4, ''):>3} {shown.get(Band.GHZ_5, ''):>4}"

    def story(self, name: str) -> None:
        number, title = next((n, s.title) for n, s in enumerate(STORIES, 1) if s.name == name)
        self._lines("", self.page.title(f"{number}  {title}"))
        self._told = ("", "")
        self._reasons.clear()

    def line(self, line: Line) -> None:
        """Time and place are said once for lines that have them in common, a reason once in a story."""
        head = (line.clock, line.where)
        if self._known(line, head):
            return
        shown = Line(clock="", where="", tag=line.tag, text=line.text) if head == self._told else line
        self._told = head
        self._lines(*self.page.line(shown))

    def _known(self, line: Line, head: tuple[str, str]) -> bool:
        """The line before once more; a reason that was given before; or a second one, in the same moment, for
        leaving a radio alone."""
        leaves = line.text.startswith(LEAVES)
        known = (line.tag, line.text) in self._reasons or (leaves and head == self._left)
        known |= line == self._last
        self._last = line
        if leaves:
            self._left = head
        if leaves or line.tag is Tag.WHY:
            self._reasons.add((line.tag, line.text))
        return known

    def outcomes(self, found: Sequence[Outcome]) -> None:
        self._lines(self.page.title("What was expected, and what came"))
        for outcome in found:
            head = f"{self.page.mark(outcome.ok)}  {outcome.name:10}  "
            for label, text in (("expected", outcome.expected), ("got", outcome.got)):
                lines = self.page.fold(text, indent=27)
                self.out(f"{head}{label:8}  {lines[0].lstrip()}")
                self._lines(*lines[1:])
                head = " " * 17

    def command(self, words: str, output: Iterable[str]) -> None:
        """A command and what it printed."""
        self._lines("", self.page.strong(f"$ {words}"), *output)

    def closing(self, text: Iterable[str]) -> None:
        self._lines("", *text)

    def _lines(self, *lines: str) -> None:
        for line in lines:
            self.out(line)


def _channel(stay: Stay | None) -> str:
    if stay is None or stay.block is None:
        return "off "
    return f"{stay.block.primary}{'+' if stay.block.width_mhz > 20 else ' '}"
