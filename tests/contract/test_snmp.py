"""The contract, kept by the SNMP driver towards a synthetic controller; and what it does beyond the
contract."""

from __future__ import annotations

import asyncio

import pytest
from contract.snmp_case import RADIO, ROW, SCOPE, Controller, device, place, snmp_case
from contract.suite import Case, Contract
from structlog.testing import capture_logs

from drivers.errors import Conflict, Refused, TryAgain, Unsupported
from drivers.snmp.session import Assignment
from drivers.types import (
    Absence,
    Action,
    ActionRequest,
    Edit,
    Outage,
    Readback,
    ScopeRef,
    Setting,
    Table,
    Values,
)
from inventory.model import RadioKey

COLUMNS = "1.3.6.1.4.1.14179.2.2.2.1"
WIDTH = f"1.3.6.1.4.1.9.9.513.1.2.1.1.23.{ROW}"
MANAGED = RadioKey("north/ap2/r5")
MANAGED_SCOPE = ScopeRef(kind="radio", name="1", members=(MANAGED,))
ALL = frozenset(Table)


class TestSnmp(Contract):
    @pytest.fixture
    def case(self) -> Case:
        return snmp_case()


def edit(values: Values, expect: Values | None = None, scope: ScopeRef = SCOPE) -> Edit:
    return Edit(change_id="test", scope=scope, set=values, expect=expect or {})


def test_a_channel_is_customized_first_then_set() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        await snmp.apply(edit(place(149, 40), place(36, 20)), None)
        assert wlc.sent == [
            (Assignment(oid=f"{COLUMNS}.3.{ROW}", value=2),),
            (Assignment(oid=f"{COLUMNS}.4.{ROW}", value=149),),
            (Assignment(oid=WIDTH, value=4),),
        ]

    asyncio.run(story())


def test_a_power_is_set_by_its_place_in_the_radios_own_list() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        await snmp.apply(edit({Setting.TX_POWER_DBM: 11}), None)
        assert wlc.sent[-1] == (Assignment(oid=f"{COLUMNS}.6.{ROW}", value=5),)
        with pytest.raises(Refused, match="own choices are 23, 20, 17, 14, 11, 8, 5, 2"):
            await snmp.apply(edit({Setting.TX_POWER_DBM: 12}), None)
        assert len(wlc.sent) == 2

    asyncio.run(story())


def test_the_plan_can_be_read() -> None:
    async def story() -> None:
        snmp = device(Controller())
        await snmp.open()
        have = await snmp.read_config(SCOPE)
        moved = snmp.plan(edit(place(52, 20)), have)
        assert moved.commands == (
            f"set {COLUMNS}.3.{ROW} = 2 (customized)",
            f"set {COLUMNS}.4.{ROW} = 52 (channel 52)",
        )
        assert (moved.outage, moved.silent_s) == (Outage.CAC, 75.0)
        quiet = snmp.plan(edit(place(44, 20)), have)
        assert (quiet.outage, quiet.readback) == (Outage.CSA, Readback.IN_FORCE)
        louder = snmp.plan(edit({Setting.TX_POWER_DBM: 20}), have)
        assert (louder.outage, louder.silent_s) == (Outage.NONE, 0.0)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({Setting.CHANNEL: 144}, Refused),
        ({Setting.CHANNEL: 100}, Refused),  # not in the radio's own list
        ({Setting.CHANNEL: 37}, Unsupported),
        ({Setting.CHANNEL: 36, Setting.CENTER_MHZ: 5190}, Unsupported),
        ({Setting.WIDTH_MHZ: 320}, Unsupported),
        ({Setting.ENABLED: 2}, Unsupported),
    ],
)
def test_what_the_device_cannot_take_is_refused_before_anything_is_sent(
    values: Values, error: type[Exception]
) -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        with pytest.raises(error):
            await snmp.apply(edit(values), None)
        assert wlc.sent == []

    asyncio.run(story())


