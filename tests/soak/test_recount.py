"""The soak's recount: a budget that was broken is found in the records, whatever the guards said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmarks.soak_recount import DAY_US, HOUR_US, Recount
from inventory.model import Policy

POLICY = Policy()


class Chain:
    """Records as an agent would write them."""

    def __init__(self, recount: Recount) -> None:
        self._recount = recount
        self._seq = 0

    def event(self, id: str, kind: str, at_us: int = 0) -> None:
        self._add(at_us, code="event.raised", params={"kind": kind}, kind="event", event_id=id)

    def change(self, id: str, event: str | None, at_us: int, **given: Any) -> None:
        """Sent, and kept unless ``end`` says otherwise."""
        end = given.pop("end", "COMMITTED")
        for state in filter(None, ("PLANNED", "APPLYING", "MONITORING", end)):
            self._add(at_us, change_id=id, event_id=event, to_state=state, **given)

    def _add(self, at_us: int, **given: Any) -> None:
        self._seq += 1
        reason = {"code": given.pop("code", "x"), "params": given.pop("params", {})}
        plain = {
            "kind": "transition",
            "event_id": None,
            "change_id": None,
            "undo_of": None,
            "to_state": None,
            "radio": "radio-1",
            "ap": "ap-1",
            "old": {"channel": 1},
            "new": {"channel": 6},
        }
        self._recount.take({**plain, **given, "seq": self._seq, "utc": at_us, "reason": reason})


def chain(aps: int = 10) -> tuple[Recount, Chain]:
    recount = Recount(POLICY, aps)
    made = Chain(recount)
    made.event("sat", "SPECTRUM_SAT")
    made.event("dead", "HW_FAILURE")
    made.event("radar", "DFS_RADAR")
    return recount, made


def broken(recount: Recount) -> list[str]:
    return [breach.partition(":")[0] for breach in recount.breaches]


def apart(number: int, step_us: int) -> Iterator[tuple[str, int]]:
    return ((f"change-{nth}", nth * step_us) for nth in range(number))


def test_help_given_back_without_a_token_is_no_failures_but_has_a_limit_of_its_own() -> None:
    recount, made = chain()
    back: dict[str, Any] = {"code": "the_dead_ap_is_back", "end": "ROLLED_BACK"}
    for nth in range(3):
        made.change(f"help-{nth}", "dead", nth * HOUR_US, new={"tx_power_dbm": 20 + nth})
    for nth in range(3):
        made.change(f"back-{nth}", "dead", (4 + 4 * nth) * HOUR_US, new={"tx_power_dbm": 17}, **back)
    assert recount.breaches == []
    assert recount.worst["failure_of_a_radio_a_day"] == recount.worst["help_given_back_a_day"] == 3
    assert not any(each.avoidable for each in recount.sent())
    made.change("back-3", "dead", 16 * HOUR_US, new={"tx_power_dbm": 17}, **back)
    assert broken(recount) == ["help_given_back_a_day"]


def test_changes_within_their_budgets_are_no_breach() -> None:
    recount, made = chain()
    for nth, (id, at_us) in enumerate(apart(14, DAY_US // 4)):
        made.change(id, "sat", at_us, new={"channel": nth})
    assert recount.breaches == []
    assert recount.worst["routine_a_week"] == 14


def test_a_week_with_too_many_routine_changes() -> None:
    recount, made = chain()
    for nth, (id, at_us) in enumerate(apart(15, DAY_US // 4)):
        made.change(id, "sat", at_us, new={"channel": nth})
    assert broken(recount) == ["routine_a_week"]


def test_two_routine_changes_of_one_ap_within_four_hours() -> None:
    recount, made = chain()
    made.change("a", "sat", 0)
    made.change("b", "sat", 4 * HOUR_US - 1, radio="radio-2", new={"channel": 40})
    assert broken(recount) == ["routine_of_an_ap"]


def test_a_clock_set_back_hides_no_breach() -> None:
    recount, made = chain()
    made.change("a", "sat", 2 * HOUR_US)
    made.change("b", "sat", HOUR_US, new={"channel": 40})
    assert broken(recount) == ["routine_of_an_ap"]


def test_more_than_a_tenth_of_the_aps_at_once() -> None:
    recount, made = chain()
    made.change("a", "sat", 0, end=None)
    made.change("b", "sat", 0, ap="ap-2", radio="radio-2")
    assert broken(recount) == ["aps_in_flight"]


def test_a_second_change_of_a_radio_whose_first_is_open() -> None:
    recount, made = chain(aps=30)
    made.change("a", "sat", 0, end=None)
    made.change("b", "dead", 5 * HOUR_US)
    assert broken(recount) == ["open_on_one_radio"]


def test_a_fourth_failure_change_of_a_radio_in_a_day() -> None:
    recount, made = chain()
    for nth, (id, at_us) in enumerate(apart(4, HOUR_US)):
        made.change(id, "dead", at_us, new={"channel": nth})
    assert broken(recount) == ["failure_of_a_radio_a_day"]


def test_back_to_a_channel_that_was_just_taken_back() -> None:
    recount, made = chain()
    made.change("a", "dead", 0, end="ROLLED_BACK")
    made.change("b", "dead", HOUR_US)
    assert broken(recount) == ["to_where_it_was_taken_back"]


def test_radar_waits_for_no_budget() -> None:
    recount, made = chain()
    for id, at_us in apart(30, 60_000_000):
        made.change(id, "radar", at_us)
    assert recount.breaches == []
    assert not any(each.avoidable for each in recount.sent())


def test_an_undo_is_as_avoidable_as_what_it_undoes() -> None:
    recount, made = chain()
    made.change("a", "dead", 0)
    made.change("b", "dead", HOUR_US, undo_of="a")
    assert [each.cause for each in recount.sent()] == ["HW_FAILURE", "UNDO"]
    assert [each.avoidable for each in recount.sent()] == [False, False]
    made.change("c", "sat", 5 * HOUR_US)
    made.change("d", "sat", 6 * HOUR_US, undo_of="c")
    assert [each.avoidable for each in recount.sent()[2:]] == [True, True]


def test_there_and_back_by_choice_within_a_day_is_a_flap() -> None:
    recount, made = chain()
    made.change("a", "sat", 0)
    made.change("b", "sat", 5 * HOUR_US, old={"channel": 6}, new={"channel": 1})
    made.change("c", "sat", 2 * DAY_US, old={"channel": 1}, new={"channel": 6})
    assert [(there.id, back.id) for there, back in recount.flaps()] == [("a", "b")]


def test_the_same_record_twice_counts_once() -> None:
    recount, made = chain()
    made.change("a", "sat", 0)
    before = replace(recount)
    recount.take({"seq": 1})
    assert recount == before
