"""Devices that change while they are watched: rows that move, counters that start again, tables without end,
another device at the same address."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from contract.snmp_case import RADIO, SCOPE, Clock, Controller, device, place
from structlog.testing import capture_logs

from drivers.base import DeviceContext
from drivers.errors import Garbage, IdentityChanged
from drivers.notifications import Oid, Value
from drivers.snmp.device import SnmpDevice
from drivers.snmp.options import checked
from drivers.snmp.recording import RecordedSession
from drivers.types import Absence, Edit, Table
from inventory.model import AccessPoint, Band, DeviceConfig, Radio

ALL = frozenset(Table)


class _Endless(Controller):
    """Its table of rogues is longer than anybody walks."""

    async def walk(self, roots: Sequence[Oid]) -> Mapping[Oid, Value]:
        if any(root.startswith("1.3.6.1.4.1.14179.2.1.8.1") for root in roots):
            raise Garbage("more than 100000 values")
        return await super().walk(roots)


def test_a_table_without_end_costs_no_radio_its_reading() -> None:
    async def story() -> None:
        snmp = device(_Endless())
        await snmp.open()
        for radios in (None, frozenset({RADIO})):
            reading = (await snmp.read(ALL, radios)).readings[RADIO]
            assert reading.counters is not None
            assert reading.gauges is not None
            assert reading.client_count == 4
            assert [each.channel for each in reading.neighbors or ()] == [44]  # what the other table told

    with capture_logs() as logged:
        asyncio.run(story())
    assert [each["event"] for each in logged] == ["snmp.table_refused"]


def test_counters_start_again_with_the_device() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        counted = frozenset({Table.COUNTERS})
        first = (await snmp.read(counted, None)).readings[RADIO].counters
        wlc.values["1.3.6.1.2.1.1.3.0"] = 500
        second = (await snmp.read(counted, None)).readings[RADIO].counters
        assert first is not None
        assert second is not None
        assert first.epoch != second.epoch

    asyncio.run(story())


def test_another_device_at_the_same_address_is_noticed() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        wlc.values["1.3.6.1.4.1.14179.1.1.1.4.0"] = b"SOMEBODYELSE"
        with pytest.raises(IdentityChanged, match="serial was SYNTHETIC01, it is SOMEBODYELSE"):
            await snmp.read(ALL, None)
        with pytest.raises(IdentityChanged):
            await snmp.apply(Edit(change_id="test", scope=SCOPE, set=place(44, 20)), None)
        assert wlc.sent == []

    asyncio.run(story())


def alone(session: RecordedSession, ifname: str | None = None) -> SnmpDevice:
    """An AP that is its own device, and has the generic MIB."""
    ap = AccessPoint(id="ap", device="d", radios=(Radio(key=RADIO, band=Band.GHZ_5, ifname=ifname),))
    context = DeviceContext(
        config=DeviceConfig(id="d", driver="snmp", address="192.0.2.1"),
        radios=ap.radios,
        aps=(ap,),
        secret=None,
        clock=Clock(),
    )
    return SnmpDevice(context, checked({"profile": "ieee80211"}), session)


def test_a_radio_that_comes_back_with_another_row_is_found_again() -> None:
    """An AP numbers its interfaces anew when it restarts."""
    channel, system = "1.2.840.10036.4.5.1.1", "1.3.6.1.2.1.1"

    async def story() -> None:
        session = RecordedSession(
            {f"{system}.2.0": "1.3.6.1.4.1.99999", f"{system}.1.0": b"x", f"{channel}.10": 36}
        )
        snmp = alone(session)
        await snmp.open()
        assert RADIO in (await snmp.read(ALL, None)).readings
        session.values[f"{channel}.40"] = session.values.pop(f"{channel}.10")
        await session.open()
        assert RADIO in (await snmp.read(ALL, None)).missing
        assert RADIO in (await snmp.read(ALL, None)).readings

    asyncio.run(story())


def test_a_channel_of_nonsense_that_would_have_told_the_band_is_garbage_too() -> None:
    channel, system = "1.2.840.10036.4.5.1.1", "1.3.6.1.2.1.1"

    async def story() -> None:
        session = RecordedSession({f"{system}.2.0": "1.3.6.1.4.1.99999", f"{channel}.10": 2346})
        snmp = alone(session, "10")
        await snmp.open()
        assert dict((await snmp.read(ALL, None)).missing) == {RADIO: Absence.GARBAGE}

    asyncio.run(story())
