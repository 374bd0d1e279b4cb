"""What leaves the store by age, and what stays however old it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from integration.stored import NOW, R1, R2, change, planned, record, walk

from agent.change import Cause, Change, State, Trigger
from agent.events import Event, EventKind
from agent.moment import Deadline
from agent.store import retention, sqlite
from agent.store.store import Store

DAY_US = 86_400_000_000
OLD_US = NOW.utc_us - 500 * DAY_US
BEFORE_US = NOW.utc_us - 400 * DAY_US
KEPT = (Trigger.START, Trigger.ACKED, Trigger.HELD)


def old(store: Store, id: str, *triggers: Trigger, **more: Any) -> Change:
    """A change of long ago that went this way, with a token."""
    given = {"created_utc_us": OLD_US, "token_sha256": id * 8, **more}
    one = store.create(change(id, **given), records=[record()], token_expires=Deadline.after(NOW, 3600))
    return walk(store, one, *triggers)


def event(store: Store, id: str, *, cleared: bool) -> None:
    one = Event(
        id=id,
        site="north",
        kind=EventKind.NON_WIFI_BURST,
        key=id,
        radio=R1,
        severity="major",
        confidence_ppm=1,
        raised_utc_us=OLD_US,
        evidence={},
    )
    store.raise_event(one)
    if cleared:
        assert store.clear_event(id, OLD_US + 1)


def left(store: Store) -> list[str]:
    return sorted(one.id for one in store.changes(limit=1000))


def test_a_final_change_goes_with_all_that_is_its_own(store: Store) -> None:
    old(store, "c1", *KEPT)
    planned(store, "c2", R1)
    assert store.drop_old(BEFORE_US) == 1
    assert left(store) == ["c2"]
    assert store.token("c1" * 8) is None
    assert store.changes(radio=R1)[0].id == "c2"
    assert store.drop_old(BEFORE_US) == 0


def test_the_day_counts(store: Store) -> None:
    old(store, "c1", *KEPT, created_utc_us=BEFORE_US)
    assert store.drop_old(BEFORE_US) == 0
    assert store.drop_old(BEFORE_US + 1) == 1


@pytest.mark.parametrize("triggers", [(), (Trigger.START,), KEPT[:2], (Trigger.START, Trigger.DOUBT)])
def test_what_is_open_stays(store: Store, triggers: tuple[Trigger, ...]) -> None:
    old(store, "c1", *triggers)
    assert store.drop_old(BEFORE_US) == 0
    assert store.token("c1" * 8) is not None


def test_what_waits_for_a_person_stays_until_it_was_acknowledged(store: Store) -> None:
    done = old(store, "c1", Trigger.START, Trigger.DOUBT, Trigger.DEADLINE)
    assert done.state is State.ESCALATED
    assert store.drop_old(BEFORE_US) == 0
    store.release_escalated(done, [])
    assert store.drop_old(BEFORE_US) == 1


def test_what_was_undone_stays_as_long_as_its_undo(store: Store) -> None:
    old(store, "c1", *KEPT)
    undo = store.create(
        change("c2", cause=Cause.UNDO, undo_of="c1"), records=[], spends_token_of="c1", now=NOW
    )
    walk(store, undo, *KEPT)
    assert store.drop_old(BEFORE_US) == 0
    assert store.drop_old(NOW.utc_us + 1) == 1, "the undo first"
    assert store.drop_old(BEFORE_US) == 1
    assert left(store) == []


def test_an_event_goes_after_the_change_that_was_made_for_it(store: Store) -> None:
    event(store, "open", cleared=False)
    event(store, "over", cleared=True)
    event(store, "acted", cleared=True)
    old(store, "c1", *KEPT, event_id="open")
    planned(store, "c2", R2, event_id="acted")
    assert store.drop_old(BEFORE_US) == 1
    assert sorted(one.id for one in store.events()) == ["acted", "open"]
    assert left(store) == ["c1", "c2"], "the event of c1 is open"
    store.clear_event("open", OLD_US + 2)
    assert store.drop_old(BEFORE_US) == 2
    assert [one.id for one in store.events()] == ["acted"]


def test_a_turn_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST", 2)
    for number in range(5):
        old(store, f"c{number}", *KEPT, created_utc_us=OLD_US + number)
        event(store, f"e{number}", cleared=True)
    assert [store.drop_old(BEFORE_US) for _ in range(4)] == [4, 4, 2, 0]
    monkeypatch.setattr(retention, "MOST_WRITTEN", 3)
    monkeypatch.setattr(retention, "KEEP_WRITTEN", 0)
    with store._write() as conn:
        conn.exec_driver_sql("UPDATE outbox SET mac = 'm'")
    store.prune(NOW)
    with store._read() as conn:
        first, count = conn.exec_driver_sql("SELECT min(seq), count(*) FROM outbox").one()
    assert (first, count) == (4, 17)


def test_the_file_and_its_journal_stay_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "JOURNAL_BYTES", 65_536)
    monkeypatch.setattr(retention, "MOST", 1000)
    store = Store(f"sqlite:///{tmp_path}/s")
    sizes = []
    for year in range(3):
        with store._write() as conn:
            for number in range(300):
                row = {"id": f"{year}-{number}", "text": "x" * 2000, "utc": OLD_US}
                conn.exec_driver_sql(
                    "INSERT INTO event VALUES (:id, 'north', 'SECURITY', :id, NULL, 'major', 1, :utc, :utc,"
                    " 0, :text)",
                    row,
                )
        assert store.drop_old(BEFORE_US) == 300
        with store._read() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(RESTART)")
        store.set_meta("a", str(year))
        sizes.append((tmp_path / "s").stat().st_size)
        assert (tmp_path / "s-wal").stat().st_size <= 65_536
    store.close()
    assert sizes[2] == sizes[1]
