"""More stories: a person who approves and takes back, radar on the prior channel, reloads, escalations,
several changes at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random
from types import MappingProxyType

from crash.stories import PERSON, QUICK, Story, Tell, drill, first_apply, held, two_aps
from rig import Rig, site_of, until

from agent.agent import Agent
from agent.api.errors import OperationError
from agent.change import Cause, Change, State
from agent.detectors.sight import Finding, Presence
from agent.events import EventKind
from agent.planner.decision import Move
from agent.radar import Report
from drivers.simulated.faults import Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import Action, ActionRequest, Setting, Values
from inventory.channels import block
from inventory.model import Band, Mode, RadioKey, Site, radio_key

ADVISE = replace(QUICK, mode=Mode.ADVISE, advise_expiry_s=20.0)
AP2 = radio_key("lab", "ap2", "r5")

# -- advise ----------------------------------------------------------------------------------------------


async def proposed(rig: Rig, agent: Agent, channel: int = 161) -> Change:
    """What the agent itself would like, in mode advise."""
    move = Move(radio=rig.key, target=values_of(channel), cause=Cause.EMERGENCY_QOE, reason="better")
    opened = await agent.changes.open(move)
    assert isinstance(opened, Change), opened
    assert opened.state is State.PROPOSED
    return opened


def values_of(channel: int) -> Values:
    where = block(Band.GHZ_5, channel, 20)
    return {Setting.CHANNEL: channel, Setting.WIDTH_MHZ: 20, Setting.CENTER_MHZ: where.center_mhz}


async def approved(rig: Rig, agent: Agent) -> None:
    """A proposal that a person approves."""
    await agent.operator.approve((await proposed(rig, agent)).id, PERSON)


async def expired(rig: Rig, agent: Agent) -> None:
    """A proposal that nobody approves."""
    await proposed(rig, agent)


async def overtaken(rig: Rig, agent: Agent) -> None:
    """A proposal whose target is hit by radar before anybody approves it."""
    await proposed(rig, agent, 60)
    await agent.radar.heard(Report(site="lab", radios=(AP2,), mhz20=frozenset({5300}), source="signal"))


# -- a person --------------------------------------------------------------------------------------------


async def taken_back(rig: Rig, agent: Agent) -> None:
    """A change that a person takes back when it has long been kept: by a new change."""
    opened = await drill(rig, agent)
    await agent.executor.finished(opened.id)
    await agent.operator.rollback(agent.changes.token(opened), PERSON)


async def undone_since(rig: Rig, agent: Agent) -> None:
    """All that was changed lately is taken back at once."""
    opened = await drill(rig, agent)
    await agent.executor.finished(opened.id)
    await agent.undoing.ask(3600.0, "lab", PERSON)
    await until(lambda: not agent.undoing.rows)


async def paused(rig: Rig, agent: Agent) -> None:
    """A pause while a change is open, a request that it turns away, and its end."""
    await drill(rig, agent)
    await agent.operator.pause("lab/ap2", 3600.0, PERSON)
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, AP2, channel=157, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is None
    await agent.operator.resume("lab/ap2", PERSON)


async def in_vain(rig: Rig, agent: Agent) -> None:
    """A change that a person takes back when it has long been kept: the write is lost, and it is asked
    again."""
    opened = await drill(rig, agent)
    await agent.executor.finished(opened.id)
    await _asked_twice(agent, opened, State.ROLLED_BACK)


async def _asked_twice(agent: Agent, done: Change, first: State) -> None:
    for state in (first, State.COMMITTED):
        undo = await agent.operator.rollback_id(done.id, PERSON)
        after = await agent.executor.finished(undo.id)
        assert after.state is state, after


async def _neither_kept_nor_back(rig: Rig, agent: Agent) -> Change:
    opened = await drill(rig, agent)
    await agent.executor.settled(opened.id, State.MONITORING)
    await agent.operator.rollback(agent.changes.token(opened), PERSON)
    after = await agent.executor.finished(opened.id)
    assert after.state is State.ESCALATED, after.state
    return after


async def escalated(rig: Rig, agent: Agent) -> None:
    """A rollback that the device refuses until nothing more is tried, and a person who acknowledges that."""
    await agent.operator.acknowledge((await _neither_kept_nor_back(rig, agent)).id, PERSON)


async def stuck(rig: Rig, agent: Agent) -> None:
    """The same, and a person who asks for the way back: it is refused, so that the change waits for a person
    again; asked once more it goes back."""
    change = await _neither_kept_nor_back(rig, agent)
    await _asked_twice(agent, change, State.FAILED)
    assert not agent.memory.stuck


# -- radar -----------------------------------------------------------------------------------------------


async def prior_hit(rig: Rig, agent: Agent) -> None:
    """A change that is taken back when radar has been heard where the radio came from: it goes elsewhere."""
    opened = await drill(rig, agent)
    await agent.executor.settled(opened.id, State.MONITORING)
    await asyncio.sleep(1.0)
    mhz20 = block(Band.GHZ_5, 52, 20).mhz20
    await agent.radar.heard(Report(site="lab", radios=(AP2,), mhz20=mhz20, source="signal"))
    await agent.operator.rollback(agent.changes.token(opened), PERSON)


async def checked(rig: Rig, agent: Agent) -> None:
    """A change to a channel that must be listened to for a minute first."""
    await drill(rig, agent, 60)


# -- reloads ---------------------------------------------------------------------------------------------


async def policy_changed(rig: Rig, agent: Agent) -> None:
    """Another policy while a change is being monitored."""
    opened = await drill(rig, agent)
    await agent.executor.settled(opened.id, State.MONITORING)
    rig.site = replace(rig.site, policy=replace(QUICK, cooldown_s=77.0, ack_timeout_s=12.0))
    await agent.reload({"lab": rig.site})


async def device_removed(rig: Rig, agent: Agent) -> None:
    """The AP leaves the configuration while a change of it is being monitored."""
    opened = await drill(rig, agent)
    await agent.executor.settled(opened.id, State.MONITORING)
    rig.site = _without(rig.site, "ap1")
    await agent.reload({"lab": rig.site})


async def comes_back(rig: Rig, agent: Agent) -> None:
    """The life without the AP, before it is configured again: its open change is left alone."""
    if "ap1" in rig.site.aps:
        return  # it died before the configuration was changed
    await asyncio.sleep(20.0)
    assert not [c for c in agent.memory.changes.values() if not c.final and agent.executor.carries(c.id)]


def _without(site: Site, ap: str) -> Site:
    left = {id: each for id, each in site.aps.items() if id != ap}
    devices = {id: each for id, each in site.devices.items() if id != ap}
    return replace(site, aps=MappingProxyType(left), devices=MappingProxyType(devices))


# -- actions ---------------------------------------------------------------------------------------------


async def restarted(rig: Rig, agent: Agent) -> None:
    """A radio that the agent restarts because it hangs: nobody may think later that a person switched it
    off."""
    failing = Finding(
        kind=EventKind.HW_FAILURE,
        key=f"{rig.key}:stuck",
        presence=Presence.THERE,
        radio=rig.key,
        severity="critical",
        confidence_ppm=900_000,
        evidence={"what": "stuck"},
    )
    await agent.incidents._take("lab", failing)
    await asyncio.sleep(20.0)
    assert [r["result"] for r in rig.records() if r["reason"]["code"] == "restart_radio"] == ["doing", "done"]


async def released(rig: Rig, agent: Agent) -> None:
    """A radio that a person hands back to its vendor's RRM."""
    at = agent.memory.radios[rig.key]
    assert at.capabilities is not None
    at.capabilities = replace(at.capabilities, actions=frozenset({Action.RELEASE}))

    async def act(request: ActionRequest) -> None:
        await asyncio.sleep(0.1)

    agent.fleet.lane("lab", "ap1").device.act = act  # type: ignore[method-assign]  # no simulated AP has one
    await asyncio.sleep(2 * QUICK.poll_s)  # what was known before is looked at until the next poll
    await agent.release.give(rig.key, PERSON)


