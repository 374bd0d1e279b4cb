"""The hostapd driver against the guest's own hostapd, kernel and stations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import pytest
from integration.replay import R2, R5, context
from vm.guest import eventually
from vm.world import RUN, World

from drivers.base import Device
from drivers.errors import Conflict, Refused
from drivers.hostapd.driver import family
from drivers.signals import ChannelSwitched, Gap, RadarDetected, Signal
from drivers.types import (
    Action,
    ActionRequest,
    ConfigState,
    Edit,
    Outage,
    RadioState,
    ScopeRef,
    Setting,
    Table,
)

pytestmark = [pytest.mark.vm, pytest.mark.timeout(400)]
T = TypeVar("T")
S = TypeVar("S", bound=object)
PATIENT: dict[str, Any] = {"connect_timeout_s": 60, "command_timeout_s": 30}  # an emulated machine
WLAN0 = ScopeRef(kind="radio", name="wlan0", members=(R5,))
FILE = f"{RUN}/ap5.conf"
WLAN1, WLAN2 = "02:00:00:00:01:00", "02:00:00:00:02:00"
HERE = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40}


QUIET = 20.0  # packets/s to each station: the emulated machine has other things to do


def within(world: World, story: Callable[[Device], Awaitable[T]], **options: Any) -> T:
    guest = world.guest

    async def told() -> T:
        key = guest.key_file.read_text()
        device = family.device(context(guest.port, guest.fingerprint, key, **PATIENT, **options))
        await device.open()
        try:
            return await story(device)
        finally:
            await device.close()

    return asyncio.run(told())


async def until(device: Device, wanted: Callable[[ConfigState], bool], limit_s: float = 60.0) -> ConfigState:
    async with asyncio.timeout(limit_s):
        while not wanted(state := await device.read_config(WLAN0)):
            pass
    return state


async def heard(signals: AsyncIterator[Signal], kind: type[S], limit_s: float = 60.0) -> S:
    async with asyncio.timeout(limit_s):
        async for signal in signals:
            if isinstance(signal, kind):
                return signal
    raise AssertionError(f"the stream ended without {kind.__name__}")


def edit(expect: dict[Setting, int], **values: int) -> Edit:
    wanted = {Setting(name): value for name, value in values.items()}
    return Edit(change_id="c1", scope=WLAN0, set=wanted, expect=expect)


def test_a_day_without_radar(world: World) -> None:
    world.reset(36, 40, rate=QUIET)
    world.guest.run(f"echo he_spr_sr_control=3 >>{FILE}")

    async def story(device: Device) -> None:
        await _reads(device)
        await _steers(device, world)
        await _switches(device)
        await _refuses(device)
        await _sets_power(device)
        await _stops_and_starts(device)
        await _restarts(device)
        await _sets_obss_pd(device, world)

    within(world, story, config_file=FILE)


async def _reads(device: Device) -> None:
    snapshot = await device.read(frozenset(Table), None)
    assert not snapshot.missing
    r5, r2 = snapshot.readings[R5], snapshot.readings[R2]
    assert r5.state is r2.state is RadioState.ON_AIR
    assert (r5.channel and r5.channel.value, r2.channel and r2.channel.value) == (36, 6)
    assert r5.width_mhz is not None
    assert r5.width_mhz.value == 40
    assert r5.tx_power_dbm is not None
    assert r5.country is not None
    assert r5.country.value == "US"
    assert r5.bss is not None
    assert r5.clients is not None
    assert {client.mac for client in r5.clients} == {"02:00:00:00:02:00", "02:00:00:00:03:00"}
    assert all(client.tx_frames and client.tx_retries is not None for client in r5.clients)
    assert {client.max_width_mhz for client in r5.clients} == {160}
    assert r5.survey
    assert r5.neighbors is not None
    assert r5.allowed_mhz is not None
    assert {5180, 5260, 5745} <= r5.allowed_mhz
    assert r5.nop_mhz == frozenset()


async def _switches(device: Device) -> None:
    signals = await attached(device)
    there = edit(HERE, channel=149)
    assert device.plan(there, await device.read_config(WLAN0)).outage is Outage.CSA
    await device.apply(there, None)
    switched = await heard(signals, ChannelSwitched)
    assert (switched.radio, switched.channel, switched.center_mhz) == (R5, 149, 5755)
    state = await until(device, lambda state: state.in_force.get(Setting.CHANNEL) == 149)
    assert state.in_force[Setting.CENTER_MHZ] == 5755
    await signals.aclose()
    with pytest.raises(Conflict):
        await device.apply(there, None)
    await device.apply(edit({Setting.CHANNEL: 149}, channel=149, width_mhz=40), None)  # nothing to do


async def attached(device: Device) -> AsyncGenerator[Signal, None]:
    """The device's signals, after the Gap that each of its two radios begins with."""
    signals = device.signals()
    assert isinstance(signals, AsyncGenerator)
    for _ in (R5, R2):
        await heard(signals, Gap)
    return signals


async def _refuses(device: Device) -> None:
    with pytest.raises(Refused):
        await device.apply(edit({}, channel=169, width_mhz=20), None)  # No IR in the US


async def _sets_power(device: Device) -> None:
    await device.apply(edit({}, tx_power_dbm=11), None)
    await until(device, lambda state: state.in_force.get(Setting.TX_POWER_DBM) == 11)


