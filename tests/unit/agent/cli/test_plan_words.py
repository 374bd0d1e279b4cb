"""A plan in one line: no more is claimed than was proven, and of the same thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.agent.planner.site.test_plan_json import PLAN

from agent.cli.plan_words import show_plan, summary
from agent.planner.site.plan import Left
from agent.planner.site.plan_json import from_plan
from agent.planner.site.reasons import OF_POWER
from agent.planner.wording import WORDS
from inventory.model import RadioKey


def plan(
    radios: int = 2, reasons: tuple[str, ...] = ("wider",), bound: float | None = 4.7, unplaced: int = 0
) -> dict[str, Any]:
    """Its channels are worth 4.7 nats less what the moves cost."""
    move = {"step": 0, "before": {"channel": 36}, "after": {"channel": 40}, "reasons": list(reasons)}
    return {
        "site": "lab",
        "radios": radios,
        "unplaced": unplaced,
        "moves": [move] if radios + unplaced else [],
        "value_now": 4.0,
        "value_then": 5.0,
        "proof": None if bound is None else {"radios": 2, "value": 4.7, "bound": bound},
        "gain_ratio": 0.5,
        "confidence": 1.0,
        "timed_out": False,
    }


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (plan(), "; proven: nothing better"),
        (plan(bound=4.9), "; proven: at most 10.52% better is possible"),
        (plan(reasons=("wider", "cells_overlap")), "; proven: no channels are better"),
        (
            plan(reasons=("defer_less_to_faint_bsss",), bound=4.9),
            "; proven: at most 10.52% better is possible by other channels",
        ),
        (plan(bound=None), "; no bound proven"),
    ],
)
def test_where_powers_change_too_the_proof_is_told_of_channels_alone(made: dict[str, Any], said: str) -> None:
    assert summary(made).endswith(said)


@pytest.mark.parametrize("reason", sorted(OF_POWER))
def test_of_a_change_of_power_or_level_nothing_is_proven(reason: str) -> None:
    assert "; proven: no channels are better" in summary(plan(reasons=(reason,)))
    assert reason in WORDS


def test_where_no_radio_is_on_air_there_is_nothing_to_plan() -> None:
    assert summary(plan(radios=0)) == "lab: nothing to plan: no radio is on air, as far as is known"


@pytest.mark.parametrize(
    ("radios", "unplaced", "said"),
    [
        (
            2,
            1,
            "7.4 -> 12.2 MHz for each of 2 radios in the mean (+50.0%); 1 radio without a channel gets one;",
        ),
        (0, 2, "lab: 1 change in 1 step; 2 radios without a channel get one; confidence 100%;"),
    ],
)
def test_those_without_a_channel_are_no_gain_of_the_others(radios: int, unplaced: int, said: str) -> None:
    assert said in summary(plan(radios=radios, unplaced=unplaced))


def test_an_ap_of_which_one_radio_gets_a_channel_has_no_gain(capsys: pytest.CaptureFixture[str]) -> None:
    (here, given) = PLAN.outlook
    beside = replace(given, radio=RadioKey("lab/ap1/r6"))
    show_plan(from_plan(replace(PLAN, outlook=(here, beside), moves=())))
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("lab/ap1 ")]
    assert line.split() == ["lab/ap1", "40.0", "241.5", "-"]


def test_what_a_guard_says_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """A person is told neither its name nor its code."""
    forced = tuple(replace(each, reasons=("in_non_occupancy_period",)) for each in PLAN.moves)
    nowhere = {"channels": "52", "guard": "nop", "why": "in_non_occupancy_period"}
    left = (
        Left(radio=PLAN.moves[0].radio, reason="open_change", params={"change": "c1"}),
        Left(radio=PLAN.moves[0].radio, reason="no_legal_block", params=nowhere),
    )
    show_plan(from_plan(replace(PLAN, moves=forced, left=left)))
    said = capsys.readouterr().out
    assert said.count("radar was heard on its channel less than 30 minutes ago") == 2
    assert "its last change is still being watched" in said
    assert not {"open_change", "in_non_occupancy_period", "guard=nop"} & set(said.split())
