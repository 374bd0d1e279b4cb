"""Which profile a device speaks, by what it says of itself and which of its subtrees answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from drivers.notifications import Oid, Value
from drivers.snmp.identity import ranked
from drivers.snmp.load import shipped
from drivers.snmp.profile import Profile
from drivers.snmp.questions import SYS_DESCR, SYS_OBJECT_ID
from drivers.snmp.session import SnmpSession


async def dialect(session: SnmpSession, system: Mapping[Oid, Value]) -> Profile | None:
    """The first shipped one that fits ``system`` (sysObjectID and sysDescr); None: nobody knows it."""
    profiles = await asyncio.to_thread(shipped)
    kind, descr = str(system[SYS_OBJECT_ID]), text_of_octets(system.get(SYS_DESCR, b""))
    for profile in ranked(tuple(profiles.values()), kind, descr):
        if not profile.match.has or await session.walk(profile.match.has):
            return profile
    return None


def text_of_octets(value: Value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
