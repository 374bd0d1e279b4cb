"""Totals of a radio that are sums over its VAPs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agent.counters import rise_of
from drivers.snmp.load import shipped
from drivers.snmp.parse import read
from drivers.snmp.parse_answer import Answer
from drivers.snmp.parse_radio import located
from drivers.snmp.parse_status import Request
from drivers.types import Counters, Table
from inventory.model import Band, RadioKey

UNIFI = "1.3.6.1.4.1.41112.1.6.1"
ALL = frozenset(Table)


def counters(octets: Mapping[int, int]) -> Counters:
    """Of a UniFi radio whose VAPs sent so many octets."""
    values: dict[str, int | bytes | str] = {f"{UNIFI}.1.1.3.1": b"na"}
    for vap, sent in octets.items():
        values |= {
            f"{UNIFI}.2.1.4.{vap}": 36,
            f"{UNIFI}.2.1.9.{vap}": b"na",
            f"{UNIFI}.2.1.16.{vap}": sent,
        }
    answer = Answer(shipped()["unifi"], values)
    (radio,) = located(answer)
    told = read(answer, radio, RadioKey("s/a/r"), Band.GHZ_5, Request(tables=ALL, at_s=0.0, epoch="7"))
    assert not told.refusals
    assert told.reading is not None
    assert told.reading.counters is not None
    return told.reading.counters


@pytest.mark.parametrize(
    ("before", "after", "rise"),
    [
        ({1: 2**31, 2: 2**31 - 1}, {1: 2**31, 2: 2**31}, 1),
        ({1: 4_000_000_000, 2: 4_000_000_000}, {1: 4_000_000_100, 2: 4_000_000_050}, 150),
        ({1: 2**32 - 10, 2: 100}, {1: 5, 2: 120}, 35),  # one of them wrapped
        ({1: 2**32 - 1, 2: 2**32 - 1}, {1: 0, 2: 0}, 2),  # both did
    ],
)
def test_a_sum_beyond_32_bits_rises_as_its_parts_do(
    before: Mapping[int, int], after: Mapping[int, int], rise: int
) -> None:
    one, other = counters(before), counters(after)
    assert one.epoch == other.epoch
    assert rise_of(one.tx_bytes, other.tx_bytes, one.width_bits) == rise


def test_a_vap_that_went_is_a_new_beginning() -> None:
    assert counters({1: 5000, 2: 9000}).epoch != counters({1: 5000}).epoch
