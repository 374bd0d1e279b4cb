"""Both versions of SNMP against Debian's snmpd."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.snmpd import (
    COMMUNITY,
    CONTACT,
    ENGINE_ID,
    NAME,
    NEEDS_SNMPD,
    OBJECT_ID,
    SNMPD,
    USERS,
    free_port,
    login,
    snmpd,
    target,
    within,
    worker_of_this_process,
)

from drivers.errors import AuthenticationFailed, DeviceTimeout, Refused
from drivers.snmp.session import Assignment, SnmpSession, Syntax
from drivers.transport.snmp import snmp_session
from inventory.credentials import Secret
from inventory.snmp_login import SnmpLogin

pytestmark = pytest.mark.skipif(SNMPD is None, reason=NEEDS_SNMPD)

UPTIME, INTERFACES = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.2.2.1"
PUBLIC = SnmpLogin(community=Secret("public"))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


@pytest.mark.parametrize("who", [PUBLIC, login("strong")], ids=["v2c", "v3"])
def test_values_and_tables(port: int, who: SnmpLogin) -> None:
    async def story(session: SnmpSession) -> None:
        found = await session.get([NAME, OBJECT_ID, UPTIME, "1.3.6.1.2.1.1.99.0"])
        assert found.pop(UPTIME) in range(100 * 3600)  # type: ignore[attr-defined]  # a dict
        assert found == {NAME: socket.gethostname().encode(), OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}
        table = await session.walk([f"{INTERFACES}.2", f"{INTERFACES}.3", f"{INTERFACES}.99"])
        at = next(oid for oid, value in table.items() if value == b"lo").rsplit(".", 1)[1]
        assert table[f"{INTERFACES}.3.{at}"] == 24  # softwareLoopback
        assert session.engine_id == (None if who is PUBLIC else ENGINE_ID)

    within(target(port, who), story)


def test_users_of_all_protocols_through_one_worker(port: int) -> None:
    async def story() -> list[object]:
        sessions = [snmp_session(target(port, login(user))) for user in USERS]
        await asyncio.gather(*(each.open() for each in sessions))
        try:
            assert worker_of_this_process()
            return await asyncio.gather(*(each.get([OBJECT_ID]) for each in sessions))
        finally:
            await asyncio.gather(*(each.close() for each in sessions))

    assert asyncio.run(story()) == [{OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}] * len(USERS)


@pytest.mark.parametrize("who", [SnmpLogin(community=Secret(COMMUNITY)), login("strong")], ids=["v2c", "v3"])
def test_set_changes_the_device(port: int, who: SnmpLogin) -> None:
    async def story(session: SnmpSession) -> object:
        values = [Assignment(oid=oid, value=oid.encode(), syntax=Syntax.OCTETS) for oid in (NAME, CONTACT)]
        before = await session.get([NAME])
        await session.set(values)
        found = await session.get([NAME, CONTACT])
        await session.set([Assignment(oid=NAME, value=before[NAME], syntax=Syntax.OCTETS)])
        return found

    assert within(target(port, who), story) == {NAME: NAME.encode(), CONTACT: CONTACT.encode()}


@pytest.mark.parametrize("who", [PUBLIC, SnmpLogin(community=Secret(COMMUNITY)), login("strong")])
def test_what_the_agent_refuses_is_said_in_its_words(port: int, who: SnmpLogin) -> None:
    uptime = [Assignment(oid=UPTIME, value=7)]
    with pytest.raises(Refused, match=r"noAccess|notWritable"):
        within(target(port, who), lambda session: session.set(uptime))


def test_a_wrong_community_is_a_time_out(port: int) -> None:
    wrong = SnmpLogin(community=Secret("wrong"))
    with pytest.raises(DeviceTimeout):
        within(target(port, wrong, timeout_s=0.1), lambda session: session.get([NAME]))


@pytest.mark.parametrize(
    "who",
    [
        login("strong", auth_password=Secret("wrong password")),
        login("strong", user="nobody"),
        login("strong", auth_protocol=USERS["strongest"][0]),
        login("strong", auth_password=None, priv_password=None),
        login("strong", priv_password=None),
    ],
    ids=["password", "user", "protocol", "nothing", "no privacy"],
)
def test_who_is_not_let_in_is_told_so(port: int, who: SnmpLogin) -> None:
    with pytest.raises((AuthenticationFailed, Refused)) as caught:
        within(target(port, who), lambda session: session.get([NAME]))
    assert "wrong password" not in str(caught.value)


def test_a_wrong_privacy_password_is_never_an_answer(port: int) -> None:
    who = login("strong", priv_password=Secret("wrong password"))
    with pytest.raises(AuthenticationFailed, match="priv_password or priv_protocol may be wrong"):
        within(target(port, who, timeout_s=0.2), lambda session: session.get([NAME]))


def test_an_agent_that_answered_once_and_is_gone_has_no_wrong_password(tmp_path: Path) -> None:
    async def story(session: SnmpSession) -> object:
        with snmpd(tmp_path / "one", own):
            await session.get([NAME])
        return await session.get([NAME])

    own = free_port()
    with pytest.raises(DeviceTimeout, match="no SNMPv3 answer"):
        within(target(own, login("strong"), timeout_s=0.2), story)


def test_another_device_with_the_same_user_is_seen_by_its_engine(tmp_path: Path) -> None:
    """The device was replaced, or its address was given to another one."""

    async def story(session: SnmpSession) -> tuple[object, object]:
        with snmpd(tmp_path / "one", own):
            await session.get([NAME])
            before = session.engine_id
        with snmpd(tmp_path / "two", own, engine_id="ap2"):
            await session.get([NAME])
        return before, session.engine_id

    own = free_port()
    first, then = within(target(own, login("strong")), story)
    assert (first, then) == (ENGINE_ID, ENGINE_ID[:-1] + b"2")


def test_an_agent_that_restarted_is_asked_on(tmp_path: Path) -> None:
    async def story(session: SnmpSession) -> object:
        for _ in range(2):
            with snmpd(tmp_path / "one", own):
                found = await session.get([OBJECT_ID])
        return found

    own = free_port()
    assert within(target(own, login("strong")), story) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}


def test_an_agent_that_lost_its_count_of_boots_is_asked_on(tmp_path: Path) -> None:
    """Of a factory reset: the same engine ID, and fewer boots than before."""

    async def story(session: SnmpSession) -> object:
        for state in ("one", "one", "one", "two"):
            with snmpd(tmp_path / state, own):
                found = await session.get([OBJECT_ID])
        return found

    own = free_port()
    asked = target(own, login("strong"), timeout_s=0.3)
    assert within(asked, story) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}
