"""What is older because a wall clock was set: nothing, for a day."""

from __future__ import annotations

from dataclasses import replace

from agent.moment import DAY_US, Moment
from agent.pace import BELIEVED, Pacer

START = Moment(monotonic_s=0.0, utc_us=1_772_409_600_000_000, boot_id="b", boottime_us=0)
MINUTE_US, HOUR_S, DAY_S = 60_000_000, 3600.0, 86_400.0


def at(after_s: float, set_us: int = 0) -> Moment:
    now = START.plus(after_s)
    return replace(now, utc_us=now.utc_us + set_us)


def age_us(pacer: Pacer, now: Moment, made: Moment) -> int:
    return pacer.look(now).age_us(now.utc_us, made.utc_us)


def test_what_was_before_the_step_is_as_old_as_it_was_and_what_comes_after_has_its_own_age() -> None:
    pacer = Pacer()
    pacer.look(START)
    seen = at(10, 8 * DAY_US)
    assert age_us(pacer, seen, START) == 10_000_000
    assert age_us(pacer, at(70, 8 * DAY_US), seen) == MINUTE_US
    assert age_us(pacer, at(70, 8 * DAY_US), START) == 70_000_000


def test_after_a_day_it_is_believed_and_after_a_second_step_a_day_later() -> None:
    pacer = Pacer()
    pacer.look(START)
    pacer.look(at(0, DAY_US))
    pacer.look(at(12 * HOUR_S, 2 * DAY_US))
    assert pacer.look(at(DAY_S, 2 * DAY_US)).ahead_us == 2 * DAY_US
    assert pacer.look(at(DAY_S + 12 * HOUR_S, 2 * DAY_US)) is BELIEVED


def test_one_that_is_right_again_leaves_nothing() -> None:
    pacer = Pacer()
    pacer.look(START)
    pacer.look(at(0, DAY_US))
    assert pacer.look(at(HOUR_S)) is BELIEVED
    pacer.look(at(HOUR_S, DAY_US))
    assert pacer.look(at(DAY_S, DAY_US)).ahead_us == DAY_US, "the day begins anew"


def test_one_that_was_set_back_makes_nothing_older() -> None:
    pacer = Pacer()
    pacer.look(START)
    assert pacer.look(at(HOUR_S, -DAY_US)) is BELIEVED
    assert age_us(pacer, at(HOUR_S, -DAY_US), START) < 0


def test_one_that_goes_a_little_fast_is_believed_for_ever() -> None:
    pacer = Pacer()
    assert all(pacer.look(at(day * DAY_S, day * MINUTE_US)) is BELIEVED for day in range(100))
