"""The worked example of docs/planning.md comes out as the page says."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent.planner.site.build import graph
from agent.planner.site.problem import Choice, Problem, gap_ratio, value, values
from agent.planner.site.snapshot_view import to_view


def radio(other: str) -> dict[str, Any]:
    """Measured so often that the level is sure; both as loud."""
    heard = {"radio": f"{other}/r5", "signal_dbm": -60, "sd_db": 0, "scans": 1000}
    return {"radios": {"r5": {"band": 5, "now": {"channel": 36, "width_mhz": 20}, "heard": [heard]}}}


@pytest.fixture
def problem() -> Problem:
    snapshot = {
        "site": {"id": "hall", "country": "NO"},
        "aps": {"ap1": radio("ap2"), "ap2": radio("ap1")},
    }
    (found,) = graph(to_view(snapshot)).problems
    return found


def on(problem: Problem, *channels: int) -> Choice:
    blocks = [[option.block.primary for option in member.options] for member in problem.members]
    return tuple(options.index(channel) for options, channel in zip(blocks, channels, strict=True))


def test_two_on_one_channel_can_expect_15_4_mhz_each(problem: Problem) -> None:
    assert [math.exp(each) for each in values(problem, on(problem, 36, 36))] == pytest.approx(
        [15.4, 15.4], abs=0.05
    )
    assert value(problem, on(problem, 36, 36)) == pytest.approx(5.47, abs=0.005)


def test_one_elsewhere_brings_30_percent_and_the_other_nothing_more(problem: Problem) -> None:
    together, apart = value(problem, on(problem, 36, 36)), value(problem, on(problem, 36, 149))
    assert apart == pytest.approx(5.99, abs=0.005)
    assert math.expm1((apart - together) / 2) == pytest.approx(0.30, abs=0.005)
    assert value(problem, on(problem, 157, 149)) == pytest.approx(apart)
    assert gap_ratio(apart, apart, 2) == 0.0
