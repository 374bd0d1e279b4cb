"""Which directory is a store's audit log: a name in the directory, and the same one in the store; and who may
write there now."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uuid6 import uuid7

from agent.disk import sync_directory, write_all

NAME = "log.id"
LOCK = "lock"
LOCK_S = 5.0
"""How long one process waits for another that writes to the same log."""


def id_of(directory: Path, name: str = NAME) -> str:
    """The log's own name, which goes with its files wherever they are copied; made when there is none.
    Raises OSError."""
    path = directory / name
    if not path.exists():
        draft = directory / f".{name}.new"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            write_all(fd, f"{uuid7()}\n".encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        draft.replace(path)
        sync_directory(directory)
    return path.read_text("ascii", "replace").strip()


def shown(directory: Path) -> str:
    """Where it is, for a person."""
    return f"{socket.gethostname()}:{directory}"


def refusal(kept: str, place: str, directory: Path) -> str:
    """What a person must know whose directory is not the log of the store."""
    return (
        f"this store's audit log is kept by {place}: nothing is written from here. To go on with it here for "
        f"good, stop that rrmd and copy its directory to {directory}; if it is lost, write {kept} into "
        f"{directory / NAME}"
    )


@contextmanager
def writing_alone(directory: Path) -> Iterator[None]:
    """No other process writes to this log meanwhile. Raises OSError, also when one does not let go."""
    fd = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(fd)
        yield
    finally:
        os.close(fd)


def _wait_for(fd: int) -> None:
    give_up = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise OSError(errno.EBUSY, "another process is writing to it") from None
            time.sleep(0.005)
        else:
            return
