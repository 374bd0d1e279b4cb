"""The sockets that the service manager opened for us (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Final

import structlog

log = structlog.get_logger()

FIRST_FD: Final = 3


def passed_sockets(name: str, environ: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """Datagram sockets that bear this name (``FileDescriptorName=`` of the socket unit). They are ours once,
    and no child of ours inherits them: the variables are gone afterwards."""
    ours = environ.get("LISTEN_PID") == str(os.getpid())
    count, names = environ.get("LISTEN_FDS", ""), environ.get("LISTEN_FDNAMES", "").split(":")
    for variable in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environ.pop(variable, None)
    if not ours or not count.isdecimal():
        return []
    found = []
    for at in range(int(count)):
        if at < len(names) and names[at] == name:
            found += _datagram_socket(FIRST_FD + at)
    return found


def _datagram_socket(fd: int) -> list[socket.socket]:
    """None where the unit gave something else."""
    try:
        os.set_inheritable(fd, False)
        given = socket.socket(fileno=fd)
    except OSError as error:
        log.error("socket.unusable", fd=fd, error=str(error))
        return []
    if given.type is socket.SOCK_DGRAM and given.family in (socket.AF_INET, socket.AF_INET6):
        return [given]
    log.error("socket.unusable", fd=fd, error="not ListenDatagram= of an address")
    given.detach()
    return []