async def _stops_and_starts(device: Device) -> None:
    await device.apply(edit({Setting.ENABLED: 1}, enabled=0), None)
    state = await until(device, lambda state: state.state is RadioState.OFF)
    assert state.in_force[Setting.ENABLED] == 0
    snapshot = await device.read(frozenset(Table), None)
    assert snapshot.readings[R5].state is RadioState.OFF
    await device.apply(edit({Setting.ENABLED: 0}, enabled=1, channel=44, width_mhz=20), None)
    state = await until(device, lambda state: state.state is RadioState.ON_AIR)
    assert (state.in_force[Setting.CHANNEL], state.in_force[Setting.WIDTH_MHZ]) == (44, 20)


async def _steers(device: Device, world: World) -> None:
    """wpa_supplicant follows; both its radio and ours are told nothing of `bss_transition`."""
    for name in ("scan_freq", "freq_list"):
        both = f"set_network 0 {name} 2437 5180"
        world.guest.run(f"ip netns exec sta2 wpa_cli -p {RUN}/wpa -i wlan2 {both}")
    await device.act(ActionRequest(action=Action.STEER, radio=R5, clients=(WLAN2,), to_bssids=(WLAN1,)))
    clients = frozenset({Table.CLIENTS})
    async with asyncio.timeout(60):
        while WLAN2 not in {c.mac for c in (await device.read(clients, None)).readings[R2].clients or ()}:
            pass


async def _restarts(device: Device) -> None:
    """Where it was moved to, and with the power that it was given."""
    await device.act(ActionRequest(action=Action.RESTART, radio=R5))
    state = await until(device, lambda state: state.state is RadioState.ON_AIR)
    wanted = {Setting.CHANNEL: 44, Setting.WIDTH_MHZ: 20, Setting.TX_POWER_DBM: 11}
    assert {name: state.in_force[name] for name in wanted} == wanted


async def _sets_obss_pd(device: Device, world: World) -> None:
    """A client hears the level in the beacon: element 27, its control octet and the offset above -82 dBm."""
    for before, after, element in ((-82, -72, "ff0327050a"), (-72, -82, "ff022703")):
        change = edit({Setting.OBSS_PD_DBM: before}, obss_pd_dbm=after)
        assert device.plan(change, await device.read_config(WLAN0)).outage is Outage.CLIENTS_DROP
        await device.apply(change, None)
        state = await until(device, lambda state: state.state is RadioState.ON_AIR)
        assert state.configured[Setting.OBSS_PD_DBM] == after
        await asyncio.to_thread(eventually, partial(_in_beacon, world, element), 30.0, element)


def _in_beacon(world: World, element: str) -> bool:
    """A client that comes back quickly takes what it knew of the AP, so it is asked to look again."""
    client = f"ip netns exec sta3 wpa_cli -p {RUN}/wpa -i wlan3"
    return element in world.guest.run(f"{client} scan freq=5220 >&2; {client} bss 02:00:00:00:00:00")


def test_a_cac_and_then_radar_with_nowhere_to_go(world: World) -> None:
    """One real minute of listening for both."""
    world.reset(36, 40, chanlist="52-56", rate=QUIET)

    async def story(device: Device) -> None:
        await _listens_first(device)
        await _is_hit_and_repaired(device, world)

    within(world, story)


async def _listens_first(device: Device) -> None:
    to_dfs = edit(HERE, channel=52)
    effects = device.plan(to_dfs, await device.read_config(WLAN0))
    assert effects.outage is Outage.CAC
    assert effects.silent_s > 60
    await device.apply(to_dfs, None)
    await until(device, lambda state: state.state is RadioState.CAC)
    reading = (await device.read(frozenset({Table.STATUS}), None)).readings[R5]
    assert reading.cac_left_s is not None
    assert 0 < reading.cac_left_s <= 60
    state = await until(device, lambda state: state.state is RadioState.ON_AIR, 90)
    assert state.in_force[Setting.CHANNEL] == 52
    reading = (await device.read(frozenset({Table.STATUS}), None)).readings[R5]
    assert reading.cac_done_mhz == frozenset({5260, 5280})


async def _is_hit_and_repaired(device: Device, world: World) -> None:
    signals = await attached(device)
    radar = asyncio.create_task(heard(signals, RadarDetected))
    await asyncio.to_thread(world.radar)
    caused = time.monotonic()
    signal = await radar
    assert signal.at_s - caused < 0.5
    assert (signal.radio, set(signal.mhz20)) == (R5, {5260, 5280})
    await signals.aclose()
    await until(device, lambda state: state.state is RadioState.NOP)
    reading = (await device.read(frozenset({Table.STATUS}), None)).readings[R5]
    assert reading.nop_mhz == frozenset({5260, 5280})
    await device.apply(edit({Setting.ENABLED: 0}, enabled=1, channel=36, width_mhz=40), None)
    state = await until(device, lambda state: state.state is RadioState.ON_AIR)
    assert (state.in_force[Setting.CHANNEL], state.in_force[Setting.WIDTH_MHZ]) == (36, 40)


def test_a_scan_that_traffic_puts_off_ends_in_time(world: World) -> None:
    """Under 120 packets a second to each client the kernel never finishes; the driver gives up and asks what
    was heard meanwhile."""
    world.reset(36, 40)

    async def story(device: Device) -> None:
        snapshot = await device.read(frozenset({Table.NEIGHBORS}), None)
        assert not snapshot.missing
        assert snapshot.readings[R5].neighbors is not None
        assert snapshot.readings[R2].neighbors is not None
        assert (await device.read(frozenset({Table.STATUS}), None)).readings[R5].state is RadioState.ON_AIR

    within(world, story, scan=True, scan_timeout_s=5)
