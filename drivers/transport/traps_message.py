"""An SNMP datagram -> what it says, before anybody has proven anything. Pure.

RFC 1157 (v1), RFC 3416 (v2c), RFC 3412 and 3414 (v3); a v1 trap gets its snmpTrapOID by RFC 3584 section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.notifications import Oid, Value
from drivers.transport import ber
from drivers.transport.ber import Malformed

V1, V2C, V3 = 0, 1, 3
GET, RESPONSE, TRAP_V1, INFORM, TRAP, REPORT = 0xA0, 0xA2, 0xA4, 0xA6, 0xA7, 0xA8
UPTIME: Final = "1.3.6.1.2.1.1.3.0"
TRAP_OID: Final = "1.3.6.1.6.3.1.1.4.1.0"
GENERIC: Final = "1.3.6.1.6.3.1.1.5"
"""Of coldStart, linkDown and the other generic traps; v1's number and one more follows."""
AUTH, PRIV, REPORTABLE = 1, 2, 4
USM: Final = 3
"""msgSecurityModel."""

_SPECIFIC: Final = 6
_NO_GENERIC: Final = 7
_VARBINDS_MOST: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdu:
    """A notification. ``request``: its request-id; ``inform``: it wants an answer. ``uptime_s`` None: not
    said. ``varbinds``: without sysUpTime and snmpTrapOID."""

    request: int
    inform: bool
    trap: Oid
    uptime_s: float | None
    varbinds: Mapping[Oid, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityMessage:
    """v1 or v2c. ``pdu_at``: where its PDU begins in the datagram."""

    version: int
    community: bytes
    pdu_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage:
    """v3 with the user-based security model. ``mac_at``: where ``mac`` lies in the datagram; ``scoped_at``:
    where the scoped PDU begins, an OCTET STRING if it is encrypted."""

    id: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    mac: bytes
    mac_at: int
    salt: bytes
    scoped_at: int

    @property
    def signed(self) -> bool:
        return bool(self.flags & AUTH)

    @property
    def encrypted(self) -> bool:
        return bool(self.flags & PRIV)

    @property
    def reportable(self) -> bool:
        return bool(self.flags & REPORTABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoped:
    """A scoped PDU. ``pdu_at``: where the PDU begins in its octets, which may have padding after it."""

    engine_id: bytes
    context: bytes
    octets: bytes
    pdu_at: int


def envelope(data: bytes) -> CommunityMessage | UserMessage:
    """What stands around the PDU. Raises Malformed."""
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    if end != len(data):
        raise Malformed("more than one message")
    version, at = ber.integer(data, at, end)
    if version in (V1, V2C):
        community, at = ber.octets(data, at, end)
        return CommunityMessage(version=version, community=community, pdu_at=at)
    if version != V3:
        raise Malformed(f"SNMP version {version}")
    return _user_message(data, at, end)


def _user_message(data: bytes, at: int, end: int) -> UserMessage:
    head, after = ber.expect(data, at, end, ber.SEQUENCE)
    id, head = ber.integer(data, head, after)
    _, head = ber.integer(data, head, after)  # the largest message that the sender takes
    flags, head = ber.octets(data, head, after)
    model, head = ber.integer(data, head, after)
    if head != after or len(flags) != 1 or model != USM or flags[0] & (AUTH | PRIV) == PRIV:
        raise Malformed("a header that no user-based message has")
    outer, scoped_at = ber.expect(data, after, end, ber.OCTETS)
    at, stop = ber.expect(data, outer, scoped_at, ber.SEQUENCE)
    engine_id, at = ber.octets(data, at, stop)
    boots, at = ber.integer(data, at, stop)
    time_s, at = ber.integer(data, at, stop)
    user, at = ber.octets(data, at, stop)
    mac, at = ber.octets(data, at, stop)
    mac_at = at - len(mac)
    salt, at = ber.octets(data, at, stop)
    if at != stop or stop != scoped_at or min(id, boots, time_s) < 0:
        raise Malformed("security parameters that can't be")
    return UserMessage(
        id=id,
        flags=flags[0],
        engine_id=engine_id,
        boots=boots,
        time_s=time_s,
        user=user,
        mac=mac,
        mac_at=mac_at,
        salt=salt,
        scoped_at=scoped_at,
    )


def scoped(octets: bytes) -> Scoped:
    """A scoped PDU in the clear. Raises Malformed."""
    at, end = ber.expect(octets, 0, len(octets), ber.SEQUENCE)
    engine_id, at = ber.octets(octets, at, end)
    context, at = ber.octets(octets, at, end)
    ber.read(octets, at, end)
    return Scoped(engine_id=engine_id, context=context, octets=octets, pdu_at=at)


def pdu(data: bytes, at: int, version: int) -> Pdu:
    """The notification that begins at ``at``. Raises Malformed, also for any other PDU."""
    tag, start, end = ber.read(data, at, len(data))
    if version == V1 and tag == TRAP_V1:
        return _trap_v1(data, start, end)
    if version == V1 or tag not in (TRAP, INFORM):
        raise Malformed(f"a PDU of type {tag:#04x} is no notification")
    request, at = ber.integer(data, start, end)
    _, at = ber.integer(data, at, end)
    _, at = ber.integer(data, at, end)
    varbinds = _varbinds(data, at, end)
    trap, uptime = varbinds.pop(TRAP_OID, None), varbinds.pop(UPTIME, None)
    if not isinstance(trap, str):
        raise Malformed("no snmpTrapOID")
    return Pdu(
        request=request,
        inform=tag == INFORM,
        trap=trap,
        uptime_s=uptime / 100 if isinstance(uptime, int) else None,
        varbinds=MappingProxyType(varbinds),
    )


def _trap_v1(data: bytes, at: int, end: int) -> Pdu:
    start, at = ber.expect(data, at, end, ber.OID)
    enterprise = ber.oid(data[start:at])
    _, at = ber.expect(data, at, end, ber.IP_ADDRESS)  # the agent's own word; only the datagram's counts
    generic, at = ber.integer(data, at, end)
    specific, at = ber.integer(data, at, end)
    start, at = ber.expect(data, at, end, ber.TIME_TICKS)
    if not 0 <= generic < _NO_GENERIC or specific < 0:
        raise Malformed(f"generic trap {generic}")
    trap = f"{enterprise}.0.{specific}" if generic == _SPECIFIC else f"{GENERIC}.{generic + 1}"
    return Pdu(
        request=0,
        inform=False,
        trap=trap,
        uptime_s=ber.number(data, start, at, signed=False) / 100,
        varbinds=MappingProxyType(_varbinds(data, at, end)),
    )


def _varbinds(data: bytes, at: int, end: int) -> dict[Oid, Value]:
    """By OID; of one that comes twice the first, and none without a value."""
    at, stop = ber.expect(data, at, end, ber.SEQUENCE)
    if stop != end:
        raise Malformed("more than varbinds")
    found: dict[Oid, Value] = {}
    for count, (tag, start, after) in enumerate(ber.elements(data, at, stop)):
        if tag != ber.SEQUENCE or count >= _VARBINDS_MOST:
            raise Malformed("varbinds that can't be")
        name, middle = ber.expect(data, start, after, ber.OID)
        kind, begin, close = ber.read(data, middle, after)
        if close != after:
            raise Malformed("a varbind of more than two")
        if (value := ber.value(data, kind, begin, close)) is not None:
            found.setdefault(ber.oid(data[name:middle]), value)
    return found


def answered(octets: bytes, pdu_at: int) -> bytes:
    """The octets with the inform at ``pdu_at`` made the response to it: same request-id, no error, same
    varbinds (RFC 3416 section 4.2.7)."""
    return octets[:pdu_at] + bytes((RESPONSE,)) + octets[pdu_at + 1 :]


def plain_trap(trap: Oid) -> Oid:
    """A trap's OID as v1 and v2c alike have it: RFC 3584 puts a 0 before the last number of a v1 trap, also
    where the MIB that defines it has none."""
    head, _, last = trap.rpartition(".")
    return f"{head.removesuffix('.0')}.{last}"
