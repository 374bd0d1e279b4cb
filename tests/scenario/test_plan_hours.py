"""What the agent plans by itself, and when: in the hours for it, and after radar in quiet hours."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from plans_by_hand import on
from rig import Rig, rig_of, until
from scenario.test_campaign import POLICY, SITE, crowded, end_of, ended, moves_of, planned, ready
from scenario.test_operator import PERSON, asked_of
from stories import AP1, AP2, AP3, said

from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import NotFound, Refused
from agent.campaign_record import Campaign
from agent.change import Actor, State
from agent.counts import Count
from agent.plan_runner import PlanningFailed
from agent.planner.site.plan import Plan, Wishes
from agent.planner.site.remainder import remainder
from agent.simulated_time import SimulatedClock, run
from agent.store.errors import StoreUnavailable
from agent.view import SiteView, values_of
from drivers.types import Setting
from inventory.model import Mode, PlanPolicy, Site
from inventory.windows import window

NOW_ON = (window("00:00-24:00"),)
"""Hours that never end: a plan a day."""


def site_with(**policy: Any) -> Site:
    return replace(SITE, policy=replace(POLICY, **policy))


def plans(agent: Agent, plan: Plan | str) -> list[Wishes]:
    """Whoever asks for a plan gets this one, or this reason why there is none; what was wished for."""
    asked: list[Wishes] = []

    async def make(view: SiteView, wishes: Wishes) -> Plan:
        asked.append(wishes)
        if isinstance(plan, str):
            raise PlanningFailed(plan)
        return replace(plan, wishes=wishes)

    agent.planning.make = make
    return asked


# -- by itself ---------------------------------------------------------------------------------------------


def test_in_its_hours_the_agent_plans_once_and_keeps_to_its_budget(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        hours = PlanPolicy(hours=NOW_ON, most_moves_ratio=1.0, min_gain_ratio=0.2, power=False)
        site = site_with(plan=hours, routine_per_ap_week=0.5)
        async with crowded(tmp_path, clock, site) as (rig, agent):
            asked = plans(agent, planned(rig, {AP2: 44, AP3: 149}))
            await until(lambda: asked)
            assert (asked[0].most_moves, asked[0].least_gain, asked[0].power) == (2, 0.2, False)
            await until(lambda: moves_of(agent))
            await ended(agent)
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED] * 2
            await asyncio.sleep(180.0)
            assert len(asked) == 1, "once in a window"
        assert said(rig, "plan.begun")[0]["actor"]["type"] == "agent"

    run(story)


@pytest.mark.parametrize("spent", [False, True])
def test_outside_of_its_hours_or_without_a_budget_it_does_not(tmp_path: Path, spent: bool) -> None:
    async def story(clock: SimulatedClock) -> None:
        past = PlanPolicy(hours=(window("2001-01-01 00:00-24:00"),))
        never = site_with(plan=PlanPolicy(hours=NOW_ON), routine_per_ap_week=0.0)
        async with crowded(tmp_path, clock, never if spent else site_with(plan=past)) as (rig, agent):
            asked = plans(agent, planned(rig, {AP2: 44}))
            await asyncio.sleep(1200.0)
            assert asked == []

    run(story)


def test_in_a_pause_it_does_not_and_afterwards_it_does(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, site_with(plan=PlanPolicy(hours=NOW_ON))) as (rig, agent):
            await agent.operator.pause("lab", 1200.0, PERSON)
            asked = plans(agent, planned(rig, {AP2: 44}))
            await asyncio.sleep(1100.0)
            assert asked == []
            await until(lambda: asked, limit_s=300.0)

    run(story)


@pytest.mark.parametrize("mode", [Mode.ACT, Mode.OBSERVE])
def test_a_plan_that_is_not_carried_out_is_recorded(tmp_path: Path, mode: Mode) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = site_with(plan=PlanPolicy(hours=NOW_ON), mode=mode)
        async with crowded(tmp_path, clock, site) as (rig, agent):
            plans(agent, planned(rig, {} if mode is Mode.ACT else {AP2: 44}))
            await until(lambda: said(rig, "plan.made"))
            assert moves_of(agent) == []
        (record,) = said(rig, "plan.made")
        assert (record["result"], record["reason"]["params"]["gain_ppm"]) == ("no_change", 500_000)

    run(story)


def test_a_planner_that_fails_is_asked_three_times_in_the_window_and_told_of_once(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, site_with(plan=PlanPolicy(hours=NOW_ON))) as (rig, agent):
            asked = plans(agent, "the planner died of SIGKILL")
            await until(lambda: agent.alerts)
            for tries in (1, 2, 3):
                await asyncio.sleep(600.0)
                assert len(asked) == tries
                await asyncio.sleep(360.0)
            await asyncio.sleep(3600.0)
            assert len(asked) == 3
            assert [each.text for each in agent.alerts] == ["no plan of lab: the planner died of SIGKILL"]
            assert [(r["result"], r["reason"]["params"]) for r in said(rig, "plan.not_begun")] == [
                ("no_change", {"why": "no plan of lab: the planner died of SIGKILL"})
            ] * 3

    run(story)


def test_tries_before_a_restart_count(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = site_with(plan=PlanPolicy(hours=NOW_ON))
        async with rig_of(tmp_path, clock, site, channels=(36,), clients=3) as rig:
            for tries in (1, 1, 1, 0):
                async with rig.agent() as agent:
                    asked = plans(agent, "no memory")
                    await asyncio.sleep(1200.0)
                    assert len(asked) == tries

    run(story)


def test_a_plan_that_could_not_be_begun_is_made_again_and_uses_up_its_window_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, site_with(plan=PlanPolicy(hours=NOW_ON))) as (rig, agent):
            asked, begin = plans(agent, planned(rig, {AP2: 44})), agent.campaigns.begin

            async def beaten_to_it(plan: Plan, actor: Actor) -> Campaign:
                if len(asked) == 1:
                    raise Refused("a plan of lab is being carried out")
                return await begin(plan, actor)

            monkeypatch.setattr(agent.campaigns, "begin", beaten_to_it)
            await until(lambda: moves_of(agent))
            await ended(agent)
            await asyncio.sleep(7200.0)
            assert len(asked) == 2
            assert agent.alerts == []
        (record,) = said(rig, "plan.not_begun")
        assert record["reason"]["params"]["why"] == "a plan of lab is being carried out"

    run(story)


def test_campaigns_go_on_while_a_plan_is_being_made(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, site_with(plan=PlanPolicy(hours=NOW_ON))) as (rig, agent):
            asked: list[Wishes] = []

            async def never(view: SiteView, wishes: Wishes) -> Plan:
                asked.append(wishes)
                await asyncio.Event().wait()
                raise AssertionError("nobody sets it")

            agent.planning.make = never
            await until(lambda: asked)
            await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            await ended(agent)
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED]

    run(story)


def test_hours_without_an_end_are_planned_in_once_a_day(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, site_with(plan=PlanPolicy(hours=NOW_ON))) as (rig, agent):
            asked = plans(agent, planned(rig, {}))
            await until(lambda: asked)
            key = "planned/lab"
            day = clock.now().utc.astimezone(ZoneInfo(SITE.timezone)).date()
            store = agent.ledger.store
            assert await agent.ledger.call(store.get_meta, key) == day.isoformat()
            before = (day - timedelta(days=1)).isoformat()
            await agent.ledger.call(store.set_meta, key, before)
            await until(lambda: len(asked) == 2, limit_s=120.0)

    run(story)


def test_a_bug_in_a_plan_of_one_site_is_told_with_its_name(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, site_with(plan=PlanPolicy(hours=NOW_ON))) as (_, agent):

            async def broken(view: SiteView, wishes: Wishes) -> Plan:
                raise IndexError("7")

            agent.planning.make = broken
            await until(lambda: agent.alerts)
            (told,) = agent.alerts
            assert told.text == "a bug: planning-lab failed and is tried again: IndexError: 7"
            assert told.site == "lab"

    run(story)


def failing(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> list[Exception]:
    """The next looks at what is left of a plan end so; what is left of them."""
    failures = list(errors)

    def looked(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return remainder(*args)

    monkeypatch.setattr("agent.campaign.remainder", looked)
    return failures


def test_a_bug_in_a_campaign_is_told_and_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, IndexError("7"), IndexError("7"))

    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, SITE) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            await ended(agent)
            told = [each.text for each in agent.alerts if each.site == "lab"]
            assert told == ["a bug: plans-lab failed and is tried again: IndexError: 7"]
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED]

    run(story)


def test_a_lost_disk_is_no_bug_in_a_campaign_and_what_is_on_it_counts_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = failing(monkeypatch, StoreUnavailable("gone"))

    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, SITE) as (rig, agent):
            begun = await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            await until(lambda: not failures and agent.campaigns.running())
            (again,) = agent.campaigns.running()
            assert again is not begun
            assert again.id == begun.id
            await ended(agent)
            assert agent.ledger.counts.of(Count.FAILURES) == {}
            assert agent.alerts == []
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED]

    run(story)


# -- for a person ------------------------------------------------------------------------------------------


def test_a_person_asks_for_a_plan_and_has_it_carried_out(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock, site_with(routine_per_ap_week=0.0)) as (rig, agent):
            operations = asked_of(agent, rig)
            asked = plans(agent, planned(rig, {AP2: 44}))
            shown = await operations.handle("plan", protocol.PlanArgs(site="lab", least_gain=0.3), PERSON)
            assert shown["campaign"] is None
            assert [each["radio"] for each in shown["plan"]["moves"]] == [AP2]
            assert (asked[0].least_gain, asked[0].most_moves) == (0.3, 1)
            begun = await operations.handle("plan", protocol.PlanArgs(site="lab", apply=True), PERSON)
            assert (begun["campaign"]["moves"], begun["campaign"]["actor"]) == (1, "ann")
            await ended(agent)
            assert [c.state for c in moves_of(agent)] == [State.COMMITTED]
            with pytest.raises(NotFound, match="no zone east; lab has none"):
                await operations.handle("plan", protocol.PlanArgs(site="lab", zone="east"), PERSON)
            plans(agent, "no radio may move")
            with pytest.raises(Refused, match="no plan of lab: no radio may move"):
                await operations.handle("plan", protocol.PlanArgs(site="lab"), PERSON)

    run(story)


# -- after radar -------------------------------------------------------------------------------------------

TWO = replace(
    SITE,
    aps={
        id: replace(ap, radios=tuple(replace(radio, channels=(36, 52)) for radio in ap.radios))
        for id, ap in list(SITE.aps.items())[:2]
    },
    devices={id: SITE.devices[id] for id in ("ap1", "ap2")},
)
"""Two APs that hear each other, and two channels."""


async def driven_off(rig: Rig, agent: Agent) -> None:
    """Radar on 52: ap1 leaves it, to end on the other's channel, and the non-occupancy period passes."""
    assert rig.block(AP1).primary == 52
    rig.world.radar(AP1)
    await until(lambda: rig.block(AP1).primary != 52, limit_s=15.0)
    rig.world.set_externally(AP1, values_of(on(36)))
    await asyncio.sleep(1900.0)
    assert rig.block(AP1).primary == 36, "not before quiet hours"
    assert not agent.memory.barred("lab", agent.clock.now())


