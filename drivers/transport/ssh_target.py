"""An address that SSH is spoken to, and who is expected there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inventory.credentials import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTarget:
    """Whom to speak to, as whom, and how its identity is known.

    ``fingerprint``: ``SHA256:...`` as `ssh-keygen -l` prints it; where it is None, ``known_hosts`` (a path)
    decides. ``name``: how the device is called in messages.
    """

    name: str
    host: str
    login: Login
    port: int = 22
    fingerprint: str | None = None
    known_hosts: str | None = None
    connect_timeout_s: float = 10.0


def parse_address(address: str, default_port: int = 22) -> tuple[str, int]:
    """(host, port) of ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``. ValueError: what was expected."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([\w.-]+))(?::(\d{1,5}))?", address, re.ASCII)
    port = int(found[3]) if found and found[3] else default_port
    if not found or not 0 < port < 65536:
        raise ValueError(f"expected host, host:port or [IPv6]:port, got {address!r}")
    return found[1] or found[2], port
