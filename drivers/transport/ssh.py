"""A kept SSH connection.

Every call that can block runs in the session's one worker thread. A call that runs out of time, or is
cancelled, takes the connection with it: the socket is reset, the thread is waited for, and the watchdog
beside the command kills what still runs on the device. So when an exec has returned, whatever it
returned, nothing of it lands later.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import os
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import paramiko

from drivers.errors import DeviceTimeout, Disconnected, DriverError, Garbage, TryAgain
from drivers.transport.ssh_login import LoginTransport, identified, log_in, preferred_keys
from drivers.transport.ssh_target import SshTarget
from drivers.transport.waiting import Flag, LineStream, announced, finished, flag_of

T = TypeVar("T")

OUTPUT_LIMIT: Final = 1024 * 1024  # bytes of one answer; a scan in a crowded hall is under 200 kB
LINE_LIMIT: Final = 64 * 1024
USER_TIMEOUT_MS: Final = 20_000  # unacknowledged bytes older than this end the connection
KEEPALIVE_S: Final = 10

_LINE_END: Final = re.compile(rb"[\r\n]+")

# Paramiko's own log repeats on stderr what comes back as an exception.
_LOG_CHANNEL: Final = "rrmd.paramiko"
logging.getLogger(_LOG_CHANNEL).addHandler(logging.NullHandler())
logging.getLogger(_LOG_CHANNEL).propagate = False

# Standard input ends when the connection does, however it ends; what runs then is killed: the whole
# process group where the shell leads one (OpenSSH), else the shell of the command (dropbear shares its
# own group with its sessions).
_WATCHED: Final = (
    "exec 3<&0 </dev/null; ( {command}\n) 3<&- & c=$!; "
    "{{ read -r _ <&3; kill -9 -$$ || kill -9 $c; }} >/dev/null 2>&1 & w=$!; exec 3<&-; "
    "wait $c; s=$?; kill -9 $w 2>/dev/null; exit $s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """Answer of one command. ``exit_status`` None: it was killed, or the device did not say."""

    exit_status: int | None
    stdout: str
    stderr: str


class SshSession:
    """One connection, opened again after it was lost. Methods raise :class:`DriverError` only."""

    def __init__(self, target: SshTarget) -> None:
        self._target = target
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"ssh-{target.name}")
        self._wire: _Wire | None = None

    @property
    def connected(self) -> bool:
        return self._wire is not None and self._wire.alive

    async def open(self) -> str:
        """Connect, check the host key, log in. Returns the host key's fingerprint.

        Raises IdentityChanged, IdentityUnknown, AuthenticationFailed, DeviceTimeout, Disconnected.
        """
        await self.close()
        wire = self._wire = _Wire(self._target)
        limit_s = 3 * self._target.connect_timeout_s  # TCP, key exchange, login
        try:
            return await self._run(wire, wire.connect, limit_s, "connecting")
        except BaseException:
            await self.close()
            raise

    async def exec(self, command: str, timeout_s: float) -> ExecResult:
        """Run a POSIX shell command; time counts from the moment that it is its turn.

        Raises DeviceTimeout and Disconnected (the session must be opened again), Garbage (too much output).
        """
        wire = self._alive()
        return await self._run(wire, lambda: wire.exec(command), timeout_s, f"`{command[:60]}`")

    async def stream(self, command: str, pty: bool = True) -> LineStream:
        """Start a command that talks by itself. ``pty``: many programs keep their output to themselves
        when they write into a pipe. Hanging up sends SIGHUP to what still runs at the other end of it."""
        wire = self._alive()
        limit_s = self._target.connect_timeout_s
        channel = await self._run(wire, lambda: wire.start(command, pty), limit_s, f"`{command[:60]}`")
        name = f"ssh-{self._target.name}-stream"
        return LineStream(lambda drop: _lines(channel, drop), channel.close, name)

    async def call(self, work: Callable[[paramiko.Transport], T], timeout_s: float, what: str) -> T:
        """What ``work`` makes of the connection, in the session's own thread: for what speaks over SSH but
        is no command. It must write nowhere but in that thread, and end when the connection does."""
        wire = self._alive()
        return await self._run(wire, lambda: wire.lend(work), timeout_s, what)

    async def close(self) -> None:
        """Abort what is blocked, and wait for it. No write of this session can land afterwards."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.reset()
            await finished(self._worker.submit(wire.join))

    def _alive(self) -> _Wire:
        if self._wire is None or not self._wire.alive:
            raise Disconnected(f"{self._target.name}: not connected")
        return self._wire

    async def _run(self, wire: _Wire, call: Callable[[], T], timeout_s: float, what: str) -> T:
        """The call's result, from the worker; late or cancelled, the connection is reset and waited for."""
        turn = Flag()
        future = self._worker.submit(announced, call, turn.raise_)
        done = flag_of(future)
        try:
            await turn.wait()
            async with asyncio.timeout(timeout_s):
                await done.wait()
        except TimeoutError:
            await self._abort(wire, future)
            name = self._target.name
            raise DeviceTimeout(
                f"{name}: no answer to {what} in {timeout_s:g} s; connection closed"
            ) from None
        except asyncio.CancelledError:
            await self._abort(wire, future)
            raise
        return future.result()

    async def _abort(self, wire: _Wire, future: Future[T]) -> None:
        if future.cancel():  # its turn never came: nothing was sent, others may be using the connection
            return
        wire.reset()
        await finished(future)
        await finished(self._worker.submit(wire.join))


