"""A plan stands still while nothing changes but the noise of scans, and follows what really changes.

The short form of ``python -m benchmarks.plan_stability``: moves are counted, not seconds.
"""

from __future__ import annotations

import pytest

from agent.planner.site import search
from benchmarks.noisy_site import built
from benchmarks.plan_changes import RELIEVED, reaction
from benchmarks.plan_stability import day

APS = 24
HOURS = 1.0
EVERY = 2


@pytest.fixture(autouse=True)
def _climbs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search without its annealing, which takes four times as long: what is looked at is what it sees."""
    for rounds in ("SMALL", "LARGE"):
        monkeypatch.setattr(search, rounds, ())


def test_a_plan_does_not_flicker_from_scan_to_scan_and_would_without_the_pools() -> None:
    pools, last_scan = (
        sum(day(built(APS, 1, last_scan=alone), HOURS, EVERY).later) for alone in (False, True)
    )
    assert pools <= 1 < last_scan


@pytest.mark.parametrize("story", ["a stranger moves in", "a network of 80 MHz comes up", "an AP is added"])
def test_a_real_change_is_in_the_plan_after_two_scans(story: str) -> None:
    told = reaction(12, 1, story, long=4)
    assert told.stays < RELIEVED
    assert told.scans in (1, 2)
    assert told.moves[1] >= 1
