"""NETCONF over SSH; the only file that imports ncclient.

The connection, its host key, its login and its one worker thread are those of `ssh.py`: a request that runs
out of time resets the socket and is waited for, so that nothing of it lands later. ncclient says hello,
numbers the requests and finds the answer of each.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

import paramiko
from ncclient import NCClientError
from ncclient.devices.default import DefaultDeviceHandler
from ncclient.operations.errors import OperationError
from ncclient.operations.rpc import RPC, RPCReply
from ncclient.transport import session as ncclient_session
from ncclient.transport.session import NetconfBase
from ncclient.transport.ssh import SSHSession
from ncclient.xml_ import parse_root, to_ele
from paramiko import SSHException

from drivers.errors import DeviceTimeout, Disconnected, DriverError, Garbage
from drivers.transport.netconf_framing import MESSAGE_LIMIT, Framing, framed
from drivers.transport.ssh import SshSession, opened
from drivers.transport.ssh_target import SshTarget
from drivers.transport.waiting import Stream, in_own_thread

PORT: Final = 830
_NOTIFICATION: Final = "{urn:ietf:params:xml:ns:netconf:notification:1.0}notification"
_NOTHING: Final = (
    '<get-config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><source><running/></source>'
    '<filter type="subtree"/></get-config>'
)
_FIRST_ANSWER_S: Final = 0.5
_ANSWERS: Final = frozenset(
    f"{{urn:ietf:params:xml:ns:netconf:base:1.0}}{name}" for name in ("hello", "rpc-reply")
)
_READ_BYTES: Final = 64 * 1024
_CAPABILITIES: Final = ("urn:ietf:params:netconf:base:1.0", "urn:ietf:params:netconf:base:1.1")

# ncclient's thread looks every TICK whether something is to be sent: 102 ms an RPC, and 10 wake-ups a second
# for each session. `_Session.send` writes by itself: the thread only reads, and wakes when something comes.
ncclient_session.TICK = 3600.0
# What it logs, whole messages among it, comes back as a result or as an exception.
logging.getLogger("ncclient").addHandler(logging.NullHandler())
logging.getLogger("ncclient").propagate = False
logging.getLogger("ncclient").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who answered. ``fingerprint``: of its host key; ``session``: its id of this session, by which others
    see who holds a lock."""

    fingerprint: str
    session: str
    capabilities: tuple[str, ...]


class NetconfSession:
    """One NETCONF session, opened again after it was lost. Methods raise :class:`DriverError` only."""

    def __init__(self, target: SshTarget, message_limit: int = MESSAGE_LIMIT) -> None:
        self._target = target
        self._message_limit = message_limit
        self._ssh = SshSession(target)
        self._session: _Session | None = None

    @property
    def connected(self) -> bool:
        return self._ssh.connected and self._session is not None and bool(self._session.connected)

    async def open(self) -> Hello:
        """Connect, log in and exchange hellos.

        Raises IdentityChanged, IdentityUnknown, AuthenticationFailed, DeviceTimeout, Disconnected, TryAgain
        (no subsystem netconf), Garbage.
        """
        await self.close()
        fingerprint = await self._ssh.open()
        session = self._session = _Session(self._target, Stream(), self._message_limit)
        limit_s = self._target.connect_timeout_s
        try:
            await self._ssh.call(session.greet, 3 * limit_s, "the NETCONF hello")
        except BaseException:
            await self.close()
            raise
        return Hello(
            fingerprint=fingerprint,
            session=str(session.id),
            capabilities=tuple(map(str, session.server_capabilities)),
        )

    async def rpc(self, body: str, timeout_s: float) -> str:
        """The `rpc-reply`, as text, to one request, whose body is this XML: an `rpc-error` is one too.

        Raises DeviceTimeout and Disconnected (the session must be opened again), Garbage (likewise: it is too
        long, malformed, or the answer to another request).
        """
        session = self._session
        if session is None or not self.connected:
            raise Disconnected(f"{self._target.name}: not connected")
        return await self._ssh.call(lambda _: session.ask(body), timeout_s, _named(body))

    @property
    def notifications(self) -> Stream[str]:
        """What the device tells by itself once it was asked to, since the session was opened."""
        if self._session is None:
            raise Disconnected(f"{self._target.name}: not connected")
        return self._session.heard

    async def close(self) -> None:
        """Abort what is blocked, and wait for it. No write of this session can land afterwards."""
        session, self._session = self._session, None
        await self._ssh.close()
        if session is not None:
            session.heard.end()
            if session.is_alive():
                await in_own_thread(
                    session.join, f"{session.name}-join"
                )  # it reads: the end of the connection ends it


