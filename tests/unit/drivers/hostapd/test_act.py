"""Actions become commands, for those whom they concern."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.errors import Refused, Unsupported
from drivers.hostapd import act, parse_neighbor, parse_station
from drivers.hostapd.parse import Section
from drivers.hostapd.parse_neighbor import Target
from drivers.hostapd.reading import Found
from drivers.hostapd.render import Tools
from drivers.types import Action, ActionRequest, RadioState
from inventory.model import Band, RadioKey

RECORDINGS = Path(__file__).parents[3] / "contract" / "recordings" / "hostapd"
R5 = Found(key=RadioKey("north/ap1/r5"), band=Band.GHZ_5, ifname="wlan0", phy=0, bss=("wlan0",))
ONE, TWO = "02:00:00:00:02:00", "02:00:00:00:03:00"
LOW, FAR = "02:00:00:00:01:00", "02:00:00:00:09:00"
CLI = "hostapd_cli -p /var/run/hostapd -i wlan0"


def recording(name: str) -> str:
    return (RECORDINGS / name).read_text()


def said(text: str, status: int = 0) -> Section:
    return Section(status=status, text=text)


def request(*clients: str, to: tuple[str, ...] = ()) -> ActionRequest:
    return ActionRequest(action=Action.STEER, radio=R5.key, clients=clients, to_bssids=to)


def steered(wanted: ActionRequest, **answers: Section) -> list[str]:
    known = {"stations:wlan0": said(recording("all-sta.two-clients.txt")), **answers}
    return [step.command for step in act.steer(Tools(), R5, wanted, known, {LOW: 2437})]


def test_a_restart_is_one_step() -> None:
    """A connection that is lost between two steps would leave the radio off."""
    (step,) = act.restart(Tools(), R5, RadioState.ON_AIR)
    assert step.command == f"{{ {CLI} disable >/dev/null; {CLI} enable; }}"


def test_a_radio_in_its_non_occupancy_period_is_not_restarted() -> None:
    with pytest.raises(Refused, match="non-occupancy"):
        act.restart(Tools(), R5, RadioState.NOP)


def test_the_client_chooses_when_no_target_is_named() -> None:
    assert steered(request(ONE)) == [f"{CLI} bss_tm_req {ONE} pref=1"]


def test_several_clients_and_one_who_is_not_here() -> None:
    assert [line.split()[6] for line in steered(request(ONE, TWO, FAR))] == [TWO, ONE]


def test_our_own_other_radio_is_a_target() -> None:
    (line,) = steered(request(ONE.upper(), to=(LOW,)))
    assert line == f"{CLI} bss_tm_req {ONE} pref=1 abridged=1 neighbor={LOW},0x00000002,81,6,7,0301ff"


def test_hostapds_own_list_knows_more_than_we_do() -> None:
    text = recording("show-neighbor.txt").replace("02000000510607", "0700000051060e")
    (line,) = steered(request(ONE, to=(LOW,)), list=said(text))
    assert line.endswith(f"neighbor={LOW},0x00000007,81,6,14,0301ff")


def test_what_was_heard_is_a_target_and_the_first_named_is_the_best() -> None:
    text = f"BSS {FAR}(on wlan0)\n\tfreq: 5260\n\tsignal: -60.00 dBm\n"
    (line,) = steered(request(ONE, to=(FAR, "02:00:00:00:77:77", LOW)), heard=said(text))
    words = [word for word in line.split() if word.startswith("neighbor=")]
    assert words == [f"neighbor={FAR},0x00000002,118,52,9,0301ff", f"neighbor={LOW},0x00000002,81,6,7,0301fe"]


def test_nothing_heard_is_no_reason_not_to_steer() -> None:
    assert len(steered(request(ONE, to=(LOW,)), heard=said("nonsense"), list=said("FAIL", 255))) == 1


def test_a_long_list_is_cut_where_hostapd_cli_would_send_nothing() -> None:
    many = tuple(f"02:00:00:00:aa:{number:02x}" for number in range(40))
    text = "".join(f"{each} ssid=61 nr={each.replace(':', '')}02000000510607\n" for each in many)
    (line,) = steered(request(ONE, to=many), list=said(text))
    assert line.count("neighbor=") == 16


def test_who_does_not_understand_is_not_asked() -> None:
    plain = recording("all-sta.two-clients.txt").replace("ext_capab=04004a", "ext_capab=040042")
    with pytest.raises(Refused, match="none is here"):
        steered(request(ONE, TWO), **{"stations:wlan0": said(plain)})


def test_who_has_roamed_away_is_not_asked() -> None:
    there = said(recording("all-sta.one-has-roamed-away.txt"))
    with pytest.raises(Refused):
        steered(request(ONE), **{"stations:wlan0": there})
    assert len(steered(request("02:00:00:00:04:00"), **{"stations:wlan0": there})) == 1


@pytest.mark.parametrize("bad", ["", "02:00:00:00:02", "02:00:00:00:02:00; reboot", "wlan0"])
def test_only_addresses_are_sent(bad: str) -> None:
    with pytest.raises(Unsupported):
        steered(request(bad))
    with pytest.raises(Unsupported):
        steered(request(ONE, to=(bad,)))


@pytest.mark.parametrize(
    ("answer", "known"), [("FAIL", True), ("FAIL\n", True), ("UNKNOWN COMMAND", False), ("", False)]
)
def test_the_probe_tells_whether_hostapd_can_steer(answer: str, known: bool) -> None:
    assert act.can_steer(answer) is known


@pytest.mark.parametrize(
    ("mhz", "op_class", "channel"),
    [(2412, 81, 1), (2484, 82, 14), (5180, 115, 36), (5320, 118, 64), (5500, 121, 100), (5825, 125, 165)],
)
def test_operating_classes(mhz: int, op_class: int, channel: int) -> None:
    target = parse_neighbor.heard(LOW, mhz)
    assert (target.op_class, target.channel) == (op_class, channel)


def test_hostapds_list() -> None:
    found = parse_neighbor.listed(recording("show-neighbor.txt"))
    assert found == {LOW: Target(bssid=LOW, info=2, op_class=81, channel=6, phy_type=7)}


def test_widths_that_clients_can_use() -> None:
    found = parse_station.stations(recording("all-sta.two-clients.txt"))
    assert {mac: each.max_width_mhz(Band.GHZ_5) for mac, each in found.items()} == {ONE: 160, TWO: 160}
    assert found[ONE].max_width_mhz(Band.GHZ_2_4) == 40
    assert found[ONE].max_width_mhz(Band.GHZ_6) is None


@pytest.mark.parametrize(
    ("flags", "caps", "width"),
    [
        ("[ASSOC]", "", 20),
        ("[ASSOC][HT]", "ht_caps_info=0x100c", 20),
        ("[ASSOC][HT]", "ht_caps_info=0x100e", 40),
        ("[ASSOC][HT]", "", None),
        ("[ASSOC][HT][VHT]", "ht_caps_info=0x100e\nvht_caps_info=0x03800032", 80),
        ("[ASSOC][HT][VHT]", "ht_caps_info=0x100e\nvht_caps_info=0x03800036", 160),
        ("[ASSOC][HT][VHT]", "ht_caps_info=0x100e\nvht_caps_info=?", None),
    ],
)
def test_widths_by_capability(flags: str, caps: str, width: int | None) -> None:
    found = parse_station.stations(f"{ONE}\nflags={flags}\n{caps}\n")
    assert found[ONE].max_width_mhz(Band.GHZ_5) == width
