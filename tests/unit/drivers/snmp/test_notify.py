"""Each vendor's traps -> signals, by the profiles that come with the driver."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from trap_cases import AP, AT_S, DEVICE, GAP, LOBBY, MAC_SUFFIX, R5, Case, controller, controller_rows
from trap_cases_cisco import BASE, CHANNEL, CISCO, SIGNATURE, VAR, at
from trap_cases_others import OTHERS

from drivers.notifications import Notification
from drivers.signals import (
    AttackHeard,
    InterferenceHeard,
    RadarDetected,
    RadioFault,
    RogueHeard,
    Signal,
)
from drivers.snmp.load import read, shipped
from drivers.snmp.notify import Rules
from drivers.snmp.notify_where import Places, Whereabouts
from drivers.snmp.notify_words import Group, Means
from drivers.snmp.parse_value import Result
from inventory.site_error import SiteErrors

CASES = [*CISCO, *OTHERS]
RULES: Mapping[str, Rules] = {name: Rules(profile) for name, profile in shipped().items()}


def unproven(case: Case) -> tuple[Signal, ...]:
    if case.unproven is not None:
        return case.unproven
    return tuple(_unproven(signal) for signal in case.proven)


def _unproven(signal: Signal) -> Signal:
    if isinstance(signal, RadarDetected | InterferenceHeard | RogueHeard | AttackHeard | RadioFault):
        return replace(signal, authenticated=False)
    return signal


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_proven_trap_becomes(case: Case) -> None:
    told = RULES[case.profile].signals(case.notification(authenticated=True), DEVICE, case.where)
    assert told == case.proven


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_an_unproven_trap_becomes(case: Case) -> None:
    """Nothing that the agent would act on by itself."""
    told = RULES[case.profile].signals(case.notification(authenticated=False), DEVICE, case.where)
    assert told == unproven(case)
    assert all(each == GAP[0] or not getattr(each, "authenticated", True) for each in told)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_v1_trap_means_the_same(case: Case) -> None:
    """RFC 3584 puts a 0 before the last number."""
    head, _, last = case.trap.rpartition(".")
    v1 = case.trap if head.endswith(".0") else f"{head}.0.{last}"
    note = replace(case.notification(authenticated=True), trap=v1)
    told = RULES[case.profile].signals(note, DEVICE, case.where)
    assert [type(each) for each in told] == [type(each) for each in case.proven]


@pytest.mark.parametrize("name", sorted(RULES))
def test_each_trap_of_a_profile_is_tried(name: str) -> None:
    tried = {case.trap for case in CASES if case.profile == name and case.proven}
    named = {f"{g.base}.{t.trap}" for g in groups(name) for t in g.traps}
    assert named <= tried


def groups(name: str) -> list[Group]:
    return [Group.model_validate(raw) for raw in shipped()[name].notifications]


def test_a_trap_that_no_profile_names_says_nothing() -> None:
    note = Notification(
        at_s=AT_S, source="192.0.2.1", trap="1.3.6.1.4.1.14179.2.6.3.999", varbinds={}, authenticated=True
    )
    assert RULES["airespace"].signals(note, DEVICE, controller()) == ()


@pytest.mark.parametrize(
    ("traps", "why"),
    [
        ([{"trap": "1", "means": "rogue"}], "rogue needs bssid"),
        ([{"trap": "1", "means": "radar_cleared"}], "radar_cleared needs channel"),
        ([{"trap": "1", "means": "attack"}], "attack needs what"),
        ([{"trap": "1", "means": "poll", "when": {"at": "4"}}], "exactly one of is, bit"),
        ([{"trap": "1", "means": "poll", "sometimes": "4"}], "Extra inputs"),
        ([{"trap": "x", "means": "poll"}], "pattern"),
        ([], "at least one trap"),
    ],
)
def test_a_group_that_makes_no_sense_is_refused(traps: list[Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Group.model_validate({"base": "1.3.6.1", "traps": traps})


PROFILE = """\
name: mine
summary: made up
match: {has: [1.3.6.1.4.1.99]}
identity: {vendor: nobody}
tables:
  radio: {oid: 1.3.6.1.4.1.99.1, index: {slot: int}}
