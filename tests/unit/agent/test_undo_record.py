"""Which settings somebody else has set since the changes that are to be taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scenario.test_rollback import change_of

from agent.change import Change, State
from agent.planner.netting import Netted, netted
from agent.undo_record import moved_since, somebody_elses
from drivers.types import Setting, Values

POWER, CHANNEL = Setting.TX_POWER_DBM, Setting.CHANNEL


def made(nth: int, prior: Values, target: Values, state: State = State.COMMITTED) -> Change:
    return replace(change_of(prior, target, state), id=f"c{nth}", nth=nth, created_utc_us=nth)


MOVED = made(1, {CHANNEL: 36}, {CHANNEL: 161})
LOWERED = made(2, {POWER: 20}, {POWER: 17})


def net(*changes: Change) -> Netted:
    (found,) = netted(changes, 0, 10)
    return found


@pytest.mark.parametrize(
    ("have", "theirs"),
    [
        ({CHANNEL: 161, POWER: 17}, {}),
        ({CHANNEL: 36, POWER: 20}, {}),
        ({CHANNEL: 161, POWER: 20}, {}),
        ({CHANNEL: 161, POWER: 14}, {POWER: 14}),
        ({CHANNEL: 149, POWER: 17}, {CHANNEL: 149}),
        ({POWER: 17}, {}),
        ({CHANNEL: 161, POWER: 17, Setting.OBSS_PD_DBM: -62}, {}),
    ],
    ids=["as left", "as before", "half back", "other power", "elsewhere", "not told", "never changed"],
)
def test_what_is_neither_as_it_was_left_nor_as_it_was_before(have: Values, theirs: Values) -> None:
    changes = (LOWERED, MOVED)
    assert somebody_elses(net(*changes), changes, have) == theirs
    assert bool(moved_since(net(*changes), changes, have)) is bool(theirs)


def test_where_a_rollback_or_an_undo_went_is_ours() -> None:
    there = {CHANNEL: 44}
    rolled = replace(made(3, {CHANNEL: 161}, {CHANNEL: 157}, State.ROLLED_BACK), rollback_to=there)
    for changes in ((rolled, MOVED), (*undone_to(there), MOVED)):
        assert somebody_elses(net(*changes), changes, there) == {}
        assert somebody_elses(net(*changes), changes, {CHANNEL: 149}) == {CHANNEL: 149}


def undone_to(there: Values) -> tuple[Change, Change]:
    """A second change, and its undo, which could not go back to where that had begun."""
    second = made(3, {CHANNEL: 161}, {CHANNEL: 157})
    return replace(made(4, {CHANNEL: 157}, there), undo_of=second.id), second


def test_of_an_escalated_change_nobody_knows_what_it_left() -> None:
    stuck = replace(MOVED, state=State.ESCALATED)
    assert somebody_elses(net(stuck), (stuck,), {CHANNEL: 149}) == {}
