"""SNMPv2c messages (RFC 3416) as octets: requests are written, answers are read, strictly.

What the frame of a message gets wrong makes the whole answer `Malformed`. A value that its own type
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
from drivers.transport import ber
from drivers.transport.ber import Malformed

OIDS_KEPT: Final = 131_072  # those of 1,000 APs, a hundred each, come again with every poll; some 30 MB

_BITS, _NSAP, _UINTEGER32 = 0x03, 0x45, 0x47  # of old agents, RFC 1902 and before
_RAW: Final = {ber.OCTETS, ber.OPAQUE, _BITS, _NSAP}
_WIDTHS: Final = {ber.COUNTER32: 4, ber.GAUGE32: 4, ber.TIME_TICKS: 4, _UINTEGER32: 4, ber.COUNTER64: 8}
_VERSION_2C: Final = b"\x02\x01\x01"


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
    head = ber.of_integer(request_id) + ber.of_integer(0) + ber.of_integer(repetitions)
    body = ber.element(pdu, head + ber.element(ber.SEQUENCE, b"".join(varbinds)))
    return ber.element(ber.SEQUENCE, _VERSION_2C + ber.element(ber.OCTETS, community) + body)


@lru_cache(maxsize=OIDS_KEPT)
def asked(oid: Oid) -> bytes:
    """The varbind that asks for an instance. ValueError: not an OID."""
    return ber.element(ber.SEQUENCE, _oid(oid) + b"\x05\x00")


def assigned(assignment: Assignment) -> bytes:
    """The varbind that sets an instance. ValueError: the value is not of its syntax."""
    value = assignment.value
    match assignment.syntax, value:
        case Syntax.INTEGER, int() if -(2**31) <= value < 2**31:
            written = ber.of_integer(value)
        case Syntax.UNSIGNED, int() if 0 <= value < 2**32:
            written = ber.element(ber.GAUGE32, value.to_bytes(value.bit_length() // 8 + 1, "big"))
        case Syntax.OCTETS, bytes():
            written = ber.element(ber.OCTETS, value)
        case _:
            raise ValueError(f"{assignment.oid}: {value!r} is no {assignment.syntax}")
    return ber.element(ber.SEQUENCE, _oid(assignment.oid) + written)


def read_head(datagram: bytes) -> Head:
    """Whose answer it is, and to what. Raises Malformed."""
    tag, at, end = ber.read(datagram, 0, len(datagram))
    _expect(tag == ber.SEQUENCE and end == len(datagram), "no SNMP message")
    _expect(datagram[at : at + 3] == _VERSION_2C, "not of SNMPv2c")
    tag, start, at = ber.read(datagram, at + 3, end)
    _expect(tag == ber.OCTETS, "no community")
    community = datagram[start:at]
    tag, at, stop = ber.read(datagram, at, end)
    _expect(tag == Pdu.RESPONSE and stop == end, "no Response")
    numbers: list[int] = []
    for _ in range(3):
        tag, start, at = ber.read(datagram, at, end)
        _expect(tag == ber.INTEGER and 1 <= at - start <= 4, "a damaged head")
        numbers.append(int.from_bytes(datagram[start:at], "big", signed=True))
    tag, start, stop = ber.read(datagram, at, end)
    _expect(tag == ber.SEQUENCE and stop == end, "no varbinds")
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
    """The whole answer. Raises Malformed."""
    data, at, end = head.datagram, head.start, head.stop
    varbinds: list[tuple[Oid, Value | None]] = []
    while at < end:
        tag, start, at = ber.read(data, at, end)
        name_tag, name, value_at = ber.read(data, start, at)
        value_tag, value, stop = ber.read(data, value_at, at)
        if tag != ber.SEQUENCE or name_tag != ber.OID or stop != at:
            raise Malformed("a damaged varbind")
        oid = _dotted(data[name:value_at])
        if oid is None:
            raise Malformed("a varbind without a name")
        varbinds.append((oid, _value(value_tag, data[value:stop])))
    return Answer(status=head.status, index=head.index, varbinds=tuple(varbinds))


@lru_cache(maxsize=OIDS_KEPT)
def order(oid: Oid) -> tuple[int, ...]:
    """By which the instances of a MIB follow each other; also of what stands behind a column, which all
    columns of a table have in common."""
    return tuple(map(int, oid.split(".")))


def _expect(fulfilled: bool, what: str) -> None:
    if not fulfilled:
        raise Malformed(what)


def _value(tag: int, raw: bytes) -> Value | None:
    if tag == ber.INTEGER:
        return int.from_bytes(raw, "big", signed=True) if 1 <= len(raw) <= 8 else raw
    if tag in _RAW:
        return raw
    if (width := _WIDTHS.get(tag)) is not None:
        return _unsigned(raw, width)
    if tag in ber.ABSENT:
        return None
    if tag == ber.OID:
        dotted = _dotted(raw)
        return raw if dotted is None else dotted
    if tag == ber.IP_ADDRESS:
        return ".".join(map(str, raw)) if len(raw) == 4 else raw
    raise Malformed(f"a value of tag {tag:#04x}")


def _unsigned(raw: bytes, width: int) -> Value:
    """Also of agents that leave out the 0 before a high first bit; such a number is never negative."""
    value = int.from_bytes(raw, "big")
    return value if 1 <= len(raw) <= width + 1 and value >> (8 * width) == 0 else raw


@lru_cache(maxsize=OIDS_KEPT)
def _dotted(raw: bytes) -> Oid | None:
    """None: it is no OID."""
    try:
        return ber.oid(raw)
    except Malformed:
        return None


def _oid(oid: Oid) -> bytes:
    numbers = order(oid)
    if not 2 <= len(numbers) <= ber.ARCS_MOST or not 0 <= numbers[0] <= 2:
        raise ValueError(f"not an OID: {oid!r}")
    if min(numbers) < 0 or max(numbers) > ber.ARC_MOST or (numbers[0] < 2 and numbers[1] >= 40):
        raise ValueError(f"not an OID: {oid!r}")
    return ber.of_oid(oid)


def chunks(oids: Sequence[Oid], size: int) -> list[Sequence[Oid]]:
    """In order, at most ``size`` each."""
    return [oids[at : at + size] for at in range(0, len(oids), size)]
