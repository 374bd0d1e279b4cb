"""Alerts to syslog: the machine's own over its datagram socket, or another host's over UDP."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from agent.alerts.notice import Notice, local_line, network_line
from agent.alerts.outbox import Undelivered
from agent.settings import Endpoint

SEND_S = 5.0


class Syslog:
    """One datagram an alert. ``where``: a socket's path (``/dev/log``), or a host that listens on UDP."""

    name = "syslog"

    def __init__(self, where: Path | Endpoint, host: str) -> None:
        self._where = where
        self._host = host

    def send(self, notice: Notice) -> None:
        try:
            if isinstance(self._where, Path):
                self._send(socket.AF_UNIX, str(self._where), local_line(notice, os.getpid()))
            else:
                family, _, _, _, address = socket.getaddrinfo(*self._where, type=socket.SOCK_DGRAM)[0]
                self._send(family, address, network_line(notice, self._host, os.getpid()))
        except OSError as error:
            raise Undelivered(f"{self._where}: {error.strerror or error}", again=True) from error

    def _send(self, family: int, address: tuple[Any, ...] | str, line: bytes) -> None:
        with socket.socket(family, socket.SOCK_DGRAM) as channel:
            channel.settimeout(SEND_S)
            channel.sendto(line, address)
