"""What comes between the steps of a plan: a device that refuses, a change taken back, radar, half a swap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from plans_by_hand import STRANGER, on, strangers_beside
from rig import Rig, until
from scenario.test_campaign import (
    SITE,
    channels,
    crowded,
    end_of,
    ended,
    moves_of,
    planned,
)
from scenario.test_operator import PERSON
from stories import AP1, AP2, AP3, AP4, Gate, said

from agent.agent import Agent
from agent.campaign_record import Part
from agent.change import HELD_UP, Cause, Change, State, Trigger
from agent.counts import Count
from agent.course import Interrupt
from agent.planner.decision import NoChange
from agent.planner.site.remainder import Progress, Remainder, remainder
from agent.radar import Report
from agent.simulated_time import SimulatedClock, run
from agent.view import SiteView, values_of
from drivers.simulated.faults import Fault, Kind, Operation
from drivers.types import ConfigState
from inventory.model import RadioKey, Site

Swap = Callable[[], Awaitable[None]]


def dropped(rig: Rig) -> list[str]:
    """Why moves were not made."""
    return [r["reason"]["params"]["why"] for r in said(rig, "plan.move_dropped")]


def test_a_device_that_refuses_costs_its_own_move(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        faults = Gate(opened=True).script(Operation.APPLY, Fault(Kind.REFUSED), device="ap3")
        async with crowded(tmp_path, clock, faults=faults) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149, AP4: 157}), PERSON)
            await ended(agent)
            assert channels(rig) == [36, 44, 36, 157]
        assert (end_of(rig)["made"], end_of(rig)["failed"]) == (2, 1)

    run(story)


def test_a_move_that_is_taken_back_ends_neither_the_plan_nor_is_it_made_again(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149, AP4: 157}), PERSON)
            await until(lambda: any(c.state is State.MONITORING for c in moves_of(agent)))
            (first,) = moves_of(agent)
            told = Interrupt(trigger=Trigger.UNDO, reason="operator", actor=PERSON)
            assert agent.executor.interrupt(first.id, told)
            await ended(agent)
            made = moves_of(agent)
            assert [c.state for c in made] == [State.ROLLED_BACK, State.COMMITTED, State.COMMITTED]
            assert len({c.radios for c in made}) == 3
        assert (end_of(rig)["made"], end_of(rig)["failed"]) == (2, 1)

    run(story)


def test_who_somebody_else_has_moved_since_is_not_asked_to_go_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Progress] = []

    def looked(view: SiteView, progress: Progress) -> Remainder:
        looks.append(progress)
        return remainder(view, progress)

    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            monkeypatch.setattr("agent.campaign.remainder", looked)
            await agent.operator.pause("lab/ap4", None, PERSON)  # so that the plan goes on
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149, AP4: 157}), PERSON)
            await until(lambda: [c.state for c in moves_of(agent)] == [State.COMMITTED] * 2)
            await until(lambda: looks[-1].made == {AP2: on(36), AP3: on(36)}, limit_s=300.0)
            rig.world.set_externally(AP2, values_of(on(48)))
            await until(lambda: looks[-1].made == {AP3: on(36)}, limit_s=300.0)

    run(story)


def counted(agent: Agent) -> dict[str, int]:
    """How many moves of plans, by what became of them."""
    return {result: n for (_, result), n in agent.ledger.counts.of(Count.PLAN_MOVES).items()}


def test_a_move_that_somebody_else_made_in_the_same_moment_is_counted_as_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            plan, have = planned(rig, {AP2: 44}), agent.changes.have

            async def beaten_to_it(key: RadioKey) -> ConfigState | None:
                rig.world.set_externally(key, plan.moves[0].target)
                await until(lambda: rig.block(key) == on(44))
                return await have(key)

            monkeypatch.setattr(agent.changes, "have", beaten_to_it)
            begun = await agent.campaigns.begin(plan, PERSON)
            await ended(agent)
            assert (begun.standings[AP2].part, begun.standings[AP2].why) == (Part.MADE, "already_there")
            assert moves_of(agent) == []
            assert counted(agent) == {"made": 1}
        assert dropped(rig) == [], "no guard knew of it"

    run(story)


# -- a swap ------------------------------------------------------------------------------------------------


def swapping() -> Site:
    """Two APs that hear each other and may use 36 and 44 alone."""
    aps = {
        id: replace(ap, radios=tuple(replace(radio, channels=(36, 44)) for radio in ap.radios))
        for id, ap in list(SITE.aps.items())[:2]
    }
    devices = {id: SITE.devices[id] for id in aps}
    return replace(SITE, aps=MappingProxyType(aps), devices=MappingProxyType(devices))


BESIDE_M = {AP1: -3.0, AP2: 3.0}


async def swap(rig: Rig, agent: Agent) -> None:
    strangers_beside(rig.world, BESIDE_M)
    heard = agent.memory.radios
    await until(lambda: all(any(b.startswith(STRANGER) for b in heard[k].neighbors) for k in (AP1, AP2)))
    await agent.campaigns.begin(planned(rig, {AP1: 44, AP2: 36}), PERSON)
    await ended(agent)


def test_two_neighbours_change_places(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, swapping(), channels=(36, 44)) as (rig, agent):
            await swap(rig, agent)
            assert [rig.block(key).primary for key in (AP1, AP2)] == [44, 36]
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED] * 2
        assert (end_of(rig)["made"], end_of(rig)["steps"]) == (2, 2)

    run(story)


@asynccontextmanager
async def half_swapped(directory: Path, clock: SimulatedClock) -> AsyncIterator[tuple[Rig, Agent, Swap]]:
    """A swap of which whoever comes second is refused by its device; it is to be awaited."""
    gate = Gate()
    faults = gate.script(Operation.APPLY, Fault(Kind.REFUSED), device=None)
    async with crowded(directory, clock, swapping(), channels=(36, 44), faults=faults) as (rig, agent):

        async def shut() -> None:
            await until(lambda: any(c.state is State.COMMITTED for c in moves_of(agent)), step_s=0.2)
            gate.opened = True
            await until(lambda: any(c.state is State.FAILED for c in moves_of(agent)), step_s=0.2)
            gate.opened = False

        async def swapped() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(shut(), name="shut")
                await swap(rig, agent)

        yield rig, agent, swapped


def test_half_a_swap_does_not_stay(tmp_path: Path) -> None:
    """The first one goes back."""

    async def story(clock: SimulatedClock) -> None:
        async with half_swapped(tmp_path, clock) as (rig, agent, swapped):
            await swapped()
            assert [rig.block(key).primary for key in (AP1, AP2)] == [36, 44]
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED, State.FAILED]
            (back,) = [c for c in agent.memory.changes.values() if c.cause is Cause.UNDO]
            assert back.state is State.COMMITTED
            assert counted(agent) == {"made": 1, "failed": 1, "taken_back": 1}
        assert (end_of(rig)["taken_back"], end_of(rig)["failed"]) == (1, 1)

    run(story)


def test_half_a_swap_waits_for_the_end_of_a_pause(tmp_path: Path) -> None:
    """Who began the plan does not ask for this now: it is held as the plan is, and goes back afterwards."""

    async def story(clock: SimulatedClock) -> None:
        async with half_swapped(tmp_path, clock) as (rig, agent, swapped):

            async def paused() -> None:
                await until(lambda: any(c.state is State.FAILED for c in moves_of(agent)), step_s=0.05)
                await agent.operator.pause("*", 60.0, PERSON)
                await asyncio.sleep(55.0)
                assert [rig.block(key).primary for key in (AP1, AP2)] == [44, 44]
                assert len(agent.memory.changes) == 2, "nothing is begun"
                (plan,) = agent.campaigns.running()
                assert plan.waits_for == f"{AP1}: pause paused"

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(paused(), name="paused")
                await swapped()
            assert [rig.block(key).primary for key in (AP1, AP2)] == [36, 44]
            (back,) = [c for c in agent.memory.changes.values() if c.cause is Cause.UNDO]
            assert (back.state, back.actor) == (State.COMMITTED, PERSON)
        assert end_of(rig)["taken_back"] == 1

    run(story)


def test_half_a_swap_is_held_by_a_pause_that_comes_before_its_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with half_swapped(tmp_path, clock) as (rig, agent, swapped):
            try_undo = agent.changes.try_undo

            async def paused_just_then(*args: Any, **rest: Any) -> Change | NoChange:
                back = await try_undo(*args, **rest)
                if isinstance(back, Change) and not said(rig, "pause.begun"):
                    await agent.operator.pause("*", 60.0, PERSON)
                return back

            monkeypatch.setattr(agent.changes, "try_undo", paused_just_then)
            await swapped()
            assert [rig.block(key).primary for key in (AP1, AP2)] == [36, 44]
            backs = [c for c in agent.memory.changes.values() if c.cause is Cause.UNDO]
            assert [(c.state, c.verdict) for c in backs] == [
                (State.FAILED, HELD_UP),
                (State.COMMITTED, backs[-1].verdict),
            ]

    run(story)


def test_half_a_swap_that_can_not_be_taken_back_stays_and_a_person_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with half_swapped(tmp_path, clock) as (rig, agent, swapped):

            async def nowhere(done: Change, *_: object, **__: object) -> NoChange:
                return NoChange(radio=done.radios[0], reason="nowhere_legal_to_go")

            monkeypatch.setattr(agent.changes, "try_undo", nowhere)
            await swapped()
            (first, _) = moves_of(agent)
            assert [each.radio for each in agent.alerts] == [first.radios[0]]
            assert "could not be taken back: nowhere legal to go" in agent.alerts[0].text
            assert counted(agent) == {"made": 1, "failed": 1, "stays": 1}
        assert (end_of(rig)["stays"], end_of(rig)["failed"]) == (1, 1)

    run(story)


def test_a_swap_is_not_opened_while_its_other_half_has_to_wait(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, swapping(), channels=(36, 44)) as (rig, agent):
            await agent.operator.pause("lab/ap2", 1800.0, PERSON)
            strangers_beside(rig.world, BESIDE_M)
            await agent.campaigns.begin(planned(rig, {AP1: 44, AP2: 36}), PERSON)
            await until(lambda: agent.clock.monotonic() > 1500.0)
            assert moves_of(agent) == []
            await ended(agent)
            assert [rig.block(key).primary for key in (AP1, AP2)] == [44, 36]

    run(story)


# -- radar -------------------------------------------------------------------------------------------------


def heard_on_60() -> Report:
    return Report(site="lab", radios=(AP4,), mhz20=frozenset({5300}), source="test")


def test_radar_bars_what_is_left_of_a_plan_and_waits_for_none_of_it(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, channels=(36, 36, 36, 52)) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP3: 149, AP2: 60}), PERSON)
            await until(lambda: any(c.state is State.MONITORING for c in moves_of(agent)))
            (first,) = moves_of(agent)
            assert first.radios == (AP3,)
            rig.world.radar(AP4)
            await agent.radar.heard(heard_on_60())
            await until(lambda: rig.block(AP4).primary != 52, limit_s=12.0, step_s=0.5)
            assert not agent.memory.changes[first.id].final
            await ended(agent)
            assert [c.id for c in moves_of(agent)] == [first.id]
            assert channels(rig)[1:3] == [36, 149]
        assert dropped(rig) == ["in_non_occupancy_period"]

    run(story)


def test_a_move_under_way_onto_a_channel_with_radar_is_dropped(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 60, AP3: 149}), PERSON)
            await until(
                lambda: any(c.radios == (AP2,) and c.state is State.APPLYING for c in moves_of(agent))
            )
            await agent.radar.heard(heard_on_60())
            await ended(agent)
            states = {c.radios[0]: c.state for c in moves_of(agent)}
            assert states[AP2] in (State.ROLLED_BACK, State.SUPERSEDED)
            assert states[AP3] is State.COMMITTED
            assert channels(rig)[1] != 60

    run(story)
