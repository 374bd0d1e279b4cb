"""What the audit log tells of a lost store, whatever else stands in it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.change import Actor
from agent.lost_rows import lost_rows, told
from agent.moment import Moment
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
