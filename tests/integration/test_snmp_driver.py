"""The SNMP driver over real UDP: the contract, towards a controller that takes SETs; and devices that do not
answer as they should."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from contract.snmp_case import APS, RADIO, RADIOS, RECORDING, SCOPE, snmp_case
from contract.suite import Case, Contract
from integration import ber
from integration.snmp_responder import Agent, Request, late, listening, read_snmprec, silent

from drivers.base import Device, DeviceContext
from drivers.errors import DeviceTimeout, IdentityChanged, PersonNeeded, Refused
from drivers.snmp.driver import family
from drivers.types import Edit, Setting, Table
from inventory.credentials import Secret
from inventory.model import DeviceConfig, RadioKey

COLUMNS = "1.3.6.1.4.1.14179.2.2.2.1"
WRITABLE = (".3.", ".4.", ".5.", ".6.", ".34.")
WIDTH = "1.3.6.1.4.1.9.9.513.1.2.1.1.23."
SERIAL = "1.3.6.1.4.1.14179.1.1.1.4.0"
SOON_S = 0.2


def values() -> Mapping[str, ber.Typed]:
    return read_snmprec(RECORDING.read_text())


class Controller(Agent):
    """Takes what the MIB calls read-write; a radio that is disabled is down."""

    def __init__(self) -> None:
        told = values()
        columns = tuple(COLUMNS + each for each in WRITABLE)
        super().__init__(told, writable=frozenset(oid for oid in told if oid.startswith((*columns, WIDTH))))
        self._rows = [oid.removeprefix(f"{COLUMNS}.34.") for oid in told if oid.startswith(f"{COLUMNS}.34.")]

    def forbid(self) -> None:
        """From now on it takes nothing."""
        self._writable = set()

    def _set(self, request: Request) -> bytes:
        answer = super()._set(request)
        for row in self._rows:
            enabled = self.value_of(f"{COLUMNS}.34.{row}") == ber.value((2, 1))
            self.put(f"{COLUMNS}.12.{row}", (2, 2 if enabled else 1))
        return answer


class Peer:
    """A controller in a thread of its own, as a device is."""

    def __init__(self) -> None:
        self.agent = Controller()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="snmp-peer")

    def __enter__(self) -> Peer:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        with listening(self.agent) as self.port:
            self._ready.set()
            await self._over.wait()


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


def device(peer: Peer, secret: str = "public", **options: object) -> Device:
    config = DeviceConfig(
        id="wlc",
        driver="snmp",
        address=f"127.0.0.1:{peer.port}",
        credential="cred:wlc",
        options=family.check_options({"timeout_s": 1.0, **options}),
    )
    clock = asyncio.get_running_loop().time
    return family.device(
        DeviceContext(config=config, radios=RADIOS, aps=APS, secret=Secret(secret), clock=clock)
    )


class TestOverUdp(Contract):
    @pytest.fixture
    def case(self, peer: Peer) -> Case:
        def make() -> Device:
            peer.agent.replace(values())
            return device(peer)

        heard_by = "tests/contract/test_snmp.py: the same driver over a session that notes each SET"
        return replace(snmp_case(), make=make, sent=None, unheard=heard_by)


def test_each_radio_of_the_inventory_is_read(peer: Peer) -> None:
    async def story() -> None:
        snmp = device(peer)
        info = await snmp.open()
        assert len(info.found) == 3
        snapshot = await snmp.read(frozenset(Table), None)
        assert snapshot.readings.keys() == {radio.key for radio in RADIOS}
        assert snapshot.readings[RADIO].neighbors
        await snmp.close()

    asyncio.run(story())


def test_a_device_that_falls_silent_times_out_and_comes_back(peer: Peer) -> None:
    async def story() -> None:
        snmp = device(peer, timeout_s=SOON_S, retries=0)
        await snmp.open()
        peer.agent.fault = silent
        with pytest.raises(DeviceTimeout):
            await snmp.read(frozenset({Table.STATUS}), frozenset({RADIO}))
        peer.agent.fault = None
        assert RADIO in (await snmp.read(frozenset({Table.STATUS}), frozenset({RADIO}))).readings
        await snmp.close()

    asyncio.run(story())


def test_an_answer_that_comes_late_is_not_taken_for_the_next(peer: Peer) -> None:
    async def story() -> None:
        snmp = device(peer, timeout_s=SOON_S, retries=0)
        await snmp.open()
        peer.agent.fault = late(1.5 * SOON_S)
        with pytest.raises(DeviceTimeout):
            await snmp.read(frozenset({Table.STATUS}), frozenset({RADIO}))
        peer.agent.fault = None
        peer.agent.put(f"{COLUMNS}.4.2.0.0.0.16.16.1", (2, 44))
        reading = (await snmp.read(frozenset({Table.STATUS}), frozenset({RADIO}))).readings[RADIO]
        assert reading.channel is not None
        assert reading.channel.value == 44
        await snmp.close()

    asyncio.run(story())


def test_a_set_that_nobody_answers_may_have_been_done(peer: Peer) -> None:
    async def story() -> None:
        snmp = device(peer, timeout_s=SOON_S)
        await snmp.open()
        peer.agent.fault = lambda request, right: () if request.pdu == 0xA3 else [(0.0, right)]
        with pytest.raises(DeviceTimeout):
            await snmp.apply(Edit(change_id="x", scope=SCOPE, set={Setting.TX_POWER_DBM: 20}), None)
        sets = [request for request in peer.agent.seen if request.pdu == 0xA3]
        assert len(sets) == 1
        await snmp.close()

    asyncio.run(story())


def test_a_device_that_takes_no_set_says_so(peer: Peer) -> None:
    async def story() -> None:
        peer.agent.forbid()
        snmp = device(peer)
        await snmp.open()
        with pytest.raises(Refused):
            await snmp.apply(Edit(change_id="x", scope=SCOPE, set={Setting.TX_POWER_DBM: 20}), None)
        await snmp.close()

    asyncio.run(story())


def test_another_device_at_the_same_address(peer: Peer) -> None:
    async def story() -> None:
        snmp = device(peer)
        await snmp.open()
        peer.agent.put(SERIAL, (4, b"SOMEBODYELSE"))
        with pytest.raises(IdentityChanged):
            await snmp.read(frozenset({Table.STATUS}), None)
        await snmp.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("secret", "address", "said"),
    [
        (None, "127.0.0.1", "a login is needed"),
        ("user: reader", "127.0.0.1:x", "expected host, host:port"),
        ("community: a\nuser: b", "127.0.0.1", "stands alone"),
    ],
)
def test_what_a_person_must_repair(secret: str | None, address: str, said: str) -> None:
    config = DeviceConfig(id="wlc", driver="snmp", address=address)
    context = DeviceContext(
        config=config,
        radios=(),
        secret=None if secret is None else Secret(secret),
        clock=lambda: 0.0,
    )
    with pytest.raises(PersonNeeded, match=said):
        family.device(context)


def test_a_radio_of_somebody_else_is_absent(peer: Peer) -> None:
    async def story() -> None:
        snmp = device(peer)
        await snmp.open()
        key = RadioKey("north/elsewhere/r5")
        assert key in (await snmp.read(frozenset({Table.STATUS}), frozenset({key}))).missing
        await snmp.close()

    asyncio.run(story())
