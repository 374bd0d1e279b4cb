"""A session with an SNMP agent, of the version that its credential is for."""

from __future__ import annotations

from drivers.snmp.session import SnmpSession
from drivers.transport.snmp_target import SnmpTarget
from drivers.transport.snmp_v2c import V2cSession
from drivers.transport.snmp_v3 import V3Session

__all__ = ["SnmpTarget", "snmp_session"]


def snmp_session(target: SnmpTarget) -> SnmpSession:
    """Not open yet."""
    community = target.login.community
    if community is None:
        return V3Session(target)
    return V2cSession(target, community.reveal().encode())
