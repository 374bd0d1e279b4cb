"""What does not hold a person who takes a change back: lost APs. And that the agent does not do it again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from rig import final, rig_of, site_of
from scenario.test_operator import PERSON, move, opened, read
from scenario.test_undo_since import HOURS_S, changed, ended, states
from stories import AP2, SHORT

from agent.change import Cause, State
from agent.simulated_time import SimulatedClock, run

SIX = site_of(6, policy=SHORT, widths=(20,))


def test_aps_that_were_lost_after_the_changes_do_not_hold_the_way_back(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SIX, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            one = await final(agent, await opened(agent, move(161, cause=Cause.NON_WIFI_BURST)))
            await changed(agent, AP2, 149)
            before = rig.block(AP2)
            for name in ("lab/ap4", "lab/ap5", "lab/ap6"):
                rig.world.hardware.kill_ap(name)
            await asyncio.sleep(300.0)
            assert agent.memory.lost == {"lab/ap4", "lab/ap5", "lab/ap6"}
            back = await final(agent, await agent.operator.rollback_id(one.id, PERSON))
            assert (back.state, rig.block().primary) == (State.COMMITTED, 36)
            assert states(await agent.undoing.ask(HOURS_S, "lab", PERSON)) == {AP2: "begun"}
            await ended(agent)
            assert rig.block(AP2) != before

    run(story)


def test_the_agent_does_not_do_again_what_a_person_took_back(tmp_path: Path) -> None:
    often = replace(SIX, policy=replace(SHORT, routine_per_ap_week=50.0, bar_s=30_000.0))
    again = move(161, cause=Cause.NON_WIFI_BURST)

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, often, clients=0) as rig, rig.agent() as agent:
            await read(agent)
            one = await final(agent, await opened(agent, again))
            await asyncio.sleep(15_000.0)  # the routine interval
            await final(agent, await agent.operator.rollback_id(one.id, PERSON))
            await asyncio.sleep(20.0)
            refused = await final(agent, await opened(agent, again))
            assert (refused.state, rig.block().primary) == (State.FAILED, 36)
            await asyncio.sleep(20.0)  # the cooldown
            insisted = await final(agent, await opened(agent, move(161), PERSON))
            assert (insisted.state, rig.block().primary) == (State.COMMITTED, 161)
        (told,) = [r for r in rig.records() if r["to_state"] == "FAILED"]
        assert told["reason"]["code"] == "undone_lately"

    run(story)
