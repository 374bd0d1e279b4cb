"""A span of time as an operator writes it: ``90``, ``90s``, ``15m``, ``2h``, ``7d``. Pure."""

from __future__ import annotations

import re
from typing import Final

UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """Raises ValueError."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no span of time; write 90s, 15m, 2h or 7d")
    return float(int(found[1]) * UNITS[found[2]])
