"""A plan is carried out in steps, each move a change like any other, and looked at anew before each step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from plans_by_hand import plan_of_moves
from rig import Rig, rig_of, site_of, until
from scenario.test_operator import PERSON, asked_of, read
from stories import AP1, AP2, AP3, AP4, SHORT, said

from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import NotFound, Refused
from agent.change import Actor, Cause, Change, State
from agent.moment import Deadline
from agent.planner.site.plan import Plan
from agent.simulated_time import SimulatedClock, run
from drivers.simulated.faults import NO_FAULTS, FaultPlan
from inventory.model import Mode, RadioKey, Site

POLICY = replace(SHORT, max_inflight_ratio=0.5)
SITE = site_of(4, policy=POLICY, widths=(20,), spacing_m=15.0)
"""Four APs that all hear each other."""


def planned(rig: Rig, to: Mapping[RadioKey, int]) -> Plan:
    return plan_of_moves(rig.world, to)


@asynccontextmanager
async def crowded(
    directory: Path,
    clock: SimulatedClock,
    site: Site = SITE,
    *,
    channels: tuple[int, ...] = (36,),
    faults: FaultPlan = NO_FAULTS,
) -> AsyncIterator[tuple[Rig, Agent]]:
    """A site on these channels, all radios read, and an agent that knows whom they hear."""
    async with rig_of(directory, clock, site, channels=channels, faults=faults, clients=3) as rig:
        async with rig.agent() as agent:
            await ready(agent)
            yield rig, agent
        rig.verify()


async def ready(agent: Agent) -> None:
    await read(agent)
    await asyncio.sleep(60.0)


async def ended(agent: Agent, limit_s: float = 7200.0) -> None:
    await until(lambda: not agent.campaigns.running(), limit_s=limit_s, step_s=5.0)


def moves_of(agent: Agent) -> list[Change]:
    """Changes of plans, in the order in which they were made."""
    found = [c for c in agent.memory.changes.values() if c.cause is Cause.SITE_PLAN]
    return sorted(found, key=lambda each: (each.created_utc_us, each.id))


def channels(rig: Rig) -> list[int]:
    return [rig.block(key).primary for key in (AP1, AP2, AP3, AP4)]


def end_of(rig: Rig) -> Mapping[str, int | str]:
    (record,) = said(rig, "plan.ended")
    params: Mapping[str, int | str] = record["reason"]["params"]
    return params


def test_a_plan_is_carried_out_one_neighbour_after_the_other(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            begun = await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149, AP4: 157}), PERSON)
            with pytest.raises(Refused, match="is being carried out"):
                await agent.campaigns.begin(planned(rig, {AP2: 48}), PERSON)
            await ended(agent)
            assert channels(rig) == [36, 44, 149, 157]
            made = moves_of(agent)
            assert [c.state for c in made] == [State.COMMITTED] * 3
            for earlier, later in pairwise(made):
                end = next(r for r in rig.records() if r["change_id"] == earlier.id and r["result"])
                assert later.created_utc_us >= end["utc"], "all neighbours: each in a step of its own"
            assert {c.reason["params"]["plan"] for c in made} == {begun.id}
            assert {c.actor for c in made} == {PERSON}
        (start,) = said(rig, "plan.begun")
        assert start["actor"]["name"] == "ann"
        assert start["reason"]["params"]["value_then_micronats"] == 9_000_000
        assert (end_of(rig)["made"], end_of(rig)["steps"], end_of(rig)["why"]) == (3, 3, "done")

    run(story)


def test_what_is_not_worth_it_from_the_start_is_not_begun(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, channels=(36, 44, 149, 157)) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP1: 44, AP2: 48}), PERSON)
            await ended(agent)
            assert channels(rig) == [36, 44, 149, 157]
            assert moves_of(agent) == []
        dropped = {r["reason"]["params"]["why"] for r in said(rig, "plan.move_dropped")}
        assert dropped == {"not_worth_it_any_more"}

    run(story)


def test_a_pause_holds_it_and_it_goes_on_afterwards(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            await until(lambda: any(c.state is State.MONITORING for c in moves_of(agent)))
            await agent.operator.pause("lab", None, PERSON)
            await asyncio.sleep(1200.0)
            (first,) = moves_of(agent)
            assert first.state is State.COMMITTED, "what was sent goes on"
            status = await asked_of(agent, rig).handle("status", protocol.StatusArgs(), PERSON)
            (shown,) = status["plans"]
            assert (shown["step"], shown["steps"], shown["counts"]) == (1, 2, {"made": 1, "waits": 1})
            assert shown["waits_for"].endswith("pause paused")
            await agent.operator.resume("lab", PERSON)
            await ended(agent)
            assert len(moves_of(agent)) == 2

    run(story)


def test_after_a_restart_it_goes_on(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, channels=(36,), clients=3) as rig:
            async with rig.agent() as agent:
                await ready(agent)
                begun = await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149, AP4: 157}), PERSON)
                await until(lambda: any(c.state is State.MONITORING for c in moves_of(agent)))
            async with rig.agent() as agent:
                await until(lambda: agent.campaigns.running())
                assert [each.id for each in agent.campaigns.running()] == [begun.id]
                await ended(agent)
                assert channels(rig) == [36, 44, 149, 157]
                assert len(moves_of(agent)) == 3
            async with rig.agent() as agent:
                await ready(agent)
                assert not agent.campaigns.running(), "it is over"
        rig.verify()

    run(story)


def test_a_change_that_the_record_missed_is_found_again(tmp_path: Path) -> None:
    """The process ended between the change and the campaign's next record."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, channels=(36,), clients=3) as rig:
            async with rig.agent() as agent:
                await ready(agent)
                begun = await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
                before = begun.to_text()
                await until(lambda: any(c.state is State.MONITORING for c in moves_of(agent)))
                (first,) = moves_of(agent)
            _, ledger = rig.build()
            await ledger.call(ledger.store.set_meta, "campaign/lab", before)
            await ledger.close()
            async with rig.agent() as agent:
                await until(lambda: agent.campaigns.running())
                (found,) = await until(agent.campaigns.running)
                await until(lambda: found.standings[first.radios[0]].change == first.id)
                await ended(agent)
                assert [c.id for c in moves_of(agent) if c.radios == first.radios] == [first.id]
        assert end_of(rig)["made"] == 2

    run(story)


