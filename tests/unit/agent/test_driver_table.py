"""The table of drivers: a row for each profile, the scope where it is not one radio, a word for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.driver_table import COLUMNS, markdown, rows
from drivers.base import DriverFamily
from drivers.types import Action, Capabilities, Setting, Table

PLAIN = Capabilities(tables=frozenset({Table.STATUS}), settings={})
ABLE = Capabilities(
    tables=frozenset({Table.CLIENTS, Table.STATUS}),
    settings={Setting.OBSS_PD_DBM: "rf_profile", Setting.CHANNEL: "radio"},
    widths_mhz=(20, 80),
    undo_timer_s=(1.5, 600),
    signals=True,
    signal_ways=("SNMP traps", "polling"),
    actions=frozenset({Action.RESTART}),
)


@dataclass
class Family:
    name: str
    capabilities: Capabilities
    summary: str = ""
    profiles: Mapping[str, Capabilities] = field(default_factory=dict)

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return options

    def device(self, context: object) -> Any:
        return None


FAMILIES: Mapping[str, DriverFamily] = {
    "snmp": Family("snmp", ABLE, profiles={"b": PLAIN, "a": ABLE}),
    "plain": Family("plain", PLAIN),
}


def test_a_row_for_each_profile_or_for_the_driver() -> None:
    assert [(row.driver, row.profile) for row in rows(FAMILIES)] == [
        ("plain", None),
        ("snmp", "a"),
        ("snmp", "b"),
    ]


def test_the_cells_say_what_is_declared() -> None:
    cells = {row.profile: row.cells for row in rows(FAMILIES) if row.driver == "snmp"}
    assert cells["a"] == (
        "status, clients",
        "channel, obss_pd_dbm (rf_profile)",
        "20, 80",
        "1.5 to 600 s",
        "SNMP traps, polling",
        "restart",
    )
    assert cells["b"] == ("status", "none", "20", "none", "none", "none")


def test_every_line_of_the_readme_has_all_columns() -> None:
    lines = markdown(FAMILIES).splitlines()
    assert {line.count("|") for line in lines} == {len(COLUMNS) + 1}
    assert lines[3].startswith("| `snmp`, profile `a` |")
