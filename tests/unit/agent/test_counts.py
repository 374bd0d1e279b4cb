"""Counts only rise, each by its name and labels."""

from __future__ import annotations

from agent.counts import Count, Counts


def test_each_name_and_label_has_its_own_number() -> None:
    counts = Counts()
    for labels in (("lab", "cooldown"), ("lab", "cooldown"), ("lab", "nop")):
        counts.add(Count.VETOES, *labels)
    assert counts.of(Count.VETOES) == {("lab", "cooldown"): 2, ("lab", "nop"): 1}
    assert counts.of(Count.CHANGES) == {}
