from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from integration import ber
from integration.snmp_responder import read

from drivers.snmp.session import Assignment, Syntax
from drivers.transport.ber import Malformed
from drivers.transport.snmp_message import (
    Answer,
    Pdu,
    asked,
    assigned,
    order,
    read_answer,
    read_head,
    write_request,
)

NAME = "1.3.6.1.2.1.1.5.0"
VALUES: dict[str, ber.Typed] = {
    NAME: (ber.OCTETS, b"ap1"),
    "1.3.6.1.2.1.1.2.0": (ber.OID, "1.3.6.1.4.1.9"),
    "1.3.6.1.2.1.1.3.0": (ber.TICKS, 4711),
    "1.3.6.1.4.1.9.1": (ber.ADDRESS, "192.0.2.1"),
    "1.3.6.1.4.1.9.2": (ber.COUNTER64, 2**63),
    "1.3.6.1.4.1.9.3": (ber.INTEGER, -80),
}

sub_identifiers = st.integers(0, 2**32 - 1)
oids = st.builds(
    lambda top, second, rest: ".".join(map(str, (top, second if top == 2 else second % 40, *rest))),
    st.integers(0, 2),
    st.integers(0, 2**32 - 1 - 80),
    st.lists(sub_identifiers, max_size=126),
)


def message(varbinds: bytes, status: int = 0, version: int = 1, pdu: int = 0xA2) -> bytes:
    head = ber.integer(7) + ber.integer(status) + ber.integer(0)
    body = ber.tlv(pdu, head + ber.tlv(ber.SEQUENCE, varbinds))
    return ber.tlv(ber.SEQUENCE, ber.integer(version) + ber.tlv(ber.OCTETS, b"public") + body)


def answer_with(value: bytes, name: bytes = ber.oid(NAME)) -> Answer:
    return read_answer(read_head(message(ber.tlv(ber.SEQUENCE, name + value))))


WHOLE = message(b"".join(ber.tlv(ber.SEQUENCE, ber.oid(each) + ber.value(VALUES[each])) for each in VALUES))


def test_an_answer_with_all_that_it_says() -> None:
    head = read_head(WHOLE)
    assert (head.community, head.request_id, head.status, head.index) == (b"public", 7, 0, 0)
    assert read_answer(head).varbinds == tuple((each, VALUES[each][1]) for each in VALUES)


@given(oids)
def test_any_oid_there_and_back(oid: str) -> None:
    assert read(write_request(Pdu.GET, b"public", 1, [asked(oid)])).names == [
        next(ber.parts(ber.oid(oid)))[1]
    ]
    assert answer_with(b"\x05\x00", ber.oid(oid)).varbinds == ((oid, None),)
    assert answer_with(ber.oid(oid)).varbinds == ((NAME, oid),)


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_integer(number: int) -> None:
    assert answer_with(ber.integer(number)).varbinds == ((NAME, number),)


@given(st.integers(-(2**31), 2**31 - 1))
@example(-128)
def test_any_integer_is_set_in_as_few_octets_as_it_takes(number: int) -> None:
    request = read(write_request(Pdu.SET, b"public", 1, [assigned(Assignment(oid=NAME, value=number))]))
    assert request.values == [ber.integer(number)]


@given(st.integers(0, 2**64 - 1))
def test_any_counter64(number: int) -> None:
    assert answer_with(ber.integer(number, ber.COUNTER64)).varbinds == ((NAME, number),)


def test_a_request_is_read_as_it_was_meant() -> None:
    request = read(write_request(Pdu.GET_BULK, b"c" * 200, 2**31 - 1, [asked(NAME)] * 20, repetitions=60))
    assert (request.pdu, request.community, request.first, request.second) == (0xA5, b"c" * 200, 0, 60)
    assert request.request_id == ber.integer(2**31 - 1)
    assert len(request.names) == 20


def test_a_damaged_value_is_not_taken_for_a_number() -> None:
    raw = bytes(5)
    for tag, content in [
        (ber.INTEGER, b""),
        (ber.INTEGER, bytes(9)),
        (ber.COUNTER32, b""),
        (ber.COUNTER32, b"\x01" + bytes(4)),
        (ber.COUNTER64, b"\x01" + bytes(8)),
        (ber.ADDRESS, bytes(3)),
        (ber.OID, b""),
        (ber.OID, b"\x2b\x8f"),
        (ber.OID, b"\x2b" + b"\xff" * 6 + b"\x7f"),
        (ber.OCTETS, raw),
    ]:
        assert answer_with(ber.tlv(tag, content)).varbinds == ((NAME, content),)


