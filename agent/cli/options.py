"""What every command is given: where the daemon and its files are, and how to answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.api import client
from agent.cli.failure import of_call, usage

if TYPE_CHECKING:
    from agent.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
SiteName = Annotated[str | None, typer.Option("--site", help="Only this site.", metavar="SITE")]
Limit = Annotated[int, typer.Option("--limit", help="At most so many, the newest first.", min=1, max=10_000)]
RadioName = Annotated[
    str, typer.Argument(metavar="RADIO", help="site/ap/radio, ap/radio, or as much of its end as is unique.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The global options."""

    socket: Path
    state_dir: Path

    def ask(self, op: str, *, timeout_s: float = client.TIMEOUT_S, **args: Any) -> dict[str, Any]:
        """The daemon's answer. Raises a Failure."""
        try:
            return client.call(self.socket, op, args, timeout_s)
        except client.CallError as error:
            raise of_call(error) from None

    def radios(self) -> list[str]:
        """The keys of all radios that the daemon knows."""
        return [radio["key"] for radio in self.ask("status")["radios"]]

    def settings(self, **given: Any) -> Settings:
        """The daemon's settings as this environment and the command line give them."""
        from agent.settings import Settings, SettingsError

        try:
            return Settings.from_environ(os.environ, socket=self.socket, state_dir=self.state_dir, **given)
        except SettingsError as error:
            raise usage(str(error)) from None


def options_of(context: typer.Context) -> Options:
    found = context.find_object(Options)
    assert found is not None  # noqa: S101  # the group's callback sets it before any command runs
    return found
