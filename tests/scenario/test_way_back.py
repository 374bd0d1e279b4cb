"""An undo that comes to nothing: who asked for it hears of it, and may ask again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rig import Rig, final, killed, rig_of, until
from scenario.test_operator import PERSON, SITE, asked_of, listened_to, move, read
from scenario.test_survives import escalating
from scenario.test_undo_since import HOURS_S, changed, ended, undos
from scenario.test_undo_trouble import escalated
from stories import AP1, AP2, Gate

from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import NotFound, Refused
from agent.change import OVERTAKEN, Cause, Change, State
from agent.clock import Clock
from agent.course import Course
from agent.planner.decision import Move, NoChange
from agent.simulated_time import SimulatedClock, run
from agent.view import values_of
from drivers.simulated.faults import Fault, Kind, Operation
from drivers.types import Setting
from inventory.channels import block
from inventory.model import Band

IN_VAIN = {Kind.TIMEOUT: State.ROLLED_BACK, Kind.REFUSED: State.FAILED}


@asynccontextmanager
async def staged(
    tmp_path: Path, clock: Clock, kind: Kind = Kind.TIMEOUT, most: int = 1
) -> AsyncIterator[tuple[Rig, Gate, Agent]]:
    """``most`` writes to ap1 go wrong in this way once the gate is open."""
    gate = Gate(most=most)
    faults = gate.script(Operation.APPLY, Fault(kind))
    async with rig_of(tmp_path, clock, SITE, faults=faults, clients=0) as rig, rig.agent() as agent:
        await read(agent)
        yield rig, gate, agent


async def in_vain(agent: Agent, gate: Gate, done: Change) -> Change:
    """A person's undo of a change, which comes to nothing."""
    gate.opened = True
    undo = await final(agent, await agent.operator.rollback_id(done.id, PERSON))
    gate.opened = False
    assert undo.came_to_nothing
    return undo


async def again(agent: Agent, done: Change, how: str) -> None:
    if how == "undo --since":
        (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
        assert row.state == "begun"
        return await ended(agent)
    found = done if how == "by id" else await agent.operator.last("lab/ap1")
    assert found.id == done.id
    assert (await final(agent, await agent.operator.rollback_id(found.id, PERSON))).state is State.COMMITTED
    return None


@pytest.mark.parametrize("how", ["by id", "--last", "undo --since"])
@pytest.mark.parametrize("kind", IN_VAIN)
def test_an_undo_that_came_to_nothing_is_told_and_may_be_asked_again(
    tmp_path: Path, kind: Kind, how: str
) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock, kind) as (rig, gate, agent):
            (done,) = await changed(agent, AP1, 161)
            token = agent.changes.token(done)
            undo = await in_vain(agent, gate, done)
            assert undo.state is IN_VAIN[kind]
            (alert,) = [each for each in agent.alerts if undo.id in each.text]
            assert "ann asked for came to nothing" in alert.text
            assert alert.radio == AP1
            if kind is Kind.TIMEOUT:
                with pytest.raises(Refused, match="used already"):
                    await agent.operator.rollback(token, PERSON)
            await again(agent, done, how)
            assert rig.block(AP1).primary == 36
            with pytest.raises(Refused, match="used already"):
                await agent.operator.rollback_id(done.id, PERSON)
        rig.verify()

    run(story)


def test_an_undo_that_made_things_worse_may_be_asked_again(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, SITE) as rig, rig.agent() as agent:
            await read(agent)
            await until(lambda: (last := agent.memory.radios[AP1].history.last) and last.at_s >= 1300)
            (done,) = await changed(agent, AP1, 161)
            await asyncio.sleep(1300.0)
            rig.world.spoil(AP1, block(Band.GHZ_5, 36, 20), 4.0)
            undo = await final(agent, await agent.operator.rollback_id(done.id, PERSON))
            assert (undo.state, undo.verdict) == (State.ROLLED_BACK, "WORSE")
            assert [each for each in agent.alerts if undo.id in each.text and "WORSE" in each.text]
            rig.world.spoil(AP1, block(Band.GHZ_5, 36, 20), 1.0)
            await again(agent, done, "--last")
            assert rig.block(AP1).primary == 36

    run(story)


