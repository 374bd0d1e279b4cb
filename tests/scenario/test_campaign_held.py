"""What holds up a part of a plan holds up no other, and is over when it is over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from unittest.mock import patch

import pytest
from rig import Rig, rig_of, until
from scenario.test_campaign import SITE, channels, crowded, end_of, ended, moves_of, planned, ready
from scenario.test_campaign_trouble import counted, half_swapped
from scenario.test_operator import PERSON, asked_of, move, opened
from stories import AP1, AP2, AP3, said

from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import NotFound, Refused
from agent.campaign_record import LONGEST_S, TRIES_MOST, Campaign, Part
from agent.change import HELD_UP, Actor, State
from agent.lane import Lane
from agent.planner.site.plan import Plan, Wishes
from agent.planner.site.remainder import Progress, Remainder, remainder
from agent.simulated_time import SimulatedClock, run
from agent.view import SiteView
from drivers.types import ConfigState, ScopeRef
from inventory.model import RadioKey, Site

STOP = protocol.PlanArgs(site="lab", stop=True)


async def waits_for(agent: Agent, rig: Rig) -> str:
    status = await asked_of(agent, rig).handle("status", protocol.StatusArgs(), PERSON)
    (shown,) = status["plans"]
    told: str = shown["waits_for"]
    return told


def test_a_radio_with_an_escalated_change_waits_for_a_person_and_the_others_do_not(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            stuck = replace(await opened(agent, move(48, AP2), PERSON), state=State.ESCALATED)
            await until(lambda: agent.memory.changes[stuck.id].state is State.COMMITTED)
            rig.world.set_externally(AP2, stuck.prior)
            await asyncio.sleep(120.0)
            agent.memory.changes[stuck.id] = stuck
            agent.memory.stuck.add(stuck.id)
            begun = await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            await until(lambda: [c.state for c in moves_of(agent)] == [State.COMMITTED])
            await asyncio.sleep(300.0)
            assert channels(rig) == [36, 36, 149, 36]
            assert (begun.steps, await waits_for(agent, rig)) == (1, "lab/ap2/r5: open_change escalated")
            agent.memory.stuck.discard(stuck.id)
            await ended(agent)
            assert channels(rig) == [36, 44, 149, 36]
        assert (end_of(rig)["made"], end_of(rig)["steps"]) == (2, 2)

    run(story)


def test_a_radio_that_can_not_be_read_holds_up_nobody_else_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            have, first, kept = agent.changes.have, list[RadioKey](), list[str]()
            write = agent.campaigns._book.write

            async def deaf(key: RadioKey) -> ConfigState | None:
                first.append(key)
                return None if key == first[0] else await have(key)

            async def counting(*args: object) -> None:
                kept.append("")
                await write(*args)  # type: ignore[arg-type]

            monkeypatch.setattr(agent.changes, "have", deaf)
            monkeypatch.setattr(agent.campaigns._book, "write", counting)
            begun = await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            await until(lambda: begun.those(Part.MADE))
            written = len(kept)
            await asyncio.sleep(1800.0)
            assert (begun.steps, begun.those(Part.WAITS), len(kept)) == (1, first[:1], written)
            assert f"{first[0]}: device" in await waits_for(agent, rig)
            monkeypatch.undo()
            await ended(agent)
        assert (end_of(rig)["made"], end_of(rig)["steps"]) == (2, 2)

    run(story)


# -- held up before anything was sent ----------------------------------------------------------------------


def test_a_move_that_a_pause_stopped_just_before_it_was_sent_is_made_afterwards(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            begun = await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            await until(lambda: [c.state for c in moves_of(agent)] == [State.PLANNED], step_s=0.001)
            await agent.operator.pause("*", 600.0, PERSON)
            await until(lambda: begun.standings[AP2].part is Part.WAITS)
            assert [(c.state, c.verdict) for c in moves_of(agent)] == [(State.FAILED, HELD_UP)]
            await ended(agent)
            assert [c.state for c in moves_of(agent)] == [State.FAILED, State.COMMITTED]
            assert channels(rig)[1] == 44
            assert counted(agent) == {"made": 1}

    run(story)


def test_a_move_that_is_held_up_again_and_again_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its device can be read when its change is made, and not when it is to be sent."""

    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):

            async def unread(_: object) -> None:
                return None

            monkeypatch.setattr(agent.executor._bench, "read", unread)
            await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            await ended(agent)
            tried = [(c.state, c.verdict) for c in moves_of(agent)]
            assert tried == [(State.EXPIRED, HELD_UP)] * (TRIES_MOST + 1)
        assert end_of(rig)["failed"] == 1

    run(story)


def test_after_a_restart_a_move_that_was_held_up_is_begun_once_more_and_not_looked_for(
    tmp_path: Path,
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, channels=(36,), clients=3) as rig:
            async with rig.agent() as agent:
                await ready(agent)
                begun = await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
                await until(lambda: [c.state for c in moves_of(agent)] == [State.PLANNED], step_s=0.001)
                await agent.operator.pause("*", 3600.0, PERSON)
                await until(lambda: begun.standings[AP2].part is Part.WAITS)
                await asyncio.sleep(10.0)
            async with rig.agent() as agent:
                (found,) = await until(agent.campaigns.running)
                assert (found.standings[AP2].part, found.standings[AP2].held_up) == (Part.WAITS, 1)
                await ended(agent)
                assert [c.state for c in moves_of(agent)] == [State.FAILED, State.COMMITTED]
        rig.verify()

    run(story)


