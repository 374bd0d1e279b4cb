"""One change, proven and undone, on a real hostapd with real radar: the daemon as a user runs it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import Daemon
from vm.cutwire import CutWire
from vm.guest import eventually
from vm.world import World

from agent.api.client import CallError

pytestmark = [pytest.mark.vm, pytest.mark.timeout(900)]

R5 = "lab/ap1/r5"
HIT = {5260, 5280}
STATIONS = ("wlan2", "wlan3")

SLOTS = 8

SITE = """
version: 1
site: {{id: lab, country: "US", timezone: UTC}}
policy:
  mode: act
  poll_s: 2
  ack_timeout_s: 120
  cooldown_s: {cooldown}
  monitor:
    slot_s: 4
    min_frames: 60
    baseline_min_slots: {slots}
    settle_s: 2
    lost_client_after_s: 15
aps:
  ap1:
    driver: hostapd
    address: "127.0.0.1:{port}"
    credential: "cred:ap1"
    options: {{host_key: "{fingerprint}", csa_count: {csa}, connect_timeout_s: 20, command_timeout_s: 20}}
    radios:
      r5: {{band: "5", ifname: wlan0, widths_mhz: [20, 40, 80]}}
{more}"""


@contextmanager
def daemon(
    tmp_path: Path, world: World, *, port: int | None = None, csa: int = 10, cooldown: int = 1, more: str = ""
) -> Iterator[Daemon]:
    guest = world.guest
    site = SITE.format(
        port=port or guest.port,
        fingerprint=guest.fingerprint,
        csa=csa,
        cooldown=cooldown,
        slots=SLOTS,
        more=more,
    )
    key = textwrap.indent(guest.key_file.read_text(), "  ")
    with Daemon(tmp_path / "rrmd", site, {"ap1": f"user: {guest.user}\nprivate_key: |\n{key}"}) as running:
        running.wait("the radio has been read", lambda: radio(running)["channel"], 60)
        yield running
    assert running.log.read_text().count("Traceback") == 0, running.tail()
    running.verify()


def radio(running: Daemon) -> dict[str, object]:
    return next(row for row in running.call("status")["radios"] if row["key"] == R5)


def baseline(running: Daemon) -> None:
    """Wait for the slots that a baseline takes."""
    running.wait("a baseline", lambda: int(str(radio(running)["slots"])) >= SLOTS, 240)


def drill(running: Daemon, channel: int, width_mhz: int = 40) -> str:
    done = running.call(
        "inject", kind="NON_WIFI_BURST", radio=R5, channel=channel, width_mhz=width_mhz, act=True
    )
    assert done["change"], done["decision"]
    return str(done["change"]["id"])


def on_air(world: World) -> tuple[int, int] | None:
    now = world.on_air()
    return (now.freq_mhz, now.width_mhz) if now else None


def occupied(world: World) -> set[int]:
    """20 MHz channels that the radio occupies, MHz."""
    now = world.on_air()
    if now is None:
        return set()
    first = now.center_mhz - now.width_mhz // 2 + 10
    return set(range(first, first + now.width_mhz, 20))


def nops(running: Daemon) -> set[int]:
    return {row["mhz"] for row in running.call("status")["nop"]}


def test_a_radar_bars_52_and_56_and_the_ap_is_seen_off_them(tmp_path: Path, world: World) -> None:
    world.reset(52, 40, rate=50)
    other = '      r2: {band: "2.4", ifname: wlan1}\n'  # each DFS event is told for this radio too
    with daemon(tmp_path, world, more=other) as running:
        assert on_air(world) == (5260, 40)
        world.radar()
        running.wait("the channels are barred", lambda: nops(running) == HIT, 10)
        running.wait("the AP is seen off them", lambda: "radar.left" in running.reasons(), 30)
        assert not occupied(world) & HIT
        heard = next(r for r in running.records() if r["reason"]["code"] == "radar.heard")
        left = next(r for r in running.records() if r["reason"]["code"] == "radar.left")
        assert heard["reason"]["params"] == {"mhz": "5260 5280", "source": "signal"}
        assert heard["event_id"] == left["event_id"]
        running.kill()
        running.start()
        assert nops(running) == HIT, "the non-occupancy period outlives the agent"


def test_b_and_c_a_change_is_held_and_a_bad_one_goes_back(tmp_path: Path, world: World) -> None:
    world.reset(36, 40, rate=50)
    with daemon(tmp_path, world) as running:
        baseline(running)
        world.mark()
        id = drill(running, 149)
        running.wait_state(id, "MONITORING")
        assert on_air(world) == (5745, 40), "the ack is the kernel's word"
        assert all(world.associated(station) for station in STATIONS)
        held = running.wait_state(id, "COMMITTED", "ROLLED_BACK", "ESCALATED", "SUPERSEDED")
        assert (held["state"], held["verdict"]) == ("COMMITTED", "HELD")
        assert held["baseline"], "judged against what was before"
        assert max(world.station_gap_ms(station) for station in STATIONS) < 6000, "clients followed"

        world.loss(ap_to_sta=0.4, freq_mhz=5180)
        id = drill(running, 36)
        back = running.wait_state(id, "COMMITTED", "ROLLED_BACK", "ESCALATED", "SUPERSEDED", limit_s=180)
        assert (back["state"], back["verdict"]) == ("ROLLED_BACK", "WORSE"), back["effect"]
        assert on_air(world) == (5745, 40), "back on the prior channel"
        steps = [r["to_state"] for r in running.records() if r["change_id"] == id]
        assert steps == ["PLANNED", "APPLYING", "MONITORING", "ROLLING_BACK", "ROLLED_BACK"]
        assert back["token"] is None
        with pytest.raises(CallError, match="used already"):
            running.call("rollback", token=token_of(running, id))


def test_d_after_radar_the_rollback_goes_elsewhere(tmp_path: Path, world: World) -> None:
    """Radar on 52 while the AP is announcing its switch away from it; then the new channel turns out bad."""
    world.reset(52, 40, rate=50)
    with daemon(tmp_path, world, csa=40) as running:
        baseline(running)
        world.loss(ap_to_sta=0.4, freq_mhz=5745)
        id = drill(running, 149)
        running.wait("the switch is announced", lambda: "STARTED-CHANNEL-SWITCH" in world.hostapd_log(), 20)
        assert on_air(world) == (5260, 40)
        world.radar()
        running.wait("the channels are barred", lambda: nops(running) >= HIT, 10)
        back = running.wait_state(id, "COMMITTED", "ROLLED_BACK", "ESCALATED", "SUPERSEDED", limit_s=240)
        assert back["state"] == "ROLLED_BACK", back
        assert back["from"]["channel"] == 52
        running.wait("on air elsewhere", lambda: occupied(world), 30)
        assert not occupied(world) & (HIT | {5745}), "neither onto radar nor left where it is bad"


def test_e_killed_between_write_and_ack(tmp_path: Path, world: World) -> None:
    world.reset(36, 40, rate=50)
    with daemon(tmp_path, world, csa=60) as running:
        id = drill(running, 149)
        running.wait("the switch is announced", lambda: "STARTED-CHANNEL-SWITCH" in world.hostapd_log(), 20)
        running.kill()
        states = [r["to_state"] for r in running.records() if r["change_id"] == id]
        assert states[-1] == "APPLYING", "killed between write and ack"
        running.start()
        found = running.wait_state(id, "MONITORING", "FAILED", "ROLLED_BACK")
        assert found["state"] == "MONITORING"
        assert on_air(world) == (5745, 40)


def test_f_the_wire_is_cut_for_a_minute_in_the_middle_of_a_change(tmp_path: Path, world: World) -> None:
    world.reset(36, 40, rate=50)
    with CutWire(world.guest.port) as wire, daemon(tmp_path, world, port=wire.port, csa=60) as running:
        id = drill(running, 149)
        running.wait("the switch is announced", lambda: "STARTED-CHANNEL-SWITCH" in world.hostapd_log(), 20)
        wire.cut()
        start_s = float(world.guest.run("cat /proc/uptime").split()[0])
        eventually(
            lambda: float(world.guest.run("cat /proc/uptime").split()[0]) > start_s + 60,
            90,
            "a minute of silence",
            every=1.0,
        )
        assert running.change(id)["state"] in ("APPLYING", "ROLLING_BACK")
        wire.mend()
        found = running.wait_state(id, "MONITORING", "ROLLED_BACK", "FAILED", limit_s=180)
        there = {"MONITORING": (5745, 40)}.get(found["state"], (5180, 40))
        assert on_air(world) == there, "the store says what is"


def test_g_radar_while_monitoring_in_the_cooldown(tmp_path: Path, world: World) -> None:
    world.reset(36, 40, rate=50)
    with daemon(tmp_path, world, cooldown=3600) as running:
        id = drill(running, 52)
        running.wait_state(id, "MONITORING", limit_s=180)
        assert on_air(world) == (5260, 40), "after a real minute of listening"
        world.radar()
        running.wait("the channels are barred", lambda: nops(running) == HIT, 10)
        found = running.wait_state(id, "SUPERSEDED", "ROLLED_BACK", "COMMITTED")
        assert found["state"] == "SUPERSEDED"
        running.wait("the AP is seen off them", lambda: "radar.left" in running.reasons(), 30)
        assert not occupied(world) & HIT


def token_of(running: Daemon, id: str) -> str:
    """The token of a change, which nobody is shown any more once it is used."""
    from agent.audit_key import derive, load_or_create_key
    from agent.tokens import token_for

    return token_for(
        id, derive(load_or_create_key(running.directory / "state" / "audit.key"), "rollback-token")
    )
