"""The questions of one device: made once, asked for ever. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.snmp import questions
from drivers.snmp.parse_radio import Located
from drivers.snmp.profile import Profile
from drivers.snmp.questions import Question, Wanted
from drivers.types import Table
from inventory.model import RadioKey

MOST: Final = 4096
"""So many are kept: more than a controller's radios, each asked alone."""


class Asker:
    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._wanted: dict[frozenset[Table], Wanted] = {}
        self._questions: dict[tuple[frozenset[Table], tuple[str, ...] | None], Question] = {}

    def first(self, tables: frozenset[Table]) -> Question:
        """All that the dialect knows of these tables, and what tells what is configured."""
        wanted = questions.wanted(self._profile, tables, models=True)
        wanted = questions.with_told(self._profile, wanted, "radio", "band", "device")
        return questions.of_all(self._profile, wanted)

    def of(self, tables: frozenset[Table], radios: Mapping[RadioKey, Located] | None) -> Question:
        """These tables of these radios, None: of all."""
        key = (tables, None if radios is None else tuple(one.row.suffix for one in radios.values()))
        if (question := self._questions.get(key)) is None:
            if len(self._questions) >= MOST:
                self._questions.clear()
            question = self._questions[key] = self._made(tables, radios)
        return question

    def settings(self, radio: Located) -> Question:
        """What one radio is set to, and who holds it."""
        wanted = questions.with_told(self._profile, self._columns(frozenset({Table.STATUS})), "radio")
        return questions.of_rows(self._profile, wanted, [radio.row])

    def _made(self, tables: frozenset[Table], radios: Mapping[RadioKey, Located] | None) -> Question:
        wanted = self._columns(tables)
        if radios is None:
            return questions.of_all(self._profile, wanted)
        return questions.of_rows(self._profile, wanted, [one.row for one in radios.values()])

    def _columns(self, tables: frozenset[Table]) -> Wanted:
        if (found := self._wanted.get(tables)) is None:
            found = self._wanted[tables] = questions.wanted(self._profile, tables)
        return found
