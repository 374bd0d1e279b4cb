"""A real OpenSSH server on 127.0.0.1 that lives in a temporary directory."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peers import found, needs

from inventory.credentials import Login, Secret

SSHD = found("sshd")
NEEDS_SSHD = needs("sshd")

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/client_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
MaxStartups 100
SetEnv PATH={path} SHLVL=9
LogLevel VERBOSE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sshd:
    port: int
    fingerprint: str
    host_key_line: str  # `type base64`, as in known_hosts
    login: Login


@contextmanager
def sshd(directory: Path, path: str | None = None, more: str = "") -> Iterator[Sshd]:
    """``path``: what PATH the sessions get; ``more``: of sshd_config, {port} in it is the server's."""
    for name in ("host_key", "client_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
    port = free_port()
    config = directory / "sshd_config"
    text = CONFIG.format(directory=directory, port=port, path=path or os.environ["PATH"])
    config.write_text(text + more.format(port=port))
    if os.getuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where sshd, as root, confines its children
    assert SSHD is not None
    log = directory / "sshd.log"  # not a pipe: when that is full, sshd stands still
    command = [SSHD, "-D", "-E", str(log), "-f", str(config)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as server:
        try:
            _await_listening(server, log)
            yield _described(directory, port)
        finally:
            server.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _await_listening(server: subprocess.Popen[bytes], log: Path) -> None:
    end_s = time.monotonic() + 10.0
    while time.monotonic() < end_s and server.poll() is None:
        if log.exists() and "Server listening" in log.read_text():
            return
        time.sleep(0.02)  # a file has no event to wait for
    raise AssertionError(f"sshd did not start: {log.read_text() if log.exists() else ''}")


def _described(directory: Path, port: int) -> Sshd:
    shown = subprocess.run(
        ["ssh-keygen", "-lf", directory / "host_key.pub"], check=True, capture_output=True, text=True
    )
    key = Secret((directory / "client_key").read_text())
    return Sshd(
        port=port,
        fingerprint=shown.stdout.split()[1],
        host_key_line=" ".join((directory / "host_key.pub").read_text().split()[:2]),
        login=Login(user=getpass.getuser(), private_key=key),
    )
