"""SNMPv3 with somebody in between, who changes what snmpd answers or drops it."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from integration.snmpd import (
    CONTACT,
    NAME,
    NEEDS_SNMPD,
    OBJECT_ID,
    SNMPD,
    login,
    snmpd,
    target,
    worker_of_this_process,
)

from drivers.errors import AuthenticationFailed, DeviceTimeout
from drivers.snmp.session import Assignment, Syntax
from drivers.transport.snmp import snmp_session

pytestmark = pytest.mark.skipif(SNMPD is None, reason=NEEDS_SNMPD)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


@contextmanager
def tampering(
    port: int, change: Callable[[bytes], list[bytes]], asked_for: list[bytes] | None = None
) -> Iterator[int]:
    """A proxy that sends these instead of what the agent answers, as soon as the answers are encrypted.

    ``asked_for`` gets what is asked, encrypted.
    """
    loop = asyncio.get_running_loop()
    near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    near.bind(("127.0.0.1", 0))
    far.connect(("127.0.0.1", port))
    client: list[Any] = []

    def asked() -> None:
        datagram, sender = near.recvfrom(65536)
        client[:] = [sender]
        if b"strong" in datagram and asked_for is not None:
            asked_for.append(datagram)
        far.send(datagram)

    def answered() -> None:
        datagram = far.recv(65536)
        for each in change(datagram) if b"strong" in datagram else [datagram]:
            near.sendto(each, client[0])

    loop.add_reader(near, asked)
    loop.add_reader(far, answered)
    try:
        yield int(near.getsockname()[1])
    finally:
        for each in (near, far):
            loop.remove_reader(each)
            each.close()


def test_mutated_answers_do_no_harm(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Forty of them before each right one: neither a wrong value, nor the end of the worker, nor a word."""
    chance = random.Random(4711)

    def mutated(datagram: bytes) -> bytes:
        changed = bytearray(datagram)
        for _ in range(chance.randint(1, 5)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 1, 0x7F, 0x80, 0x84, 0xFF))
        return bytes(changed[: chance.randint(1, len(changed))] if chance.random() < 0.3 else changed)

    async def story() -> None:
        with tampering(port, lambda datagram: [*(mutated(datagram) for _ in range(40)), datagram]) as proxy:
            session = snmp_session(target(proxy, login("strong"), timeout_s=5.0))
            await session.open()
            try:
                worker = worker_of_this_process()
                for _ in range(50):
                    assert await session.get([OBJECT_ID]) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}
                assert worker_of_this_process() == worker
            finally:
                await session.close()

    asyncio.run(story())
    assert capfd.readouterr() == ("", "")


def flipped(at: int) -> Callable[[bytes], bytes]:
    def change(datagram: bytes) -> bytes:
        changed = bytearray(datagram)
        changed[at] ^= 1
        return bytes(changed)

    return change


def without_flags(datagram: bytes) -> bytes:
    """The flags say noAuthNoPriv."""
    return datagram.replace(b"\x04\x01\x03\x02\x01\x03", b"\x04\x01\x00\x02\x01\x03", 1)


@pytest.mark.parametrize("change", [flipped(-1), flipped(-12), without_flags], ids=["last", "inner", "flags"])
def test_a_tampered_answer_is_refused(port: int, change: Callable[[bytes], bytes]) -> None:
    async def story() -> None:
        with tampering(port, lambda datagram: [change(datagram)]) as proxy:
            session = snmp_session(target(proxy, login("strong"), timeout_s=0.3))
            await session.open()
            try:
                with pytest.raises((AuthenticationFailed, DeviceTimeout)) as caught:
                    await session.get([NAME])
                if change is not without_flags:
                    assert isinstance(caught.value, AuthenticationFailed), caught.value
            finally:
                await session.close()

    asyncio.run(story())


def test_a_set_of_v3_is_sent_once(port: int) -> None:
    asked_for: list[bytes] = []
    answers = True

    async def story() -> int:
        nonlocal answers
        with tampering(port, lambda datagram: [datagram] if answers else [], asked_for) as proxy:
            session = snmp_session(target(proxy, login("strong"), timeout_s=0.2, retries=3))
            await session.open()
            try:
                await session.get([NAME])
                answers = False
                before = len(asked_for)
                with pytest.raises(DeviceTimeout):
                    await session.set([Assignment(oid=CONTACT, value=b"once", syntax=Syntax.OCTETS)])
                return len(asked_for) - before
            finally:
                await session.close()

    assert asyncio.run(story()) == 1


def test_the_proxy_alone_changes_nothing(port: int) -> None:
    async def story() -> object:
        with tampering(port, lambda datagram: [datagram]) as proxy:
            session = snmp_session(target(proxy, login("strong")))
            await session.open()
            try:
                return await session.get([OBJECT_ID])
            finally:
                await session.close()

    assert asyncio.run(story()) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}
