"""`rrmd inject`: an event that did not happen, and what the agent would do about it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.cli.candidates import show_candidates
from agent.cli.changes import show_changes
from agent.cli.failure import ExitCode
from agent.cli.names import radio_key
from agent.cli.options import Json, RadioName, options_of
from agent.cli.terminal import complain, show_json, show_pairs, show_table


def inject(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="DFS_RADAR, NON_WIFI_BURST, SPECTRUM_SAT, ...")],
    radio: RadioName,
    channel: Annotated[
        int | None,
        typer.Option(
            "--channel",
            help="Where the radio shall go, instead of where the agent would send it.",
            min=1,
            max=233,
        ),
    ] = None,
    width_mhz: Annotated[
        int | None, typer.Option("--width-mhz", help="20, 40, 80, 160 or 320.", min=20, max=320)
    ] = None,
    act: Annotated[bool, typer.Option("--act", help="Carry the decision out, marked as a drill.")] = False,
    as_json: Json = False,
) -> int:
    """Show what an event would lead to.

    The event is made up. With --act the decision is carried out, marked as a drill.
    """
    options = options_of(context)
    found = options.ask(
        "inject",
        kind=kind.upper().replace("-", "_"),
        radio=radio_key(radio, options.radios()),
        channel=channel,
        width_mhz=width_mhz,
        act=act,
    )
    show_json(found) if as_json else _show(found)
    if act and found["change"] is None and not found.get("begun"):
        complain([f"nothing was changed: {_why(found['decision'])}"])
        return ExitCode.REFUSED
    return ExitCode.FINE


def _why(decision: dict[str, Any]) -> str:
    vetoes = [f"{veto['guard']} says {veto['reason']}" for veto in decision["vetoes"]]
    return "; ".join(vetoes) or str(decision["reason"])


def _show(found: dict[str, Any]) -> None:
    decision = found["decision"]
    show_pairs("Event", found["event"])
    show_pairs("Decision", {name: decision[name] for name in ("action", "reason", "params", "edit")})
    others = [answer for answer in found.get("answers", ()) if answer["reason"] != decision["reason"]]
    for answer in others:
        show_pairs("Also", {name: answer[name] for name in ("action", "radio", "reason", "params", "edit")})
    if decision["effects"]:
        show_pairs("Effects", decision["effects"])
    if decision["candidates"]:
        show_candidates(decision["candidates"], decision["params"])
    if decision["vetoes"]:
        show_table("Vetoes", ("guard", "reason"), ((v["guard"], v["reason"]) for v in decision["vetoes"]))
    if found.get("begun") and not found["change"]:
        typer.echo("The drill has begun: the AP has a few seconds to leave by itself; see `rrmd changes`.")
    if found["change"]:
        show_changes([found["change"]])
