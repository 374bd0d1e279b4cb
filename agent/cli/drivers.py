"""`rrmd drivers`: what each family of devices can be asked and told."""

from __future__ import annotations

from typing import Any

from agent.cli.failure import ExitCode
from agent.cli.installed import installed
from agent.cli.options import Json
from agent.cli.terminal import complain, show_json, show_table

_COLUMNS = ("driver", "reads", "sets (scope)", "widths MHz", "undo timer s", "signals", "summary")


def drivers(as_json: Json = False) -> int:
    """Show what each driver can read and set."""
    from agent.probe import capabilities

    found = installed()
    able = {
        name: {"summary": family.summary, **capabilities(family.capabilities)}
        for name, family in sorted(found.families.items())
    }
    if as_json:
        show_json({"drivers": able, "broken": dict(found.broken)})
        return ExitCode.FINE
    show_table("", _COLUMNS, (_row(name, family) for name, family in able.items()))
    complain(f"driver {name} cannot be used: {reason}" for name, reason in found.broken.items())
    return ExitCode.FINE


def _row(name: str, family: dict[str, Any]) -> tuple[Any, ...]:
    span = family["undo_timer_s"]
    return (
        name,
        family["reads"],
        [f"{setting} ({scope})" for setting, scope in family["sets"].items()],
        family["widths_mhz"],
        f"{span[0]:g} to {span[1]:g}" if span else None,
        family["signals"],
        family["summary"],
    )
