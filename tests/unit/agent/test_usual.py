"""How many clients are usual at this hour of the week."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.usual import HOUR_US, KEPT, WEEK, Hour, Usual
from inventory.model import RadioKey

R = RadioKey("lab/ap1/r5")
NOW = 500_000  # hours since 1970


def told(*hours: tuple[int, int]) -> Usual:
    usual = Usual()
    usual.learn(Hour(R, hour, clients) for hour, clients in hours)
    return usual


def test_the_same_hour_of_the_last_two_weeks_is_usual() -> None:
    usual = told((NOW - 2 * WEEK, 10), (NOW - WEEK, 20), (NOW - 24, 90), (NOW - 1, 90))
    assert usual.clients(R, NOW * HOUR_US) == 15.0


def test_before_a_week_is_known_the_same_hour_of_other_days_is() -> None:
    usual = told((NOW - 24, 8), (NOW - 48, 30), (NOW - 72, 10), (NOW - 1, 99))
    assert usual.clients(R, NOW * HOUR_US + 17) == 10.0


def test_without_such_an_hour_nothing_is_usual() -> None:
    assert Usual().clients(R, NOW * HOUR_US) is None
    assert told((NOW - 1, 5)).clients(R, NOW * HOUR_US) is None


def test_an_hour_ends_with_the_first_number_of_the_next() -> None:
    usual = Usual()
    start = NOW * HOUR_US
    assert usual.count(R, start, 4) is None
    assert usual.count(R, start + HOUR_US // 2, 8) is None
    assert usual.count(R, start + HOUR_US, 1) == Hour(R, NOW, 6)
    assert usual.clients(R, start + 24 * HOUR_US) == 6.0


def test_an_hour_that_nobody_counted_is_not_that_of_two_weeks_before() -> None:
    usual = told((NOW - WEEK, 40), (NOW + WEEK, 7))
    assert usual.clients(R, (NOW + KEPT) * HOUR_US) == 7.0  # the week between was not counted
    assert usual.clients(R, (NOW + 2 * KEPT) * HOUR_US) is None


@given(st.lists(st.tuples(st.integers(NOW - 900, NOW), st.integers(0, 70_000)), max_size=80))
def test_hours_may_come_in_any_order(hours: list[tuple[int, int]]) -> None:
    once = dict(hours)
    forward, backward = told(*sorted(once.items())), told(*sorted(once.items(), reverse=True))
    for at in (NOW + 1, NOW + 12, NOW + WEEK):
        assert forward.clients(R, at * HOUR_US) == backward.clients(R, at * HOUR_US)


def test_a_clock_that_was_ahead_hides_nothing_for_ever() -> None:
    usual = told((NOW - WEEK, 20), (NOW - 1, 9))
    usual.count(R, (NOW + 3) * HOUR_US, 5)
    usual.count(R, (NOW + 4) * HOUR_US, 5)
    usual.count(R, NOW * HOUR_US, 7)
    usual.count(R, (NOW + 1) * HOUR_US, 7)
    assert usual.clients(R, NOW * HOUR_US) == 20.0
    assert usual.clients(R, (NOW + WEEK) * HOUR_US) == 13.5
    far = told((NOW + 10 * KEPT, 5))
    far.count(R, NOW * HOUR_US, 7)
    far.count(R, (NOW + 1) * HOUR_US, 7)
    assert far.clients(R, (NOW + WEEK) * HOUR_US) == 7.0
