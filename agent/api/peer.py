"""Who is at the other end of a Unix socket: the kernel says it, the caller cannot."""

from __future__ import annotations

import asyncio
import pwd
import socket
import struct
from typing import Final

from agent.change import Actor
from drivers.transport.waiting import in_own_thread

_UCRED: Final = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid
NAME_S: Final = 2.0  # a user directory that hangs must not hang the control socket


def uid_of(connection: socket.socket) -> int:
    """The user id that the peer had when it connected. 65534 when it is in another user namespace."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(raw)[1])


def _login(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


async def actor_of(connection: socket.socket) -> Actor:
    """The operator behind a connection, with the login name if the user directory tells it in time."""
    uid = uid_of(connection)
    try:
        async with asyncio.timeout(NAME_S):
            name = await in_own_thread(lambda: _login(uid), f"login-{uid}")
    except TimeoutError:
        name = f"uid {uid}"
    return Actor(type="operator", uid=uid, name=name)
