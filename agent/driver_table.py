"""What each driver, or each profile of it, can do: the rows of `rrmd drivers` and the README. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.base import DriverFamily
from drivers.types import Capabilities, Setting, Table

COLUMNS: Final = ("driver", "reads", "sets", "widths, MHz", "undo timer", "pushes", "does once")
NOTHING: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A driver, or one profile of it."""

    driver: str
    profile: str | None
    able: Capabilities

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of `COLUMNS`, without the name."""
        timer = self.able.undo_timer_s
        return (
            _joined(table for table in Table if table in self.able.tables),
            _joined(_setting(self.able, setting) for setting in Setting if setting in self.able.settings),
            _joined(map(str, self.able.widths_mhz)),
            f"{timer[0]:g} to {timer[1]:g} s" if timer else NOTHING,
            _joined(self.able.signal_ways) if self.able.signals else NOTHING,
            _joined(sorted(self.able.actions)),
        )


def rows(families: Mapping[str, DriverFamily]) -> Iterator[Row]:
    """One for each profile of a driver that has profiles, else one for the driver."""
    for name, family in sorted(families.items()):
        if not family.profiles:
            yield Row(driver=name, profile=None, able=family.capabilities)
        for profile, able in sorted(family.profiles.items()):
            yield Row(driver=name, profile=profile, able=able)


def markdown(families: Mapping[str, DriverFamily]) -> str:
    """The README's table, one line each, ended."""
    lines = [COLUMNS, ("---",) * len(COLUMNS)]
    lines += [(_name(row), *row.cells) for row in rows(families)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _name(row: Row) -> str:
    return f"`{row.driver}`" if row.profile is None else f"`{row.driver}`, profile `{row.profile}`"


def _setting(able: Capabilities, setting: Setting) -> str:
    """With its scope, where writing it moves more than one radio."""
    scope = able.settings[setting]
    return str(setting) if scope == "radio" else f"{setting} ({scope})"


def _joined(words: Iterator[str] | map[str] | list[str] | tuple[str, ...]) -> str:
    return ", ".join(words) or NOTHING
