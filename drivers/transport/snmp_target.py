"""Which SNMP agent to speak to, as whom, and how patiently."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from drivers.errors import Disconnected
from drivers.transport.snmp_walk import WalkLimits
from inventory.snmp_login import SnmpLogin


@dataclass(frozen=True, slots=True, kw_only=True)
class SnmpTarget:
    """``name``: how the device is called in messages. ``timeout_s``: of one attempt; ``retries``: attempts
    after the first (reads only). ``max_repetitions``: varbinds that one GetBulk asks for, over all its
    columns. ``most_varbinds``, ``walk_s``: where a walk ends, whatever the agent says."""

    name: str
    host: str
    login: SnmpLogin
    port: int = 161
    timeout_s: float = 2.0
    retries: int = 2
    max_repetitions: int = 40  # of 35 octets each: an answer mostly fits into one Ethernet frame
    most_varbinds: int = 100_000
    walk_s: float = 60.0

    def walk_limits(self) -> WalkLimits:
        return WalkLimits(repetitions=self.max_repetitions, varbinds=self.most_varbinds, seconds=self.walk_s)


async def resolved(target: SnmpTarget) -> tuple[int, tuple[str, int]]:
    """(address family, address) of the target's host. Raises Disconnected."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:  # the latter: a name that no name server would be asked for
        raise Disconnected(f"{target.name}: no address of {target.host}: {error}") from error
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))
