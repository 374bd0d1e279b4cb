"""`rrmd undo --since`: one change per radio, each in its turn, over a restart, and never twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rig import Rig, final, rig_of, until
from scenario.test_operator import PERSON, SITE, asked_of, move, opened, read
from scenario.test_reload import without
from stories import AP1, AP2, AP3, said

from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import NotFound, Refused
from agent.change import Change, State
from agent.simulated_time import SimulatedClock, run
from agent.undo_record import Row
from inventory.model import RadioKey

HOURS_S = 6 * 3600.0


async def changed(agent: Agent, key: RadioKey, *channels: int) -> list[Change]:
    """Moved there one after the other, each committed."""
    found = [await final(agent, await opened(agent, move(each, key), PERSON)) for each in channels]
    assert {change.state for change in found} == {State.COMMITTED}
    return found


async def ended(agent: Agent) -> None:
    await until(lambda: not agent.undoing.rows and not any(not c.final for c in changes(agent)))


def changes(agent: Agent) -> list[Change]:
    return list(agent.memory.changes.values())


def undos(agent: Agent) -> list[Change]:
    return [change for change in changes(agent) if change.undo_of is not None]


def states(rows: list[Row]) -> dict[RadioKey, str]:
    return {row.radio: row.state for row in rows}


def channels(rig: Rig) -> list[int]:
    return [rig.block(key).primary for key in (AP1, AP2, AP3)]


def test_a_period_is_taken_back_in_one_step_per_radio_and_each_waits_its_turn(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            before = channels(rig)
            first, second = await changed(agent, AP1, 161, 157)
            (other,) = await changed(agent, AP2, 40)
            shown = await agent.undoing.preview(HOURS_S, None)
            assert [(row.radio, row.state, row.changes) for row in shown] == [
                (AP2, "would_undo", (other.id,)),
                (AP1, "would_undo", (second.id, first.id)),
            ]
            await agent.operator.pause("*", None, PERSON)  # it holds the agent, not the person
            rows = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert sorted(states(rows).values()) == ["begun", "waits"], "one of three APs at a time"
            assert agent.undoing.under_way("lab")
            with pytest.raises(Refused, match="under way already"):
                await agent.undoing.ask(HOURS_S, None, PERSON)
            status = await asked_of(agent, rig).handle("status", protocol.StatusArgs(), PERSON)
            assert len(status["undo"]) == 2
            await ended(agent)
            assert not agent.undoing.under_way("lab")
            assert channels(rig) == before
            assert [(c.undo_of, c.state) for c in undos(agent)] == [
                (other.id, State.COMMITTED),
                (first.id, State.COMMITTED),
            ]
            assert await agent.undoing.preview(HOURS_S, None) == [], "nothing is undone twice"
            assert await agent.undoing.ask(HOURS_S, None, PERSON) == []
        told = [r["reason"]["params"]["changes"] for r in said(rig, "undo.radio")]
        assert sorted(told) == sorted([other.id, f"{second.id} {first.id}"])
        assert {r["actor"]["name"] for r in said(rig, "undo.asked")} == {"ann"}
        rig.verify()

    run(story)


def test_an_undo_goes_on_after_a_restart(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig:
            async with rig.agent() as agent:
                await read(agent)
                before = channels(rig)
                await changed(agent, AP1, 161)
                await changed(agent, AP2, 40)
                await agent.undoing.ask(HOURS_S, None, PERSON)
            async with rig.agent() as agent:
                await until(lambda: agent.undoing.rows)
                await ended(agent)
                assert channels(rig) == before
                assert len(undos(agent)) == 2
            async with rig.agent() as agent:
                await read(agent)
                await asyncio.sleep(60.0)
                assert len(undos(agent)) == 2, "it is over"
        rig.verify()

    run(story)


def test_an_open_change_goes_back_first_and_what_is_barred_is_said(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            await changed(agent, AP1, 161)
            change = await opened(agent, move(157), PERSON)
            await agent.executor.settled(change.id, State.MONITORING)
            answer = await asked_of(agent, rig).handle("undo", protocol.UndoArgs(since_s=HOURS_S), PERSON)
            assert [row["state"] for row in answer["radios"]] == ["going_back"]
            await ended(agent)
            assert agent.memory.changes[change.id].state is State.ROLLED_BACK
            assert rig.block().primary == 36
            with pytest.raises(NotFound, match="no site nowhere"):
                await agent.undoing.ask(60.0, "nowhere", PERSON)

    run(story)


def test_a_refusal_is_told_and_does_not_hold_the_others(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            (mine,) = await changed(agent, AP1, 161)
            (other,) = await changed(agent, AP2, 40)
            await agent.reload({"lab": without(rig.site, "ap1")})
            rows = {row.radio: row for row in await agent.undoing.ask(HOURS_S, None, PERSON)}
            await ended(agent)
            assert undos(agent)[-1].undo_of == other.id
            refused = [r for r in said(rig, "undo.radio") if r["result"] == "refused"]
            assert [r["reason"]["params"]["changes"] for r in refused] == [mine.id]
            assert rows.keys() == {AP1, AP2}

    run(story)