# -- barred for good ---------------------------------------------------------------------------------------


def with_pinned(site: Site, ap: str) -> Site:
    radios = tuple(replace(radio, pinned=True) for radio in site.aps[ap].radios)
    return replace(site, aps=MappingProxyType({**site.aps, ap: replace(site.aps[ap], radios=radios)}))


def test_half_a_swap_on_a_radio_that_was_pinned_meanwhile_stays_and_a_person_is_told_at_once(
    tmp_path: Path,
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with half_swapped(tmp_path, clock) as (rig, agent, swapped):

            async def pin() -> None:
                await until(lambda: any(c.state is State.FAILED for c in moves_of(agent)), step_s=0.05)
                await agent.reload({"lab": with_pinned(rig.site, moves_of(agent)[0].radios[0].split("/")[1])})

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pin(), name="pin")
                await swapped()
            (alert,) = agent.alerts
            assert "could not be taken back: pinned in the site file" in alert.text
        assert end_of(rig)["stays"] == 1

    run(story)


# -- a reload ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_it_is_read", [False, True])
def test_an_ap_that_is_taken_away_while_its_step_is_opened_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_it_is_read: bool
) -> None:
    def all_at_once(view: SiteView, progress: Progress) -> Remainder:
        return replace(remainder(view, progress), step=tuple(move.radio for move in progress.todo))

    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            aps = {id: ap for id, ap in SITE.aps.items() if id != "ap3"}
            devices = {id: device for id, device in SITE.devices.items() if id != "ap3"}
            smaller = replace(SITE, aps=MappingProxyType(aps), devices=MappingProxyType(devices))

            read = Lane.read_config

            async def slowly(lane: Lane, scope: ScopeRef) -> ConfigState:
                found = await read(lane, scope)
                if AP3 in agent.memory.radios and (scope.name == AP3 or not as_it_is_read):
                    await agent.reload({"lab": smaller})
                return found

            monkeypatch.setattr(Lane, "read_config", slowly)
            monkeypatch.setattr("agent.campaign.remainder", all_at_once)
            begun = await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            await until(lambda: begun.standings[AP2].part is Part.OPEN)
            await asyncio.sleep(10.0)
            monkeypatch.undo()
            assert not [each.text for each in agent.alerts if "a bug" in each.text]
            await ended(agent)
            assert begun.standings[AP3].why == "not_configured_any_more"

    run(story)


# -- what is not known, and what is being taken back -------------------------------------------------------


def test_who_ends_a_plan_is_not_told_that_there_is_none_while_that_is_not_known(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            operations = asked_of(agent, rig)
            await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            agent.memory.standby["lab"] = "another agent has it"
            await until(lambda: not agent.campaigns.running())
            with pytest.raises(Refused, match="another agent has it"):
                await operations.handle("plan", STOP, PERSON)
            del agent.memory.standby["lab"]
            with pytest.raises(Refused, match="is not known yet"):
                await operations.handle("plan", STOP, PERSON)
            await until(agent.campaigns.running)
            await operations.handle("plan", STOP, PERSON)
            await ended(agent)
            with pytest.raises(NotFound, match="no plan of lab"):
                await operations.handle("plan", STOP, PERSON)

    run(story)


def test_no_plan_begins_while_the_site_is_being_taken_back_not_even_one_that_was_being_made(
    tmp_path: Path,
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            change = await opened(agent, move(48, AP1), PERSON)
            await until(lambda: agent.memory.changes[change.id].state is State.COMMITTED)
            plan = planned(rig, {AP2: 44})

            async def made_meanwhile(_: SiteView, __: Wishes) -> Plan:
                await agent.undoing.ask(3600.0, "lab", PERSON)
                return plan

            agent.planning.make = made_meanwhile
            with pytest.raises(Refused, match="is being taken back"):
                await asked_of(agent, rig).handle("plan", protocol.PlanArgs(site="lab", apply=True), PERSON)
            with pytest.raises(Refused, match="is being taken back"):
                await agent.campaigns.begin(plan, PERSON)
            assert not agent.campaigns.idle("lab")
            await until(lambda: not agent.undoing.under_way("lab"))
            await agent.campaigns.begin(plan, PERSON)
            await ended(agent)
        assert len(said(rig, "plan.begun")) == 1

    run(story)


def test_none_begins_while_one_is_stopped_for_an_undo(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            change = await opened(agent, move(48, AP1), PERSON)
            await until(lambda: agent.memory.changes[change.id].state is State.COMMITTED)
            await agent.operator.pause("lab", 600.0, PERSON)
            await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            stop = agent.campaigns.stop

            async def stopped_and_begun_again(site: str, actor: Actor) -> Campaign:
                found = await stop(site, actor)
                await until(lambda: not agent.campaigns.running())
                with pytest.raises(Refused, match="is being taken back"):
                    await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
                return found

            with patch.object(agent.campaigns, "stop", stopped_and_begun_again):
                await asked_of(agent, rig).handle("undo", protocol.UndoArgs(since_s=3600.0), PERSON)
            assert agent.undoing.under_way("lab")
        assert len(said(rig, "plan.begun")) == len(said(rig, "plan.stopped")) == 1

    run(story)


def test_a_wall_clock_that_is_set_forward_ends_no_plan(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            await agent.operator.pause("lab", 600.0, PERSON)
            await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            clock.jump_utc(LONGEST_S + 3600.0)
            await ended(agent)
            assert channels(rig)[1] == 44
        assert end_of(rig)["why"] == "done"

    run(story)
