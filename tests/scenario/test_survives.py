"""What must not end the daemon, nor make it forget: a lost disk, a bug in one step, a configuration that lost
an AP, a lease that comes late, two people at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rig import FAST, LosableDisk, Rig, final, rig_of, site_of, until

from agent.agent import Agent
from agent.api.errors import NotFound, Refused
from agent.change import Actor, Cause, Change, State, Trigger
from agent.clock import Clock
from agent.events import EventKind
from agent.moment import Deadline
from agent.nop import Nop
from agent.planner.decision import Move
from agent.simulated_time import run
from agent.store.store import Store
from drivers.errors import IdentityChanged
from drivers.signals import RadarDetected
from drivers.types import Setting
from inventory.model import Mode, RadioKey, Site, radio_key

PERSON = Actor(type="operator", uid=1000, name="ann")
AP2 = radio_key("lab", "ap2", "r5")


async def read_once(agent: Agent) -> None:
    await until(lambda: all(radio.reading for radio in agent.memory.radios.values()))


async def opened(agent: Agent, key: RadioKey, channel: int = 161) -> Change:
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


def disk_of(agent: Agent) -> Any:
    return agent.ledger.store


# -- a lost disk ---------------------------------------------------------------------------------------


def test_a_lost_disk_makes_the_daemon_observe_and_go_on_when_it_is_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.wrap_store = LosableDisk
            async with rig.agent() as agent:
                await read_once(agent)
                change = await opened(agent, rig.key)
                await agent.executor.settled(change.id, State.MONITORING)
                disk_of(agent).lost = True
                await until(lambda: agent.memory.observing_only == "disk I/O error", limit_s=120)
                await until(lambda: not agent.executor.carries(change.id))
                assert agent.ledger.damaged
                disk_of(agent).lost = False
                await until(lambda: agent.memory.observing_only is None, limit_s=120)
                await until(lambda: agent.memory.changes[change.id].final)
        assert rig.steps(change.id)[-1] == "COMMITTED"
        rig.verify()

    run(story)


def test_a_disk_that_is_lost_when_it_stops_is_no_exception(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.wrap_store = LosableDisk
            async with rig.agent() as agent:
                await read_once(agent)
                disk_of(agent).lost = True
            assert all(lane.info is None for lane in agent.lanes.values())

    run(story)


def test_radar_heard_while_the_disk_was_lost_is_written_down_later(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.wrap_store = LosableDisk
            async with rig.agent() as agent:
                await read_once(agent)
                disk_of(agent).lost = True
                await until(lambda: agent.memory.observing_only, limit_s=120)
                agent.memory.bar([nop_of(clock)])
                disk_of(agent).lost = False
                await until(lambda: agent.memory.observing_only is None, limit_s=120)
                assert [nop.mhz20 for nop in agent.ledger.store.nops(clock.now())] == [5300]

    run(story)


def nop_of(clock: Clock) -> Nop:
    return Nop(site="lab", mhz20=5300, deadline=Deadline.after(clock.now(), 1800.0), by_radio=AP2)


def test_memory_learns_what_the_store_says_when_the_disk_is_back(tmp_path: Path) -> None:
    """The step was stored, and its audit was not: memory holds the row before it."""

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.wrap_store = LosableDisk
            async with rig.agent() as agent:
                await read_once(agent)
                change = await opened(agent, rig.key)
                known = await agent.executor.settled(change.id, State.MONITORING)
                disk_of(agent).lost = True
                await until(lambda: not agent.executor.carries(change.id))
                await until(lambda: agent.memory.observing_only)
                disk_of(agent).lost = False
                entry = agent.ledger.record("transition", "x", "lab", change=known, to_state=State.COMMITTED)
                agent.ledger.store.transition(known, Trigger.HELD, records=[entry])
                await until(lambda: agent.memory.observing_only is None)
                assert agent.memory.changes[change.id].state is State.COMMITTED
                assert not agent.executor.carries(change.id)

    run(story)


def test_a_disk_that_comes_back_opens_nothing_on_a_standby_site(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.wrap_store = LosableDisk
            await left_open(rig)
            other = Store(rig.url)
            other.take_lease("lab", "other", clock.now().utc_us, 1000.0)
            async with rig.agent() as agent:
                await read_once(agent)
                disk_of(agent).lost = True
                await until(lambda: agent.memory.observing_only)
                disk_of(agent).lost = False
                await until(lambda: agent.memory.observing_only is None)
                assert agent.memory.standby
                assert not [c for c in agent.memory.changes if agent.executor.carries(c)]
            other.close()

    run(story)


async def left_open(rig: Rig) -> Change:
    """A change that is being monitored when the agent stops."""
    async with rig.agent() as agent:
        await read_once(agent)
        change = await opened(agent, rig.key)
        return await agent.executor.settled(change.id, State.MONITORING)


# -- leases --------------------------------------------------------------------------------------------


def test_a_lease_that_is_taken_over_recovers_the_site_first(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            other = Store(rig.url)
            other.take_lease("lab", "other", clock.now().utc_us, 300.0)
            async with rig.agent() as agent:
                await read_once(agent)
                assert agent.memory.standby
                change = await stored_by_other(rig, agent, other, clock)
                await until(lambda: not agent.memory.standby, limit_s=400)
                assert 5300 in agent.memory.barred("lab", clock.now())
                assert agent.executor.carries(change.id)
                await final(agent, change)
            other.close()

    run(story)


async def stored_by_other(rig: Rig, agent: Agent, other: Store, clock: Clock) -> Change:
    """What the other agent left: radar, and a change it had only planned."""
    other.bar([nop_of(clock)], [])
    move = Move(radio=rig.key, target={Setting.CHANNEL: 161}, cause=Cause.OPERATOR, reason="x")
    have = await agent.changes.have(rig.key)  # as the other agent would have read it
    assert have is not None
    change = agent.changes._change(move, have, PERSON, False, None)
    assert isinstance(change, Change)
    return other.create(change, records=[], token_expires=Deadline.after(clock.now(), 7 * 86_400.0))


# -- what left the configuration -----------------------------------------------------------------------


def without_ap1(site: Site) -> Site:
    """The AP and its device are gone from the site's file."""
    keep = {name: ap for name, ap in site.aps.items() if name != "ap1"}
    devices = {name: device for name, device in site.devices.items() if name != "ap1"}
    return replace(site, aps=MappingProxyType(keep), devices=MappingProxyType(devices))


