"""Each kind with the faults that would break it: what the device did not renew raises nothing, what it forgot
or left out costs only time, and no answer of a device is taken for a success."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from rig import Rig, site_of, until
from stories import (
    AP1,
    NEAR_AP1,
    SHORT,
    Gate,
    change_for,
    changes_for,
    event_of,
    interferes,
    loads,
    opened,
    over,
    policy_of,
    raised,
    said,
    stage,
    unloads,
    with_options,
)

from agent.change import State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from drivers.simulated.faults import NO_FAULTS, Call, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import Setting
from inventory.model import Policy, Site

BURST, SAT, DENSITY = EventKind.NON_WIFI_BURST, EventKind.SPECTRUM_SAT, EventKind.DENSITY_SPIKE
FAILURE, SECURITY, QOE = EventKind.HW_FAILURE, EventKind.SECURITY, EventKind.EMERGENCY_QOE


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """``begin(rig, now_s)`` makes it, ``end`` ends it; it shows in what a poll tells of AP 1."""

    kind: EventKind
    begin: Callable[[Rig, float], None]
    end: Callable[[Rig], None]
    policy: Policy = SHORT
    moves: bool = False  # AP 1 is moved because of it

    @property
    def site(self) -> Site:
        return site_of(4, policy=self.policy, widths=(20,))


def _crowd(rig: Rig, now_s: float) -> None:
    rig.world.people.add_crowd((5.0, 5.0, 1.0), 30, now_s, now_s + 1500.0, mbps=0.2)


TROUBLES = {
    "burst": Trouble(
        kind=BURST,
        begin=lambda rig, _: interferes(rig, rig.block()),
        end=lambda rig: rig.world.remove_interferer("interferer"),
        moves=True,
    ),
    "saturation": Trouble(
        kind=SAT,
        begin=lambda rig, _: loads(rig, rig.block()),
        end=lambda rig: unloads(rig, rig.block()),
        moves=True,
    ),
    "jamming": Trouble(
        kind=SECURITY,
        begin=lambda rig, _: rig.world.hostile.add_jammer(
            "jammer", rig.block().low_mhz, rig.block().high_mhz, NEAR_AP1
        ),
        end=lambda rig: rig.world.remove_interferer("jammer"),
        moves=True,
    ),
    "stuck": Trouble(
        kind=FAILURE,
        begin=lambda rig, _: rig.world.hardware.stick(AP1),
        end=lambda rig: rig.world.hardware.unstick(AP1),
    ),
    "crowd": Trouble(kind=DENSITY, begin=_crowd, end=lambda _: None, policy=policy_of(density_capacity=20)),
    "bad_experience": Trouble(
        kind=QOE,
        begin=lambda rig, _: rig.world.spoil(AP1, None, 8.0),
        end=lambda rig: rig.world.spoil(AP1, None, 1.0),
    ),
}
ALL = pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
MOVING = pytest.mark.parametrize(
    "trouble", [t for t in TROUBLES.values() if t.moves], ids=[n for n, t in TROUBLES.items() if t.moves]
)


# -- what the device tells ---------------------------------------------------------------------------------


@ALL
def test_data_that_the_device_did_not_renew_raise_nothing(tmp_path: Path, trouble: Trouble) -> None:
    async def story(clock: Clock) -> None:
        gate = Gate()
        plan = gate.script(Operation.READ, Fault(Kind.FROZEN))
        async with stage(tmp_path, clock, trouble.site, faults=plan) as (rig, agent):
            gate.opened = True
            await asyncio.sleep(15.0)
            trouble.begin(rig, clock.monotonic())
            await asyncio.sleep(400.0)
            assert gate.hits > 30
            assert not opened(agent, trouble.kind)
            gate.opened = False
            await event_of(agent, trouble.kind)
        assert len(raised(rig, trouble.kind)) == 1

    run(story)


@ALL
def test_counters_that_start_again_cost_only_time(tmp_path: Path, trouble: Trouble) -> None:
    async def story(clock: Clock) -> None:
        gate = Gate(most=1)
        plan = gate.script(Operation.READ, Fault(Kind.COUNTER_RESET))
        async with stage(tmp_path, clock, trouble.site, faults=plan) as (rig, agent):
            trouble.begin(rig, clock.monotonic())
            await asyncio.sleep(15.0)
            gate.opened = True
            event = await event_of(agent, trouble.kind)
            assert gate.hits == 1
            if trouble.moves:
                assert (await change_for(agent, event)).state is State.COMMITTED
        assert len(raised(rig, trouble.kind)) == 1

    run(story)


@pytest.mark.parametrize("kind", [Kind.COUNTER_RESET, Kind.WRAP_32], ids=str)
def test_nothing_is_made_of_counters_that_run_backwards_or_round(tmp_path: Path, kind: Kind) -> None:
    """No trouble at all, and a device that forgets its counters now and then."""

    async def story(clock: Clock) -> None:
        def seldom(call: Call) -> bool:
            return call.nth % 7 == 0 and call.at_s > 300.0

        plan = FaultPlan((Scripted(Operation.READ, seldom, Fault(kind), device="ap1"),))
        async with stage(tmp_path, clock, faults=plan, calm_s=1500.0) as (_, agent):
            assert not agent.incidents.raised

    run(story)


@ALL
def test_a_table_that_is_slower_than_the_poll_is_waited_for(tmp_path: Path, trouble: Trouble) -> None:
    """Polled every 10 s, renewed every 45: three samples are three renewals, not three polls."""

    async def story(clock: Clock) -> None:
        site = with_options(trouble.site, refresh_s=45.0)
        async with stage(tmp_path, clock, site, calm_s=1000.0) as (rig, agent):
            began_s = clock.monotonic()
            trouble.begin(rig, began_s)
            event = await event_of(agent, trouble.kind, limit_s=1200.0)
            assert clock.monotonic() - began_s > 2 * 45.0
            if trouble.moves:
                assert (await change_for(agent, event)).state is State.COMMITTED
            else:
                trouble.end(rig)
                await over(agent, event, limit_s=3000.0)
        assert len(raised(rig, trouble.kind)) == 1

    run(story)


@pytest.mark.parametrize("name", sorted(TROUBLES.keys() - {"jamming"}))  # seen late, it passes for a burst
@pytest.mark.parametrize("kind", [Kind.PARTIAL, Kind.GARBAGE, Kind.TIMEOUT, Kind.DISCONNECT], ids=str)
def test_answers_that_are_missing_now_and_then_cost_only_time(tmp_path: Path, name: str, kind: Kind) -> None:
    trouble = TROUBLES[name]

    async def story(clock: Clock) -> None:
        def every_fifth(call: Call) -> bool:
            return call.nth % 5 == 0

        fault = Fault(kind, radios=frozenset({AP1}))
        plan = FaultPlan((Scripted(Operation.READ, every_fifth, fault, device="ap1"),))
        async with stage(tmp_path, clock, trouble.site, faults=plan) as (rig, agent):
            trouble.begin(rig, clock.monotonic())
            event = await event_of(agent, trouble.kind)
            if trouble.moves:
                assert (await change_for(agent, event)).state is State.COMMITTED
        assert len(raised(rig, trouble.kind)) == 1

    run(story)


# -- what the device does ----------------------------------------------------------------------------------


@MOVING
@pytest.mark.parametrize("kind", [Kind.TIMEOUT_DONE, Kind.DISCONNECT_DONE], ids=str)
def test_a_lost_ack_is_found_by_reading_back(tmp_path: Path, trouble: Trouble, kind: Kind) -> None:
    async def story(clock: Clock) -> None:
        gate = Gate(opened=True, most=1)
        plan = gate.script(Operation.APPLY, Fault(kind))
        async with stage(tmp_path, clock, trouble.site, faults=plan) as (rig, agent):
            here = rig.block()
            trouble.begin(rig, clock.monotonic())
            event = await event_of(agent, trouble.kind)
            change = await change_for(agent, event)
            assert (gate.hits, change.state) == (1, State.COMMITTED)
            assert not rig.block().mhz20 & here.mhz20
        assert rig.steps(change.id) == ["PLANNED", "APPLYING", "MONITORING", "COMMITTED"]

    run(story)


@MOVING
@pytest.mark.parametrize("kind", [Kind.NOT_DONE, Kind.REFUSED, Kind.TIMEOUT, Kind.REBOOT], ids=str)
def test_a_move_that_did_not_come_about_is_not_called_one(
    tmp_path: Path, trouble: Trouble, kind: Kind
) -> None:
    """And since the trouble is still there, it is tried again when the guards allow it."""

    async def story(clock: Clock) -> None:
        gate = Gate(opened=True, most=1)
        site = site_of(4, policy=replace(trouble.policy, routine_interval_s=60.0, bar_s=60.0), widths=(20,))
        plan = gate.script(Operation.APPLY, Fault(kind))
        async with stage(tmp_path, clock, site, faults=plan) as (rig, agent):
            here = rig.block()
            trouble.begin(rig, clock.monotonic())
            first = await change_for(agent, await event_of(agent, trouble.kind))
            assert first.state in (State.FAILED, State.ROLLED_BACK)
            assert rig.block() == here
            if trouble.kind is not SECURITY:  # a jammed channel is left at most once in half an hour
                await until(lambda: not rig.block().mhz20 & here.mhz20, limit_s=1500.0)

    run(story)


@MOVING
def test_a_read_back_that_shows_something_else_is_no_ack(tmp_path: Path, trouble: Trouble) -> None:
    async def story(clock: Clock) -> None:
        gate = Gate()
        wrong = {Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 20, Setting.CENTER_MHZ: 5745}
        lines = gate.script(Operation.READ_CONFIG, Fault(Kind.WRONG_READBACK, values=wrong)).lines
        spy = Scripted(Operation.APPLY, partial(_opens, gate), Fault(Kind.TIMEOUT), device="ap1")
        plan = FaultPlan((*lines, spy))
        async with stage(tmp_path, clock, trouble.site, faults=plan) as (rig, agent):
            trouble.begin(rig, clock.monotonic())
            change = await change_for(agent, await event_of(agent, trouble.kind))
            assert gate.hits
            assert change.state in (State.SUPERSEDED, State.ESCALATED)
        assert "MONITORING" not in rig.steps(change.id)

    run(story)


def _opens(gate: Gate, call: Call) -> bool:
    """From the first write on the read-back is wrong; the write itself is left alone."""
    gate.opened = True
    return False


@pytest.mark.parametrize(
    ("kind", "said_last"),
    [(Kind.TIMEOUT_DONE, "failed"), (Kind.REFUSED, "failed"), (Kind.NOT_DONE, "done")],
    ids=lambda value: str(value),
)
def test_a_restart_is_not_repeated_whatever_the_device_says(
    tmp_path: Path, kind: Kind, said_last: str
) -> None:
    """What has no undo is not done twice on doubt: a person was told, and the next one is an hour later."""

    async def story(clock: Clock) -> None:
        gate = Gate(opened=True, most=1)
        plan = gate.script(Operation.ACT, Fault(kind))
        async with stage(tmp_path, clock, TROUBLES["stuck"].site, faults=plan) as (rig, agent):
            rig.world.hardware.stick(AP1)
            event = await event_of(agent, FAILURE)
            if kind is Kind.TIMEOUT_DONE:
                await over(agent, event)
            await asyncio.sleep(600.0)
            assert rig.world.radio(AP1).stuck is (kind is not Kind.TIMEOUT_DONE)
            assert len(agent.alerts) == (2 if kind is Kind.TIMEOUT_DONE else 1)
            assert not agent.memory.in_doubt  # it is on air
            assert not changes_for(agent, event)
        assert [r["result"] for r in said(rig, "restart_radio")] == ["doing", said_last]

    run(story)


@pytest.mark.parametrize("kind", [Kind.TIMEOUT_DONE, Kind.NOT_DONE, Kind.REBOOT], ids=str)
def test_help_for_a_dead_ap_is_proven_too(tmp_path: Path, kind: Kind) -> None:
    async def story(clock: Clock) -> None:
        gate = Gate(opened=True, most=1)
        plan = gate.script(Operation.APPLY, Fault(kind), device="ap1")
        site = site_of(4, policy=replace(SHORT, bar_s=60.0), widths=(20,), spacing_m=30.0)
        async with stage(tmp_path, clock, site, faults=plan) as (rig, _):
            rig.world.hardware.kill_ap("lab/ap2")
            await until(lambda: rig.world.radio(AP1).power_dbm == 23, limit_s=3600.0)
            assert gate.hits == 1
            rig.world.hardware.revive_ap("lab/ap2")
            await until(lambda: rig.world.radio(AP1).power_dbm == 17, limit_s=3600.0)

    run(story)


def test_no_event_outlives_a_calm_world(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, faults=NO_FAULTS, calm_s=1800.0) as (_, agent):
            assert not agent.incidents.open_events()
            assert not agent.incidents.raised

    run(story)
