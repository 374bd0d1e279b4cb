"""Each rule by which a change is called WORSE, as a whole story, and with the faults that would break it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, final, site_of, until
from stories import AP1, AP2, NEAR_AP1, SHORT, Gate, changes_for, event_of, stage, with_options

from agent.agent import Agent
from agent.change import Actor, Change, State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from drivers.simulated.faults import NO_FAULTS, Call, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import RadioReading
from inventory.channels import block
from inventory.model import Band, Site

PERSON = Actor(type="operator", uid=1000, name="ann")
TARGET = block(Band.GHZ_5, 161, 20)
PLAIN = site_of(4, policy=SHORT, widths=(20,))
BLIND = site_of(
    4,
    policy=replace(
        SHORT, detect=replace(SHORT.detect, qoe_retry_floor=0.99, qoe_per_floor=0.99, qoe_rate_ratio=0.01)
    ),
    widths=(20,),
)
"""A site whose detectors see no emergency: the monitor alone decides."""


async def move(rig: Rig, agent: Agent, channel: int = 161) -> Change:
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


async def monitored(rig: Rig, agent: Agent, channel: int = 161) -> Change:
    opened = await move(rig, agent, channel)
    change = await agent.executor.settled(opened.id, State.MONITORING)
    assert change.state is State.MONITORING
    return change


def why(rig: Rig, change: Change) -> str:
    """The reason of the transition that ended the monitoring."""
    found = [
        r["reason"]["code"]
        for r in rig.records()
        if r["change_id"] == change.id and r["from_state"] == "MONITORING" and r["to_state"] != "MONITORING"
    ]
    return str(found[-1])


class Doctored:
    """A device whose readings of AP 1 are rewritten by ``doctor`` while there is one."""

    doctor: Callable[[RadioReading], RadioReading] | None = None

    def __init__(self, device: Any) -> None:
        self._device = device

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    async def read(self, *args: Any) -> Any:
        snapshot = await self._device.read(*args)
        doctor = Doctored.doctor
        if doctor is None or AP1 not in snapshot.readings:
            return snapshot
        return replace(snapshot, readings={**snapshot.readings, AP1: doctor(snapshot.readings[AP1])})


@pytest.fixture(autouse=True)
def no_doctor() -> Any:
    yield
    Doctored.doctor = None


# -- retries, with the faults ------------------------------------------------------------------------------


def frozen_once(call: Call) -> bool:
    return call.nth % 4 == 0


FAULTS: dict[str, tuple[FaultPlan, Site]] = {
    "none": (NO_FAULTS, PLAIN),
    "lost_ack": (FaultPlan((Scripted(Operation.APPLY, 1, Fault(Kind.TIMEOUT_DONE), device="ap1"),)), BLIND),
    "lost_ack_of_the_way_back": (
        FaultPlan((Scripted(Operation.APPLY, 2, Fault(Kind.TIMEOUT_DONE), device="ap1"),)),
        BLIND,
    ),
    "way_back_refused_once": (
        FaultPlan((Scripted(Operation.APPLY, 2, Fault(Kind.REFUSED), device="ap1"),)),
        BLIND,
    ),
    "way_back_not_done_once": (
        FaultPlan((Scripted(Operation.APPLY, 2, Fault(Kind.NOT_DONE), device="ap1"),)),
        BLIND,
    ),
    "stale_now_and_then": (
        FaultPlan((Scripted(Operation.READ, frozen_once, Fault(Kind.FROZEN), device="ap1"),)),
        BLIND,
    ),
    "counter_reset": (
        FaultPlan((Scripted(Operation.READ, 30, Fault(Kind.COUNTER_RESET), device="ap1"),)),
        BLIND,
    ),
    "counters_of_32_bits": (
        FaultPlan((Scripted(Operation.READ, 30, Fault(Kind.WRAP_32), device="ap1"),)),
        BLIND,
    ),
    "slow_tables": (NO_FAULTS, with_options(BLIND, refresh_s=45.0)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_retries_that_double_go_back(tmp_path: Path, fault: str) -> None:
    async def story(clock: Clock) -> None:
        plan, site = FAULTS[fault]
        calm_s = 1200.0 if fault == "slow_tables" else 280.0
        async with stage(tmp_path, clock, site, faults=plan, calm_s=calm_s) as (rig, agent):
            before = rig.block()
            rig.world.spoil(AP1, TARGET, 4.0)
            change = await final(agent, await move(rig, agent))
            assert (change.state, change.verdict) == (State.ROLLED_BACK, "WORSE")
            assert rig.block() == before
        assert why(rig, change) in ("retry_worse", "critical_event")

    run(story)


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"none"}))
def test_a_harmless_change_is_kept_with_the_same_faults(tmp_path: Path, fault: str) -> None:
    async def story(clock: Clock) -> None:
        plan, site = FAULTS[fault]
        calm_s = 1200.0 if fault == "slow_tables" else 280.0
        async with stage(tmp_path, clock, site, faults=plan, calm_s=calm_s) as (rig, agent):
            change = await final(agent, await move(rig, agent))
            assert (change.state, change.verdict) == (State.COMMITTED, "HELD")
            assert rig.block() == TARGET

    run(story)


# -- the other measures ------------------------------------------------------------------------------------


def more_failures(start: int, reading: RadioReading) -> RadioReading:
    """From ``start`` frames on, one in fifteen is given up; the retries are as they were."""
    counters = reading.counters
    if counters is None or counters.tx_frames is None or counters.tx_failed is None:
        return reading
    failed = counters.tx_failed + max(0, counters.tx_frames - start) // 15
    return replace(reading, counters=replace(counters, tx_failed=failed))


def fewer_bytes(start: int, reading: RadioReading) -> RadioReading:
    """From ``start`` bytes on, a third of them: the same air time carries less."""
    counters = reading.counters
    if counters is None or counters.tx_bytes is None:
        return reading
    size = min(counters.tx_bytes, start) + max(0, counters.tx_bytes - start) // 3
    return replace(reading, counters=replace(counters, tx_bytes=size))


def no_clients(reading: RadioReading) -> RadioReading:
    return replace(reading, clients=())


async def doctored(rig: Rig, agent: Agent, field: str, doctor: Any) -> Change:
    opened = await monitored(rig, agent)
    total = rig.world.radio(AP1).traffic.total
    Doctored.doctor = partial(doctor, int(getattr(total, field)))
    return await final(agent, opened)


@pytest.mark.parametrize(
    ("field", "doctor", "code"),
    [("frames", more_failures, "per_worse"), ("bytes", fewer_bytes, "throughput_worse")],
    ids=["per", "throughput"],
)
def test_failures_and_throughput_go_back(tmp_path: Path, field: str, doctor: Any, code: str) -> None:
    async def story(clock: Clock) -> None:
        async with stage_doctored(tmp_path, clock, clients=20) as (rig, agent):  # it is not idle
            before = rig.block()
            change = await doctored(rig, agent, field, doctor)
            assert (change.state, change.verdict) == (State.ROLLED_BACK, "WORSE")
            assert rig.block() == before
        assert why(rig, change) == code

    run(story)


def stage_doctored(directory: Path, clock: Clock, site: Site = BLIND, **more: Any) -> Any:
    return stage(directory, clock, site, wrap_device=Doctored, **more)


def test_clients_that_are_nowhere_go_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage_doctored(tmp_path, clock) as (rig, agent):
            opened = await monitored(rig, agent)
            Doctored.doctor = no_clients
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.ROLLED_BACK, "WORSE")
        assert why(rig, change) == "clients_lost"

    run(story)


def test_clients_that_nobody_reports_are_not_called_lost(tmp_path: Path) -> None:
    """The client table is missing for a while after the change: that is no empty table."""

    async def story(clock: Clock) -> None:
        async with stage_doctored(tmp_path, clock) as (rig, agent):
            opened = await monitored(rig, agent)
            Doctored.doctor = lambda reading: replace(reading, clients=None)
            await asyncio.sleep(60.0)
            Doctored.doctor = None
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.COMMITTED, "HELD")

    run(story)


@pytest.mark.parametrize("fault", ["none", "lost_ack", "counter_reset", "counters_of_32_bits"])
def test_clients_that_are_thrown_out_go_back(tmp_path: Path, fault: str) -> None:
    async def story(clock: Clock) -> None:
        policy = replace(
            BLIND.policy,
            detect=replace(BLIND.policy.detect, qoe_disconnects_per_minute=1000.0),
        )
        site, plan = replace(BLIND, policy=policy), FAULTS[fault][0]
        async with stage(tmp_path, clock, site, faults=plan) as (rig, agent):
            opened = await monitored(rig, agent)
            for nth in range(30):
                at_s = clock.monotonic() + 5.0 * nth
                rig.world.at(at_s, partial(rig.world.drop_clients, AP1))
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.ROLLED_BACK, "WORSE")
        # Polls that fall just behind each throw see nobody who could leave: then nobody is there at last.
        assert why(rig, change) == "disconnects" or (fault, why(rig, change)) == ("lost_ack", "clients_lost")

    run(story)


@pytest.mark.parametrize("fault", ["none", "lost_ack", "lost_ack_of_the_way_back", "way_back_refused_once"])
def test_a_new_critical_event_goes_back_at_once(tmp_path: Path, fault: str) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, PLAIN, faults=FAULTS[fault][0]) as (rig, agent):
            opened = await monitored(rig, agent)
            acked_s = clock.monotonic()
            rig.world.hardware.reset(AP1)
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.ROLLED_BACK, "WORSE")
            assert clock.monotonic() - acked_s < (15.0 if fault == "none" else 60.0)
        assert why(rig, change) == "critical_event"

    run(story)


def test_a_critical_event_of_another_radio_is_not_held_against_it(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, PLAIN) as (rig, agent):
            opened = await monitored(rig, agent)
            rig.world.hardware.reset(AP2)
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.COMMITTED, "HELD")

    run(story)


# -- the others --------------------------------------------------------------------------------------------


NEIGHBOURS_FAULTS = {
    "none": NO_FAULTS,
    "stale_now_and_then": FaultPlan((Scripted(Operation.READ, frozen_once, Fault(Kind.FROZEN)),)),
    "counter_reset": FaultPlan((Scripted(Operation.READ, 30, Fault(Kind.COUNTER_RESET), device="ap2"),)),
    "partial": FaultPlan(
        (Scripted(Operation.READ, frozen_once, Fault(Kind.PARTIAL, radios=frozenset({AP2}))),)
    ),
    "lost_ack": FAULTS["lost_ack"][0],
}


@pytest.mark.parametrize("fault", NEIGHBOURS_FAULTS)
def test_a_change_that_harms_a_neighbour_goes_back(tmp_path: Path, fault: str) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, BLIND, faults=NEIGHBOURS_FAULTS[fault]) as (rig, agent):
            before = rig.block()
            opened = await monitored(rig, agent, 44)
            rig.world.spoil(AP2, None, 4.0)
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.ROLLED_BACK, "WORSE")
            assert rig.block() == before
        assert why(rig, change) == "neighbour_retry_worse"

    run(story)


def test_a_neighbour_on_another_channel_is_not_asked(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, BLIND) as (rig, agent):
            opened = await monitored(rig, agent)
            rig.world.spoil(AP2, None, 4.0)
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.COMMITTED, "HELD")

    run(story)


@pytest.mark.parametrize(
    ("others", "state"), [(2.3, State.COMMITTED), (1.0, State.ROLLED_BACK)], ids=["everybody", "alone"]
)
def test_what_hits_the_whole_site_is_not_the_changes_fault(
    tmp_path: Path, others: float, state: State
) -> None:
    async def story(clock: Clock) -> None:
        site = replace(site_of(8, policy=BLIND.policy, widths=(20,)))
        async with stage(tmp_path, clock, site) as (rig, agent):
            opened = await monitored(rig, agent)
            for key in rig.world.radio_keys():
                rig.world.spoil(key, None, 2.4 if key == AP1 else others)
            assert (await final(agent, opened)).state is state

    run(story)


# -- no relief, no data ------------------------------------------------------------------------------------


def test_an_incident_that_is_not_relieved_is_ineffective_and_not_repeated(tmp_path: Path) -> None:
    """The interference is there before the baseline, and comes along."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, BLIND) as (rig, agent):
            here = rig.block()
            await agent.operator.pause("lab", None, PERSON)
            rig.world.add_interferer("one", here.low_mhz, here.high_mhz, NEAR_AP1, duty_ratio=0.75)
            event = await event_of(agent, EventKind.NON_WIFI_BURST)
            await asyncio.sleep(500.0)
            await agent.operator.resume("lab", PERSON)
            (opened,) = await until(lambda: changes_for(agent, event), limit_s=900.0)
            there = await agent.executor.settled(opened.id, State.MONITORING)
            target = rig.block()
            assert target != here
            rig.world.add_interferer("two", target.low_mhz, target.high_mhz, NEAR_AP1, duty_ratio=0.75)
            change = await final(agent, there)
            assert (change.state, change.verdict) == (State.COMMITTED, "INEFFECTIVE")
            await asyncio.sleep(600.0)
            assert rig.block() == target, "neither undone nor repeated"
        assert why(rig, change) == "not_relieved"

    run(story)


