"""10,000 malformed answers for what reads SNMP tables by a profile, traps by its rules, and recordings."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from contract.reading import wrong_numbers
from fuzzing import TIMES, feed, text_of
from trap_cases import AT_S, DEVICE, R2, R5, Case, controller
from trap_cases_cisco import CISCO
from trap_cases_others import OTHERS

from drivers.errors import Garbage
from drivers.notifications import Notification, Oid, Value
from drivers.signals import Gap, NopFinished, Signal
from drivers.snmp import identity, parse_index, parse_value, questions
from drivers.snmp.configured import of_radio
from drivers.snmp.load import shipped
from drivers.snmp.notify import Rules
from drivers.snmp.parse import Read, read
from drivers.snmp.parse_answer import Answer
from drivers.snmp.parse_index import NoSuchShape, PartValue
from drivers.snmp.parse_radio import found_aps, located
from drivers.snmp.parse_recording import Recording, parse
from drivers.snmp.parse_status import Request
from drivers.snmp.profile import Profile
from drivers.snmp.source import Source
from drivers.types import RadioReading, ScopeRef, Table
from inventory.model import Band, RadioKey

ALL = frozenset(Table)
REQUEST = Request(tables=ALL, at_s=0.0)
KEY = RadioKey("a/b/c")
SCOPE = ScopeRef(kind="radio", name="x", members=(KEY,))
CACHES = (*(parse_value.converted, parse_value._text, parse_value._number_or_text, parse_index.parts),)
TEXTS = (
    *(b"", b"\0", b"36", b"-95", b"44E", b"1e999", b"20,17,14", b"9" * 40, "٣".encode(), b"5 GHz", b"N/A"),
    *(b"nan", b"inf", b"-0", b"00:17:df:a1:b2:c0", b"0:1:2:3:4:5", b"US", b"1-14,36", b"\xff\xfe", b"11ac"),
    *(b"\x02\x00\x00\x00\x00\x01", b"\x00\x00\x00\x00\x00\x00", b"channel 36", b"+" * 300),
)
NUMBERS = (-1, 0, 1, 2, 3, 6, 11, 20, 36, 40, 100, 255, 2437, 5180, 65535, 2**31 - 1, 2**32 - 1, 2**64 - 1)
PARTS: dict[str, list[PartValue]] = {
    "int": [0, 1],
    "mac": ["02:00:00:00:00:01", "02:00:00:00:00:02"],
    "any_mac": ["02:00:00:00:00:01"],
    "counted_mac": ["02:00:00:00:00:01"],
    "ip": ["192.0.2.1"],
    "text": ["ab"],
    "counted_text": ["ab"],
    "rest": ["1"],
}
"""Few, so that rows of different tables meet."""


def value(dice: random.Random) -> Value:
    kind = dice.randrange(8)
    if kind < 3:
        return dice.choice(NUMBERS)
    if kind < 5:
        return dice.choice(TEXTS)
    if kind == 5:
        return dice.choice(("1.3.6.1", "192.0.2.1", "0.0"))
    return dice.randint(-130, 300) if kind == 6 else dice.randbytes(dice.choice((1, 2, 4, 6, 6, 12)))


def cells(profile: Profile) -> list[Oid]:
    """Each instance that the dialect asks for, of two rows in each table."""
    wanted = questions.with_told(profile, questions.wanted(profile, ALL, models=True), "radio", "band")
    found = [*wanted.instances, *questions.identity_oids(profile)]
    for table, number in wanted.columns:
        shape = tuple(profile.tables[table].index.items())
        column = questions.oid_of(profile, (table, number))
        for which in (0, 1):
            parts = {name: PARTS[kind][which % len(PARTS[kind])] for name, kind in shape}
            found.append(f"{column}.{parse_index.suffix_of(shape, parts)}")
    return sorted(set(found))


CELLS = {name: cells(profile) for name, profile in shipped().items()}


def told(dice: random.Random) -> tuple[str, dict[Oid, Value]]:
    """A device of one of the dialects: some cells are missing, some rows have another index."""
    name = dice.choice(sorted(CELLS))
    values: dict[Oid, Value] = {}
    for oid in dice.sample(CELLS[name], round(len(CELLS[name]) * dice.choice((0.2, 0.6, 0.9, 1.0)))):
        if dice.random() < 0.03:
            oid = dice.choice((f"{oid}.1", oid.rpartition(".")[0], f"{oid.rpartition('.')[0]}.4294967295"))
        values[oid] = value(dice)
    return name, values


def readings(given: tuple[str, dict[Oid, Value]]) -> list[Read]:
    profile = shipped()[given[0]]
    answer = Answer(profile, given[1])
    radios = located(answer)
    found_aps(answer, radios, None, None, None)
    most = identity.declared(profile)
    assert identity.capabilities(answer, radios, most).tables <= most.tables
    identity.identity(profile, given[1], None)
    return [_configured(answer, read(answer, one, KEY, Band.GHZ_5, REQUEST), one.row) for one in radios]


def _configured(answer: Answer, said: Read, row: Any) -> Read:
    if said.reading is not None:
        with suppress(Garbage):
            of_radio(answer, row, said.reading, SCOPE)
    return said


def test_a_device_that_talks_nonsense_in_any_dialect() -> None:
    read_at_all = 0

    def check(given: tuple[str, dict[Oid, Value]], said: list[Read]) -> None:
        nonlocal read_at_all
        assert len(said) <= 2 * len(given[1])
        for reading in (each.reading for each in said if each.reading is not None):
            assert list(wrong_numbers(reading)) == []
            assert given[1], "a reading of nothing"
            read_at_all += 1

    assert feed(told, readings, check, caches=CACHES) == TIMES
    assert read_at_all > TIMES / 10


def test_what_is_not_answered_is_not_read() -> None:
    """A profile may know a constant; a number that the device measures is never one."""
    for profile in shipped().values():
        answer = Answer(profile, {})
        for one in located(answer):
            reading = read(answer, one, KEY, Band.GHZ_5, REQUEST).reading
            assert reading is None or _measured(reading) == []


def _measured(reading: RadioReading) -> list[object]:
    parts = (reading.channel, reading.tx_power_dbm, reading.client_count, reading.survey, reading.counters)
    return [part for part in parts if part is not None]


SOURCES = [
    Source.model_validate({"column": "1", **rules})
    for rules in (
        {},
        {"as": "mac"},
        {"as": "mac", "plus": 1},
        {"as": "hex"},
        {"unit": "mw"},
        {"unit": "mhz"},
        {"unit": "percent", "range": [0, 1]},
        {"pattern": r"(\d+) GHz"},
        {"signed": 8, "mask": 255, "shift": 8},
        {"times": 0.01, "plus": -3, "range": [-120, 0]},
        {"only": "integer", "none": [0, 255]},
        {"map": {1: 20, 2: 40, "*": 80}},
    )
]


def test_a_value_that_no_column_has() -> None:
    def make(dice: random.Random) -> tuple[Source, Value]:
        return dice.choice(SOURCES), value(dice)

    def check(given: tuple[Source, Value], said: object) -> None:
        source = given[0]
        if isinstance(said, int | float) and source.range is not None:
            assert source.range[0] <= said <= source.range[1]
        if source.as_ == "mac":
            assert said is None or (isinstance(said, str) and len(said) == 17)
        if source.unit == "mhz" and isinstance(said, int | float):
            assert 1 <= said <= 233

    assert feed(make, lambda given: parse_value.converted(*given), check, caches=CACHES) > 1000


def test_an_index_that_no_row_has() -> None:
    """What is read as an index is written as the same numbers."""

    def make(dice: random.Random) -> tuple[tuple[tuple[str, str], ...], str]:
        kinds = [*dice.choices(("int", "mac", "counted_mac", "ip"), k=dice.randint(0, 2))]
        shape = tuple((f"p{at}", kind) for at, kind in enumerate([*kinds, dice.choice(sorted(PARTS))]))
        parts = {name: dice.choice(PARTS[kind]) for name, kind in shape}
        suffix = parse_index.suffix_of(shape, parts)
        return shape, text_of(suffix)(dice) if dice.random() < 0.7 else suffix

    def check(given: tuple[tuple[tuple[str, str], ...], str], parts: Any) -> None:
        shape, suffix = given
        lossy = {"any_mac", "text", "counted_text"} & {kind for _, kind in shape}  # counted or not; no UTF-8
        if not lossy:
            again = parse_index.suffix_of(shape, parts)
            assert [int(each) for each in again.split(".") if each] == [
                int(each) for each in suffix.split(".")
            ]

    def parsed(given: tuple[tuple[tuple[str, str], ...], str]) -> object:
        return parse_index.parts(*given)

    assert feed(make, parsed, check, refusals=NoSuchShape, caches=CACHES) > 1000


RECORDED = (
    "1.3.6.1.2.1.1.1.0|4|Linux ap1\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072\n1.3.6.1.2.1.1.3.0|67|4711\n",
    "1.3.6.1.2.1.2.2.1.6.1|4x|020000000001\n1.3.6.1.2.1.4.20.1.1|64|192.0.2.1\n1.3.6.1.4.1.1.1|70|99\n",
    '.1.3.6.1.2.1.1.1.0 = STRING: "open\nend"\n.1.3.6.1.2.1.1.3.0 = Timeticks: (4711) 0:00:47.11\n',
    ".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.8072\n.1.3.6.1.2.1.2.2.1.6 = Hex-STRING: 02 00 00 \n01 \n",
    "iso.3.6.1.2.1.1.7.0 = INTEGER: up(1)\n.1.3.6.1.2.1.4.20 = IpAddress: 192.0.2.1\n"
    '.1.3.6.1.4.1.1 = No Such Object available\n.1.3.6.1.4.1.2 = Counter64: 99\n.1.3.6.1.4.1.3 = ""\n',
)


def test_a_recording_that_nobody_made() -> None:
    """It is read, or refused with the number of a line."""

    def check(text: str, recording: Recording) -> None:
        digits = text.replace(" ", "").replace("iso", "1")
        for oid, said in recording.values.items():
            assert oid in digits
            if isinstance(said, str) and "IpAddress" in text and oid == "1.3.6.1.2.1.4.20":
                assert max(map(int, said.split("."))) < 256
            if isinstance(said, int):
                assert str(abs(said)) in digits or said == 0

    def refused(text: str) -> Recording:
        try:
            return parse(text)
        except Garbage as error:
            if not str(error).startswith("line "):
                raise AssertionError("no number of a line") from error
            raise

    assert feed(text_of(*RECORDED), refused, check) > 1000


RULES = {name: Rules(profile) for name, profile in shipped().items()}
CASES: list[Case] = [*CISCO, *OTHERS]


def trap(dice: random.Random) -> tuple[Case, dict[Oid, Value]]:
    """The variables of a known trap, each with another value, some gone, some with another index."""
    case = dice.choice(CASES)
    values: dict[Oid, Value] = {}
    for oid, said in case.values.items():
        fate = dice.randrange(6)
        if fate == 0:
            continue
        other = oid.rpartition(".")[0] + dice.choice((".0", ".4294967295", ".1.2.3", ""))
        values[other if fate == 1 else oid] = value(dice) if fate < 4 else said
    return case, values


def test_a_trap_of_a_proven_sender_that_talks_nonsense() -> None:
    """A reason to poll at most, and never about a radio that is not there."""

    def signals(given: tuple[Case, dict[Oid, Value]]) -> list[Signal]:
        case, values = given
        proven = Notification(
            at_s=AT_S, source="192.0.2.1", trap=case.trap, varbinds=values, authenticated=True
        )
        return list(RULES[case.profile].signals(proven, DEVICE, controller()))

    def check(given: tuple[Case, dict[Oid, Value]], said: list[Signal]) -> None:
        for signal in said:
            assert (signal.device, signal.at_s) == (DEVICE, AT_S)
            if not isinstance(signal, Gap | NopFinished):
                assert signal.radio in (R2, R5)

    assert feed(trap, signals, check, caches=CACHES) == TIMES


def test_each_dialect_is_among_them() -> None:
    dice = random.Random(1)
    make: Callable[[random.Random], tuple[str, object]] = told
    assert {make(dice)[0] for _ in range(1000)} == set(shipped())