class _Wire:
    """The blocking half: one connection, from TCP to its end. Only the worker thread calls it, but for
    ``reset``, which any thread may call at any time."""

    def __init__(self, target: SshTarget) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._transport: paramiko.Transport | None = None
        self._was_reset = False

    @property
    def alive(self) -> bool:
        transport = self._transport
        return transport is not None and transport.is_active() and transport.is_authenticated()

    def connect(self) -> str:
        with _mapped(self._target.name):
            self._dial()
            transport = self._handshake()
            fingerprint = identified(self._target, transport.get_remote_server_key())
            log_in(self._target, transport)
            transport.set_keepalive(KEEPALIVE_S)
            return fingerprint

    def lend(self, work: Callable[[paramiko.Transport], T]) -> T:
        with _mapped(self._target.name):
            return work(self._live())

    def start(self, command: str, pty: bool) -> paramiko.Channel:
        with _mapped(self._target.name):
            channel = opened(self._live(), self._target.connect_timeout_s)
            if pty:
                channel.get_pty("dumb", width=1000)  # readline wraps at the width
            channel.exec_command(command)
            return channel

    def exec(self, command: str) -> ExecResult:
        channel = self.start(_WATCHED.format(command=command), pty=False)
        try:
            with _mapped(self._target.name):
                stdout, stderr = _outputs(channel)
                status = channel.recv_exit_status()
        finally:
            channel.close()
        if status < 0 and not self._live().is_active():
            raise Disconnected(f"{self._target.name}: connection lost while waiting for an answer")
        return ExecResult(
            exit_status=None if status < 0 else status, stdout=_text(stdout), stderr=_text(stderr)
        )

    def reset(self) -> None:
        """Never blocks. What the kernel has not sent yet is thrown away, not delivered later."""
        with self._lock:
            self._was_reset = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self._socket.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        """After a reset: returns when no thread of the connection runs any more."""
        if self._transport is not None:
            self._transport.close()
            if self._transport.is_alive():
                self._transport.join()
        if self._socket is not None:
            self._socket.close()

    def _dial(self) -> None:
        """TCP to the first of the host's addresses that answers. ``reset`` ends a wait for one that does
        not; a name server is waited for."""
        error: OSError | None = None
        target = self._target
        for family, kind, proto, _, address in socket.getaddrinfo(
            target.host, target.port, type=socket.SOCK_STREAM
        ):
            connection = socket.socket(family, kind, proto)
            try:
                self._begin(connection, address)
                _connected(connection, target.connect_timeout_s)
                return
            except OSError as this:
                connection.close()
                error = this
        raise error or OSError("no address")

    def _begin(self, connection: socket.socket, address: Any) -> None:
        """The first SYN; from then on a reset meets the socket."""
        connection.setblocking(False)
        with self._lock:
            self._socket = connection
            if self._was_reset:
                raise Disconnected(f"{self._target.name}: closed while connecting")
            if (code := connection.connect_ex(address)) not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))

    def _handshake(self) -> LoginTransport:
        assert self._socket is not None  # noqa: S101 -- connect() has just put it there
        transport = self._transport = LoginTransport(self._socket)
        transport.set_log_channel(_LOG_CHANNEL)
        transport.banner_timeout = self._target.connect_timeout_s
        transport.auth_timeout = math.inf  # paramiko calls a slow login a refused one; open() has a limit
        if preferred := preferred_keys(self._target, transport):
            transport.get_security_options().key_types = preferred
        transport.start_client()
        return transport

    def _live(self) -> paramiko.Transport:
        if self._transport is None:
            raise Disconnected(f"{self._target.name}: not connected")
        return self._transport


