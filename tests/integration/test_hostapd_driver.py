"""The hostapd driver through a real sshd, against stand-ins that answer with recordings."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TextIO, TypeVar

import pytest
from integration.replay import R2, R5, Replay, replay
from integration.sshd import NEEDS_SSHD, SSHD

from drivers.errors import (
    Conflict,
    DeviceTimeout,
    Disconnected,
    PersonNeeded,
    Refused,
    TryAgain,
    Unsupported,
)
from drivers.hostapd.driver import HostapdDevice, family
from drivers.hostapd.render import Step
from drivers.signals import (
    CacFinished,
    ChannelSwitched,
    ClientLeft,
    Gap,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioUp,
    Signal,
)
from drivers.types import (
    Absence,
    Action,
    ActionRequest,
    Edit,
    Outage,
    RadioState,
    Readback,
    Reported,
    ScopeRef,
    Setting,
    Table,
)

pytestmark = pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
T = TypeVar("T")
WLAN0 = ScopeRef(kind="radio", name="wlan0", members=(R5,))
STATUS = frozenset({Table.STATUS})
RADAR = "<3>DFS-RADAR-DETECTED freq=5180 ht_enabled=1 chan_offset=1 chan_width=2 cf1=5190 cf2=0\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    with replay(tmp_path_factory.mktemp("ap")) as running:
        yield running


@pytest.fixture
def ap(machine: Replay) -> Replay:
    machine.reset()
    return machine


def within(ap: Replay, story: Callable[[HostapdDevice], Awaitable[T]], **options: object) -> T:
    async def told() -> T:
        device = family.device(ap.context(**options))
        assert isinstance(device, HostapdDevice)
        await device.open()
        try:
            return await story(device)
        finally:
            await device.close()

    return asyncio.run(told())


def edit(values: dict[Setting, int], expect: dict[Setting, int] | None = None) -> Edit:
    return Edit(change_id="c1", scope=WLAN0, set=values, expect=expect or {})


def test_open_tells_who_it_is(ap: Replay) -> None:
    async def story() -> None:
        device = family.device(ap.context())
        info = await device.open()
        await device.close()
        assert info.identity == ap.server.fingerprint
        assert {key: radio.name for key, radio in info.radios.items()} == {R5: "wlan0", R2: "wlan1"}
        assert info.capabilities.widths_mhz == (20, 40, 80, 160)
        assert Setting.OBSS_PD_DBM not in info.capabilities.settings

    asyncio.run(story())


def test_two_radios_of_a_band_want_a_name(ap: Replay) -> None:
    twin = "phy#2\n\tInterface wlan7\n\t\ttype AP\n\t\tchannel 149 (5745 MHz), width: 20 MHz\n"
    path = ap.state / "iw dev"
    path.write_text(path.read_text() + twin)
    (ap.state / "iw phy phy2 info").write_text((ap.state / "iw phy phy0 info").read_text())
    with pytest.raises(PersonNeeded, match="ifname"):
        within(ap, lambda device: device.read(STATUS, None))


def test_a_radio_in_its_cac(ap: Replay) -> None:
    ap.set("status wlan0", "state=ENABLED", "state=DFS")
    ap.set("status wlan0", "cac_time_left_seconds=N/A", "cac_time_left_seconds=42")
    reading = within(ap, lambda device: device.read(STATUS, None)).readings[R5]
    assert (reading.state, reading.cac_left_s) == (RadioState.CAC, 42)


def test_a_radio_that_hostapd_left_is_off(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        (ap.state / "status wlan0").write_text("Failed to connect to hostapd\n[exit status 255]\n")
        ap.set("iw dev", "ssid rrmd-guest\n\t\ttype AP\n\t\tchannel 36 (5180 MHz)", "type managed")
        reading = (await device.read(STATUS, None)).readings[R5]
        assert (reading.state, reading.channel, reading.bss) == (RadioState.OFF, None, None)

    within(ap, story)


def test_a_radio_that_is_stuck_after_radar(ap: Replay) -> None:
    ap.set("status wlan0", "state=ENABLED", "state=DISABLED")
    path = ap.state / "iw phy phy0 channels"
    text = path.read_text().replace(
        "[36] \n", "[36] \n\t  Radar detection\n\t  DFS state: unavailable (for 9 sec)\n"
    )
    path.write_text(text)
    reading = within(ap, lambda device: device.read(STATUS, None)).readings[R5]
    assert (reading.state, reading.nop_mhz) == (RadioState.NOP, frozenset({5180}))


def test_a_partial_answer_is_an_answer(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        for text, why in (
            ("nonsense", Absence.GARBAGE),
            ("command failed: Operation not permitted (-1)\n[exit status 255]", Absence.REFUSED),
            ("command failed: No such device (-19)\n[exit status 237]", Absence.ABSENT),
        ):
            (ap.state / "iw phy phy0 channels").write_text(text)
            snapshot = await device.read(STATUS, None)
            assert (set(snapshot.readings), dict(snapshot.missing)) == ({R2}, {R5: why})

    within(ap, story)


def test_an_interface_that_went_away_is_absent(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        ap.set("iw dev", "Interface wlan0", "Interface wlan9")
        assert (await device.read(STATUS, None)).missing == {R5: Absence.ABSENT}
        with pytest.raises(TryAgain):
            await device.read_config(WLAN0)

    within(ap, story)


def test_a_station_uplink_is_seen(ap: Replay) -> None:
    uplink = "\tInterface sta0\n\t\ttype managed\n\t\tssid up\n\t\tchannel 36 (5180 MHz), width: 40 MHz\n"
    path = ap.state / "iw dev"
    path.write_text(path.read_text() + uplink)
    readings = within(ap, lambda device: device.read(STATUS, None)).readings
    assert (readings[R5].uplink, readings[R2].uplink) == (True, False)


def test_a_scan_that_never_ends_is_cut_short(ap: Replay) -> None:
    (ap.state / "hang").touch()
    reading = within(
        ap,
        lambda device: device.read(frozenset({Table.NEIGHBORS}), frozenset({R2})),
        scan=True,
        scan_timeout_s=1,
    ).readings[R2]
    assert [each.channel for each in reading.neighbors or ()] == [6]


def test_power_and_channel_in_one_edit(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        both = edit({Setting.CHANNEL: 44, Setting.TX_POWER_DBM: 12}, {Setting.CHANNEL: 36})
        effects = device.plan(both, await device.read_config(WLAN0))
        assert (effects.outage, len(effects.commands)) == (Outage.CSA, 2)
        await device.apply(both, None)
        state = await device.read_config(WLAN0)
        assert (state.in_force[Setting.CHANNEL], state.in_force[Setting.TX_POWER_DBM]) == (44, 12)

    within(ap, story)


def test_power_alone_harms_nobody(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        effects = device.plan(edit({Setting.TX_POWER_DBM: 12}), await device.read_config(WLAN0))
        assert (effects.outage, effects.silent_s) == (Outage.NONE, 0.0)

    within(ap, story)


def test_a_channel_that_needs_a_cac_says_so(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        effects = device.plan(edit({Setting.CHANNEL: 52}), await device.read_config(WLAN0))
        assert effects.outage is Outage.CAC
        assert effects.silent_s > 60

    within(ap, story)


def test_another_width_on_the_same_channel_drops_the_clients(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        effects = device.plan(edit({Setting.WIDTH_MHZ: 80}), await device.read_config(WLAN0))
        assert effects.outage is Outage.CLIENTS_DROP

    within(ap, story)


@pytest.mark.parametrize(
    "values",
    [
        {Setting.CHANNEL: 14},
        {Setting.CHANNEL: 165, Setting.WIDTH_MHZ: 320},
        {Setting.CHANNEL: 36, Setting.CENTER_MHZ: 5230},
        {Setting.ENABLED: 2},
        {Setting.ENABLED: 0, Setting.CHANNEL: 36},
        {Setting.TX_POWER_DBM: 99},
    ],
)
def test_what_does_not_exist_is_not_sent(ap: Replay, values: dict[Setting, int]) -> None:
    async def story(device: HostapdDevice) -> None:
        with pytest.raises(Unsupported):
            await device.apply(edit(values), None)

    within(ap, story)
    assert ap.written == []


def test_a_conflict_sends_nothing(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        with pytest.raises(Conflict, match="channel is 36, not 40"):
            await device.apply(edit({Setting.CHANNEL: 149}, {Setting.CHANNEL: 40}), None)

    within(ap, story)
    assert ap.written == []


def test_a_refusal_is_in_the_devices_words(ap: Replay) -> None:
    ap.set("iw dev", "channel 36 (5180 MHz), width: 40 MHz, center1: 5190 MHz", "channel 177 (5885 MHz)")
    (ap.state / "refuse").touch()

    async def story(device: HostapdDevice) -> None:
        with pytest.raises(Refused, match="FAIL"):
            await device.apply(edit({Setting.CHANNEL: 149}), None)

    within(ap, story)


def test_what_fails_halfway_is_in_doubt(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        good = device._tools.cli("wlan0", "set", "channel", 36)
        with pytest.raises(TryAgain, match="after 1 step"):
            await device._write((Step(command=good), Step(command="false"), Step(command="touch never")))

    within(ap, story)


def test_a_command_that_comes_too_late_does_nothing(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        device._boot_s += 1e6  # as if the device had been up for longer than the command may take
        with pytest.raises(DeviceTimeout, match="too late"):
            await device.apply(edit({Setting.CHANNEL: 149}), None)

    within(ap, story)
    assert ap.written == []


def test_a_silent_radio_is_restarted_elsewhere(ap: Replay) -> None:
    ap.set("status wlan0", "state=ENABLED", "state=DISABLED")

    async def story(device: HostapdDevice) -> None:
        await device.apply(edit({Setting.CHANNEL: 44, Setting.ENABLED: 1}, {Setting.ENABLED: 0}), None)

    within(ap, story)
    assert ap.written[0] == "wlan0 disable"
    assert ap.written[1] == "wlan0 set channel 44"
    assert ap.written[-1] == "wlan0 enable"


def test_off_is_off_once(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        for _ in range(2):
            await device.apply(edit({Setting.ENABLED: 0}), None)

    within(ap, story)
    assert ap.written == ["wlan0 disable"]


def test_a_restart_goes_off_and_on(ap: Replay) -> None:
    within(ap, lambda device: device.act(ActionRequest(action=Action.RESTART, radio=R5)))
    assert ap.written == ["wlan0 disable", "wlan0 enable"]


def test_clients_are_pointed_to_the_other_radio(ap: Replay) -> None:
    clients = ("02:00:00:00:02:00", "02:00:00:00:04:00")  # the second one is the other radio's
    request = ActionRequest(action=Action.STEER, radio=R5, clients=clients, to_bssids=("02:00:00:00:01:00",))
    within(ap, lambda device: device.act(request))
    neighbor = "neighbor=02:00:00:00:01:00,0x00000002,81,6,7,0301ff"
    assert ap.written == [f"wlan0 bss_tm_req 02:00:00:00:02:00 pref=1 abridged=1 {neighbor}"]


def test_a_client_that_has_gone_is_a_refusal(ap: Replay) -> None:
    request = ActionRequest(action=Action.STEER, radio=R5, clients=("02:00:00:00:09:00",))
    with pytest.raises(Refused):
        within(ap, lambda device: device.act(request))
    assert ap.written == []


def test_a_hostapd_without_wnm_does_not_declare_to_steer(ap: Replay) -> None:
    (ap.state / "no-wnm").touch()

    async def story(device: HostapdDevice) -> None:
        request = ActionRequest(action=Action.STEER, radio=R5, clients=("02:00:00:00:02:00",))
        with pytest.raises(Unsupported):
            await device.act(request)
        assert (await device.open()).capabilities.actions == {Action.RESTART}

    within(ap, story)


def test_the_level_that_hostapds_file_gives_is_set_and_undone(ap: Replay) -> None:
    file = ap.state / "wlan0.conf"
    file.write_text("interface=wlan0\nhe_spr_sr_control=3\n")

    async def story(device: HostapdDevice) -> None:
        reading = (await device.read(STATUS, None)).readings
        assert reading[R5].obss_pd_dbm == Reported(-82, "hostapd.conf")
        assert reading[R2].obss_pd_dbm is None
        for before, after in ((-82, -72), (-72, -82)):
            change = edit({Setting.OBSS_PD_DBM: after}, {Setting.OBSS_PD_DBM: before})
            effects = device.plan(change, await device.read_config(WLAN0))
            assert (effects.outage, effects.readback) == (Outage.CLIENTS_DROP, Readback.CONFIGURED)
            await device.apply(change, None)
            state = await device.read_config(WLAN0)
            assert state.configured[Setting.OBSS_PD_DBM] == after
            assert Setting.OBSS_PD_DBM not in state.in_force, "nobody tells"
        with pytest.raises(Conflict):
            await device.apply(edit({Setting.OBSS_PD_DBM: -70}, {Setting.OBSS_PD_DBM: -72}), None)
        capabilities = (await device.open()).capabilities
        assert Setting.OBSS_PD_DBM in capabilities.settings
        assert not capabilities.obss_pd_acts

    within(ap, story, config_file=str(ap.state / "{ifname}.conf"))
    assert file.read_text() == "interface=wlan0\nhe_spr_sr_control=3\nhe_spr_non_srg_obss_pd_max_offset=10\n"
    assert ap.written[:4] == [
        "wlan0 set he_spr_sr_control 5",
        "wlan0 set he_spr_non_srg_obss_pd_max_offset 10",
        "wlan0 disable",
        "wlan0 enable",
    ]


def test_a_link_that_is_down_is_off_whatever_hostapd_says(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        beacons = "ssid rrmd-guest\n\t\ttype AP\n\t\tchannel 36 (5180 MHz), width: 40 MHz, center1: 5190 MHz"
        ap.set("iw dev", beacons, "type AP")
        assert (await device.read(STATUS, None)).readings[R5].state is RadioState.OFF
        assert (await device.read_config(WLAN0)).in_force[Setting.ENABLED] == 0

    within(ap, story)


def test_a_link_that_goes_and_comes_back_is_told(ap: Replay) -> None:
    down, up = told(ap, "<3>INTERFACE-DISABLED \n<3>INTERFACE-ENABLED \n", 2)
    assert isinstance(down, RadioDown)
    assert isinstance(up, RadioUp)
    assert (down.radio, down.reason, up.radio) == (R5, "INTERFACE-DISABLED", R5)


def test_a_radio_that_is_off_is_put_on_after_a_start_that_failed(ap: Replay) -> None:
    """Then `enable` alone says FAIL."""
    ap.set("status wlan0", "state=ENABLED", "state=DISABLED")
    within(ap, lambda device: device.apply(edit({Setting.ENABLED: 1}), None))
    assert ap.written == ["wlan0 disable", "wlan0 enable"]


def test_clients_with_the_width_that_they_can_use(ap: Replay) -> None:
    readings = within(ap, lambda device: device.read(frozenset({Table.CLIENTS}), None)).readings
    assert {each.max_width_mhz for each in readings[R5].clients or ()} == {160}
    assert {each.max_width_mhz for each in readings[R2].clients or ()} == {40}


def test_neighbors_with_their_names(ap: Replay) -> None:
    reading = within(ap, lambda device: device.read(frozenset({Table.NEIGHBORS}), None)).readings[R2]
    assert [each.ssid for each in reading.neighbors or ()] == ["rrmd-guest"]


async def attached(device: HostapdDevice) -> AsyncGenerator[Signal, None]:
    """The device's signals, after the Gap that each of its two radios begins with."""
    signals = device.signals()
    assert isinstance(signals, AsyncGenerator)
    assert [type(await anext(signals)), type(await anext(signals))] == [Gap, Gap]
    return signals


