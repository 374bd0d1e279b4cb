"""The file of the control socket: one owner at a time, and nobody outside the group gets in."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import socket
import stat
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger()

_LONGEST: Final = 107  # bytes of a path in struct sockaddr_un, its closing zero left out


class SocketError(Exception):
    """The control socket cannot be had; a person must act, the message says how."""


class SocketInUse(SocketError, FileExistsError):
    """Another daemon answers there."""


class SocketUnusable(SocketError, OSError):
    """The path is too long, in a missing directory, or something that is no socket."""


class SocketFile:
    """The file at ``path``, 0660 and of ``group`` where that may be set, else 0600.

    A lock beside it (``path`` + ``.lock``) is held from `bind` to `release`, so that two daemons that
    start at the same time cannot both take the file for a dead one's.
    """

    def __init__(self, path: Path, group: str | None) -> None:
        self.path = path
        self.group = group
        self._lock: int | None = None
        self._inode: int | None = None

    def bind(self) -> socket.socket:
        """A socket bound to the file and not yet listening: nobody gets in before the mode is set.

        Raises SocketInUse or SocketUnusable.
        """
        self._check_path()
        self._take_lock()
        try:
            self._remove_stale()
            return self._bound()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Remove the file if it is still the one that we made, and let the next daemon in."""
        with contextlib.suppress(FileNotFoundError):
            if self._inode is not None and self.path.lstat().st_ino == self._inode:
                self.path.unlink()
        self._inode = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _check_path(self) -> None:
        if len(os.fsencode(self.path)) > _LONGEST:
            raise SocketUnusable(
                f"{self.path}: a socket's path has at most {_LONGEST} bytes; choose a shorter one"
            )
        if not self.path.parent.is_dir():
            raise SocketUnusable(f"{self.path}: create the directory first: mkdir -m 755 {self.path.parent}")

    def _take_lock(self) -> None:
        place = f"{self.path}.lock"
        try:
            self._lock = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise SocketInUse(
                f"another rrmd holds {self.path}: stop it first, or choose another --socket"
            ) from None
        except OSError as error:
            raise SocketUnusable(f"{place} cannot be opened: {error.strerror}") from error

    def _remove_stale(self) -> None:
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise SocketUnusable(f"{self.path} is no socket: move it away, or choose another --socket")
        if _answers(self.path):
            raise SocketInUse(f"someone answers at {self.path}: stop that daemon, or choose another --socket")
        self.path.unlink()
        log.info("control.stale_socket_removed", path=str(self.path))

    def _bound(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            made.bind(str(self.path))
            self._inode = self.path.lstat().st_ino
            self.path.chmod(0o600)
            if self._give_to_group():
                self.path.chmod(0o660)
        except OSError as error:
            made.close()
            raise SocketUnusable(f"{self.path} cannot be made: {error.strerror}") from error
        return made

    def _give_to_group(self) -> bool:
        if self.group is None:
            log.info("control.socket_private", path=str(self.path))
            return False
        try:
            os.chown(self.path, -1, grp.getgrnam(self.group).gr_gid, follow_symlinks=False)
        except (KeyError, PermissionError) as error:
            reason = "no such group" if isinstance(error, KeyError) else "not permitted"
            log.warning("control.group_refused", path=str(self.path), group=self.group, reason=reason)
            return False
        return True


def _answers(path: Path) -> bool:
    """True when a process listens at the path, also when it is too busy to take us in."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError as error:
            raise SocketUnusable(f"{path} cannot be tried: {error.strerror}") from error
        return True
