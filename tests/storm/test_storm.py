"""The short form of `make million-events`, and its judge: it sees what it is there to see."""

from __future__ import annotations

import pytest
from storm.__main__ import summary
from storm.chapter import tell
from storm.witness import Tally


@pytest.mark.parametrize("seed", [1, 3, 11])
def test_a_storm_loses_no_radar_breaks_no_law_and_leaves_nothing_open_or_unaudited(seed: int) -> None:
    told = tell(seed, 1500)
    wrong = [*told.lost, *told.illegal, *told.without_deadline, *told.unaudited, *told.other]
    assert not wrong, wrong[:3]
    assert told.events >= 1500


def test_the_last_line_says_it_all() -> None:
    told = Tally(radar=3, changes=4, lost=["x"])
    told.heard["reading"] = 7
    assert summary(told) == (
        "events: 7 simulated, 3 radar reports, 4 changes; lost radar 1, illegal 0, without deadline 0, "
        "unaudited 0"
    )
    assert not told.clean
