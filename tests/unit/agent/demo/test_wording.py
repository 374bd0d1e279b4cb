"""An audit record in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.demo.line import Tag
from agent.demo.wording import Wording, percent
from inventory.model import RadioKey

NOON_US = round(datetime(2026, 3, 3, 17, 0, tzinfo=UTC).timestamp() * 1e6)
WORDING = Wording(names={"p1": RadioKey("demo/lobby/r5")}, zone=ZoneInfo("America/New_York"))
OLD = {"channel": 44, "width_mhz": 40, "center_mhz": 5230}
NEW = {"channel": 149, "width_mhz": 20, "center_mhz": 5745}


def record(kind: str, code: str, **fields: Any) -> dict[str, Any]:
    params = fields.pop("params", {})
    blank = dict.fromkeys(("from_state", "to_state", "result", "undo_of", "old", "new"))
    reason = {"code": code, "params": params}
    given = {"utc": NOON_US, "radio": "p1", "kind": kind, "reason": reason, "evidence": []}
    return {**blank, **given, **fields}


def said(one: dict[str, Any]) -> list[tuple[Tag, str]]:
    return [(line.tag, line.text) for line in WORDING.lines(one)]


def evidence(**values: int | str) -> list[dict[str, Any]]:
    rest = {"unit": "", "source": "", "age_ms": 0}
    return [{"field": name, "value": value, **rest} for name, value in values.items()]


def test_when_and_where_are_those_of_the_site() -> None:
    (line,) = WORDING.lines(record("event", "event.cleared", params={"kind": "HW_FAILURE", "why": "over"}))
    assert (line.clock, line.where) == ("12:00:00", "lobby/5")
    assert line.text == "HW_FAILURE is over"


def test_radar_bars_the_channel() -> None:
    heard = record("event", "radar.heard", params={"source": "signal"}, evidence=evidence(radar=5260))
    assert [tag for tag, _ in said(heard)] == [Tag.SEES, Tag.DOES, Tag.WHY]
    assert "bars channel 52 at the whole site until 12:30" in said(heard)[1][1]


def test_an_event_tells_its_evidence_but_not_what_is_next_to_nothing() -> None:
    raised = record(
        "event",
        "event.raised",
        params={"kind": "SPECTRUM_SAT"},
        evidence=evidence(busy_ppm=900_000, non_wifi_ppm=100, clients=7, unheard_of=3),
    )
    assert said(raised) == [(Tag.SEES, "SPECTRUM_SAT: air in use 90 %, 7 clients")]


def test_a_decision_says_what_and_why() -> None:
    made = record(
        "decision",
        "leave_interference",
        to_state="PLANNED",
        old=OLD,
        new=NEW,
        params={"gain_ppm": 500_000},
    )
    (does, why) = said(made)
    assert does == (Tag.DOES, "moves it from channel 44 (40 MHz) to 149; the undo is on disk first")
    assert why == (Tag.WHY, "elsewhere more air is to be had: 50 % more")


def test_no_change_names_the_guard() -> None:
    none = record("decision", "vetoed", result="no_change", params={"guard": "routine_interval"})
    assert said(none) == [(Tag.DOES, "leaves it as it is: one such change in four hours is enough")]


@pytest.mark.parametrize(
    ("trigger", "tags"), [("worse", [Tag.PROOF, Tag.DOES, Tag.WHY]), ("undo", [Tag.DOES, Tag.WHY])]
)
def test_only_what_was_judged_worse_is_called_so(trigger: str, tags: list[Tag]) -> None:
    back = record(
        "transition",
        "retry_worse",
        from_state="MONITORING",
        to_state="ROLLING_BACK",
        params={"trigger": trigger},
        evidence=evidence(**{"retry_ratio.before": 72_000, "retry_ratio.after": 160_000}),
    )
    assert [tag for tag, _ in said(back)] == tags
    assert ((Tag.PROOF, "WORSE: retries 7.2 % -> 16 %") in said(back)) is (trigger == "worse")


def test_a_step_on_the_way_is_not_told() -> None:
    assert said(record("transition", "writing", from_state="PLANNED", to_state="APPLYING")) == []


def test_a_record_of_a_kind_that_came_later_is_no_error() -> None:
    assert said(record("system", "something.new")) == []
    assert said(record("decision", "some_new_reason", result="alert")) == [
        (Tag.ALERT, "a person is told: some new reason")
    ]


def test_percent() -> None:
    assert [percent(ppm) for ppm in (0, 400, 3_000, 94_000, 96_000, 1_000_000)] == [
        "0 %",
        "0 %",
        "0.3 %",
        "9.4 %",
        "10 %",
        "100 %",
    ]