def opened(transport: paramiko.Transport, limit_s: float) -> paramiko.Channel:
    """A session of the connection, once the device has agreed to it. Raises TimeoutError after ``limit_s``,
    and what paramiko raises."""
    try:
        return transport.open_session(timeout=limit_s)
    except paramiko.ChannelException:  # it said no
        raise
    except paramiko.SSHException as error:
        if transport.is_active():
            raise TimeoutError(f"no session opened in {limit_s:g} s") from error
        raise


def _connected(connection: socket.socket, limit_s: float) -> None:
    """When the other end has answered. Raises TimeoutError, OSError."""
    answered = select.poll()
    answered.register(connection, select.POLLOUT)
    if not answered.poll(limit_s * 1e3):
        raise TimeoutError("timed out")
    if code := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))
    connection.settimeout(limit_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 44 ms a command: delayed ACK
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


@contextmanager
def _mapped(name: str) -> Iterator[None]:
    try:
        yield
    except DriverError:
        raise
    except paramiko.ChannelException as error:
        raise TryAgain(f"{name}: the device opens no further session: {error}") from error
    except TimeoutError as error:
        raise DeviceTimeout(f"{name}: {error}") from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        if isinstance(error.__context__, TimeoutError):  # of the device's first line
            raise DeviceTimeout(f"{name}: {error}") from error
        raise Disconnected(f"{name}: {error or 'connection ended'}") from error


def _outputs(channel: paramiko.Channel) -> tuple[bytes, bytes]:
    """Standard output and error until both end. They share one window: neither may be left unread."""
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    size = 0
    for which, part in _parts(channel):
        parts[which].append(part)
        size += len(part)
        if size > OUTPUT_LIMIT:
            raise Garbage(f"an answer of more than {OUTPUT_LIMIT} bytes")
    return b"".join(parts[0]), b"".join(parts[1])


def _parts(channel: paramiko.Channel) -> Iterator[tuple[int, bytes]]:
    channel.settimeout(0.05)  # how often errors are looked after while there is no output
    while True:
        try:
            part = channel.recv(65536)
        except TimeoutError:
            part = None
        if part:
            yield 0, part
        while channel.recv_stderr_ready():
            yield 1, channel.recv_stderr(65536)
        if part == b"":
            break
    channel.settimeout(None)
    while part := channel.recv_stderr(65536):
        yield 1, part


def _lines(channel: paramiko.Channel, drop: Callable[[], None]) -> Iterator[str]:
    rest = b""
    while part := channel.recv(65536):
        *whole, rest = _LINE_END.split(rest + part)
        yield from (_text(line) for line in whole if line)
        if len(rest) > LINE_LIMIT:
            rest = b""
            drop()
    if rest:
        yield _text(rest)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
