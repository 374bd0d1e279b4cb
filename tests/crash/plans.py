"""Stories of a plan of a site that is being carried out: two neighbours change places, and half of that is
worse than nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from crash.stories import PERSON, QUICK, Story
from plans_by_hand import plan_of_moves, strangers_beside
from rig import Rig, site_of, until

from agent.agent import Agent
from agent.change import Cause, Change, State
from agent.radar import Report
from drivers.simulated.world import World
from inventory.model import RadioKey, Site, radio_key

AP1, AP2 = (radio_key("lab", ap, "r5") for ap in ("ap1", "ap2"))


def neighbours_on(*channels: int) -> Callable[[], Site]:
    """Two APs that hear each other and may use these channels alone."""
    return partial(site_of, 2, policy=QUICK, undo_timer=True, widths=(20,), spacing_m=15.0, channels=channels)


def strangers(world: World) -> None:
    strangers_beside(world, {AP1: -3.0, AP2: 3.0})


async def begun(rig: Rig, agent: Agent) -> None:
    to = {AP1: rig.block(AP2).primary, AP2: rig.block(AP1).primary}
    await agent.campaigns.begin(plan_of_moves(rig.world, to), PERSON)


async def half_way(agent: Agent) -> Change:
    """The first move, which is being monitored."""
    found = await until(lambda: _moves(agent, State.MONITORING), step_s=0.5)
    assert len(_moves(agent)) == 1, "the second waits for the first"
    first: Change = found[0]
    return first


def _moves(agent: Agent, *states: State) -> list[Change]:
    mine = [change for change in agent.memory.changes.values() if change.cause is Cause.SITE_PLAN]
    return [change for change in mine if not states or change.state in states]


async def over(agent: Agent) -> None:
    await until(lambda: agent.campaigns.idle("lab"))


async def planned(rig: Rig, agent: Agent) -> None:
    """It is carried out to its end."""
    await begun(rig, agent)
    await over(agent)
    assert {change.state for change in _moves(agent)} == {State.COMMITTED}
    assert len(_moves(agent)) == 2


async def plan_stopped(rig: Rig, agent: Agent) -> None:
    """A person ends it half way: the first move is taken back."""
    await begun(rig, agent)
    await half_way(agent)
    await agent.campaigns.stop("lab", PERSON)
    await over(agent)
    assert [change.state for change in _moves(agent)] == [State.COMMITTED]
    assert [change.cause for change in agent.memory.changes.values()].count(Cause.UNDO) == 1


async def plan_hit(rig: Rig, agent: Agent) -> None:
    """Radar where the first move came from, which is where the second was to go."""
    await begun(rig, agent)
    first = await half_way(agent)
    mhz20 = _before(agent, first.radios[0])
    await agent.radar.heard(Report(site="lab", radios=first.radios, mhz20=mhz20, source="signal"))
    await over(agent)
    assert len(_moves(agent)) == 1


def _before(agent: Agent, key: RadioKey) -> frozenset[int]:
    (campaign,) = agent.campaigns.running("lab")
    where = campaign.moves[key].before
    assert where is not None
    return where.mhz20


PLANS = (
    Story(name="planned", tell=planned, site=neighbours_on(36, 44), channels=(36, 44), world=strangers),
    Story(
        name="plan_stopped", tell=plan_stopped, site=neighbours_on(36, 44), channels=(36, 44), world=strangers
    ),
    Story(
        name="plan_hit",
        tell=plan_hit,
        site=neighbours_on(52, 100),
        channels=(52, 100),
        world=strangers,
        halves=True,
        share=0.3,
    ),
)
