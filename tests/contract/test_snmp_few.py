"""Asked for single values of a few radios, a device says the same as when its columns are walked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from contract.snmp_expected import RECORDINGS, TABLES, inventoried
from shared_data import shared_data

from drivers.notifications import Oid, Value
from drivers.snmp.device import FEW_RADIOS, SnmpDevice
from drivers.snmp.options import checked
from drivers.snmp.recording import RecordedSession, load
from drivers.types import Snapshot
from inventory.model import RadioKey

MOST_RADIOS = 24


class CountingSession(RecordedSession):
    """``walked``: values that walks brought."""

    walked = 0

    async def walk(self, roots: Sequence[Oid]) -> Mapping[Oid, Value]:
        found = await super().walk(roots)
        self.walked += len(found)
        return found


async def compared(recording: str) -> tuple[Snapshot, dict[RadioKey, Snapshot], int, int]:
    """All at once, each with its few companions, and how many values were walked for each way."""
    session = CountingSession(load(shared_data("snmp", f"{recording}.snmprec")).values)
    first = SnmpDevice(inventoried(()), checked({}), session)
    context = inventoried((await first.open()).found)
    device = SnmpDevice(context, checked({}), session)
    await device.open()
    session.walked = 0
    everybody = await device.read(TABLES, None)
    of_all, session.walked = session.walked, 0
    keys = [radio.key for radio in context.radios][:MOST_RADIOS]
    alone: dict[RadioKey, Snapshot] = {}
    for at in range(0, len(keys), FEW_RADIOS):
        few = frozenset(keys[at : at + FEW_RADIOS])
        alone |= dict.fromkeys(few, await device.read(TABLES, few))
    return everybody, alone, of_all, session.walked


@pytest.mark.parametrize("recording", RECORDINGS)
def test_few_are_read_as_all_are(recording: str) -> None:
    everybody, alone, of_all, of_few = asyncio.run(compared(recording))
    for key, snapshot in alone.items():
        assert snapshot.missing.get(key) == everybody.missing.get(key)
        if key in everybody.readings:
            at_s = everybody.readings[key].at_s
            assert replace(snapshot.readings[key], at_s=at_s) == everybody.readings[key]
    if recording == "arubaos":
        assert of_few < of_all / 100
