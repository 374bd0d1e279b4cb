"""The NETCONF transport against a server that is slow, wrong or hostile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest
from integration.c9800 import PASSWORD, USER, Controller, c9800

from drivers.errors import (
    AuthenticationFailed,
    DeviceTimeout,
    Disconnected,
    Garbage,
    IdentityChanged,
    IdentityUnknown,
)
from drivers.netconf import parse_reply, render
from drivers.transport.netconf import NetconfSession
from drivers.transport.ssh_target import SshTarget
from inventory.credentials import Login, Secret

T = TypeVar("T")
NOTHING = render.get("")
BOMB = '<!DOCTYPE a [<!ENTITY b "cc">]><rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"/>'


@pytest.fixture
def controller() -> Iterator[Controller]:
    with c9800() as running:
        yield running


def target(controller: Controller) -> SshTarget:
    return SshTarget(
        name="wlc",
        host="127.0.0.1",
        port=controller.port,
        login=Login(user=USER, password=Secret(PASSWORD)),
        fingerprint=controller.fingerprint,
        connect_timeout_s=5.0,
    )


def within(
    to: SshTarget, story: Callable[[NetconfSession], Awaitable[T]], message_limit: int = 1_000_000
) -> T:
    async def told() -> T:
        session = NetconfSession(to, message_limit)
        try:
            async with asyncio.timeout(20):
                await session.open()
                return await story(session)
        finally:
            await session.close()

    return asyncio.run(told())


async def heard_reply(session: NetconfSession) -> str:
    return await session.rpc(NOTHING, 5.0)


async def refused_then_open(session: NetconfSession, error: type[Exception]) -> None:
    """The call fails with it, and ends the connection: what came late must not be taken for an answer."""
    with pytest.raises(error):
        await session.rpc(NOTHING, 0.3)
    assert not session.connected
    with pytest.raises(Disconnected):
        await session.rpc(NOTHING, 0.3)


def test_a_password_lets_us_in_and_the_hello_is_told(controller: Controller) -> None:
    async def story(session: NetconfSession) -> None:
        hello = await session.open()
        assert hello.fingerprint == controller.fingerprint
        assert hello.session == "7"
        assert "urn:ietf:params:netconf:capability:writable-running:1.0" in hello.capabilities
        parse_reply.reply(await session.rpc(render.lock("running"), 5.0))

    within(target(controller), story)


def test_a_server_that_drops_what_comes_with_the_hello_is_asked_again(controller: Controller) -> None:
    async def story(session: NetconfSession) -> None:
        assert controller.drops == 0
        assert "rpc-reply" in await heard_reply(session)

    controller.drops = 2
    within(target(controller), story)


def test_an_answer_that_comes_after_the_next_request_opens_the_session(controller: Controller) -> None:
    async def story(session: NetconfSession) -> None:
        controller.late = 0
        for _ in range(3):
            assert "rpc-reply" in await heard_reply(session)

    controller.late = 1
    within(target(controller), story)


def test_a_server_that_never_answers_is_asked_ever_more_seldom(controller: Controller) -> None:
    controller.drops = 100
    with pytest.raises(DeviceTimeout, match="no answer after the hello in 2 s"):
        within(replace(target(controller), connect_timeout_s=2.0), heard_reply)
    assert 100 - controller.drops <= 3  # after 0.5 and 1 s more; every half second, there were four


def test_a_first_answer_to_another_request_is_garbage(controller: Controller) -> None:
    controller.wrong_id = True
    with pytest.raises(Garbage):
        within(target(controller), heard_reply)


def test_another_host_key_is_a_changed_identity(controller: Controller) -> None:
    with pytest.raises(IdentityChanged, match=controller.fingerprint.replace("+", r"\+")):
        within(replace(target(controller), fingerprint="SHA256:" + "A" * 43), heard_reply)


def test_a_host_key_that_nobody_confirmed_is_unknown_and_the_line_is_told(controller: Controller) -> None:
    with pytest.raises(IdentityUnknown, match='host_key: "SHA256:'):
        within(replace(target(controller), fingerprint=None), heard_reply)


def test_a_wrong_password_is_a_refused_login(controller: Controller) -> None:
    with pytest.raises(AuthenticationFailed):
        within(replace(target(controller), login=Login(user=USER, password=Secret("x"))), heard_reply)


def test_an_answer_that_does_not_come_closes_the_connection(controller: Controller) -> None:
    async def story(session: NetconfSession) -> None:
        controller.silent = True
        await refused_then_open(session, DeviceTimeout)
        controller.silent = False
        await session.open()  # the lane recovers
        assert "rpc-reply" in await heard_reply(session)

    within(target(controller), story)


def test_the_answer_to_another_request_is_garbage_and_closes_the_connection(controller: Controller) -> None:
    async def story(session: NetconfSession) -> None:
        controller.wrong_id = True
        await refused_then_open(session, Garbage)

    within(target(controller), story)


@pytest.mark.parametrize("hostile", [BOMB, "<rpc-reply", "", "no xml", "\x00"], ids=range(5))
def test_what_is_hostile_or_no_xml_is_garbage_and_closes_the_connection(
    controller: Controller, hostile: str
) -> None:
    async def story(session: NetconfSession) -> None:
        controller.raw = hostile
        await refused_then_open(session, Garbage if hostile else DeviceTimeout)

    within(target(controller), story)


def test_an_answer_that_is_too_long_is_garbage_before_it_is_all_there(controller: Controller) -> None:
    async def story(session: NetconfSession) -> None:
        controller.raw = f"<rpc-reply>{'x' * 300_000}</rpc-reply>"
        await refused_then_open(session, Garbage)

    within(target(controller), story, message_limit=100_000)


def test_closing_ends_a_call_that_waits_and_leaves_no_thread(controller: Controller) -> None:
    async def story(session: NetconfSession) -> None:
        controller.silent = True
        call = asyncio.create_task(session.rpc(NOTHING, 60.0))
        assert await asyncio.to_thread(controller.heard_while_silent.wait, 5.0)
        await session.close()
        with pytest.raises(Disconnected):
            await call

    before = {thread.name for thread in threading.enumerate()}
    within(target(controller), story)
    left = {thread.name for thread in threading.enumerate() if thread.name.startswith("netconf-")}
    assert left <= before


def test_notifications_come_in_order_and_end_with_the_session(controller: Controller) -> None:
    async def story(session: NetconfSession) -> list[str]:
        parse_reply.reply(await session.rpc(render.create_subscription(), 5.0))
        for number in range(3):
            controller.notify(f'<notification xmlns="{render.NOTIFICATION}"><n>{number}</n></notification>')
        stream = session.notifications
        heard = [await anext(stream) for _ in range(3)]
        await session.close()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        return [text.partition("<n>")[2][0] for text in heard]

    assert within(target(controller), story) == ["0", "1", "2"]


def test_a_request_takes_no_hundred_milliseconds(controller: Controller) -> None:
    """ncclient's own loop needs 102 ms for each; ten of them in less than half of one second."""

    async def story(session: NetconfSession) -> None:
        async with asyncio.timeout(0.5):
            for _ in range(10):
                await heard_reply(session)

    within(target(controller), story)