class _Session(SSHSession):  # type: ignore[misc]  # ncclient has no types
    """ncclient's session on a connection that is there already. It is its own thread, which reads; the worker
    thread of `SshSession` writes."""

    def __init__(self, target: SshTarget, heard: Stream[str], message_limit: int) -> None:
        super().__init__(_Device())
        self.name = f"netconf-{target.name}"  # of the thread
        self.heard = heard
        self._target = target
        self.parser = _Parser(self, message_limit)

    def greet(self, transport: paramiko.Transport) -> None:
        """Ask for the subsystem and exchange hellos."""
        with _mapped(self._target.name):
            limit_s = self._target.connect_timeout_s
            self._transport = transport
            self._channel = opened(transport, limit_s)
            try:
                self._channel.invoke_subsystem("netconf")
            except SSHException as error:
                raise Disconnected(f"{self._target.name}: no NETCONF on this port: {error}") from error
            self._connected = True
            try:
                self._post_connect(limit_s)
            except (LookupError, ValueError, TypeError, AttributeError) as error:  # of what parses the hello
                raise Garbage(f"its hello cannot be read: {error}") from error
            self._await_first_answer(limit_s)

    def _await_first_answer(self, limit_s: float) -> None:
        """Servers of the yuma123 line drop a request that they read together with our hello. So the first one
        asks for nothing, and is made again until one is answered, whichever: a slow device answers late. It
        is given twice the time after each, lest they heap up there."""
        answered, probes, wait_s, left_s = Event(), list[_Probe](), _FIRST_ANSWER_S, limit_s
        while left_s > 0 and not answered.is_set():
            probes.append(_Probe(self, self._device_handler, answered))
            probes[-1].request()
            answered.wait(min(wait_s, left_s))
            wait_s, left_s = 2 * wait_s, left_s - wait_s
        for error in (probe.error for probe in probes if probe.error is not None):
            raise error
        if not answered.is_set():
            raise DeviceTimeout(f"{self._target.name}: no answer after the hello in {limit_s:g} s")

    def ask(self, body: str) -> str:
        with _mapped(self._target.name):
            return _Rpc(self, self._device_handler, timeout=None).request(body)

    def send(self, message: str) -> None:
        if not self.connected:
            raise Disconnected(f"{self._target.name}: not connected")
        self._channel.sendall(framed(message, chunked=self.chunked))

    @property
    def chunked(self) -> bool:
        return bool(self._base == NetconfBase.BASE_11)

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.heard.end()

    def _transport_read(self) -> bytes:
        data: bytes = self._channel.recv(_READ_BYTES)
        return data

    def _dispatch_message(self, raw: str) -> None:
        """Raising here ends the session: whoever waits for an answer gets the exception."""
        root = _root(raw)
        if root == _NOTIFICATION:
            self.heard.put(raw)
        elif root in _ANSWERS:
            super()._dispatch_message(raw)
        else:
            raise Garbage(f"<{root[:80]}> is no NETCONF message")


class _Device(DefaultDeviceHandler):  # type: ignore[misc]  # ncclient has no types
    """What we say of ourselves: only what a client needs to."""

    def get_capabilities(self) -> list[str]:
        return list(_CAPABILITIES)


class _Parser:
    """What ncclient's thread hands the received bytes to."""

    def __init__(self, session: _Session, limit: int) -> None:
        self._session = session
        self._framing = Framing(limit)

    def parse(self, data: bytes) -> None:
        """The hello ends the framing of base 1.0 if both speak 1.1 (RFC 6242 4.1), so one at a time."""
        for message in self._framing.messages(data, chunked=self._session.chunked):
            self._session._dispatch_message(message)


class _Unread(RPCReply):  # type: ignore[misc]  # ncclient has no types
    """An answer that `drivers/netconf` will read; ncclient would parse all of it to look for errors."""

    def parse(self) -> None:
        pass


class _Rpc(RPC):  # type: ignore[misc]  # ncclient has no types
    REPLY_CLS = _Unread

    def request(self, body: str) -> str:
        return str(self._request(to_ele(body)).xml)


class _Probe(RPC):  # type: ignore[misc]  # ncclient has no types
    """A request for nothing that is not waited for: its answer, and its failure, set an event that others
    may share."""

    REPLY_CLS = _Unread

    def __init__(self, session: _Session, device: _Device, answered: Event) -> None:
        super().__init__(session, device, async_mode=True)
        self._event = answered

    def request(self) -> None:
        self._request(to_ele(_NOTHING))


def _root(raw: str) -> str:
    try:
        root: tuple[Any, Any] | None = parse_root(raw)
    except SyntaxError as error:  # lxml's own is one
        raise Garbage(f"a NETCONF message that is no XML: {error}") from None
    if root is None:
        raise Garbage("an empty NETCONF message")
    return str(root[0])


def _named(body: str) -> str:
    """The request's name, for messages: the whole of it may be long."""
    return f"<{body[1:].partition(' ')[0].partition('>')[0].strip('/')[:60]}>"


@contextmanager
def _mapped(name: str) -> Iterator[None]:
    try:
        yield
    except DriverError as error:
        raise type(error)(f"{name}: {error}" if not str(error).startswith(name) else str(error)) from error
    except OperationError as error:  # no answer to a request of ours
        raise Garbage(f"{name}: {' '.join(str(error).split())[:200]}") from error
    except NCClientError as error:
        raise Disconnected(f"{name}: {' '.join(str(error).split())[:200]}") from error
