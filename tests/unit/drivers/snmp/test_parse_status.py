"""Powers that a radio offers, as text."""

from __future__ import annotations

import pytest

from drivers.snmp.load import shipped
from drivers.snmp.parse_answer import Answer
from drivers.snmp.parse_radio import located
from drivers.snmp.parse_status import power_choices

ENTRY = "1.3.6.1.4.1.14179.2.2.2.1"
AP = "2.17.34.51.68.85.1"


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("23,20,17,14", (23, 20, 17, 14)),
        ("16,13,10,7,4,1,-1", (16, 13, 10, 7, 4, 1)),
        ("6,3,0,-3,-6,-9,-12", (6, 3, 0, -3, -6, -9)),  # below -10 dBm: what is above stays
        ("20,17,17,14", (20, 17)),
        ("127,20,17", None),
        ("-12,-15", None),
        ("a,b", None),
    ],
)
def test_a_list_is_read_as_far_as_it_makes_sense(text: str, choices: tuple[int, ...] | None) -> None:
    answer = Answer(shipped()["airespace"], {f"{ENTRY}.2.{AP}": 2, f"{ENTRY}.22.{AP}": text.encode()})
    (radio,) = located(answer)
    assert power_choices(answer, radio.row) == choices