def test_a_radio_of_the_vendors_rrm_is_left_alone() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        snapshot = await snmp.read(frozenset({Table.STATUS}), None)
        assert snapshot.readings[MANAGED].managed_by == "Cisco RRM"
        with pytest.raises(Refused, match="Cisco RRM"):
            await snmp.apply(edit(place(157, 20), scope=MANAGED_SCOPE), None)
        assert wlc.sent == []

    asyncio.run(story())


def test_a_power_of_the_vendors_rrm_is_left_alone_though_the_channel_is_ours() -> None:
    async def story() -> None:
        wlc = Controller()
        wlc.values[f"{COLUMNS}.5.{ROW}"] = 1
        snmp = device(wlc)
        await snmp.open()
        louder = edit({Setting.TX_POWER_DBM: 20})
        have = await snmp.read_config(SCOPE)
        with pytest.raises(Unsupported, match="managed by Cisco RRM"):
            snmp.plan(louder, have)
        with pytest.raises(Refused, match="managed by Cisco RRM"):
            await snmp.apply(louder, None)
        assert wlc.sent == []
        await snmp.apply(edit(place(44, 20)), None)
        assert len(wlc.sent) == 2

    asyncio.run(story())


def test_a_plan_of_what_the_device_cannot_take_is_unsupported() -> None:
    """What `apply` would refuse is known before."""

    async def story() -> None:
        snmp = device(Controller())
        await snmp.open()
        have = await snmp.read_config(SCOPE)
        for values in ({Setting.TX_POWER_DBM: 12}, {Setting.CHANNEL: 144}, {Setting.CHANNEL: 100}):
            with pytest.raises(Unsupported):
                snmp.plan(edit(values), have)

    asyncio.run(story())


def test_it_is_taken_over_only_where_the_site_says_so_and_given_back() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc, take_over=True)
        await snmp.open()
        snapshot = await snmp.read(frozenset({Table.STATUS}), None)
        assert snapshot.readings[MANAGED].managed_by is None
        await snmp.apply(edit(place(157, 20), scope=MANAGED_SCOPE), None)
        row = "2.0.0.0.16.32.1"
        assert (wlc.values[f"{COLUMNS}.3.{row}"], wlc.values[f"{COLUMNS}.4.{row}"]) == (2, 157)
        await snmp.act(ActionRequest(action=Action.RELEASE, radio=MANAGED))
        assert (wlc.values[f"{COLUMNS}.3.{row}"], wlc.values[f"{COLUMNS}.5.{row}"]) == (1, 1)

    asyncio.run(story())


class _HalfWay(Controller):
    """Takes the first SET and no other."""

    async def set(self, values: tuple[Assignment, ...]) -> None:  # type: ignore[override]  # narrower is enough
        if self.sent:
            raise Refused("commitFailed")
        await super().set(values)


def test_what_is_refused_half_way_must_be_read_back() -> None:
    async def story() -> None:
        snmp = device(_HalfWay())
        await snmp.open()
        with pytest.raises(TryAgain, match="after 1 steps that were done"):
            await snmp.apply(edit(place(44, 20)), None)

    asyncio.run(story())


def test_somebody_else_was_faster() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        wlc.values[f"{COLUMNS}.4.{ROW}"] = 48
        with pytest.raises(Conflict, match="channel is 48, not 36"):
            await snmp.apply(edit(place(149, 20), place(36, 20)), None)
        assert wlc.sent == []

    asyncio.run(story())


def test_obss_pd_is_the_bands() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        info = await snmp.open()
        assert info.capabilities.settings[Setting.OBSS_PD_DBM] == "band"
        scope = ScopeRef(kind="band", name="5", members=(RADIO, MANAGED))
        have = await snmp.read_config(scope)
        assert (have.configured, have.in_force) == ({Setting.OBSS_PD_DBM: -72}, {})
        effects = snmp.plan(edit({Setting.OBSS_PD_DBM: -69}, scope=scope), have)
        assert effects.readback is Readback.CONFIGURED
        assert len(effects.commands) == 2
        with pytest.raises(Unsupported):
            snmp.plan(edit({Setting.OBSS_PD_DBM: -69}), await snmp.read_config(SCOPE))

    asyncio.run(story())


