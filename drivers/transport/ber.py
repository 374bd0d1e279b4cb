"""Reads and writes the little of BER that SNMP messages are made of, strictly. Pure.

ITU-T X.690 as RFC 3417 section 8 narrows it: definite lengths only. Ours and not pysnmp's because each
datagram of a known address must be read before anything is known of it: some 25 µs here, above 1 ms there,
in which the event loop would stand still (benchmarks/traps.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from drivers.notifications import Oid, Value

INTEGER: Final = 0x02
OCTETS: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
SEQUENCE: Final = 0x30
IP_ADDRESS: Final = 0x40
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIME_TICKS: Final = 0x43
OPAQUE: Final = 0x44
COUNTER64: Final = 0x46
ABSENT: Final = frozenset({NULL, 0x80, 0x81, 0x82})
"""No value: null, noSuchObject, noSuchInstance, endOfMibView."""

_UNSIGNED: Final = frozenset({COUNTER32, GAUGE32, TIME_TICKS, COUNTER64})
_LONG: Final = 0x80
_LENGTH_OCTETS: Final = 4
_INTEGER_OCTETS: Final = 9  # 64 bits, and a zero before them
ARC_MOST: Final = 0xFFFFFFFF
ARCS_MOST: Final = 128  # RFC 2578 section 3.5
_OID_OCTETS: Final = 5 * ARCS_MOST


class Malformed(ValueError):
    """These octets are no SNMP message."""


def read(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, start and end of the contents of the element at ``at``, which lies wholly before ``end``."""
    if end - at < 2:
        raise Malformed("cut short")
    tag, length, start = data[at], data[at + 1], at + 2
    if length >= _LONG:
        octets = length - _LONG
        if not 0 < octets <= _LENGTH_OCTETS or end - start < octets:
            raise Malformed("a length that can't be")
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if length > end - start:
        raise Malformed("longer than what holds it")
    return tag, start, start + length


def expect(data: bytes, at: int, end: int, wanted: int) -> tuple[int, int]:
    """Start and end of the contents of the element at ``at``, which must bear this tag."""
    tag, start, stop = read(data, at, end)
    if tag != wanted:
        raise Malformed(f"tag {tag:#04x} where {wanted:#04x} belongs")
    return start, stop


def elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """`read` of each element from ``at`` to ``end``, which the last one must reach exactly."""
    while at < end:
        tag, start, at = read(data, at, end)
        yield tag, start, at


def integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A whole number, and where the next element begins."""
    start, stop = expect(data, at, end, INTEGER)
    return number(data, start, stop, signed=True), stop


def octets(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """An OCTET STRING, and where the next element begins."""
    start, stop = expect(data, at, end, OCTETS)
    return data[start:stop], stop


def number(data: bytes, start: int, stop: int, *, signed: bool) -> int:
    if not 0 < stop - start <= _INTEGER_OCTETS:
        raise Malformed("an integer of no or of too many octets")
    return int.from_bytes(data[start:stop], "big", signed=signed)


@lru_cache(2048)  # the OIDs of notifications are few, and a flood of new ones takes no more than this
def oid(contents: bytes) -> Oid:
    """Dotted, from the contents octets of an OBJECT IDENTIFIER."""
    if not contents or len(contents) > _OID_OCTETS or contents[-1] & 0x80:
        raise Malformed("an object identifier that does not end")
    arcs, arc = [], 0
    for octet in contents:
        arc = arc << 7 | octet & 0x7F
        if arc > ARC_MOST + 80:
            raise Malformed("a sub-identifier above 32 bits")
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    arcs[:1] = [first, arcs[0] - 40 * first]
    if len(arcs) > ARCS_MOST:
        raise Malformed("an object identifier of more than 128 sub-identifiers")
    return ".".join(map(str, arcs))


def value(data: bytes, tag: int, start: int, stop: int) -> Value | None:
    """Of a varbind; None where it has no value. Malformed for a type that SNMP lacks."""
    if tag == INTEGER:
        return number(data, start, stop, signed=True)
    if tag in _UNSIGNED:
        return number(data, start, stop, signed=False)
    if tag in (OCTETS, OPAQUE):
        return data[start:stop]
    if tag == OID:
        return oid(data[start:stop])
    if tag == IP_ADDRESS and stop - start == 4:
        return ".".join(map(str, data[start:stop]))
    if tag in ABSENT and start == stop:
        return None
    raise Malformed(f"a value of type {tag:#04x}")


# -- writing ---------------------------------------------------------------------------------------------


def element(tag: int, *contents: bytes) -> bytes:
    """One element that holds these."""
    body = b"".join(contents)
    length = len(body)
    if length < _LONG:
        return bytes((tag, length)) + body
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(octets))) + octets + body


def of_integer(number: int, tag: int = INTEGER) -> bytes:
    bits = (number if number >= 0 else ~number).bit_length()
    return element(tag, number.to_bytes(bits // 8 + 1, "big", signed=True))


def of_octets(contents: bytes) -> bytes:
    return element(OCTETS, contents)


def of_oid(dotted: Oid) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return element(OID, *map(_arc, (40 * first + second, *rest)))


def _arc(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(arc & 0x7F | 0x80)
    return bytes(reversed(octets))
