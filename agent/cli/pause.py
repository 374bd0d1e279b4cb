"""`rrmd pause` and `rrmd resume`: leave a site, an AP or a radio alone for a while."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.cli.duration import seconds
from agent.cli.failure import ExitCode
from agent.cli.options import Json, options_of
from agent.cli.terminal import show_json

Scope = Annotated[str, typer.Argument(metavar="SCOPE", help="site, site/ap or site/ap/radio.")]


def pause(
    context: typer.Context,
    scope: Scope,
    span: Annotated[
        str | None, typer.Option("--for", metavar="SPAN", help="90s, 15m, 2h, 7d; without it until resumed.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Begin no change there, at once and across restarts.

    What is open goes on to its end, and an AP on radar is still taken off its channel: that is the law.
    """
    for_s = None if span is None else seconds(span)
    found = options_of(context).ask("pause", scope=scope, for_s=for_s)
    if as_json:
        show_json(found)
    else:
        until = found["pause"]["until_utc"]
        typer.echo(
            f"{scope} is paused {f'until {until}' if until else 'until `rrmd resume`'}; radar excepted"
        )
    return ExitCode.FINE


def resume(context: typer.Context, scope: Scope, as_json: Json = False) -> int:
    """End a pause."""
    found = options_of(context).ask("resume", scope=scope)
    show_json(found) if as_json else typer.echo(f"{scope} is no longer paused")
    return ExitCode.FINE
