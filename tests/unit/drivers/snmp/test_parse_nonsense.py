"""Whatever a device says: no crash, and no reading that isn't there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
from contract.reading import wrong_numbers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.errors import Garbage
from drivers.notifications import Oid, Value
from drivers.snmp import identity, parse_index, questions
from drivers.snmp.configured import of_radio
from drivers.snmp.load import shipped
from drivers.snmp.parse import read
from drivers.snmp.parse_answer import Answer
from drivers.snmp.parse_radio import found_aps, located
from drivers.snmp.parse_recording import parse
from drivers.snmp.parse_status import Request
from drivers.snmp.profile import Profile
from drivers.types import ScopeRef, Table
from inventory.model import Band, RadioKey

ALL = frozenset(Table)
REQUEST = Request(tables=ALL, at_s=0.0)
KEY = RadioKey("a/b/c")
EXAMPLES = int(os.environ.get("RRMD_NONSENSE", "3"))
"""For each dialect; 500 are 10,000 in all."""
SCOPE = ScopeRef(kind="radio", name="x", members=(KEY,))

numbers = st.one_of(
    st.sampled_from([-1, 0, 1, 2, 3, 6, 36, 100, 255, 65535, 2**31 - 1, 2**32 - 1, 2**64 - 1, -(2**31)]),
    st.integers(-(2**31), 2**64 - 1),
)
octets = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b"", b"\0", b"36", b"-95", b"44E", b"1e999", b"20,17,14", b"9" * 40, "٣".encode(), b"5 GHz", b"N/A"]
    ),
    st.binary(min_size=6, max_size=6),
)
values: st.SearchStrategy[Value] = st.one_of(numbers, octets, st.sampled_from(["1.3.6.1", "192.0.2.1"]))
anywhere = st.lists(st.integers(0, 2**32 - 1), max_size=9).map(lambda parts: ".".join(map(str, parts)))
PARTS: dict[str, list[parse_index.PartValue]] = {
    "int": [0, 1],
    "mac": ["02:00:00:00:00:01"],
    "any_mac": ["02:00:00:00:00:01"],
    "counted_mac": ["02:00:00:00:00:01"],
    "ip": ["192.0.2.1"],
    "text": ["ab"],
    "counted_text": ["ab"],
    "rest": ["1"],
}
"""Few, so that rows of different tables meet."""


def oids(profile: Profile) -> dict[str, list[Oid]]:
    """All that the dialect asks for: columns by table; single instances by ''."""
    wanted = questions.with_told(profile, questions.wanted(profile, ALL, models=True), "radio", "band")
    found: dict[str, list[Oid]] = {"": [*wanted.instances, *questions.identity_oids(profile)]}
    for table, number in wanted.columns:
        found.setdefault(table, []).append(questions.oid_of(profile, (table, number)))
    return {table: known for table, known in found.items() if known}


def rows(profile: Profile, table: str) -> list[str]:
    shape = tuple(profile.tables[table].index.items())
    return [
        parse_index.suffix_of(shape, {name: PARTS[kind][which % len(PARTS[kind])] for name, kind in shape})
        for which in (0, 1)
    ]


def answers(profile: Profile) -> st.SearchStrategy[dict[Oid, Value]]:
    """Columns with rows of their own, and sometimes with rows of other tables."""
    cells: list[st.SearchStrategy[Oid]] = []
    for table, known in oids(profile).items():
        if table:
            suffixes = st.one_of(st.sampled_from(rows(profile, table)), anywhere)
            cells.append(st.tuples(st.sampled_from(known), suffixes).map(".".join))
        else:
            cells.append(st.sampled_from(known))
    return st.dictionaries(st.one_of(cells), values, min_size=20, max_size=90)


def told(profile: Profile, values: dict[Oid, Value]) -> Iterator[str]:
    """What is wrong with what is read."""
    answer = Answer(profile, values)
    radios = located(answer)
    found_aps(answer, radios, None, None, None)
    most = identity.declared(profile)
    assert identity.capabilities(answer, radios, most).tables <= most.tables
    identity.identity(profile, values, None)
    for one in radios:
        reading = read(answer, one, KEY, Band.GHZ_5, REQUEST).reading
        if reading is not None:
            yield from wrong_numbers(reading)
            try:
                of_radio(answer, one.row, reading, SCOPE)
            except Garbage:
                continue


@pytest.mark.parametrize("name", sorted(shipped()))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_device_that_talks_nonsense(name: str, data: st.DataObject) -> None:
    profile = shipped()[name]
    assert list(told(profile, data.draw(answers(profile)))) == []


@settings(max_examples=20 * EXAMPLES, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.sampled_from(
                [
                    "1.3.6.1.2.1.1.1.0|4|x",
                    "1.3.6.1.2.1.1.2.0|6|1.3.6",
                    '.1.3.6.1.2.1.1.1.0 = STRING: "open',
                    ".1.3.6.1.2.1.1.1.0 = Hex-STRING: 00 1",
                    ".1.3.6.1.2.1.1.3.0 = Timeticks: (",
                    "iso.3.6.1 = INTEGER: up(",
                    '.1.3.6.1.2.1.1.9 = "',
                ]
            ),
        ),
        max_size=8,
    ).map("\n".join)
)
def test_a_recording_that_is_none(text: str) -> None:
    """It is read, or refused with the number of a line."""
    with suppress(Garbage):
        assert parse(text).skipped >= 0
        return
    with pytest.raises(Garbage, match=r"^line \d+: "):
        parse(text)
