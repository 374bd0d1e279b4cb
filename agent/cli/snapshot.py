"""`rrmd snapshot`: what the agent knows of a site, as one file that a plan can be made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from agent.cli.failure import ExitCode
from agent.cli.options import Json, Options, options_of
from agent.cli.output import check_free, write
from agent.cli.terminal import count, show, show_json

TIMEOUT_S: Final = 120.0
"""A thousand radios that hear a hundred BSSs each fill some 20 MB."""

SiteId = Annotated[str, typer.Argument(metavar="SITE", help="The site's id.")]


def snapshot(
    context: typer.Context,
    site: SiteId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there, not to the terminal.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over FILE.")] = False,
    as_json: Json = False,
) -> int:
    """Write down what the agent knows of a site, for `rrmd plan --what-if`.

    No secrets are in it, and no address of a client.
    """
    check_free(output, force=force)
    found = taken(options_of(context), site)
    if as_json:
        show_json(found)
    if output is not None or not as_json:
        write(json.dumps(found, indent=1) + "\n", output, force=force)
    if output is not None and not as_json:
        radios = sum(len(ap["radios"]) for ap in found["aps"].values())
        show(f"{output}: {count(len(found['aps']), 'AP')}, {count(radios, 'radio')}")
    return ExitCode.FINE


def taken(options: Options, site: str) -> dict[str, Any]:
    """The snapshot of a running agent's site. Raises a Failure."""
    return options.ask("snapshot", site=site, timeout_s=TIMEOUT_S)
