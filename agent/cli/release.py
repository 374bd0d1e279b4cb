"""`rrmd release`: hand a radio back to the vendor's own RRM."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.cli.failure import ExitCode
from agent.cli.names import radio_key
from agent.cli.options import Json, options_of
from agent.cli.terminal import show_json


def release(
    context: typer.Context,
    radio: Annotated[str, typer.Argument(metavar="RADIO", help="site/ap/radio, ap/radio or radio.")],
    as_json: Json = False,
) -> int:
    """Hand a radio back to the vendor's own RRM, which may move it from now on. There is no undo.

    With `take_over` in its device's options rrmd may take it again: pin the radio, or take the option away.
    """
    options = options_of(context)
    found = options.ask("release", radio=radio_key(radio, options.radios()))
    if as_json:
        show_json(found)
    else:
        typer.echo(f"{found['radio']} is the vendor's RRM's again")
    return ExitCode.FINE
