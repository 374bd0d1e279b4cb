"""Which change of a radio is the newest says the order that they were made in, and no wall clock; what was
last done to a radio, and what holds it, is known however old it is."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from rig import FAST, Rig, rig_of, site_of, until
from scenario.test_operator import PERSON
from stories import AP1, Gate

from agent.agent import Agent
from agent.change import Change, State
from agent.events import EventKind
from agent.simulated_time import SimulatedClock, run
from drivers.simulated.faults import Fault, FaultPlan, Kind, Operation
from drivers.types import RadioState

HOUR_S, DAY_S = 3600.0, 86_400.0
SITE = site_of(4, policy=replace(FAST, cooldown_s=1.0))


def four_aps(
    tmp_path: Path, clock: SimulatedClock, faults: FaultPlan | None = None
) -> AbstractAsyncContextManager[Rig]:
    return rig_of(tmp_path, clock, SITE, channels=(149, 157, 161, 44), width=20, faults=faults or FaultPlan())


async def moved(agent: Agent, channel: int) -> Change:
    """The end of a change of the first AP to this channel."""
    await until(lambda: (last := agent.memory.radios[AP1].history.last) is not None and last.at_s >= 400)
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, AP1, channel=channel, width_mhz=20, act=True, actor=PERSON
    )
    assert done.change, done.decision
    return await agent.executor.finished(done.change.id)


async def set_wall_clock(clock: SimulatedClock, seconds: float) -> None:
    """And what the agent does about it is done."""
    await asyncio.sleep(60.0)
    clock.jump_utc(seconds)
    await asyncio.sleep(60.0)


async def switched_off(rig: Rig) -> None:
    """Radar is heard by a radio that has nowhere to go and does not leave."""
    radio = rig.world.radio(AP1)
    radio.allowed_mhz = radio.legal_mhz = frozenset({5260})
    radio.stubborn = True
    await asyncio.sleep(60.0)
    rig.world.radar(AP1)
    await until(lambda: radio.state is RadioState.OFF)


@pytest.mark.parametrize("jump_s", [0.0, -2 * HOUR_S])
def test_a_radio_that_was_switched_off_for_radar_comes_back_when_the_clock_was_set_back(
    tmp_path: Path, jump_s: float
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with four_aps(tmp_path, clock) as rig, rig.agent() as agent:
            assert (await moved(agent, 52)).state is State.COMMITTED
            await set_wall_clock(clock, jump_s)
            await switched_off(rig)
            await asyncio.sleep(0.75 * HOUR_S)
            assert rig.world.radio(AP1).state is RadioState.ON_AIR

    run(story)


def test_a_radio_that_was_switched_off_for_radar_comes_back_when_the_clock_was_set_forward(
    tmp_path: Path,
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, channels=(52, 149, 157, 44), width=20) as rig:
            async with rig.agent() as agent:
                await until(lambda: all(r.reading is not None for r in agent.memory.radios.values()))
                await switched_off(rig)
                await set_wall_clock(clock, 8 * DAY_S)
            async with rig.agent():  # nor does it forget with a restart
                await asyncio.sleep(0.75 * HOUR_S)
                assert rig.world.radio(AP1).state is RadioState.ON_AIR

    run(story)


def test_what_lands_late_is_taken_back_when_the_clock_was_set_back(tmp_path: Path) -> None:
    gate = Gate()

    async def story(clock: SimulatedClock) -> None:
        late = gate.script(Operation.APPLY, Fault(Kind.DONE_LATE_ALL_THE_SAME, after_s=100.0))
        async with four_aps(tmp_path, clock, late) as rig, rig.agent() as agent:
            await moved(agent, 36)
            await set_wall_clock(clock, -2 * HOUR_S)
            gate.opened = True
            moving = asyncio.create_task(moved(agent, 48))
            await until(
                lambda: any(change.state is State.APPLYING for change in agent.memory.changes.values())
            )
            gate.opened = False
            assert (await moving).state is State.ROLLED_BACK
            await asyncio.sleep(0.5 * HOUR_S)
            assert rig.block().primary == 36

    run(story)


def test_the_last_change_of_an_ap_is_the_one_that_was_made_last(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with four_aps(tmp_path, clock) as rig, rig.agent() as agent:
            await moved(agent, 36)
            await set_wall_clock(clock, -2 * HOUR_S)
            newest = await moved(agent, 48)
            assert (await agent.operator.last("lab/ap1")).id == newest.id
            changes = agent.memory.changes_of("lab", clock.now())
            assert [change.nth for change in changes] == [2, 1]
            assert rig.block().primary == 48

    run(story)


@pytest.mark.parametrize("restarted", [False, True])
def test_an_escalated_change_waits_for_a_person_however_long_that_takes(
    tmp_path: Path, restarted: bool
) -> None:
    gate = Gate()

    async def escalated(agent: Agent) -> Change:
        await until(lambda: (last := agent.memory.radios[AP1].history.last) is not None and last.at_s >= 400)
        done = await agent.operator.inject(
            EventKind.NON_WIFI_BURST, AP1, channel=161, width_mhz=None, act=True, actor=PERSON
        )
        assert done.change, done.decision
        change = await agent.executor.settled(done.change.id, State.MONITORING)
        gate.opened = True
        await agent.operator.rollback_id(change.id, PERSON)
        change = await agent.executor.finished(change.id)
        gate.opened = False
        assert change.state is State.ESCALATED
        return change

    async def released(agent: Agent, clock: SimulatedClock, change: Change) -> None:
        await asyncio.sleep(120.0)
        assert change.id in {each.id for each in agent.memory.changes_of("lab", clock.now())}
        await agent.operator.acknowledge(change.id, PERSON)
        assert not agent.memory.stuck

    async def story(clock: SimulatedClock) -> None:
        refused = gate.script(Operation.APPLY, Fault(Kind.REFUSED))
        async with rig_of(tmp_path, clock, faults=refused) as rig:
            async with rig.agent() as agent:
                change = await escalated(agent)
                clock.suspend(8 * DAY_S)
                if not restarted:
                    await released(agent, clock, change)
            if restarted:
                async with rig.agent() as agent:
                    await released(agent, clock, change)

    run(story)
