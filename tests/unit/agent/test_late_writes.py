"""Which readings mean that a write that was given up has landed all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scenario.test_rollback import AT_36, AT_149, NOW, change_of, seen_on

from agent.change import Change, State
from agent.late_writes import landed_late
from agent.moment import Deadline
from agent.view import values_of
from drivers.types import RadioReading, RadioState
from inventory.channels import Block

GIVEN_UP = change_of(values_of(AT_36), values_of(AT_149), State.ROLLED_BACK)


def reading(where: Block) -> RadioReading:
    (at,) = seen_on(where).radios.values()
    assert at.reading is not None
    return at.reading


def test_its_target_in_force_is_a_late_landing() -> None:
    assert landed_late(GIVEN_UP, reading(AT_149), NOW)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (GIVEN_UP, reading(AT_36)),
        (GIVEN_UP, replace(reading(AT_149), state=RadioState.CAC)),
        (replace(GIVEN_UP, acked_at=Deadline.after(NOW, 0.0)), reading(AT_149)),
        (replace(GIVEN_UP, state=State.FAILED), reading(AT_149)),
        (replace(GIVEN_UP, deadline=Deadline.after(NOW, -1.0)), reading(AT_149)),
    ],
    ids=["prior in force", "not on air", "was proven once", "refused", "long ago: somebody means it"],
)
def test_all_else_is_not(change: Change, seen: RadioReading) -> None:
    assert not landed_late(change, seen, NOW)
