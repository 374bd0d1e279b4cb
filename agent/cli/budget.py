"""`rrmd budget`: how much may still be changed, and why a change waits."""

from __future__ import annotations

from typing import Any

import typer

from agent.cli.duration import spoken
from agent.cli.failure import ExitCode
from agent.cli.options import Json, SiteName, options_of
from agent.cli.terminal import show_json, show_table


def budget(context: typer.Context, site: SiteName = None, as_json: Json = False) -> int:
    """Show what the change budgets leave to sites and radios.

    For each radio also what objects to a routine change now.
    """
    found = options_of(context).ask("budget", site=site)
    show_json(found) if as_json else _show(found)
    return ExitCode.FINE


def _show(found: dict[str, Any]) -> None:
    show_table(
        "Sites",
        ("site", "mode", "routine changes in 7 days", "APs in flight"),
        (
            (
                s["id"],
                s["mode"],
                f"{s['week']} of {s['week_most']}",
                f"{s['in_flight']} of {s['in_flight_most']}",
            )
            for s in found["sites"]
        ),
    )
    show_table(
        "Radios",
        ("radio", "next routine change", "incidents in 24 h", "a routine change now"),
        (
            (r["radio"], _when(r["routine_wait_s"]), _incidents(r), r["against"] or "may be made")
            for r in found["radios"]
        ),
    )


def _when(wait_s: float) -> str:
    return f"in {spoken(wait_s)}" if wait_s else "now"


def _incidents(radio: dict[str, Any]) -> str | None:
    most = radio["incident_most"]
    return ", ".join(f"{cause} {n} of {most}" for cause, n in radio["incidents_today"].items()) or None
