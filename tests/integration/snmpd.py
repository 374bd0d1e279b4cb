"""Debian's snmpd on 127.0.0.1, that lives in a temporary directory."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from peers import found, needs

from drivers.snmp.session import SnmpSession
from drivers.transport import snmp_v3
from drivers.transport.snmp import SnmpTarget, snmp_session
from inventory.credentials import Secret
from inventory.snmp_login import AuthProtocol, PrivProtocol, SnmpLogin

T = TypeVar("T")

SNMPD = found("snmpd")
NEEDS_SNMPD = needs("snmpd")

AUTH_PASSWORD, PRIV_PASSWORD = "of the authentication", "of the privacy"
COMMUNITY = "secret"
ENGINE_ID = bytes.fromhex("80001f8804") + b"ap1"

USERS = {
    "strong": (AuthProtocol.SHA256, PrivProtocol.AES128),
    "strongest": (AuthProtocol.SHA512, PrivProtocol.AES256),
    "sha384": (AuthProtocol.SHA384, PrivProtocol.AES192),
    "sha224": (AuthProtocol.SHA224, PrivProtocol.AES128),
    "old": (AuthProtocol.SHA1, PrivProtocol.AES128),
    "stretched": (AuthProtocol.SHA1, PrivProtocol.AES256),
    "oldest": (AuthProtocol.MD5, PrivProtocol.AES128),
}
_WORDS = {
    AuthProtocol.MD5: "MD5",
    AuthProtocol.SHA1: "SHA",
    AuthProtocol.SHA224: "SHA-224",
    AuthProtocol.SHA256: "SHA-256",
    AuthProtocol.SHA384: "SHA-384",
    AuthProtocol.SHA512: "SHA-512",
    PrivProtocol.AES128: "AES",
    PrivProtocol.AES192: "AES-192",
    PrivProtocol.AES256: "AES-256",
}

NAME, CONTACT, OBJECT_ID = "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.4.0", "1.3.6.1.2.1.1.2.0"

CONFIG = """\
agentaddress udp:127.0.0.1:{port}
engineID {engine_id}
rocommunity public 127.0.0.1
rwcommunity {community} 127.0.0.1
sysServices 72
"""


def login(of: str, **differing: object) -> SnmpLogin:
    """Of one of USERS."""
    auth, priv = USERS[of]
    given: dict[str, object] = {
        "user": of,
        "auth_protocol": auth,
        "auth_password": Secret(AUTH_PASSWORD),
        "priv_protocol": priv,
        "priv_password": Secret(PRIV_PASSWORD),
    }
    return SnmpLogin(**{**given, **differing})  # type: ignore[arg-type]  # a test may give what it likes


def target(port: int, who: SnmpLogin, **differing: Any) -> SnmpTarget:
    whole = SnmpTarget(name="ap1", host="127.0.0.1", port=port, login=who, timeout_s=1.0, retries=1)
    return dataclasses.replace(whole, **differing)


def within(target: SnmpTarget, story: Callable[[SnmpSession], Awaitable[T]]) -> T:
    """What the story returns, told to an open session."""

    async def told() -> T:
        session = snmp_session(target)
        await session.open()
        try:
            return await story(session)
        finally:
            await session.close()

    return asyncio.run(told())


def worker_of_this_process() -> int:
    """Its process id."""
    (worker,) = snmp_v3._workers.values()
    assert worker._process is not None
    return worker._process.pid


@contextmanager
def snmpd(directory: Path, port: int | None = None, engine_id: str = "ap1", more: str = "") -> Iterator[int]:
    """Its port. ``engine_id``: the text of its snmpEngineID; ``more``: lines of its configuration."""
    port = free_port() if port is None else port
    directory.mkdir(exist_ok=True)
    config, log = directory / "snmpd.conf", directory / "snmpd.log"
    config.write_text(
        CONFIG.format(port=port, engine_id=engine_id, community=COMMUNITY)
        + "".join(_user(name, *protocols) for name, protocols in USERS.items())
        + more
    )
    assert SNMPD is not None
    command = [SNMPD, "-f", "-Lf", str(log), "-C", "-c", str(config)]
    # The state of its own directory only, and no MIB files: it needs none.
    environ = {"PATH": os.defpath, "SNMP_PERSISTENT_DIR": str(directory), "MIBS": ""}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environ) as server:
        try:
            _await_answering(server, port, log)
            yield port
        finally:
            server.kill()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _user(name: str, auth: AuthProtocol, priv: PrivProtocol) -> str:
    created = f'createUser {name} {_WORDS[auth]} "{AUTH_PASSWORD}" {_WORDS[priv]} "{PRIV_PASSWORD}"'
    return f"{created}\nrwuser {name} priv\n"


# SNMPv2c, community "public": GET sysUpTime.0
_PING = bytes.fromhex("302602010104067075626c6963a01902010102010002010030") + bytes.fromhex(
    "0e300c06082b060102010103000500"
)


def _await_answering(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end_s = time.monotonic() + 10.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        probe.connect(("127.0.0.1", port))
        while time.monotonic() < end_s and server.poll() is None:
            try:
                probe.send(_PING)
                probe.recv(4096)
            except OSError:
                time.sleep(0.02)  # a port that is not open yet has no event to wait for
            else:
                return
    raise AssertionError(f"snmpd did not start: {log.read_text() if log.exists() else ''}")
