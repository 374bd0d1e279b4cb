"""SNMPv2c messages (RFC 3416) as octets: requests are written, answers are read, strictly.

What the frame of a message gets wrong makes the whole answer `MalformedAnswer`. A value that its own type
forbids (an INTEGER without octets, an address of three) comes back as its raw octets: who expected a number
refuses that row, and the rest of the answer is good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from drivers.notifications import Oid, Value
from drivers.snmp.session import Assignment, Syntax

MAX_SUB_IDENTIFIER: Final = 2**32 - 1
MAX_SUB_IDENTIFIERS: Final = 128  # RFC 2578 section 3.5
OIDS_KEPT: Final = 65536  # the instances of a controller of 500 APs come again with every poll; some 15 MB

_INTEGER, _BITS, _OCTETS, _NULL, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x05, 0x06, 0x30
_ADDRESS, _COUNTER32, _GAUGE32, _TICKS, _OPAQUE, _NSAP, _COUNTER64, _UINTEGER32 = range(0x40, 0x48)
_ABSENT: Final = {_NULL, 0x80, 0x81, 0x82}  # and noSuchObject, noSuchInstance, endOfMibView
_RAW: Final = {_OCTETS, _BITS, _OPAQUE, _NSAP}
_UNSIGNED: Final = {_COUNTER32: 4, _GAUGE32: 4, _TICKS: 4, _UINTEGER32: 4, _COUNTER64: 8}
_VERSION_2C: Final = b"\x02\x01\x01"


class MalformedAnswer(ValueError):
    """Octets that are no answer. Nothing of them is used."""


class Pdu(IntEnum):
    """What a request asks for, by its tag."""

    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    SET = 0xA3
    GET_BULK = 0xA5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``status``, ``index``: error-status and error-index, 0 = no error.

    ``varbinds``: in the answer's order; None: the agent lacks it.
    """

    status: int
    index: int
    varbinds: tuple[tuple[Oid, Value | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An answer up to its varbinds, which are not read yet: ``start`` to ``stop`` of ``datagram``."""

    datagram: bytes
    community: bytes
    request_id: int
    status: int
    index: int
    start: int
    stop: int


def write_request(
    pdu: Pdu, community: bytes, request_id: int, varbinds: Iterable[bytes], *, repetitions: int = 0
) -> bytes:
    """``varbinds``: of `asked` or `assigned`; ``repetitions``: of a GetBulk, rows for each of them."""
    head = _integer(request_id) + _integer(0) + _integer(repetitions)
    body = _tlv(pdu, head + _tlv(_SEQUENCE, b"".join(varbinds)))
    return _tlv(_SEQUENCE, _VERSION_2C + _tlv(_OCTETS, community) + body)


@lru_cache(maxsize=OIDS_KEPT)
def asked(oid: Oid) -> bytes:
    """The varbind that asks for an instance. ValueError: not an OID."""
    return _tlv(_SEQUENCE, _oid(oid) + b"\x05\x00")


def assigned(assignment: Assignment) -> bytes:
    """The varbind that sets an instance. ValueError: the value is not of its syntax."""
    value = assignment.value
    match assignment.syntax, value:
        case Syntax.INTEGER, int() if -(2**31) <= value < 2**31:
            written = _integer(value)
        case Syntax.UNSIGNED, int() if 0 <= value < 2**32:
            written = _tlv(_GAUGE32, value.to_bytes(value.bit_length() // 8 + 1, "big"))
        case Syntax.OCTETS, bytes():
            written = _tlv(_OCTETS, value)
        case _:
            raise ValueError(f"{assignment.oid}: {value!r} is no {assignment.syntax}")
    return _tlv(_SEQUENCE, _oid(assignment.oid) + written)


def read_head(datagram: bytes) -> Head:
    """Whose answer it is, and to what. Raises MalformedAnswer."""
    tag, at, end = _frame(datagram, 0, len(datagram))
    _expect(tag == _SEQUENCE and end == len(datagram), "no SNMP message")
    _expect(datagram[at : at + 3] == _VERSION_2C, "not of SNMPv2c")
    tag, start, at = _frame(datagram, at + 3, end)
    _expect(tag == _OCTETS, "no community")
    community = datagram[start:at]
    tag, at, stop = _frame(datagram, at, end)
    _expect(tag == Pdu.RESPONSE and stop == end, "no Response")
    numbers: list[int] = []
    for _ in range(3):
        tag, start, at = _frame(datagram, at, end)
        _expect(tag == _INTEGER and 1 <= at - start <= 4, "a damaged head")
        numbers.append(int.from_bytes(datagram[start:at], "big", signed=True))
    tag, start, stop = _frame(datagram, at, end)
    _expect(tag == _SEQUENCE and stop == end, "no varbinds")
    return Head(
        datagram=datagram,
        community=community,
        request_id=numbers[0],
        status=numbers[1],
        index=numbers[2],
        start=start,
        stop=stop,
    )


def read_answer(head: Head) -> Answer:
    """The whole answer. Raises MalformedAnswer."""
    data, at, end = head.datagram, head.start, head.stop
    varbinds: list[tuple[Oid, Value | None]] = []
    while at < end:
        tag, start, at = _frame(data, at, end)
        name_tag, name, value_at = _frame(data, start, at)
        value_tag, value, stop = _frame(data, value_at, at)
        if tag != _SEQUENCE or name_tag != _OID or stop != at:
            raise MalformedAnswer("a damaged varbind")
        oid = _dotted(data[name:value_at])
        if oid is None:
            raise MalformedAnswer("a varbind without a name")
        varbinds.append((oid, _value(value_tag, data[value:stop])))
    return Answer(status=head.status, index=head.index, varbinds=tuple(varbinds))


@lru_cache(maxsize=OIDS_KEPT)
def order(oid: Oid) -> tuple[int, ...]:
    """By which the instances of a MIB follow each other."""
    return tuple(map(int, oid.split(".")))


def _expect(fulfilled: bool, what: str) -> None:
    if not fulfilled:
        raise MalformedAnswer(what)


def _frame(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """(tag, first, behind the last octet of the content) of what starts at ``at``."""
    if at + 2 > end:
        raise MalformedAnswer("it ends in the middle")
    length, start = data[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:  # the indefinite form is not allowed, RFC 3417 section 8
            raise MalformedAnswer("a length that is none")
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    if start + length > end:
        raise MalformedAnswer("it ends in the middle")
    return data[at], start, start + length


def _value(tag: int, raw: bytes) -> Value | None:
    if tag == _INTEGER:
        return int.from_bytes(raw, "big", signed=True) if 1 <= len(raw) <= 8 else raw
    if tag in _RAW:
        return raw
    if (width := _UNSIGNED.get(tag)) is not None:
        return _unsigned(raw, width)
    if tag in _ABSENT:
        return None
    if tag == _OID:
        dotted = _dotted(raw)
        return raw if dotted is None else dotted
    if tag == _ADDRESS:
        return ".".join(map(str, raw)) if len(raw) == 4 else raw
    raise MalformedAnswer(f"a value of tag {tag:#04x}")


def _unsigned(raw: bytes, width: int) -> Value:
    """Also of agents that leave out the 0 before a high first bit; such a number is never negative."""
    value = int.from_bytes(raw, "big")
    return value if 1 <= len(raw) <= width + 1 and value >> (8 * width) == 0 else raw


@lru_cache(maxsize=OIDS_KEPT)
def _dotted(raw: bytes) -> Oid | None:
    """None: it is no OID."""
    numbers, number = list[int](), 0
    for octet in raw:
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            numbers.append(number)
            number = 0
    if not numbers or raw[-1] >= 0x80 or len(numbers) >= MAX_SUB_IDENTIFIERS:
        return None
    first, *rest = numbers
    if max(rest, default=0) > MAX_SUB_IDENTIFIER or first > MAX_SUB_IDENTIFIER + 80:
        return None
    top = min(first // 40, 2)
    return ".".join(map(str, (top, first - 40 * top, *rest)))


def _oid(oid: Oid) -> bytes:
    numbers = order(oid)
    if not 2 <= len(numbers) <= MAX_SUB_IDENTIFIERS or not 0 <= numbers[0] <= 2:
        raise ValueError(f"not an OID: {oid!r}")
    if min(numbers) < 0 or max(numbers) > MAX_SUB_IDENTIFIER or (numbers[0] < 2 and numbers[1] >= 40):
        raise ValueError(f"not an OID: {oid!r}")
    packed = (40 * numbers[0] + numbers[1], *numbers[2:])
    return _tlv(_OID, b"".join(map(_sub_identifier, packed)))


def _sub_identifier(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def _integer(number: int) -> bytes:
    magnitude = number if number >= 0 else ~number
    return _tlv(_INTEGER, number.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True))


def _tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def chunks(oids: Sequence[Oid], size: int) -> list[Sequence[Oid]]:
    """In order, at most ``size`` each."""
    return [oids[at : at + size] for at in range(0, len(oids), size)]
