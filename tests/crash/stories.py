"""The stories that are told at every crash point: what is done, where, and how it may end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rig import Rig, site_of
from stories import with_options

from agent.agent import Agent
from agent.change import Actor, Cause, Change, State
from agent.events import EventKind
from agent.planner.decision import Move
from drivers.simulated.faults import NO_FAULTS, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.simulated.world import World
from drivers.types import Setting
from inventory.channels import block
from inventory.model import Band, Mode, MonitorPolicy, Policy, Site

PERSON = Actor(type="operator", uid=1000, name="ann")
QUICK = Policy(
    mode=Mode.ACT,
    poll_s=2.0,
    apply_timeout_s=5.0,
    ack_timeout_s=10.0,
    monitor=MonitorPolicy(
        slot_s=4.0, min_frames=20, settle_s=2.0, lost_client_after_s=10.0, baseline_slots=12, no_data_s=60.0
    ),
)

Tell = Callable[[Rig, Agent], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """``superseded``: the reasons for which a change may end so here; nobody else is at work otherwise.
    ``escalates``: that a person is called is how this story may end. ``before``: a life with the
    configuration that the death left, before one with the first configuration. ``share``: of the points that
    are tried. ``world``: what else there is in it. ``halves``: part of a plan may be what is left of it.
    ``in_vain``: an undo may come to nothing, since the story spoils its write; asked again it does not."""

    name: str
    tell: Tell
    site: Callable[[], Site]
    faults: FaultPlan = NO_FAULTS
    channels: tuple[int, ...] = (36, 149)
    clients: int = 4
    superseded: frozenset[str] = field(default_factory=frozenset)
    escalates: bool = False
    before: Tell | None = None
    share: float = 1.0
    world: Callable[[World], None] = lambda _: None
    halves: bool = False
    in_vain: bool = False


def two_aps(**given: Any) -> Site:
    return site_of(2, **{"policy": QUICK, "undo_timer": True, **given})


async def drill(rig: Rig, agent: Agent, channel: int = 161) -> Change:
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


async def held(rig: Rig, agent: Agent) -> None:
    """A change that does no harm, or that the device refuses, or whose answer is lost."""
    await drill(rig, agent)


async def worse(rig: Rig, agent: Agent) -> None:
    """A change that makes retries worse, and is taken back."""
    rig.world.spoil(rig.key, block(Band.GHZ_5, 161, 20), 6.0)
    await drill(rig, agent)


async def undone(rig: Rig, agent: Agent) -> None:
    """A change that a person takes back while it is being monitored."""
    opened = await drill(rig, agent)
    await agent.executor.settled(opened.id, State.MONITORING)
    await agent.operator.rollback(agent.changes.token(opened), PERSON)


async def configured(rig: Rig, agent: Agent) -> None:
    """A change of which the device can only tell that it is configured, and a person who takes it back."""
    level = {Setting.OBSS_PD_DBM: -79}
    move = Move(radio=rig.key, target=level, cause=Cause.OPERATOR, reason="requested")
    opened = await agent.changes.open(move, actor=PERSON)
    assert isinstance(opened, Change), opened
    await agent.executor.settled(opened.id, State.MONITORING)
    await agent.operator.rollback(agent.changes.token(opened), PERSON)


async def radar(rig: Rig, agent: Agent) -> None:
    """Radar on the target while a change is being monitored; the AP does not leave by itself."""
    opened = await drill(rig, agent, 60)
    await agent.executor.settled(opened.id, State.MONITORING)
    rig.world.set_stubborn(rig.key)
    rig.world.radar(rig.key)
    await asyncio.sleep(1)
    await agent.radar.quiet()


def first_apply(kind: Kind) -> FaultPlan:
    return FaultPlan((Scripted(Operation.APPLY, 1, Fault(kind), device="ap1"),))


def _alone() -> Site:
    return with_options(site_of(1, policy=QUICK), obss_pd_acts=False)


OF_ONE_CHANGE = (
    Story(name="held", tell=held, site=two_aps),
    Story(name="worse", tell=worse, site=two_aps),
    Story(name="undone", tell=undone, site=two_aps),
    Story(name="configured", tell=configured, site=_alone),
    Story(name="refused", tell=held, site=two_aps, faults=first_apply(Kind.REFUSED)),
    Story(
        name="lost_ack",
        tell=held,
        site=partial(two_aps, undo_timer=False),
        faults=first_apply(Kind.TIMEOUT_DONE),
    ),
    Story(name="radar", tell=radar, site=two_aps, superseded=frozenset({"radar"})),
)
"""Those of which `make test` tries every point."""
