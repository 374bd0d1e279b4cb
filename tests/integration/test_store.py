"""The store on each of its databases: what commits together, who may write, and what is refused."""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from integration.stored import NOW, R1, R2, REBOOTED, TOKEN, change, planned, record, seqs, walk
from sqlalchemy import BindParameter

from agent.audit_chain import AuditHead, NotCanonical
from agent.change import RELIEVES, TOKENLESS, Actor, Cause, Change, IllegalTransition, State, Trigger
from agent.events import Event, EventKind
from agent.moment import Deadline, Moment
from agent.nop import Nop
from agent.store import retention
from agent.store.errors import (
    LeaseHeld,
    RadioBusy,
    StaleChange,
    StoreConflict,
    StoreUnavailable,
    TokenExpired,
    TokenSpent,
)
from agent.store.store import Store
from agent.usual import Hour
from drivers.types import Action, Setting
from inventory.model import RadioKey


def test_a_damaged_row_is_the_stores_fault_not_the_callers(store: Store) -> None:
    planned(store)
    with store._engine.begin() as conn:
        conn.exec_driver_sql("UPDATE change SET edit = 'nonsense'")
    with pytest.raises(StoreUnavailable, match="damaged"):
        store.change("c1")


# Changes


def test_what_is_asked_all_the_time_leaves_no_statement_to_the_collector_of_cycles(store: Store) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            store.open_changes()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert not [each for each in gc.garbage if isinstance(each, BindParameter)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_a_change_comes_back_as_it_was_stored(store: Store) -> None:
    one = change(
        "c1",
        R1,
        R2,
        actor=Actor(type="operator", uid=1000, name="kari"),
        drill=True,
        event_id="e1",
        undo_of="c0",
        baseline={"retry": [1.5, {"q": None}]},
        reason={"code": "gain", "params": {"ppm": 3}},
        silent_s=61.5,
        rollback_to={Setting.CHANNEL: 6},
        acked_at=Deadline.after(NOW, 1),
        token_sha256=TOKEN,
    )
    store.create(one, records=[], token_expires=NOW.utc_us + 1)
    assert store.change("c1") == one
    assert store.change_by_token(TOKEN) == one
    assert store.change("c2") is None
    token = store.token(TOKEN)
    assert token is not None
    assert (token.change_id, token.used_utc_us) == ("c1", None)


def test_one_open_change_per_radio(store: Store) -> None:
    planned(store, "c1", R1)
    with pytest.raises(RadioBusy) as caught:
        planned(store, "c2", R2, R1)
    assert (caught.value.radio, caught.value.change_id) == (R1, "c1")
    assert store.change("c2") is None
    assert seqs(store) == [1], "a refused change leaves no record and no gap"
    planned(store, "c3", R2)


def test_a_proposal_locks_nothing_until_it_is_approved(store: Store) -> None:
    first = planned(store, "c1", R1, state=State.PROPOSED)
    second = planned(store, "c2", R1, state=State.PROPOSED)
    store.transition(first, Trigger.APPROVE, records=[record()])
    with pytest.raises(RadioBusy):
        store.transition(second, Trigger.APPROVE, records=[record()])
    assert store.change("c2") == second


@pytest.mark.parametrize(
    "triggers",
    [
        (Trigger.EXPIRE,),
        (Trigger.START, Trigger.REFUSED),
        (Trigger.START, Trigger.ACKED, Trigger.HELD),
        (Trigger.START, Trigger.ACKED, Trigger.WORSE, Trigger.UNDONE),
        (Trigger.START, Trigger.SUPERSEDED),
    ],
)
def test_a_final_change_frees_its_radios(store: Store, triggers: tuple[Trigger, ...]) -> None:
    done = walk(store, planned(store), *triggers)
    assert done.final
    planned(store, "c2", R1)


def test_an_escalated_change_keeps_its_radios_until_a_person_acts(store: Store) -> None:
    done = walk(store, planned(store), Trigger.START, Trigger.DOUBT, Trigger.DEADLINE)
    assert done.state is State.ESCALATED
    with pytest.raises(RadioBusy):
        planned(store, "c2", R1)
    assert store.escalated("north") == [done]
    assert store.escalated("south") == []
    freed = store.release_escalated(done, [record()])
    assert store.escalated() == []
    planned(store, "c2", R1)
    with pytest.raises(StaleChange):
        store.release_escalated(done, [])
    with pytest.raises(StaleChange):
        store.release_escalated(replace(freed, state=State.COMMITTED), [])


def test_an_escalated_change_lets_go_only_with_the_change_that_deals_with_it(store: Store) -> None:
    kept = walk(store, planned(store), Trigger.START, Trigger.ACKED, Trigger.HELD)
    done = walk(store, planned(store, "c2", R1), Trigger.START, Trigger.DOUBT, Trigger.DEADLINE)
    undo = change("c3", R1, cause=Cause.UNDO, undo_of="c2")
    with pytest.raises(TokenSpent):
        store.create(undo, records=[record()], spends_token_of="c9", releases=[done], now=NOW)
    with pytest.raises(StaleChange):
        store.create(undo, records=[record()], releases=[done, kept], now=NOW)
    assert store.escalated() == [done], "and it holds its radio"
    in_part = replace(done, prior={}, reason={})  # as who looks at some of it has it
    store.create(undo, records=[record()], releases=[in_part], now=NOW)
    assert store.escalated() == []
    assert store.change("c2") == replace(done, rev=done.rev + 1)
    with pytest.raises(RadioBusy):
        planned(store, "c4", R1)


TAKEN_BACK = (Trigger.START, Trigger.ACKED, Trigger.WORSE, Trigger.UNDONE)


def test_a_token_is_good_again_only_for_the_undo_that_used_it(store: Store) -> None:
    """One that was made without it, since it was used up before, gives nothing back."""
    kept = walk(store, planned(store, token_sha256=TOKEN), Trigger.START, Trigger.ACKED, Trigger.HELD)
    undo = change("c2", R1, cause=Cause.UNDO, undo_of=kept.id)
    walk(store, store.create(undo, records=[], spends_token_of=kept.id, now=NOW), Trigger.REFUSED)
    row = store.token(TOKEN)
    assert row is not None
    assert row.used_utc_us is None
    undo = replace(undo, id="c3")
    walk(store, store.create(undo, records=[], spends_token_of=kept.id, now=NOW), *TAKEN_BACK)
    again = replace(undo, id="c4", reason={TOKENLESS: True})
    walk(store, store.create(again, records=[], now=NOW), Trigger.REFUSED)
    row = store.token(TOKEN)
    assert row is not None
    assert row.used_utc_us == NOW.utc_us


@pytest.mark.parametrize(
    ("triggers", "waits"),
    [
        ((Trigger.REFUSED,), True),
        ((Trigger.START, Trigger.REFUSED), True),
        (TAKEN_BACK, True),
        ((Trigger.START, Trigger.ACKED, Trigger.HELD), False),
        ((Trigger.START, Trigger.SUPERSEDED), False),
    ],
)
def test_an_escalated_change_has_its_radios_again_when_what_dealt_with_it_came_to_nothing(
    store: Store, triggers: tuple[Trigger, ...], waits: bool
) -> None:
    done = walk(store, planned(store), Trigger.START, Trigger.DOUBT, Trigger.DEADLINE)
    undo = change("c2", R1, cause=Cause.UNDO, undo_of="c1", reason={RELIEVES: ["c1"]})
    walk(store, store.create(undo, records=[record()], releases=[done]), *triggers)
    assert [one.id for one in store.escalated()] == (["c1"] if waits else [])
    if waits:
        with pytest.raises(RadioBusy):
            planned(store, "c3", R1)
        store.release_escalated(store.escalated()[0], [record()])
    planned(store, "c3", R1)


def test_a_transition_sets_what_it_is_told_and_counts_up(store: Store) -> None:
    one = walk(store, planned(store), Trigger.START)
    later = Deadline.after(NOW, 900)
    two = store.transition(
        one, Trigger.ACKED, records=[record()], deadline=later, acked_at=later, silent_s=2.0
    )
    assert (two.state, two.rev, two.deadline, two.acked_at) == (State.MONITORING, 2, later, later)
    assert store.change("c1") == two


def test_a_transition_sets_only_what_may_change(store: Store) -> None:
    one = planned(store)
    for name in ("id", "state", "rev", "site", "target", "scope", "nonsense"):
        patch: dict[str, Any] = {name: "x"}
        with pytest.raises(TypeError, match=name):
            store.transition(one, Trigger.START, records=[], **patch)


def test_who_comes_late_changes_nothing(store: Store) -> None:
    seen = planned(store)
    walk(store, seen, Trigger.START)
    with pytest.raises(StaleChange):
        store.transition(seen, Trigger.EXPIRE, records=[record()])
    assert seqs(store) == [1, 2]


def test_an_illegal_step_changes_nothing(store: Store) -> None:
    one = planned(store)
    with pytest.raises(IllegalTransition):
        store.transition(one, Trigger.HELD, records=[record()])
    assert store.change("c1") == one
    assert seqs(store) == [1]


def test_a_step_and_its_records_commit_together_or_not_at_all(store: Store) -> None:
    one = planned(store)
    with pytest.raises(NotCanonical):
        store.transition(one, Trigger.START, records=[record(), {**record(), "share": 0.5}])
    assert store.change("c1") == one
    assert seqs(store) == [1]
    walk(store, one, Trigger.START)
    assert seqs(store) == [1, 2]


def test_the_same_id_twice_is_a_conflict(store: Store) -> None:
    planned(store)
    with pytest.raises(StoreConflict):
        planned(store, "c1", R2)


def test_lists_of_changes(store: Store) -> None:
    for number, radio in enumerate([R1, R2, R1, R2]):
        one = planned(store, f"c{number}", radio, created_utc_us=NOW.utc_us + number)
        if number < 2:
            walk(store, one, Trigger.EXPIRE)
    assert [one.id for one in store.changes()] == ["c3", "c2", "c1", "c0"]
    assert [one.id for one in store.changes(radio=R1)] == ["c2", "c0"]
    assert [one.id for one in store.changes(since_utc_us=NOW.utc_us + 2, limit=1)] == ["c3"]
    assert [one.id for one in store.open_changes("north")] == ["c2", "c3"]
    assert store.changes("south") == store.open_changes("south") == []


# Tokens


def rolling_back(store: Store) -> Change:
    one = planned(store, token_sha256=TOKEN)
    return walk(store, one, Trigger.START, Trigger.ACKED)


def test_a_token_is_used_once(store: Store) -> None:
    one = rolling_back(store)
    one = store.transition(one, Trigger.WORSE, records=[record()], use_token=True, now=NOW)
    used = store.token(TOKEN)
    assert used is not None
    assert used.used_utc_us == NOW.utc_us
    with pytest.raises(TokenSpent):
        store.transition(one, Trigger.UNDO_FAILED, records=[record()], use_token=True, now=NOW)
    assert store.change("c1") == one


def test_an_expired_token_is_told_apart(store: Store) -> None:
    one = rolling_back(store)
    with pytest.raises(TokenExpired):
        store.transition(one, Trigger.WORSE, records=[record()], use_token=True, now=NOW.plus(3601))
    assert store.change("c1") == one
    store.transition(
        one, Trigger.UNDO, records=[record()], use_token=True, allow_expired=True, now=NOW.plus(3601)
    )


def test_a_wall_clock_that_jumps_does_not_expire_a_token(store: Store) -> None:
    one = rolling_back(store)
    jumped = replace(NOW, utc_us=NOW.utc_us + 10**12)
    store.transition(one, Trigger.WORSE, records=[], use_token=True, now=jumped)


def test_a_change_without_a_token_can_not_use_one(store: Store) -> None:
    one = walk(store, planned(store), Trigger.START, Trigger.ACKED)
    with pytest.raises(TokenSpent, match="no token"):
        store.transition(one, Trigger.WORSE, records=[], use_token=True, now=NOW)


def test_a_proposal_may_get_its_token_later(store: Store) -> None:
    one = planned(store, state=State.PROPOSED)
    expires = Deadline.after(NOW, 5)
    store.transition(one, Trigger.APPROVE, records=[], token_sha256=TOKEN, token_expires=expires)
    found = store.change_by_token(TOKEN)
    assert found is not None
    assert found.state is State.PLANNED


def test_undoing_a_committed_change_spends_its_token_with_the_new_change(store: Store) -> None:
    walk(store, rolling_back(store), Trigger.HELD)
    undo = change("c2", cause=Cause.UNDO, undo_of="c1")
    store.create(undo, records=[record()], spends_token_of="c1", now=NOW)
    with pytest.raises(TokenSpent):
        store.create(change("c3", R2), records=[record()], spends_token_of="c1", now=NOW)
    assert store.change("c3") is None


@pytest.mark.parametrize("trigger", [Trigger.SUPERSEDED, Trigger.REFUSED, Trigger.EXPIRE])
def test_an_undo_that_was_never_sent_gives_the_token_back(store: Store, trigger: Trigger) -> None:
    walk(store, rolling_back(store), Trigger.HELD)
    undo = store.create(
        change("c2", cause=Cause.UNDO, undo_of="c1"), records=[], spends_token_of="c1", now=NOW
    )
    store.transition(undo, trigger, records=[])
    token = store.token(TOKEN)
    assert token is not None
    assert token.used_utc_us is None


def test_an_undo_that_was_superseded_at_the_device_does_not(store: Store) -> None:
    walk(store, rolling_back(store), Trigger.HELD)
    undo = store.create(
        change("c2", cause=Cause.UNDO, undo_of="c1"), records=[], spends_token_of="c1", now=NOW
    )
    walk(store, undo, Trigger.START, Trigger.SUPERSEDED)
    token = store.token(TOKEN)
    assert token is not None
    assert token.used_utc_us is not None


def test_a_refused_undo_leaves_the_token(store: Store) -> None:
    walk(store, rolling_back(store), Trigger.HELD)
    planned(store, "busy", R1)
    with pytest.raises(RadioBusy):
        store.create(change("c2"), records=[], spends_token_of="c1", now=NOW)
    token = store.token(TOKEN)
    assert token is not None
    assert token.used_utc_us is None


def test_of_two_threads_one_uses_the_token(store: Store) -> None:
    walk(store, rolling_back(store), Trigger.HELD)
    barrier = threading.Barrier(2)
    results: list[str] = []

    def undo(id: str, radio: RadioKey) -> None:
        barrier.wait()
        try:
            store.create(change(id, radio), records=[record()], spends_token_of="c1", now=NOW)
            results.append("done")
        except TokenSpent:
            results.append("spent")

    threads = [threading.Thread(target=undo, args=args, name=args[0]) for args in (("c2", R1), ("c3", R2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["done", "spent"]
    assert len(store.open_changes()) == 1


# Non-occupancy periods


def nop(mhz: int = 5260, left_s: float = 1800, at: Moment = NOW, by: RadioKey = R1) -> Nop:
    return Nop(site="north", mhz20=mhz, deadline=Deadline.after(at, left_s), by_radio=by)


def test_a_nop_holds_until_its_end(store: Store) -> None:
    store.bar([nop(5260), nop(5280)], [record()])
    assert store.nops(NOW.plus(1799), "north") == [nop(5260), nop(5280)]
    assert store.nops(NOW.plus(1800)) == []
    assert store.nops(NOW, "south") == []


def test_a_later_hit_extends_and_an_earlier_end_never_shortens(store: Store) -> None:
    store.bar([nop()], [])
    store.bar([nop(left_s=60)], [])
    assert store.nops(NOW) == [nop()]
    store.bar([nop(at=NOW.plus(600))], [])
    assert store.nops(NOW) == [nop(at=NOW.plus(600))]
    backwards = replace(NOW.plus(900), utc_us=0)
    store.bar([nop(at=backwards)], [])
    assert store.nops(NOW)[0].deadline.left_s(backwards) == 1800


def test_each_radio_that_heard_radar_has_its_own(store: Store) -> None:
    store.bar([nop(by=R1), nop(by=R2)], [])
    assert {one.by_radio for one in store.nops(NOW)} == {R1, R2}


def test_after_a_reboot_a_nop_starts_again_in_full(store: Store) -> None:
    store.bar([nop(left_s=120)], [])
    assert len(store.restart_nops(REBOOTED, 1800)) == 1
    assert store.nops(REBOOTED)[0].deadline == Deadline.after(REBOOTED, 1800)
    assert store.restart_nops(REBOOTED.plus(60), 1800) == [], "only once"


def test_a_restart_of_the_daemon_alone_restarts_no_nop(store: Store) -> None:
    store.bar([nop(left_s=120)], [])
    assert store.restart_nops(NOW.plus(60), 1800) == []
    assert store.nops(NOW) == [nop(left_s=120)]


def test_prune_drops_what_is_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "KEEP_WRITTEN", 2)
    store.bar([nop(left_s=10), nop(5280)], [])
    store.pause("*", Actor(), NOW, Deadline.after(NOW, 5))
    store.append([record(number) for number in range(6)])
    head = AuditHead(seq=5, mac="m5", file="f", size=1)
    store.mark_written([(seq, f"m{seq}") for seq in range(1, 6)], "f", head)
    store.prune(NOW.plus(10))
    with store._engine.connect() as conn:
        count = {
            name: conn.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
            for name in ("nop", "pause", "outbox")
        }
    assert count == {"nop": 1, "pause": 0, "outbox": 2}
    assert seqs(store) == [6]


# Events, pauses


def raised(id: str = "e1", key: str = "k", **more: Any) -> Event:
    values: dict[str, Any] = {
        "id": id,
        "site": "north",
        "kind": EventKind.SPECTRUM_SAT,
        "key": key,
        "radio": R1,
        "severity": "major",
        "confidence_ppm": 900_000,
        "raised_utc_us": NOW.utc_us,
        "evidence": {"busy_ppm": 850_000},
    }
    return Event(**{**values, **more})


def test_an_event_is_raised_once_until_it_is_cleared(store: Store) -> None:
    assert store.raise_event(raised("e1"), [record()]).id == "e1"
    assert store.raise_event(raised("e2"), [record()]).id == "e1"
    assert seqs(store) == [1]
    assert store.open_events("north") == [raised("e1")]
    assert store.clear_event("e1", NOW.utc_us + 5, [record()])
    assert not store.clear_event("e1", NOW.utc_us + 6, [record()])
    assert store.raise_event(raised("e3", raised_utc_us=NOW.utc_us + 9)).id == "e3"
    assert [one.id for one in store.events("north")] == ["e3", "e1"]
    assert [one.id for one in store.events(since_utc_us=NOW.utc_us + 1, limit=1)] == ["e3"]
    assert store.events()[1].cleared_utc_us == NOW.utc_us + 5


def test_radar_of_a_site_is_told_oldest_first_without_drills(store: Store) -> None:
    radar = {"kind": EventKind.DFS_RADAR, "evidence": {"mhz20": [5260]}}
    late, early = raised("late", "a", **radar), raised("early", "b", **radar, raised_utc_us=NOW.utc_us - 5)
    others = (
        raised("drill", "c", **radar, drill=True),
        raised("elsewhere", "d", **radar, site="south"),
        raised("old", "e", **radar, raised_utc_us=NOW.utc_us - 6),
        raised("no radar", "f"),
    )
    for event in (late, early, *others):
        store.raise_event(event)
    assert store.radar("north", NOW.utc_us - 5) == [early, late]


def test_events_of_another_key_kind_or_site_are_others(store: Store) -> None:
    others: list[dict[str, Any]] = [{}, {"key": "b"}, {"kind": EventKind.SECURITY}, {"site": "south"}]
    for number, more in enumerate(others):
        assert store.raise_event(raised(f"e{number}", **more)).id == f"e{number}"
    assert len(store.open_events()) == 4


def test_a_pause_ends_by_itself_or_by_hand(store: Store) -> None:
    store.pause("north", Actor(type="operator", uid=7, name="ola"), NOW, Deadline.after(NOW, 1), [record()])
    store.pause("*", Actor(), NOW)
    assert [one.scope for one in store.pauses(NOW)] == ["*", "north"]
    assert store.pauses(NOW)[1].actor.uid == 7
    assert [one.scope for one in store.pauses(NOW.plus(1))] == ["*"]
    jumped = replace(NOW, utc_us=NOW.utc_us + 3_600_000_000)  # the wall clock was set, no time passed
    store.prune(jumped)
    assert [one.scope for one in store.pauses(jumped)] == ["*", "north"]
    assert store.resume("*", [record()])
    assert not store.resume("*", [record()])
    assert seqs(store) == [1, 2]


# What the agent remembers of its radios


def test_the_last_time_of_each_action_is_kept(store: Store) -> None:
    store.remember_deed(R1, Action.RESTART, 5)
    store.remember_deed(R1, Action.RESTART, 7)
    store.remember_deed(R2, Action.RESTART, 6)
    assert store.deeds() == {(R1, Action.RESTART): 7, (R2, Action.RESTART): 6}


def test_hours_replace_each_other_and_old_ones_go(store: Store) -> None:
    store.keep_hours([Hour(R1, 10, 3), Hour(R1, 11, 4)], 0)
    store.keep_hours([Hour(R1, 11, 5), Hour(R2, 12, 6)], 11)
    assert store.hours() == [Hour(R1, 11, 5), Hour(R2, 12, 6)]


# The lease


def test_two_agents_and_one_lease(store: Store, url: str) -> None:
    other = Store(url)
    assert store.take_lease("north", "a", NOW.utc_us, 30) == 1
    with pytest.raises(LeaseHeld) as caught:
        other.take_lease("north", "b", NOW.utc_us + 1, 30)
    assert (caught.value.holder, caught.value.mark) == ("a", (1, NOW.utc_us + 30_000_000))
    assert other.take_lease("south", "b", NOW.utc_us, 30) == 1
    assert store.take_lease("north", "a", NOW.utc_us + 20_000_000, 30) == 1, "renewed"
    with pytest.raises(LeaseHeld):
        other.take_lease("north", "b", NOW.utc_us + 10**15, 30, caught.value.mark)  # renewed since
    with pytest.raises(LeaseHeld) as caught:
        other.take_lease("north", "b", NOW.utc_us + 10**15, 30)  # no wall clock decides
    assert other.take_lease("north", "b", NOW.utc_us + 50_000_000, 30, caught.value.mark) == 2
    assert not store.drop_lease("north", "a")
    assert other.drop_lease("north", "b")
    assert store.take_lease("north", "a", NOW.utc_us, 30) == 3
    other.close()


# The outbox


def test_numbers_have_no_gaps_even_after_refusals(store: Store) -> None:
    for number in range(5):
        store.append([record(number)])
        with pytest.raises(NotCanonical):
            store.append([record(), {"x": 1.0}])
    assert seqs(store) == [1, 2, 3, 4, 5]
    assert store.append([]) == 5


def test_a_text_and_the_records_of_it_are_kept_together_or_not_at_all(store: Store) -> None:
    store.keep("campaign/lab", "begun", [record(1)])
    assert (store.get_meta("campaign/lab"), seqs(store)) == ("begun", [1])
    with pytest.raises(NotCanonical):
        store.keep("campaign/lab", "", [record(2), {"x": 1.0}])
    assert (store.get_meta("campaign/lab"), seqs(store)) == ("begun", [1])


def test_written_rows_are_marked_with_the_head(store: Store) -> None:
    store.append([record(1), record(2), record(3)])
    head = AuditHead(seq=2, mac="m2", file="f", size=99)
    store.mark_written([(1, "m1"), (2, "m2")], "f", head)
    assert seqs(store) == [3]
    assert store.audit_head() == head
    with pytest.raises(StoreConflict, match="second appender"):
        store.mark_written([(2, "m2"), (3, "m3")], "f", replace(head, seq=3))
    assert store.audit_head() == head


# Processes


def _hammer(url: str, name: str, count: int) -> None:
    store = Store(url)
    for number in range(count):
        store.append([{"v": 1, "id": f"{name}-{number}"}])
    store.close()


def _grab(url: str, number: int, queue: Any) -> None:
    store = Store(url)
    try:
        planned(store, f"c{number}")
        queue.put("got it")
    except RadioBusy:
        queue.put("busy")
    finally:
        store.close()


def run_all(target: Callable[..., None], *arguments: tuple[Any, ...]) -> None:
    spawn = multiprocessing.get_context("fork")
    processes = [spawn.Process(target=target, args=args) for args in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)


def test_processes_that_open_a_new_store_together_and_write(url: str) -> None:
    run_all(_hammer, *[(url, name, 25) for name in "abcd"])
    store = Store(url)
    rows = store.unwritten(1000)
    store.close()
    assert [row.seq for row in rows] == list(range(1, 101))
    for name, mine in itertools.groupby(sorted(row.record["id"] for row in rows), lambda id: id[0]):
        assert len(list(mine)) == 25, name


def test_of_several_processes_one_gets_the_radio(url: str) -> None:
    queue = multiprocessing.get_context("fork").SimpleQueue()
    run_all(_grab, *[(url, number, queue) for number in range(4)])
    assert sorted(queue.get() for _ in range(4)) == ["busy", "busy", "busy", "got it"]
    queue.close()
