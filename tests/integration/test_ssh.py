"""The SSH transport against a real OpenSSH server."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest
from integration.sshd import NEEDS_SSHD, SSHD, Sshd, free_port, sshd
from paramiko import ECDSAKey, ServerInterface, Transport
from paramiko.common import AUTH_FAILED

from drivers.errors import (
    AuthenticationFailed,
    DeviceTimeout,
    Disconnected,
    DriverError,
    Garbage,
    IdentityChanged,
    IdentityUnknown,
    PersonNeeded,
)
from drivers.transport.ssh import OUTPUT_LIMIT, SshSession
from drivers.transport.ssh_target import SshTarget, parse_address
from inventory.credentials import Login, Secret

T = TypeVar("T")
pytestmark = pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def target(server: Sshd) -> SshTarget:
    return SshTarget(
        name="ap1", host="127.0.0.1", port=server.port, login=server.login, fingerprint=server.fingerprint
    )


def within(target: SshTarget, story: Callable[[SshSession], Awaitable[T]]) -> T:
    """What the story returns, told to an open session that is closed after it."""

    async def told() -> T:
        session = SshSession(target)
        await session.open()
        try:
            return await story(session)
        finally:
            await session.close()

    return asyncio.run(told())


def refusal(target: SshTarget) -> DriverError:
    with pytest.raises(DriverError) as caught:
        within(target, lambda session: session.exec("echo never", 5))
    return caught.value


def changed(target: SshTarget, **fields: object) -> SshTarget:
    return dataclasses.replace(target, **fields)  # type: ignore[arg-type]


def test_a_pinned_key_opens(target: SshTarget) -> None:
    result = within(target, lambda session: session.exec("echo hello; echo oops >&2; exit 3", 5))
    assert (result.exit_status, result.stdout, result.stderr) == (3, "hello\n", "oops\n")


def test_open_tells_the_fingerprint(target: SshTarget) -> None:
    async def story() -> str:
        session = SshSession(target)
        seen = await session.open()
        await session.close()
        return seen

    assert asyncio.run(story()) == target.fingerprint


def test_a_changed_key_is_refused_before_login(target: SshTarget) -> None:
    error = refusal(changed(target, fingerprint="SHA256:" + "A" * 43))
    assert isinstance(error, IdentityChanged)
    assert target.fingerprint is not None
    assert target.fingerprint in str(error)


def test_an_unknown_key_is_refused_with_the_line_to_add(target: SshTarget, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    for known_hosts in (None, str(tmp_path / "known_hosts")):
        error = refusal(changed(target, fingerprint=None, known_hosts=known_hosts))
        assert isinstance(error, IdentityUnknown)
        assert f'host_key: "{target.fingerprint}"' in str(error)


def test_known_hosts_opens(target: SshTarget, server: Sshd, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"[127.0.0.1]:{server.port} {server.host_key_line}\n")
    known = changed(target, fingerprint=None, known_hosts=str(file))
    assert within(known, lambda session: session.exec("echo hello", 5)).stdout == "hello\n"


def test_hashed_known_hosts_open(target: SshTarget, server: Sshd, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"[127.0.0.1]:{server.port} {server.host_key_line}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "127.0.0.1" not in file.read_text()
    known = changed(target, fingerprint=None, known_hosts=str(file))
    assert within(known, lambda session: session.exec("echo hello", 5)).stdout == "hello\n"


def test_another_key_in_known_hosts_is_a_changed_identity(
    target: SshTarget, server: Sshd, tmp_path: Path
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other}\n")
    error = refusal(changed(target, fingerprint=None, known_hosts=str(tmp_path / "known_hosts")))
    assert isinstance(error, IdentityChanged)


def test_a_missing_known_hosts_file_is_named(target: SshTarget) -> None:
    error = refusal(changed(target, fingerprint=None, known_hosts="/nonexistent/known_hosts"))
    assert isinstance(error, PersonNeeded)
    assert "/nonexistent/known_hosts" in str(error)


def test_a_wrong_password_is_an_authentication_failure(target: SshTarget, server: Sshd) -> None:
    login = Login(user=server.login.user, password=Secret("not-the-password"))
    error = refusal(changed(target, login=login))
    assert isinstance(error, AuthenticationFailed)
    assert "not-the-password" not in str(error)


def test_a_wrong_key_is_an_authentication_failure(target: SshTarget, server: Sshd, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    login = Login(user=server.login.user, private_key=Secret((tmp_path / "other").read_text()))
    assert isinstance(refusal(changed(target, login=login)), AuthenticationFailed)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_with_a_passphrase(kind: str, target: SshTarget, server: Sshd, tmp_path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "made-up", "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True)
    text = Secret((tmp_path / "key").read_text())
    for passphrase in (None, Secret("wrong")):
        login = Login(user=server.login.user, private_key=text, passphrase=passphrase)
        error = refusal(changed(target, login=login))
        assert isinstance(error, AuthenticationFailed)
        assert "passphrase" in str(error)
    login = Login(user=server.login.user, private_key=text, passphrase=Secret("made-up"))
    assert "key refused" in str(refusal(changed(target, login=login)))  # read, but not authorised


def test_a_login_without_proof_is_an_authentication_failure(target: SshTarget) -> None:
    assert isinstance(refusal(changed(target, login=Login(user="root"))), AuthenticationFailed)


def test_nobody_listening_is_disconnected(target: SshTarget) -> None:
    assert isinstance(refusal(changed(target, port=free_port())), Disconnected)


def test_a_server_that_says_nothing_is_a_timeout(target: SshTarget) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        quiet = changed(target, port=silent.getsockname()[1], connect_timeout_s=0.1)
        assert isinstance(refusal(quiet), DeviceTimeout)


@pytest.mark.parametrize("by", ["cancelling", "closing"])
def test_a_connect_that_nobody_answers_is_ended_at_once(target: SshTarget, by: str) -> None:
    """The AP is dead, its SYNs go nowhere: a session that is given up does not wait for the time limit."""

    async def story(port: int) -> None:
        session = SshSession(changed(target, port=port, connect_timeout_s=20.0))
        opening = asyncio.create_task(session.open())
        while not syn_sent(port):  # noqa: ASYNC110  the kernel tells nobody
            await asyncio.sleep(0)
        if by == "cancelling":
            opening.cancel()
        else:
            closing = asyncio.create_task(session.close())
        await asyncio.wait({opening}, timeout=10.0)
        assert opening.done()
        with pytest.raises(asyncio.CancelledError if by == "cancelling" else Disconnected):
            await opening
        if by == "closing":
            await closing
        assert not syn_sent(port)

    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        port = full.getsockname()[1]
        first = waiting.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert first.getpeername()[1] == port  # it fills the queue: what comes now gets no answer
        asyncio.run(story(port))


def syn_sent(port: int) -> bool:
    """Whether a connection to the port waits for an answer."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return any(to.endswith(f":{port:04X}") and state == "02" for _, _, to, state, *_ in lines)


