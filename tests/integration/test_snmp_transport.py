"""SNMPv2c against agents on loopback that do right, and that do wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, TypeVar

import pytest
from integration import ber
from integration.snmp_responder import (
    Agent,
    damaged_varbinds,
    garbage,
    late,
    listening,
    of_another_community,
    of_another_request,
    read_snmprec,
    served,
    silent,
    truncated,
)
from shared_data import shared_data

from drivers.errors import DeviceTimeout, Disconnected, Garbage, Refused
from drivers.snmp.session import Assignment, SnmpSession, Syntax
from drivers.transport.snmp_target import SnmpTarget
from drivers.transport.snmp_v2c import V2cSession
from inventory.credentials import Secret
from inventory.snmp_login import SnmpLogin

T = TypeVar("T")

SYSTEM = "1.3.6.1.2.1.1"
NAME, DESCRIPTION = f"{SYSTEM}.5.0", f"{SYSTEM}.1.0"
RECORDINGS = [
    "aruba-instant_105",
    "arubaos",
    "ciscowlc_cbw240ac",
    "hiveos-wireless_2",
    "merakimr_mr28",
    "openwrt",
    "routeros_wifi",
    "ruckuswireless-hotzone",
    "ruckuswireless_zd1200",
    "unifi_nanohd",
    "vrp_ac6605-26",
]
TABLE = "1.3.6.1.4.1.99999.1"
CHANNELS, NOISE, LAST = f"{TABLE}.1", f"{TABLE}.2", f"{TABLE}.3"
ROWS = [f"6.{at}.4294967295" for at in range(200)]
VALUES: dict[str, ber.Typed] = {
    DESCRIPTION: (ber.OCTETS, b""),
    f"{SYSTEM}.2.0": (ber.OID, "1.3.6.1.4.1.4294967295.1"),
    f"{SYSTEM}.3.0": (ber.TICKS, 2**32 - 1),
    NAME: (ber.OCTETS, b"ap1"),
    **{f"{CHANNELS}.{row}": (ber.INTEGER, at) for at, row in enumerate(ROWS)},
    **{f"{NOISE}.{row}": (ber.INTEGER, -95 - at) for at, row in enumerate(ROWS)},
    f"{LAST}.1": (ber.COUNTER64, 2**64 - 1),
    f"{LAST}.2": (ber.COUNTER32, 2**32 - 1),
    f"{LAST}.3": (ber.GAUGE32, 2**31),
    f"{LAST}.4": (ber.ADDRESS, "192.0.2.7"),
    f"{LAST}.5": (ber.OPAQUE, b"\x9f\x78\x04\x3f\xc0\x00\x00"),
    f"{LAST}.6": (ber.INTEGER, -(2**31)),
}


@pytest.fixture
def agent() -> Agent:
    return Agent(VALUES, writable=frozenset({NAME, f"{CHANNELS}.{ROWS[0]}", f"{LAST}.3"}))


TARGET = SnmpTarget(
    name="ap1", host="127.0.0.1", login=SnmpLogin(community=Secret("public")), timeout_s=0.1, retries=1
)


def within(agent: Agent, story: Callable[[SnmpSession], Awaitable[T]], **differing: Any) -> T:
    """What the story returns, told to an open session with the agent."""

    async def told() -> T:
        with listening(agent) as port:
            target = dataclasses.replace(TARGET, port=port, **differing)
            session = V2cSession(target, b"public")
            await session.open()
            try:
                return await story(session)
            finally:
                await session.close()

    return asyncio.run(told())


def test_values_come_as_they_are_and_absent_ones_are_left_out(agent: Agent) -> None:
    asked = [
        DESCRIPTION,
        f"{SYSTEM}.2.0",
        f"{SYSTEM}.3.0",
        f"{SYSTEM}.9.0",
        *(f"{LAST}.{n}" for n in range(1, 8)),
    ]
    assert within(agent, lambda session: session.get(asked)) == {
        DESCRIPTION: b"",
        f"{SYSTEM}.2.0": "1.3.6.1.4.1.4294967295.1",
        f"{SYSTEM}.3.0": 2**32 - 1,
        f"{LAST}.1": 2**64 - 1,
        f"{LAST}.2": 2**32 - 1,
        f"{LAST}.3": 2**31,
        f"{LAST}.4": "192.0.2.7",
        f"{LAST}.5": b"\x9f\x78\x04\x3f\xc0\x00\x00",
        f"{LAST}.6": -(2**31),
    }


def test_an_agent_may_be_served_by_a_thread(agent: Agent) -> None:
    async def story(port: int) -> object:
        session = V2cSession(dataclasses.replace(TARGET, port=port), b"public")
        await session.open()
        try:
            return await session.get([NAME])
        finally:
            await session.close()

    with served(agent) as port:
        assert asyncio.run(story(port)) == {NAME: b"ap1"}


def test_many_instances_are_asked_for_in_parts(agent: Agent) -> None:
    asked = [f"{CHANNELS}.{row}" for row in ROWS]
    assert list(within(agent, lambda session: session.get(asked)).values()) == list(range(200))
    assert [len(each.names) for each in agent.seen] == [30] * 6 + [20]


def test_tables_are_walked_column_beside_column(agent: Agent) -> None:
    found = within(agent, lambda session: session.walk([CHANNELS, NOISE, f"{TABLE}.9", LAST]))
    assert found == {name: value for name, value in expected().items() if name.startswith(TABLE)}
    assert len(agent.seen) < 15


def expected() -> dict[str, int | bytes | str]:
    return {name: value for name, (_, value) in VALUES.items()}


@pytest.mark.parametrize("recording", RECORDINGS)
def test_every_value_of_a_real_device(recording: str) -> None:
    """Written by one reader of recordings and one of BER, read by the others."""
    text = shared_data("snmp", f"{recording}.snmprec").read_text("latin-1")
    values = read_snmprec(text)
    found = within(Agent(values), lambda session: session.walk(["1.0", "1.2", "1.3"]), timeout_s=5.0)
    assert found == {name: value for name, (tag, value) in values.items() if tag != ber.NULL}
    assert len(found) > 15


@pytest.mark.parametrize("most", [1, 7, 50])
def test_an_agent_that_answers_less_than_asked_is_walked_whole(most: int) -> None:
    agent = Agent(VALUES, most_varbinds=most)
    found = within(agent, lambda session: session.walk([CHANNELS, NOISE]))
    assert [found[f"{NOISE}.{row}"] for row in ROWS] == [-95 - at for at in range(200)]
    assert len(found) == 400


@pytest.mark.parametrize("most", [1, 7, 50])
def test_too_big_makes_smaller_requests(agent: Agent, most: int) -> None:
    agent.too_big_above = most
    assert len(within(agent, lambda session: session.walk([CHANNELS, NOISE]))) == 400
    assert len(within(agent, lambda session: session.get([f"{CHANNELS}.{row}" for row in ROWS]))) == 200


def test_too_big_for_a_single_value_is_refused(agent: Agent) -> None:
    agent.too_big_above = 0
    for story in (lambda s: s.get([NAME]), lambda s: s.walk([CHANNELS])):
        with pytest.raises(Refused, match="tooBig"):
            within(agent, story)


@pytest.mark.parametrize("back", [1, 60])
def test_an_agent_that_goes_in_circles_is_garbage(agent: Agent, back: int) -> None:
    agent.loop = lambda at: at - back if at > 100 else at
    with pytest.raises(Garbage, match="goes in circles"):
        within(agent, lambda session: session.walk([CHANNELS]))
    assert len(agent.seen) < 10


def test_a_walk_ends_at_its_bounds(agent: Agent) -> None:
    with pytest.raises(Garbage, match="more than 50 values"):
        within(agent, lambda session: session.walk([CHANNELS]), most_varbinds=50)
    agent.fault = late(0.08)
    started_s = time.monotonic()
    with pytest.raises(DeviceTimeout, match=r"not done in 0\.2 s"):
        within(agent, lambda session: session.walk([CHANNELS, NOISE]), walk_s=0.2)
    assert time.monotonic() - started_s < 1.0


def test_silence_is_a_time_out_after_all_attempts(agent: Agent) -> None:
    agent.fault = silent
    with pytest.raises(DeviceTimeout, match=r"no SNMP answer in 2 x 0\.1 s"):
        within(agent, lambda session: session.get([NAME]))
    assert len(agent.seen) == 2


def test_a_wrong_community_is_a_time_out() -> None:
    agent = Agent(VALUES, community=b"secret")
    with pytest.raises(DeviceTimeout, match="a wrong community looks like this too"):
        within(agent, lambda session: session.get([NAME]))


def test_a_lost_request_is_sent_again(agent: Agent) -> None:
    agent.fault = lambda request, right: [(0.0, right)] if len(agent.seen) == 2 else []
    assert within(agent, lambda session: session.get([NAME])) == {NAME: b"ap1"}


def test_an_answer_that_is_late_for_the_first_attempt_serves_the_second(agent: Agent) -> None:
    agent.fault = late(0.15)
    assert within(agent, lambda session: session.get([NAME])) == {NAME: b"ap1"}


def test_an_answer_after_the_time_out_is_not_taken_for_the_next_one(agent: Agent) -> None:
    async def story(session: SnmpSession) -> object:
        agent.fault = late(0.25)
        with pytest.raises(DeviceTimeout):
            await session.get([NAME])
        agent.put(NAME, (ber.OCTETS, b"ap2"))
        agent.fault = None
        return await session.get([NAME])

    assert within(agent, story) == {NAME: b"ap2"}


@pytest.mark.parametrize("fault", [of_another_request, of_another_community])
def test_what_answers_something_else_is_ignored(agent: Agent, fault: object) -> None:
    agent.fault = fault  # type: ignore[assignment]  # both are faults
    assert within(agent, lambda session: session.get([NAME])) == {NAME: b"ap1"}


@pytest.mark.parametrize("fault", [truncated, garbage, damaged_varbinds])
def test_what_cannot_be_read_is_garbage_and_the_session_goes_on(agent: Agent, fault: object) -> None:
    async def story(session: SnmpSession) -> object:
        agent.fault = fault  # type: ignore[assignment]  # all are faults
        with pytest.raises(Garbage):
            await session.get([NAME])
        agent.fault = None
        return await session.get([NAME])

    assert within(agent, story) == {NAME: b"ap1"}


def test_garbage_before_the_answer_does_no_harm(agent: Agent) -> None:
    agent.fault = lambda request, right: [*garbage(request, right), (0.0, right)]
    assert within(agent, lambda session: session.get([NAME])) == {NAME: b"ap1"}


def test_values_that_were_not_asked_for_are_garbage(agent: Agent) -> None:
    agent.fault = lambda request, right: [(0.0, right.replace(b"\x01\x01\x05\x00", b"\x01\x01\x06\x00"))]
    with pytest.raises(Garbage, match="not asked for"):
        within(agent, lambda session: session.get([NAME]))


def test_a_closed_port_costs_its_time_outs_and_no_more() -> None:
    async def story() -> tuple[float, float]:
        with listening(Agent({})) as port:
            pass
        session = V2cSession(dataclasses.replace(TARGET, port=port), b"public")
        await session.open()
        wall_s, cpu_s = time.monotonic(), time.process_time()
        with pytest.raises(DeviceTimeout, match="Connection refused"):
            await session.get([NAME])
        await session.close()
        return time.monotonic() - wall_s, time.process_time() - cpu_s

    wall_s, cpu_s = asyncio.run(story())
    assert 0.15 < wall_s < 1.0
    assert cpu_s < 0.1


def test_a_set_is_sent_once(agent: Agent) -> None:
    agent.fault = silent
    with pytest.raises(DeviceTimeout):
        within(agent, lambda session: session.set([Assignment(oid=NAME, value=b"x", syntax=Syntax.OCTETS)]))
    assert len(agent.seen) == 1


def test_a_set_of_each_syntax(agent: Agent) -> None:
    values = [
        Assignment(oid=f"{CHANNELS}.{ROWS[0]}", value=-200),
        Assignment(oid=f"{LAST}.3", value=2**32 - 1, syntax=Syntax.UNSIGNED),
        Assignment(oid=NAME, value="ä".encode() * 100, syntax=Syntax.OCTETS),
    ]

    async def story(session: SnmpSession) -> object:
        await session.set(values)
        return await session.get([each.oid for each in values])

    assert within(agent, story) == {each.oid: each.value for each in values}
    assert agent.value_of(f"{LAST}.3")[0] == ber.GAUGE32


def test_a_refused_set_says_what_the_agent_says(agent: Agent) -> None:
    values = [
        Assignment(oid=NAME, value=b"x", syntax=Syntax.OCTETS),
        Assignment(oid=f"{NOISE}.{ROWS[0]}", value=1),
    ]
    with pytest.raises(Refused, match=rf"notWritable at {NOISE}"):
        within(agent, lambda session: session.set(values))
    assert agent.value_of(NAME) == ber.tlv(ber.OCTETS, b"ap1")


def test_requests_take_turns(agent: Agent) -> None:
    agent.fault = late(0.02)

    async def story(session: SnmpSession) -> list[object]:
        return await asyncio.gather(*(session.get([f"{CHANNELS}.{row}"]) for row in ROWS[:5]))

    assert within(agent, story) == [{f"{CHANNELS}.{row}": at} for at, row in enumerate(ROWS[:5])]


def test_nobody_waits_for_a_device_that_is_silent_or_slow(agent: Agent) -> None:
    silent_agent, slow = Agent(VALUES), Agent(VALUES)
    silent_agent.fault, slow.fault = silent, late(0.5)

    async def story() -> tuple[float, list[object]]:
        with ExitStack() as stack:
            ports = [stack.enter_context(listening(each)) for each in (agent, silent_agent, slow)]
            targets = [dataclasses.replace(TARGET, port=port, timeout_s=5.0) for port in ports]
            sessions = [V2cSession(each, b"public") for each in targets]
            for each in sessions:
                await each.open()
            waiting = [asyncio.create_task(each.walk([CHANNELS, NOISE])) for each in sessions[1:]]
            started_s = time.monotonic()
            found = [await sessions[0].get([NAME]) for _ in range(100)]
            taken_s = time.monotonic() - started_s
            for each in sessions:
                await each.close()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(each, Disconnected) for each in ended), ended
            return taken_s, list(found)

    taken_s, found = asyncio.run(story())
    assert found == [{NAME: b"ap1"}] * 100
    assert taken_s < 1.0


def test_closing_ends_what_waits_at_once_and_the_session_opens_again(agent: Agent) -> None:
    async def story(session: SnmpSession) -> object:
        agent.fault = silent
        asking = [asyncio.create_task(session.get([NAME])) for _ in range(3)]
        await asyncio.sleep(0)
        started_s = time.monotonic()
        await session.close()
        ended = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(each, Disconnected) for each in ended), ended
        assert time.monotonic() - started_s < 1.0
        agent.fault = None
        await session.open()
        return await session.get([NAME])

    assert within(agent, story, timeout_s=60.0) == {NAME: b"ap1"}


def test_a_host_without_an_address_is_disconnected() -> None:
    async def story() -> None:
        await V2cSession(dataclasses.replace(TARGET, host="ap1..lan"), b"public").open()

    with pytest.raises(Disconnected, match=r"ap1\.\.lan"):
        asyncio.run(story())
