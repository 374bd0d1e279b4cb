"""Who ends a plan has ended it, in whatever moment that comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rig import until
from scenario.test_campaign import channels, crowded, end_of, ended, moves_of, planned
from scenario.test_operator import PERSON, asked_of
from stories import AP2, AP3, said

from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import Refused
from agent.change import State
from agent.planner.site.remainder import remainder
from agent.simulated_time import SimulatedClock, run


def once_after(
    monkeypatch: pytest.MonkeyPatch, place: object, name: str, then: Callable[[], Awaitable[Any]]
) -> list[bool]:
    """``then`` runs once, right after the next call of ``place.name`` has its result."""
    real, done = getattr(place, name), list[bool]()

    async def slow(*args: Any, **names: Any) -> Any:
        found = await real(*args, **names)
        if not done:
            done.append(True)
            await then()
        return found

    monkeypatch.setattr(place, name, slow)
    return done


def test_an_end_while_the_rest_is_looked_at_begins_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            real, done = asyncio.to_thread, list[bool]()

            async def slow(work: Any, *args: Any) -> Any:
                found = await real(work, *args)
                if work is remainder and not done:
                    done.append(True)
                    await agent.campaigns.stop("lab", PERSON)
                return found

            monkeypatch.setattr(asyncio, "to_thread", slow)
            await ended(agent)
            assert done
            assert (moves_of(agent), channels(rig)) == ([], [36, 36, 36, 36])
        assert (end_of(rig)["dropped"], end_of(rig)["why"], end_of(rig)["steps"]) == (2, "stopped", 0)

    run(story)


def test_an_undo_while_a_change_is_opened_takes_that_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            asking: list[asyncio.Task[Any]] = []

            async def undo() -> None:
                word = protocol.UndoArgs(since_s=3600.0)
                asking.append(asyncio.create_task(asked_of(agent, rig).handle("undo", word, PERSON)))
                await asyncio.sleep(1.0)
                assert not asking[0].done(), "it waits for what is being opened"

            done = once_after(monkeypatch, agent.changes, "have", undo)
            await agent.campaigns.begin(planned(rig, {AP2: 44, AP3: 149}), PERSON)
            await until(lambda: done and asking and asking[0].done())
            await until(lambda: not agent.campaigns.running() and not agent.undoing.rows)
            assert channels(rig) == [36, 36, 36, 36]
            assert State.COMMITTED not in {each.state for each in moves_of(agent)}
            assert len(moves_of(agent)) == 1, "the second was not opened"

    run(story)


def test_an_end_of_what_ends_just_now_does_not_bring_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            await agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON)
            real, asking = agent.ledger.write, list[asyncio.Task[Any]]()

            async def slow(work: Any, *args: Any) -> Any:
                found = await real(work, *args)
                if args[:2] == ("campaign/lab", "") and not asking:
                    asking.append(asyncio.create_task(agent.campaigns.stop("lab", PERSON)))
                    await asyncio.sleep(1.0)
                return found

            monkeypatch.setattr(agent.ledger, "write", slow)
            await ended(agent)
            await asking[0]
            assert len(said(rig, "plan.stopped")) == 1
            assert await left(agent) == ""
            await agent.campaigns.begin(planned(rig, {AP3: 149}), PERSON)
            assert await left(agent)

    run(story)


async def left(agent: Agent) -> str | None:
    """What a restart would find."""
    await asyncio.sleep(0.0)
    return await agent.ledger.call(agent.ledger.store.get_meta, "campaign/lab")


def test_what_is_not_recorded_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of the beginning comes before the first change, and meanwhile nobody begins another."""

    async def story(clock: SimulatedClock) -> None:
        async with crowded(tmp_path, clock) as (rig, agent):
            real, waited = agent.ledger.write, list[bool]()

            async def slow(work: Any, *args: Any, **names: Any) -> Any:
                if "plan.begun" in str(args):
                    await asyncio.sleep(600.0)
                    waited.append(moves_of(agent) == [] and agent.campaigns.running() == [])
                return await real(work, *args, **names)

            monkeypatch.setattr(agent.ledger, "write", slow)
            beginning = asyncio.create_task(agent.campaigns.begin(planned(rig, {AP2: 44}), PERSON))
            await asyncio.sleep(1.0)
            with pytest.raises(Refused, match="is being carried out"):
                agent.campaigns.check("lab")
            await beginning
            assert waited == [True]
            await ended(agent)
            assert len(moves_of(agent)) == 1
        assert said(rig, "plan.begun")

    run(story)
