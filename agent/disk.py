"""Small writes that are whole and on disk when they return."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def write_all_at(fd: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        done = os.pwrite(fd, left, at)
        left, at = left[done:], at + done


def sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: Path) -> None:
    """The directory, for its owner and group, with all parents that it lacks; their names are on disk when it
    returns, or a power cut would lose them with all that is in them."""
    made = [each for each in path.parents if not each.exists()]
    path.mkdir(mode=0o750, parents=True, exist_ok=True)
    for each in (path, *made):
        with suppress(PermissionError):  # nobody of ours made a name where we may not even look
            sync_directory(each.parent)
