"""What goes on when who asked for it, or who did it, is gone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rig import until
from stories import AP1, stage

from agent.change import Actor, Change, State
from agent.clock import Clock
from agent.course import Course
from agent.events import EventKind
from agent.incidents import AT_ONCE
from agent.lease import LEASE_S
from agent.memory import STOPPING
from agent.simulated_time import run
from agent.store.errors import StoreUnavailable

TURN_S = LEASE_S / 3
"""Of housekeeping."""

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


@pytest.mark.parametrize("failing", [State.PLANNED, State.MONITORING])
def test_a_change_that_failed_again_and_again_ends_when_the_error_is_gone(
    tmp_path: Path, failing: State
) -> None:
    """It is tried at the pace of housekeeping, and a person is told once."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            well, tries = agent.executor._steps[failing], 0

            async def bad(change: Change, course: Course) -> Change:
                nonlocal tries
                tries += 1
                raise KeyError("a bug")

            agent.executor._steps[failing] = bad
            done = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, AP1, channel=157, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None
            id = done.change.id
            await asyncio.sleep(10 * TURN_S)
            assert 10 < tries <= 2 * 11
            assert agent.memory.changes[id].state is failing
            assert [alert.text for alert in agent.alerts] == [
                f"change {id} failed in {failing}: KeyError: 'a bug'"
            ]
            agent.executor._steps[failing] = well
            after = await until(lambda: (c := agent.memory.changes[id]).final and c, limit_s=900)
            assert after.state is State.COMMITTED
            assert not agent.executor._told

    run(story)


def test_a_row_that_makes_no_sense_costs_its_change_and_not_the_daemon(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            well, row = agent.executor._steps[State.MONITORING], agent.ledger.store.change

            async def bad(change: Change, course: Course) -> Change:
                raise KeyError("a bug")

            def senseless(id: str) -> Change | None:
                raise ValueError("no state is called x")

            agent.executor._steps[State.MONITORING] = bad
            agent.ledger.store.change = senseless  # type: ignore[method-assign]
            done = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, AP1, channel=157, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None
            id = done.change.id
            await until(lambda: [a for a in agent.alerts if "no state is called x" in a.text], limit_s=900)
            assert agent.memory.changes[id].state is State.MONITORING
            agent.executor._steps[State.MONITORING] = well
            agent.ledger.store.change = row  # type: ignore[method-assign]
            after = await until(lambda: (c := agent.memory.changes[id]).final and c, limit_s=900)
            assert after.state is State.COMMITTED

    run(story)


@pytest.mark.parametrize("left", ["standby", "homeless", "observing"])
def test_a_change_that_failed_is_left_where_it_is_not_ours_to_carry(tmp_path: Path, left: str) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            well = agent.executor._steps[State.PLANNED]

            async def bad(change: Change, course: Course) -> Change:
                raise KeyError("a bug")

            agent.executor._steps[State.PLANNED] = bad
            done = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, AP1, channel=157, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None
            id = done.change.id
            await until(lambda: not agent.executor.carries(id), step_s=0.5)
            agent.executor._steps[State.PLANNED] = well
            if left == "standby":
                agent.memory.standby["lab"] = "lease held by another"
            if left == "homeless":
                station = agent.fleet.stations.pop(("lab", "ap1"))
            if left == "observing":
                agent.memory.observing_only = STOPPING
            await agent.house._try_disk()
            assert not agent.executor.carries(id)
            assert any("it stays as it is" in alert.text for alert in agent.alerts) is (left == "homeless")
            if left == "homeless":
                agent.fleet.stations["lab", "ap1"] = station
            agent.memory.standby.clear()
            agent.memory.observing_only = None
            await agent.house._try_disk()
            assert (await agent.executor.finished(id)).state is State.COMMITTED

    run(story)


def test_a_change_that_ended_while_the_open_ones_were_read_is_not_begun_again(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            done = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, AP1, channel=157, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None
            read_before = agent.ledger.store.open_changes()
            after = await agent.executor.finished(done.change.id)
            agent.ledger.store.open_changes = lambda site=None: read_before  # type: ignore[method-assign]
            await agent.house.begin_open()
            assert not agent.executor.carries(done.change.id)
            assert agent.memory.changes[done.change.id].state is after.state is State.COMMITTED

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
