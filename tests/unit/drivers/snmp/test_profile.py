"""Profile files: what is refused and how it is told, and that the one in the docs does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drivers.snmp.driver import family
from drivers.snmp.load import profile_of_file, read, shipped
from drivers.snmp.parse import read as read_radio
from drivers.snmp.parse_answer import Answer
from drivers.snmp.parse_radio import located
from drivers.snmp.parse_status import Request
from drivers.snmp.profile import Profile
from drivers.types import Counters, Gauges, Reported, Table
from inventory.model import Band, RadioKey
from inventory.site_error import SiteErrors

DOC = Path(__file__).parents[4] / "docs" / "snmp.md"
ENTRY = "1.3.6.1.4.1.99999"


def example() -> str:
    """The profile in the docs."""
    blocks: list[str] = re.findall(r"```yaml\n(.*?)```", DOC.read_text(), re.S)
    return next(block for block in blocks if block.startswith("name: acme"))


def acme() -> Profile:
    return read(example().encode(), "acme.yaml")


def broken(change: tuple[str, str]) -> str:
    """What is said of the docs' profile after a change."""
    text = example()
    assert change[0] in text
    with pytest.raises(SiteErrors) as refusal:
        read(text.replace(*change).encode(), "acme.yaml")
    return str(refusal.value)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_each_shipped_profile_is_named_after_its_file(name: str) -> None:
    assert shipped()[name].summary


def test_a_vendor_in_one_file() -> None:
    """The docs' profile reads a device that nobody here has."""
    answer = Answer(
        acme(),
        {
            f"{ENTRY}.2.1.2.1": b"wifi0",
            f"{ENTRY}.2.1.3.1": b"na",
            f"{ENTRY}.2.1.4.1": b"44E",
            f"{ENTRY}.2.1.5.1": 43,
            f"{ENTRY}.2.1.6.1": 37,
            f"{ENTRY}.2.1.7.1": 94,
            f"{ENTRY}.3.1.2.1": 1,
            f"{ENTRY}.3.1.2.2": 1,
            f"{ENTRY}.3.1.2.3": 2,
            f"{ENTRY}.3.1.3.1": 1000,
            f"{ENTRY}.3.1.3.2": 500,
            f"{ENTRY}.3.1.3.3": 9,
            f"{ENTRY}.3.1.5.1": 3,
            f"{ENTRY}.3.1.5.2": 4,
        },
    )
    (radio,) = located(answer)
    request = Request(tables=frozenset(Table), at_s=1.0)
    reading = read_radio(answer, radio, RadioKey("s/a/r"), Band.GHZ_5, request).reading
    assert reading is not None
    assert (radio.name, reading.band) == ("wifi0", Band.GHZ_5)
    assert reading.channel == Reported(44, f"{ENTRY}.2.1.4")
    assert reading.width_mhz == Reported(80, f"{ENTRY}.2.1.4")
    assert reading.center_mhz == Reported(5210, f"{ENTRY}.2.1.4")
    assert reading.tx_power_dbm == Reported(21.5, f"{ENTRY}.2.1.5")
    assert reading.gauges == Gauges(busy_ratio=0.37, noise_dbm=-94)
    assert reading.counters == Counters(tx_frames=1500, width_bits=32, epoch=" 1 2")
    assert reading.client_count == 7


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("gauges:", "gauge:"), "acme.yaml:19: gauge: expected a known key, got an unknown key"),
        (("noise_dbm:", "noise:"), "acme.yaml:21: gauges.noise: expected a known key"),
        (("column: 6", "column: load.6"), "no table load; there are radio, vap"),
        (("index: {vap: int}", "index: {vap: number}"), "acme.yaml:10: tables.vap.index.vap"),
        (("(\\S+)", "\\S+"), "a pattern with exactly one group"),
        (
            ("(\\S+)", "(\\S+"),
            "acme.yaml:6: identity.model.pattern: expected a regular expression (missing ), ",
        ),
        (
            ("(\\S+)", "(a{9999999999})"),
            "acme.yaml:6: identity.model.pattern: expected a regular expression (",
        ),
        (
            ("99999.1}\n", "99999.1, sys_descr: '(['}\n"),
            "acme.yaml:3: match.sys_descr: expected a regular expression (unterminated",
        ),
        (("(\\S+)", "\\S+"), "acme.yaml:6: identity.model.pattern: expected a pattern"),
        (("times: 0.5", "times: often"), "acme.yaml:18: status.tx_power_dbm.times: expected"),
        (("times: 0.5", "times: often"), ", got often"),
        (("name: 2 ", "name: two "), "acme.yaml:13: radios.name: expected"),
        (("name: 2 ", "name: two "), ", got two"),
        (("none: [0]", "none: [{a: 1}]"), "acme.yaml:21: gauges.noise_dbm.none[0]: expected"),
        (("refresh_s: {survey: 30}", "refresh_s: {survey: often}"), "refresh_s.survey: expected"),
        (("{column: 5, times: 0.5}", "{column: 5, part: radio}"), "exactly one of column, part, oid, const"),
        (("name: 2 ", "name: {part: slot} "), "the index of radio has no part slot"),
        (("match: {sys_object_id: 1.3.6.1.4.1.99999.1}", "match: {}"), "how a device is recognised"),
        (("  radio: {oid: 1.3", "  radio: {oid: .1.3"), "acme.yaml:9: tables.radio.oid"),
        (
            ("summary: Acme standalone APs\n", ""),
            "acme.yaml:1: summary: expected the key summary, got nothing",
        ),
    ],
)
def test_a_mistake_is_told_with_line_and_path(change: tuple[str, str], told: str) -> None:
    assert told in broken(change)


