"""Bugs that the daemon contains: it logs them and goes on, so that whoever judges it must look for them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

BUGS = frozenset(
    {
        "alert.not_handed_on",
        "change.failed",
        "change.given_up",
        "control.operation_failed",
        "decision.failed",
        "desk.died",
        "detector.failed",
        "driver.failed",
        "loop.failed",
        "radar.gave_up",
    }
)
INJECTED = "the driver of this device has a bug"
"""What a simulated device says that has one on purpose."""


@contextmanager
def contained() -> Iterator[list[str]]:
    """The bugs that are logged meanwhile; no log line is written."""
    found: list[str] = []

    def hear(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        if event["event"] in BUGS and INJECTED not in (said := _said(event)):
            found.append(said)
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[hear], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield found
    finally:
        structlog.configure(**before)


def _said(event: MutableMapping[str, Any]) -> str:
    error = event.get("exc_info")
    error = sys.exception() if error is True else error
    about = {name: value for name, value in event.items() if name not in ("event", "exc_info")}
    return f"{event['event']}: {about}: {error!r}{_where(error)}"


def _where(error: BaseException | None) -> str:
    """The innermost line that it comes from."""
    trace = error.__traceback__ if error else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
