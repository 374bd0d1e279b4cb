"""What is left of memory that nobody needs any more. How often Python's collector of cycles looks: seldom,
because it stops the loop meanwhile.

What polls leave behind is freed as soon as nobody refers to it; the collector is for cycles alone, of which a
failed call leaves a few. By its own defaults it looks after each 700 new objects, and walks over all that is
known of 1,000 APs each time that this has grown by a quarter: a third of the daemon's processor time, in
stops of up to half a second (`python -m benchmarks.poll_fleet`).
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Final

YOUNG: Final = 10_000
"""New objects until it looks: some 1 MB, and a stop of a few milliseconds."""
_ARENA_MAX: Final = -8  # M_ARENA_MAX of glibc's malloc.h


def stay_small() -> None:
    """From now on, and before the first thread: one heap for all threads, since each further one keeps the
    highest that it ever was, and `give_back` reaches the first alone. What has been loaded so far is taken
    for what stays, and not walked over again."""
    if (mallopt := _of_libc("mallopt")) is not None:
        mallopt(_ARENA_MAX, 1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 50, 20)


def give_back() -> None:
    """To the system, what the C library keeps of what was freed: some MB after each peak, in a millisecond.
    Where its `malloc_trim` (glibc) is missing, nothing."""
    if (trim := _of_libc("malloc_trim")) is not None:
        trim(0)


def _of_libc(name: str) -> Callable[..., int] | None:
    """None where the C library has it not: both are glibc's own."""
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
