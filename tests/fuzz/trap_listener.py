"""Datagrams that nobody should send: the listener on a real socket, and the devices that it listens for."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any, Final

from contract.snmp_case import APS, RADIOS, Controller
from fuzz.campaign import Feed, Harm
from fuzzing import octets_of
from integration.test_snmp_signals import COMMUNITY, CONFIG, HEARD, USER
from integration.test_traps_vendors import encoded
from trap_cases_cisco import CISCO
from trap_cases_others import OTHERS
from traps_rig import BOOTS, OURS, THEIRS, Ear, ear, pdu, v1, v2c, v3

from drivers.base import DeviceContext
from drivers.signals import RadarDetected, Signal
from drivers.snmp.device import SnmpDevice
from drivers.snmp.options import checked
from drivers.transport.traps_message import AUTH, PRIV, REPORTABLE
from drivers.transport.traps_queue import Outcome
from drivers.types import Table
from inventory.credentials import Secret
from inventory.snmp_login import SnmpLogin

HOSTS: Final = ("127.0.0.1", "127.0.0.2", "127.0.0.3")  # v2c, v3, and a device with both from one address
STRANGERS: Final = ("127.0.0.9", "127.1.2.3")
FLOOD: Final = 3000
COUNT_S: Final = 30.0  # until a flood is counted, on a busy machine
WRONG: Final = SnmpLogin(
    user="rrm", auth_password=Secret("not-the-password"), priv_password=Secret("nor-this")
)
CLEAR: Final = (
    *(v2c(encoded(case)) for case in (*CISCO, *OTHERS)),
    *(
        v2c(pdu(values=HEARD)),
        v2c(pdu(inform=True)),
        v1("1.3.6.1.4.1.14179.2.6.3", 6, 81),
        v2c(pdu(), community="public"),
    ),
)
SEALED: Final = (
    *(v3(pdu(values=HEARD), flags=0), v3(pdu(), flags=AUTH), v3(pdu(values=HEARD), id=2), v3(pdu())),
    *(v3(pdu(inform=True), flags=AUTH | PRIV | REPORTABLE, engine_id=OURS),),
    *(v3(pdu(), WRONG), v3(pdu(), engine_id=b"\x80\0\0\0\x05nobody"), v3(pdu(), boots=BOOTS - 1)),
)
Sent = tuple[str, list[bytes]]


class Sealed(Controller):
    """A controller that has an SNMPv3 engine."""

    def __init__(self) -> None:
        super().__init__()
        self.engine_id = THEIRS


class TrapListenerTarget:
    """See `fuzz.campaign.Target`."""

    name = "trap-listener"
    limit_s = 60.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Feed]:
        async with ear() as mine:
            feed = Datagrams(mine)
            try:
                await feed.subscribe()
                yield feed
            finally:
                await feed.close()


class Datagrams:
    """Batches of datagrams, each of which must be counted; then a good trap must still be heard."""

    def __init__(self, mine: Ear) -> None:
        self._ear = mine
        self._sent = 0
        self._proven = 0  # of what was sent, that which was sealed with the right keys and not altered since
        self._heard: Counter[str] = Counter()
        self._devices: list[SnmpDevice] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._mutants = octets_of(*CLEAR, *SEALED)
        self._clear = octets_of(*CLEAR)
        self._makers: tuple[tuple[int, Callable[[Random], list[bytes]]], ...] = (
            (40, lambda dice: [self._mutants(dice) for _ in range(dice.choice((1, 10, 200)))]),
            (25, lambda dice: [self._clear(dice) for _ in range(dice.choice((1, 10, 200)))]),
            (10, lambda dice: dice.choices((*CLEAR, *SEALED), k=50)),
            (10, lambda dice: [dice.choice((*CLEAR, *SEALED))] * 50),
            (10, lambda dice: [dice.randbytes(dice.choice((0, 1, 2, 100, 1400, 8192, 9000, 60000)))]),
            (5, lambda dice: [dice.choice((*CLEAR, *SEALED, self._mutants(dice)))] * FLOOD),
        )

    async def subscribe(self) -> None:
        for host, secret in zip(HOSTS, (COMMUNITY, USER, USER), strict=True):
            await self._listen(f"wlc-{host}", host, secret)
        await self._listen("other", HOSTS[2], COMMUNITY)
        async with asyncio.timeout(10):
            while len(self._ear.listener.expected) < len(HOSTS):  # noqa: ASYNC110  the listener has no event
                await asyncio.sleep(0.01)

    async def _listen(self, name: str, host: str, secret: Secret) -> None:
        context = DeviceContext(
            config=replace(CONFIG, id=name, address=host),
            radios=RADIOS,
            aps=APS,
            secret=secret,
            clock=time.monotonic,
            notifications=self._ear.listener,
        )
        device = SnmpDevice(context, checked({}), Sealed())
        await device.open()
        await device.read(frozenset(Table), None)  # where its radios are: a trap is about one of them
        self._devices.append(device)
        self._tasks.append(asyncio.create_task(self._read(device)))

    async def _read(self, device: SnmpDevice) -> None:
        async for signal in device.signals():
            self._note(signal)

    def _note(self, signal: Signal) -> None:
        proven = isinstance(signal, RadarDetected) and signal.authenticated
        self._heard["proven radar" if proven else type(signal).__name__] += 1

    async def one(self, dice: Random) -> None:
        weights, makers = zip(*self._makers, strict=True)
        datagrams = dice.choices(makers, weights)[0](dice)
        self._send(dice.choice((*HOSTS, *HOSTS, *STRANGERS)), datagrams)
        await self._counted()
        self._alive()

    def _send(self, source: str, datagrams: list[bytes]) -> None:
        self._ear.send(*datagrams, source=source)
        self._sent += len(datagrams)
        self._proven += sum(each in SEALED for each in datagrams)

    async def _counted(self) -> None:
        """Every datagram has become one thing or another: the sum of the counters is what was sent."""
        counts = self._ear.listener.counts
        async with asyncio.timeout(COUNT_S):
            while sum(counts.values()) < self._sent:
                self._alive()
                await asyncio.sleep(0.001)

    def _alive(self) -> None:
        if self._heard["proven radar"] > len(HOSTS) * self._proven:
            raise Harm("radar that nobody proved was taken for proven")
        for task in self._tasks:
            if task.done():
                raise Harm(f"a device no longer listens: {task.exception()!r}")

    async def over(self) -> Mapping[str, Any]:
        """A trap in good order is still heard, of the one kind and of the other."""
        taken = self._ear.listener.counts[Outcome.TAKEN]
        self._send(HOSTS[0], [v2c(pdu(request=2**30))])
        self._send(HOSTS[1], [v3(pdu(request=2**30), boots=BOOTS, time_s=2**20)])
        await self._counted()
        async with asyncio.timeout(COUNT_S):
            while self._ear.listener.counts[Outcome.TAKEN] < taken + 2:  # noqa: ASYNC110  as above
                await asyncio.sleep(0.001)
        counts = {str(name): times for name, times in self._ear.listener.counts.items() if times}
        return {"datagrams": self._sent, **counts, **self._heard}

    async def close(self) -> None:
        for device in self._devices:
            await device.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
