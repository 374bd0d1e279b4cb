"""Ten thousand answers that no AP gives: each is a reading of what is there, or none; memory stays flat."""

from __future__ import annotations

import gc
import json
import random
import tracemalloc
from collections.abc import Mapping
from typing import Any, Final

from drivers.errors import DriverError, Garbage
from drivers.hostapd import parse as parse_cli
from drivers.hostapd import parse_phy
from drivers.openwrt import parse_rpc, standing
from drivers.openwrt.asked import Answers, Missing, calls
from drivers.openwrt.find import find
from drivers.openwrt.identity import identity
from drivers.openwrt.parse_wireless import radios, sections
from drivers.openwrt.reading import reading
from drivers.openwrt.standing import Local
from drivers.openwrt.ubus import Answer, Call
from drivers.types import RadioReading, ScopeRef, Table
from inventory.channels import channel_of
from inventory.model import Band, Radio, RadioKey

TIMES: Final = 10_000
POLLS: Final = TIMES // 7  # of so many answers each
KEY = RadioKey("north/ap1/r5")
TABLES = frozenset({Table.STATUS, Table.SURVEY, Table.CLIENTS})
WIRELESS = Call(object="network.wireless", method="status")
# Synthetic, in the shape that an AP answers with.
TRUE: Final[Mapping[str, Any]] = {
    "network.wireless status": {
        "radio0": {
            "up": True,
            "pending": False,
            "disabled": False,
            "config": {
                "band": "5g",
                "channel": "36",
                "htmode": "HE80",
                "country": "US",
                "channels": ["36-48"],
            },
            "interfaces": [{"section": "w", "ifname": "phy0-ap0", "config": {"mode": "ap", "ssid": "x"}}],
        }
    },
    "hostapd.phy0-ap0 get_status": {
        "status": "ENABLED",
        "bssid": "02:00:00:00:00:00",
        "ssid": "x",
        "freq": 5180,
        "op_class": 128,
        "phy": "phy0",
        "airtime": {"time": 112, "time_busy": 14, "utilization": 31},
        "dfs": {"cac_seconds": 60, "cac_active": False, "cac_seconds_left": 0},
    },
    "iwinfo info": {
        "phy": "phy0",
        "country": "US",
        "center_chan1": 42,
        "frequency": 5180,
        "txpower": 23,
        "htmodes": ["HE20", "HE80"],
        "htmode": "HE80",
    },
    "iwinfo freqlist": {"results": [{"channel": 36, "mhz": 5180, "restricted": False}]},
    "iwinfo txpowerlist": {"results": [{"dbm": 20, "mw": 100}, {"dbm": 23, "mw": 199}]},
    "iwinfo survey": {"results": [{"mhz": 5180, "noise": 164, "active_time": 112, "busy_time": 14}]},
    "iwinfo assoclist": {
        "results": [
            {
                "mac": "02:00:00:00:02:00",
                "signal": -50,
                "connected_time": 11,
                "tx": {"failed": 1, "retries": 2, "packets": 38, "bytes": 4309},
            }
        ]
    },
}
CLI = "state=DFS\nphy=phy0\nfreq=5260\ncac_time_seconds=60\ncac_time_left_seconds=42\nbss[0]=phy0-ap0\n"
CHANNELS = "Band 2:\n\t* 5260 MHz [52] \n\t  Radar detection\n\t  DFS state: usable (for 27 sec)\n"
NUMBERS: Final = (-1, 0, 255, 256, 2**31, 2**63, 1e308, -86)
ODD: Final[tuple[Any, ...]] = (None, True, "", "x" * 5000, [], {}, [[]], "5180", "\x00", *NUMBERS)


def _twisted(value: Any, dice: random.Random) -> Any:
    """One leaf or branch of it replaced, dropped or doubled."""
    if dice.random() < 0.15 or not isinstance(value, (dict, list)) or not value:
        return dice.choice(ODD)
    if isinstance(value, list):
        at = dice.randrange(len(value))
        changed = [*value[:at], _twisted(value[at], dice), *value[at + 1 :]]
        return value + value if dice.random() < 0.1 else changed
    key = dice.choice(list(value))
    if dice.random() < 0.1:
        return {name: each for name, each in value.items() if name != key}
    return {**value, key: _twisted(value[key], dice)}


def _cut(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text))
    return dice.choice((text[:at], text[at:], text[:at] + chr(dice.randrange(300)) + text[at + 1 :]))


def _answered(call: Call, dice: random.Random) -> Answer:
    """Through the text of JSON-RPC, which is broken in places too."""
    said = TRUE[f"{call.object} {call.method}"]
    row = {"jsonrpc": "2.0", "id": 7, "result": [0, said]}
    if dice.random() < 0.2:
        row = _twisted(row, dice)
    body = json.dumps(row)
    if dice.random() < 0.02:
        body = _cut(body, dice)
    try:
        return parse_rpc.answers(body.encode("utf-8", "replace"), {7: call})[7]
    except Garbage as error:
        return Answer(error=error)


def _read(dice: random.Random) -> RadioReading | None:
    try:
        devices = radios(_answered(WIRELESS, dice).result())
        found = find(Radio(key=KEY, band=Band.GHZ_5), devices)
        if found is None:
            return None
        asked = [call for call in calls(found, TABLES, lists=True) if f"{call.object} {call.method}" in TRUE]
        answers = Answers.of(asked, [_answered(call, dice) for call in asked])
        local = Local()
        if dice.random() < 0.2:
            local = standing.local_of(Band.GHZ_5, _cut(CLI, dice), _cut(CHANNELS, dice))
        device = next(each for each in devices if each.section == found.section)
        here = standing.base(found, device, answers, local, dice.random() * 3000)
        standing.config(here, ScopeRef(kind="radio", name="x", members=(KEY,)))
        standing.occupied(here)
        return reading(found, here, answers, TABLES, 1.0)
    except (DriverError, Missing):
        return None


def _makes_sense(told: RadioReading) -> None:
    if told.channel is not None:
        assert told.width_mhz is None or told.width_mhz.value in (20, 40, 80, 160, 320)
    for row in told.survey or ():
        channel_of(row.frequency_mhz)
        assert row.active_ms is not None
        assert (row.busy_ms or 0) <= row.active_ms
    for client in told.clients or ():
        assert len(client.mac) == 17
        assert (client.tx_retries or 0) >= 0
    if told.gauges is not None:
        assert 0 <= (told.gauges.busy_ratio or 0) <= 1


def test_polls_of_ten_thousand_mutated_answers() -> None:
    dice = random.Random(1)
    read = 0
    for number in range(POLLS):
        if number == POLLS - 300:
            gc.collect()
            tracemalloc.start()
        told = _read(dice)
        if told is not None:
            read += 1
            _makes_sense(told)
    del told
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert POLLS // 4 < read < POLLS
    assert kept < 500_000


def test_ten_thousand_texts_for_each_parser_of_programs_and_files() -> None:
    dice = random.Random(2)
    for _ in range(TIMES):
        for parse, text in ((parse_cli.status, CLI), (parse_phy.channels, CHANNELS)):
            try:
                parse(_cut(text, dice))
            except Garbage:
                continue
        identity(_mapping(_twisted({"model": "m", "release": {"version": "v"}}, dice)), {})
        try:
            sections(_mapping(_twisted({"values": {"radio0": {"channel": "36"}}}, dice)))
        except Garbage:
            continue


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
