"""The netconf driver's transactions, live: Debian's netconfd behind sshd, with the OpenConfig modules."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from integration.netconfd import NEEDS_NETCONFD, R5, USABLE, Netconfd, netconfd

from drivers.base import Device
from drivers.errors import Conflict, Refused, TryAgain
from drivers.netconf import parse_reply, render
from drivers.netconf.driver import family
from drivers.netconf.openconfig import render as words
from drivers.netconf.openconfig.device import OpenConfigDevice
from drivers.transport.netconf import NetconfSession
from drivers.types import Edit, Receipt, ScopeRef, Setting, Values

pytestmark = pytest.mark.skipif(not USABLE, reason=NEEDS_NETCONFD)

T = TypeVar("T")
SCOPE = ScopeRef(kind="radio", name="1", members=(R5,))
BEFORE: Values = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40, Setting.TX_POWER_DBM: 17}
AFTER: Values = {Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 80, Setting.TX_POWER_DBM: 12}
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
render_edit = partial(words.edit, old_width=False, take_over=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Netconfd]:
    with netconfd() as running:
        yield running


def edit(change_id: str = "c1", expect: Values = BEFORE) -> Edit:
    return Edit(change_id=change_id, scope=SCOPE, set=AFTER, expect=expect)


@asynccontextmanager
async def opened(server: Netconfd, **options: object) -> AsyncIterator[Device]:
    device = family.device(server.context(**options))
    await device.open()
    try:
        yield device
    finally:
        await device.close()


async def configured(server: Netconfd) -> Values:
    """Channel, width and power as somebody else reads them."""
    async with opened(server) as device:
        state = await device.read_config(SCOPE)
    return {name: state.configured[name] for name in BEFORE}


def within(server: Netconfd, story: Callable[[], Awaitable[T]]) -> T:
    async def told() -> T:
        await server.reset()
        async with asyncio.timeout(30):
            return await story()

    return asyncio.run(told())


@asynccontextmanager
async def listening(server: Netconfd) -> AsyncIterator[NetconfSession]:
    """A session that hears of confirmed commits (RFC 6470). It is silent itself: netconfd looks at its timers
    only when nobody has sent anything for a second."""
    session = NetconfSession(server.target())
    await session.open()
    try:
        parse_reply.reply(await session.rpc(render.create_subscription(), 5.0))
        yield session
    finally:
        await session.close()


async def heard_timeout(session: NetconfSession) -> None:
    async for text in session.notifications:
        if "netconf-confirmed-commit" in text and "timeout" in text:
            return
    raise AssertionError("the session ended")


def test_an_edit_goes_through_the_candidate_and_is_there(server: Netconfd) -> None:
    async def story() -> tuple[Receipt, Values]:
        async with opened(server) as device:
            receipt = await device.apply(edit(), None)
        return receipt, await configured(server)

    receipt, now = within(server, story)
    assert now == AFTER
    assert not receipt.undo_armed


def test_a_confirmed_commit_that_is_confirmed_stays(server: Netconfd) -> None:
    async def story() -> Values:
        async with listening(server) as ear, opened(server) as device:
            receipt = await device.apply(edit(), 2.0)
            assert receipt.undo_armed
            assert receipt.handle == "rrmd-c1"
            await device.confirm(receipt)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(4.0):
                    await heard_timeout(ear)
        return await configured(server)

    assert within(server, story) == AFTER


def test_one_that_nobody_confirms_is_undone_by_the_device(server: Netconfd) -> None:
    async def story() -> tuple[Values, Values]:
        async with listening(server) as ear:
            async with opened(server) as device:
                await device.apply(edit(), 2.0)
            during = await configured(server)
            await heard_timeout(ear)
        return during, await configured(server)

    assert within(server, story) == (AFTER, BEFORE)


def test_one_that_is_cancelled_goes_back_at_once(server: Netconfd) -> None:
    async def story() -> Values:
        async with opened(server) as device:
            await device.cancel(await device.apply(edit(), 600.0))
        return await configured(server)

    assert within(server, story) == BEFORE


def test_a_persist_id_confirms_and_cancels_from_another_session(server: Netconfd) -> None:
    async def story() -> list[Values]:
        seen = []
        async with opened(server) as device:
            receipt = await device.apply(edit("c2"), 600.0)
        async with opened(server) as device:
            await device.cancel(receipt)
        seen.append(await configured(server))
        async with opened(server) as device:
            receipt = await device.apply(edit("c3"), 600.0)
        async with opened(server) as device:
            await device.confirm(receipt)
        seen.append(await configured(server))
        return seen

    assert within(server, story) == [BEFORE, AFTER]


def test_a_confirmation_that_comes_too_late_is_refused(server: Netconfd) -> None:
    async def story() -> Values:
        async with opened(server) as device:
            receipt = await device.apply(edit(), 600.0)
            await device.cancel(receipt)
            with pytest.raises(Refused):
                await device.confirm(receipt)
        return await configured(server)

    assert within(server, story) == BEFORE


@pytest.mark.parametrize("store", ["candidate", "running"])
def test_a_lock_of_somebody_else_is_named_and_nothing_is_sent(server: Netconfd, store: str) -> None:
    async def story() -> Values:
        other = NetconfSession(server.target())
        holder = (await other.open()).session
        try:
            parse_reply.reply(await other.rpc(render.lock(store), 5.0))
            async with opened(server) as device:
                with pytest.raises(TryAgain, match=f"session {holder} holds the lock"):
                    await device.apply(edit(), None)
        finally:
            await other.close()
        async with opened(server) as device:
            await device.apply(edit(), None)  # the lock ended with its session
        return await configured(server)

    assert within(server, story) == AFTER


def test_what_a_client_that_is_gone_left_in_the_candidate_needs_a_person(server: Netconfd) -> None:
    async def story() -> Values:
        other = NetconfSession(server.target())
        await other.open()
        half = render.edit_config("candidate", HALF, rollback_on_error=False)
        parse_reply.reply(await other.rpc(half, 5.0))
        await other.close()
        async with opened(server) as device:
            with pytest.raises(Refused, match="a person must"):
                await device.apply(edit(), None)
        tidy = NetconfSession(server.target())
        await tidy.open()
        parse_reply.reply(await tidy.rpc(render.discard_changes(), 5.0))
        await tidy.close()
        return await configured(server)

    assert within(server, story) == BEFORE


def test_a_second_change_while_a_commit_waits_is_a_conflict(server: Netconfd) -> None:
    async def story() -> Values:
        async with opened(server) as device:
            receipt = await device.apply(edit(), 600.0)
            with pytest.raises(Conflict, match="waits for its confirmation"):
                await device.apply(Edit(change_id="c2", scope=SCOPE, set=BEFORE), None)
            await device.cancel(receipt)
        return await configured(server)

    assert within(server, story) == BEFORE


def test_what_another_client_left_in_the_candidate_is_not_committed(server: Netconfd) -> None:
    async def story() -> Values:
        other = NetconfSession(server.target())
        await other.open()
        try:
            async with opened(server) as device:
                receipt = await device.apply(edit(), 600.0)
                half = render.edit_config("candidate", HALF, rollback_on_error=False)
                parse_reply.reply(await other.rpc(half, 5.0))
                with pytest.raises(TryAgain):
                    await device.confirm(receipt)
                parse_reply.reply(await other.rpc(render.discard_changes(), 5.0))
                await device.confirm(receipt)
        finally:
            await other.close()
        return await configured(server)

    assert within(server, story) == AFTER


def test_an_expectation_that_is_not_met_changes_nothing(server: Netconfd) -> None:
    async def story() -> Values:
        async with opened(server) as device:
            with pytest.raises(Conflict):
                await device.apply(edit(expect={Setting.CHANNEL: 44}), 600.0)
        return await configured(server)

    assert within(server, story) == BEFORE


def test_what_the_device_refuses_is_said_in_its_words_and_leaves_no_trace(server: Netconfd) -> None:
    async def story() -> Values:
        bad = render_edit("ap1.example.net", 1, "FREQ_5GHZ", {Setting.CHANNEL: 300})
        async with opened(server) as device:
            assert isinstance(device, OpenConfigDevice)
            with pytest.raises(Refused, match=r"invalid-value: .*channel"):
                await device._transactions.change(bad, lambda: asyncio.sleep(0), None)
            await device.apply(edit(), None)  # the candidate was given back clean
        return await configured(server)

    assert within(server, story) == AFTER


def test_a_killed_agent_leaves_an_undo_that_the_device_does_by_itself(server: Netconfd) -> None:
    async def story() -> tuple[Values, Values]:
        async with listening(server) as ear:
            await killed_after_apply(server, 2.0)
            during = await configured(server)
            await heard_timeout(ear)
        return during, await configured(server)

    assert within(server, story) == (AFTER, BEFORE)


def test_what_a_killed_agent_left_is_found_again_by_the_change_alone(server: Netconfd) -> None:
    """The receipt died with the agent: the persist-id is made of the change's id."""

    async def story() -> tuple[Values, Values]:
        await killed_after_apply(server, 600.0)
        receipt = Receipt(edit=edit("killed"), undo_armed=True, handle="rrmd-killed")
        async with opened(server) as device:
            await device.cancel(receipt)
        cancelled = await configured(server)
        await killed_after_apply(server, 600.0)
        async with opened(server) as device:
            await device.confirm(receipt)
        return cancelled, await configured(server)

    assert within(server, story) == (BEFORE, AFTER)


async def killed_after_apply(server: Netconfd, undo_s: float) -> None:
    """Another process applies the edit with an undo, and is killed as soon as the device has it."""
    login = server.server.login
    assert login.private_key is not None
    key = login.private_key.reveal().encode()
    where = (str(server.server.port), server.server.fingerprint, login.user, str(undo_s))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "integration.netconf_child", *where, env=ENVIRONMENT, stdin=PIPE, stdout=PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"%d\n%b" % (len(key), key))
    assert (await child.stdout.readline()).decode().strip() == "rrmd-killed"
    child.kill()
    await child.wait()


HALF = """<access-points xmlns="http://openconfig.net/yang/wifi/access-points"
 xmlns:oc-wifi-types="http://openconfig.net/yang/wifi/wifi-types"><access-point>
<hostname>ap1.example.net</hostname><radios><radio><id>1</id>
<operating-frequency>oc-wifi-types:FREQ_5GHZ</operating-frequency><config><channel>44</channel></config>
</radio></radios></access-point></access-points>"""
