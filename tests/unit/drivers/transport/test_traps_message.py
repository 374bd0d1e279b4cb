"""What a notification says, out of its octets; and what is none."""

from __future__ import annotations

import pytest
from traps_rig import MORE, RADAR, pdu, v1, v2c, v3

from drivers.transport import ber
from drivers.transport import traps_message as wire
from drivers.transport.ber import Malformed
from drivers.transport.traps_message import AUTH, PRIV, CommunityMessage, UserMessage, plain_trap


def read(data: bytes) -> wire.Pdu:
    message = wire.envelope(data)
    assert isinstance(message, CommunityMessage)
    return wire.pdu(data, message.pdu_at, message.version)


def test_a_trap() -> None:
    found = read(v2c(pdu(request=-5)))
    assert (found.trap, found.varbinds, found.uptime_s) == (RADAR, MORE, 42.0)
    assert (found.request, found.inform) == (-5, False)
    assert read(v2c(pdu(inform=True))).inform


@pytest.mark.parametrize("generic", range(6))
def test_generic_traps_of_v1(generic: int) -> None:
    assert read(v1("1.3.6.1.4.1.9", generic, 0)).trap == f"1.3.6.1.6.3.1.1.5.{generic + 1}"


def test_an_enterprises_trap_of_v1() -> None:
    assert read(v1("1.3.6.1.4.1.9", 6, 81)).trap == "1.3.6.1.4.1.9.0.81"


def test_a_v1_trap_that_is_neither() -> None:
    with pytest.raises(Malformed, match="generic trap 7"):
        read(v1("1.3.6.1.4.1.9", 7, 0))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.3.6.1.4.1.9.81", "1.3.6.1.4.1.9.0.81"),
        ("1.3.6.1.4.1.9.0.81", "1.3.6.1.4.1.9.0.81"),
        ("1.3.6.1.4.1.9.10", "1.3.6.1.4.1.9.0.10"),
    ],
)
def test_traps_that_are_the_same(one: str, other: str) -> None:
    assert plain_trap(one) == plain_trap(other)


def test_traps_that_are_not_the_same() -> None:
    assert plain_trap("1.3.6.1.4.1.90.81") != plain_trap("1.3.6.1.4.1.9.81")


def test_a_user_message() -> None:
    found = wire.envelope(v3(pdu(), flags=AUTH | PRIV, time_s=1000, id=3))
    assert isinstance(found, UserMessage)
    assert (found.id, found.user, found.time_s) == (3, b"rrm", 1000)
    assert found.signed
    assert found.encrypted
    assert not found.reportable


def varbind(oid: str, value: bytes) -> bytes:
    return ber.element(ber.SEQUENCE, ber.of_oid(oid), value)


def trap_of(*varbinds: bytes) -> bytes:
    zero = ber.of_integer(0)
    return v2c(ber.element(wire.TRAP, zero, zero, zero, ber.element(ber.SEQUENCE, *varbinds)))


WHICH = varbind(wire.TRAP_OID, ber.of_oid(RADAR))


def test_of_two_values_of_one_object_the_first_counts_and_no_value_is_none() -> None:
    one, two = varbind("1.3.1", ber.of_integer(1)), varbind("1.3.1", ber.of_integer(2))
    nothing = varbind("1.3.2", ber.element(ber.NULL))
    assert read(trap_of(WHICH, one, two, nothing)).varbinds == {"1.3.1": 1}


def test_each_type_of_value() -> None:
    values = {
        "1.3.1": (ber.of_integer(-1), -1),
        "1.3.2": (ber.element(ber.COUNTER64, b"\xff" * 8), 2**64 - 1),
        "1.3.3": (ber.element(ber.GAUGE32, b"\xff" * 4), 2**32 - 1),
        "1.3.4": (ber.of_octets(b"\0x"), b"\0x"),
        "1.3.5": (ber.of_oid("1.3.6.1.4.1.4294967295"), "1.3.6.1.4.1.4294967295"),
        "1.3.6": (ber.element(ber.IP_ADDRESS, bytes((192, 0, 2, 1))), "192.0.2.1"),
    }
    found = read(trap_of(WHICH, *(varbind(oid, octets) for oid, (octets, _) in values.items())))
    assert found.varbinds == {oid: value for oid, (_, value) in values.items()}
    assert found.uptime_s is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80\x02\x01\x01\x00\x00",  # indefinite length
        v2c(pdu())[:-1],
        v2c(pdu()) + b"\0",
        trap_of(),  # no snmpTrapOID
        trap_of(WHICH, ber.of_integer(1)),
        trap_of(WHICH, varbind("1.3.1", ber.element(0x47, b"x"))),
        trap_of(WHICH, varbind("1.3.1", ber.element(ber.IP_ADDRESS, b"123"))),
        trap_of(WHICH, varbind("1.3.1", ber.element(ber.INTEGER))),
        trap_of(*[WHICH] * 257),
        v2c(ber.element(wire.GET, pdu()[2:])),
        ber.element(ber.SEQUENCE, ber.of_integer(2), ber.of_octets(b"x"), pdu()),
    ],
)
def test_what_is_no_notification(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


def test_the_answer_to_an_inform_is_the_inform_as_a_response() -> None:
    data = v2c(pdu(inform=True, request=77))
    message = wire.envelope(data)
    assert isinstance(message, CommunityMessage)
    answer = wire.answered(data, message.pdu_at)
    assert [at for at in range(len(data)) if data[at] != answer[at]] == [message.pdu_at]
    assert answer[message.pdu_at] == wire.RESPONSE
