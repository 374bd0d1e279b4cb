"""An undo of a period that is held up before anything of it was sent is tried again, and not for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rig import rig_of
from scenario.test_operator import PERSON, SITE, read
from scenario.test_undo_since import HOURS_S, changed, ended, undos
from stories import AP1

from agent.change import HELD_UP, Change, State, Trigger
from agent.simulated_time import SimulatedClock, run
from agent.undoing import TRIES_MOST


def test_the_request_lasts_until_its_last_undo_was_sent(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            await changed(agent, AP1, 161)
            start = agent.executor._steps[State.PLANNED]

            async def held_up(change: Change, course: object) -> Change:
                agent.executor._steps[State.PLANNED] = start
                await asyncio.sleep(20.0)
                return await agent.ledger.step(change, Trigger.DEADLINE, reason="test", verdict=HELD_UP)

            agent.executor._steps[State.PLANNED] = held_up
            await agent.undoing.ask(HOURS_S, "lab", PERSON)
            await ended(agent)
            assert [each.state for each in undos(agent)] == [State.EXPIRED, State.COMMITTED]
            assert rig.block(AP1).primary == 36

    run(story)


def test_one_that_is_always_held_up_is_given_up(tmp_path: Path) -> None:
    """The device can be read, and is silent whenever it is the undo's turn."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            await changed(agent, AP1, 161)

            async def held_up(change: Change, course: object) -> Change:
                await asyncio.sleep(1.0)
                return await agent.ledger.step(change, Trigger.DEADLINE, reason="test", verdict=HELD_UP)

            agent.executor._steps[State.PLANNED] = held_up
            await agent.undoing.ask(HOURS_S, "lab", PERSON)
            await ended(agent)
            assert [each.state for each in undos(agent)] == [State.EXPIRED] * (1 + TRIES_MOST)
            assert rig.block(AP1).primary == 161

    run(story)
