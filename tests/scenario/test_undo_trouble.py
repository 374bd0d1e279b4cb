"""`rrmd undo --since` where something is in its way: no disk, another agent, a person's turn, a clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, final, killed, rig_of, until
from scenario.test_campaign import crowded, planned
from scenario.test_operator import ADVISE, PERSON, SITE, asked_of, move, opened, read
from scenario.test_survives import escalating
from scenario.test_undo_since import HOURS_S, changed, channels, ended, states, undos
from stories import AP1, AP2, AP4, said

from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import Refused
from agent.change import Actor, Change, State, Trigger
from agent.course import Interrupt
from agent.planner.decision import NoChange
from agent.planner.legal import Veto
from agent.simulated_time import SimulatedClock, run
from agent.undo_record import Row, key_of
from agent.undoing import LONGEST_S, OLD_KEY, STRAY_S
from drivers.types import Setting
from inventory.model import Mode


def results(rig: Rig) -> list[str]:
    return [record["result"] for record in said(rig, "undo.radio")]


async def one_waits(agent: Agent) -> None:
    """A request for two radios, one of which waits: one of three APs at a time."""
    await read(agent)
    await changed(agent, AP1, 161)
    await changed(agent, AP2, 40)
    rows = await agent.undoing.ask(HOURS_S, "lab", PERSON)
    assert sorted(states(rows).values()) == ["begun", "waits"]


async def escalated(agent: Agent, wanted: Any, state: State) -> Change:
    """A change that can be neither kept nor taken back from this state on."""
    kept = agent.executor._steps[state]
    agent.executor._steps[state] = escalating(agent)
    change = await opened(agent, wanted, PERSON)
    if state is State.ROLLING_BACK:
        await agent.executor.settled(change.id, State.MONITORING)
        told = Interrupt(trigger=Trigger.UNDO, reason="operator", actor=PERSON)
        assert agent.executor.interrupt(change.id, told)
    after = await final(agent, change)
    assert after.state is State.ESCALATED
    agent.executor._steps[state] = kept
    return after


async def on_disk(agent: Agent, name: str = key_of("lab")) -> str | None:
    return await agent.ledger.call(agent.ledger.store.get_meta, name)


# -- nothing may be begun just now -----------------------------------------------------------------------


def test_a_disk_that_was_lost_for_a_moment_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            before = channels(rig)
            await one_waits(agent)
            real, away = agent.changes.try_undo, list[str | None]()

            async def counted(*args: Any, **names: Any) -> Any:
                away.append(agent.memory.observing)
                return await real(*args, **names)

            monkeypatch.setattr(agent.changes, "try_undo", counted)
            agent.memory.observing_only = "disk full"  # until housekeeping tries it again
            await until(lambda: agent.memory.observing is None)
            assert away == [], "nobody was asked meanwhile"
            await ended(agent)
            assert channels(rig) == before
        assert results(rig) == ["begun"] * 3, "the first undo was held up before anything was sent"

    run(story)


@pytest.mark.parametrize(
    ("reason", "vetoes"),
    [
        ("lease_lost", ()),
        ("vetoed", (Veto(guard="mode", reason="observing_only"),)),
    ],
)
def test_what_is_lost_in_the_middle_of_a_round_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, vetoes: tuple[Veto, ...]
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            await changed(agent, AP1, 161)
            real, lost = agent.changes.try_undo, list[str]()

            async def once(*args: Any, **names: Any) -> Any:
                if not lost:
                    lost.append(reason)
                    return NoChange(radio=AP1, reason=reason, vetoes=vetoes)
                return await real(*args, **names)

            monkeypatch.setattr(agent.changes, "try_undo", once)
            rows = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert states(rows) == {AP1: "waits"}
            await ended(agent)
            assert rig.block(AP1).primary == 36
        assert results(rig) == ["begun"]

    run(story)


def test_a_wall_clock_that_jumps_ends_nothing(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            before = channels(rig)
            await one_waits(agent)
            clock.jump_utc(2 * LONGEST_S)
            await ended(agent)
            assert channels(rig) == before
        assert results(rig) == ["begun", "begun"]

    run(story)


def test_what_was_made_before_the_wall_clock_was_set_back_is_taken_back(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig:
            async with rig.agent() as agent:
                await read(agent)
                await changed(agent, AP1, 161)
                clock.jump_utc(-3600.0)
                agent.memory.observing_only = "disk full"  # so that it waits for the next process
                assert states(await agent.undoing.preview(HOURS_S, None)) == {AP1: "would_undo"}
                assert states(await agent.undoing.ask(HOURS_S, None, PERSON)) == {AP1: "waits"}
            async with rig.agent() as agent:
                await until(lambda: agent.undoing.rows)
                await ended(agent)
                assert rig.block(AP1).primary == 36

    run(story)


def test_what_could_not_be_begun_in_a_day_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            await changed(agent, AP1, 161)

            async def busy(*_: object, **__: object) -> NoChange:
                return NoChange(radio=AP1, reason="radio_busy")

            monkeypatch.setattr(agent.changes, "try_undo", busy)
            await agent.undoing.ask(HOURS_S, "lab", PERSON)
            clock.suspend(LONGEST_S - 3600.0)
            await asyncio.sleep(100.0)
            assert [row.state for row in agent.undoing.rows] == ["waits"]
            clock.suspend(3600.0)
            await until(lambda: not agent.undoing.rows)
        assert results(rig) == ["refused"]

    run(story)


# -- two agents ------------------------------------------------------------------------------------------


def test_who_stands_by_leaves_the_request_alone_and_goes_on_with_it_after_a_take_over(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig:
            rig.holder = "first"
            async with killed(rig) as first:
                await one_waits(first)
                rig.holder = "second"
                second, ledger = rig.build()
                running = asyncio.create_task(second.run())
                await second.ready.wait()
                await asyncio.sleep(10.0)
                assert second.memory.standby
                assert second.undoing.rows == []
                with pytest.raises(Refused, match="another agent's"):
                    await second.undoing.ask(HOURS_S, "lab", PERSON)
                assert results(rig) == ["begun"]
            await until(lambda: not second.memory.standby)
            assert second.undoing.under_way("lab"), "nobody knows yet"
            await until(lambda: second.undoing.rows)
            await ended(second)
            assert channels(rig) == [36, 44, 149]
            assert not await on_disk(second)
            second.stop()
            await running
            await ledger.close()
        assert results(rig) == ["begun", "begun"]
        assert len(said(rig, "undo.ended")) == 1

    run(story)


def test_a_site_that_was_lost_for_a_while_is_looked_at_anew(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await one_waits(agent)
            left = await on_disk(agent)
            assert left
            agent.house.stand_by("lab", "lease lost")
            await until(lambda: not agent.undoing.rows, limit_s=10.0)
            assert not agent.undoing.under_way("lab"), "not here"
            assert await on_disk(agent) == left
            await ended(agent)
            await until(lambda: not agent.undoing.under_way("lab"))
            assert channels(rig) == [36, 44, 149]
            assert not await on_disk(agent)
        assert results(rig) == ["begun", "begun"]

    run(story)


@pytest.mark.parametrize("name", [OLD_KEY, key_of("lab")])
def test_what_another_version_left_is_told_and_not_guessed_at(tmp_path: Path, name: str) -> None:
    old = '{"site": null, "since_us": 0, "asked_us": 1, "actor": {"type": "operator"}, "settled": {}}'

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig:
            async with rig.agent() as agent:
                await read(agent)
                await changed(agent, AP1, 161)
                await agent.ledger.call(agent.ledger.store.set_meta, name, old)
            for _ in range(2):
                async with rig.agent() as agent:
                    await read(agent)
                    assert not agent.undoing.under_way("lab")
                    told = [each.text for each in agent.alerts if "ask again" in each.text]
                    assert not await on_disk(agent, name)
                    assert len(said(rig, "undo.not_readable")) == 1
            assert told == [], "once"
            assert rig.block(AP1).primary == 161

    run(story)


# -- changes that wait for a person ----------------------------------------------------------------------


def test_an_escalated_change_that_cannot_be_undone_stays_an_alert(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            change = await escalated(agent, move(157), State.ROLLING_BACK)
            policy = replace(rig.site.policy, mode=Mode.OBSERVE)
            await agent.reload({"lab": replace(rig.site, policy=policy)})
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert (row.state, row.why) == ("refused", "vetoed guard=mode why=observe")
            await agent.reload({"lab": rig.site})
            status = await asked_of(agent, rig).handle("status", protocol.StatusArgs(), PERSON)
            assert change.id in {alert["change_id"] for alert in status["alerts"]}
            assert change.id in agent.memory.stuck
            held = await agent.changes.open(move(161), actor=PERSON)
            assert isinstance(held, NoChange)
            assert held.reason == "radio_busy"
        assert not said(rig, "change.released")

    run(story)


def test_an_escalated_change_goes_back_with_the_one_before_it(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            (first,) = await changed(agent, AP1, 161)
            last = await escalated(agent, move(157), State.MONITORING)
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert (row.state, row.changes) == ("begun", (last.id, first.id))
            await ended(agent)
            assert rig.block(AP1).primary == 36
            assert not agent.memory.stuck
            stored = await agent.ledger.call(agent.ledger.store.change, last.id)
            assert stored is not None
            assert stored.prior[Setting.CHANNEL] == 161, "as it was, only released"
        assert [r["change_id"] for r in said(rig, "change.released")] == [last.id]
        rig.verify()

    run(story)


async def carried(agent: Agent) -> tuple[Change, asyncio.Task[None]]:
    """A change that is monitored, and what carries it on."""
    await read(agent)
    change = await opened(agent, move(157), PERSON)
    await agent.executor.settled(change.id, State.MONITORING)
    task = agent.executor._courses[change.id].task
    assert task is not None
    return change, task


def test_an_open_change_that_nobody_carries_is_refused_after_a_while(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            change, task = await carried(agent)
            agent.executor.begin = lambda change: change  # type: ignore[method-assign]  # nor will be
            task.cancel()
            await asyncio.sleep(1.0)
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert (row.state, row.why) == (
                "waits",
                f"change {change.id} is open and is not being carried out here",
            )
            await until(lambda: not agent.undoing.rows, limit_s=STRAY_S + 30.0)
            assert results(rig) == ["refused"]
            await agent.undoing.ask(1.0, None, PERSON)

    run(story)


def test_an_open_change_that_failed_is_begun_again_and_goes_back(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            change, task = await carried(agent)
            task.cancel()  # as one that failed twice
            await asyncio.sleep(1.0)
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert row.state == "waits"
            await until(lambda: not agent.undoing.rows, limit_s=600.0)
            assert agent.memory.changes[change.id].state is State.ROLLED_BACK

    run(story)


def test_an_open_change_that_never_ends_does_not_hold_the_request_for_ever(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)

            async def hangs(change: Change, course: object) -> Change:
                await asyncio.Event().wait()
                return change

            agent.executor._steps[State.ROLLING_BACK] = hangs
            change = await opened(agent, move(157), PERSON)
            await agent.executor.settled(change.id, State.MONITORING)
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert row.state == "going_back"
            await asyncio.sleep(2 * STRAY_S)
            assert [each.state for each in agent.undoing.rows] == ["going_back"]
            clock.suspend(LONGEST_S)
            await until(lambda: not agent.undoing.rows)
            (told,) = said(rig, "undo.radio")
            assert told["result"] == "refused"
            assert told["reason"]["params"]["why"] == f"change {change.id} is still open"
            await agent.executor.abandon()

    run(story)


async def proposed(agent: Agent) -> tuple[Change, Change]:
    """A change, and an undo of it that the agent proposes."""
    (done,) = await changed(agent, AP1, 161)
    await asyncio.sleep(700.0)
    undo = await agent.changes.try_undo(done, Actor(), "plan_half_done")
    assert isinstance(undo, Change)
    assert undo.state is State.PROPOSED
    return done, undo


def test_a_proposed_undo_makes_way_for_a_person_who_takes_the_period_back(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            done, undo = await proposed(agent)
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert row.state == "begun"
            assert agent.memory.changes[undo.id].state is State.EXPIRED
            await ended(agent)
            assert rig.block(AP1).primary == 36
            assert {each.undo_of for each in undos(agent)} == {done.id}

    run(story)


def test_a_proposed_undo_makes_way_for_a_person_who_rolls_back(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            done, undo = await proposed(agent)
            assert (await agent.operator.last("lab/ap1")).id == done.id
            back = await agent.operator.rollback_id(done.id, PERSON)
            assert agent.memory.changes[undo.id].state is State.EXPIRED
            assert (await final(agent, back)).state is State.COMMITTED
            assert rig.block(AP1).primary == 36
            with pytest.raises(Refused, match="used already"):
                await agent.operator.rollback_id(done.id, PERSON)
        (told,) = said(rig, "taken_back_by_a_person")
        assert (told["change_id"], told["actor"]["name"]) == (undo.id, "ann")

    run(story)


# -- a plan ----------------------------------------------------------------------------------------------


def test_a_request_that_is_refused_stops_no_plan(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            for key, channel in ((AP1, 48), (AP2, 161)):
                await final(agent, await opened(agent, move(channel, key), PERSON))
            begun = await agent.campaigns.begin(planned(rig, {AP4: 157}), PERSON)
            rows: list[Row] = await agent.undoing.ask(HOURS_S, None, PERSON)
            assert rows
            with pytest.raises(Refused, match="under way already"):
                await asked_of(agent, rig).handle("undo", protocol.UndoArgs(since_s=60.0), PERSON)
            assert not begun.stopped
            await ended(agent)

    run(story)