radios: {table: radio, name: {part: slot}}
notifications:
"""


@pytest.mark.parametrize(
    ("section", "line", "why"),
    [
        ("  - {base: 1.3.6.1, radio: {lot: 4}, variables: 1.3, traps: [{trap: 1, means: poll}]}", 9, "slot"),
        ("  - {base: 1.3.6.1, radio: {slot: 4}, traps: [{trap: 1, means: poll}]}", 9, "variables"),
        (
            "  - base: 1.3.6.1\n    traps:\n    - {trap: 1, means: fault, what: x, what_from: ap.3}",
            11,
            "a table",
        ),
        ("  - base: 1.3.6.1\n    traps:\n    - {trap: 1, means: radar, channel: {part: ap}}", 11, "a part"),
        ("  - base: 1.3.6.1\n    traps:\n    - {trap: 1, means: rain}", 11, "'radar'"),
        (
            "  - base: 1.3.6.1\n    traps:\n    - {trap: 1, means: poll, when: {at: 4, is: [1]}}",
            11,
            "variables",
        ),
    ],
)
def test_a_mistake_is_found_when_the_profile_is_loaded(section: str, line: int, why: str) -> None:
    with pytest.raises(SiteErrors) as caught:
        read((PROFILE + section).encode(), "mine.yaml")
    (error,) = caught.value.errors
    assert error.line == line
    assert why in error.expected


def test_the_docs_say_what_is_understood() -> None:
    text = (Path(__file__).parents[4] / "docs/traps.md").read_text()
    table = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", text.partition("## What is understood")[2], re.M)
    told = {name: re.findall(r"`(\w+)`", means) for name, means in table}
    meant = {name: {trap.means for group in groups(name) for trap in group.traps} for name in RULES}
    assert told == {
        name: [str(each) for each in Means if each in means and each is not Means.POLL]
        for name, means in meant.items()
        if means
    }


@pytest.mark.parametrize(
    ("channel", "hit"),
    [
        (100, frozenset(range(5500, 5641, 20))),  # 160 MHz
        (60, frozenset({5260, 5280, 5300, 5320})),  # of 160 MHz the half that needs DFS
        (132, frozenset({5660, 5680, 5700, 5720})),  # 80 MHz: no wider block
    ],
)
def test_radar_at_a_radio_whose_width_nobody_told(channel: int, hit: frozenset[int]) -> None:
    """A controller that tells channels and no widths (recorded of a CBW): 20 MHz would be too few to bar."""
    where = Whereabouts.of([AP], controller_rows((0, 1)), {}, one_ap=False)
    values = {**at(1), f"{CHANNEL}.{MAC_SUFFIX}.1": channel}
    note = Notification(at_s=AT_S, source="192.0.2.1", trap=f"{BASE}.81", varbinds=values, authenticated=True)
    (signal,) = RULES["airespace"].signals(note, DEVICE, where)
    assert isinstance(signal, RadarDetected)
    assert signal.mhz20 == hit
    assert "width is not known" in signal.raw


def test_a_radio_that_was_found_once_stays_known_when_its_ap_is_down() -> None:
    places = Places([AP], {})
    there = controller_rows((0, 1))
    said: dict[str, Result] = {"ap": LOBBY.hex(":"), "slot": 1}
    assert places.of(there, one_ap=False).named(said) == {R5}
    same = places.of(dict(there), one_ap=False)
    assert places.of({}, one_ap=False) is same
    assert same.named(said) == {R5}
    assert places.of(controller_rows((0, 2)), one_ap=False).named({**said, "slot": 2}) == {R5}


def test_a_text_of_a_trap_is_short_and_moves_no_terminal() -> None:
    values = {**SIGNATURE, f"{VAR}.56.0": b"\x1b[2J" + b"x" * 5000}
    note = Notification(
        at_s=AT_S, source="192.0.2.1", trap=f"{BASE}.70", varbinds=values, authenticated=False
    )
    (signal,) = RULES["airespace"].signals(note, DEVICE, controller())
    assert isinstance(signal, AttackHeard)
    assert signal.what == "\ufffd[2J" + "x" * 76
