"""`rrmd drivers`: what each family of devices can be asked and told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.cli.failure import ExitCode
from agent.cli.installed import installed
from agent.cli.options import Json
from agent.cli.terminal import complain, show_json, show_table

if TYPE_CHECKING:
    from drivers.base import DriverFamily


def drivers(as_json: Json = False) -> int:
    """Show what each driver, and each of its profiles, can read and set."""
    found = installed()
    if as_json:
        shown = {name: _as_json(family) for name, family in sorted(found.families.items())}
        show_json({"drivers": shown, "broken": dict(found.broken)})
        return ExitCode.FINE
    _show(found.families)
    complain(f"driver {name} cannot be used: {reason}" for name, reason in found.broken.items())
    return ExitCode.FINE


def _show(families: Mapping[str, DriverFamily]) -> None:
    from agent.driver_table import COLUMNS, rows

    name, *others = COLUMNS
    table = ((row.driver, row.profile, *row.cells) for row in rows(families))
    show_table("", (name, "profile", *others), table)
    show_table("", ("", ""), ((name, family.summary) for name, family in sorted(families.items())))


def _as_json(family: DriverFamily) -> dict[str, Any]:
    from agent.probe import capabilities

    profiles = {name: capabilities(able) for name, able in sorted(family.profiles.items())}
    return {"summary": family.summary, **capabilities(family.capabilities), "profiles": profiles}
