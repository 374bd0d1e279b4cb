"""What has happened since the daemon started, counted by name and labels. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

Labels = tuple[str, ...]


class Count(StrEnum):
    """What is counted; docs/metrics.md gives the labels of each in order."""

    CHANGES = "changes"  # site, state reached, cause, verdict
    VETOES = "vetoes"  # site, guard
    ALERTS = "alerts"  # site
    FAILURES = "failures"  # site, loop
    PLAN_MOVES = "plan_moves"  # site, what became of it
    THINNED = "polls_thinned"  # site


class Counts:
    """Numbers that only rise, kept by the event loop alone."""

    def __init__(self) -> None:
        self._by_name: dict[Count, Counter[Labels]] = {name: Counter() for name in Count}

    def add(self, name: Count, *labels: str) -> None:
        """One more of it."""
        self._by_name[name][labels] += 1

    def of(self, name: Count) -> Mapping[Labels, int]:
        return self._by_name[name]
