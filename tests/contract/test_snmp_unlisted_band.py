"""A radio whose band the dialect has no word for: 6 GHz in a MIB that is older than 6 GHz."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from contract.snmp_expected import seen_in
from contract.test_snmp_dialects import AP, ENTERPRISE, MAC, row, system

from drivers.base import DeviceContext
from drivers.errors import Unsupported
from drivers.snmp.device import SnmpDevice
from drivers.snmp.options import checked
from drivers.snmp.recording import RecordedSession
from drivers.types import Absence, DeviceInfo, Edit, FoundRadio, ScopeRef, Setting, Snapshot, Table
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, RadioKey

RADIO = f"{ENTERPRISE}.14179.2.2.2.1"
SIX = RadioKey("north/hall/r6")
SCOPE = ScopeRef(kind="radio", name="2", members=(SIX,))


def controller(channel: int) -> Mapping[str, int | bytes | str]:
    """One AP, whose third radio is of a type that the MIB does not have."""
    return (
        system(f"{ENTERPRISE}.9.1.2530", b"Cisco Controller")
        | row(f"{ENTERPRISE}.14179.2.2.1.1", AP, c3=b"hall")
        | row(RADIO, f"{AP}.1", c2=2, c4=36, c12=2)
        | row(RADIO, f"{AP}.2", c1=2, c2=3, c3=2, c4=channel, c12=2)
    )


def device(channel: int, *radios: Radio) -> SnmpDevice:
    context = DeviceContext(
        config=DeviceConfig(id="wlc", driver="snmp", address="192.0.2.1"),
        radios=radios,
        aps=(AccessPoint(id="hall", device="wlc", radios=radios),),
        secret=None,
        clock=lambda: 0.0,
    )
    return SnmpDevice(context, checked({}), RecordedSession(controller(channel)))


def read(channel: int, *radios: Radio) -> tuple[DeviceInfo, Snapshot]:
    async def story() -> tuple[DeviceInfo, Snapshot]:
        snmp = device(channel, *radios)
        info = await snmp.open()
        return info, await snmp.read(frozenset(Table), None)

    return asyncio.run(story())


@pytest.mark.parametrize("channel", [5, 37, 149, 213])
def test_it_is_found_without_a_band(channel: int) -> None:
    """5, 149 are channels of other bands as well: they prove nothing."""
    info, snapshot = read(channel, Radio(key=SIX, band=Band.GHZ_6))
    (ap,) = info.found
    assert ap.mac == MAC
    assert ap.radios == (FoundRadio(name="1", band=Band.GHZ_5), FoundRadio(name="2", band=None))
    assert dict(snapshot.missing) == {SIX: Absence.ABSENT}


@pytest.mark.parametrize("channel", [5, 37, 149, 213])
def test_the_inventory_says_its_band_where_it_names_the_slot(channel: int) -> None:
    _, snapshot = read(channel, Radio(key=SIX, band=Band.GHZ_6, ifname="2"))
    reading = snapshot.readings[SIX]
    assert reading.channel is not None
    assert (reading.band, reading.channel.value) == (Band.GHZ_6, channel)


def test_a_channel_that_the_inventorys_band_lacks_is_no_nonsense_of_the_device() -> None:
    info, snapshot = read(37, Radio(key=SIX, band=Band.GHZ_5, ifname="2"))
    assert dict(snapshot.missing) == {SIX: Absence.ABSENT}
    assert SIX in info.radios


def test_a_channel_is_not_set_where_the_mib_has_none_of_that_band() -> None:
    """37 would pass for one of 5 GHz by its number."""

    async def story() -> None:
        snmp = device(5, Radio(key=SIX, band=Band.GHZ_6, ifname="2"))
        await snmp.open()
        edit = Edit(change_id="c", scope=SCOPE, set={Setting.CHANNEL: 37})
        with pytest.raises(Unsupported, match="sets no channel of 6 GHz"):
            snmp.plan(edit, await snmp.read_config(SCOPE))

    asyncio.run(story())


def test_a_type_that_leaves_it_to_the_channel_still_does() -> None:
    entry = f"{ENTERPRISE}.14823.2.2.1.5.2.1.5.1"
    (one,) = seen_in(row(entry, f"{AP}.1", c2=4, c3=36), "aruba-controller")
    assert one.at.band is Band.GHZ_5
    (other,) = seen_in(row(entry, f"{AP}.1", c2=9, c3=36), "aruba-controller")
    assert other.at.band is None
