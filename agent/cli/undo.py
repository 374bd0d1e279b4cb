"""`rrmd undo`: take back what was changed in a period."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.cli.duration import seconds
from agent.cli.failure import ExitCode
from agent.cli.options import Json, SiteName, options_of
from agent.cli.terminal import complain, show_json, show_table


def undo(
    context: typer.Context,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="90s, 15m, 2h, 7d.")],
    site: SiteName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be done.")] = False,
    as_json: Json = False,
) -> int:
    """Take back all changes of a period.

    One change per radio, straight to where it was before, with the same checks as any other. What has to
    wait its turn goes on by itself, over a restart too; see `rrmd status`.
    """
    options = options_of(context)
    found = options.ask("undo", since_s=seconds(since), site=site, dry_run=dry_run)
    show_json(found) if as_json else show_undo(found["radios"])
    refused = [each for each in found["radios"] if each["state"] == "refused"]
    complain(f"{each['radio']} was not taken back: {each['why']}" for each in refused)
    return ExitCode.REFUSED if refused else ExitCode.FINE


def show_undo(rows: list[dict[str, Any]]) -> None:
    if not rows:
        typer.echo("Nothing to take back.")
        return
    show_table(
        "Undo",
        ("radio", "to", "state", "why", "takes back", "by"),
        ((r["radio"], r["to"], r["state"], r["why"], r["changes"], r["undo"]) for r in rows),
    )
