"""The daemon's one ear for SNMP traps and informs: v1, v2c and v3, for all devices.

The reader takes datagrams off the socket, drops those of addresses that nobody expects anything from, and
queues the rest; what they say is made out in small bites, so that the event loop stays free for radar.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from drivers.notifications import Notification, Sender
from drivers.transport.ber import Malformed
from drivers.transport.traps_check import Accepted, Doorkeeper
from drivers.transport.traps_queue import Outcome, Subscription, Told, Waiting
from drivers.transport.traps_socket import lost_in_kernel, plain_address
from drivers.transport.traps_usm import Engine, Window

log = structlog.get_logger()

DATAGRAM_MOST: Final = 8192
WAITING_MOST: Final = 4096
"""Datagrams that wait to be made out, of all senders."""
WAITING_MOST_EACH: Final = 1024
"""Of one address: a controller that floods leaves room for the others."""
BURST: Final = 512
"""Datagrams that are taken off a socket in one go."""
BITE_S: Final = 0.002

_WINDOWS_MOST: Final = 32768
_WORTH_TELLING: Final = frozenset(
    {Outcome.UNKNOWN_SENDER, Outcome.WRONG_CREDENTIALS, Outcome.UNKNOWN_ENGINE, Outcome.QUEUE_FULL}
)

Address = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class _Datagram:
    data: bytes
    host: str
    address: Address
    socket: socket.socket
    at_s: float


class TrapListener:
    """Implements `drivers.notifications.Notifications`. ``clock``: monotonic seconds, for ``at_s``.

    ``engine``: who we are to senders of v3 informs. The sockets are the listener's from now on; `start` and
    `close` run on the event loop.
    """

    def __init__(self, sockets: Sequence[socket.socket], engine: Engine, clock: Callable[[], float]) -> None:
        self.counts: Counter[Outcome] = Counter(dict.fromkeys(Outcome, 0))
        self._sockets = tuple(sockets)
        self._clock = clock
        self._doorkeeper = Doorkeeper(engine)
        self._expected: dict[str, list[Subscription]] = {}
        self._windows: OrderedDict[tuple[str, frozenset[str], bytes | None], Window] = OrderedDict()
        self._waiting: dict[str, deque[_Datagram]] = {}
        self._waiting_count = 0
        self._wake = asyncio.Event()
        self._told = Told()
        self._decoding: asyncio.Task[None] | None = None

    # -- life ----------------------------------------------------------------------------------------

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            each.setblocking(False)
            loop.add_reader(each, self._readable, each)
        self._decoding = loop.create_task(self._decode(), name="traps")

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            loop.remove_reader(each)
            each.close()
        if self._decoding is not None:
            self._decoding.cancel()
            with suppress(asyncio.CancelledError):
                await self._decoding

    @property
    def addresses(self) -> list[str]:
        """Where it listens, ``HOST:PORT``."""
        return ["{}:{}".format(*each.getsockname()[:2]) for each in self._sockets]

    @property
    def expected(self) -> frozenset[str]:
        """Addresses from which something is expected."""
        return frozenset(self._expected)

    # -- subscribing ---------------------------------------------------------------------------------

    async def subscribe(self, sender: Sender) -> AsyncGenerator[Notification, None]:
        """See `Notifications.subscribe`; it begins when the first notification is asked for."""
        mine = Subscription(sender, self._window(sender))
        hosts = {plain_address(each) for each in sender.addresses}
        for host in hosts:
            self._expected.setdefault(host, []).append(mine)
        try:
            while True:
                await mine.ready.wait()
                mine.ready.clear()
                while (notification := mine.take()) is not None:
                    self.counts[Outcome.TAKEN] += 1
                    yield notification
        finally:
            for host in hosts:
                self._expected[host].remove(mine)
                if not self._expected[host]:
                    del self._expected[host]

    def _window(self, sender: Sender) -> Window:
        """Of the sender's clock; it outlives the subscription, so that a reconnect forgets no replay."""
        key = (sender.device, sender.addresses, sender.engine_id)
        window = self._windows.setdefault(key, Window())
        self._windows.move_to_end(key)
        if len(self._windows) > _WINDOWS_MOST:
            self._windows.popitem(last=False)
        return window

    # -- reading -------------------------------------------------------------------------------------

    def _readable(self, source: socket.socket) -> None:
        at_s = self._clock()
        self.counts[Outcome.BUFFER_FULL] = sum(map(lost_in_kernel, self._sockets))
        for _ in range(BURST):
            try:
                data, address = source.recvfrom(DATAGRAM_MOST + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # an ICMP error that an answer of ours met
                log.debug("traps.socket_error", error=str(error))
                continue
            host = address[0] if address[0] in self._expected else plain_address(address[0])
            if refused := self._refused(host, data):
                self._count(refused, host, at_s)
            else:
                self._waiting.setdefault(host, deque()).append(_Datagram(data, host, address, source, at_s))
                self._waiting_count += 1
                self._wake.set()

    def _refused(self, host: str, data: bytes) -> Outcome | None:
        """Why it does not even wait."""
        if host not in self._expected:
            return Outcome.UNKNOWN_SENDER
        if len(data) > DATAGRAM_MOST:
            return Outcome.MALFORMED
        full = self._waiting_count >= WAITING_MOST or len(self._waiting.get(host, ())) >= WAITING_MOST_EACH
        return Outcome.QUEUE_FULL if full else None

    def _count(self, outcome: Outcome, host: str, at_s: float) -> None:
        self.counts[outcome] += 1
        if outcome in _WORTH_TELLING and self._told.may(outcome, host, at_s):
            log.warning("traps.dropped", source=host, reason=str(outcome))

    # -- making out ----------------------------------------------------------------------------------

    async def _decode(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                until_s = time.perf_counter() + BITE_S
                while self._waiting and time.perf_counter() < until_s:
                    self._hear(self._next())
                await asyncio.sleep(0)

    def _next(self) -> _Datagram:
        """The oldest datagram of the address whose turn it is."""
        host = next(iter(self._waiting))
        waiting = self._waiting.pop(host)
        datagram = waiting.popleft()
        self._waiting_count -= 1
        if waiting:
            self._waiting[host] = waiting
        return datagram

    def _hear(self, datagram: _Datagram) -> None:
        expected = self._expected.get(datagram.host)
        if not expected:
            self._count(Outcome.UNKNOWN_SENDER, datagram.host, datagram.at_s)
            return
        try:
            found = self._doorkeeper.check(datagram.data, datagram.at_s, expected)
        except Malformed:
            self._count(Outcome.MALFORMED, datagram.host, datagram.at_s)
            return
        if isinstance(found, Accepted):
            self._hand_on(datagram, found)
            return
        self._count(found.outcome, datagram.host, datagram.at_s)
        if found.report is not None:
            self._send(datagram, found.report)

    def _hand_on(self, datagram: _Datagram, found: Accepted) -> None:
        """Into the queue of each device that it is meant for; an inform is answered when a device took it."""
        wanted = [each for each in found.subscriptions if each.wants(found.pdu.trap)]
        if not wanted:
            self.counts[Outcome.NO_MEANING] += 1
            self._answer(datagram, found)
        elif found.inform is not None and (known := _known(wanted, found.inform, datagram.at_s)) is not None:
            self.counts[Outcome.REPEATED] += 1
            if known:
                self._answer(datagram, found)
        else:
            for each in wanted:
                if not each.put(self._waiting_of(datagram, found)):
                    self.counts[Outcome.UNREAD] += 1

    def _waiting_of(self, datagram: _Datagram, found: Accepted) -> Waiting:
        notification = Notification(
            at_s=datagram.at_s,
            source=datagram.host,
            trap=found.pdu.trap,
            varbinds=found.pdu.varbinds,
            authenticated=found.authenticated,
            uptime_s=found.pdu.uptime_s,
        )
        return Waiting(
            notification=notification,
            inform=found.inform,
            answer=lambda: self._answer(datagram, found),
        )

    def _answer(self, datagram: _Datagram, found: Accepted) -> None:
        if found.inform is not None:
            self._send(datagram, found.answer(self._clock()))

    def _send(self, datagram: _Datagram, answer: bytes) -> None:
        try:
            datagram.socket.sendto(answer, datagram.address)
        except OSError as error:  # the sender asks again
            log.debug("traps.answer_failed", source=datagram.host, error=str(error))


def _known(subscriptions: Sequence[Subscription], inform: bytes, at_s: float) -> bool | None:
    """None: a new inform; True: one that was taken; False: one that still waits."""
    states = [each.state_of(inform, at_s) for each in subscriptions]
    return None if all(state is None for state in states) else True in states
