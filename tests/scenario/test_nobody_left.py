"""What goes on when who asked for it, or who did it, is gone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from stories import AP1, stage

from agent.change import Actor
from agent.clock import Clock
from agent.events import EventKind
from agent.incidents import AT_ONCE
from agent.memory import STOPPING
from agent.simulated_time import run
from agent.store.errors import StoreUnavailable

PERSON = Actor(type="operator", uid=1000, name="ann")


def test_a_change_whose_asker_is_cancelled_while_it_is_stored_is_carried_on(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            create, reached, may_go = agent.ledger.create, asyncio.Event(), asyncio.Event()

            async def slow(*args: Any, **named: Any) -> Any:
                stored = await create(*args, **named)
                reached.set()
                await may_go.wait()
                return stored

            agent.ledger.create = slow  # type: ignore[method-assign]
            asking = asyncio.create_task(
                agent.operator.inject(
                    EventKind.NON_WIFI_BURST, AP1, channel=157, width_mhz=None, act=True, actor=PERSON
                )
            )
            await reached.wait()
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            may_go.set()
            (stored,) = agent.ledger.store.open_changes()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert agent.executor.carries(stored.id)
            assert (await agent.executor.finished(stored.id)).final

    run(story)


def test_a_stored_change_that_nobody_began_is_found_at_the_next_turn(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            begin = agent.executor.begin
            agent.executor.begin = lambda change: change  # type: ignore[method-assign]
            await agent.operator.inject(
                EventKind.NON_WIFI_BURST, AP1, channel=157, width_mhz=None, act=True, actor=PERSON
            )
            agent.executor.begin = begin  # type: ignore[method-assign]
            (stored,) = agent.ledger.store.open_changes()
            await asyncio.sleep(60.0)
            assert agent.executor.carries(stored.id)

    run(story)


def test_a_look_at_the_events_that_fails_costs_no_slot(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            incidents, failed = agent.incidents, []
            tick = incidents._tick

            async def bad() -> None:
                failed.append(clock.monotonic())
                raise KeyError("a bug")

            incidents._tick = bad  # type: ignore[method-assign]
            await asyncio.sleep(20.0)
            incidents._tick = tick  # type: ignore[method-assign]
            await asyncio.sleep(120.0)
            assert failed
            assert incidents._slots._value >= AT_ONCE - 1, "one is held by who waits for the next event"

    run(story)


def test_a_disk_lost_while_stopping_does_not_undo_the_stop(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            agent.memory.observing_only = STOPPING

            async def lost() -> None:
                raise StoreUnavailable("disk I/O error")

            await agent.incidents._kept(lost())
            assert agent.memory.observing_only == STOPPING
            agent.memory.observing_only = None

    run(story)
