"""What a start, and a disk that is back, read of the changes."""

from __future__ import annotations

from integration.stored import NOW, R1, R2, planned, walk

from agent.change import CANDIDATES, Change, State, Trigger
from agent.moment import WEEK_US
from agent.store.store import Store

LONG_AGO = NOW.utc_us - 2 * WEEK_US
LATELY = NOW.utc_us - WEEK_US
KEPT = (Trigger.START, Trigger.ACKED, Trigger.HELD)
TAKEN_BACK = (Trigger.START, Trigger.ACKED, Trigger.WORSE, Trigger.UNDONE)


def told(store: Store, known: dict[str, int] | None = None) -> dict[str, Change]:
    return {each.id: each for each in store.news("north", LATELY, known or {})}


def test_how_a_radio_was_left_is_read_however_old_it_is_and_nothing_older(store: Store) -> None:
    for nth, (id, steps) in enumerate(
        {"first": KEPT, "kept": KEPT, "taken_back": TAKEN_BACK, "refused": TAKEN_BACK}.items(), 1
    ):
        clock_set_back = LONG_AGO - nth
        done = walk(store, planned(store, id, R1, nth=nth, created_utc_us=clock_set_back), *steps)
        assert done.final
    walk(store, planned(store, "other", R2, nth=5), *KEPT)
    walk(store, planned(store, "lately", R2, nth=6), *KEPT)
    assert told(store).keys() == {"kept", "refused", "other", "lately"}
    assert [each.id for each in store.changes(radio=R1)] == ["refused", "taken_back", "kept", "first"]


def test_what_is_known_is_not_read_again_and_what_changed_since_is(store: Store) -> None:
    walk(store, planned(store, "same", R1), *KEPT)
    older = planned(store, "moved_on", R2)
    known = {each.id: each.rev for each in told(store).values()}
    assert told(store, known) == {}
    newer = walk(store, older, Trigger.START)
    assert told(store, known) == {"moved_on": newer}


def test_what_is_over_is_brief(store: Store) -> None:
    reason = {"code": "gain", CANDIDATES: [{"channel": 1}]}
    walk(store, planned(store, "over", R1, reason=reason), *KEPT)
    planned(store, "open", R2, reason=reason)
    found = told(store)
    assert found["over"].state is State.COMMITTED
    assert found["over"].reason == {"code": "gain"}
    assert found["open"].reason == reason
