"""Indexes: from numbers to parts, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.snmp.parse_index import NoSuchShape, PartValue, Shape, parts, suffix_of

SHAPE: Shape = (("ap", "any_mac"), ("radio", "int"))
MAC = "02:11:22:33:44:55"


@pytest.mark.parametrize("suffix", ["2.17.34.51.68.85.1", "6.2.17.34.51.68.85.1"])
def test_a_mac_with_and_without_its_length(suffix: str) -> None:
    assert parts(SHAPE, suffix) == {"ap": MAC, "radio": 1}


def test_a_mac_that_begins_with_a_six_has_no_length() -> None:
    assert parts(SHAPE, "6.17.34.51.68.85.1") == {"ap": "06:11:22:33:44:55", "radio": 1}


@pytest.mark.parametrize(
    "suffix", ["", "1", "2.17.34.51.68.85", "7.2.17.34.51.68.85.1", "2.17.34.51.68.256.1"]
)
def test_other_numbers_are_no_such_row(suffix: str) -> None:
    with pytest.raises(NoSuchShape):
        parts(SHAPE, suffix)


def test_of_a_mac_that_is_written_either_way_no_beginning_is_known() -> None:
    assert suffix_of(SHAPE, {"ap": MAC, "radio": 1}) == ""


@given(
    st.binary(min_size=6, max_size=6),
    st.integers(0, 2**32 - 1),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
)
def test_there_and_back(mac: bytes, number: int, text: str) -> None:
    shape: Shape = (("ap", "mac"), ("other", "counted_mac"), ("radio", "int"), ("name", "counted_text"))
    values: dict[str, PartValue] = {"ap": mac.hex(":"), "other": mac.hex(":"), "radio": number, "name": text}
    assert parts(shape, suffix_of(shape, values)) == values
