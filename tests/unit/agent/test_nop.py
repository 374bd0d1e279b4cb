"""Radar that was met: one however many heard it, and forgotten after a while."""

from __future__ import annotations

from agent.nop import Met, with_met
from inventory.model import RadioKey

SECOND_US, DAY_US = 1_000_000, 86_400_000_000
ONE, TWO = RadioKey("lab/ap1/r5"), RadioKey("lab/ap2/r5")


def met(at_us: int, *mhz: int, by: RadioKey = ONE) -> Met:
    return Met(utc_us=at_us, mhz20=frozenset(mhz), radios=frozenset({by}))


def all_of(*found: Met, keep_us: int = 7 * DAY_US) -> tuple[Met, ...]:
    known: tuple[Met, ...] = ()
    for each in found:
        known = with_met(known, each, keep_us)
    return known


def test_what_two_radios_heard_within_a_minute_is_one_radar() -> None:
    (one,) = all_of(met(0, 5260), met(60 * SECOND_US, 5260, 5280, by=TWO))
    assert one == Met(utc_us=60 * SECOND_US, mhz20=frozenset({5260, 5280}), radios=frozenset({ONE, TWO}))
    assert all_of(met(60 * SECOND_US, 5260, by=TWO), met(0, 5260)) == (
        Met(utc_us=60 * SECOND_US, mhz20=frozenset({5260}), radios=frozenset({ONE, TWO})),
    )


def test_another_channel_or_a_minute_later_it_is_another_one() -> None:
    assert len(all_of(met(0, 5260), met(SECOND_US, 5300))) == 2
    assert [each.utc_us for each in all_of(met(61 * SECOND_US, 5260), met(0, 5260))] == [0, 61 * SECOND_US]


def test_after_a_week_it_is_forgotten() -> None:
    assert len(all_of(met(0, 5260), met(7 * DAY_US - 1, 5300))) == 2
    assert [each.utc_us for each in all_of(met(0, 5260), met(7 * DAY_US, 5300))] == [7 * DAY_US]