def test_an_undo_that_is_never_sent_is_told(tmp_path: Path) -> None:
    """The device can't be read from the moment on at which the person was told that it is begun."""

    async def story(clock: Clock) -> None:
        gate = Gate()
        faults = gate.script(Operation.READ_CONFIG, Fault(Kind.TIMEOUT))
        async with rig_of(tmp_path, clock, SITE, faults=faults, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            (done,) = await changed(agent, AP1, 161)
            begin = agent.executor.begin

            def unread(change: Change) -> Change:
                gate.opened = True
                return begin(change)

            agent.executor.begin = unread  # type: ignore[method-assign]
            undo = await agent.operator.rollback_id(done.id, PERSON)
            assert (await final(agent, undo)).state is State.EXPIRED
            (told,) = [each.text for each in agent.alerts if undo.id in each.text]
            assert "came to nothing (EXPIRED" in told

    run(story)


def test_an_undo_that_the_person_stopped_is_no_news(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (_, _, agent):
            (done,) = await changed(agent, AP1, 161)
            undo = await agent.operator.rollback_id(done.id, PERSON)
            await agent.executor.settled(undo.id, State.MONITORING)
            after = await final(agent, await agent.operator.rollback_id(undo.id, PERSON))
            assert after.state is State.ROLLED_BACK
            assert not agent.alerts

    run(story)


def test_an_undo_that_landed_late_is_not_taken_for_somebody_elses(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        gate = Gate(most=1)
        faults = gate.script(Operation.APPLY, Fault(Kind.DONE_LATE_ALL_THE_SAME, after_s=150.0))
        async with rig_of(tmp_path, clock, SITE, faults=faults, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            _, last = await changed(agent, AP1, 161, 157)
            await in_vain(agent, gate, last)
            await asyncio.sleep(300.0)
            assert rig.block(AP1).primary == 161, "it landed"
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert row.state == "begun"
            await ended(agent)
            assert rig.block(AP1).primary == 36

    run(story)


# -- escalated -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["by id", "undo --since"])
@pytest.mark.parametrize("kind", IN_VAIN)
@pytest.mark.parametrize("state", [State.MONITORING, State.ROLLING_BACK])
def test_an_escalated_change_whose_undo_came_to_nothing_waits_for_a_person_again(
    tmp_path: Path, state: State, kind: Kind, how: str
) -> None:
    """Also when its own way back was tried in vain before."""

    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock, kind) as (rig, gate, agent):
            change = await escalated(agent, move(161), state)
            gate.opened = True
            if how == "by id":
                undo = await agent.operator.rollback_id(change.id, PERSON)
            else:
                await agent.undoing.ask(HOURS_S, "lab", PERSON)
                (undo,) = undos(agent)
            assert not agent.memory.stuck
            assert (await final(agent, undo)).state is IN_VAIN[kind]
            gate.opened = False
            assert agent.memory.stuck == {change.id}
            status = await asked_of(agent, rig).handle("status", protocol.StatusArgs(), PERSON)
            assert change.id in {alert["change_id"] for alert in status["alerts"]}
            refused = await agent.changes.open(move(157), actor=PERSON)
            assert isinstance(refused, NoChange)
            assert refused.reason == "radio_busy"
            await until(lambda: not agent.undoing.rows)
            await again(agent, change, how)
            assert rig.block(AP1).primary == 36
            assert not agent.memory.stuck
        rig.verify()

    run(story)


def test_it_is_said_again_over_a_restart_and_may_be_acknowledged(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        gate, heard = Gate(most=1), list[tuple[str | None, int]]()
        faults = gate.script(Operation.APPLY, Fault(Kind.TIMEOUT))
        async with rig_of(tmp_path, clock, SITE, faults=faults, clients=0) as rig:
            async with rig.agent() as agent:
                await read(agent)
                change = await escalated(agent, move(161), State.MONITORING)
                await in_vain(agent, gate, change)
            async with listened_to(rig, heard) as agent:
                assert agent.memory.stuck == {change.id}
                await until(lambda: [id for id, _ in heard if id == change.id][1:], limit_s=4000)
                await agent.operator.acknowledge(change.id, PERSON)
                assert not agent.memory.stuck
                assert not agent.ledger.store.escalated()
                assert isinstance(await agent.changes.open(move(157), actor=PERSON), Change)

    run(story)


def test_radar_moves_a_radio_that_an_old_escalated_change_has_again(tmp_path: Path) -> None:
    """It was escalated for longer than what is remembered; the daemon was restarted while its undo was
    open, and that came to nothing."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0, channels=(52, 149, 157)) as rig:
            async with rig.agent() as agent:
                await read(agent)
                change = await escalated(agent, quieter(agent), State.MONITORING)
                clock.suspend(8 * 86_400.0)
                await until(lambda: agent.memory.radios[AP1].history.last, limit_s=600)
                await read(agent)
            async with killed(rig) as agent:
                await read(agent)
                undo = await agent.operator.rollback_id(change.id, PERSON)
                await agent.executor.settled(undo.id, State.MONITORING)
            async with rig.agent() as agent:
                await read(agent)
                await final(agent, await agent.operator.rollback_id(undo.id, PERSON))
                assert agent.memory.stuck == {change.id}
                assert agent.memory.changes[change.id].state is State.ESCALATED
                rig.world.set_stubborn(AP1)
                rig.world.radar(AP1)
                await until(lambda: rig.block(AP1).primary != 52, limit_s=10)

    run(story)


def channel_read(agent: Agent) -> int | None:
    reading = agent.memory.radios[AP1].reading
    return None if reading is None or reading.channel is None else int(reading.channel.value)


def quieter(agent: Agent) -> Move:
    reading = agent.memory.radios[AP1].reading
    assert reading is not None
    assert reading.tx_power_dbm is not None
    dbm = round(reading.tx_power_dbm.value) - 3
    return Move(radio=AP1, target={Setting.TX_POWER_DBM: dbm}, cause=Cause.OPERATOR, reason="requested")


def test_radar_moves_a_radio_whose_holder_the_memory_does_not_know(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        where = rig_of(tmp_path, clock, SITE, clients=0, channels=(52, 149, 157))
        async with where as rig, rig.agent() as agent:
            await read(agent)
            change = await escalated(agent, quieter(agent), State.MONITORING)
            agent.memory.stuck.clear()
            del agent.memory.changes[change.id]
            agent.memory._listed.clear()
            rig.world.set_stubborn(AP1)
            rig.world.radar(AP1)
            await until(lambda: rig.block(AP1).primary != 52, limit_s=10)

    run(story)


def test_somebody_who_came_before_the_undo_does_not_end_the_alert(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (rig, _, agent):
            change = await escalated(agent, move(161), State.MONITORING)
            start = agent.executor._steps[State.PLANNED]

            async def beaten(change: Change, course: Course) -> Change:
                rig.world.set_externally(AP1, values_of(block(Band.GHZ_5, 157, 20)))
                await asyncio.sleep(3.0)
                return await start(change, course)

            agent.executor._steps[State.PLANNED] = beaten
            undo = await final(agent, await agent.operator.rollback_id(change.id, PERSON))
            assert (undo.state, undo.verdict) == (State.SUPERSEDED, OVERTAKEN)
            assert agent.memory.stuck == {change.id}
            assert [one.id for one in agent.ledger.store.escalated()] == [change.id]
            assert [each for each in agent.alerts if undo.id in each.text]

    run(story)


@pytest.mark.parametrize("how", ["--last", "undo --since"])
def test_an_undo_that_is_escalated_itself_is_no_dead_end(tmp_path: Path, how: str) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (rig, _, agent):
            first, last = await changed(agent, AP1, 157, 161)
            back = agent.executor._steps[State.ROLLING_BACK]
            agent.executor._steps[State.ROLLING_BACK] = escalating(agent)
            undo = await agent.operator.rollback_id(last.id, PERSON)
            await agent.executor.settled(undo.id, State.MONITORING)
            undo = await final(agent, await agent.operator.rollback_id(undo.id, PERSON))
            agent.executor._steps[State.ROLLING_BACK] = back
            assert (undo.state, agent.memory.stuck) == (State.ESCALATED, {undo.id})
            rig.world.set_externally(AP1, values_of(block(Band.GHZ_5, 161, 20)))
            await until(lambda: channel_read(agent) == 161)
            if how == "--last":
                await again(agent, last, how)
                assert rig.block(AP1).primary == 157
            else:
                (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
                assert (row.state, row.changes) == ("begun", (last.id, first.id))
                await ended(agent)
                assert rig.block(AP1).primary == 36
            assert not agent.memory.stuck

    run(story)


def test_what_another_agent_has_released_waits_here_no_longer(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (_, _, agent):
            change = await escalated(agent, move(161), State.MONITORING)
            agent.ledger.store.release_escalated(change, [])
            with pytest.raises(NotFound, match="dealt with in the same moment"):
                await agent.operator.acknowledge(change.id, PERSON)
            assert not agent.memory.stuck

    run(story)


# -- the newest change in force --------------------------------------------------------------------------


def test_the_newest_change_is_none_that_was_undone_with_an_older_one(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (rig, _, agent):
            await changed(agent, AP1, 161, 157)
            await agent.undoing.ask(HOURS_S, "lab", PERSON)
            await ended(agent)
            assert rig.block(AP1).primary == 36
            with pytest.raises(NotFound, match="no change that can be taken back"):
                await agent.operator.last("lab/ap1")

    run(story)


def test_the_newest_change_of_an_ap_is_none_of_its_neighbours(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (_, _, agent):
            (mine,) = await changed(agent, AP1, 161)
            (theirs,) = await changed(agent, AP2, 157)
            assert theirs.order > mine.order
            assert (await agent.operator.last("lab/ap1")).id == mine.id
            assert (await agent.operator.last("lab/ap2")).id == theirs.id

    run(story)


def test_a_change_whose_undo_was_undone_is_in_force_again(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with staged(tmp_path, clock) as (rig, _, agent):
            (done,) = await changed(agent, AP1, 161)
            undo = await final(agent, await agent.operator.rollback_id(done.id, PERSON))
            redo = await agent.operator.rollback(agent.changes.token(undo), PERSON)
            assert (await final(agent, redo)).state is State.COMMITTED
            assert rig.block(AP1).primary == 161
            assert [row.changes for row in await agent.undoing.preview(HOURS_S, None)] == [(done.id,)]
            await again(agent, done, "--last")
            assert rig.block(AP1).primary == 36

    run(story)


def test_the_flight_from_radar_is_not_what_is_taken_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, channels=(52, 149, 157, 44)) as rig, rig.agent() as agent:
            await read(agent)
            rig.world.radar(rig.key)
            await until(lambda: rig.block().primary != 52)
            await until(lambda: all(c.final for c in agent.memory.changes.values()))
            with pytest.raises(NotFound, match="no change that can be taken back"):
                await agent.operator.last("lab/ap1")

    run(story)