def told(ap: Replay, lines: str, count: int, interface: str = "wlan0") -> list[Signal]:
    """So many signals, and all that come after them."""

    async def story(device: HostapdDevice) -> list[Signal]:
        signals, found = await attached(device), list[Signal]()
        feeds: dict[str, TextIO] = {}
        for name in ("wlan0", "wlan1"):
            feeds[name] = await asyncio.to_thread(open, ap.state / f"events {name}", "w", 1)
        feeds[interface].write(lines)
        while len(found) < count:
            found.append(await anext(signals))
        for each in feeds.values():
            each.close()
        rest = [signal async for signal in signals]
        return [*found, *rest]

    return within(ap, story)


def test_radar_is_told_with_its_radio(ap: Replay) -> None:
    (signal,) = told(ap, RADAR, 1)
    assert isinstance(signal, RadarDetected)
    assert (signal.device, signal.radio, signal.authenticated) == ("ap1", R5, True)
    assert signal.mhz20 == {5180, 5200}


def test_radar_told_by_the_other_radio_is_matched_by_frequency(ap: Replay) -> None:
    (signal,) = told(ap, RADAR, 1, interface="wlan1")
    assert isinstance(signal, RadarDetected)
    assert signal.radio == R5


def test_radar_that_cannot_be_read_is_a_gap(ap: Replay) -> None:
    (signal,) = told(ap, "<3>DFS-RADAR-DETECTED freq=?\n", 1)
    assert isinstance(signal, Gap)


