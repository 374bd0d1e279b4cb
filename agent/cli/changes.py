"""`rrmd changes`, `rollback`, `approve`, `reject`, `acknowledge`: what was changed, why, and the way back."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from agent.cli.candidates import show_candidates
from agent.cli.duration import spoken
from agent.cli.events import evidence
from agent.cli.failure import ExitCode, usage
from agent.cli.instant import spoken_utc
from agent.cli.names import ap_key, radio_key
from agent.cli.options import Json, Limit, Options, SiteName, options_of
from agent.cli.terminal import complain, show_json, show_pairs, show_table

_COLUMNS = (
    "UTC",
    "radios",
    "from",
    "to",
    "cause",
    "state",
    "verdict",
    "left",
    "actor",
    "undo of",
    "id",
    "token",
)
_SHOWN = ("reason", "baseline", "effect")


def changes(
    context: typer.Context,
    site: SiteName = None,
    radio: Annotated[str | None, typer.Option("--radio", metavar="RADIO", help="Only of this radio.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are not final.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="ID", help="All that explains this one change.")
    ] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> int:
    """List changes, or explain one.

    Each comes with the token that takes it back, as long as that can be used.
    """
    options = options_of(context)
    if explain is not None:
        found = options.ask("change", id=explain)
        show_json(found) if as_json else _explain(found)
        return ExitCode.FINE
    key = None if radio is None else radio_key(radio, options.radios())
    found = options.ask("changes", site=site, radio=key, open=only_open or None, limit=limit)
    show_json(found) if as_json else show_changes(found["changes"])
    return ExitCode.FINE


def rollback(
    context: typer.Context,
    token: Annotated[
        str | None, typer.Argument(metavar="TOKEN", help="From `rrmd changes`; - reads it from stdin.")
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="The newest change of --ap; needs no token.")] = False,
    ap: Annotated[str | None, typer.Option("--ap", metavar="AP", help="site/ap or ap.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    as_json: Json = False,
) -> int:
    """Take one change back.

    Refused where the law or a radar bars the way; works once. With --last --ap AP: the newest change of that
    AP that can be taken back; on a terminal it is shown first, and you are asked.
    """
    options = options_of(context)
    if last or ap is not None:
        if not last or ap is None or token is not None:
            raise usage("--last and --ap AP go together, without a token")
        return _take_back_last(options, ap_key(ap, options.radios()), yes, as_json)
    given = sys.stdin.readline() if token == "-" else token or ""  # noqa: S105  # the dash is no password
    if not given.strip():
        raise usage("no token was given; `rrmd changes --open` shows them")
    found = options.ask("rollback", token=given.strip())
    show_json(found) if as_json else show_changes([found["change"]])
    return ExitCode.FINE


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _take_back_last(options: Options, ap: str, yes: bool, as_json: bool) -> int:
    change = options.ask("last", ap=ap)["change"]
    if not yes and _at_a_terminal():
        show_changes([change])
        if not typer.confirm("Take this one back?"):
            complain(["nothing was changed"])
            return ExitCode.REFUSED
    found = options.ask("rollback", id=change["id"])
    show_json(found) if as_json else show_changes([change, found["change"]])
    return ExitCode.FINE


def approve(
    context: typer.Context,
    change_id: Annotated[str | None, typer.Argument(metavar="ID", help="A change in state PROPOSED.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that wait, the oldest first.")] = False,
    site: SiteName = None,
    as_json: Json = False,
) -> int:
    """Let a proposed change be made.

    The guards are asked once more. With --all each proposal is told of by itself; exit code 1 when one was
    refused.
    """
    if every is (change_id is not None) or (site is not None and not every):
        raise usage("an ID, or --all, perhaps with --site")
    options = options_of(context)
    if change_id is not None:
        found = options.ask("approve", id=change_id)
        show_json(found) if as_json else show_changes([found["change"]])
        return ExitCode.FINE
    found = options.ask("approve_all", site=site)
    show_json(found) if as_json else show_changes(each["change"] for each in found["results"])
    refused = [each["refused"] for each in found["results"] if each["refused"]]
    complain(refused)
    return ExitCode.REFUSED if refused else ExitCode.FINE


def reject(
    context: typer.Context,
    change_id: Annotated[str, typer.Argument(metavar="ID", help="A change in state PROPOSED.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Goes into the audit log.")] = "",
    as_json: Json = False,
) -> int:
    """Say no to a proposed change; the same is not proposed again for a while."""
    found = options_of(context).ask("reject", id=change_id, why=why)
    show_json(found) if as_json else show_changes([found["change"]])
    return ExitCode.FINE


def acknowledge(
    context: typer.Context,
    change_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="A change in state ESCALATED, or store: one that was made anew."),
    ],
    as_json: Json = False,
) -> int:
    """Say that you have looked after an escalated change, or know what a store that was made anew lacks."""
    found = options_of(context).ask("acknowledge", id=change_id)
    show_json(found) if as_json else show_changes([found["change"]] if found["change"] else [])
    return ExitCode.FINE


def show_changes(found: Iterable[dict[str, Any]]) -> None:
    show_table("", _COLUMNS, map(_row, found))


def _row(change: dict[str, Any]) -> tuple[Any, ...]:
    return (
        change["utc"],
        change["radios"],
        change["from"],
        change["to"],
        change["cause"] + (" (drill)" if change["drill"] else ""),
        change["state"],
        change["verdict"],
        spoken(change["left_s"]),
        _who(change["actor"]),
        change["undo_of"],
        change["id"],
        change["token"],
    )


def _who(actor: Any) -> str:
    """``rrmd``, or ``alice (1000)``."""
    if not isinstance(actor, dict):
        return str(actor)
    uid = actor.get("uid")
    return f"{actor.get('name')}" if uid is None else f"{actor.get('name')} ({uid})"


def _explain(change: dict[str, Any]) -> None:
    apart = {*_SHOWN, "records"}
    show_pairs("Change", {name: value for name, value in change.items() if name not in apart})
    for name in _SHOWN:
        if change.get(name):
            told = change[name]
            show_pairs(name.capitalize(), {k: v for k, v in told.items() if k != "candidates"})
    if candidates := (change.get("reason") or {}).get("candidates"):
        show_candidates(candidates, change["reason"].get("params") or {})
    show_table(
        "Records",
        ("seq", "UTC", "kind", "step", "reason", "evidence"),
        map(_record, change.get("records") or ()),
    )


def _record(record: dict[str, Any]) -> tuple[Any, ...]:
    came, went = record.get("from_state"), record.get("to_state")
    return (
        record.get("seq"),
        spoken_utc(record.get("utc")),
        record.get("kind"),
        f"{came or ''} -> {went}" if went else None,
        (record.get("reason") or {}).get("code"),
        evidence(record.get("evidence")),
    )
