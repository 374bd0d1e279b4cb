"""What ubus and the log tell, each once, and about the right radio."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from shared_data import shared_data

from drivers.errors import Garbage
from drivers.hostapd.parse_event import EventKind
from drivers.hostapd.reading import Found
from drivers.openwrt import parse_event
from drivers.openwrt.signals import Heard
from drivers.signals import (
    CacFinished,
    CacStarted,
    ChannelSwitched,
    ClientLeft,
    Gap,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioUp,
    Signal,
)
from inventory.model import Band, RadioKey

FIVE, TWO = RadioKey("a/ap/r5"), RadioKey("a/ap/r2")
RADIOS = (
    Found(key=FIVE, band=Band.GHZ_5, ifname="phy0-ap0", phy=0, bss=("phy0-ap0", "phy0-ap1")),
    Found(key=TWO, band=Band.GHZ_2_4, ifname="phy1-ap0", phy=1, bss=("phy1-ap0",)),
)
BLOCK_52 = frozenset({5260, 5280, 5300, 5320})
CLIENT = "02:00:00:00:02:00"
RADAR = {"frequency": 5260, "width": 3, "center1": 5290, "center2": 0}
LOGGED = "daemon.notice hostapd: {}: DFS-RADAR-DETECTED freq=5260 chan_offset=0 chan_width=3 cf1=5290 cf2=0"


def heard(*, infers: bool = False) -> Heard:
    one = Heard("ap", RADIOS, infers=infers)
    one.seen_on(FIVE, BLOCK_52)
    return one


def kinds(signals: tuple[Signal, ...] | list[Signal]) -> list[type[Signal]]:
    return [type(each) for each in signals]


def test_trap_13_radar_of_a_radio_with_n_bsss_is_one_radar() -> None:
    one = heard()
    first = one.of_ubus("hostapd.phy0-ap0", "radar-detected", RADAR, 1.0)
    assert kinds(first) == [RadarDetected]
    assert one.of_ubus("hostapd.phy0-ap1", "radar-detected", RADAR, 1.01) == ()


def test_radar_that_ubus_and_the_log_and_each_phy_tell_is_one_radar() -> None:
    """The kernel copies DFS events to all phys, so the 2.4 GHz interface tells it too."""
    one = heard()
    told = [*one.of_log(LOGGED.format("phy1-ap0"), 1.0), *one.of_log(LOGGED.format("phy0-ap0"), 1.0)]
    told += one.of_ubus("hostapd.phy0-ap0", "radar-detected", RADAR, 1.1)
    assert kinds(told) == [RadarDetected]
    assert isinstance(told[0], RadarDetected)
    assert (told[0].radio, told[0].mhz20, told[0].authenticated) == (FIVE, BLOCK_52, True)


def test_radar_that_one_interface_tells_by_two_ways_is_one_radar() -> None:
    one = heard()
    told = [*one.of_log(LOGGED.format("phy0-ap0"), 1.0)]
    told += one.of_ubus("hostapd.phy0-ap0", "radar-detected", RADAR, 1.1)
    assert kinds(told) == [RadarDetected]


def test_radar_that_comes_again_is_told_again() -> None:
    one = heard()
    told = [*one.of_log(LOGGED.format("phy0-ap0"), 1.0), *one.of_log(LOGGED.format("phy0-ap0"), 1.5)]
    assert kinds(told) == [RadarDetected, RadarDetected]


def test_radar_s_width_is_hostapd_s_enum() -> None:
    event = parse_event.of_ubus("phy0-ap0", "radar-detected", {**RADAR, "width": 5, "center1": 5250})
    assert event is not None
    assert event.mhz20 == frozenset(range(5180, 5321, 20))


def test_trap_13_one_leaving_client_is_one() -> None:
    """deauth and disassoc both, and the log says it again."""
    one = heard()
    left = {"address": CLIENT, "ifname": "phy0-ap0"}
    told = [
        *one.of_ubus("hostapd.phy0-ap0", "deauth", left, 1.0),
        *one.of_ubus("hostapd.phy0-ap0", "disassoc", left, 1.0),
    ]
    told += one.of_log(f"hostapd: phy0-ap0: AP-STA-DISCONNECTED {CLIENT}", 1.2)
    assert kinds(told) == [ClientLeft]


def test_a_client_that_came_back_and_left_again_left_twice() -> None:
    one = heard()
    left = {"address": CLIENT}
    told = list(one.of_ubus("hostapd.phy0-ap0", "disassoc", left, 1.0))
    one.of_ubus("hostapd.phy0-ap0", "assoc", left, 1.5)
    told += one.of_ubus("hostapd.phy0-ap0", "disassoc", left, 2.0)
    assert kinds(told) == [ClientLeft, ClientLeft]


def test_a_switch_of_a_radio_with_n_bsss_is_one_switch() -> None:
    one = heard()
    told = list(one.of_ubus("hostapd.phy0-ap0", "channel-switch", {"freq": 5220}, 1.0))
    told += one.of_ubus("hostapd.phy0-ap1", "channel-switch", {"freq": 5220}, 1.0)
    told += one.of_log(
        "hostapd: phy0-ap0: CTRL-EVENT-CHANNEL-SWITCH freq=5220 ch_offset=1 ch_width=80 MHz cf1=5210",
        1.0,
    )
    assert kinds(told) == [ChannelSwitched]


def test_without_a_log_leaving_a_dfs_channel_unasked_is_a_reason_to_look() -> None:
    """Released versions never notify radar."""
    told = heard(infers=True).of_ubus("hostapd.phy0-ap0", "channel-switch", {"freq": 5180}, 1.0)
    assert kinds(told) == [RadarDetected, ChannelSwitched]
    assert isinstance(told[0], RadarDetected)
    assert (told[0].mhz20, told[0].authenticated) == (BLOCK_52, False)


def test_a_switch_that_we_ordered_is_no_radar() -> None:
    one = heard(infers=True)
    one.ordered(FIVE, 0.0)
    assert kinds(one.of_ubus("hostapd.phy0-ap0", "channel-switch", {"freq": 5180}, 1.0)) == [ChannelSwitched]


def test_a_switch_away_from_a_channel_without_dfs_is_no_radar() -> None:
    one = heard(infers=True)
    one.seen_on(FIVE, frozenset({5180, 5200, 5220, 5240}))
    assert kinds(one.of_ubus("hostapd.phy0-ap0", "channel-switch", {"freq": 5745}, 1.0)) == [ChannelSwitched]


def test_bsss_that_come_and_go_are_a_reason_to_poll() -> None:
    assert kinds(heard().of_ubus("hostapd", "bss.remove", {}, 1.0)) == [Gap]
    assert kinds(heard().of_ubus("hostapd", "bss.add", {"name": "phy0-ap0"}, 1.0)) == [Gap]
    assert heard().of_ubus("hostapd", "something", {}, 1.0) == ()


def test_radar_that_can_t_be_read_is_still_a_reason_to_poll() -> None:
    assert kinds(heard().of_ubus("hostapd.phy0-ap0", "radar-detected", {}, 1.0)) == [Gap]
    assert kinds(heard().of_log("hostapd: phy0-ap0: DFS-RADAR-DETECTED freq=nonsense", 1.0)) == [Gap]


def test_going_down_is_told_once_and_coming_up_after_it_too() -> None:
    one = heard()
    told = list(one.of_log("hostapd: phy0-ap0: AP-DISABLED", 1.0))
    told += one.of_log("hostapd: phy0-ap0: CTRL-EVENT-TERMINATING", 1.0)
    told += one.of_log("hostapd: phy0-ap0: AP-ENABLED", 1.4)
    assert kinds(told) == [RadioDown, RadioUp]


def test_lines_of_others_say_nothing() -> None:
    for line in (
        "",
        "dropbear[943]: Exit (root)",
        "hostapd: phy0-ap0: STA 02:00 IEEE 802.11: associated",
        "kernel: x",
    ):
        assert heard().of_log(line, 1.0) == ()


def lines(name: str, part: str) -> Iterator[tuple[float, str]]:
    """(time, line) of one part of a recording."""
    for text in shared_data("openwrt", name).read_text().split(f"##### {part}\n", 1)[1].splitlines():
        if text.startswith("#####"):
            return
        at, _, rest = text.partition(" ")
        if re.fullmatch(r"\d+\.\d+", at):
            yield float(at), rest


def replayed(name: str, *, infers: bool = False, log: bool = True) -> list[Signal]:
    """What a recording's log and subscription, merged by their time, are told as."""
    one = Heard("ap", RADIOS, infers=infers)
    told: list[Signal] = []
    rows = [(at, "ubus", text) for at, text in lines(name, "ubus-subscribe-bss.log")]
    rows += [(at, "log", text) for at, text in lines(name, "logread.log")] if log else []
    for at, source, text in sorted(rows):
        if source == "log":
            told += one.of_log(text, at)
            continue
        ((kind, data),) = json.loads(text).items()
        told += one.of_ubus("hostapd.phy0-ap0", kind, data, at)
    return told


