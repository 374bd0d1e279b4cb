"""`rrmd probe --replay`: a recording in the place of a device, and what is wrong with other files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from shared_data import shared_data
from typer.testing import CliRunner, Result

from agent.api import answers
from agent.cli.app import app

AP = "2.0.0.0.10.1"
RADIO = "1.3.6.1.4.1.14179.2.2.2.1"
SYSTEM = [
    ("1.3.6.1.2.1.1.1.0", 4, "Cisco Controller"),
    ("1.3.6.1.2.1.1.2.0", 6, "1.3.6.1.4.1.14179.1.1.4.3"),
    ("1.3.6.1.2.1.1.3.0", 67, "360000"),
    ("1.3.6.1.4.1.14179.1.1.1.4.0", 4, "SYNTHETIC1"),
    ("1.3.6.1.4.1.14179.1.1.1.14.0", 4, "8.10.1"),
]
RADIOS = [
    (f"1.3.6.1.4.1.14179.2.2.1.1.3.{AP}", 4, "lobby 1"),
    (f"1.3.6.1.4.1.14179.2.2.1.1.16.{AP}", 4, "AIR-TEST"),
    *(
        (f"{RADIO}.{column}.{AP}.{slot}", tag, value)
        for column, tag, values in (
            (1, 2, ("0", "1")),
            (2, 2, ("1", "2")),
            (3, 2, ("2", "1")),
            (4, 2, ("11", "52")),
            (6, 2, ("2", "1")),
            (12, 2, ("2", "2")),
            (15, 66, ("7", "0")),
            (22, 4, ("17,14,11,8", "20,17,14")),
            (34, 2, ("1", "1")),
        )
        for slot, value in enumerate(values)
    ),
    (f"1.3.6.1.4.1.14179.2.2.13.1.3.{AP}.0", 2, "31"),
]
SYNTHETIC = SYSTEM + RADIOS
"""Made up: a controller with one AP of two radios."""

WORDS = {2: "INTEGER", 4: "STRING", 6: "OID", 66: "Gauge32", 67: "Timeticks"}


def snmprec(items: list[tuple[str, int, str]]) -> str:
    return "".join(f"{oid}|{tag}|{value}\n" for oid, tag, value in items)


def walk(items: list[tuple[str, int, str]]) -> str:
    return "".join(f".{oid} = {WORDS[tag]}: {_printed(tag, value)}\n" for oid, tag, value in items)


def _printed(tag: int, value: str) -> str:
    return {4: f'"{value}"', 6: f".{value}", 67: f"({value}) 1:00:00.00"}.get(tag, value)


def probed(*words: str) -> Result:
    return CliRunner().invoke(app, ["probe", *words])


def recording(directory: Path, text: str | bytes, name: str = "wlc.txt") -> str:
    file = directory / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(file)


def told(*words: str) -> dict[str, Any]:
    result = probed("--replay", *words, "--json")
    answers.ProbeResult.model_validate_json(result.stdout)
    found: dict[str, Any] = json.loads(result.stdout)
    assert (found["errors"], result.exit_code) == ([], 0)
    return found


def test_a_recording_is_a_device(tmp_path: Path) -> None:
    found = told(recording(tmp_path, snmprec(SYNTHETIC)))
    assert found["device"]["vendor"] == "Cisco"
    assert found["device"]["version"] == "8.10.1"
    two, five = found["radios"]
    assert [(radio["ap"], radio["ap_name"], radio["name"]) for radio in (two, five)] == [
        ("02:00:00:00:0a:01", "lobby 1", "0"),
        ("02:00:00:00:0a:01", "lobby 1", "1"),
    ]
    assert (two["band"], two["channel"], two["tx_power_dbm"], two["clients"]) == ("2.4", 11, 14, 7)
    assert (five["band"], five["channel"], five["tx_power_dbm"], five["clients"]) == ("5", 52, 20, 0)
    assert (two["busy_ratio"], five["busy_ratio"]) == (0.31, None)
    assert (two["managed_by"], five["managed_by"]) == (None, "Cisco RRM")
    assert two["power_choices_dbm"] == [17, 14, 11, 8]
    assert two["fields"]["channel"]["source"] == f"{RADIO}.4"
    assert two["noise_dbm"] is None


def test_a_band_that_is_not_told_is_told_nowhere(tmp_path: Path) -> None:
    """Of an AP without MAC and name as well: the band that its inventory needs is no answer of the device."""
    unifi = "1.3.6.1.4.1.41112.1.6"
    lines = (
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10",
        f"{unifi}.1.1.1.3.1|4|8g",
        f"{unifi}.1.2.1.4.1|2|36",
        f"{unifi}.1.2.1.9.1|4|8g",
    )
    found = told(recording(tmp_path, "\n".join(lines) + "\n", "ap.snmprec"))
    assert found["found"][0]["radios"] == [{"name": "1", "band": None}]
    assert [radio["band"] for radio in found["radios"]] == [None]


def test_a_walk_tells_the_same(tmp_path: Path) -> None:
    one = told(recording(tmp_path, snmprec(SYNTHETIC)))
    other = told(recording(tmp_path, walk(SYNTHETIC)))
    assert one["radios"] == other["radios"]
    assert one["device"] == other["device"]


def test_a_person_gets_tables(tmp_path: Path) -> None:
    result = probed("--replay", recording(tmp_path, walk(SYNTHETIC)))
    assert (result.exit_code, result.stderr) == (0, "")
    for word in ("lobby 1", "02:00:00:00:0a:01", "Cisco RRM", "31.0%", f"{RADIO}.4", "(scope radio)"):
        assert word in result.stdout


def test_the_dialect_may_be_named_where_the_system_group_was_not_recorded(tmp_path: Path) -> None:
    file = recording(tmp_path, walk(RADIOS))
    result = probed("--replay", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--profile" in result.stderr
    assert "airespace" in result.stderr
    assert [radio["channel"] for radio in told(file, "--profile", "airespace")["radios"]] == [11, 52]


def test_a_row_that_makes_no_sense_is_told_once_and_nowhere_else(tmp_path: Path) -> None:
    broken = [(oid, tag, "999" if oid == f"{RADIO}.4.{AP}.1" else value) for oid, tag, value in SYNTHETIC]
    found = told(recording(tmp_path, snmprec(broken)))
    assert [radio["missing"] for radio in found["radios"]] == [None, "garbage"]
    (note,) = found["notes"]
    for word in ("snmp.row_refused", "999"):
        assert word in note
    text = probed("--replay", recording(tmp_path, snmprec(broken)))
    assert (text.stderr, text.stdout.count("snmp.row_refused")) == ("", 1)


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text(
        "name: mine\nsummary: made up\nmatch: {sys_object_id: [1.3.6.1.4.1.99999]}\n"
        "identity: {vendor: ACME}\nwidths_mhz: [20]\n"
        "tables:\n  radio: {oid: 1.3.6.1.4.1.99999.1, index: {slot: int}}\n"
        "radios: {table: radio, name: {part: slot}, band: {const: 5}}\n"
        "status: {channel: 2}\n"
    )
    items = [("1.3.6.1.2.1.1.2.0", 6, "1.3.6.1.4.1.99999.7"), ("1.3.6.1.4.1.99999.1.2.3", 2, "149")]
    found = told(recording(tmp_path, walk(items)), "--profile", str(profile))
    assert [(radio["name"], radio["channel"]) for radio in found["radios"]] == [("3", 149)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        (b"\x7fELF\0\0\0", "binary"),
        (gzip.compress(b"1|2|3", mtime=0), "unpack"),
        (b"\xff\xfe1\x00", "UTF-16"),
        ("hello\nworld\n", "snmpwalk -On"),
        ("1.3.6.1.2.1.1.2.0|6\n", "line 1"),
        ("1.3.6.1.2.1.1.1.0|4|x\n1.3.6|2|many\n", "line 2"),
        ("SNMPv2-MIB::sysDescr.0 = STRING: x\n", "snmpwalk -On"),
        (snmprec(SYSTEM[:1]), "sysObjectID"),
    ],
)
def test_a_wrong_file_is_wrong_usage_and_says_what_to_do(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    file = recording(tmp_path, text)
    result = probed("--replay", file)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"rrmd: {file}: ")
    assert said in line


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big.txt").open("wb") as file:
        file.write(snmprec(SYNTHETIC).encode())
        file.truncate(65 * 2**20)  # a hole, not 65 MB
    result = probed("--replay", file.name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "big.txt: more than 64 MB" in result.stderr


def test_a_recording_with_a_mark_of_utf_8_is_one(tmp_path: Path) -> None:
    marked = recording(tmp_path, b"\xef\xbb\xbf" + walk(SYNTHETIC).encode())
    assert [radio["channel"] for radio in told(marked)["radios"]] == [11, 52]


@pytest.mark.parametrize(
    "name", ["lobby-1", "Lobby 1", "0200.0000.0a01", "02-00-00-00-0A-01", "probe/lobby-1", "probe/lobby-1/r5"]
)
def test_an_ap_of_a_recording_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    file = recording(tmp_path, snmprec(SYNTHETIC))
    assert {radio["ap"] for radio in told(file, name)["radios"]} == {"02:00:00:00:0a:01"}
    other = probed("02:00:00:00:0a:02", "--replay", file)
    assert "it answers for no AP 02:00:00:00:0a:02 with radios" in other.stderr


def test_a_controller_that_tells_aps_and_no_radio_names_them(tmp_path: Path) -> None:
    """The MIB of a SmartZone knows no radio: no login is to blame."""
    entry, ap = "1.3.6.1.4.1.25053.1.4.2.1.1.2.2.1", "2.0.0.0.10.1"
    items = [
        ("1.3.6.1.2.1.1.2.0", 6, "1.3.6.1.4.1.25053.3.1.10"),
        (f"{entry}.5.{ap}", 4, "lobby"),
        (f"{entry}.16.{ap}", 2, "1"),
    ]
    result = probed("--replay", recording(tmp_path, snmprec(items)), "--profile", "ruckus-smartzone")
    assert "it tells of APs, and of no radio of theirs: lobby (02:00:00:00:0a:01)" in result.stdout
    assert "login" not in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--replay", "nowhere.txt"), "nowhere.txt: no such file"),
        (("--replay", "."), "not a file"),
        (("--replay", "x", "--driver", "hostapd"), "hostapd"),
        (("--replay", "x", "--profile", "nothing"), "there is no nothing"),
        (("--replay", "x", "--profile", "nothing.yaml"), "nothing.yaml"),
        (("--replay", "x", "--address", "192.0.2.1"), "--replay"),
    ],
)
def test_what_cannot_be_replayed_is_wrong_usage(words: tuple[str, ...], said: str) -> None:
    result = probed(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_device_that_nobody_knows_says_how_to_go_on(tmp_path: Path) -> None:
    items = [("1.3.6.1.2.1.1.1.0", 4, "A box"), ("1.3.6.1.2.1.1.2.0", 6, "1.3.6.1.4.1.99999.1")]
    result = probed("--replay", recording(tmp_path, snmprec(items)))
    assert result.exit_code == 1
    for word in ("1.3.6.1.4.1.99999.1", "A box", "airespace", "docs/snmp.md"):
        assert word in result.stderr


def test_a_device_whose_tables_are_empty_says_so(tmp_path: Path) -> None:
    result = probed("--replay", recording(tmp_path, snmprec(SYSTEM)), "--profile", "airespace")
    assert result.exit_code == 0
    assert "tables of radios are empty" in result.stdout
    assert "Cisco" in result.stdout


REAL = """\
14:16:9d:24:ec:80 0 2.4 1  16 0.10 0 Cisco RRM
14:16:9d:24:ec:80 1 5   36 16 0.19 1 None
a0:0f:37:1a:08:80 0 2.4 1  20 0.15 3 Cisco RRM
a0:0f:37:1a:08:80 1 5   36 23 0.07 5 Cisco RRM
a0:0f:37:1a:0a:c0 0 2.4 1  20 0.07 5 Cisco RRM
a0:0f:37:1a:0a:c0 1 5   36 23 0.06 4 Cisco RRM
a0:0f:37:1a:10:e0 0 2.4 1  20 0.31 0 Cisco RRM
a0:0f:37:1a:10:e0 1 5   36 23 0.06 5 Cisco RRM
"""
"""Columns 4, 6 with 22, 13.1.3, 15 and 3 of ciscowlc_cbw240ac, read by hand."""


def test_a_real_controllers_recording_as_it_reads_by_hand() -> None:
    found = told(str(shared_data("snmp", "ciscowlc_cbw240ac.snmprec")))
    names = ("ap", "name", "band", "channel", "tx_power_dbm", "busy_ratio", "clients", "managed_by")
    rows = [[str(radio[name]) for name in names] for radio in found["radios"]]
    wanted = [line.split(maxsplit=7) for line in REAL.splitlines()]
    assert sorted(_numbers(row) for row in rows) == sorted(_numbers(row) for row in wanted)


def _numbers(row: list[str]) -> tuple[Any, ...]:
    return (*row[:3], *map(float, row[3:7]), row[7])