SET = "refresh_s:", "set: {%s}\nrefresh_s:"


def setting(text: str) -> tuple[str, str]:
    return SET[0], SET[1] % text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("ng: 2.4", "ng: 24"), "acme.yaml:14: radios.band.map.ng: expected one of 2.4, 5, 6, got 24"),
        (
            ("{column: 3, map: {ng: 2.4, na: 5}}", "{const: 7}"),
            "acme.yaml:14: radios.band.const: expected one of 2.4, 5, 6, got 7",
        ),
        (
            ("status:\n", "status:\n  state: {column: 8, map: {1: on}}\n"),
            "acme.yaml:16: status.state.map.1: expected one of on_air,",
        ),
        (("times: 0.5", "times: nan"), "acme.yaml:18: status.tx_power_dbm.times: expected"),
        (("times: 0.5", "times: 0.5, plus: inf"), "acme.yaml:18: status.tx_power_dbm.plus: expected"),
        (("range: [0, 1]", "range: [0, inf]"), "acme.yaml:20: gauges.busy_ratio.range[1]: expected"),
        (("range: [0, 1]", "range: [1, 0]"), "acme.yaml:20: gauges.busy_ratio: expected range: the lower"),
        (("index: {radio: int}", "index: {}"), "acme.yaml:9: tables.radio.index: expected"),
        (
            setting("tx_power_dbm: {steps: [{column: radio.5, of: channel}]}"),
            "set.tx_power_dbm.steps[0].of: expected tx_power_dbm, what is being set, got channel",
        ),
        (
            ("refresh_s:", "restart: [{column: radio.5, of: enabled}]\nrefresh_s:"),
            "restart[0].of: expected const: nothing is set, got enabled",
        ),
        (
            setting("channel: {steps: [{column: vap.5, of: channel}]}"),
            "set.channel.steps[0].column: expected a table whose rows a row of radio names; nothing",
        ),
        (
            setting("channel: {steps: [{column: radio.4, of: channel}], allowed: [[36, 1]]}"),
            "set.channel.allowed[0]: expected the lower value first",
        ),
        (
            setting(
                "obss_pd_dbm: {scope: device, rows: {all: 1}, steps:"
                " [{column: vap.4, const: 1}, {column: radio.4, of: obss_pd_dbm}]}"
            ),
            "set.obss_pd_dbm.steps[1].column: expected a column of vap, which the rows are of, got radio.4",
        ),
        (("keys: {radio: 2}", "keys: {slot: 2}"), "acme.yaml:10: tables.vap.keys.slot: expected a name that"),
        (("keys: {radio: 2}", "keys: {vap: 2}"), "keys.vap: expected another name than that of a part"),
        (("keys: {radio: 2}", "keys: {radio: radio.2}"), "keys.radio: expected a column of the table vap"),
        (
            ("  table: radio\n", "  table: radio\n  also: [vap]\n"),
            "radios.also[0]: expected a table with the same",
        ),
    ],
)
def test_what_could_only_fail_later_is_refused(change: tuple[str, str], told: str) -> None:
    assert told in broken(change)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"/nowhere/x\.yaml: No such file"):
        profile_of_file("/nowhere/x.yaml")


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(example())
    first = profile_of_file(str(file))
    assert profile_of_file(str(file)) is first
    file.write_text(example().replace("summary: Acme standalone APs", "summary: Acme APs of any kind"))
    assert profile_of_file(str(file)).summary == "Acme APs of any kind"
    file.write_text("name: acme")
    with pytest.raises(SiteErrors, match="the key summary"):
        profile_of_file(str(file))


def test_the_family_can_do_what_any_dialect_can() -> None:
    each = family.profiles.values()
    assert family.capabilities.tables == frozenset().union(*(able.tables for able in each))
    assert family.capabilities.actions == frozenset().union(*(able.actions for able in each))
    assert set(family.capabilities.widths_mhz) == {width for able in each for width in able.widths_mhz}
    settings = {(name, scope) for able in each for name, scope in able.settings.items()}
    assert set(family.capabilities.settings.items()) == settings
    assert set(family.capabilities.signal_ways) == {way for able in each for way in able.signal_ways}
