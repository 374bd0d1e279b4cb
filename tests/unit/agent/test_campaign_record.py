"""What is kept of a plan that is being carried out comes back as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.campaign_record import UNDER_WAY, Campaign, Part, Standing, campaign, told_of
from agent.change import Actor
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
