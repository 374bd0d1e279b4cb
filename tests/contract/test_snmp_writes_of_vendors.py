"""What is sent to a device when something is set, for the dialects other than Cisco's that can set."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from contract.test_snmp_dialects import AP, ENTERPRISE, Values, row, system

from drivers.base import DeviceContext
from drivers.errors import Refused, Unsupported
from drivers.snmp.device import SnmpDevice
from drivers.snmp.options import checked
from drivers.snmp.recording import RecordedSession
from drivers.snmp.session import Assignment, Syntax
from drivers.types import Edit, Effects, Outage, Readback, ScopeRef, Setting
from drivers.types import Values as Settings
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, RadioKey

RADIO = RadioKey("north/ap1/r5")
SCOPE = ScopeRef(kind="radio", name="1", members=(RADIO,))
HUAWEI_RADIO = f"{ENTERPRISE}.2011.6.139.16.1.2.1"
HUAWEI_CONFIG = f"{ENTERPRISE}.2011.6.139.11.1.9.1"


class Writable(RecordedSession):
    """Takes every SET. ``follows``: where it shows what was set, if not in the same place."""

    def __init__(self, values: Values, follows: dict[str, str]) -> None:
        super().__init__(values)
        self.follows = follows
        self.sent: list[Assignment] = []

    async def set(self, values: Sequence[Assignment]) -> None:
        self.sent += values
        for one in values:
            self.values[self.follows.get(one.oid, one.oid)] = one.value


def huawei(channel: int = 36, width: int = 2, band: int = 2) -> Writable:
    radio = {"c5": band, "c6": 1, "c7": channel, "c10": width, "c45": 20, "c53": 2, "c54": 2}
    values = system(f"{ENTERPRISE}.2011.2.240.6") | row(HUAWEI_RADIO, f"{AP}.1", **radio)
    shown = {"13": "7", "14": "10", "15": "45"}
    return Writable(
        values,
        {f"{HUAWEI_CONFIG}.{set_}.{AP}.1": f"{HUAWEI_RADIO}.{read}.{AP}.1" for set_, read in shown.items()},
    )


def applied(session: Writable, wanted: Settings, band: Band = Band.GHZ_5) -> Effects:
    """What was promised of an edit that was carried out and then read back as done."""
    radio = Radio(key=RADIO, band=band, ifname="1")
    context = DeviceContext(
        config=DeviceConfig(id="ac", driver="snmp", address="192.0.2.1"),
        radios=(radio,),
        aps=(AccessPoint(id="ap1", device="ac", radios=(radio,)),),
        secret=None,
        clock=lambda: 0.0,
    )

    async def story() -> Effects:
        device = SnmpDevice(context, checked({}), session)
        await device.open()
        edit = Edit(change_id="c1", scope=SCOPE, set=wanted)
        effects = device.plan(edit, await device.read_config(SCOPE))
        await device.apply(edit, None)
        now = await device.read_config(SCOPE)
        assert {name: now.in_force.get(name, now.configured.get(name)) for name in wanted} == dict(wanted)
        await device.close()
        return effects

    return asyncio.run(story())


def sent(session: Writable, entry: str, index: str) -> list[tuple[str, int | bytes | str]]:
    """Columns of one row and their values, in the order in which they were set."""
    return [(one.oid.removeprefix(f"{entry}.").removesuffix(f".{index}"), one.value) for one in session.sent]


class TestHuawei:
    def test_automatic_choice_is_switched_off_first(self) -> None:
        session = huawei()
        effects = applied(session, {Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 80, Setting.TX_POWER_DBM: 17})
        assert sent(session, HUAWEI_CONFIG, f"{AP}.1") == [
            ("26", 1),
            ("13", 149),
            ("32", 1),
            ("14", 4),
            ("27", 1),
            ("15", 17),
        ]
        assert session.sent[1].syntax is Syntax.UNSIGNED
        assert (effects.outage, effects.readback) == (Outage.CLIENTS_DROP, Readback.IN_FORCE)
        assert "no automatic channel" in effects.commands[0]

    def test_a_power_alone_drops_nobody(self) -> None:
        assert applied(huawei(), {Setting.TX_POWER_DBM: 12}).outage is Outage.NONE

    @pytest.mark.parametrize(("channel", "word"), [(44, 2), (149, 2), (157, 2)], ids=lambda each: str(each))
    def test_40_mhz_goes_to_the_side_that_the_channel_has(self, channel: int, word: int) -> None:
        session = huawei(channel=36, width=2)
        applied(session, {Setting.CHANNEL: channel})
        assert sent(session, HUAWEI_CONFIG, f"{AP}.1")[1:] == [("13", channel), ("32", 1), ("14", word)]

    @pytest.mark.parametrize("channel", [40, 48, 153])
    def test_40_mhz_on_the_other_side_goes_through_20(self, channel: int) -> None:
        """Above 40, or below 36, is no block: what is between two SETs is on the air."""
        session = huawei(channel=36, width=2)
        applied(session, {Setting.CHANNEL: channel})
        assert sent(session, HUAWEI_CONFIG, f"{AP}.1") == [
            ("32", 1),
            ("14", 1),
            ("26", 1),
            ("13", channel),
            ("14", 3),
        ]

    def test_40_mhz_in_2_4_ghz_goes_where_its_centre_is(self) -> None:
        session = huawei(channel=6, width=1, band=1)
        applied(session, {Setting.WIDTH_MHZ: 40, Setting.CENTER_MHZ: 2427}, Band.GHZ_2_4)
        assert sent(session, HUAWEI_CONFIG, f"{AP}.1") == [("32", 1), ("14", 3)]

    def test_20_mhz_has_no_side(self) -> None:
        session = huawei(channel=36, width=1)
        applied(session, {Setting.CHANNEL: 40})
        assert sent(session, HUAWEI_CONFIG, f"{AP}.1") == [("26", 1), ("13", 40)]

    @pytest.mark.parametrize("wanted", [{Setting.CHANNEL: 14}, {Setting.TX_POWER_DBM: 40}])
    def test_what_the_mib_does_not_take_is_not_sent(self, wanted: Settings) -> None:
        session = huawei()
        with pytest.raises((Refused, Unsupported)):
            applied(session, wanted)
        assert session.sent == []


class TestOthers:
    def test_xirrus(self) -> None:
        entry = f"{ENTERPRISE}.21013.1.2.12.1.1.1"
        live = f"{ENTERPRISE}.21013.1.2.24.7.1"
        session = Writable(
            system(f"{ENTERPRISE}.21013.1.1.10")
            | row(live, "1", c2=b"1", c3=36)
            | row(entry, "1", c5=1, c7=15, c15=0, c22=1, c24=1),
            {f"{entry}.9.1": f"{live}.3.1"},
        )
        applied(session, {Setting.CHANNEL: 44, Setting.TX_POWER_DBM: -3})
        assert sent(session, entry, "1") == [("9", 44), ("7", -3)]

    def test_ruckus_without_a_controller_takes_a_channel_and_proves_nothing(self) -> None:
        entry = f"{ENTERPRISE}.25053.1.1.12.1.1.1.2.1"
        session = Writable(system(f"{ENTERPRISE}.25053.3.1.4.71") | row(entry, "1", c1=4, c4=36), {})
        effects = applied(session, {Setting.CHANNEL: 149})
        assert sent(session, entry, "1") == [("4", 149)]
        assert effects.readback is Readback.CONFIGURED
