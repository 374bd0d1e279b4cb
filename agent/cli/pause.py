"""`rrmd pause` and `rrmd resume`: leave a site, an AP, a radio or all alone for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from agent.cli import names
from agent.cli.duration import seconds
from agent.cli.failure import ExitCode, usage
from agent.cli.options import Json, Options, options_of
from agent.cli.terminal import show_json, show_table

Scope = Annotated[
    str | None,
    typer.Argument(metavar="SCOPE", help="A site, or an AP or radio by as much of its end as is unique."),
]
All = Annotated[bool, typer.Option("--all", help="Everything, at all sites.")]
EVERYWHERE = "*"


def pause(
    context: typer.Context,
    scope: Scope = None,
    every: All = False,
    span: Annotated[
        str | None, typer.Option("--for", metavar="SPAN", help="90s, 15m, 2h, 7d; without it until resumed.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Begin no change there, at once and across restarts.

    What was sent goes on to its end, its way back included; what was not sent is not begun. An AP on radar is
    still taken off its channel: that is the law. A pause of the scope that ends later is kept.
    """
    for_s = None if span is None else seconds(span)
    options = options_of(context)
    found = options.ask("pause", scope=_one(options, scope, every), for_s=for_s)
    show_json(found) if as_json else _show(found)
    return ExitCode.FINE


def resume(context: typer.Context, scope: Scope = None, every: All = False, as_json: Json = False) -> int:
    """End the pause of exactly this scope; --all ends that of --all.

    What holds it all the same, or a part of it, is named.
    """
    options = options_of(context)
    one = _one(options, scope, every)
    found = options.ask("resume", scope=one)
    show_json(found) if as_json else _show_resumed(one, found.get("still") or ())
    return ExitCode.FINE


def _one(options: Options, scope: str | None, every: bool) -> str:
    """The scope by its whole name. Nothing is looked up for --all, which is for a hurry."""
    if every is (scope is not None):
        raise usage("a SCOPE, or --all")
    if scope is None:
        return EVERYWHERE
    known = options.ask("status")
    if scope in {each["scope"] for each in known.get("pauses", ())}:
        return scope  # perhaps of a site that has left the files since
    sites, radios = (site["id"] for site in known["sites"]), (radio["key"] for radio in known["radios"])
    return names.scope(scope, sites, radios)


def _spoken(scope: str) -> str:
    return "All sites are" if scope == EVERYWHERE else f"{scope} is"


def _show(found: dict[str, Any]) -> None:
    pause, before = found["pause"], found.get("before")
    typer.echo(f"{_spoken(pause['scope'])} paused {_until(pause)}, except for {found['except_for']}")
    if found.get("kept"):
        typer.echo(f"this is the pause of {pause['actor']}, which ends later; to shorten it, resume first")
    elif before:
        typer.echo(f"this replaces the pause of {before['actor']}, {_until(before)}")
    if found["open"]:
        show_table(
            "Open changes",
            ("change", "radio", "state", "in the pause"),
            ((o["id"], o["radio"], o["state"], _future(o["goes_on"])) for o in found["open"]),
        )


def _show_resumed(scope: str, still: Sequence[dict[str, Any]]) -> None:
    typer.echo(f"the pause of {scope} has ended")
    for each in still:
        part = scope == EVERYWHERE or each["scope"].startswith(f"{scope}/")
        told = f"{each['scope']} ({each['actor']}, since {each['since_utc']}, {_until(each)})"
        typer.echo(f"a part is still paused by: {told}" if part else f"still paused by: {told}")
    if not still:
        typer.echo(f"{_spoken(scope)} no longer paused")


def _until(pause: dict[str, Any]) -> str:
    return f"until {pause['until_utc']}" if pause["until_utc"] else "until `rrmd resume`"


def _future(goes_on: bool) -> str:
    return "goes on to its end, or back" if goes_on else "is not begun"
