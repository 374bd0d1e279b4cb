"""How far the agent may go: observe, advise, act, and a pause."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from rig import Rig, final, site_of, until
from stories import (
    AP1,
    SHORT,
    about,
    change_for,
    changes_for,
    codes,
    event_of,
    interferes,
    over,
    policy_of,
    raised,
    said,
    stage,
)

from agent.change import Actor, State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from drivers.simulated.faults import Call, Fault, FaultPlan, Kind, Operation, Scripted
from inventory.model import Mode

PERSON = Actor(type="operator", uid=1000, name="ann")
BURST, FAILURE = EventKind.NON_WIFI_BURST, EventKind.HW_FAILURE


class Writes:
    """Counts what is written to any device, and hinders nothing."""

    def __init__(self) -> None:
        self.seen: list[Operation] = []
        writes = (Operation.APPLY, Operation.ACT, Operation.CONFIRM, Operation.CANCEL)
        self.plan = FaultPlan(tuple(Scripted(each, self._see, Fault(Kind.TIMEOUT)) for each in writes))

    def _see(self, call: Call) -> bool:
        self.seen.append(call.operation)
        return False


def vetoes(rig: Rig) -> set[tuple[str, str]]:
    """Guard and reason of each decision that came to nothing."""
    found = [r["reason"]["params"] for r in said(rig, "vetoed")]
    return {(params["guard"], params["why"]) for params in found}


def test_in_observe_mode_everything_is_seen_and_nothing_is_written(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        writes = Writes()
        site = site_of(4, policy=policy_of(Mode.OBSERVE), widths=(20,))
        async with stage(tmp_path, clock, site, faults=writes.plan) as (rig, agent):
            interferes(rig, rig.block())
            rig.world.hardware.stick(rig_key := list(rig.world.radio_keys())[2])
            burst, stuck = await event_of(agent, BURST), await event_of(agent, FAILURE)
            assert stuck.radio == rig_key
            await asyncio.sleep(300.0)
            assert not changes_for(agent, burst)
            assert not changes_for(agent, stuck)
            assert not writes.seen
            assert agent.alerts, "a person is told all the same"
            rig.world.remove_interferer("interferer")
            await over(agent, burst)
        assert vetoes(rig) == {("mode", "observe")}

    run(story)


def test_in_advise_mode_a_change_waits_for_a_person(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        writes = Writes()
        site = site_of(4, policy=policy_of(Mode.ADVISE), widths=(20,))
        async with stage(tmp_path, clock, site, faults=writes.plan) as (rig, agent):
            here = rig.block()
            interferes(rig, here)
            event = await event_of(agent, BURST)
            (proposed,) = await until(lambda: changes_for(agent, event))
            await asyncio.sleep(200.0)
            assert agent.memory.changes[proposed.id].state is State.PROPOSED
            assert len(changes_for(agent, event)) == 1, "proposed once"
            assert not writes.seen
            await agent.operator.approve(proposed.id, PERSON)
            change = await final(agent, proposed)
            assert change.state is State.COMMITTED
            assert not rig.block().mhz20 & here.mhz20
            await over(agent, event)
        assert rig.steps(change.id) == ["PROPOSED", "PLANNED", "APPLYING", "MONITORING", "COMMITTED"]
        approved = [r for r in rig.records() if r["to_state"] == "PLANNED"]
        assert [r["actor"]["name"] for r in approved] == ["ann"]

    run(story)


def test_a_proposal_that_nobody_approves_runs_out_and_is_made_again(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        policy = replace(policy_of(Mode.ADVISE), advise_expiry_s=120.0, incident_backoff_s=60.0)
        async with stage(tmp_path, clock, site_of(4, policy=policy, widths=(20,))) as (rig, agent):
            here = rig.block()
            interferes(rig, here)
            event = await event_of(agent, BURST)
            assert (await change_for(agent, event)).state is State.EXPIRED
            await until(lambda: len(changes_for(agent, event)) == 2, limit_s=1500.0)
            assert rig.block() == here

    run(story)


def test_in_advise_mode_what_has_no_undo_is_not_done(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(4, policy=policy_of(Mode.ADVISE), widths=(20,))
        async with stage(tmp_path, clock, site) as (rig, agent):
            rig.world.hardware.stick(AP1)
            await event_of(agent, FAILURE)
            await asyncio.sleep(200.0)
            assert rig.world.radio(AP1).stuck
            assert len(agent.alerts) == 1
        assert vetoes(rig) == {("mode", "advise")}
        assert not said(rig, "restart_radio")

    run(story)


@pytest.mark.parametrize("scope", ["lab", "lab/ap1", "lab/ap1/r5"])
def test_a_paused_scope_is_watched_and_left_alone(tmp_path: Path, scope: str) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            here = rig.block()
            await agent.operator.pause(scope, None, PERSON)
            interferes(rig, here)
            event = await event_of(agent, BURST)
            await asyncio.sleep(200.0)
            assert not changes_for(agent, event)
            await agent.operator.resume(scope, PERSON)
            assert (await change_for(agent, event)).state is State.COMMITTED
        told = about(rig, raised(rig, BURST)[0])
        assert codes(told)[:3] == ["event.raised", "vetoed", "leave_interference"]
        assert vetoes(rig) == {("pause", "paused")}

    run(story)


def test_a_pause_of_another_ap_hinders_nobody(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            await agent.operator.pause("lab/ap2", None, PERSON)
            rig.world.hardware.stick(AP1)
            await over(agent, await event_of(agent, FAILURE))
            assert SHORT.mode is Mode.ACT
        assert not said(rig, "vetoed")

    run(story)
