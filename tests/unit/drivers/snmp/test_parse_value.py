"""What the device says, by the rules of a source."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.errors import Garbage
from drivers.notifications import Value
from drivers.snmp.parse_value import Result, converted, mac_of
from drivers.snmp.source import Source


def of(raw: Value, **rules: Any) -> Result | None:
    return converted(Source.model_validate({"column": "1", **rules}), raw)


@pytest.mark.parametrize(
    ("raw", "rules", "value"),
    [
        (b"44E", {"pattern": r"^(\d+)"}, 44),
        (b"44E", {"pattern": r"^\d+(\D?)$", "map": {"": 20, "E": 80}}, 80),
        (b"44", {"pattern": r"^\d+(\D?)$", "map": {"": 20, "E": 80}}, 20),
        (b"wide", {"pattern": r"^\d+(\D?)$", "map": {"": 20, "*": 80}}, None),
        (94, {"pattern": r"^-?(\d+)$", "times": -1}, -94),
        (-94, {"pattern": r"^-?(\d+)$", "times": -1}, -94),
        (161, {"signed": 8}, -95),
        (-95, {"signed": 8}, -95),
        (0x184, {"shift": 8, "map": {0: 20, 1: 40, 2: 40}}, 40),
        (0x184, {"mask": 255}, 132),
        (0x384, {"shift": 8, "map": {0: 20, 1: 40, 2: 40}}, None),
        (5180, {"unit": "mhz"}, 36),
        (5955, {"unit": "mhz"}, 1),
        (5187, {"unit": "mhz"}, None),
        (58320, {"unit": "mhz"}, None),
        (b"3.7", {"unit": "percent"}, pytest.approx(0.037)),
        (b"3.7", {"as": "text"}, "3.7"),
        (255, {"none": [255]}, None),
        (b"", {}, None),
        (7, {"only": "text"}, None),
        (b"7", {"only": "integer"}, None),
    ],
)
def test_value(raw: Value, rules: dict[str, Any], value: object) -> None:
    assert of(raw, **rules) == value


def test_out_of_range_is_garbage() -> None:
    with pytest.raises(Garbage):
        of(101, unit="percent", range=[0, 1])


@pytest.mark.parametrize(
    "raw",
    [
        b"\xc4\x13\xe2\x29\x0c\xc0",
        b"c4:13:e2:29:0c:c0",
        b"C4-13-E2-29-0C-C0",
        b"c413.e229.0cc0",
        b"c413:e229:0cc0",
        b"c413e2290cc0",
    ],
)
def test_a_mac_in_any_spelling(raw: bytes) -> None:
    assert mac_of(raw) == "c4:13:e2:29:0c:c0"


@pytest.mark.parametrize("raw", [b"", b"c413e2290c", b"c413:e229:0cc0:0", b"c413-e229-0cc0-", 5])
def test_what_is_none(raw: Value) -> None:
    with pytest.raises(Garbage):
        mac_of(raw)
