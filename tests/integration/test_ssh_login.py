"""What is told of a login that a device did not let end well."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from integration.sshd import NEEDS_SSHD, SSHD, sshd
from paramiko import ECDSAKey, Message, PKey, ServerInterface, Transport
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL, cMSG_DISCONNECT

from drivers.errors import AuthenticationFailed, Disconnected, DriverError, IdentityUnknown
from drivers.transport.ssh import SshSession
from drivers.transport.ssh_target import SshTarget
from inventory.credentials import Login, Secret

WRONG = Secret("not-the-password")
BY_APPLICATION, NO_MORE_METHODS = 11, 14


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Secret:
    """A private key that no device knows."""
    file = tmp_path_factory.mktemp("stranger") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return Secret(file.read_text())


async def opened(target: SshTarget) -> None:
    session = SshSession(target)
    try:
        await session.open()
    finally:
        await session.close()


def refusal(port: int, fingerprint: str, login: Login) -> DriverError:
    target = SshTarget(name="ap1", host="127.0.0.1", port=port, login=login, fingerprint=fingerprint)
    with pytest.raises(DriverError) as caught:
        asyncio.run(opened(target))
    return caught.value


@pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
@pytest.mark.parametrize(
    ("tries", "with_key", "told"),
    [
        (1, False, "password refused (it hung up: 2: Too many authentication failures)"),
        (1, True, "key refused"),
        (2, True, "key refused; password refused (it hung up: 2: Too many authentication failures)"),
    ],
)
def test_a_server_that_allows_few_attempts_has_refused_the_login(
    tries: int, with_key: bool, told: str, stranger: Secret, tmp_path: Path
) -> None:
    with sshd(tmp_path, more=f"MaxAuthTries {tries}\n") as server:
        login = Login(user=server.login.user, password=WRONG, private_key=stranger if with_key else None)
        error = refusal(server.port, server.fingerprint, login)
    assert isinstance(error, AuthenticationFailed)
    assert told in str(error)
    assert "not-the-password" not in str(error)


@pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
def test_a_damaged_line_in_known_hosts_matters_only_to_its_own_host(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        file, mine = tmp_path / "known_hosts", f"[127.0.0.1]:{server.port} {server.host_key_line}".encode()
        target = SshTarget(
            name="ap1", host="127.0.0.1", port=server.port, login=server.login, known_hosts=str(file)
        )
        file.write_bytes(b"# r\xe9seau\nother ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\n" + mine)
        asyncio.run(opened(target))
        file.write_bytes(mine[:-4])
        with pytest.raises(IdentityUnknown):
            asyncio.run(opened(target))


class Ending(ServerInterface):
    """A password ends the connection, with these words (code, text) if any; what a key does is told."""

    def __init__(self, words: tuple[int, bytes] | None, key_answer: int) -> None:
        self.words = words
        self.key_answer = key_answer
        self.transport: Transport | None = None

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: PKey) -> int:
        return self.key_answer

    def check_auth_password(self, username: str, password: str) -> int:
        assert self.transport is not None
        if self.words is not None:
            message = Message()
            message.add_byte(cMSG_DISCONNECT)
            message.add_int(self.words[0])
            message.add_string(self.words[1])
            message.add_string("")
            self.transport._send_message(message)  # type: ignore[attr-defined]  # no public way to say it
        self.transport.sock.shutdown(socket.SHUT_RDWR)  # before the answer that is returned now
        return AUTH_FAILED


@contextmanager
def ending(words: tuple[int, bytes] | None, key_answer: int = AUTH_FAILED) -> Iterator[tuple[int, str]]:
    """Port and fingerprint of a device that takes one connection."""
    key, server = ECDSAKey.generate(), Ending(words, key_answer)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            server.transport = Transport(listening.accept()[0])
            server.transport.set_log_channel("rrmd.paramiko")
            server.transport.add_server_key(key)
            server.transport.start_server(threading.Event(), server)
            server.transport.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], key.fingerprint
        thread.join()


@pytest.mark.parametrize(
    "words",
    [
        None,
        (BY_APPLICATION, b"the system is going down"),
        (BY_APPLICATION, b"\xff\xfe"),
        (2, b"Packet corrupt"),
        (12, b"Too many unauthenticated connections"),
    ],
)
def test_a_connection_that_breaks_at_the_login_is_lost_and_not_refused(
    words: tuple[int, bytes] | None,
) -> None:
    with ending(words) as device:
        error = refusal(*device, Login(user="root", password=WRONG))
    assert isinstance(error, Disconnected)
    assert words is None or words[1].decode("utf-8", "replace") in str(error)


@pytest.mark.parametrize(
    "words", [(NO_MORE_METHODS, b"no"), (2, b"Too many authentication failures for root"), (11, b"Max auth")]
)
def test_a_device_that_hangs_up_over_the_login_has_refused_it(words: tuple[int, bytes]) -> None:
    with ending(words) as device:
        error = refusal(*device, Login(user="root", password=WRONG))
    assert isinstance(error, AuthenticationFailed)
    assert "password refused" in str(error)


def test_a_connection_that_ends_after_a_refused_key_is_a_refused_login(stranger: Secret) -> None:
    with ending(None) as device:
        error = refusal(*device, Login(user="root", password=WRONG, private_key=stranger))
    assert isinstance(error, AuthenticationFailed)
    assert "key refused; password not answered" in str(error)


def test_a_connection_that_ends_after_an_accepted_key_is_lost(stranger: Secret) -> None:
    with ending(None, AUTH_PARTIALLY_SUCCESSFUL) as device:
        error = refusal(*device, Login(user="root", password=WRONG, private_key=stranger))
    assert isinstance(error, Disconnected)