def test_a_counter_without_its_leading_zero_is_never_negative() -> None:
    assert answer_with(ber.tlv(ber.COUNTER32, b"\xff" * 4)).varbinds == ((NAME, 2**32 - 1),)


@pytest.mark.parametrize("tag", [5, 0x80, 0x81, 0x82])
def test_what_the_agent_lacks_has_no_value(tag: int) -> None:
    assert answer_with(bytes([tag, 0])).varbinds == ((NAME, None),)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x30\x82",
        b"\x30\x80\x00\x00",
        WHOLE + b"\x00",
        message(b"", version=0),
        message(b"", pdu=0xA8),
        message(b"\x30\x00"),
        message(ber.tlv(ber.SEQUENCE, ber.oid(NAME))),
        message(ber.tlv(ber.SEQUENCE, ber.oid(NAME) + b"\x04\x7fabc")),
        message(ber.tlv(ber.SEQUENCE, ber.oid(NAME) + b"\x05\x00\x05\x00")),
        message(ber.tlv(ber.SEQUENCE, ber.tlv(ber.OID, b"\x8f") + b"\x05\x00")),
        message(ber.tlv(ber.SEQUENCE, ber.oid(NAME) + b"\x1f\x00")),
        message(ber.tlv(ber.OCTETS, ber.oid(NAME) + b"\x05\x00")),
    ],
)
def test_what_is_no_answer_is_refused_whole(datagram: bytes) -> None:
    with pytest.raises(Malformed):
        read_answer(read_head(datagram))


def test_every_shortened_answer_is_refused() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(Malformed):
            read_answer(read_head(WHOLE[:length]))


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@example([(1, 0x84)])
def test_a_mutated_answer_is_an_answer_or_refused(changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(WHOLE)
    for at, octet in changes:
        mutated[at] = octet
    with contextlib.suppress(Malformed):
        for oid, value in read_answer(read_head(bytes(mutated))).varbinds:
            assert len(order(oid)) >= 2
            assert value is None or type(value) in (int, str, bytes)


def test_ten_thousand_mutated_answers() -> None:
    """No other exception, and never a value that is not of the three types."""
    chance = random.Random(4711)
    read_whole = 0
    for _ in range(10_000):
        mutated = bytearray(WHOLE)
        for _ in range(chance.randint(1, 3)):
            mutated[chance.randrange(len(mutated))] = chance.choice((0, 1, 0x7F, 0x80, 0x84, 0xFF))
        with contextlib.suppress(Malformed):
            varbinds = read_answer(read_head(bytes(mutated[: chance.choice((len(WHOLE), 40, 80))]))).varbinds
            assert {type(value) for _, value in varbinds} <= {int, str, bytes, type(None)}
            read_whole += 1
    assert read_whole > 100  # else nothing behind the frame was tried


@given(st.binary(max_size=200))
def test_any_octets_are_an_answer_or_refused(octets: bytes) -> None:
    with contextlib.suppress(Malformed):
        read_answer(read_head(octets))


@pytest.mark.parametrize("oid", ["", "1", "3.1", "1.40.1", "1.3.4294967296", "a.b", "1..3", "1.-3"])
def test_what_is_no_oid_is_not_asked_for(oid: str) -> None:
    with pytest.raises(ValueError, match=r"OID|invalid literal"):
        asked(oid)


@pytest.mark.parametrize(
    ("value", "syntax"),
    [
        (2**31, Syntax.INTEGER),
        (b"1", Syntax.INTEGER),
        (-1, Syntax.UNSIGNED),
        (2**32, Syntax.UNSIGNED),
        ("x", Syntax.OCTETS),
    ],
)
def test_a_value_that_is_not_of_its_syntax_is_not_set(value: int | bytes | str, syntax: Syntax) -> None:
    with pytest.raises(ValueError, match=f"is no {syntax}"):
        assigned(Assignment(oid=NAME, value=value, syntax=syntax))
