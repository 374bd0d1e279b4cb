"""The change table: what a change may become, and nothing else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.change import (
    FINAL,
    IN_FLIGHT,
    LIVE,
    TABLE,
    IllegalTransition,
    State,
    Trigger,
    deadline_s,
    next_state,
)
from inventory.model import Policy

EXPECTED = """
PROPOSED approve -> PLANNED
PROPOSED expire -> EXPIRED, deadline -> EXPIRED, undo -> EXPIRED, superseded -> SUPERSEDED
PLANNED start -> APPLYING, refused -> FAILED
PLANNED expire -> EXPIRED, deadline -> EXPIRED, undo -> EXPIRED, superseded -> SUPERSEDED
APPLYING acked -> MONITORING, refused -> FAILED, undone -> ROLLED_BACK, superseded -> SUPERSEDED
APPLYING doubt -> ROLLING_BACK, deadline -> ROLLING_BACK, undo -> ROLLING_BACK, expire -> ESCALATED
MONITORING held -> COMMITTED, no_data -> MONITORING, deadline -> ESCALATED
MONITORING worse -> ROLLING_BACK, undo -> ROLLING_BACK, undone -> ROLLED_BACK, superseded -> SUPERSEDED
ROLLING_BACK undone -> ROLLED_BACK, undo_failed -> ROLLING_BACK
ROLLING_BACK superseded -> SUPERSEDED, deadline -> ESCALATED
"""


def expected() -> dict[tuple[State, Trigger], State]:
    table = {}
    for line in EXPECTED.strip().splitlines():
        state, *words = line.replace("->", " ").replace(",", " ").split()
        for trigger, after in zip(words[::2], words[1::2], strict=True):
            table[State(state), Trigger(trigger)] = State(after)
    return table


def test_the_table_holds_exactly_the_listed_transitions() -> None:
    assert dict(TABLE) == expected()


def test_every_other_step_raises() -> None:
    for state, trigger in itertools.product(State, Trigger):
        if (state, trigger) in TABLE:
            assert next_state(state, trigger) is TABLE[state, trigger]
            continue
        with pytest.raises(IllegalTransition, match=state):
            next_state(state, trigger)


def test_a_final_state_has_no_way_out() -> None:
    assert not {state for state, _ in TABLE} & FINAL


def test_live_and_final_are_all_there_is() -> None:
    assert set(State) == LIVE | FINAL
    assert not LIVE & FINAL
    assert IN_FLIGHT < LIVE


def reachable(state: State) -> set[State]:
    found, todo = set(), {state}
    while todo:
        one = todo.pop()
        found.add(one)
        todo |= {after for (before, _), after in TABLE.items() if before is one} - found
    return found


@pytest.mark.parametrize("state", sorted(LIVE))
def test_every_live_state_reaches_a_final_one(state: State) -> None:
    assert reachable(state) & FINAL


@pytest.mark.parametrize("state", sorted(LIVE))
def test_every_live_state_has_a_deadline_and_a_way_out_at_it(state: State) -> None:
    assert deadline_s(state, Policy(), silent_s=0) > 0
    after = next_state(state, Trigger.DEADLINE)
    assert after is not state


def test_deadlines_alone_end_every_change() -> None:
    for state in LIVE:
        for _ in State:
            if state in FINAL:
                break
            state = next_state(state, Trigger.DEADLINE)
        assert state in FINAL


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_a_silent_radio_is_waited_for(state: State) -> None:
    quiet = deadline_s(state, Policy(), silent_s=660)
    assert quiet >= deadline_s(state, Policy(), silent_s=0) + 660


def test_nothing_is_applied_without_having_been_planned() -> None:
    assert {before for (before, _), after in TABLE.items() if after is State.APPLYING} == {State.PLANNED}


def test_nothing_is_committed_without_a_verdict_or_rolled_back_without_an_undo() -> None:
    ways = {trigger for (_, trigger), after in TABLE.items() if after is State.COMMITTED}
    assert ways == {Trigger.HELD}
    ways = {trigger for (_, trigger), after in TABLE.items() if after is State.ROLLED_BACK}
    assert ways == {Trigger.UNDONE}


@given(st.sampled_from([State.PROPOSED, State.PLANNED]), st.lists(st.sampled_from(Trigger), max_size=60))
def test_no_walk_leaves_the_table(state: State, triggers: list[Trigger]) -> None:
    """Illegal triggers raise and change nothing; what was sent never ends as never sent."""
    sent = False
    for trigger in triggers:
        try:
            after = next_state(state, trigger)
        except IllegalTransition:
            assert (state, trigger) not in TABLE
            continue
        assert state in LIVE
        sent = sent or after is State.APPLYING
        assert after is not State.EXPIRED or not sent
        state = after
    assert state in reachable(state)
