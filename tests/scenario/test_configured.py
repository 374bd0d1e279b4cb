"""OBSS-PD on a device that takes a level only by a restart and never tells which one is in force: what it has
configured is all the proof there is, from the prior value to the undo."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, final, rig_of, site_of, until
from stories import (
    AP1,
    SHORT,
    Gate,
    Record,
    about,
    calm,
    change_for,
    changes_for,
    codes,
    event_of,
    over,
    raised,
    said,
    stage,
    with_options,
)

from agent.agent import Agent
from agent.change import Actor, Cause, Change, State
from agent.clock import Clock
from agent.events import EventKind
from agent.planner.decision import Move
from agent.simulated_time import run
from drivers.simulated.faults import Fault, Kind, Operation
from drivers.types import RadioState, Readback, Setting, Values
from inventory.model import Site

SAT = EventKind.SPECTRUM_SAT
LEVEL, POWER = Setting.OBSS_PD_DBM, Setting.TX_POWER_DBM
PERSON = Actor(type="operator", uid=1000, name="ann")
ALL_DAY, NEVER = ((0, 1440),), ((0, 1),)
WHOLE = ["PLANNED", "APPLYING", "MONITORING", "COMMITTED"]


def quiet(hours: tuple[tuple[int, int], ...] = ALL_DAY, step_db: int = 3, **options: Any) -> Site:
    """One AP with one channel, so that it can't leave, of the sort of hostapd 2.10."""
    policy = replace(SHORT, quiet_hours=hours, min_gain_ratio=0.05, obss_pd_step_db=step_db)
    plain = site_of(1, policy=policy, widths=(20,), channels=(36,))
    return with_options(plain, obss_pd_acts=False, undo_timer=False, **options)


def strangers(rig: Rig, agent: Agent) -> None:
    """Other people's networks, just loud enough that the radio waits for them, fill its channel."""
    for nth in range(6):
        bssid = f"0e:00:00:00:24:{nth:02x}"
        rig.world.add_foreign(bssid, rig.block(), (58.0, 2.0 * nth, 3.0), busy_ratio=0.15)
    agent.fleet.poll_now("lab", "ap1", scan=True)


def clients(rig: Rig, metres: float) -> None:
    """So near that no stranger spoils their frames, or so far that they do."""
    for nth in range(5):
        rig.world.add_client(f"06:00:00:00:00:{nth:02x}", (metres, float(nth), 1.0), 2.0)


def sources(record: Record) -> Mapping[str, str]:
    return {each["field"]: each["source"] for each in record["evidence"]}


def steps_of(rig: Rig, change: Change) -> list[Record]:
    return [r for r in rig.records() if r["change_id"] == change.id]


def level(rig: Rig) -> int:
    return rig.world.radio(rig.key).obss_pd_dbm


async def raise_to(agent: Agent, values: Values) -> Change:
    """A person's change of exactly these settings."""
    move = Move(radio=AP1, target=values, cause=Cause.OPERATOR, reason="requested")
    opened = await agent.changes.open(move, actor=PERSON)
    assert isinstance(opened, Change), opened
    return opened


def test_a_full_channel_in_quiet_hours_with_nowhere_to_go(tmp_path: Path) -> None:
    """Raised with all clients dropped, acknowledged by what is configured, held; a person takes it back."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, quiet(), clients=0, calm_s=0.0) as (rig, agent):
            clients(rig, 2.0)
            await asyncio.sleep(240.0)
            strangers(rig, agent)
            event = await event_of(agent, SAT)
            await until(lambda: changes_for(agent, event))
            await until(lambda: rig.world.state_of(AP1) is RadioState.OFF, limit_s=30.0, step_s=0.2)
            assert rig.world.clients_of(AP1) == ()
            change = await change_for(agent, event)
            assert (change.state, change.verdict, level(rig)) == (State.COMMITTED, "HELD", -79)
            assert change.as_configured == {LEVEL}
            assert change.prior == {LEVEL: -82}
            await over(agent, event)
            undo = await final(agent, await agent.operator.rollback(agent.changes.token(change), PERSON))
            assert (undo.state, undo.undo_of, level(rig)) == (State.COMMITTED, change.id, -82)
        assert rig.steps(change.id) == rig.steps(undo.id) == WHOLE
        told = about(rig, raised(rig, SAT)[0])
        assert told[1]["reason"]["params"]["readback"] == "configured"
        assert codes(told)[1:4] == ["defer_less_to_faint_bsss", "writing", "read_back_agrees"]
        for each in (change, undo):
            (ack,) = [r for r in steps_of(rig, each) if r["to_state"] == "MONITORING"]
            assert sources(ack) == {"obss_pd_dbm": "read_back.configured"}
        assert change.reason["read_back_as_configured"] == ["obss_pd_dbm"]
        assert not raised(rig, EventKind.HW_FAILURE), "the silence was our own doing"

    run(story)


def test_a_level_that_does_harm_goes_back(tmp_path: Path) -> None:
    """With the power that goes with it, which is in force and read back as such."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, quiet(step_db=6), clients=4) as (rig, agent):
            strangers(rig, agent)
            change = await change_for(agent, await event_of(agent, SAT))
            assert (change.state, change.verdict) == (State.ROLLED_BACK, "WORSE")
            assert (level(rig), rig.world.in_force(AP1)[POWER]) == (-82, 17)
        assert change.target == {LEVEL: -76, POWER: 15}
        ack, back = (r for r in steps_of(rig, change) if r["reason"]["code"] == "read_back_agrees")
        assert (
            sources(ack)
            == sources(back)
            == {
                "obss_pd_dbm": "read_back.configured",
                "tx_power_dbm": "read_back",
            }
        )

    run(story)


