"""What well-known peers got wrong, told as stories: docs/regressions.md says which test stands for which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rig import FAST, Rig, final, rig_of, site_of, until

from agent.agent import Agent
from agent.change import Actor, Cause, Change, State
from agent.clock import Clock
from agent.drill import Injected
from agent.events import EventKind
from agent.planner.decision import Move, NoChange
from agent.radar import Report
from agent.simulated_time import run
from drivers.base import DeviceContext
from drivers.errors import Unsupported
from drivers.simulated.driver import family
from drivers.types import Edit, RadioState, Receipt, ScopeRef, Setting
from inventory.model import RadioKey, radio_key

PERSON = Actor(type="operator", uid=1000, name="ann")
AP2 = radio_key("lab", "ap2", "r5")


async def inject(
    agent: Agent, key: RadioKey, channel: int | None, kind: EventKind = EventKind.NON_WIFI_BURST
) -> Injected:
    return await agent.operator.inject(kind, key, channel=channel, width_mhz=None, act=True, actor=PERSON)


async def opened(agent: Agent, key: RadioKey, channel: int) -> Change:
    done = await inject(agent, key, channel)
    assert done.change is not None, done.decision
    return done.change


async def read_once(agent: Agent) -> None:
    await until(lambda: all(radio.reading for radio in agent.memory.radios.values()))


@asynccontextmanager
async def running(directory: Path, clock: Clock, **more: Any) -> AsyncIterator[tuple[Rig, Agent]]:
    async with rig_of(directory, clock, **more) as rig, rig.agent() as agent:
        await read_once(agent)
        yield rig, agent


def reasons(rig: Rig) -> list[str]:
    return [r["reason"]["code"] for r in rig.records()]


# -- what was asked for makes no sense -----------------------------------------------------------------


@pytest.mark.parametrize("channel", [1, 6, 11])
def test_a_5_ghz_radio_sent_to_channel_1_stays_where_it_is(tmp_path: Path, channel: int) -> None:
    async def story(clock: Clock) -> None:
        async with running(tmp_path, clock) as (rig, agent):
            before = rig.block()
            done = await inject(agent, rig.key, channel)
            assert isinstance(done.decision, NoChange)
            assert done.decision.reason == "no_such_block"
            assert not agent.memory.changes
            assert rig.block() == before
        (told,) = [r for r in rig.records() if r["result"] == "no_change"]
        assert told["reason"]["code"] == "no_such_block"
        assert told["drill"]

    run(story)


# -- events that do nothing ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_event_is_acted_upon_or_refused_with_a_reason(tmp_path: Path, kind: EventKind) -> None:
    """Never silence: a change, no change with its reason in the audit, or an error that says what to do."""

    async def story(clock: Clock) -> None:
        channels = (52, 149, 157, 44)  # where radar can be
        async with running(tmp_path, clock, channels=channels) as (rig, agent):
            done = await inject(agent, rig.key, None, kind)
            if kind is EventKind.DFS_RADAR:
                await agent.radar.quiet()
                assert "radar.heard" in reasons(rig)
                assert agent.memory.barred("lab", clock.now())
            elif isinstance(done.decision, Move):
                assert done.change is not None
            else:
                assert done.decision.reason in reasons(rig)
                assert f"drill.{kind}" in reasons(rig)

    run(story)


@pytest.mark.parametrize("kind", [k for k in EventKind if k is not EventKind.DFS_RADAR])
def test_with_a_named_target_every_event_moves_the_radio(tmp_path: Path, kind: EventKind) -> None:
    async def story(clock: Clock) -> None:
        async with running(tmp_path, clock) as (rig, agent):
            done = await inject(agent, rig.key, 161, kind)
            assert done.change is not None
            await agent.executor.settled(done.change.id, State.MONITORING)
            assert rig.block().primary == 161

    run(story)


# -- undo that does not undo ---------------------------------------------------------------------------


def test_a_rollback_reaches_the_device_and_does_not_only_log(tmp_path: Path) -> None:
    """The device itself is asked, and it has been written to twice: there and back."""
    sent: list[Edit] = []

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.wrap_device = _spied(sent)
            async with rig.agent() as agent:
                await read_once(agent)
                before = rig.world.in_force(rig.key)
                change = await opened(agent, rig.key, 161)
                await agent.executor.settled(change.id, State.MONITORING)
                assert rig.world.in_force(rig.key)[Setting.CHANNEL] == 161
                await agent.operator.rollback(agent.changes.token(change), PERSON)
                assert (await final(agent, change)).state is State.ROLLED_BACK
                assert rig.world.in_force(rig.key) == before
            assert [e.set[Setting.CHANNEL] for e in sent] == [161, before[Setting.CHANNEL]]

    run(story)


def test_an_undo_is_of_the_values_stored_with_the_change_and_of_nothing_else(tmp_path: Path) -> None:
    """Peers undo by a fixed file on the device, whatever it holds by now. Here two changes follow each
    other, and each token takes back its own."""

    async def story(clock: Clock) -> None:
        async with running(tmp_path, clock) as (rig, agent):
            first = await final(agent, await opened(agent, rig.key, 161))
            await asyncio.sleep(FAST.cooldown_s)
            second = await final(agent, await opened(agent, rig.key, 157))
            assert (first.prior[Setting.CHANNEL], second.prior[Setting.CHANNEL]) == (36, 161)
            await asyncio.sleep(FAST.cooldown_s)
            await final(agent, await agent.operator.rollback(agent.changes.token(second), PERSON))
            assert rig.block().primary == 161

    run(story)


def test_a_rollback_while_the_switch_counts_down_is_not_taken_for_done(tmp_path: Path) -> None:
    """A read-back before the announced switch shows the old channel: no proof that it is back."""

    async def story(clock: Clock) -> None:
        async with running(tmp_path, clock) as (rig, agent):
            before = rig.world.in_force(rig.key)
            change = await opened(agent, rig.key, 161)
            await agent.executor.settled(change.id, State.APPLYING)
            await asyncio.sleep(0.1)
            assert rig.world.radio(rig.key).heading is not None, "counting down"
            await agent.operator.rollback(agent.changes.token(change), PERSON)
            assert (await final(agent, change)).state is State.ROLLED_BACK
            await asyncio.sleep(60)
            assert rig.world.in_force(rig.key) == before

    run(story)


def test_of_two_who_undo_at_once_one_is_told_that_it_was_done_already(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with running(tmp_path, clock) as (rig, agent):
            change = await final(agent, await opened(agent, rig.key, 161))
            await asyncio.sleep(FAST.cooldown_s)
            token = agent.changes.token(change)
            both = await asyncio.gather(
                *(agent.operator.rollback(token, PERSON) for _ in range(2)), return_exceptions=True
            )
            assert sorted(type(each).__name__ for each in both) == ["Change", "Refused"], both

    run(story)


def test_a_person_may_undo_after_the_token_has_expired(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(1, policy=replace(FAST, poll_s=3600.0, stale_s=7200.0))
        async with rig_of(tmp_path, clock, site) as rig:
            async with rig.agent() as agent:
                await read_once(agent)
                change = await final(agent, await opened(agent, rig.key, 161))
            await asyncio.sleep(7.5 * 86_400)
            async with rig.agent() as agent:
                await read_once(agent)
                undo = await agent.operator.rollback(agent.changes.token(change), PERSON)
                await agent.executor.settled(undo.id, State.MONITORING)
                assert rig.block().primary == 36

    run(story)


# -- `revert_in` accepted and ignored ------------------------------------------------------------------


@pytest.mark.parametrize("undo_timer", [False, True])
def test_an_undo_timer_is_refused_or_really_goes_back(undo_timer: bool) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(1, undo_timer=undo_timer)
        async with rig_of(Path(), clock, site) as rig:
            device = family.device(
                DeviceContext(
                    config=site.devices["ap1"],
                    radios=tuple(site.radios.values()),
                    secret=None,
                    clock=clock.monotonic,
                )
            )
            assert ((await device.open()).capabilities.undo_timer_s is not None) == undo_timer
            before = rig.world.in_force(rig.key)
            scope = ScopeRef(kind="radio", name=rig.key, members=(rig.key,))
            edit = Edit(change_id="x", scope=scope, set={Setting.CHANNEL: 161, Setting.WIDTH_MHZ: 20})
            if not undo_timer:
                with pytest.raises(Unsupported):
                    await device.apply(edit, 30.0)
                await asyncio.sleep(5)
                assert rig.world.in_force(rig.key) == before, "nothing was written"
                return
            assert (await device.apply(edit, 30.0)).undo_armed
            await asyncio.sleep(5)
            assert rig.block().primary == 161
            await asyncio.sleep(30)
            assert rig.world.in_force(rig.key) == before
            await device.close()

    run(story)


# -- capability found out by calling -------------------------------------------------------------------


def test_what_the_device_can_not_do_ends_the_change_and_not_the_daemon(tmp_path: Path) -> None:
    """A plan that says Unsupported: nothing is sent, the change has FAILED, the agent lives on."""
    sent: list[Edit] = []

    def unable(device: Any) -> Any:
        def plan(edit: Edit, have: Any) -> Any:
            raise Unsupported("no such thing on this model")

        device.plan = plan
        return _spied(sent)(device)

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.wrap_device = unable
            async with rig.agent() as agent:
                await read_once(agent)
                change = await final(agent, await opened(agent, rig.key, 161))
                assert change.state is State.FAILED
                assert not sent
                reading = agent.memory.radios[rig.key].reading
                assert reading is not None
                await until(lambda: agent.memory.radios[rig.key].reading.at_s > reading.at_s)  # type: ignore[union-attr]

    run(story)


# -- two at once ---------------------------------------------------------------------------------------


def test_two_neighbours_asked_in_the_same_instant_do_not_fly_together(tmp_path: Path) -> None:
    """Guards look at what is in flight: between the look and the step on disk nobody else may pass."""

    async def story(clock: Clock) -> None:
        site = site_of(4, policy=replace(FAST, max_inflight_ratio=1.0))
        async with running(tmp_path, clock, site=site) as (rig, agent):
            keys = (rig.key, AP2)
            both = await asyncio.gather(*(opened(agent, key, 161) for key in keys))
            ends = [await final(agent, change) for change in both]
            assert sorted(end.state for end in ends) == [State.COMMITTED, State.FAILED]
        assert "neighbour_in_flight" in reasons(rig)

    run(story)


# -- radar -----------------------------------------------------------------------------------------------


def test_radar_between_the_plan_and_its_turn_on_the_wire_stops_the_write(tmp_path: Path) -> None:
    """The device's lane is held up by a hung read; when it is the write's turn the target is barred."""
    sent: list[Edit] = []

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.wrap_device = _spied(sent)
            async with rig.agent() as agent:
                await read_once(agent)
                # the change is not told: the last look at the law must do without
                agent.executor.interrupt = lambda *_: False  # type: ignore[method-assign]
                change = await opened(agent, rig.key, 60)
                lane = agent.fleet.lane("lab", "ap1")
                async with _held_up(rig, agent, lane):
                    await agent.executor.settled(change.id, State.APPLYING)
                    await agent.radar.heard(
                        Report(site="lab", radios=(AP2,), mhz20=frozenset({5300}), source="signal")
                    )
                after = await final(agent, change)
                assert (after.state, sent) == (State.FAILED, [])
                assert "no_longer_lawful" in reasons(rig)
                assert rig.block().primary == 36

    run(story)


def test_a_radio_switched_off_because_of_radar_is_not_undone_onto_radar(tmp_path: Path) -> None:
    """`off` has no channel in it; its undo would be `on`, on the very channel."""

    async def story(clock: Clock) -> None:
        async with running(tmp_path, clock, channels=(52, 149, 157, 44), width=40) as (rig, agent):
            await agent.radar.heard(
                Report(site="lab", radios=(AP2,), mhz20=frozenset({5260, 5280}), source="signal")
            )
            off = Move(
                radio=rig.key, target={Setting.ENABLED: 0}, cause=Cause.DFS_RADAR, reason="radio_off_radar"
            )
            change = await agent.changes.open(off)
            assert isinstance(change, Change)
            await agent.executor.settled(change.id, State.MONITORING)
            assert rig.world.radio(rig.key).state is RadioState.OFF
            await agent.operator.rollback(agent.changes.token(change), PERSON)
            await final(agent, change)  # by the person's undo, or because the radio is brought back first
            await until(lambda: rig.world.radio(rig.key).state is RadioState.ON_AIR, limit_s=60)
            assert not rig.block().mhz20 & {5260, 5280}

    run(story)


# -- tools -----------------------------------------------------------------------------------------------


def _spied(sent: list[Edit]) -> Callable[[Any], Any]:
    """Writes down each edit that is handed to a device."""

    def wrap(device: Any) -> Any:
        send = device.apply

        async def apply(edit: Edit, undo_after_s: float | None) -> Receipt:
            sent.append(edit)
            done: Receipt = await send(edit, undo_after_s)
            return done

        device.apply = apply
        return device

    return wrap


@asynccontextmanager
async def _held_up(rig: Rig, agent: Agent, lane: Any) -> AsyncIterator[None]:
    """Between the step on disk and the write somebody else has the lane."""
    stepped, turn = asyncio.Event(), lane._turn
    apply = lane.apply

    async def waits(*args: Any) -> Receipt:
        await turn.acquire()
        stepped.set()

        async def let_go() -> None:
            await free.wait()
            turn.release()

        free_task = asyncio.create_task(let_go())
        try:
            done: Receipt = await apply(*args)
            return done
        finally:
            await free_task

    free = asyncio.Event()
    lane.apply = waits
    try:
        yield
        await stepped.wait()
    finally:
        free.set()
        lane.apply = apply
