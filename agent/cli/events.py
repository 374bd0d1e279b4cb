"""`rrmd events`: what happened."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.cli.duration import seconds
from agent.cli.failure import ExitCode
from agent.cli.options import Json, Limit, SiteName, options_of
from agent.cli.terminal import cell, show_json, show_table

_COLUMNS = ("UTC", "kind", "radio", "severity", "confidence", "cleared", "drill", "evidence", "id")


def events(
    context: typer.Context,
    site: SiteName = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="SPAN", help="Only of the last 90s, 15m, 2h, 7d.")
    ] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> int:
    """List what happened, with the evidence."""
    since_s = None if since is None else seconds(since)
    found = options_of(context).ask("events", site=site, since_s=since_s, limit=limit)
    if as_json:
        show_json(found)
    else:
        show_table("", _COLUMNS, map(_row, found["events"]))
    return ExitCode.FINE


def _row(event: dict[str, Any]) -> tuple[Any, ...]:
    return (
        event["utc"],
        event["kind"],
        event["radio"] or event["site"],
        event["severity"],
        f"{event['confidence_ppm'] / 10_000:.0f}%",
        event["cleared_utc"],
        event["drill"],
        evidence(event["evidence"]),
        event["id"],
    )


def evidence(found: Any) -> str:
    """``busy_ratio 750000 ppm, obss_pd_dbm -79 dBm (configured), ...``; anything else as it is."""
    if isinstance(found, list) and all(isinstance(item, dict) and "field" in item for item in found):
        return ", ".join(map(_item, found))
    return cell(found)


def _item(each: dict[str, Any]) -> str:
    """With the level of a source that has one: what was read back as configured may not be in force."""
    level = str(each.get("source", "")).partition(".")[2]
    words = (each["field"], cell(each.get("value")), each.get("unit"), f"({level})" if level else "")
    return " ".join(word for word in words if word)
