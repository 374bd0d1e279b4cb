"""No core dump of a process that holds credentials: memory has them, a dump would put them on the disk."""

from __future__ import annotations

import ctypes
import resource
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4  # linux/prctl.h


def forbid() -> bool:
    """Of this process, and by the limit of all that it starts; each of those calls this too, because running
    a program lifts the rest. False: the kernel would not; the limit holds all the same.

    The limit alone is not enough: core(5) does not heed it where dumps are piped to a program. What is not
    dumpable can't be traced by its own user either, whose other processes so can't read its memory.
    """
    with suppress(ValueError, OSError):  # a filter of calls is in the way: the unit has said it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (OSError, AttributeError):  # no such call in this C library
        return False
