"""A plan in one line: no more is claimed than was proven, and of the same thing."""

from __future__ import annotations

from typing import Any

import pytest

from agent.cli.plan_words import WORDS, summary
from agent.planner.site.reasons import OF_POWER


def plan(radios: int = 2, reasons: tuple[str, ...] = ("wider",), bound: float | None = 5.0) -> dict[str, Any]:
    move = {"step": 0, "before": {"channel": 36}, "after": {"channel": 40}, "reasons": list(reasons)}
    return {
        "site": "lab",
        "radios": radios,
        "moves": [move] if radios else [],
        "value_now": 4.0,
        "value_then": 5.0,
        "bound": bound,
        "gain_ratio": 0.5,
        "confidence": 1.0,
        "timed_out": False,
    }


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (plan(), "; proven: nothing better"),
        (plan(bound=5.2), "; proven: at most 10.52% better is possible"),
        (plan(reasons=("wider", "cells_overlap")), "; channels: proven: nothing better"),
        (plan(reasons=("defer_less_to_faint_bsss",), bound=5.2), "; channels: proven: at most 10.52% better"),
        (plan(bound=None), "; no bound proven"),
    ],
)
def test_where_powers_change_too_the_proof_is_told_of_channels_alone(made: dict[str, Any], said: str) -> None:
    assert said in summary(made)


@pytest.mark.parametrize("reason", sorted(OF_POWER))
def test_of_a_change_of_power_or_level_nothing_is_proven(reason: str) -> None:
    assert "; channels: proven: nothing better" in summary(plan(reasons=(reason,)))
    assert reason in WORDS


def test_where_no_radio_is_on_air_there_is_nothing_to_plan() -> None:
    assert summary(plan(radios=0)) == "lab: nothing to plan: no radio is on air"