def test_the_recorded_switches_and_the_one_that_failed() -> None:
    told = replayed("events-csa.txt")
    assert [each.channel for each in told if isinstance(each, ChannelSwitched)] == [44, 40, 36, 149, 36]
    ups = [type(each) for each in told if isinstance(each, RadioUp | RadioDown)]
    assert ups == [RadioDown, RadioUp], "CSA failed"
    assert not any(isinstance(each, RadarDetected) for each in told)


@pytest.mark.parametrize(
    "name", ["events-dfs-radar_list.txt", "events-dfs-nopreset.txt", "events-dfs-nop2.txt"]
)
def test_recorded_radar_is_told_once_and_of_the_right_radio(name: str) -> None:
    radars = [each for each in replayed(name) if isinstance(each, RadarDetected)]
    assert [(each.radio, each.mhz20) for each in radars] == [(FIVE, BLOCK_52)]


def test_the_recorded_radar_was_never_notified_by_ubus() -> None:
    """So without the log it has to be inferred."""
    told = replayed("events-dfs-radar_list.txt", log=False)
    assert not any(isinstance(each, RadarDetected) for each in told)


def test_a_recorded_cac_begins_and_ends_once() -> None:
    told = replayed("events-dfs-cac.txt")
    started = [each for each in told if isinstance(each, CacStarted)]
    finished = [each for each in told if isinstance(each, CacFinished)]
    assert started
    assert len(started) == len(finished)
    assert {each.radio for each in started} == {FIVE}
    assert {each.cac_s for each in started} == {60.0}


