"""DFS_RADAR, from the pulse to the end of the non-occupancy period, with the faults that would break it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rig import Rig, site_of, until
from stories import AP1, SHORT, Gate, Record, about, codes, policy_of, said, stage, with_options

from agent.agent import Agent
from agent.change import Actor
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from drivers.simulated.faults import NO_FAULTS, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import Setting
from inventory.model import Mode, Site
from inventory.regulatory import NOP_S

PERSON = Actor(type="operator", uid=1000, name="ann")
PLAIN = site_of(4, policy=SHORT, widths=(20,))
ON_52 = (52, 149, 157, 44)


def radar(rig: Rig) -> Record:
    """The one report of radar."""
    (heard,) = said(rig, "radar.heard")
    return heard


def test_one_pulse_is_one_event_until_its_period_is_over(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, channels=ON_52, calm_s=60.0) as (rig, agent):
            rig.world.radar(AP1)
            await until(lambda: rig.block().primary != 52, limit_s=11.0)
            await asyncio.sleep(120.0)
            assert agent.memory.barred("lab", clock.now()) == {5260}
            await asyncio.sleep(NOP_S - 60.0)
            assert not agent.memory.barred("lab", clock.now())
        told = codes(about(rig, radar(rig)))
        assert told[0] == "radar.heard"
        assert told[-1] == "event.cleared"
        assert told.count("event.cleared") == 1

    run(story)


FAULTS = {
    "lost_ack": Scripted(Operation.APPLY, None, Fault(Kind.TIMEOUT_DONE), device="ap1"),
    "ack_and_session_lost": Scripted(Operation.APPLY, None, Fault(Kind.DISCONNECT_DONE), device="ap1"),
    "first_write_lost": Scripted(Operation.APPLY, 1, Fault(Kind.DISCONNECT), device="ap1"),
    "first_write_not_done": Scripted(Operation.APPLY, 1, Fault(Kind.NOT_DONE), device="ap1"),
    "stale_tables": Scripted(Operation.READ, None, Fault(Kind.FROZEN), device="ap1"),
    "counter_reset": Scripted(Operation.READ, None, Fault(Kind.COUNTER_RESET), device="ap1"),
    "partial_answers": Scripted(
        Operation.READ, lambda call: call.nth % 2 == 0, Fault(Kind.PARTIAL, radios=frozenset({AP1})), "ap1"
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_ap_that_stays_is_off_radar_within_the_law_whatever_else_is_wrong(
    tmp_path: Path, fault: str
) -> None:
    async def story(clock: Clock) -> None:
        plan = FaultPlan((FAULTS[fault],))
        site = with_options(PLAIN, timeout_s=1.0)
        async with stage(tmp_path, clock, site, faults=plan, channels=ON_52, calm_s=60.0) as (rig, _):
            rig.world.set_stubborn(AP1)
            rig.world.radar(AP1)
            began_s = clock.monotonic()
            await until(lambda: is_off(rig), limit_s=30.0, step_s=0.1)
            assert clock.monotonic() - began_s <= 10.0, "47 CFR 15.407(h)(2)(iii): the channel move time"
            await asyncio.sleep(300.0)
            assert is_off(rig)
        assert radar(rig)["event_id"]

    run(story)


def is_off(rig: Rig) -> bool:
    """Off the channel, or silent."""
    return rig.block().primary != 52 or not rig.world.radio(AP1).on_air


def test_a_read_back_that_claims_another_channel_is_not_believed_for_ever(tmp_path: Path) -> None:
    """The device says 149 while it is on 52; the wrong answer ends after a while."""

    async def story(clock: Clock) -> None:
        gate = Gate(opened=True, most=2)
        wrong = {Setting.CHANNEL: 149, Setting.CENTER_MHZ: 5745}
        plan = gate.script(Operation.READ_CONFIG, Fault(Kind.WRONG_READBACK, values=wrong))
        async with stage(tmp_path, clock, PLAIN, faults=plan, channels=ON_52, calm_s=60.0) as (rig, _):
            rig.world.set_stubborn(AP1)
            rig.world.radar(AP1)
            await until(lambda: is_off(rig), limit_s=60.0)
            assert gate.hits

    run(story)


@pytest.mark.parametrize(
    ("site", "paused"), [(site_of(4, policy=policy_of(Mode.ADVISE), widths=(20,)), False), (PLAIN, True)]
)
def test_radar_waits_for_nobody(tmp_path: Path, site: Site, paused: bool) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, site, channels=ON_52, calm_s=60.0) as (rig, agent):
            await pause_if(agent, paused)
            rig.world.set_stubborn(AP1)
            rig.world.radar(AP1)
            await until(lambda: is_off(rig), limit_s=11.0)
        assert radar(rig)["reason"]["params"]["mhz"] == "5260"

    run(story)


async def pause_if(agent: Agent, paused: bool) -> None:
    if paused:
        await agent.operator.pause("lab", None, PERSON)


def test_in_observe_mode_nothing_is_written_and_a_person_is_told(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(4, policy=policy_of(Mode.OBSERVE), widths=(20,))
        async with stage(tmp_path, clock, site, faults=NO_FAULTS, channels=ON_52, calm_s=60.0) as (
            rig,
            agent,
        ):
            rig.world.set_stubborn(AP1)
            rig.world.radar(AP1)
            await asyncio.sleep(60.0)
            assert rig.block().primary == 52
            assert agent.alerts
            assert EventKind.DFS_RADAR not in {event.kind for event in agent.incidents.open_events()}

    run(story)
