"""How soon a thread of this process gets its turn.

The store's thread gives up Python's lock at each statement and each sync, and wants it back while the loop is
at work on polls. By Python's own defaults it waits 5 ms each time: twenty turns are 130 ms of a radar report.
"""

from __future__ import annotations

import sys
from typing import Final

TURN_S: Final = 0.0005
"""Then who runs lets another one run; a switch takes some 10 µs."""


def take_short_turns() -> None:
    """From now on, all threads of the process."""
    sys.setswitchinterval(TURN_S)