def test_the_recorded_end_of_a_nop() -> None:
    told = replayed("events-dfs-nop_finished.txt")
    ended = [each.mhz20 for each in told if isinstance(each, NopFinished)]
    assert frozenset().union(*ended) >= BLOCK_52
    assert len(ended) == len(set(ended)), "both phys tell it"


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("events-dfs-radar_fixed.txt", {RadarDetected: 1, RadioDown: 1, ClientLeft: 1}),
        (
            "events-dfs-radar_in_cac.txt",
            {RadioDown: 1, CacStarted: 1, CacFinished: 1, RadarDetected: 1, RadioUp: 1},
        ),
        ("events-dfs-radar_in_csa.txt", {RadarDetected: 1, ChannelSwitched: 1}),
        ("events-csaerr.txt", {ChannelSwitched: 4}),
        ("events-uci-txpower.txt", {}),
        ("events-uci-ssid.txt", {ClientLeft: 1}),
        ("events-uci-noconfirm.txt", {RadioDown: 2, RadioUp: 2, ClientLeft: 1}),
    ],
)
def test_recorded_stories_are_told_without_an_echo(name: str, counted: dict[type[Signal], int]) -> None:
    """Radar with nowhere to go, in a CAC and in a switch; edits that disturb nobody, clients, or all."""
    assert Counter(kinds(replayed(name))) == counted


def test_the_recorded_event_stream_over_http() -> None:
    """One switch, and a client that left twice: first by deauth and disassoc at once."""
    kind, told = "", list[Signal]()
    one = Heard("ap", (replace(RADIOS[0], ifname="wlan0", bss=("wlan0",)),))
    for row in shared_data("openwrt", "http-subscribe-sse.txt").read_text().splitlines():
        at, _, text = row.partition(" ")
        if text.startswith("event:"):
            kind = text[6:].strip()
        elif text.startswith("data:"):
            told += one.of_ubus("hostapd.wlan0", kind, json.loads(text[5:]), float(at))
    assert kinds(told) == [ChannelSwitched, ClientLeft, ClientLeft]


EVENT_WORDS = (
    "channel-switch",
    "radar-detected",
    "disassoc",
    "deauth",
    "assoc",
    "probe",
    "bss.add",
    "",
    "\x00",
)
DATA_WORDS = ("freq", "frequency", "width", "center1", "center2", "address", "ifname", "name")
VALUES: tuple[object, ...] = (
    5260,
    0,
    -1,
    10**30,
    True,
    None,
    "5260",
    CLIENT,
    [],
    {},
    5261.5,
    float("inf"),
    "\ud800",
    5955,
    2412,
)
LINE_WORDS = (
    "hostapd: ",
    "phy0-ap0: ",
    *EventKind,
    " freq=5260",
    " freq=",
    "=",
    " cf1=9",
    " chan_width=99",
    "\x1b[0m",
    "ÿ",
)


def test_10_000_malformed_notifications_and_lines_harm_nobody() -> None:
    """No crash, no radio that is not ours, no channel that does not exist, and no growing memory."""
    dice, one = random.Random(4), heard(infers=True)
    for number in range(10_000):
        data = {dice.choice(DATA_WORDS): dice.choice(VALUES) for _ in range(dice.randrange(5))}
        told = one.of_ubus(
            dice.choice(("hostapd", "hostapd.phy0-ap0", "x")), dice.choice(EVENT_WORDS), data, number
        )
        told += one.of_log("".join(dice.choices(LINE_WORDS, k=dice.randrange(8))), number)
        for signal in told:
            assert getattr(signal, "radio", None) in (None, FIVE, TWO)
            if isinstance(signal, RadarDetected):
                assert signal.mhz20
                assert all(2400 < mhz < 7200 for mhz in signal.mhz20)
    assert len(one._last) < 5000


def test_clients_with_invented_addresses_fill_no_memory() -> None:
    one = heard()
    for number in range(10_000):
        mac = ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))
        one.of_ubus("hostapd.phy0-ap0", "disassoc", {"address": mac}, float(number))
    assert len(one._last) <= 4097


def test_a_switch_to_no_channel_is_garbage() -> None:
    with pytest.raises(Garbage):
        parse_event.of_ubus("phy0-ap0", "channel-switch", {"freq": 5261})