def test_a_record_of_another_version_ends_the_plan_and_is_told_of(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, channels=(36,), clients=3) as rig:
            _, ledger = rig.build()
            await ledger.call(ledger.store.set_meta, "campaign/lab", '{"id": "p1", "standings": {}}')
            await ledger.close()
            async with rig.agent() as agent:
                await ready(agent)
                assert ["plan anew" in each.text for each in agent.alerts] == [True]
                await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
                await ended(agent)
                assert channels(rig)[1] == 44
        assert len(said(rig, "plan.not_readable")) == 1

    run(story)


def test_a_person_ends_it(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            operations = asked_of(agent, rig)
            stop = protocol.PlanArgs(site="lab", stop=True)
            with pytest.raises(NotFound, match="no plan of lab"):
                await operations.handle("plan", stop, PERSON)
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149, AP4: 157}), PERSON)
            await until(lambda: any(c.state is State.MONITORING for c in moves_of(agent)))
            answer = await operations.handle("plan", stop, PERSON)
            assert answer["campaign"]["stopped"] == "stopped"
            await ended(agent)
            (only,) = moves_of(agent)
            assert only.state is State.COMMITTED, "what was sent goes on"
            assert agent.alerts == []
        assert said(rig, "plan.stopped")[0]["actor"]["name"] == "ann"
        assert (end_of(rig)["made"], end_of(rig)["dropped"], end_of(rig)["why"]) == (1, 2, "stopped")

    run(story)


