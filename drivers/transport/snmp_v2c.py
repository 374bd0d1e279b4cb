"""SNMPv2c on a UDP socket of its own for each agent: one request at a time."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence
from typing import Final

from drivers.errors import DeviceTimeout, Disconnected, Garbage
from drivers.notifications import Oid, Value
from drivers.snmp.session import Assignment
from drivers.transport import snmp_walk
from drivers.transport.ber import Malformed
from drivers.transport.snmp_message import (
    Answer,
    Head,
    Pdu,
    asked,
    assigned,
    read_answer,
    read_head,
    write_request,
)
from drivers.transport.snmp_target import SnmpTarget, resolved

LARGEST_DATAGRAM: Final = 65_536


class V2cSession:
    """One agent. A session that was closed can be opened again."""

    engine_id: bytes | None = None

    def __init__(self, target: SnmpTarget, community: bytes) -> None:
        self._target = target
        self._community = community
        self._turn = asyncio.Lock()
        self._wire: _Wire | None = None

    async def open(self) -> None:
        """Raises Disconnected where the host has no address."""
        await self.close()
        family, address = await resolved(self._target)
        self._wire = _Wire(self._target.name, self._community, family, address)

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Value]:
        return await snmp_walk.get(self._target.name, self._get, oids)

    async def walk(self, roots: Sequence[Oid]) -> dict[Oid, Value]:
        found: dict[Oid, Value] = {}
        await snmp_walk.walk(self._target.name, self._bulk, roots, self._target.walk_limits(), found.update)
        return found

    async def set(self, values: Sequence[Assignment]) -> None:
        oids = [each.oid for each in values]
        answer = await self._ask(Pdu.SET, [assigned(each) for each in values], attempts=1)
        snmp_walk.check(self._target.name, answer, oids)

    async def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    async def _get(self, oids: Sequence[Oid]) -> Answer:
        return await self._ask(Pdu.GET, list(map(asked, oids)))

    async def _bulk(self, oids: Sequence[Oid], rows: int) -> Answer:
        return await self._ask(Pdu.GET_BULK, list(map(asked, oids)), rows=rows)

    async def _ask(
        self, pdu: Pdu, varbinds: Sequence[bytes], *, rows: int = 0, attempts: int | None = None
    ) -> Answer:
        """All attempts carry one request-id: a late answer to the first is as good as one to the last."""
        async with self._turn:
            if self._wire is None:
                raise Disconnected(f"{self._target.name}: the session is closed")
            request_id = 1 + secrets.randbelow(2**31 - 1)
            request = write_request(pdu, self._community, request_id, varbinds, repetitions=rows)
            times = 1 + self._target.retries if attempts is None else attempts
            return await self._wire.exchange(request_id, request, times, self._target.timeout_s)


class _Wire:
    """A connected socket: the kernel drops what others than the agent send."""

    def __init__(self, name: str, community: bytes, family: int, address: tuple[str, int]) -> None:
        self._name = name
        self._community = community
        self._loop = asyncio.get_running_loop()
        self._waiting: tuple[int, asyncio.Future[Head | None]] | None = None
        self._trouble = ""
        self._malformed = False
        self._socket = _connected(name, family, address)
        self._loop.add_reader(self._socket, self._readable)

    async def exchange(self, request_id: int, request: bytes, attempts: int, timeout_s: float) -> Answer:
        """The answer to this request. Raises DeviceTimeout, Garbage, Disconnected."""
        self._trouble, self._malformed = "", False
        for _ in range(attempts):
            head = await self._attempt(request_id, request, timeout_s)
            if head is not None:
                return _read(self._name, head)
        if self._malformed:
            raise Garbage(f"{self._name}: answers with what is no SNMPv2c ({self._trouble})")
        why = f" ({self._trouble or 'a wrong community looks like this too'})"
        raise DeviceTimeout(f"{self._name}: no SNMP answer in {attempts} x {timeout_s:g} s{why}")

    async def _attempt(self, request_id: int, request: bytes, timeout_s: float) -> Head | None:
        """None: nothing came in time."""
        answer: asyncio.Future[Head | None] = self._loop.create_future()
        self._waiting = request_id, answer
        self._send(request)
        timer = self._loop.call_later(timeout_s, _give_up, answer)
        try:
            return await answer
        finally:
            timer.cancel()
            self._waiting = None

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self._waiting is not None and not self._waiting[1].done():
            self._waiting[1].set_exception(Disconnected(f"{self._name}: the session was closed"))

    def _send(self, request: bytes) -> None:
        """What can't be sent now counts as lost. An error may be that of an earlier datagram: once more."""
        for _ in range(2):
            try:
                self._socket.send(request)
            except OSError as error:
                self._trouble = error.strerror or str(error)
            else:
                return

    def _readable(self) -> None:
        """One datagram for each turn of the loop: a flood must not hold up the others."""
        try:
            datagram = self._socket.recv(LARGEST_DATAGRAM)
        except BlockingIOError:
            return
        except OSError as error:
            # Of a closed port too: the agent may be starting, so its time-out still runs.
            self._trouble = error.strerror or str(error)
        else:
            self._take(datagram)

    def _take(self, datagram: bytes) -> None:
        """Another request's answer, or a community that is not ours: nobody's."""
        if self._waiting is None:
            return
        try:
            head = read_head(datagram)
        except Malformed as error:
            self._malformed, self._trouble = True, str(error)
            return
        request_id, answer = self._waiting
        if head.request_id == request_id and head.community == self._community and not answer.done():
            answer.set_result(head)


def _give_up(answer: asyncio.Future[Head | None]) -> None:
    if not answer.done():
        answer.set_result(None)


def _read(name: str, head: Head) -> Answer:
    try:
        return read_answer(head)
    except Malformed as error:
        raise Garbage(f"{name}: an answer that can't be read: {error}") from None


def _connected(name: str, family: int, address: tuple[str, int]) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_DGRAM)
    connection.setblocking(False)
    try:
        connection.connect(address)
    except OSError as error:
        connection.close()
        raise Disconnected(f"{name}: {address[0]} port {address[1]}: {error.strerror}") from error
    return connection
