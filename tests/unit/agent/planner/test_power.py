"""Neighbours that cover for a dead AP: a step at a time, within bounds, and all of it given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rig import site_of
from unit.agent.planner.test_channel import NOW, pending
from unit.agent.planner.test_matrix import ONE, THREE, TWO, changed, event, said, seen_by

from agent.change import Cause, Change, State
from agent.events import EventKind
from agent.planner import matrix, power
from agent.planner.decision import Move, NoChange, TakeBack
from agent.view import SiteView
from drivers.types import Reported, Setting
from inventory.model import Band, RadioKey


def step(n: int, key: RadioKey, prior: int, state: State = State.COMMITTED, **said: object) -> Change:
    """The n-th step of power for the event, from ``prior`` 3 dB up."""
    change = replace(
        pending(key, {Setting.TX_POWER_DBM: prior + 3}),
        id=f"step-{n}",
        prior={Setting.TX_POWER_DBM: prior},
        cause=Cause.HW_FAILURE,
        state=state,
        event_id="event-1",
        created_utc_us=NOW.utc_us - 10_000_000 + n,
    )
    return replace(change, **said)  # type: ignore[arg-type]


def undo_to(dbm: int, n: int, step_id: str, **said: object) -> Change:
    undo = replace(step(n, TWO, 16), id=f"undo-{n}", cause=Cause.UNDO, undo_of=step_id)
    return replace(undo, target={Setting.TX_POWER_DBM: dbm}, **said)  # type: ignore[arg-type]


def now_at(dbm: float, *steps: Change, **radio: Any) -> SiteView:
    """The second AP at this power, after these steps."""
    site = site_of(4, channels=(36, 149), widths=(20,), **radio)
    seen = said(seen_by(site), TWO, tx_power_dbm=Reported(dbm, "test"))
    return replace(seen, changes=tuple(reversed(steps)))


def raised(seen: SiteView) -> Move | NoChange:
    return power.raised(seen, TWO)


def to_dbm(seen: SiteView) -> int | str:
    decision = raised(seen)
    return decision.target[Setting.TX_POWER_DBM] if isinstance(decision, Move) else decision.reason


@pytest.mark.parametrize(
    ("dbm", "steps", "wanted"),
    [
        (10.0, (), 13),
        (13.0, (step(1, TWO, 10),), 16),
        (16.0, (step(1, TWO, 10), step(2, TWO, 13)), "power_at_its_limit"),
        (14.0, (step(1, TWO, 10),), 16),
        (13.0, (step(1, TWO, 10, state=State.ROLLED_BACK),), 16),
        (16.0, (step(1, TWO, 10), step(2, TWO, 13, event_id="another")), "power_at_its_limit"),
        (16.0, (step(1, TWO, 10, cause=Cause.OPERATOR),), 19),
        (13.0, (step(1, THREE, 10),), 16),
    ],
)
def test_at_most_six_db_over_the_power_before(
    dbm: float, steps: tuple[Change, ...], wanted: int | str
) -> None:
    assert to_dbm(now_at(dbm, *steps)) == wanted


def test_no_step_beyond_the_law_or_the_sites_own_limit() -> None:
    assert to_dbm(now_at(10.0, power_dbm=(1, 12))) == 12
    assert to_dbm(now_at(22.0)) == 23, "channel 36 in the US: 23 dBm EIRP, an antenna without gain"
    assert to_dbm(now_at(23.0)) == "power_at_its_limit"
    assert to_dbm(now_at(17.0, antenna_gain_dbi=5.0)) == 18


def test_a_step_ends_on_a_power_that_the_radio_can_be_set_to() -> None:
    levels = said(now_at(10.0), TWO, power_choices_dbm=(20, 16, 12, 10))
    assert to_dbm(levels) == 12
    assert to_dbm(said(levels, TWO, tx_power_dbm=Reported(12.0, "test"))) == "power_at_its_limit"


def test_power_that_is_not_reported_is_not_raised() -> None:
    assert to_dbm(said(now_at(10.0), TWO, tx_power_dbm=None)) == "power_not_reported"


def test_no_more_power_onto_a_barred_channel() -> None:
    assert to_dbm(replace(now_at(10.0), barred_mhz=frozenset({5180}))) == "channel_not_allowed_now"


def test_helpers_are_those_that_heard_it_loudest_first() -> None:
    seen = seen_by(site_of(4))
    ears = seen.radios[THREE].neighbors
    louder = tuple(replace(each, signal_dbm=-30.0) for each in ears)
    fainter = tuple(replace(each, signal_dbm=-83.0) for each in ears)
    seen = changed(changed(seen, THREE, neighbors=louder), TWO, neighbors=fainter)
    assert power.helpers(seen, ONE) == (THREE, "lab/ap4/r5")


def test_a_radio_of_another_band_does_not_help() -> None:
    seen = seen_by(site_of(3))
    at = seen.radios[TWO]
    assert TWO not in power.helpers(changed(seen, TWO, radio=replace(at.radio, band=Band.GHZ_6)), ONE)
    assert TWO not in power.helpers(changed(seen, TWO, reading=None), ONE)


def given_back(*changes: Change) -> list[str]:
    seen = replace(now_at(16.0), changes=changes)
    answers = matrix.over(seen, event(EventKind.HW_FAILURE, ONE, what="dead"))
    assert all(isinstance(each, TakeBack) for each in answers)
    return [each.change_id for each in answers if isinstance(each, TakeBack)]


def test_all_steps_are_given_back_by_undoing_the_first() -> None:
    """Its prior power is that from before the event; undoing them one by one would take a round each."""
    assert given_back(step(2, TWO, 13), step(1, TWO, 10)) == ["step-1"]
    assert given_back(step(1, TWO, 10), step(1, THREE, 10, id="other")) == ["step-1", "other"]


def test_a_step_still_open_is_given_back_first() -> None:
    open_ = step(2, TWO, 13, state=State.MONITORING)
    assert given_back(open_, step(1, TWO, 10)) == ["step-2", "step-1"]
    assert given_back(replace(open_, state=State.ROLLING_BACK), step(1, TWO, 10)) == ["step-1"]


@pytest.mark.parametrize("state", [State.MONITORING, State.COMMITTED])
def test_what_was_given_back_is_not_given_back_again(state: State) -> None:
    undo = undo_to(10, 3, "step-1", state=state)
    assert given_back(undo, step(2, TWO, 13), step(1, TWO, 10)) == []
    failed = replace(undo, state=State.FAILED)
    assert given_back(failed, step(2, TWO, 13), step(1, TWO, 10)) == ["step-1"]


def test_only_help_for_this_event_is_given_back() -> None:
    assert given_back(step(1, TWO, 10, event_id="another"), step(2, TWO, 10, cause=Cause.OPERATOR)) == []
    assert given_back(step(1, TWO, 10, state=State.ROLLED_BACK)) == []


def test_power_stays_within_what_an_obss_pd_level_allows() -> None:
    """IEEE 802.11ax 26.10.2.4: 6 dB above -82 dBm leave 21 - 6 dBm."""
    seen = now_at(13.0)
    assert to_dbm(seen) == 16
    assert to_dbm(said(seen, TWO, obss_pd_dbm=Reported(-76, "test"))) == 15


def test_a_step_taken_after_an_undo_is_given_back_too() -> None:
    """A person, or bad experience, took the first step back while the AP was still dead."""
    again = step(3, TWO, 10)
    assert given_back(again, undo_to(10, 2, "step-1"), step(1, TWO, 10)) == ["step-3"]
    assert given_back(undo_to(13, 3, "step-2"), step(2, TWO, 13), step(1, TWO, 10)) == ["step-1"]
    assert given_back(undo_to(13, 3, "step-2", state=State.PLANNED), step(2, TWO, 13), step(1, TWO, 10)) == []


def test_help_is_given_back_when_the_token_has_expired() -> None:
    old = step(1, TWO, 10, created_utc_us=NOW.utc_us - 8 * 86_400_000_000)
    seen = now_at(13.0, old)
    (move,) = matrix.over(seen, event(EventKind.HW_FAILURE, ONE, what="dead"))
    assert isinstance(move, Move)
    assert dict(move.target) == {Setting.TX_POWER_DBM: 10}
    done = replace(undo_to(10, 2, "step-1"), undo_of=None, created_utc_us=NOW.utc_us)
    assert matrix.over(now_at(10.0, old, done), event(EventKind.HW_FAILURE, ONE, what="dead")) == ()


@pytest.mark.parametrize(
    ("times", "hours", "waits"), [(1, 3, True), (1, 5, False), (2, 7, True), (2, 9, False), (3, 15, True)]
)
def test_the_wait_doubles_each_time_that_giving_back_was_worse(times: int, hours: int, waits: bool) -> None:
    """4 hours, 8, 16: counted from the last time."""
    hour_us = 3_600_000_000
    worse = [
        replace(
            undo_to(10, nth + 2, "step-1", state=State.ROLLED_BACK),
            created_utc_us=NOW.utc_us - (hours + 20 * (times - 1 - nth)) * hour_us,
        )
        for nth in range(times)
    ]
    help_us = NOW.utc_us - 100 * hour_us
    seen = now_at(13.0, step(1, TWO, 10, created_utc_us=help_us), *worse)
    (said,) = matrix.over(seen, event(EventKind.HW_FAILURE, ONE, what="dead"))
    assert (said.reason == "giving_back_was_worse") == waits
    assert isinstance(said, NoChange if waits else Move)


@pytest.mark.parametrize(("times", "hours", "held"), [(2, 1, False), (3, 1, True), (3, 25, False)])
def test_giving_back_what_the_device_refuses_is_tried_three_times_a_day(
    times: int, hours: int, held: bool
) -> None:
    at_us = NOW.utc_us - hours * 3_600_000_000
    tried = [
        replace(undo_to(10, nth + 2, "step-1", state=State.FAILED), created_utc_us=at_us)
        for nth in range(times)
    ]
    seen = now_at(13.0, step(1, TWO, 10), *tried)
    (said,) = matrix.over(seen, event(EventKind.HW_FAILURE, ONE, what="dead"))
    assert isinstance(said, NoChange if held else TakeBack)
    if isinstance(said, NoChange):
        assert said.params["guard"] == "incident_budget"


def test_help_for_two_dead_aps_is_bounded_and_given_back_as_one() -> None:
    """The second step's own prior power holds the help for the first: it must not be what is left at last."""
    first, second = step(1, TWO, 10, event_id="another"), step(2, TWO, 13)
    assert given_back(undo_to(10, 3, "step-1", event_id="another"), second, first) == []
    again = step(4, TWO, 10)
    assert given_back(again, undo_to(10, 3, "step-1", event_id="another"), second, first) == ["step-4"]
    assert given_back(step(3, TWO, 10), second) == ["step-3"], "the least power, not the oldest step"


def test_help_that_was_only_proposed_is_withdrawn() -> None:
    assert given_back(step(1, TWO, 10, state=State.PROPOSED)) == ["step-1"]
    assert given_back(step(1, TWO, 10, state=State.EXPIRED)) == []