def test_who_takes_back_the_last_hours_does_not_want_the_rest_of_the_plan(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            await until(lambda: any(c.state is State.COMMITTED for c in moves_of(agent)))
            await asked_of(agent, rig).handle("undo", protocol.UndoArgs(since_s=3600.0), PERSON)
            await until(lambda: not agent.campaigns.running() and not agent.undoing.rows)
            assert channels(rig) == [36, 36, 36, 36]
        assert said(rig, "plan.stopped")

    run(story)


def test_another_agent_that_takes_the_site_over_goes_on_with_it(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            begun = await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            await until(lambda: any(c.state is State.MONITORING for c in moves_of(agent)))
            agent.memory.standby["lab"] = "another agent has it"
            await until(lambda: not agent.campaigns.running())
            assert await agent.ledger.call(agent.ledger.store.get_meta, "campaign/lab")
            del agent.memory.standby["lab"]
            await until(agent.campaigns.running)
            assert [each.id for each in agent.campaigns.running()] == [begun.id]

    run(story)


def test_what_could_not_be_begun_within_a_day_is_given_up_and_said(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            await agent.operator.pause("lab/ap3", None, PERSON)
            begun = await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            await until(lambda: [c.state for c in moves_of(agent)] == [State.COMMITTED])
            await asyncio.sleep(120.0)
            assert agent.campaigns.running() == [begun]
            begun.until = Deadline.after(agent.clock.now(), 0.0)
            await ended(agent)
            (only,) = moves_of(agent)
            assert (only.radios, only.state) == ((AP2,), State.COMMITTED), "who need not wait does not"
            (alert,) = agent.alerts
            assert "1 moves were not made" in alert.text
        assert (end_of(rig)["made"], end_of(rig)["dropped"], end_of(rig)["why"]) == (1, 1, "too_late")

    run(story)


def test_in_advise_mode_each_step_waits_for_the_persons_word_on_the_one_before(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = replace(SITE, policy=replace(POLICY, mode=Mode.ADVISE, advise_expiry_s=600.0))
        async with crowded(tmp_path, clock, site) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), Actor())
            (first,) = await until(lambda: moves_of(agent))
            await asyncio.sleep(300.0)
            assert [c.state for c in moves_of(agent)] == [State.PROPOSED]
            await agent.operator.approve(first.id, PERSON)
            await until(lambda: len(moves_of(agent)) == 2)
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED, State.PROPOSED]
            await ended(agent)
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED, State.EXPIRED]
        assert (end_of(rig)["made"], end_of(rig)["failed"]) == (1, 1)

    run(story)


def test_who_ends_a_plan_is_asked_for_nothing_more_of_it(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = replace(SITE, policy=replace(POLICY, mode=Mode.ADVISE))
        async with crowded(tmp_path, clock, site) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44}), Actor())
            await until(lambda: moves_of(agent))
            await agent.campaigns.stop("lab", PERSON)
            await ended(agent, limit_s=60.0)
            assert [c.state for c in moves_of(agent)] == [State.EXPIRED]

    run(story)


def test_a_dry_run_shows_every_step_and_sends_nothing(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = replace(SITE, policy=replace(POLICY, mode=Mode.DRY_RUN))
        async with crowded(tmp_path, clock, site) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149, AP4: 157}), Actor())
            await ended(agent)
            assert channels(rig) == [36, 36, 36, 36]
            assert [c.state for c in moves_of(agent)] == [State.EXPIRED] * 3
        assert end_of(rig)["shown"] == 3

    run(story)


def test_in_observe_mode_none_is_begun(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = replace(SITE, policy=replace(POLICY, mode=Mode.OBSERVE))
        async with crowded(tmp_path, clock, site) as (rig, agent):
            with pytest.raises(Refused, match="mode observe"):
                await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)

    run(story)