class Undecided(ServerInterface):
    """Says neither yes nor no to a login until ``over``."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        self.over.wait()
        return AUTH_FAILED


def test_a_login_that_takes_too_long_is_a_timeout_and_not_a_wrong_password(target: SshTarget) -> None:
    key, undecided = ECDSAKey.generate(), Undecided()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            transport = Transport(listening.accept()[0])
            transport.add_server_key(key)
            transport.start_server(threading.Event(), undecided)
            transport.join()

        thread = threading.Thread(target=serve)
        thread.start()
        login = Login(user="root", password=Secret("right"))
        port = listening.getsockname()[1]
        slow = changed(target, port=port, fingerprint=key.fingerprint, login=login, connect_timeout_s=1.0)
        try:
            assert isinstance(refusal(slow), DeviceTimeout)
        finally:
            undecided.over.set()
            thread.join()


def test_a_device_that_opens_no_session_in_time_is_a_timeout(target: SshTarget) -> None:
    async def story(session: SshSession) -> None:
        pid = int((await session.exec("echo $PPID", 5)).stdout)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DeviceTimeout, match=r"no session opened in 1\.5 s"):
                await session.exec("echo never", 60)
        finally:
            os.kill(pid, signal.SIGCONT)

    within(changed(target, connect_timeout_s=1.5), story)


_PID = "sh -c 'echo $PPID'"
"""Tells which process runs the command; `$$` is the shell above it, which may be gone a moment before."""


def test_after_a_timeout_nothing_lands(target: SshTarget, tmp_path: Path) -> None:
    """The command waits for a FIFO; once the exec has failed, opening the FIFO must find no reader."""
    gate, landed = tmp_path / "gate", tmp_path / "landed"
    os.mkfifo(gate)

    async def story(session: SshSession) -> None:
        with pytest.raises(DeviceTimeout):
            await session.exec(f"{_PID} > {tmp_path}/pid; read x < {gate}; echo {{}} > {landed}", 0.5)
        assert not session.connected
        with pytest.raises(Disconnected):
            await session.exec("echo", 1)

    within(target, story)
    _await_death(int((tmp_path / "pid").read_text()))
    with pytest.raises(OSError, match="No such device"):  # ENXIO: nobody reads
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
    assert not landed.exists()


def _await_death(pid: int) -> None:
    """Returns when the process (no child of ours) has gone; the test's own time limit is the limit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([handle], [], [])
    os.close(handle)


def test_cancelling_waits_for_the_thread(target: SshTarget, tmp_path: Path) -> None:
    before = set(threading.enumerate())  # other tests' own may be on their way out

    async def story(session: SshSession) -> None:
        stream = await session.stream(f"mkfifo {tmp_path}/up; read x < {tmp_path}/up; echo begun", pty=False)
        task = asyncio.create_task(session.exec(f"echo > {tmp_path}/up; sleep 600", 60))
        assert await anext(stream) == "begun"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not session.connected
        new = set(threading.enumerate()) - before
        assert not [each for each in new if isinstance(each, Transport)]

    within(target, story)


