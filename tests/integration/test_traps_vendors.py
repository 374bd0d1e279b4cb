"""Each vendor's traps, encoded by pysnmp, over a real socket: what arrives is what was sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from pyasn1.codec.ber import encoder
from pysnmp.proto.api import v2c
from trap_cases import AT_S, DEVICE, Case
from trap_cases_cisco import CISCO
from trap_cases_others import OTHERS
from traps_rig import USER, ear, sender, v3

from drivers.notifications import Value
from drivers.snmp.load import shipped
from drivers.snmp.notify import Rules

CASES = [*CISCO, *OTHERS]
RULES = {name: Rules(profile) for name, profile in shipped().items()}


def encoded(case: Case) -> bytes:
    """The trap's PDU, by pysnmp."""
    pdu = v2c.TrapPDU()
    v2c.apiTrapPDU.set_defaults(pdu)
    start = [
        (v2c.apiTrapPDU.sysUpTime, v2c.TimeTicks(100)),
        (v2c.apiTrapPDU.snmpTrapOID, v2c.ObjectIdentifier(case.trap)),
    ]
    rest = [(v2c.ObjectIdentifier(oid), _typed(value)) for oid, value in case.values.items()]
    v2c.apiTrapPDU.set_varbinds(pdu, [*start, *rest])
    return bytes(encoder.encode(pdu))


def _typed(value: Value) -> object:
    return v2c.Integer32(value) if isinstance(value, int) else v2c.OctetString(value)


def test_each_vendors_traps_arrive_as_they_were_sent() -> None:
    """With SNMPv3, so each must become what the case says of a proven one."""

    async def story() -> None:
        async with ear(sender(USER)) as mine:
            for number, case in enumerate(CASES):
                mine.send(v3(encoded(case), id=number, time_s=1000 + number))
                heard = replace(await mine.next(), at_s=AT_S)
                assert (heard.trap, heard.varbinds) == (case.trap, case.values), case.name
                told = RULES[case.profile].signals(heard, DEVICE, case.where)
                assert told == case.proven, case.name

    asyncio.run(story())
