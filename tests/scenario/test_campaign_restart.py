"""A plan that an earlier process left half done: what is still to be done of it is known once the radios have
been read again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from plans_by_hand import strangers_beside
from rig import Rig, rig_of, until
from scenario.test_campaign import end_of, ended, moves_of, planned, ready
from scenario.test_campaign_trouble import BESIDE_M, swapping
from scenario.test_operator import PERSON
from stories import AP1, AP2, Gate

from agent.agent import Agent
from agent.campaign_progress import READ_WITHIN_S
from agent.change import HALF_DONE, Change, State, Trigger
from agent.course import Course
from agent.simulated_time import SimulatedClock, run
from drivers.simulated.faults import Fault, FaultPlan, Kind, Operation


@asynccontextmanager
async def half_left(directory: Path, clock: SimulatedClock, deaf: Gate | None = None) -> AsyncIterator[Rig]:
    """A swap of which the second move is refused; the process ends before the first one is taken back.
    ``deaf``: while open, nothing can be read of ap2."""
    refused, deaf = Gate(), deaf or Gate()
    faults = FaultPlan(
        (
            *refused.script(Operation.APPLY, Fault(Kind.REFUSED), device=None).lines,
            *deaf.script(Operation.READ, Fault(Kind.TIMEOUT), device="ap2").lines,
        )
    )
    async with rig_of(directory, clock, swapping(), channels=(36, 44), clients=3, faults=faults) as rig:
        strangers_beside(rig.world, BESIDE_M)
        async with rig.agent() as agent:
            await ready(agent)
            await agent.campaigns.begin(planned(rig, {AP1: 44, AP2: 36}), PERSON)
            await until(lambda: states(agent) == [State.COMMITTED], step_s=0.2)
            refused.opened = True
            await until(lambda: states(agent) == [State.COMMITTED, State.FAILED], step_s=0.2)
            refused.opened = False
        yield rig
        rig.verify()


def states(agent: Agent) -> list[State]:
    return [change.state for change in moves_of(agent)]


def places(rig: Rig) -> list[int]:
    return [rig.block(key).primary for key in (AP1, AP2)]


def backs(agent: Agent) -> list[Change]:
    return [change for change in agent.memory.changes.values() if change.reason["code"] == HALF_DONE]


def test_half_a_plan_is_taken_back_though_nothing_was_read_yet_at_the_first_look(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with half_left(tmp_path, clock) as rig, rig.agent() as agent:
            (found,) = await until(agent.campaigns.running, step_s=0.01)
            assert all(agent.memory.radios[key].reading is None for key in (AP1, AP2))
            await until(lambda: found.waits_for, step_s=0.01)
            assert found.waits_for.endswith("stale never_read")
            await ended(agent)
            assert places(rig) == [36, 44]
            assert [change.state for change in backs(agent)] == [State.COMMITTED]
        assert (end_of(rig)["taken_back"], end_of(rig)["failed"]) == (1, 1)

    run(story)


def test_who_is_lost_is_not_waited_for(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        deaf = Gate()
        async with half_left(tmp_path, clock, deaf) as rig:
            deaf.opened = True
            async with rig.agent() as agent:
                begun_s = clock.monotonic()
                await until(agent.campaigns.running, step_s=0.01)
                await until(lambda: "lab/ap2" in agent.memory.lost)
                await ended(agent)
                assert clock.monotonic() - begun_s < READ_WITHIN_S

    run(story)


def test_a_radio_that_is_never_read_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with half_left(tmp_path, clock) as rig:
            monkeypatch.setattr("agent.campaign.unread", lambda *_: iter((AP2,)))
            async with rig.agent() as agent:
                await until(agent.campaigns.running)
                begun_s = clock.monotonic()
                await until(lambda: backs(agent))
                assert READ_WITHIN_S - 10.0 < clock.monotonic() - begun_s < READ_WITHIN_S + 10.0

    run(story)


def test_a_way_back_that_was_interrupted_is_tried_again(tmp_path: Path) -> None:
    """The device goes back by itself, since nobody confirmed: that was no verdict on the way back."""

    async def story(clock: SimulatedClock) -> None:
        async with half_left(tmp_path, clock) as rig, rig.agent() as agent:
            await until(lambda: backs(agent) and backs(agent)[0].state is State.MONITORING, step_s=0.1)
            (moved,) = backs(agent)[0].radios
            rig.world.set_externally(moved, backs(agent)[0].prior)
            await ended(agent)
            assert [change.state for change in backs(agent)] == [State.ROLLED_BACK, State.COMMITTED]
            assert places(rig) == [36, 44]
            assert agent.alerts == []
        assert (end_of(rig)["taken_back"], end_of(rig)["failed"]) == (1, 1)

    run(story)


def test_a_way_back_that_was_interrupted_and_then_refused_is_tried_again(tmp_path: Path) -> None:
    """The first one has used the token up, whatever becomes of the others."""

    async def story(clock: SimulatedClock) -> None:
        async with half_left(tmp_path, clock) as rig, rig.agent() as agent:
            await until(lambda: backs(agent) and backs(agent)[0].state is State.MONITORING, step_s=0.1)
            (moved,) = backs(agent)[0].radios
            rig.world.set_externally(moved, backs(agent)[0].prior)
            write, refused = agent.executor._steps[State.APPLYING], list[str]()

            async def refused_once(change: Change, course: Course) -> Change:
                if refused:
                    return await write(change, course)
                refused.append(change.id)
                return await agent.ledger.step(change, Trigger.REFUSED, reason="test")

            agent.executor._steps[State.APPLYING] = refused_once
            await ended(agent)
            states = [change.state for change in backs(agent)]
            assert states == [State.ROLLED_BACK, State.FAILED, State.COMMITTED]
            assert places(rig) == [36, 44]

    run(story)


def test_a_way_back_that_the_record_missed_is_found_again(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with half_left(tmp_path, clock) as rig:
            async with rig.agent() as agent:
                (found,) = await until(agent.campaigns.running, step_s=0.01)
                before = found.to_text()
                (first,) = await until(lambda: backs(agent), step_s=0.1)
            _, ledger = rig.build()
            await ledger.call(ledger.store.set_meta, "campaign/lab", before)
            await ledger.close()
            async with rig.agent() as agent:
                await until(agent.campaigns.running, step_s=0.01)
                await ended(agent)
                assert [change.id for change in backs(agent)] == [first.id]
        assert (end_of(rig)["taken_back"], end_of(rig)["failed"]) == (1, 1)

    run(story)
