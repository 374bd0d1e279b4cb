"""The guest is what the other tests believe it to be."""

from __future__ import annotations

import socket
from collections.abc import Callable

import paramiko
import pytest
from vm.cutwire import CutWire
from vm.guest import Guest, GuestError, eventually
from vm.world import STATIONS, OnAir, World

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]  # the image may have to be built, CAC takes 60 s

# hostapd 2.10 with HE wants all of this. Without "ht vht he" it goes to 20 MHz without HT; with "ht" alone
# the clients lose VHT and drop out; without center_freq1 it answers FAIL. The first number counts beacons.
TO_149_40 = "chan_switch 5 5745 center_freq1=5755 sec_channel_offset=1 bandwidth=40 ht vht he"


@pytest.fixture(scope="module")
def quiet_world(world: World) -> World:
    """Channel 36 at 40 MHz, made once for the tests that leave it as it was."""
    world.reset(channel=36, width_mhz=40)
    return world


def rise(world: World, station: str, name: str, packets: int = 300) -> int:
    """Rise of a counter of the access point while so many packets to the station are done with."""
    before = world.station_counters(station)

    def enough() -> dict[str, int] | None:
        now = world.station_counters(station)
        return now if now["tx packets"] - before["tx packets"] >= packets else None

    after = eventually(enough, 30.0, f"{packets} packets to {station}")
    assert after is not None
    return after[name] - before[name]


def test_it_boots_and_answers(guest: Guest) -> None:
    assert guest.run("hostname 2>/dev/null || cat /proc/sys/kernel/hostname").strip() == "guest"
    assert guest.boot_s < 60
    with pytest.raises(GuestError, match="status 3"):
        guest.run("exit 3")


def test_both_radios_are_on_air(quiet_world: World) -> None:
    high, low = quiet_world.on_air("wlan0"), quiet_world.on_air("wlan1")
    assert high == OnAir(freq_mhz=5180, width_mhz=40, center_mhz=5190)
    assert low == OnAir(freq_mhz=2437, width_mhz=20, center_mhz=2437)


@pytest.mark.parametrize("station", STATIONS)
def test_traffic_reaches_every_station(quiet_world: World, station: str) -> None:
    assert quiet_world.associated(station)
    before, start = quiet_world.station_counters(station), quiet_world.received(station)
    eventually(lambda: quiet_world.received(station) - start >= 150, 3.0, "50 packets/s at the station")
    assert quiet_world.station_counters(station)["tx packets"] - before["tx packets"] >= 150


def test_lost_frames_are_retries_at_the_access_point(quiet_world: World) -> None:
    assert rise(quiet_world, "wlan2", "tx retries") <= 5
    quiet_world.loss(ap_to_sta=0.4)
    assert rise(quiet_world, "wlan2", "tx retries") >= 80
    quiet_world.lossless()
    assert rise(quiet_world, "wlan2", "tx retries") <= 5


def test_loss_can_be_had_on_one_frequency_and_on_one_station(quiet_world: World) -> None:
    quiet_world.loss(ap_to_sta=0.5, freq_mhz=5745)
    quiet_world.loss(ap_to_sta=0.5, freq_mhz=5180, station="wlan3")
    assert rise(quiet_world, "wlan2", "tx retries") <= 5
    assert rise(quiet_world, "wlan3", "tx retries") >= 100
    quiet_world.lossless()


def test_lost_acks_are_retries_too_though_nothing_is_missing(quiet_world: World) -> None:
    quiet_world.loss(lost_acks=0.4)
    assert rise(quiet_world, "wlan2", "tx retries") >= 80
    quiet_world.lossless()
    assert quiet_world.associated("wlan2")


def test_signal_is_what_was_set(quiet_world: World) -> None:
    quiet_world.signal("wlan3", -77)
    eventually(lambda: quiet_world.station_counters("wlan3")["signal"] == -77, 30.0, "the AP hears -77 dBm")
    quiet_world.lossless()


def test_an_announced_switch_keeps_the_clients(world: World) -> None:
    world.reset(channel=36, width_mhz=40)
    assert world.hostapd(TO_149_40) == "OK"
    eventually(_is_on(world, 5745), 10.0, "wlan0 is on 149")
    eventually(lambda: "AP-CSA-FINISHED freq=5745" in world.hostapd_log(), 10.0, "hostapd says so")
    start = world.received("wlan2")
    eventually(lambda: world.received("wlan2") - start > 100, 10.0, "traffic goes on")
    assert "AP-STA-DISCONNECTED" not in world.hostapd_log()
    assert world.station_gap_ms("wlan2") < 2000


def test_radar_blocks_the_channel_and_the_access_point_leaves(world: World) -> None:
    world.reset(channel=52, width_mhz=40)
    assert {world.dfs_states()[channel] for channel in (52, 56)} == {"available"}
    world.radar()
    eventually(lambda: world.dfs_states()[52] == "unavailable", 5.0, "52 is blocked")
    assert world.dfs_states()[56] == "unavailable"
    assert world.dfs_states()[60] == "usable"
    eventually(lambda: (air := world.on_air()) and air.freq_mhz not in (5260, 5280), 10.0, "wlan0 left")
    assert "DFS-RADAR-DETECTED freq=5260" in world.hostapd_log()


def test_two_guests_and_a_power_cut(guest: Guest) -> None:
    with Guest() as second:
        assert second.port != guest.port
        assert second.fingerprint != guest.fingerprint
        second.power_cut()
        with pytest.raises(GuestError, match="does not run"):
            second.run("true")
    assert guest.run("echo alive").strip() == "alive"


def test_a_cut_wire_is_silent_and_can_be_mended(guest: Guest) -> None:
    with CutWire(guest.port) as wire, socket.create_connection((wire.host, wire.port), 5.0) as stream:
        client = paramiko.SSHClient()
        client.get_host_keys().add(f"[{wire.host}]:{wire.port}", "ssh-ed25519", guest.public_host_key)
        client.connect(wire.host, wire.port, guest.user, key_filename=str(guest.key_file), sock=stream)
        wire.cut()
        with pytest.raises((TimeoutError, paramiko.SSHException)):
            client.exec_command("true", timeout=1.0)[1].read()
        with socket.create_connection((wire.host, wire.port), 1.0) as other, pytest.raises(TimeoutError):
            other.recv(1)
        wire.mend()
        assert client.exec_command("echo back", timeout=20.0)[1].read() == b"back\n"
        client.close()


def _is_on(world: World, freq_mhz: int) -> Callable[[], bool]:
    return lambda: (air := world.on_air()) is not None and air.freq_mhz == freq_mhz
