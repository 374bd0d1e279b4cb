"""Memory that nobody needs any more."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.garbage import give_back

MIB = 2**20
NEEDS_GLIBC = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="a C library without malloc_trim"
)


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@NEEDS_GLIBC
def test_what_was_freed_beneath_what_is_needed_goes_back_to_the_system() -> None:
    many = [bytes(2000) for _ in range(20_000)]
    many[:-1] = []
    before = resident()
    give_back()
    assert before - resident() > 30 * MIB
    assert len(many) == 1


KEPT_BY_A_THREAD = """
import threading
from agent.garbage import give_back, stay_small

stay_small()
bytes(8 << 20)  # glibc takes blocks up to the largest that was freed from the heap, and keeps twice as much

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def work():
    before = resident()
    b"\\1" * (6 << 20)
    give_back()
    print(resident() - before)

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@NEEDS_GLIBC
def test_what_another_thread_freed_goes_back_too() -> None:
    told = subprocess.run([sys.executable, "-c", KEPT_BY_A_THREAD], capture_output=True, check=True)
    assert int(told.stdout) < MIB
