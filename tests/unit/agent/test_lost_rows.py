"""What the audit log tells of a lost store, whatever else stands in it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.change import Actor
from agent.lost_rows import lost_rows, told
from agent.moment import DAY_US, Moment
from agent.records import Pseudonyms, record

NOW = Moment(monotonic_s=100.0, utc_us=1_772_409_600_000_000, boot_id="b", boottime_us=100_000_000)
NAMES = Pseudonyms(b"k" * 32)


def line(reason: str, *, change: str | None = None, to: str | None = None, **params: Any) -> dict[str, Any]:
    made = record(
        id="r", now=NOW, kind="event", site="lab", names=NAMES, reason=reason, params=params, actor=Actor()
    )
    return {**made, "change_id": change, "to_state": to}


HEARD = line("radar.heard", mhz="5260 5280")
PAUSED = line("pause.begun", scope="lab/ap1", for_s="60.0")
OPEN = line("writing", change="c1", to="APPLYING")


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"utc": NOW.utc_us},
        {**OPEN, "reason": None},
        {**OPEN, "reason": {"code": "x"}},
        {**OPEN, "members": 5},
        {**OPEN, "old": []},
        {**PAUSED, "actor": {"type": "operator", "more": 1}},
        {**PAUSED, "utc": 10**30},
        line("pause.begun", for_s="soon"),
        line("pause.begun", scope="lab", for_s=[]),
        line("radar.heard", mhz="none"),
        line("radar.heard"),
    ],
)
def test_a_line_that_is_no_record_is_passed_over(odd: dict[str, Any]) -> None:
    found = lost_rows([odd, HEARD, odd, PAUSED, OPEN, odd], NOW, {})
    assert {nop.mhz20 for nop in found.nops} == {5260, 5280}
    assert list(found.pauses) == ["lab/ap1"]
    assert [told(each, {}) for each in found.changes] == ["c1 on , APPLYING, before it "]


def test_what_waited_for_a_person_still_does_until_it_is_released() -> None:
    escalated = line("rollback_given_up", change="c1", to="ESCALATED")
    other = line("rollback_given_up", change="c2", to="ESCALATED")
    released = line("change.released", change="c2")
    kept = line("held", change="c3", to="COMMITTED")
    found = lost_rows([escalated, other, kept, released], NOW, {})
    assert [each["change_id"] for each in found.changes] == ["c1"]
    assert found.counted == 3


def aged(record: dict[str, Any], days: int, seq: int = 1) -> dict[str, Any]:
    return {**record, "utc": NOW.utc_us - days * DAY_US, "seq": seq}


def test_a_pause_that_nobody_ended_is_found_however_old_it_is() -> None:
    forever = line("pause.begun", scope="lab", for_s="")
    other = line("pause.begun", scope="lab/ap1", for_s="")
    ended = line("pause.ended", scope="lab/ap1")
    found = lost_rows([aged(forever, 900), aged(other, 800), aged(ended, 700)], NOW, {})
    assert list(found.pauses) == ["lab"]


@pytest.mark.parametrize(("begun_days", "runs"), [(29, True), (36, True), (38, False)])
def test_a_pause_is_over_a_week_after_its_end(begun_days: int, runs: bool) -> None:
    begun = line("pause.begun", scope="lab", for_s=str(30 * 86_400))
    assert bool(lost_rows([aged(begun, begun_days)], NOW, {}).pauses) is runs


def test_a_change_that_nobody_ended_is_found_and_only_the_last_week_is_counted() -> None:
    stuck = line("rollback_given_up", change="c1", to="ESCALATED")
    moving = line("writing", change="c2", to="APPLYING")
    kept = line("held", change="c3", to="COMMITTED")
    found = lost_rows(
        [aged(stuck, 30), aged(moving, 20), aged(kept, 10), kept | {"change_id": "c4"}], NOW, {}
    )
    assert [each["change_id"] for each in found.changes] == ["c1", "c2"]
    assert found.counted == 1


def test_what_a_person_knows_to_be_lost_with_an_earlier_store_is_not_told_again() -> None:
    first = line("writing", change="c1", to="APPLYING")
    second = line("rollback_given_up", change="c2", to="ESCALATED")
    anew, known = line("store.made_anew"), line("store.acknowledged")
    found = lost_rows([first, anew, second, known], NOW, {})
    assert [each["change_id"] for each in found.changes] == ["c2"]
    assert len(lost_rows([first, anew, second], NOW, {}).changes) == 2


def test_a_log_that_was_cut_off_says_since_when_it_knows() -> None:
    assert lost_rows([aged(PAUSED, 3), aged(OPEN, 2, 2)], NOW, {}).begins_utc_us is None
    assert lost_rows([aged(PAUSED, 3, 2)], NOW, {}).begins_utc_us == NOW.utc_us - 3 * DAY_US
    assert lost_rows([], NOW, {}).begins_utc_us is None
