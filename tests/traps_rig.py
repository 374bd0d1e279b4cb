"""Notifications as senders write them, and a listener on the loopback interface that hears them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from drivers.notifications import Notification, Sender
from drivers.transport import ber
from drivers.transport import traps_message as wire
from drivers.transport.traps import TrapListener
from drivers.transport.traps_message import AUTH, PRIV, UserMessage
from drivers.transport.traps_queue import Outcome
from drivers.transport.traps_socket import listening
from drivers.transport.traps_usm import Engine, User
from inventory.credentials import Secret
from inventory.snmp_login import AuthProtocol, PrivProtocol, SnmpLogin

LOOPBACK = frozenset({"127.0.0.1"})
COMMUNITY = SnmpLogin(community=Secret("hush-hush"))
USER = SnmpLogin(user="rrm", auth_password=Secret("auth-password"), priv_password=Secret("priv-password"))
OURS = b"\x80\0\0\0\x05us-the-agent"
THEIRS = b"\x80\0\0\0\x05controller1"
BOOTS = 7
RADAR = "1.3.6.1.4.1.14179.2.6.3.81"
MORE = {"1.3.6.1.4.1.14179.2.2.2.1.4.0.1": 100}

Octets = bytes | int | str


def varbinds(trap: str, values: Mapping[str, Octets], uptime: int = 4200) -> bytes:
    pairs = [
        (wire.UPTIME, ber.of_integer(uptime, ber.TIME_TICKS)),
        (wire.TRAP_OID, ber.of_oid(trap)),
        *((oid, _value(value)) for oid, value in values.items()),
    ]
    return ber.element(
        ber.SEQUENCE, *(ber.element(ber.SEQUENCE, ber.of_oid(oid), value) for oid, value in pairs)
    )


def _value(value: Octets) -> bytes:
    if isinstance(value, int):
        return ber.of_integer(value)
    return ber.of_oid(value) if isinstance(value, str) else ber.of_octets(value)


def pdu(
    trap: str = RADAR, values: Mapping[str, Octets] = MORE, *, request: int = 1, inform: bool = False
) -> bytes:
    zero = ber.of_integer(0)
    kind = wire.INFORM if inform else wire.TRAP
    return ber.element(kind, ber.of_integer(request), zero, zero, varbinds(trap, values))


def v2c(pdu: bytes, community: str = "hush-hush") -> bytes:
    return ber.element(ber.SEQUENCE, ber.of_integer(wire.V2C), ber.of_octets(community.encode()), pdu)


def v1(enterprise: str, generic: int, specific: int, values: Mapping[str, Octets] = MORE) -> bytes:
    pairs = [ber.element(ber.SEQUENCE, ber.of_oid(oid), _value(value)) for oid, value in values.items()]
    trap = ber.element(
        wire.TRAP_V1,
        ber.of_oid(enterprise),
        ber.element(ber.IP_ADDRESS, bytes((192, 0, 2, 1))),
        ber.of_integer(generic),
        ber.of_integer(specific),
        ber.of_integer(4200, ber.TIME_TICKS),
        ber.element(ber.SEQUENCE, *pairs),
    )
    return ber.element(ber.SEQUENCE, ber.of_integer(wire.V1), ber.of_octets(b"hush-hush"), trap)


def v3(
    pdu: bytes,
    login: SnmpLogin = USER,
    *,
    flags: int = AUTH | PRIV,
    engine_id: bytes = THEIRS,
    boots: int = BOOTS,
    time_s: int = 1000,
    id: int = 1,
) -> bytes:
    """A message of an engine whose clock stands at ``boots`` and ``time_s``."""
    user = User(login)
    blank = UserMessage(
        id=id,
        flags=flags,
        engine_id=engine_id,
        boots=boots,
        time_s=time_s,
        user=user.name,
        mac=b"",
        mac_at=0,
        salt=b"",
        scoped_at=0,
    )
    scoped = ber.element(ber.SEQUENCE, ber.of_octets(engine_id), ber.of_octets(b""), pdu)
    return Engine(engine_id, boots, 0.0).sealed(scoped, blank, flags, user.keys(engine_id), time_s)


def sender(login: SnmpLogin = COMMUNITY, device: str = "wlc", **more: object) -> Sender:
    engine_id = THEIRS if login.user else None
    given: dict[str, object] = {"addresses": LOOPBACK, "engine_id": engine_id, **more}
    return Sender(device=device, login=login, **given)  # type: ignore[arg-type]  # tests say what they mean


LOGINS = [
    SnmpLogin(
        user=f"u-{auth}-{priv}",
        auth_protocol=auth,
        auth_password=Secret("auth-password"),
        priv_protocol=priv,
        priv_password=Secret("priv-password"),
    )
    for auth in AuthProtocol
    for priv in PrivProtocol
]


@dataclass(slots=True)
class Ear:
    """A listener, whoever subscribed, and what they heard so far."""

    listener: TrapListener
    port: int
    heard: asyncio.Queue[tuple[str, Notification]] = field(default_factory=asyncio.Queue)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def expect(self, *senders: Sender) -> None:
        for each in senders:
            self.tasks.append(asyncio.create_task(self._read(each)))
        await asyncio.sleep(0)

    async def _read(self, sender: Sender) -> None:
        async for notification in self.listener.subscribe(sender):
            self.heard.put_nowait((sender.device, notification))

    async def next(self) -> Notification:
        async with asyncio.timeout(10):
            return (await self.heard.get())[1]

    async def counted(self, outcome: Outcome, times: int = 1) -> None:
        """Wait until so many came to this."""
        await self._until(lambda: self.listener.counts[outcome] >= times)

    async def counted_in_all(self, times: int) -> None:
        await self._until(lambda: sum(self.listener.counts.values()) >= times)

    async def _until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not reached():  # noqa: ASYNC110  # the listener has counters and no events, as it should
                await asyncio.sleep(0.001)

    def send(self, *datagrams: bytes, source: str = "127.0.0.1") -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind((source, 0))
            for each in datagrams:
                out.sendto(each, ("127.0.0.1", self.port))

    async def ask(self, datagram: bytes, answer_s: float = 5.0) -> bytes | None:
        """Send it, and what comes back; None: nothing."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.connect(("127.0.0.1", self.port))
            await loop.sock_sendall(out, datagram)
            with suppress(TimeoutError):
                async with asyncio.timeout(answer_s):
                    return await loop.sock_recv(out, 65535)
        return None


@asynccontextmanager
async def ear(*senders: Sender, host: str = "127.0.0.1", room: int | None = None) -> AsyncIterator[Ear]:
    """``room``: octets that the kernel may hold for it; None: as many as it gives."""
    sockets: Sequence[socket.socket] = listening(host, 0)
    if room is not None:
        sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    listener = TrapListener(sockets, Engine(OURS, BOOTS, time.monotonic()), time.monotonic)
    listener.start()
    mine = Ear(listener, sockets[0].getsockname()[1])
    try:
        await mine.expect(*senders)
        yield mine
    finally:
        for task in mine.tasks:
            task.cancel()
        await asyncio.gather(*mine.tasks, return_exceptions=True)
        await listener.close()
