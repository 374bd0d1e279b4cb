"""10,000 malformed texts for each parser of what hostapd, iw and a shell print."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzzing import anything, between, feed, leafs, text_of, there

from drivers.hostapd import identity, parse, parse_event, parse_neighbor, parse_phy, parse_scan, parse_station
from drivers.hostapd.parse import Section
from drivers.hostapd.parse_event import Event
from inventory.channels import channel_of
from inventory.model import Band

RECORDINGS = Path(__file__).parents[1] / "contract" / "recordings" / "hostapd"
MARK = "=rrmd"
SECTIONS = "banner\n=rrmd 0\nstate=ENABLED\nfreq=5180\n=rrmd= 0\n=rrmd dev\nphy#0\n=rrmd= 1\n"
WIDTHS = frozenset({20, 40, 80, 160, 320})
RULES: dict[str, Callable[[Any], bool]] = {
    "width_mhz": lambda value: value in WIDTHS,
    "frequency_mhz": between(2400, 7200),
    "center_mhz": between(2300, 7300),
    "tx_power_dbm": between(-30, 60),
    "noise_dbm": between(-120, -30),
    "signal_dbm": between(-120, -1),
    "active_ms": between(0, 2**53),
    "busy_ms": between(0, 2**53),
    "rx_ms": between(0, 2**53),
    "tx_ms": between(0, 2**53),
    "tx_frames": between(0, 2**64),
    "tx_retries": between(0, 2**64),
    "tx_failed": between(0, 2**64),
    "tx_bytes": between(0, 2**64),
    "connected_s": between(0, 2**32),
    "utilization_ratio": between(0, 1),
    "age_s": between(0, 1e6),
    "max_power_dbm": between(-30, 60),
    "cac_s": between(0, 1e6),
    "cac_left_s": between(0, 86_400),
    "mhz20": lambda mhz: channel_of(mhz) is not None,
    "channel": between(1, 233),
    "ssid": anything,  # unescaped
    "ssids": anything,
}


def recorded(*patterns: str, longest: int = 500) -> list[str]:
    """Short ones; of a long one the beginning: 10,000 of them must not take a minute."""
    paths = [path for pattern in patterns for path in sorted(RECORDINGS.glob(pattern))]
    return [text[:longest] for path in paths if (text := path.read_text()).strip()]


def section(text: str) -> dict[str, Section]:
    return parse.sections(text, MARK)


def neighbors(text: str) -> object:
    return [parse_scan.neighbors(text, band) for band in Band]


def who(text: str) -> identity.Identity:
    return identity.identity(
        {name: Section(status=0, text=text) for name in ("os", "model", "version", "uid")}
    )


def is_mac(value: str) -> bool:
    return re.fullmatch(parse.MAC, value) is not None


HEX = {
    "[]": is_mac,
    "bssid": is_mac,
    "op_class": between(0, 255),
    "channel": between(0, 255),
    "phy_type": between(0, 255),
    "info": between(0, 2**32 - 1),
}
CHANNELS = [
    "Band 2:\n\t* 5180 MHz [36] \n\t  Maximum TX power: 23.0 dBm\n\t* 5200 MHz [40] (disabled)\n",
    "Band 2:\n\t* 5260 MHz [52] \n\t  Maximum TX power: 24.0 dBm\n\t  Radar detection\n"
    "\t  DFS state: usable (for 27 sec)\n\t  DFS CAC time: 60000 ms\n",
    "Band 1:\n\t* 2412 MHz [1] \n\t  No IR\n\t* 2417.0 MHz [2] \n\t  Maximum TX power: 30.0 dBm\n",
]
WIDE = [
    "Wiphy phy0\n\tBand 1:\n\t\tCapabilities: 0x107e\n\t\t\tHT20/HT40\n"
    "\tBand 2:\n\t\tVHT Capabilities (0x0):\n"
    "\t\t\tSupported Channel Width: 160 MHz\n\t\t\tHE40/HE80/5GHz\n",
    "Wiphy phy1\n\tBand 4:\n\t\tHE Iftypes: AP\n\t\t\tHE40/HE80/5GHz\n\t\t\t320MHz in 6 GHz Supported\n",
]
OS = 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nx\n'


def surveyed(text: str) -> object:
    rows = parse.survey(text)
    for row in rows:
        assert row.active_ms is None or max(row.busy_ms or 0, row.rx_ms or 0, row.tx_ms or 0) <= row.active_ms
    return rows


PARSERS: dict[str, tuple[Callable[[str], object], list[str], dict[str, Callable[[Any], bool]]]] = {
    "sections": (section, [SECTIONS], {}),
    "status": (parse.status, recorded("status.*"), {}),
    "ssid": (parse.ssid, ["caf\\xc3\\xa9 \\x00\\t\\\\", "\\xff\\e", "plain"], {"": anything}),
    "interfaces": (
        parse.interfaces,
        recorded("iw-dev*"),
        {"kind": anything, "mac": is_mac, "name": anything},
    ),
    "countries": (parse.countries, recorded("reg-get*"), {}),
    "survey": (surveyed, recorded("survey*"), {}),
    "stations": (parse.stations, recorded("station-dump*"), {}),
    "channels": (parse_phy.channels, CHANNELS, {}),
    "widths": (parse_phy.widths, WIDE, {"": lambda value: value in WIDTHS, "[]": anything}),
    "neighbors": (neighbors, recorded("scan.*"), {}),
    "neighbor list": (parse_neighbor.listed, recorded("show-neighbor*"), HEX),
    "all_sta": (parse_station.stations, recorded("all-sta*"), {}),
    "identity": (who, [OS], {"vendor": anything, "model": anything, "version": anything}),
    "uptime": (identity.uptime_s, ["3641.27 7166.90\n", "0.5 0.0"], {"": between(0, 1e12)}),
}


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_a_text_that_no_program_prints(name: str) -> None:
    parser, texts, rules = PARSERS[name]
    assert texts
    read = feed(text_of(*texts), parser, lambda text, told: there(text, told, derived=RULES | rules))
    assert read > 100


SAID = re.compile(r"^ *\d+\.\d+ (?:> )?((?:IFNAME=\S+ )?<3>[ACDI].*)", re.M)
LINES = sorted({line for text in recorded("events.*", longest=9000) for line in SAID.findall(text)})


def test_a_line_that_hostapd_never_says() -> None:
    def check(line: str, told: Event | None) -> None:
        if told is None:
            return
        there(line, told, derived=RULES | {"raw": anything, "ifname": anything, "mac": anything})
        assert len(told.mhz20) <= 24
        if told.frequency_mhz is not None:
            assert told.frequency_mhz in told.mhz20

    events = [line for line in LINES if parse_event.event(line) is not None]
    assert len({parse_event.event(line).kind for line in events}) > 8  # type: ignore[union-attr]  # see above
    assert feed(text_of(*events), parse_event.event, check) > 1000


def test_what_was_left_out_is_not_there() -> None:
    """Of a status without a frequency, and of a dump without the station, nothing is read of them."""
    (text, *_) = recorded("status.enabled*")
    without = "\n".join(line for line in text.splitlines() if not line.startswith("freq="))
    assert parse.status(without).frequency_mhz is None
    assert not [name for name, _ in leafs(parse.stations("")) if name]
