"""10,000 malformed answers of ubus for each parser, notifications and lines of the log; and whole polls."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from fuzzing import TIMES, VALUES, anything, between, body_of, dict_of, feed, text_of, there

from drivers.hostapd.parse_event import Event
from drivers.openwrt import parse_event, parse_hostapd, parse_iwinfo, parse_rpc, parse_wireless, ubus_http
from drivers.openwrt.identity import identity
from drivers.openwrt.ubus import Answer, Call
from inventory.channels import channel_of
from inventory.model import Band

CALL = Call(object="iwinfo", method="info")
MAC = "02:00:00:00:02:00"
# Synthetic, in the shapes that an AP answers with.
INFO = {
    "phy": "phy0",
    "country": "US",
    "center_chan1": 42,
    "frequency": 5180,
    "txpower": 23,
    "htmodes": ["HE20", "HE80"],
    "htmode": "HE80",
}
CLIENTS = {
    "results": [
        {
            "mac": MAC,
            "signal": -50,
            "connected_time": 11,
            "tx": {"failed": 1, "retries": 2, "packets": 38, "bytes": 4309},
        }
    ]
}
SURVEY = {
    "results": [
        {"mhz": 5180, "noise": 164, "active_time": 112, "busy_time": 14, "rx_time": 3, "tx_time": 2},
        {"mhz": 2412, "noise": -91, "active_time": 50, "busy_time": 50},
    ]
}
FREQUENCIES = {"results": [{"channel": 36, "mhz": 5180, "restricted": False}, {"channel": 1, "mhz": 2412}]}
POWERS = {"results": [{"dbm": 20, "mw": 100}, {"dbm": 23, "mw": 199}]}
SCAN = {
    "results": [
        {
            "bssid": MAC,
            "ssid": "x",
            "signal": -61,
            "band": 5,
            "channel": 36,
            "mhz": 5180,
            "ht_operation": {"primary_channel": 36, "secondary_channel_offset": "above"},
            "vht_operation": {"channel_width": 80, "center_freq_1": 42, "center_freq_2": 50},
        },
        {"bssid": MAC, "signal": -70, "channel": 40},
    ]
}
STATUS = {
    "status": "ENABLED",
    "bssid": MAC,
    "ssid": "x",
    "freq": 5180,
    "op_class": 128,
    "phy": "phy0",
    "airtime": {"time": 112, "time_busy": 14, "utilization": 31},
    "dfs": {"cac_seconds": 60, "cac_active": True, "cac_seconds_left": 12},
}
WIRELESS = {
    "radio0": {
        "up": True,
        "config": {
            "band": "5g",
            "channel": "36",
            "htmode": "HE80",
            "country": "US",
            "channels": ["36-48"],
        },
        "interfaces": [{"section": "w", "ifname": "phy0-ap0", "config": {"mode": "ap", "ssid": "x"}}],
    },
    "radio1": {"config": {"hwmode": "11g", "channel": 6, "disabled": "1"}},
}
BOARD = {
    "model": "m",
    "hostname": "h",
    "release": {"distribution": "OpenWrt", "version": "v", "revision": "r"},
}
PORTS = {"br-lan": {"macaddr": MAC}, "eth1": {"macaddr": "02:00:00:00:00:01"}}
LOGGED = {"log": [{"id": 7, "msg": "hostapd: phy0-ap0: AP-ENABLED", "time": 1}, {"id": 8, "msg": "x"}]}

Rules = Mapping[str, Callable[[Any], bool]]
RULES: Rules = {
    "frequency_mhz": lambda mhz: channel_of(mhz) is not None,
    "width_mhz": lambda mhz: mhz in (20, 40, 80, 160, 320),
    "center_mhz": between(2300, 7300),
    "tx_power_dbm": between(-30, 60),
    "noise_dbm": between(-128, -1),
    "signal_dbm": between(-128, -1),
    "channel": between(1, 233),
    "busy_ratio": between(0, 1),
    "cac_s": between(0, 86_400),
    "cac_left_s": between(0, 86_400),
    "active_ms": between(1, 2**53),
    "mode": anything,
    "section": anything,
    "source": anything,
}


def in_each_band(parser: Callable[..., object], *more: object) -> Callable[[dict[str, Any]], object]:
    return lambda said: [parser(said, band, *more) for band in Band]


def clients(said: dict[str, Any]) -> object:
    return parse_iwinfo.clients(said, None)


def who(said: dict[str, Any]) -> object:
    return identity(said, said)


Parser = Callable[[dict[str, Any]], object]
OBJECTS: dict[str, tuple[Parser, Mapping[str, Any], Rules]] = {
    "get_status": (parse_hostapd.status, STATUS, {}),
    "info": (parse_iwinfo.info, INFO, {}),
    "assoclist": (clients, CLIENTS, {}),
    "survey": (in_each_band(parse_iwinfo.survey, 5180), SURVEY, {}),
    "freqlist": (in_each_band(parse_iwinfo.allowed), FREQUENCIES, {}),
    "txpowerlist": (parse_iwinfo.powers, POWERS, {}),
    "scan": (in_each_band(parse_iwinfo.neighbors), SCAN, {}),
    "wireless": (parse_wireless.radios, WIRELESS, {"options": anything}),  # as told, only to be compared
    "uci": (parse_wireless.sections, {"values": WIRELESS}, {"": anything, "[]": anything}),
    "log read": (ubus_http._log_rows, LOGGED, {}),
    "board": (who, {**BOARD, **PORTS}, {"vendor": anything, "model": anything, "version": anything}),
}


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_an_object_that_no_ap_answers_with(name: str) -> None:
    parser, true, rules = OBJECTS[name]

    def check(said: dict[str, Any], told: object) -> None:
        there(_plain(said), told, derived={**RULES, **rules})

    assert feed(dict_of(true), parser, check) > 100


def _plain(said: object) -> str:
    """All keys and values, a word each."""
    if isinstance(said, dict):
        return " ".join(f"{key} {_plain(value)}" for key, value in said.items())
    if isinstance(said, list):
        return " ".join(map(_plain, said))
    return str(said) if not isinstance(said, bool | float) else str(int(abs(said)) if abs(said) < 1e30 else 0)


ROW = {"jsonrpc": "2.0", "id": 7, "result": [0, {"a": 1}]}
ROWS = (
    *(ROW, [ROW, {**ROW, "id": 8}], {**ROW, "result": [6]}, {**ROW, "result": [0]}),
    {"jsonrpc": "2.0", "id": 7, "error": {"code": -32002, "message": "Access denied"}},
    {"jsonrpc": "2.0", "id": 7, "error": {"code": -32000, "message": "Object not found"}},
)


def test_a_body_that_no_uhttpd_sends() -> None:
    """Each call that was asked has one answer: data that is there, or an error."""
    asked = {7: CALL, 8: CALL}

    def check(body: bytes, told: Mapping[int, Answer]) -> None:
        assert set(told) == {7, 8}
        for answer in told.values():
            if answer.error is None and answer.data:
                assert set(answer.data) <= set(_keys(json.loads(body)))

    assert feed(body_of(*ROWS), lambda body: parse_rpc.answers(body, asked), check) > 1000


def _keys(said: object) -> Iterable[str]:
    if isinstance(said, dict):
        yield from said
    for each in said.values() if isinstance(said, dict) else said if isinstance(said, list) else ():
        yield from _keys(each)


def test_a_list_of_methods_that_no_uhttpd_sends() -> None:
    true = {"jsonrpc": "2.0", "id": 7, "result": {"hostapd": {"switch_channel": {"freq": "number"}}}}

    def check(body: bytes, told: frozenset[str]) -> None:
        assert told <= set(_keys(json.loads(body)))

    assert feed(body_of(true), lambda body: parse_rpc.methods(body, 7, "hostapd"), check) > 100


def test_a_login_that_no_rpcd_answers() -> None:
    true = {"ubus_rpc_session": "0a" * 16, "acls": {"ubus": {"iwinfo": ["info", "survey"], "x*": ["*"]}}}

    def check(said: Mapping[str, Any], grant: parse_rpc.Grant) -> None:
        assert len(grant.session) == 32
        assert grant.may("uci", "apply") is (grant.rights is None), "a right that nobody gave"

    assert feed(dict_of(true), parse_rpc.grant, check) > 100


def test_what_no_ubus_call_prints() -> None:
    def check(given: tuple[int, str], answer: Answer) -> None:
        if answer.error is None and answer.data:
            assert given[0] == 0
            assert set(answer.data) <= set(_keys(json.loads(given[1])))

    text = text_of(json.dumps(INFO), json.dumps(SURVEY), "Command failed: Not found\n", "")

    def make(dice: random.Random) -> tuple[int, str]:
        return dice.choice((0, 0, 0, 0, 4, 7, 127, 255, 253, -1, 999)), text(dice)

    assert feed(make, lambda given: parse_rpc.cli_answer(CALL, *given), check) > 1000


NOTIFIED = (
    ("channel-switch", {"freq": 5180}),
    ("radar-detected", {"frequency": 5260, "width": 3, "center1": 5290, "center2": 0}),
    ("assoc", {"address": MAC}),
    ("deauth", {"address": MAC, "reason": 3}),
)
EVENT_RULES: Rules = {
    **RULES,
    "mhz20": lambda mhz: channel_of(mhz) is not None,
    "raw": anything,
    "ifname": anything,
}


def test_a_notification_that_hostapd_never_sends() -> None:
    makers = [(kind, dict_of(data)) for kind, data in NOTIFIED]

    def make(dice: random.Random) -> tuple[str, dict[str, Any]]:
        kind, maker = dice.choice(makers)
        return (kind if dice.random() < 0.95 else dice.choice(("", "x", "radar"))), maker(dice)

    def check(given: tuple[str, dict[str, Any]], told: Event | None) -> None:
        there(_plain(given[1]), told, derived=EVENT_RULES)
        assert told is None or len(told.mhz20) <= 24

    assert feed(make, lambda given: parse_event.of_ubus("phy0-ap0", *given), check) > 1000


def test_a_line_that_ubus_subscribe_never_prints() -> None:
    lines = [json.dumps({kind: data}) for kind, data in NOTIFIED]

    def check(line: str, told: object) -> None:
        assert told is None or getattr(told, "kind", "") in json.loads(line)

    assert feed(text_of(*lines), lambda line: parse_rpc.cli_event("hostapd.phy0-ap0", line), check) > 1000


def test_data_of_a_stream_that_no_uhttpd_sends() -> None:
    lines = [json.dumps(data) for _, data in NOTIFIED]

    def check(line: str, told: Mapping[str, Any]) -> None:
        assert not told or told == json.loads(line)

    assert feed(text_of(*lines), ubus_http._event_data, check) == TIMES


LOG = (
    "hostapd: phy0-ap0: DFS-RADAR-DETECTED freq=5260 ht_enabled=1 chan_offset=1 chan_width=3 cf1=5290 cf2=0",
    "daemon.notice hostapd[1]: phy0-ap0: AP-STA-CONNECTED 02:00:00:00:02:00 auth_alg=open",
    "hostapd: phy1-ap0: CTRL-EVENT-CHANNEL-SWITCH freq=5180 ch_offset=1 ch_width=80 MHz cf1=5210",
    "hostapd: phy0-ap0: DFS-CAC-START freq=5260 chan=52 sec_chan=1, width=1, seg0=58, seg1=0, cac_time=60s",
    "hostapd: phy0-ap0: INTERFACE-DISABLED ",
)


def test_a_line_of_the_log_that_hostapd_never_writes() -> None:
    def check(line: str, told: Event | None) -> None:
        there(line, told, derived=EVENT_RULES)
        assert told is None or len(told.mhz20) <= 24

    assert feed(text_of(*LOG), parse_event.of_log, check) > 1000


def test_the_values_that_are_tried_are_none_of_the_true_ones() -> None:
    assert not {MAC, "phy0", "HE80"} & {each for each in VALUES if isinstance(each, str)}
