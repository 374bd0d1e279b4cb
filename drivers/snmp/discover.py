"""What answers at an address: who it says it is, and which dialect it speaks. Only asks."""

from __future__ import annotations

from typing import Final

from drivers.errors import TryAgain
from drivers.notifications import Oid
from drivers.snmp.dialect import dialect, text_of_octets
from drivers.snmp.heard import Heard
from drivers.snmp.questions import SYS_DESCR, SYS_OBJECT_ID
from drivers.snmp.session import SnmpSession
from drivers.transport.snmp import SnmpTarget, snmp_session
from inventory.credentials import Secret
from inventory.snmp_login import SnmpLogin, parse_snmp_login

SYS_NAME: Final[Oid] = "1.3.6.1.2.1.1.5.0"
TIMEOUT_S: Final = 1.5
RETRIES: Final = 1


def login_of(secret: Secret) -> SnmpLogin:
    """Raises CredentialError."""
    return parse_snmp_login(secret)


async def heard(host: str, port: int, login: SnmpLogin) -> Heard | None:
    """What answers there, None: nothing. Raises a DriverError for what answers and refuses us."""
    target = SnmpTarget(name=host, host=host, port=port, login=login, timeout_s=TIMEOUT_S, retries=RETRIES)
    session = snmp_session(target)
    try:
        await session.open()
        return await _who(session, host)
    except TryAgain:  # silence, or ICMP that says that nobody listens
        return None
    finally:
        await session.close()


async def _who(session: SnmpSession, address: str) -> Heard | None:
    system = await session.get((SYS_OBJECT_ID, SYS_DESCR, SYS_NAME))
    if SYS_OBJECT_ID not in system:
        return None
    profile = await dialect(session, system)
    return Heard(
        address=address,
        sys_object_id=str(system[SYS_OBJECT_ID]),
        sys_descr=text_of_octets(system.get(SYS_DESCR, b"")),
        sys_name=text_of_octets(system.get(SYS_NAME, b"")),
        profile=None if profile is None else profile.name,
    )
