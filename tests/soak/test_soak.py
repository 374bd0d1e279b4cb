"""A short soak with the judge of the long one (`make soak`): a few APs and a working morning."""

from __future__ import annotations

from pathlib import Path

from benchmarks.soak import carried_out, verdict
from benchmarks.soak_life import Run

SHORT = Run(days=0.15, aps=6, seed=3, from_hour=9.0)


def test_a_short_soak_is_good(tmp_path: Path) -> None:
    days, recount, answers = carried_out(SHORT, tmp_path, lambda day: None)
    assert verdict(answers) == "soak: good, 8 questions", answers
    assert [day.number for day in days] == [1]
    assert recount.seq > 2  # the audit was read