def test_cancelling_one_that_waits_its_turn_leaves_the_connection(target: SshTarget, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")

    async def story(session: SshSession) -> None:
        first = asyncio.create_task(session.exec(f"read x < {tmp_path}/gate; echo $x", 10))
        second = asyncio.create_task(session.exec(f"touch {tmp_path}/landed", 10))
        gate = await asyncio.to_thread(open, tmp_path / "gate", "w")
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        with gate:
            gate.write("through\n")
        assert (await first).stdout == "through\n"
        assert session.connected

    within(target, story)
    assert not (tmp_path / "landed").exists()


def test_close_aborts_what_is_blocked(target: SshTarget) -> None:
    async def story(session: SshSession) -> None:
        stream = await session.stream("echo up; sleep 600")
        assert await anext(stream) == "up"
        hung = asyncio.create_task(session.exec("sleep 600", 60))
        await asyncio.sleep(0)
        await session.close()
        with pytest.raises(Disconnected):
            await hung
        assert [line async for line in stream] == []

    within(target, story)


def test_a_pty_delivers_a_line_at_once(target: SshTarget, tmp_path: Path) -> None:
    """This program keeps its lines back when it writes into a pipe, as hostapd_cli does."""
    path = tmp_path / "in"
    os.mkfifo(path)
    program = "import sys\nfor line in sys.stdin: print('got', line.strip())"

    async def story(session: SshSession) -> None:
        stream = await session.stream(f"{sys.executable} -c {shlex.quote(program)} < {path}")
        with await asyncio.to_thread(open, path, "w", 1) as feed:
            for number in range(20):
                feed.write(f"{number}\n")
                assert await anext(stream) == f"got {number}"  # into a pipe it would come with the end
        await stream.aclose()

    within(target, story)


def test_hanging_up_ends_the_command(target: SshTarget, tmp_path: Path) -> None:
    async def story(session: SshSession) -> int:
        stream = await session.stream("echo $$; exec sleep 600")
        pid = int(await anext(stream))
        await stream.aclose()
        assert [line async for line in stream] == []
        assert (await session.exec("echo alive", 5)).stdout == "alive\n"
        return pid

    _await_death(within(target, story))


def test_a_stream_ends_with_its_command(target: SshTarget) -> None:
    async def story(session: SshSession) -> list[str]:
        return [line async for line in await session.stream("echo one; printf two")]

    assert within(target, story) == ["one", "two"]


def test_lines_that_nobody_takes_are_counted(target: SshTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.transport.waiting.QUEUE_LINES", 10)

    async def story(session: SshSession) -> tuple[int, int]:
        stream = await session.stream("seq 100", pty=False)
        await stream._ended.wait()
        return len([line async for line in stream]), stream.dropped

    assert within(target, story) == (10, 90)


def test_a_cut_connection_is_disconnected(target: SshTarget) -> None:
    async def story(session: SshSession) -> list[str]:
        stream = await session.stream("echo up; sleep 600")
        assert await anext(stream) == "up"
        with pytest.raises(Disconnected):
            await session.exec("kill -9 $PPID; sleep 600", 10)
        assert not session.connected
        return [line async for line in stream]

    assert within(target, story) == []


def test_a_session_opens_again(target: SshTarget) -> None:
    async def story(session: SshSession) -> str:
        with pytest.raises(Disconnected):
            await session.exec("kill -9 $PPID; sleep 600", 10)
        await session.open()
        return (await session.exec("echo back", 5)).stdout

    assert within(target, story) == "back\n"


def test_too_much_output_is_garbage_and_the_connection_stays(target: SshTarget) -> None:
    async def story(session: SshSession) -> str:
        for noise in ("yes", "yes >&2", f"head -c {OUTPUT_LIMIT + 1} /dev/zero"):
            with pytest.raises(Garbage):
                await session.exec(noise, 10)
        full = await session.exec(f"head -c {OUTPUT_LIMIT} /dev/zero", 10)
        assert len(full.stdout) == OUTPUT_LIMIT
        return (await session.exec("echo still", 5)).stdout

    assert within(target, story) == "still\n"


def test_a_kept_connection_is_fast(target: SshTarget) -> None:
    """Without TCP_NODELAY the best of 20 is 40 ms, however fast the machine."""

    async def story(session: SshSession) -> float:
        times = []
        for _ in range(20):
            start = time.perf_counter()
            await session.exec(":", 5)
            times.append(time.perf_counter() - start)
        return min(times)

    assert within(target, story) < 0.035


def test_a_killed_command_has_no_exit_status(target: SshTarget) -> None:
    result = within(target, lambda session: session.exec("echo some; kill -9 $$", 5))
    assert (result.exit_status, result.stdout) == (None, "some\n")


def test_what_the_command_reads_is_empty(target: SshTarget) -> None:
    assert within(target, lambda session: session.exec("cat; echo done", 5)).stdout == "done\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.9", ("10.0.0.9", 22)),
        ("ap1.example:2222", ("ap1.example", 2222)),
        ("[2001:db8::1]", ("2001:db8::1", 22)),
        ("[fe80::1%eth0]:2222", ("fe80::1%eth0", 2222)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "2001:db8::1", "ap1:0", "ap1:70000", "ap1:", "root@ap1", "a b", "-oProxy;"]
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected host"):
        parse_address(text)