def test_outside_quiet_hours_nobody_is_dropped(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, quiet(NEVER), clients=4) as (rig, agent):
            strangers(rig, agent)
            event = await event_of(agent, SAT)
            await asyncio.sleep(7 * SHORT.detect.again_s)
            assert not changes_for(agent, event)
            assert level(rig) == -82
        assert said(rig, "obss_pd_only_in_quiet_hours")

    run(story)


@pytest.mark.parametrize(
    ("values", "state", "reason"),
    [
        ({LEVEL: -70}, State.SUPERSEDED, "changed_by_someone_else"),
        ({LEVEL: -82}, State.ROLLED_BACK, "device_went_back"),
    ],
    ids=["another level", "the prior level"],
)
def test_what_is_configured_by_others_meanwhile(
    tmp_path: Path, values: Values, state: State, reason: str
) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, quiet()) as (rig, agent):
            opened = await raise_to(agent, {LEVEL: -79})
            await agent.executor.settled(opened.id, State.MONITORING)
            await asyncio.sleep(5.0)
            rig.world.set_externally(AP1, values)
            change = await final(agent, opened)
            assert (change.state, level(rig)) == (state, values[LEVEL])
        assert codes(steps_of(rig, change))[-1] == reason

    run(story)


@pytest.mark.parametrize(
    ("fault", "state", "stays"),
    [
        (Fault(Kind.REFUSED), State.FAILED, -82),
        (Fault(Kind.NOT_DONE), State.ROLLED_BACK, -82),
        (Fault(Kind.TIMEOUT_DONE), State.COMMITTED, -79),  # the lost ack: proven by reading back
        (Fault(Kind.DONE_WRONG, values={LEVEL: -70}), State.SUPERSEDED, -70),
    ],
    ids=lambda each: str(getattr(each, "kind", each)),
)
def test_what_became_of_a_write_is_read_from_the_configuration(
    tmp_path: Path, fault: Fault, state: State, stays: int
) -> None:
    async def story(clock: Clock) -> None:
        faults = Gate(opened=True, most=1).script(Operation.APPLY, fault)
        async with stage(tmp_path, clock, quiet(), faults=faults) as (rig, agent):
            change = await final(agent, await raise_to(agent, {LEVEL: -79}))
            assert (change.state, level(rig)) == (state, stays)

    run(story)


@pytest.mark.parametrize("written", [True, False])
def test_an_agent_that_dies_at_the_write_finds_out_what_became_of_it(tmp_path: Path, written: bool) -> None:
    async def story(clock: Clock) -> None:
        fault = Fault(Kind.TIMEOUT_DONE if written else Kind.HANG)
        faults = Gate(opened=True, most=1).script(Operation.APPLY, fault)
        async with rig_of(tmp_path, clock, quiet(timeout_s=20.0), faults=faults) as rig:
            async with rig.agent() as first:
                await calm(clock)
                opened = await raise_to(first, {LEVEL: -79})
                await first.executor.settled(opened.id, State.APPLYING)
                await asyncio.sleep(1.0)
                await first.executor.abandon()
                assert first.memory.changes[opened.id].state is State.APPLYING
            async with rig.agent() as second:
                change = await until(lambda: finished(second, opened))
            rig.verify()
        wanted = (State.COMMITTED, -79) if written else (State.FAILED, -82)
        assert (change.state, level(rig)) == wanted
        if written:
            (ack,) = [r for r in steps_of(rig, change) if r["to_state"] == "MONITORING"]
            assert sources(ack) == {"obss_pd_dbm": "read_back.configured"}
        else:
            assert codes(steps_of(rig, change))[-1] == "not_applied"

    run(story)


def finished(agent: Agent, opened: Change) -> Change | None:
    now = agent.memory.changes[opened.id]
    return now if now.final else None


def test_settings_that_the_device_takes_only_apart_are_not_begun(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, quiet(), calm_s=60.0) as (rig, agent):
            move = Move(
                radio=AP1, target={LEVEL: -79, Setting.CHANNEL: 40}, cause=Cause.OPERATOR, reason="requested"
            )
            assert (await agent.changes.open(move, actor=PERSON)).reason == "device_cannot"
            seen = await agent.changes.preview(AP1, {LEVEL: -79})
            assert not isinstance(seen, str), seen
            assert (seen[0].expect, seen[1].readback) == ({LEVEL: -82}, Readback.CONFIGURED)
        assert said(rig, "device_cannot")

    run(story)
