"""A record's time as a person reads it. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from agent.moment import EPOCH


def spoken_utc(utc: Any) -> str | None:
    """ISO 8601 of UTC microseconds; text stays as it is; anything else is None."""
    if isinstance(utc, int):
        return (EPOCH + timedelta(microseconds=utc)).isoformat(timespec="seconds").replace("+00:00", "Z")
    return utc if isinstance(utc, str) else None
