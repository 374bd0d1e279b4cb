"""The cisco-iosxe profile against a controller of recordings: what is written, in which order, what then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from integration.c9800 import R2, R5, RECORDINGS, X5, X6, Controller, c9800

from drivers.base import Device
from drivers.errors import Conflict, DeviceTimeout, Refused, TryAgain, Unsupported
from drivers.netconf.driver import family
from drivers.signals import ClientLeft, Gap, RadarDetected, RogueHeard, Signal
from drivers.types import Absence, DeviceInfo, Edit, Receipt, ScopeRef, Setting, Table, Values
from inventory.model import RadioKey

T = TypeVar("T")
PROFILE = ScopeRef(kind="rf_profile", name="campus-5ghz", members=(R5, X5))


@pytest.fixture
def controller() -> Iterator[Controller]:
    with c9800() as running:
        yield running


def within(
    controller: Controller, story: Callable[[Device, DeviceInfo], Awaitable[T]], **options: object
) -> T:
    async def told() -> T:
        device = family.device(controller.context(**options))
        try:
            async with asyncio.timeout(20):
                return await story(device, await device.open())
        finally:
            await device.close()

    return asyncio.run(told())


def edit(values: Values, expect: Values | None = None, radio: RadioKey = R5) -> Edit:
    scope = ScopeRef(kind="radio", name="1", members=(radio,))
    return Edit(change_id="c1", scope=scope, set=values, expect=expect or {})


def test_one_session_answers_for_all_its_aps(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        assert set(info.radios) == {R5, R2, X5, X6}
        assert {key: radio.name for key, radio in info.radios.items()} == {R5: "1", R2: "0", X5: "0", X6: "2"}
        assert [ap.name for ap in info.found] == ["ap1", "ap2"]
        assert info.version == "17.15.6.12"
        assert info.capabilities.undo_timer_s is None
        assert info.capabilities.settings[Setting.OBSS_PD_DBM] == "rf_profile"
        snapshot = await device.read(frozenset(Table), None)
        channels = {key: said.channel and said.channel.value for key, said in snapshot.readings.items()}
        assert channels == {R5: 36, R2: 6, X5: 100, X6: 37}

    within(controller, story)


def test_an_ap_that_left_the_controller_is_absent_and_the_others_are_read(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        gone = controller.radio("02:00:00:0a:00:00", "1")
        assert gone is not None
        controller.data[0][0].remove(gone)
        snapshot = await device.read(frozenset({Table.STATUS}), None)
        assert dict(snapshot.missing) == {R5: Absence.ABSENT}
        assert set(snapshot.readings) == {R2, X5, X6}

    within(controller, story)


def test_what_is_refused_at_the_first_step_changed_nothing(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        controller.refuse = "set-ap-slot-phy-ht-chan"
        with pytest.raises(Refused, match="the radio does not want to"):
            await device.apply(edit({Setting.CHANNEL: 149, Setting.TX_POWER_DBM: 11}), None)
        assert controller.written == []

    within(controller, story)


def test_what_is_refused_later_must_be_read_back(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        controller.refuse = "set-ap-slot-tx-power-level"
        with pytest.raises(TryAgain, match="after 1 steps that were done"):
            await device.apply(edit({Setting.CHANNEL: 149, Setting.TX_POWER_DBM: 11}), None)
        assert controller.written == ["set-ap-slot-phy-ht-chan"]

    within(controller, story)


def test_an_expectation_that_is_not_met_sends_nothing(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        with pytest.raises(Conflict):
            await device.apply(edit({Setting.CHANNEL: 149}, {Setting.CHANNEL: 44}), None)
        assert controller.written == []

    within(controller, story)


def test_rrm_keeps_its_radios_unless_it_is_told_otherwise(controller: Controller) -> None:
    async def owner(device: Device, info: DeviceInfo) -> str | None:
        return (await device.read(frozenset({Table.STATUS}), frozenset({R2}))).readings[R2].managed_by

    assert within(controller, owner) == "cisco rrm"
    assert within(controller, owner, take_over=True) is None


def test_a_power_that_rrm_had_is_customized_first(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        await device.apply(edit({Setting.TX_POWER_DBM: 8}, radio=R2), None)
        assert controller.written == ["set-ap-slot-tx-power-customize", "set-ap-slot-tx-power-level"]
        state = await device.read_config(edit({}, radio=R2).scope)
        assert state.in_force[Setting.TX_POWER_DBM] == 8

    within(controller, story, take_over=True)


def test_obss_pd_is_written_to_the_profile_and_read_back_as_configured(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        for before, after in ((-82, -72), (-72, -82)):
            wanted = {Setting.OBSS_PD_DBM: after}
            change = Edit(change_id="c1", scope=PROFILE, set=wanted, expect={Setting.OBSS_PD_DBM: before})
            await device.apply(change, None)
            state = await device.read_config(PROFILE)
            assert (state.configured, state.in_force) == (wanted, {})
        assert controller.written == ["edit-config", "edit-config"]
        with pytest.raises(Unsupported):
            await device.read_config(ScopeRef(kind="rf_profile", name="no such", members=(R5,)))

    within(controller, story)


def test_confirming_saves_what_runs(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(edit({Setting.CHANNEL: 149}), None)
        assert isinstance(receipt, Receipt)
        await device.confirm(receipt)
        assert controller.written == ["set-ap-slot-phy-ht-chan", "save-config"]

    within(controller, story)


async def _first(signals: object, kind: type[T]) -> T:
    async for signal in signals:  # type: ignore[attr-defined]  # an AsyncIterator[Signal]
        if isinstance(signal, kind):
            return signal
    raise AssertionError("the signals ended")


def test_what_is_told_and_what_must_be_asked_for_come_in_one_stream(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        signals = device.signals()
        assert isinstance(await anext(signals), Gap)
        controller.notify((RECORDINGS / "cisco.client-deleted.xml").read_text())
        assert (await _first(signals, ClientLeft)).mac == "02:00:00:00:0c:01"
        controller.notify((RECORDINGS / "cisco.rogue-events.xml").read_text())
        assert (await _first(signals, RogueHeard)).impersonates
        controller.hear_radar()
        radar = await _first(signals, RadarDetected)
        assert (radar.radio, radar.mhz20) == (R5, frozenset({5180, 5200}))

    within(controller, story, radar_poll_s=1)


def test_radar_that_was_heard_while_nobody_listened_is_told_afterwards(controller: Controller) -> None:
    async def story(device: Device, info: DeviceInfo) -> list[Signal]:
        await device.close()
        controller.hear_radar()
        await device.open()
        signals = device.signals()
        return [await anext(signals), await anext(signals)]

    gap, radar = within(controller, story)
    assert isinstance(gap, Gap)
    assert isinstance(radar, RadarDetected)


def test_a_notification_that_cannot_be_read_ends_the_stream_alone(
    controller: Controller,
) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        signals = device.signals()
        await anext(signals)
        controller.notify('<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><rogue')
        assert [signal async for signal in signals] == []
        await device.read(frozenset({Table.STATUS}), None)

    within(controller, story, radar_poll_s=600)


def test_a_controller_that_falls_silent_ends_the_call_and_answers_again_after_an_open(
    controller: Controller,
) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        controller.silent = True
        with pytest.raises(DeviceTimeout):
            await device.apply(edit({Setting.CHANNEL: 149}), None)
        controller.silent = False
        await device.open()
        assert (await device.read_config(edit({}).scope)).in_force[Setting.CHANNEL] == 36
        assert controller.written == []

    within(controller, story, rpc_timeout_s=0.5)
