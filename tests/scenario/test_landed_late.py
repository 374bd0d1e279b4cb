"""What was given up and is in force all the same: taken back where the agent chose it, left alone where it is
what was there before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rig import Rig, final, rig_of
from scenario.test_operator import PERSON, SITE, move, opened, read
from stories import AP1, Gate
from structlog.testing import capture_logs

from agent.agent import Agent
from agent.change import Actor, Cause, Change, State
from agent.moment import Deadline
from agent.nop import Nop
from agent.simulated_time import SimulatedClock, run
from agent.view import values_of
from drivers.simulated.faults import Fault, Kind, Operation
from inventory.channels import block
from inventory.model import Band
from inventory.regulatory import NOP_S

AGENT = Actor()
GIVEN_UP = Fault(Kind.TIMEOUT)
LATE = Fault(Kind.DONE_LATE_ALL_THE_SAME, after_s=150.0)
BY_THEN_S = 300.0
"""Polls enough after it is there, and within the time that its rollback might have taken."""


def by_hand(rig: Rig, channel: int) -> None:
    """Somebody sets AP 1 at the AP itself."""
    rig.world.set_externally(AP1, values_of(block(Band.GHZ_5, channel, 20)))


async def undo_given_up(agent: Agent, gate: Gate, by: Actor) -> Change:
    """A change of the agent from 36 to 161 that was kept, and its undo that came to nothing."""
    change = await final(agent, await opened(agent, move(161, cause=Cause.NON_WIFI_BURST)))
    gate.opened = True
    undo = await agent.changes.undo(change, by)
    assert isinstance(undo, Change)
    undo = await final(agent, undo)
    assert (change.state, undo.state) == (State.COMMITTED, State.ROLLED_BACK)
    return undo


def later(agent: Agent, change: Change) -> list[Change]:
    return [each for each in agent.memory.changes.values() if each.undo_of == change.id]


@pytest.mark.parametrize("by", [PERSON, AGENT], ids=["a person's", "the agent's"])
@pytest.mark.parametrize("fault", [GIVEN_UP, LATE], ids=["by hand", "late"])
def test_an_undo_that_is_in_force_after_all_stays(tmp_path: Path, fault: Fault, by: Actor) -> None:
    async def story(clock: SimulatedClock) -> None:
        gate = Gate(most=1)
        faults = gate.script(Operation.APPLY, fault)
        async with rig_of(tmp_path, clock, SITE, clients=0, faults=faults) as rig, rig.agent() as agent:
            await read(agent)
            undo = await undo_given_up(agent, gate, by)
            assert rig.block().primary == 161
            with capture_logs() as logged:
                if fault is GIVEN_UP:
                    by_hand(rig, 36)
                await asyncio.sleep(BY_THEN_S)
            assert rig.block().primary == 36
            assert later(agent, undo) == []
            told = [each["what"] for each in logged if each["event"] == "change.landed_late"]
            assert told == ["left_alone"], "once, and not at each poll"

    run(story)


def test_an_undo_that_landed_where_radar_is_by_now_does_not_stay(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        gate = Gate(most=1)
        faults = gate.script(Operation.APPLY, GIVEN_UP)
        async with rig_of(tmp_path, clock, SITE, clients=0, faults=faults) as rig, rig.agent() as agent:
            await read(agent)
            undo = await undo_given_up(agent, gate, PERSON)
            until = Deadline.after(clock.now(), NOP_S)
            agent.memory.bar([Nop(site="lab", mhz20=5180, deadline=until, by_radio=AP1)])
            by_hand(rig, 36)
            await asyncio.sleep(BY_THEN_S)
            assert rig.block().primary == 161
            assert [each.reason["code"] for each in later(agent, undo)] == ["landed_late"]

    run(story)


@pytest.mark.parametrize(
    ("cause", "by", "stays"),
    [
        (Cause.OPERATOR, PERSON, False),
        (Cause.DFS_RADAR, AGENT, True),
        (Cause.NON_WIFI_BURST, AGENT, False),
        (Cause.SITE_PLAN, PERSON, False),
    ],
    ids=["of a person", "away from radar", "the agent chose it", "of a plan"],
)
def test_a_flight_from_radar_stays_and_what_was_chosen_goes_back(
    tmp_path: Path, cause: Cause, by: Actor, stays: bool
) -> None:
    async def story(clock: SimulatedClock) -> None:
        gate = Gate(most=1, opened=True)
        faults = gate.script(Operation.APPLY, GIVEN_UP)
        async with rig_of(tmp_path, clock, SITE, clients=0, faults=faults) as rig, rig.agent() as agent:
            await read(agent)
            change = await final(agent, await opened(agent, move(161, cause=cause), by))
            assert (change.state, rig.block().primary) == (State.ROLLED_BACK, 36)
            by_hand(rig, 161)
            await asyncio.sleep(BY_THEN_S)
            assert rig.block().primary == (161 if stays else 36)
            assert bool(later(agent, change)) is not stays

    run(story)


def test_what_is_held_is_said_once_and_goes_back_when_it_may(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        gate = Gate(most=1, opened=True)
        faults = gate.script(Operation.APPLY, GIVEN_UP)
        async with rig_of(tmp_path, clock, SITE, clients=0, faults=faults) as rig, rig.agent() as agent:
            await read(agent)
            wanted = move(161, cause=Cause.NON_WIFI_BURST)
            change = await final(agent, await opened(agent, wanted))
            await agent.operator.pause("lab/ap1", 60.0, PERSON)
            by_hand(rig, 161)
            with capture_logs() as logged:
                await asyncio.sleep(BY_THEN_S)
            assert rig.block().primary == 36
            assert len(later(agent, change)) == 1
            told = [each["what"] for each in logged if each["event"] == "change.landed_late"]
            assert told == ["not_undone", "undone"]

    run(story)