def test_a_few_radios_are_read_as_all_are() -> None:
    async def story() -> None:
        snmp = device(Controller())
        await snmp.open()
        everybody = (await snmp.read(ALL, None)).readings
        alone = (await snmp.read(ALL, frozenset({RADIO}))).readings
        assert alone.keys() == {RADIO}
        one, other = alone[RADIO], everybody[RADIO]
        assert (one.counters, one.survey, one.gauges, one.clients, one.neighbors, one.nop_mhz) == (
            other.counters,
            other.survey,
            other.gauges,
            other.clients,
            other.neighbors,
            other.nop_mhz,
        )

    asyncio.run(story())


def test_all_that_a_controller_tells_of_a_radio() -> None:
    async def story() -> None:
        snmp = device(Controller())
        await snmp.open()
        reading = (await snmp.read(ALL, None)).readings[RADIO]
        assert reading.counters is not None
        # Retry is column 3 and Failed is 33: not the order of IEEE802dot11-MIB.
        told = (reading.counters.tx_frames, reading.counters.tx_retries, reading.counters.tx_failed)
        assert told == (1500000, 41000, 700)
        assert reading.counters.width_bits == 32
        assert reading.gauges is not None
        assert (reading.gauges.busy_ratio, reading.gauges.noise_dbm) == (0.27, -95)
        assert reading.nop_mhz == frozenset({5260})
        assert {client.mac: client.signal_dbm for client in reading.clients or ()} == {
            "02:01:00:00:00:01": -58,
            "02:01:00:00:00:02": -71,
        }
        assert reading.client_count == 4
        heard = {each.bssid: (each.channel, each.signal_dbm, each.age_s) for each in reading.neighbors or ()}
        assert heard == {"02:00:00:00:10:2f": (44, -61, 0.0), "02:00:5e:00:00:07": (36, -70, 45.0)}

    asyncio.run(story())


def test_a_radio_is_heard_by_its_own_bssid() -> None:
    """The two radios of an AP share a base MAC: a neighbour's row is about the one of its slot."""

    async def story() -> None:
        snmp = device(Controller())
        info = await snmp.open()
        heard = (await snmp.read(ALL, None)).readings[RADIO].neighbors or ()
        (own,) = [each.bssid for each in heard if each.channel == 44]
        assert [key for key, radio in info.radios.items() if own in radio.bssids] == [MANAGED]
        bssids = [bssid for radio in info.radios.values() for bssid in radio.bssids]
        assert len(bssids) == len(set(bssids)) == 6

    asyncio.run(story())


def test_an_ap_that_leaves_takes_only_its_own_radios_along() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        gone = [oid for oid in wlc.values if ".2.0.0.0.16.48" in oid]
        kept = {oid: wlc.values.pop(oid) for oid in gone}
        await wlc.open()
        snapshot = await snmp.read(ALL, None)
        assert dict(snapshot.missing) == {
            RadioKey("north/ap3/r5"): Absence.ABSENT,
            RadioKey("north/ap3/r2"): Absence.ABSENT,
        }
        assert len(snapshot.readings) == 4
        wlc.values |= kept
        await wlc.open()
        assert len((await snmp.read(ALL, None)).readings) == 6

    asyncio.run(story())


def test_a_row_of_nonsense_costs_its_own_radio_alone() -> None:
    async def story() -> None:
        wlc = Controller()
        snmp = device(wlc)
        await snmp.open()
        wlc.values[f"{COLUMNS}.4.{ROW}"] = 2346
        for _ in range(3):
            snapshot = await snmp.read(ALL, None)
            assert dict(snapshot.missing) == {RADIO: Absence.GARBAGE}

    with capture_logs() as logged:
        asyncio.run(story())
    assert [each["event"] for each in logged] == ["snmp.row_refused"]