# -- several at once -------------------------------------------------------------------------------------

MANY = replace(QUICK, max_inflight_ratio=1.0, cooldown_s=1.0)


def several(seed: int) -> Tell:
    """Changes of four APs at random times and channels; some do harm, some are taken back by a person."""

    async def tell(rig: Rig, agent: Agent) -> None:
        random = Random(f"several/{seed}")
        asked: list[asyncio.Task[None]] = []
        for key in rig.world.radio_keys():
            asked.append(asyncio.create_task(_one_of_several(rig, agent, key, Random(random.random()))))
        await asyncio.gather(*asked)

    return tell


async def _one_of_several(rig: Rig, agent: Agent, key: RadioKey, random: Random) -> None:
    await asyncio.sleep(random.uniform(0.0, 20.0))
    channel = random.choice((40, 44, 48, 153, 161, 165))
    if random.random() < 0.4:
        rig.world.spoil(key, block(Band.GHZ_5, channel, 20), 6.0)
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    if done.change is not None and random.random() < 0.4:
        await asyncio.sleep(random.uniform(0.0, 30.0))
        with suppress(OperationError):  # it may have ended meanwhile, or gone back by itself
            await agent.operator.rollback(agent.changes.token(done.change), PERSON)


SHORT_WAY = partial(two_aps, policy=replace(QUICK, rollback_attempts=2), undo_timer=False)


