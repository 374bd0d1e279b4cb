"""What a plan that is being carried out is told by what is known of its radios and changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.agent.planner.test_guards import done
from unit.agent.test_campaign_record import ANN, KEYS, NOW, plan

from agent.campaign_progress import adopt, no_way_back, objection
from agent.campaign_record import Part, campaign
from agent.change import HELD_UP, Cause, Change, State
from agent.planner.decision import NoChange
from agent.planner.legal import Veto

PINNED = Veto(guard="pinned", reason="pinned_in_the_site_file")
PAUSED = Veto(guard="pause", reason="paused")
OBSERVED = Veto(guard="mode", reason="observe")


def declined(reason: str, *vetoes: Veto) -> NoChange:
    return NoChange(radio=KEYS[0], reason=reason, vetoes=vetoes)


@pytest.mark.parametrize(
    ("none", "lasting", "told"),
    [
        (declined("vetoed", PAUSED, OBSERVED), None, "pause paused"),
        (declined("vetoed", PAUSED, PINNED), "pinned_in_the_site_file", "pause paused"),
        (declined("radio_busy"), None, "radio_busy"),
        (declined("token_not_usable"), "token_not_usable", "token_not_usable"),
    ],
)
def test_half_a_swap_stays_for_what_does_not_pass_alone(
    none: NoChange, lasting: str | None, told: str
) -> None:
    assert (no_way_back(none), objection(none)) == (lasting, told)


def made(age_s: float, id: str) -> Change:
    change = done(age_s, Cause.SITE_PLAN, KEYS[0])
    return replace(change, id=id, state=State.FAILED, verdict=HELD_UP, reason={"params": {"plan": "p1"}})


def test_of_changes_that_were_to_make_a_move_the_last_one_counts() -> None:
    begun = campaign("p1", plan(), ANN, NOW)
    standing, changes = begun.standings[KEYS[0]], [made(60.0, "second"), made(600.0, "first")]
    standing.change = "second"
    adopt(begun, changes)
    assert (standing.part, standing.change) == (Part.WAITS, "second"), "known already"
    standing.change = "first"
    adopt(begun, changes)
    assert (standing.part, standing.change) == (Part.OPEN, "second")