def test_events_become_signals(ap: Replay) -> None:
    lines = (
        "> <3>CTRL-EVENT-CHANNEL-SWITCH freq=5745 ch_offset=1 ch_width=40 MHz cf1=5755 cf2=0 dfs=0\n"
        "<3>AP-STA-DISCONNECTED 02:00:00:00:03:00\n<3>AP-DISABLED \n<3>AP-ENABLED \n"
        "<3>EAPOL-4WAY-HS-COMPLETED 02:00:00:00:03:00\n"
        "<3>DFS-CAC-COMPLETED success=1 freq=5745 chan_width=2 cf1=5755 cf2=0\n"
        "<3>DFS-NOP-FINISHED freq=5260 ht_enabled=0 chan_offset=0 chan_width=0 cf1=5260 cf2=0\n"
    )
    kinds = [type(signal) for signal in told(ap, lines, 6)]
    assert kinds == [ChannelSwitched, ClientLeft, RadioDown, RadioUp, CacFinished, NopFinished]


def test_the_stream_ends_with_the_connection(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        signals = await attached(device)
        await device.close()
        assert [signal async for signal in signals] == []
        with pytest.raises(Disconnected):
            await device.read(STATUS, None)

    within(ap, story)


def test_after_the_goodbye_it_attaches_again_and_tells_the_gap(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> list[Signal]:
        signals, found = await attached(device), list[Signal]()
        # for reading too: between the old program's end and the new one's start nobody reads
        feed = os.open(ap.state / "events wlan0", os.O_RDWR)
        try:
            os.write(feed, b"<3>CTRL-EVENT-TERMINATING \n")
            found += [await anext(signals), await anext(signals)]
            os.write(feed, RADAR.encode())
            found.append(await anext(signals))
        finally:
            os.close(feed)
        await signals.aclose()
        return found

    assert [type(each) for each in within(ap, story)] == [RadioDown, Gap, RadarDetected]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hostkey": "x"}, "known are"),
        ({"host_key": "md5:00"}, "host_key"),
        ({"csa_count": 0}, "csa_count"),
        ({"ctrl_dir": "/run;reboot"}, "ctrl_dir"),
        ({"sudo": "perhaps"}, "sudo"),
        ({"config_file": "/etc/{name}.conf"}, "config_file"),
    ],
)
def test_options_that_are_wrong(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        family.check_options(options)


def test_a_device_needs_a_login(ap: Replay) -> None:
    with pytest.raises(PersonNeeded, match="cred:"):
        family.device(dataclasses.replace(ap.context(), secret=None))


def test_the_tools_that_are_not_there_are_named(ap: Replay, tmp_path: Path) -> None:
    with pytest.raises(PersonNeeded, match="iw"):
        within(ap, lambda device: device.read(STATUS, None), iw=str(tmp_path / "no-iw"))
