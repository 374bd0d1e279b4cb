"""Asking a running daemon, one question a call. Standard library only: `rrmd status` starts at once."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Never

from agent.api.errors import BUSY
from agent.places import SOCKET_GROUP

TIMEOUT_S: Final = 30.0
BUSY_S: Final = 10.0  # as long as the daemon waits for a caller's line: then a place is free again
AGAIN_S: Final = 0.25
_START: Final = "start it with: systemctl start rrmd"
_LOG: Final = "see: journalctl -u rrmd"
_CHUNK: Final = 1 << 16


class CallError(Exception):
    """Root: no result. The message is one line that says what to do."""


class DaemonUnreachable(CallError, ConnectionError):
    """Nobody answers: start the daemon, or name its socket."""


class CallNotAllowed(CallError, PermissionError):
    """This user may not use the control socket."""


class CallRefused(CallError):
    """The daemon answered, and said no; ``code`` is one of `agent.api.errors`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def call(path: Path, op: str, args: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """The result of one operation; an argument that is None is left out. Raises a CallError.

    ``timeout_s``: for each step of the conversation. After it a write may still be done: look before
    asking again. A daemon whose connections are all taken is asked again for `BUSY_S`: it has not begun.
    """
    until_s = time.monotonic() + BUSY_S
    while True:
        try:
            return _once(path, _request(op, args), timeout_s)
        except CallRefused as error:
            if error.code != BUSY or time.monotonic() >= until_s:
                raise
        time.sleep(AGAIN_S)


def _once(path: Path, line: bytes, timeout_s: float) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
            return _result(_exchange(connection, line))
        except TimeoutError:
            raise DaemonUnreachable(f"rrmd did not answer within {timeout_s:g} s; {_LOG}") from None
        except OSError as error:
            _explain(path, error)


def _request(op: str, args: Mapping[str, Any]) -> bytes:
    given = {name: value for name, value in args.items() if value is not None}
    return json.dumps({"op": op, "args": given}, allow_nan=False).encode() + b"\n"


def _exchange(connection: socket.socket, line: bytes) -> bytes:
    with contextlib.suppress(BrokenPipeError):  # it would not read all of it; its answer says why
        connection.sendall(line)
    answer = bytearray()
    reset = False
    while True:
        try:
            chunk = connection.recv(_CHUNK)
        except ConnectionResetError:  # told once, when it closed without reading all; its answer comes after
            if reset:
                raise
            reset = True
            continue
        if not chunk:
            return bytes(answer)
        answer += chunk


def _result(answer: bytes) -> dict[str, Any]:
    try:
        said = json.loads(answer)
        if said["ok"]:
            return dict(said["result"])
        code, message = str(said["error"]["code"]), str(said["error"]["message"])
    except (ValueError, KeyError, TypeError):
        raise DaemonUnreachable(f"rrmd broke off in its answer; {_LOG}") from None
    raise CallRefused(code, message)


def _explain(path: Path, error: OSError) -> Never:
    """Raise the CallError that tells what the system's error means here."""
    if isinstance(error, CallError):
        raise error
    if isinstance(error, PermissionError):
        group = _group_of(path)
        raise CallNotAllowed(
            f"you are not in the group {group}: ask for `usermod -aG {group} {_user()}`, then log in again"
            f" ({path})"
        ) from None
    if isinstance(error, FileNotFoundError):
        raise DaemonUnreachable(f"rrmd is not running (no {path}); {_START}") from None
    if isinstance(error, ConnectionRefusedError):
        raise DaemonUnreachable(f"rrmd is not running (nobody answers at {path}); {_START}") from None
    raise DaemonUnreachable(f"rrmd cannot be reached at {path}: {error.strerror or error}; {_LOG}") from None


def _group_of(path: Path) -> str:
    """The group that may use the socket, as far as a stranger can see it."""
    try:
        status = path.stat()
        return grp.getgrgid(status.st_gid).gr_name if status.st_mode & 0o060 else "root"
    except (OSError, KeyError):
        return SOCKET_GROUP


def _user() -> str:
    return os.environ.get("USER") or str(os.geteuid())
