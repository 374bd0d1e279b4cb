"""`rrmd demo`: an hour at a simulated school, told as it happens, and checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.failure import ExitCode, usage
from agent.cli.options import Json
from agent.cli.terminal import show_json

if TYPE_CHECKING:
    from agent.demo.line import Page


def demo(
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another hour.", min=0)] = 1,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="A new directory that keeps the audit and the store."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show an hour at a simulated school: radar, a microwave oven, a harmful change, a dead AP, a crowd.

    The agent, its store and its audit are the real ones; the APs and the time are simulated.
    """
    from agent.demo import hour
    from agent.demo.show import Show, Silent
    from agent.demo.stories import judged

    show = Show(_page(), print)
    with _directory(keep) as directory, _logged_to(directory / "rrmd.log"):
        if not as_json:
            show.opening()
        outcomes = judged(hour.run(directory, seed=seed, teller=Silent() if as_json else show))
        verified = _verify(directory, "--json" if as_json else None)
    ok = all(outcome.ok for outcome in outcomes) and verified.returncode == ExitCode.FINE
    if as_json:
        show_json({"stories": [asdict(each) for each in outcomes], "audit": json.loads(verified.stdout)})
    else:
        show.outcomes(outcomes)
        where = directory if keep else "DIR"
        show.command(f"rrmd --state-dir {where} audit verify", verified.stdout.splitlines())
        show.closing(_closing(ok, keep))
    return ExitCode.FINE if ok else ExitCode.REFUSED


def _page() -> Page:
    """As wide as the terminal, within reason; a pipe gets the widest, without colours."""
    from agent.demo.line import NARROW, WIDE, Page

    terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size((WIDE, 24)).columns if terminal else WIDE
    return Page(columns=max(NARROW, min(WIDE, columns)), colours=terminal and "NO_COLOR" not in os.environ)


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """Where the agent has its state; gone afterwards unless it is to be kept. Raises a usage Failure."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="rrmd-demo-") as name:
            yield Path(name)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise usage(f"{keep} is not empty: name a new directory")
    yield keep


@contextmanager
def _logged_to(path: Path) -> Iterator[None]:
    """The agent's own log goes to a file meanwhile."""
    import structlog

    from agent import log

    with path.open("x", encoding="utf-8") as file:
        log.configure(stream=file)
        try:
            yield
        finally:
            structlog.reset_defaults()


def _verify(directory: Path, *options: str | None) -> subprocess.CompletedProcess[str]:
    """`rrmd audit verify`, as a person would run it over that directory."""
    words = [sys.executable, "-P", "-m", "agent", "--state-dir", str(directory), "audit", "verify"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("RRMD_")}
    return subprocess.run(  # noqa: S603  our own interpreter and our own words
        [*words, *filter(None, options)], env=own, capture_output=True, text=True, check=False
    )


def _closing(ok: bool, keep: Path | None) -> list[str]:
    """Where to look next."""
    where = {
        **({} if keep else {"rrmd demo --keep DIR": "the same hour, and its audit and store stay"}),
        f"rrmd --state-dir {keep or 'DIR'} audit query": "its records, newest first; --change ID: of one",
        "rrmd demo --seed 2": "another hour",
        "rrmd check inventory/sites": "is a site file right? (docs/site-file.md)",
        "docs/demo.md": "what all this was, line by line",
    }
    columns = min(42, max(map(len, where)))
    return [
        "All as it should be." if ok else "Something is not as it should be: see NOT above.",
        "",
        *(f"  {words:{columns}}  {meaning}" for words, meaning in where.items()),
    ]