def test_data_that_are_not_renewed_prove_nothing(tmp_path: Path) -> None:
    """Frozen from the ack on: neither HELD nor WORSE, but kept as unproven, after the longer wait."""

    async def story(clock: Clock) -> None:
        gate = Gate()
        plan = gate.script(Operation.READ, Fault(Kind.FROZEN))
        async with stage(tmp_path, clock, BLIND, faults=plan) as (rig, agent):
            rig.world.spoil(AP1, TARGET, 4.0)
            opened = await monitored(rig, agent)
            gate.opened = True
            began_s = clock.monotonic()
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.COMMITTED, "UNPROVEN")
            assert clock.monotonic() - began_s > SHORT.monitor.no_data_s
        assert why(rig, change) == "no_data_on_air"

    run(story)


def test_a_radio_that_falls_silent_is_for_a_person_or_goes_back(tmp_path: Path) -> None:
    """Off air from the ack on, and the device says nothing of it: never kept."""

    async def story(clock: Clock) -> None:
        site = with_options(BLIND, fault_reports=False)
        async with stage(tmp_path, clock, site) as (rig, agent):
            opened = await monitored(rig, agent)
            rig.world.hardware.break_radio(AP1)
            change = await final(agent, opened)
            assert change.state in (State.ROLLED_BACK, State.ESCALATED)
            assert change.verdict != "HELD"

    run(story)
