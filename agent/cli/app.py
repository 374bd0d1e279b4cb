"""The command `rrmd`: its global options, its commands, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Never

import typer
from typer.core import TyperGroup

from agent import places
from agent.cli import (
    audit,
    budget,
    changes,
    check,
    demo,
    discover,
    drivers,
    events,
    inject,
    pause,
    plan,
    probe,
    release,
    run,
    snapshot,
    status,
    undo,
)
from agent.cli.failure import ExitCode, Failure, of_os
from agent.cli.options import Options
from agent.cli.terminal import complain

_EXITS = """\b
Exit codes:
  0  fine
  1  refused, or a check found something (audit verify, probe, a change that was not made)
  2  wrong usage, an unknown name, or a wrong input file
  3  the daemon cannot be reached
  4  not allowed
  5  internal error: a bug in rrmd
"""


class Commands(TyperGroup):
    """Ends every run with a documented exit code, and every mistake with one line on stderr."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Never:
        sys.exit(self._code(args, prog_name or "rrmd", **extra))

    def _code(self, args: Sequence[str] | None, prog_name: str, **extra: Any) -> int:
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
            sys.stdout.flush()
        except Failure as failure:
            complain(failure.lines)
            return failure.code
        except BrokenPipeError:
            return _reader_gone()
        except SystemExit as ended:  # how typer itself answers a broken pipe
            if isinstance(ended.__context__, BrokenPipeError):
                return _reader_gone()
            raise
        except OSError as error:
            return self._failed(of_os(error))
        except Exception as error:  # the last boundary: an operator gets a line, a developer the traceback
            return self._unknown(error)
        return int(code or 0)

    def _failed(self, failure: Failure) -> int:
        if os.environ.get("RRMD_DEBUG"):
            raise failure
        complain(failure.lines)
        return failure.code

    def _unknown(self, error: Exception) -> int:
        if said := getattr(error, "format_message", None):  # wrong usage, as typer found it
            command = getattr(getattr(error, "ctx", None), "command_path", "rrmd")
            complain([f"{' '.join(str(said()).split())} See: {command} --help"])
            return ExitCode.USAGE
        if os.environ.get("RRMD_DEBUG"):
            raise error
        text = " ".join(str(error).split())
        complain([f"internal error: {type(error).__name__}: {text} (RRMD_DEBUG=1 shows where)"])
        return ExitCode.INTERNAL


def _reader_gone() -> int:
    """`rrmd events | head`: stop quietly, and let the interpreter's own last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.FINE


app = typer.Typer(
    cls=Commands,
    name="rrmd",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXITS,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"rrmd {version('rrmd')}")
        raise typer.Exit


@app.callback()
def rrmd(
    context: typer.Context,
    socket: Annotated[
        Path, typer.Option(envvar="RRMD_SOCKET", metavar="PATH", help="The daemon's control socket.")
    ] = places.SOCKET,
    state_dir: Annotated[
        Path, typer.Option(envvar="RRMD_STATE_DIR", metavar="PATH", help="Where the daemon keeps its state.")
    ] = places.STATE_DIR,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Wi-Fi radio resource management: changes that are proven, and undone when they do harm."""
    context.obj = Options(socket=socket, state_dir=state_dir)
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("check")(check.check)
app.command("probe")(probe.probe)
app.command("discover")(discover.discover)
app.command("status")(status.status)
app.command("budget")(budget.budget)
app.command("events")(events.events)
app.command("changes")(changes.changes)
app.command("rollback")(changes.rollback)
app.command("undo")(undo.undo)
app.command("approve")(changes.approve)
app.command("reject")(changes.reject)
app.command("acknowledge")(changes.acknowledge)
app.command("plan")(plan.plan)
app.command("snapshot")(snapshot.snapshot)
app.command("pause")(pause.pause)
app.command("resume")(pause.resume)
app.command("release")(release.release)
app.command("inject")(inject.inject)
app.add_typer(audit.app, name="audit")
app.command("drivers")(drivers.drivers)
