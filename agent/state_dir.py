"""The state directory, whose owner alone may change what is in it: store, audit log, keys."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from agent.disk import make_directory

_WRITERS: Final = 0o022


class StateUnsafe(PermissionError):
    """Others could replace the store or the key: a person must act as the message says."""


def made(path: Path) -> Path:
    """The directory, made if there is none. Raises StateUnsafe, OSError."""
    make_directory(path)
    state = path.stat()
    if state.st_uid not in (0, os.geteuid()):
        raise StateUnsafe(f"{path} belongs to user {state.st_uid}: chown it to the user of rrmd")
    if mode := stat.S_IMODE(state.st_mode) & _WRITERS:
        raise StateUnsafe(f"others may write in {path} (mode bits {mode:03o}): chmod go-w {path}")
    return path
