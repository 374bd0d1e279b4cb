"""`rrmd undo --since` and radios that somebody else has set since: theirs to keep, and said so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rig import Rig, final, rig_of
from scenario.test_operator import PERSON, SITE, asked_of, move, opened, read
from scenario.test_undo_since import HOURS_S, changed, ended, undos
from stories import AP1, AP2, said

from agent.agent import Agent
from agent.api import protocol
from agent.change import Cause, State
from agent.moment import Deadline
from agent.nop import Nop
from agent.simulated_time import SimulatedClock, run
from agent.view import values_of
from inventory.channels import block
from inventory.model import Band
from inventory.regulatory import NOP_S


def by_hand(rig: Rig, channel: int) -> None:
    """Somebody sets AP 1 at the AP itself."""
    rig.world.set_externally(AP1, values_of(block(Band.GHZ_5, channel, 20)))


def bar(agent: Agent, clock: SimulatedClock, mhz: int, for_s: float) -> None:
    """As after radar on this 20 MHz channel."""
    until = Deadline.after(clock.now(), for_s)
    agent.memory.bar([Nop(site="lab", mhz20=mhz, deadline=until, by_radio=AP2)])


def test_what_somebody_else_set_since_is_left_alone_and_said(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            before = rig.block(AP2)
            (one,) = await changed(agent, AP1, 161)
            await changed(agent, AP2, 40)
            by_hand(rig, 149)
            await asyncio.sleep(60.0)
            shown = await agent.undoing.preview(HOURS_S, None)
            assert {row.radio: row.state for row in shown} == {AP1: "left_alone", AP2: "would_undo"}
            answer = await asked_of(agent, rig).handle("undo", protocol.UndoArgs(since_s=HOURS_S), PERSON)
            rows = {row["radio"]: (row["state"], row["why"]) for row in answer["radios"]}
            why = "somebody else changed it since: it is on channel=149 center_mhz=5745"
            assert rows == {AP1: ("left_alone", why), AP2: ("begun", "")}
            await ended(agent)
            assert (rig.block().primary, rig.block(AP2)) == (149, before)
            back = await final(agent, await agent.operator.rollback_id(one.id, PERSON))
            assert (back.state, rig.block().primary) == (State.COMMITTED, 36), "named, it goes back"
        (told,) = [r for r in said(rig, "undo.radio") if r["reason"]["params"]["changes"] == one.id]
        assert (told["result"], told["reason"]["params"]["why"]) == ("left_alone", why)
        (end,) = said(rig, "undo.ended")
        assert end["reason"]["params"] == {"begun": 1, "left_alone": 1}

    run(story)


def test_where_it_is_already_there_is_nothing_to_do(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            await changed(agent, AP1, 161)
            by_hand(rig, 36)
            await asyncio.sleep(60.0)
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            assert (row.state, undos(agent)) == ("nothing_to_do", [])

    run(story)


@pytest.mark.parametrize("channel", [161, 157], ids=["the first one's", "the last one's"])
def test_several_changes_are_in_force_where_the_last_one_led(tmp_path: Path, channel: int) -> None:
    """The place of an earlier one is where somebody else went back to."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            await changed(agent, AP1, 161, 157)
            by_hand(rig, channel)
            await asyncio.sleep(60.0)
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            await ended(agent)
            left_alone = channel == 161
            assert row.state == ("left_alone" if left_alone else "begun")
            assert rig.block().primary == (161 if left_alone else 36)

    run(story)


def test_where_a_rollback_had_to_go_is_nobody_elses_doing(tmp_path: Path) -> None:
    """The second change can't go back to where the first one led: that is the agent's own doing."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            await changed(agent, AP1, 161)
            second = await opened(agent, move(157, cause=Cause.OPERATOR), PERSON)
            await agent.executor.settled(second.id, State.MONITORING)
            bar(agent, clock, 5805, NOP_S)
            bar(agent, clock, 5180, 300.0)
            await agent.operator.rollback_id(second.id, PERSON)
            second = await final(agent, second)
            assert second.state is State.ROLLED_BACK
            assert rig.block().primary not in (36, 157, 161)
            await asyncio.sleep(300.0)
            (row,) = await agent.undoing.ask(HOURS_S, "lab", PERSON)
            await ended(agent)
            assert (row.state, rig.block().primary) == ("begun", 36)

    run(story)
