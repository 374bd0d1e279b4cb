"""What the guest's programs said (recordings, real) and what is read out of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import Garbage
from drivers.hostapd import parse, parse_event, parse_neighbor, parse_phy, parse_scan, parse_station
from drivers.hostapd.parse_event import EventKind
from drivers.hostapd.parse_phy import Dfs
from drivers.types import NeighborReading
from inventory.model import Band

RECORDINGS = Path(__file__).parents[3] / "contract" / "recordings" / "hostapd"
FOUR = (
    "BSS 02:00:00:00:09:00(on wlan0)\n\tfreq: {freq}\n\tsignal: -71.00 dBm\n\tlast seen: 1500 ms ago\n"
    "\tSSID: \\x0aBSS 02:00:00:00:66:66(on wlan0)\n"
)
HT = "\tHT operation:\n\t\t * primary channel: {}\n\t\t * secondary channel offset: {}\n"
VHT = (
    "\tVHT operation:\n\t\t * channel width: {} (80 MHz)\n"
    "\t\t * center freq segment 1: {}\n\t\t * center freq segment 2: {}\n"
)
LOAD = "\tBSS Load:\n\t\t * station count: 2\n\t\t * channel utilisation: 51/255\n"
SIX = (
    "\tHE operation:\n\t\t6 GHz Operation Information: 0x0502070700\n"
    "\t\t\tPrimary Channel: 5\n\t\t\tChannel Width: {}\n\t\t\tRegulatory Info: 0\n"
    "\t\t\tCenter Frequency Segment 0: {}\n\t\t\tCenter Frequency Segment 1: {}\n"
)


def recording(name: str) -> str:
    return (RECORDINGS / name).read_text()


def test_status_of_an_ap_at_40_mhz() -> None:
    status = parse.status(recording("status.enabled-36-40mhz.txt"))
    assert (status.state, status.frequency_mhz, status.width_mhz, status.secondary) == (
        "ENABLED",
        5180,
        40,
        1,
    )
    assert (status.ht, status.vht, status.he, status.eht) == (True, True, True, False)
    assert status.bssids == {"wlan0": "02:00:00:00:00:00"}
    assert status.ssids == {"wlan0": "rrmd-guest"}
    assert status.cac_left_s is None


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("rrmd-guest", "rrmd-guest"),
        ("\\x20two words\\x20", " two words "),
        ("caf\\xc3\\xa9", "caf\u00e9"),
        ("C:\\\\dir\\tx", "C:\\dir\tx"),
        ("\\xff", "\\xff"),
        ("", None),
        ("\\x00\\x00\\x00", None),
    ],
)
def test_names_of_networks(printed: str, name: str | None) -> None:
    assert parse.ssid(printed) == name


def test_status_of_a_cac() -> None:
    text = "state=DFS\nfreq=5260\nchannel=52\nsecondary_channel=1\ncac_time_left_seconds=42\n"
    wide = "he_oper_chwidth=1\nhe_oper_centr_freq_seg0_idx=58\nvht_oper_chwidth=0\n"
    status = parse.status(text + wide)
    assert (status.cac_left_s, status.width_mhz, status.center_channel) == (42, 80, 58)


def test_interfaces() -> None:
    wlan1, wlan0 = parse.interfaces(recording("iw-dev.txt"))
    assert (wlan1.name, wlan1.phy, wlan1.frequency_mhz, wlan1.width_mhz) == ("wlan1", 1, 2437, 20)
    assert (wlan0.name, wlan0.phy, wlan0.kind, wlan0.ssid) == ("wlan0", 0, "AP", "rrmd-guest")
    assert (wlan0.frequency_mhz, wlan0.width_mhz, wlan0.center_mhz) == (5180, 40, 5190)
    assert wlan0.tx_power_dbm == 23.0


def test_one_interface_says_the_same() -> None:
    (one,) = parse.interfaces(recording("iw-dev-info.ap-36-40mhz.txt"))
    assert one == parse.interfaces(recording("iw-dev.txt"))[1]


def test_a_silent_interface() -> None:
    (silent,) = parse.interfaces("phy#0\n\tInterface wlan0\n\t\taddr 02:00:00:00:00:00\n\t\ttype AP\n")
    assert (silent.ssid, silent.frequency_mhz, silent.width_mhz, silent.tx_power_dbm) == (None,) * 4


def test_an_ssid_cannot_pass_for_a_channel() -> None:
    text = "phy#0\n\tInterface wlan0\n\t\tssid channel 36 (5180 MHz), width: 80 MHz\n\t\ttype AP\n"
    (interface,) = parse.interfaces(text)
    assert (interface.frequency_mhz, interface.kind) == (None, "AP")


def test_a_width_without_ht() -> None:
    line = "phy#0\n\tInterface wlan0\n\t\tchannel 36 (5180 MHz), width: 20 MHz (no HT), center1: 5180 MHz\n"
    (interface,) = parse.interfaces(line)
    assert (interface.width_mhz, interface.center_mhz) == (20, 5180)


def test_country() -> None:
    assert parse.countries(recording("reg-get.us.txt")) == {None: "US"}
    own = "global\ncountry US: DFS-FCC\n\t(1 - 2)\n\nphy#0 (self-managed)\ncountry DE: DFS-ETSI\n"
    assert parse.countries(own) == {None: "US", 0: "DE"}


def test_survey() -> None:
    rows = parse.survey(recording("survey-dump.5ghz.txt"))
    assert [row.frequency_mhz for row in rows] == [5180, 5200, 2412]
    assert (rows[0].noise_dbm, rows[0].active_ms, rows[0].busy_ms) == (-92, 112, 14)
    assert (rows[0].rx_ms, rows[0].tx_ms, rows[0].in_use) == (None, None, False)


def test_survey_of_a_real_chip() -> None:
    row = "Survey data from wlan0\n\tfrequency:\t\t\t{} MHz{}\n\tnoise:\t\t\t\t-97 dBm\n"
    times = "\tchannel active time:\t\t{} ms\n\tchannel receive time:\t\t13999999999999999999 ms\n"
    text = row.format(5180, "") + times.format(5) + row.format(5180, " [in use]") + times.format(3)
    (reading,) = parse.survey(text)
    assert (reading.in_use, reading.active_ms, reading.rx_ms) == (True, 3, None)


def test_no_survey_is_no_rows() -> None:
    assert parse.survey(recording("survey-dump.2ghz.txt")) == ()


def test_stations() -> None:
    first, second = parse.stations(recording("station-dump.two-clients.txt"))
    assert (first.mac, first.signal_dbm, first.connected_s) == ("02:00:00:00:02:00", -50, 19)
    assert (first.tx_frames, first.tx_retries, first.tx_failed, first.tx_bytes) == (1904, 40, 4, 443519)
    assert second.mac == "02:00:00:00:03:00"


def test_a_signal_per_chain() -> None:
    (one,) = parse.stations("Station 02:00:00:00:02:00 (on wlan0)\n\tsignal:  \t-61 [-64, -63] dBm\n")
    assert (one.signal_dbm, one.tx_retries) == (-61, None)


def test_phy_channels() -> None:
    channels = parse_phy.channels(recording("phy-channels.fresh.txt"))
    assert (channels[5180].allowed, channels[5180].dfs, channels[5180].max_power_dbm) == (True, None, 23.0)
    assert (channels[5260].dfs, channels[5260].cac_s) == (Dfs.USABLE, 60.0)
    assert channels[2467].disabled
    assert (channels[5865].no_ir, channels[5865].allowed) == (True, False)


@pytest.mark.parametrize("state", list(Dfs))
def test_dfs_states(state: Dfs) -> None:
    text = f"Band 2:\n\t* 5260.0 MHz [52] \n\t  Radar detection\n\t  DFS state: {state} (for 27 sec)\n"
    channel = parse_phy.channels(text)[5260]
    assert (channel.dfs, channel.since_s) == (state, 27)


def test_phy_widths() -> None:
    widths = parse_phy.widths(recording("phy-info.txt"))
    assert widths[Band.GHZ_2_4] == (20, 40)
    assert widths[Band.GHZ_5] == (20, 40, 80, 160)
    assert Band.GHZ_6 in widths


def test_the_other_radio_is_heard() -> None:
    text = recording("scan.on-ap-force.txt")
    (heard,) = parse_scan.neighbors(text, Band.GHZ_2_4)
    assert heard == NeighborReading(
        bssid="02:00:00:00:01:00",
        channel=6,
        signal_dbm=-50.0,
        width_mhz=20,
        center_mhz=2437,
        age_s=13.264,
        ssid="rrmd-guest",
    )
    assert parse_scan.neighbors(text, Band.GHZ_5) == ()


@pytest.mark.parametrize(
    ("freq", "more", "block"),
    [
        (5200, "", (None, None)),
        (5200, HT.format(40, "no secondary"), (20, 5200)),
        (5200, HT.format(40, "below"), (40, 5190)),
        (2437, HT.format(6, "above"), (40, 2447)),
        (5200, HT.format(40, "below") + VHT.format(0, 0, 0), (40, 5190)),
        (5200, HT.format(40, "below") + VHT.format(1, 42, 0), (80, 5210)),
        (5200, HT.format(40, "below") + VHT.format(1, 42, 50), (160, 5250)),
        (5200, HT.format(40, "below") + VHT.format(2, 50, 0), (160, 5250)),
        (5200, HT.format(40, "below") + VHT.format(1, 42, 155), (80, 5210)),
        (5200, HT.format(40, "below") + VHT.format(3, 42, 155), (80, 5210)),
        (5975, SIX.format("80 MHz", 7, 0), (80, 5985)),
        (5975, SIX.format("160 MHz or 80+80 MHz", 7, 15), (160, 6025)),
        (5975, SIX.format("20 MHz", 5, 0), (20, 5975)),
    ],
)
def test_blocks_of_neighbors(freq: int, more: str, block: tuple[int, int]) -> None:
    band = Band.GHZ_2_4 if freq < 3000 else Band.GHZ_5 if freq < 5900 else Band.GHZ_6
    (heard,) = parse_scan.neighbors(FOUR.format(freq=freq) + LOAD + more, band)
    assert (heard.width_mhz, heard.center_mhz) == block
    assert (heard.bssid, heard.signal_dbm, heard.age_s) == ("02:00:00:00:09:00", -71.0, 1.5)
    assert heard.utilization_ratio == pytest.approx(0.2)


def test_of_a_bss_heard_twice_the_younger_counts() -> None:
    old = FOUR.format(freq=5180)
    young = old.replace("-71", "-60").replace("1500 ms", "20 ms")
    for text in (old + young, young + old):
        assert [each.signal_dbm for each in parse_scan.neighbors(text, Band.GHZ_5)] == [-60.0]


def test_answers_are_told_apart() -> None:
    text = "banner\n@@ a\none\ntwo\n\n@@= 0\n@@ b\n\n@@= 255\n@@ c\ncut off"
    assert parse.sections(text, "@@") == {
        "a": parse.Section(status=0, text="one\ntwo\n"),
        "b": parse.Section(status=255, text=""),
    }


RADAR = "DFS-RADAR-DETECTED freq=5260 ht_enabled=0 chan_offset=0 chan_width={} cf1={} cf2={}"


@pytest.mark.parametrize(
    ("width", "cf1", "cf2", "hit"),
    [
        (0, 5260, 0, {5260}),
        (1, 5260, 0, {5260}),
        (2, 5270, 0, {5260, 5280}),
        (3, 5290, 0, {5260, 5280, 5300, 5320}),
        (4, 5290, 5530, {5260, 5280, 5300, 5320, 5500, 5520, 5540, 5560}),
        (5, 5250, 0, {5180, 5200, 5220, 5240, 5260, 5280, 5300, 5320}),
        (1, 0, 0, {5260}),
        (99, 5290, 0, {5260}),
    ],
)
def test_what_radar_hit(width: int, cf1: int, cf2: int, hit: set[int]) -> None:
    event = parse_event.event("> <3>" + RADAR.format(width, cf1, cf2) + "\r")
    assert event is not None
    assert (event.kind, set(event.mhz20)) == (EventKind.RADAR, hit)


def test_radar_without_a_centre_takes_the_offset() -> None:
    event = parse_event.event("<3>DFS-RADAR-DETECTED freq=5280 chan_offset=-1 chan_width=2 cf1=0 cf2=0")
    assert event is not None
    assert event.mhz20 == {5260, 5280}


def test_radar_that_cannot_be_read_is_garbage_and_not_nothing() -> None:
    for rest in ("", " freq=", " freq=5261 chan_width=3", " freq=99999999999999999999999"):
        with pytest.raises(Garbage):
            parse_event.event(f"<3>DFS-RADAR-DETECTED{rest}")


def test_a_cac() -> None:
    start = parse_event.event(
        "<3>DFS-CAC-START freq=5260 chan=52 sec_chan=1, width=1, seg0=58, seg1=0, cac_time=60s"
    )
    assert start is not None
    assert (start.kind, start.cac_s, start.width_mhz, start.center_mhz) == (EventKind.CAC_START, 60, 80, 5290)
    narrow = parse_event.event(
        "<3>DFS-CAC-START freq=5280 chan=56 sec_chan=-1, width=0, seg0=0, seg1=0, cac_time=60s"
    )
    assert narrow is not None
    assert narrow.mhz20 == {5260, 5280}
    end = parse_event.event(
        "<3>DFS-CAC-COMPLETED success=0 freq=5500 ht_enabled=0 chan_offset=0 chan_width=3 cf1=5530 cf2=0"
    )
    assert end is not None
    assert (end.success, set(end.mhz20)) == (False, {5500, 5520, 5540, 5560})


def test_prefixes() -> None:
    for prefix in ("", "<3>", "> <3>", "IFNAME=wlan1 <3>", "<3>IFNAME=wlan1 ", "\x1b[2K\r> <2>"):
        event = parse_event.event(f"{prefix}AP-STA-DISCONNECTED 02:00:00:00:02:00")
        assert event is not None
        assert (event.kind, event.mac) == (EventKind.CLIENT_LEFT, "02:00:00:00:02:00")
        assert event.ifname == ("wlan1" if "IFNAME" in prefix else None)


def test_a_recorded_stream() -> None:
    lines = [line[9:] for line in recording("events.csa-40mhz.pty.txt").splitlines()]
    events = [event for line in lines if (event := parse_event.event(line))]
    switches = [each for each in events if each.kind is EventKind.SWITCHED]
    assert [(each.frequency_mhz, each.width_mhz, each.center_mhz) for each in switches[:3]] == [
        (5745, 40, 5755),
        (5180, 40, 5190),
        (5220, 20, 5220),
    ]
    assert {each.kind for each in events} >= {EventKind.DISABLED, EventKind.ENABLED, EventKind.CLIENT_LEFT}


def kinds(name: str) -> list[EventKind]:
    lines = [line[9:] for line in recording(name).splitlines()]
    events = [event for line in lines if (event := parse_event.event(line))]
    left = (EventKind.CLIENT_LEFT, EventKind.CLIENT_CAME)
    return [each.kind for each in events if each.kind not in left]


def test_what_is_told_of_a_radio_that_fails() -> None:
    assert kinds("events.link-down-and-up.txt") == [
        EventKind.INTERFACE_DISABLED,
        EventKind.INTERFACE_ENABLED,
    ]
    assert kinds("events.interface-deleted.txt") == [EventKind.INTERFACE_DISABLED]
    assert kinds("events.start-fails-then-works.txt") == [*[EventKind.DISABLED] * 3, EventKind.ENABLED]


PARSERS: dict[str, Callable[[str], object]] = {
    "status": parse.status,
    "iw-dev": parse.interfaces,
    "reg-get": parse.countries,
    "survey": parse.survey,
    "station": parse.stations,
    "all-sta": parse_station.stations,
    "show-neighbor": parse_neighbor.listed,
    "phy-channels": parse_phy.channels,
    "phy-info": parse_phy.widths,
    "scan": lambda text: parse_scan.neighbors(text, Band.GHZ_2_4),
    "events": parse_event.event,
    "sections": lambda text: parse.sections(text, "@@"),
}
NOISE = st.text(alphabet=st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["\n", "\t", "9" * 30, "-", "²", "NaN", "(on ", "MHz", "BSS ", "Station ", "\x00", "freq: "]
)


def survives(parser: Callable[[str], object], text: str) -> None:
    with suppress(Garbage):
        parser(text)


@given(text=st.text(max_size=200))
def test_any_text_is_read_or_garbage(text: str) -> None:
    for parser in PARSERS.values():
        survives(parser, text)


@pytest.mark.parametrize("name", [path.name for path in sorted(RECORDINGS.glob("*.txt"))])
@given(data=st.data())
@settings(max_examples=20, deadline=None)  # a busy machine is not what is tested
def test_a_damaged_recording_is_read_or_garbage(name: str, data: st.DataObject) -> None:
    text = recording(name)[:6000]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        text = text[:start] + data.draw(NOISE) + text[start + data.draw(st.integers(0, 30)) :]
    for parser in PARSERS.values():
        survives(parser, text)
    for line in text.splitlines():
        survives(parse_event.event, line)
