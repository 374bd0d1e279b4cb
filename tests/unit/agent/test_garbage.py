"""Memory that nobody needs any more."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from agent.garbage import give_back

MIB = 2**20


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="a C library without malloc_trim")
def test_what_was_freed_beneath_what_is_needed_goes_back_to_the_system() -> None:
    many = [bytes(2000) for _ in range(20_000)]
    many[:-1] = []
    before = resident()
    give_back()
    assert before - resident() > 30 * MIB
    assert len(many) == 1
