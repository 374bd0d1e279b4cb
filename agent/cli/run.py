"""`rrmd run`: the daemon, in the foreground, until it is told to stop."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from agent.cli.failure import ExitCode, Failure, of_os, wrong_files
from agent.cli.options import options_of


def run(
    context: typer.Context,
    sites: Annotated[
        Path | None,
        typer.Option("--sites", help="Site file, or directory of them.", envvar="RRMD_SITES", metavar="PATH"),
    ] = None,
    log_format: Annotated[
        str | None,
        typer.Option("--log-format", help="json or console.", envvar="RRMD_LOG_FORMAT", metavar="FORMAT"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing: log and audit what would have been sent.")
    ] = False,
) -> int:
    """Run the daemon in the foreground.

    SIGTERM ends it; changes still open then are finished or undone at the next start.
    """
    settings = options_of(context).settings(sites=sites, log_format=log_format, dry_run=dry_run or None)
    import asyncio

    import structlog

    from agent import log
    from agent.daemon import serve
    from inventory import core_dump

    core_dump.forbid()
    log.configure(settings.log_format)
    try:
        return asyncio.run(serve(settings))
    except Exception as error:  # the last boundary: whatever ended the daemon must be in its log
        if (failure := _expected(error)) is not None:
            raise failure from None
        causes = list(_causes(error))
        structlog.get_logger().exception("daemon.failed", causes=[_told(each) for each in causes])
        names = ", ".join(type(each).__name__ for each in causes)
        raise Failure(ExitCode.INTERNAL, f"the daemon ended: {names}; see its log") from None


def _expected(error: Exception) -> Failure | None:
    """How to tell an operator's mistake; None: it is a bug."""
    from agent.api.socket_file import SocketError, SocketInUse
    from agent.audit import AuditError
    from agent.audit_key import KeyRefused
    from agent.daemon import AlreadyRunning
    from agent.state_dir import StateUnsafe
    from agent.store.errors import SchemaTooNew, StoreError, StoreUrlWrong
    from drivers.errors import PersonNeeded
    from inventory.credentials import CredentialError
    from inventory.site_error import SiteErrors

    first = _first(error)
    if isinstance(first, SiteErrors):
        return wrong_files(first.errors)
    if isinstance(first, SocketInUse | AlreadyRunning):
        return Failure(ExitCode.REFUSED, str(first))
    if isinstance(
        first,
        SocketError
        | StateUnsafe
        | KeyRefused
        | SchemaTooNew
        | StoreUrlWrong
        | CredentialError
        | PersonNeeded,
    ):
        return Failure(ExitCode.USAGE, str(first))
    if isinstance(first, StoreError | AuditError):
        return Failure(ExitCode.REFUSED, str(first))
    return of_os(first) if isinstance(first, OSError) and first.filename else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What is inside task groups, however deep: the group's own name says nothing."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error


def _told(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({last[0].filename}:{last[0].lineno})" if last else ""
    return f"{type(error).__name__}: {error}{where}"


def _first(error: Exception) -> Exception:
    """The first error of a task group, or the error itself."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
