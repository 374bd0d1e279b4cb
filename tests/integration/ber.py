"""BER as SNMP uses it, apart from the transport's own: one must not hide the other's mistakes."""

from __future__ import annotations

from collections.abc import Iterator

INTEGER, OCTETS, NULL, OID, SEQUENCE = 2, 4, 5, 6, 48
ADDRESS, COUNTER32, GAUGE32, TICKS, OPAQUE, COUNTER64 = 64, 65, 66, 67, 68, 70
NO_SUCH_INSTANCE, END_OF_MIB_VIEW = b"\x81\x00", b"\x82\x00"

Typed = tuple[int, int | bytes | str]
"""(tag, value): what a `.snmprec` line holds."""


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    if size < 256:
        return bytes([tag, 0x81, size]) + content
    return bytes([tag, 0x82]) + size.to_bytes(2, "big") + content


def integer(number: int, tag: int = INTEGER) -> bytes:
    length = 1
    while not -(1 << (8 * length - 1)) <= number < 1 << (8 * length - 1):
        length += 1
    return tlv(tag, number.to_bytes(length, "big", signed=True))


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(each) for each in dotted.split("."))
    content = b""
    for number in (first * 40 + second, *rest):
        octets = bytes([number % 128])
        while number >= 128:
            number //= 128
            octets = bytes([number % 128 + 128]) + octets
        content += octets
    return tlv(OID, content)


def value(typed: Typed) -> bytes:
    tag, content = typed
    if tag == NULL:
        return b"\x05\x00"
    if tag == OID:
        return oid(str(content))
    if tag == ADDRESS:
        return tlv(ADDRESS, bytes(int(each) for each in str(content).split(".")))
    if isinstance(content, int):
        return integer(content, tag)
    return tlv(tag, content if isinstance(content, bytes) else content.encode())


def parts(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(tag, content, whole) of each in a row."""
    at = 0
    while at < len(data):
        start, length = at + 2, data[at + 1]
        if length > 127:
            start += length - 128
            length = int.from_bytes(data[at + 2 : start], "big")
        yield data[at], data[start : start + length], data[at : start + length]
        at = start + length


def numbers(content: bytes) -> tuple[int, ...]:
    """The sub-identifiers of an OID's content."""
    found, number = [], 0
    for octet in content:
        number = number * 128 + octet % 128
        if octet < 128:
            found.append(number)
            number = 0
    top = min(found[0] // 40, 2)
    return (top, found[0] - 40 * top, *found[1:])
