"""What the SNMP driver needs of a transport: over the wire, or out of a recording. No behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from drivers.notifications import Oid, Value


class Syntax(StrEnum):
    """How a value is written on the wire by SET."""

    INTEGER = "integer"
    UNSIGNED = "unsigned"
    OCTETS = "octets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One varbind of a SET."""

    oid: Oid
    value: Value
    syntax: Syntax = Syntax.INTEGER


class SnmpSession(Protocol):
    """One SNMP agent. Raises `drivers.errors` alone: DeviceTimeout without an answer, AuthenticationFailed
    where the device or its answer does not prove itself, Refused with the agent's own error, Garbage for
    an answer that can't be read."""

    engine_id: bytes | None
    """Of SNMPv3, once an answer came; None: v2c, or not yet."""

    async def open(self) -> None:
        """Ready to ask; nothing is sent yet by v2c."""
        ...

    async def get(self, oids: Sequence[Oid]) -> Mapping[Oid, Value]:
        """Values of these instances; one that the agent lacks is left out."""
        ...

    async def walk(self, roots: Sequence[Oid]) -> Mapping[Oid, Value]:
        """All instances below each root (GetBulk), each root bounded. What the agent lacks is left out."""
        ...

    async def set(self, values: Sequence[Assignment]) -> None:
        """One SET of all of them; never sent twice. Raises Refused (nothing done), TryAgain (may be done)."""
        ...

    async def close(self) -> None:
        """When it returns, nothing that was sent waits in this process any more."""
        ...
