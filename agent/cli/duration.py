"""A span of time as an operator writes it: ``90``, ``90s``, ``15m``, ``2h``, ``7d``. Pure."""

from __future__ import annotations

import re
from typing import Final

from agent.cli.failure import usage

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """Raises a usage Failure."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip())
    if found is None:
        raise usage(f"{text!r} is no span of time; write 90s, 15m, 2h or 7d")
    return float(int(found[1]) * _UNITS[found[2]])


def spoken(span_s: float | None) -> str | None:
    """``95`` -> ``1m35s``; None stays None. Negative spans are over: ``0s``."""
    if span_s is None:
        return None
    left = max(0, round(span_s))
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