@pytest.mark.parametrize("pays", [True, False])
def test_the_way_back_after_radar_is_taken_in_quiet_hours_if_it_pays(tmp_path: Path, pays: bool) -> None:
    async def story(clock: SimulatedClock) -> None:
        minute = clock.now().utc.hour * 60 + clock.now().utc.minute
        quiet = ((minute + 45) % 1440, (minute + 180) % 1440)
        least = PlanPolicy(min_gain_ratio=0.05 if pays else 1.0)
        site = replace(TWO, policy=replace(POLICY, quiet_hours=(quiet,), plan=least))
        async with crowded(tmp_path, clock, site, channels=(52, 36)) as (rig, agent):
            await driven_off(rig, agent)
            if pays:
                await until(lambda: rig.block(AP1).primary == 52, limit_s=3600.0)
                await ended(agent)
                (back,) = moves_of(agent)
                assert (back.state, back.reason["params"]["why"]) == (State.COMMITTED, "radar_is_over")
            else:
                await asyncio.sleep(1200.0)
                assert (rig.block(AP1).primary, moves_of(agent)) == (36, [])
        if pays:
            assert end_of(rig)["made"] == 1

    run(story)


@pytest.mark.parametrize(("mode", "code"), [(Mode.OBSERVE, "plan.made"), (Mode.DRY_RUN, "plan.begun")])
def test_where_nothing_moves_the_same_way_back_is_told_once(tmp_path: Path, mode: Mode, code: str) -> None:
    async def story(clock: SimulatedClock) -> None:
        pays = PlanPolicy(min_gain_ratio=0.05)
        site = replace(TWO, policy=replace(POLICY, quiet_hours=((0, 1439),), mode=mode, plan=pays))
        async with crowded(tmp_path, clock, site, channels=(52, 36)) as (rig, agent):
            await driven_off(rig, agent)
            await until(lambda: said(rig, code), limit_s=3600.0)
            await asyncio.sleep(4000.0)
            assert rig.block(AP1).primary == 36
            assert len(said(rig, code)) == 1
            rig.world.set_externally(AP1, {Setting.TX_POWER_DBM: 11})
            await until(lambda: len(said(rig, code)) == 2, limit_s=3600.0)

    run(story)


def test_radar_is_remembered_over_a_restart(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, TWO, channels=(52, 36)) as rig:
            async with rig.agent() as agent:
                await ready(agent)
                rig.world.radar(AP1)
                await until(lambda: rig.block(AP1).primary != 52, limit_s=15.0)
                await asyncio.sleep(60.0)
                (met,) = agent.memory.radar["lab"]
                assert met.mhz20 == {5260}
                assert met.radios == {AP1}
            async with rig.agent() as again:
                assert again.memory.radar["lab"] == (met,)

    run(story)
