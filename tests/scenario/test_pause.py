"""An operator's pause: at once, across restarts, for a while; radar excepted."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig import Rig, rig_of, until

from agent.agent import Agent
from agent.api.errors import NotFound
from agent.change import Actor, Change
from agent.drill import Injected
from agent.events import EventKind
from agent.planner.decision import NoChange
from agent.simulated_time import SimulatedClock, run

PERSON = Actor(type="operator", uid=1000, name="ann")


async def moved(rig: Rig, agent: Agent) -> Injected:
    await until(lambda: agent.memory.radios[rig.key].reading)
    return await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
    )


def is_paused(done: Injected) -> bool:
    return isinstance(done.decision, NoChange) and "pause" in {veto.guard for veto in done.decision.vetoes}


@pytest.mark.parametrize("scope", ["lab", "lab/ap1", "lab/ap1/r5"])
def test_a_paused_scope_is_left_alone_until_it_is_resumed(tmp_path: Path, scope: str) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            async with rig.agent() as agent:
                await agent.operator.pause(scope, None, PERSON)
                assert is_paused(await moved(rig, agent))
            async with rig.agent() as agent:  # a restart does not end it
                assert is_paused(await moved(rig, agent))
                await agent.operator.resume(scope, PERSON)
                assert isinstance((await moved(rig, agent)).change, Change)
            said = [r for r in rig.records() if r["kind"] == "operator"]
        assert [(r["reason"]["code"], r["actor"]["name"]) for r in said] == [
            ("pause.begun", "ann"),
            ("pause.ended", "ann"),
        ]
        rig.verify()

    run(story)


def test_a_pause_ends_by_itself(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await agent.operator.pause("lab", 600.0, PERSON)
            assert is_paused(await moved(rig, agent))
            await until(lambda: clock.monotonic() > 610)
            assert isinstance((await moved(rig, agent)).change, Change)

    run(story)


def test_radar_does_not_wait_for_a_pause(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, channels=(52, 149, 157, 44)) as rig, rig.agent() as agent:
            await until(lambda: agent.memory.radios[rig.key].reading)
            rig.world.set_stubborn(rig.key)
            await agent.operator.pause("lab", None, PERSON)
            rig.world.radar(rig.key)
            await until(lambda: rig.block().primary != 52, limit_s=10)

    run(story)


def test_a_scope_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            for scope in ("bal", "lab/ap9", "lab/ap1/r9"):
                with pytest.raises(NotFound, match=f"there is no {scope}"):
                    await agent.operator.pause(scope, None, PERSON)
            with pytest.raises(NotFound, match="has no pause of its own"):
                await agent.operator.resume("lab", PERSON)

    run(story)


def test_what_still_pauses_a_resumed_scope_is_told(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            for scope in ("*", "lab", "lab/ap1", "lab/ap2/r5"):
                await agent.operator.pause(scope, None, PERSON)
            with pytest.raises(
                NotFound, match=r"no pause of its own; paused by: \* \(ann, since .*\), lab \("
            ):
                await agent.operator.resume("lab/ap2", PERSON)
            assert [p.scope for p in await agent.operator.resume("lab/ap1", PERSON)] == ["*", "lab"]
            assert [p.scope for p in await agent.operator.resume("lab", PERSON)] == ["*", "lab/ap2/r5"]
            assert [p.scope for p in await agent.operator.resume("*", PERSON)] == ["lab/ap2/r5"]
            assert await agent.operator.resume("lab/ap2/r5", PERSON) == []

    run(story)


def test_a_second_pause_never_shortens_the_first(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        other = Actor(type="operator", uid=0, name="root")
        async with rig_of(tmp_path, clock) as rig:
            async with rig.agent() as agent:
                await agent.operator.pause("lab", 600.0, PERSON)
                kept = await agent.operator.pause("lab", 60.0, other)
                assert (kept.kept, kept.pause.actor.name) == (True, "ann")
                longer = await agent.operator.pause("lab", None, other)
                assert (longer.kept, longer.before and longer.before.actor.name) == (False, "ann")
                assert (await agent.operator.pause("lab", 3600.0, PERSON)).pause.until is None
            async with rig.agent() as agent:
                await until(lambda: clock.monotonic() > 4000)
                assert is_paused(await moved(rig, agent))
                await agent.operator.resume("lab", PERSON)
                assert not (await agent.operator.pause("lab", 60.0, PERSON)).before
            said = [r["reason"]["code"] for r in rig.records() if r["kind"] == "operator"]
        assert said == [f"pause.{each}" for each in ("begun", "kept", "begun", "kept", "ended", "begun")]

    run(story)
