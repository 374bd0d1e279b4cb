"""What the budgets leave, as a person is told."""

from __future__ import annotations

from dataclasses import replace

from rig import site_of
from unit.agent.planner.test_guards import DAY_S, KEY, done, view

from agent.change import Cause, State
from agent.planner.allowance import ASKED, allowance
from agent.planner.guards import GUARDS
from inventory.model import RadioKey

OTHER = RadioKey("lab/ap2/r5")


def test_what_is_left_and_why_a_change_waits() -> None:
    routine, incident = done(3600.0, Cause.SPECTRUM_SAT), done(7200.0, Cause.HW_FAILURE)
    flying = replace(done(60.0, Cause.OPERATOR, OTHER), state=State.MONITORING)
    left = allowance(view(site_of(20), routine, incident, flying, done(8 * DAY_S, Cause.SPECTRUM_SAT)))
    assert (left.week, left.week_most) == (1, 28)
    assert (left.in_flight, left.in_flight_most) == (1, 2)
    mine = next(each for each in left.radios if each.radio == KEY)
    assert mine.routine_wait_s == 3 * 3600.0
    assert mine.incidents_today == {Cause.HW_FAILURE: 1}
    assert {veto.guard for veto in mine.against} == {"neighbours", "routine_interval"}
    theirs = next(each for each in left.radios if each.radio == OTHER)
    assert theirs.routine_wait_s == 0.0
    assert {veto.guard for veto in theirs.against} == {"open_change"}


def test_a_clock_that_was_set_back_frees_no_budget() -> None:
    tomorrow = done(-DAY_S, Cause.SPECTRUM_SAT)
    left = allowance(view(site_of(2), tomorrow))
    assert left.week == 1
    assert left.radios[0].routine_wait_s == 4 * 3600.0


def test_only_guards_that_need_no_target_are_asked() -> None:
    assert set(ASKED) <= GUARDS.keys()
    quiet = allowance(view(site_of(2)))
    assert all(each.against == () for each in quiet.radios)
