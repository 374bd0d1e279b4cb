"""The clients of a radio over the day: what a moment's chance does not change."""

from __future__ import annotations

import pytest

from agent import crowd
from agent.crowd import Crowd, together, usual
from agent.levels import LOAD_HALF_LIFE_S
from drivers.types import ClientReading


def clients(*widths: int | None) -> list[ClientReading]:
    return [ClientReading(mac=f"02:{nth}", max_width_mhz=width) for nth, width in enumerate(widths)]


def after(looks: int, *widths: int | None, begun: Crowd = crowd.EMPTY, at_s: float = 0.0) -> Crowd:
    found = begun
    for nth in range(looks):
        found = found.seen(len(widths), clients(*widths), at_s + 300.0 * nth)
    return found


def test_it_looks_once_in_a_round() -> None:
    found = after(1, 80)
    assert not found.due(299.0)
    assert found.due(300.0)


def test_one_client_of_this_night_does_not_tell_what_the_day_is_like() -> None:
    day = after(288, 80, 80, 80, 40)
    night = after(12, 20, begun=day, at_s=288 * 300.0)
    assert usual(night, night).share(80) == pytest.approx(0.75, abs=0.02)


def test_old_looks_fade() -> None:
    found = after(1, 80).seen(0, (), LOAD_HALF_LIFE_S)
    assert found.looks == pytest.approx(1.5)
    assert found.clients == pytest.approx(0.5)


def test_a_radio_of_which_little_is_known_is_like_the_others_of_the_site() -> None:
    mine, others = after(1, 20), after(200, 80, 80, 40, 40)
    found = usual(mine, together([mine, others]))
    assert found.share(80) == pytest.approx(0.5, abs=0.02)
    assert found.clients == pytest.approx(4.0, abs=0.3)


def test_where_nobody_tells_all_can_use_everything() -> None:
    found = after(3, None, None)
    assert usual(found, found).able == (1.0, 1.0, 1.0, 1.0)
