"""What is kept of a plan that is being carried out comes back as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.agent.planner.test_guards import done

from agent.campaign_record import (
    LONGEST_S,
    TRIES_MOST,
    UNDER_WAY,
    Campaign,
    Part,
    Standing,
    became,
    campaign,
    told_of,
)
from agent.change import HELD_UP, Actor, Cause, Change, State
from agent.moment import Moment
from agent.planner.site.plan import Left, Outlook, Plan, PlannedMove, Wishes
from agent.view import values_of
from inventory.channels import block
from inventory.model import Band, RadioKey

NOW = Moment(monotonic_s=5.0, utc_us=77, boot_id="boot-1", boottime_us=9)
KEYS = tuple(RadioKey(f"lab/ap{n}/r5") for n in range(1, 5))
ANN = Actor(type="operator", uid=1000, name="ann")
THERE = block(Band.GHZ_5, 36, 80)


def plan(bound: float | None = None) -> Plan:
    moves = tuple(
        PlannedMove(
            radio=key,
            step=at,
            target=values_of(THERE),
            before=None if at else THERE,
            after=THERE,
            mhz_before=1.5,
            mhz_after=20.0,
            gain=0.25,
            reasons=("own_neighbours",),
            params={"neighbours": 3},
        )
        for at, key in enumerate(KEYS)
    )
    return Plan(
        site="lab",
        made_utc_us=5,
        radios=4,
        value_now=1.0,
        value_then=2.5,
        bound=bound,
        confidence=0.5,
        moves=moves,
        outlook=(Outlook(radio=KEYS[0], before=THERE, after=THERE, mhz_before=1.0, mhz_after=2.0),),
        left=(Left(radio=KEYS[1], reason="pinned"),),
        gain_ratio=0.125,
        seconds=0.5,
        wishes=Wishes(seed=7, zone="east"),
    )


standings = st.builds(
    Standing,
    part=st.sampled_from(Part),
    change=st.none() | st.text(max_size=8),
    undo=st.none() | st.text(max_size=8),
    why=st.text(max_size=8),
    held_up=st.integers(0, 3),
)


@given(st.lists(standings, min_size=4, max_size=4), st.sampled_from(["", "stopped"]), st.integers(0, 9))
def test_it_survives_a_restart(parts: list[Standing], stopped: str, steps: int) -> None:
    begun = campaign("p1", plan(), ANN, NOW)
    begun.standings, begun.stopped, begun.steps = dict(zip(KEYS, parts, strict=True)), stopped, steps
    again = Campaign.of_text(begun.to_text())
    assert again == begun
    assert again.moves == begun.moves
    assert again.by_person


def test_what_nobody_needs_any_more_is_not_kept() -> None:
    begun = campaign("p1", plan(), Actor(), NOW)
    assert (begun.plan.outlook, begun.plan.left) == ((), ())
    assert not begun.by_person


def test_moves_are_left_until_they_are_made_or_given_up() -> None:
    begun = campaign("p1", plan(), ANN, NOW)
    for key, part in zip(KEYS, (Part.WAITS, *UNDER_WAY, Part.MADE), strict=True):
        begun.standings[key].part = part
    assert begun.left == 3
    assert begun.counts() == {"waits": 1, "open": 1, "going_back": 1, "made": 1}


def test_the_audit_keeps_whole_numbers_and_text() -> None:
    told = told_of(campaign("p1", plan(bound=2.75), ANN, NOW))
    assert told["bound_micronats"] == 2_750_000
    assert (told["value_now_micronats"], told["value_then_micronats"]) == (1_000_000, 2_500_000)
    assert (told["moves"], told["seed"], told["zone"], told["gain_ppm"]) == (4, 7, "east", 125_000)
    assert told_of(campaign("p1", plan(), ANN, NOW))["bound_micronats"] == "not proven"
    assert all(isinstance(each, int | str) for each in told.values())


# -- what became of a move ---------------------------------------------------------------------------------


def ended(state: State, verdict: str | None = None, actor: Actor = ANN) -> Change:
    return replace(done(60.0, Cause.SITE_PLAN, KEYS[0]), state=state, verdict=verdict, actor=actor)


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED])
def test_a_move_that_was_held_up_before_anything_was_sent_waits_again_a_few_times(state: State) -> None:
    standing = Standing(part=Part.OPEN, change="c1")
    for _ in range(TRIES_MOST):
        assert became(standing, ended(state, HELD_UP)) == (Part.WAITS, "")
        standing.waits_again()
    assert (standing.part, standing.change) == (Part.WAITS, "c1")
    assert became(standing, ended(state, HELD_UP)) == (Part.FAILED, str(state))
    assert became(Standing(part=Part.OPEN), ended(state)) == (Part.FAILED, str(state))


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED])
def test_a_way_back_that_was_held_up_is_tried_again(state: State) -> None:
    back = Standing(part=Part.GOING_BACK, tries=1)
    assert became(back, ended(state, HELD_UP, Actor()))[0] is Part.MADE
    assert became(replace(back, tries=TRIES_MOST), ended(state, HELD_UP, Actor()))[0] is Part.STAYS
    assert became(back, ended(State.EXPIRED, None, Actor()))[0] is Part.STAYS, "nobody approved it"


# -- how long it may take ----------------------------------------------------------------------------------


def test_a_day_is_a_day_whatever_the_wall_clock_says() -> None:
    begun = Campaign.of_text(campaign("p1", plan(), ANN, NOW).to_text())
    jumped = replace(NOW.plus(60.0), utc_us=NOW.utc_us + round(3 * LONGEST_S * 1e6))
    assert begun.until.left_s(jumped) == LONGEST_S - 60.0


def test_of_a_record_that_does_not_say_until_when_the_wall_clock_counts() -> None:
    told = json.loads(campaign("p1", plan(), ANN, NOW).to_text())
    del told["until"], told["standings"][KEYS[0]]["held_up"]
    found = Campaign.of_text(json.dumps(told))
    assert found.until.left_s(NOW.plus(60.0)) == LONGEST_S - 60.0
    assert found.standings[KEYS[0]].held_up == 0
