"""The time that a plan's search has."""

from __future__ import annotations

from agent.plan_child import SearchTime


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_parts_are_of_what_is_left() -> None:
    clock = Clock()
    search = SearchTime(10.0, clock)
    clock.now_s += 2.0
    half = search.share(0.5)
    clock.now_s += 3.9
    assert not half()
    clock.now_s += 0.1
    assert half()
    rest = search.share(1.0)
    clock.now_s += 3.9
    assert not rest()
    clock.now_s += 0.1
    assert rest()


def test_a_site_that_took_all_the_time_to_be_understood_is_searched_nevertheless() -> None:
    clock = Clock()
    search = SearchTime(1.0, clock)
    clock.now_s += 5.0
    whole = search.share(1.0)
    assert not whole()
    assert search.left_s == 0.25
    clock.now_s += 0.25
    assert whole()
    assert search.share(1.0)(), "once"
