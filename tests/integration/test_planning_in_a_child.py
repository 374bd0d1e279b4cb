"""The agent's own plan: a view goes into the planning process and a plan comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from unit.agent.planner.site.small import Ap, key, mutual, view

from agent.plan_runner import PlanningFailed
from agent.planner.site.plan import Wishes
from agent.planning import in_a_child
from inventory.model import Mode, Policy


def test_two_neighbours_on_one_channel_are_parted() -> None:
    hears = mutual("a", "b")
    aps = {name: Ap(hears=hears[name], tx=0.5) for name in hears}
    seen = view(aps, policy=Policy(mode=Mode.ACT))
    plan = asyncio.run(in_a_child(seen, Wishes(limit_s=30.0, exact=False, power=False, obss_pd=False)))
    (move,) = plan.moves
    assert move.radio in (key("a"), key("b"))
    assert move.after.primary != 36
    assert plan.value_then > plan.value_now


@pytest.mark.parametrize("answer", [{}, {"site": 3, "moves": [7]}])
def test_an_answer_that_is_no_plan_is_told_as_such(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    async def answered(*_: Any, **__: Any) -> Any:
        return answer

    monkeypatch.setattr("agent.planning.plan_of", answered)
    with pytest.raises(PlanningFailed, match="the planner's answer makes no sense"):
        asyncio.run(in_a_child(view({"a": Ap()}), Wishes()))