def without_radio(site: Site) -> Site:
    """The device is still there, the radio is not."""
    aps = {**site.aps, "ap1": replace(site.aps["ap1"], radios=())}
    return replace(site, aps=MappingProxyType(aps))


@pytest.mark.parametrize("shrink", [without_ap1, without_radio])
def test_an_open_change_of_what_is_not_configured_any_more_waits_for_a_person(
    tmp_path: Path, shrink: Callable[[Site], Site]
) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            change = await left_open(rig)
            rig.site = shrink(rig.site)
            async with rig.agent() as agent:
                await read_once(agent)
                assert not agent.executor.carries(change.id)
                (alert,) = [alert for alert in agent.alerts if change.id in alert.text]
                assert alert.site == "lab"
                await asyncio.sleep(100)
                row = agent.ledger.store.change(change.id)
                assert row is not None
                assert row.state is State.MONITORING

    run(story)


# -- signals and polls ---------------------------------------------------------------------------------


def test_a_signal_of_an_unknown_radio_is_polled_for_and_ends_nothing(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await read_once(agent)
            strange = RadarDetected(
                at_s=clock.monotonic(),
                device="ap1",
                radio=radio_key("lab", "ap1", "nobody"),
                mhz20=frozenset({5300}),
                authenticated=True,
            )
            await agent.inbox.told("lab", "ap1", strange)
            await agent.inbox.told("lab", "ap1", strange)
            assert not agent.memory.barred("lab", clock.now())

    run(story)


def test_a_device_that_is_away_for_weeks_is_still_polled(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await read_once(agent)
            poller = agent.fleet.stations["lab", "ap1"].poller
            assert poller is not None
            agent.memory.contact("lab", "ap1").missed = 5000
            before_s = clock.monotonic()
            await poller._rest()
            assert clock.monotonic() - before_s == pytest.approx(300.0)

    run(story)


def test_the_first_polls_are_spread(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await asyncio.sleep(0.4)
            assert not any(radio.reading for radio in agent.memory.radios.values())
            await asyncio.sleep(0.7)
            assert all(radio.reading for radio in agent.memory.radios.values())

    run(story)


def test_another_device_behind_the_same_address_is_never_written_to(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await read_once(agent)
            lane = agent.lanes["lab", "ap1"]
            await lane.close()
            lane.identity = "simulated:somebody else"
            with pytest.raises(IdentityChanged, match="another device than before"):
                await lane.open()
            assert lane.info is None
            agent.memory.lose("lab", "ap1")
            agent.memory.contact("lab", "ap1").lost_at_s = 0.0  # it was away before it came back as another
            await until(lambda: [a for a in agent.alerts if "another device" in a.text], limit_s=600)
            await asyncio.sleep(1000)
            assert len([a for a in agent.alerts if "another device" in a.text]) == 1

    run(story)


# -- one change must not end the daemon ----------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_a_bug_in_a_step_costs_its_change_and_not_the_daemon(tmp_path: Path, times: int) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await read_once(agent)
            change = await opened(agent, rig.key)
            await agent.executor.settled(change.id, State.APPLYING)
            agent.executor._steps[State.MONITORING] = failing(agent.executor._steps[State.MONITORING], times)
            after = await final(agent, change)
            assert [a.radio for a in agent.alerts if change.id in a.text] == [rig.key]
            assert after.state is (State.COMMITTED if times == 1 else State.MONITORING)
            row = agent.ledger.store.change(change.id)
            assert row is not None
            assert row.state is after.state
        rig.verify()

    run(story)


def failing(step: Any, times: int) -> Any:
    left = [None] * times

    async def fail(change: Change, course: Any) -> Change:
        if left:
            left.pop()
            raise ValueError("a bug")
        done: Change = await step(change, course)
        return done

    return fail


def test_an_approval_while_another_change_has_the_radio_is_refused(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(policy=replace(FAST, mode=Mode.ADVISE))
        async with rig_of(tmp_path, clock, site) as rig, rig.agent() as agent:
            await read_once(agent)
            proposed = await proposal(agent, rig.key, 161)
            busy = await opened(agent, rig.key, 153)
            await agent.executor.settled(busy.id, State.MONITORING)
            with pytest.raises(Refused, match="open_change"):
                await agent.operator.approve(proposed.id, PERSON)
            assert agent.memory.changes[proposed.id].state is State.PROPOSED
            assert agent.executor.carries(proposed.id)
            await final(agent, busy)
            after = await agent.operator.approve(proposed.id, PERSON)
            assert after.state is not State.PROPOSED

    run(story)


async def proposal(agent: Agent, key: RadioKey, channel: int) -> Change:
    move = Move(
        radio=key,
        target={Setting.CHANNEL: channel, Setting.WIDTH_MHZ: 20},
        cause=Cause.NON_WIFI_BURST,
        reason="test",
    )
    change = await agent.changes.open(move)
    assert isinstance(change, Change)
    assert change.state is State.PROPOSED
    return change


def test_of_two_acknowledgements_at_once_one_is_told_that_it_came_late(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await read_once(agent)
            change = await opened(agent, rig.key)
            await agent.executor.settled(change.id, State.APPLYING)
            agent.executor._steps[State.MONITORING] = escalating(agent)
            assert (await final(agent, change)).state is State.ESCALATED
            both: Sequence[Change | BaseException] = await asyncio.gather(
                *(agent.operator.acknowledge(change.id, PERSON) for _ in range(2)), return_exceptions=True
            )
            assert [type(each) for each in both] == [Change, NotFound]
            assert not agent.memory.stuck

    run(story)


def escalating(agent: Agent) -> Any:
    async def step(change: Change, course: Any) -> Change:
        return await agent.ledger.step(change, Trigger.DEADLINE, reason="test")

    return step