def writes_of_ap1(which: range, kind: Kind) -> FaultPlan:
    return FaultPlan((Scripted(Operation.APPLY, which, Fault(kind), device="ap1"),))


OTHERS = (
    Story(name="not_done", tell=held, site=two_aps, faults=first_apply(Kind.NOT_DONE)),
    Story(name="approved", tell=approved, site=partial(two_aps, policy=ADVISE)),
    Story(name="expired", tell=expired, site=partial(two_aps, policy=ADVISE)),
    Story(
        name="overtaken",
        tell=overtaken,
        site=partial(two_aps, policy=ADVISE),
        superseded=frozenset({"radar"}),
    ),
    Story(name="taken_back", tell=taken_back, site=two_aps),
    Story(name="undone_since", tell=undone_since, site=two_aps),
    Story(name="paused", tell=paused, site=two_aps),
    Story(
        name="in_vain",
        tell=in_vain,
        site=two_aps,
        faults=writes_of_ap1(range(2, 3), Kind.TIMEOUT),
        in_vain=True,
    ),
    Story(
        name="escalated",
        tell=escalated,
        site=SHORT_WAY,
        faults=writes_of_ap1(range(2, 99), Kind.REFUSED),
        escalates=True,
    ),
    Story(
        name="stuck",
        tell=stuck,
        site=SHORT_WAY,
        faults=writes_of_ap1(range(2, 5), Kind.REFUSED),
        escalates=True,
        in_vain=True,
    ),
    Story(name="prior_hit", tell=prior_hit, site=two_aps, channels=(52, 149)),
    Story(name="checked", tell=checked, site=two_aps),
    Story(name="policy_changed", tell=policy_changed, site=two_aps),
    Story(name="device_removed", tell=device_removed, site=two_aps, before=comes_back),
    Story(name="restarted", tell=restarted, site=two_aps),
    Story(name="released", tell=released, site=two_aps),
    *(
        Story(
            name=f"several-{seed}",
            tell=several(seed),
            site=partial(site_of, 4, policy=MANY, undo_timer=True, spacing_m=500.0),
            channels=(36, 149, 44, 157),
            share=0.2,
        )
        for seed in range(1, 9)
    ),
)
