"""A span of time as a command is given it, and as it is shown. Pure."""

from __future__ import annotations

from agent import span
from agent.cli.failure import usage


def seconds(text: str) -> float:
    """Raises a usage Failure."""
    try:
        return span.seconds(text)
    except ValueError as error:
        raise usage(str(error)) from None


def spoken(span_s: float | None) -> str | None:
    """``95`` -> ``1m35s``; None stays None. Negative spans are over: ``0s``."""
    if span_s is None:
        return None
    left = max(0, round(span_s))
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, span.UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
