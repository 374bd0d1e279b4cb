"""Radar: the channels are barred at once, the AP is seen off them, and nothing goes back there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from rig import Rig, final, rig_of, until

from agent.agent import Agent
from agent.change import Actor, Change, State
from agent.clock import Clock
from agent.events import EventKind
from agent.radar import Report
from agent.simulated_time import SimulatedClock, run
from drivers.simulated.faults import Call, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import RadioState, Setting
from inventory.channels import block
from inventory.model import Band, radio_key
from inventory.regulatory import NOP_S

PERSON = Actor(type="operator", uid=1000, name="ann")
ON_52 = partial(rig_of, channels=(52, 149, 157, 44), width=40)
"""A rig whose first radio is on 52 at 40 MHz."""


async def seen(rig: Rig, agent: Agent) -> None:
    await until(lambda: agent.memory.radios[rig.key].reading is not None)


async def drill(rig: Rig, agent: Agent, channel: int, at_s: float = 400.0) -> Change:
    await until(lambda: (last := agent.memory.radios[rig.key].history.last) and last.at_s >= at_s)
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


def barred(agent: Agent) -> frozenset[int]:
    return agent.memory.barred("lab", agent.clock.now())


def test_the_ap_leaves_by_itself_and_the_channels_are_barred(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            await seen(rig, agent)
            rig.world.radar(rig.key)
            await until(lambda: barred(agent))
            await agent.radar.quiet()
            assert barred(agent) >= {5260}
            assert not rig.block().mhz20 & barred(agent)
            assert not agent.memory.changes, "the AP moved by itself: nothing to change"
            left = [r for r in rig.records() if r["reason"]["code"] == "radar.left"]
            assert left
            assert left[0]["reason"]["params"]["after_ms"] < 2000
            await until(lambda: clock.monotonic() > NOP_S + 100)
            assert not barred(agent)
        rig.verify()

    run(story)


def test_an_ap_that_stays_is_forced_to_leave(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            await seen(rig, agent)
            rig.world.set_stubborn(rig.key)
            heard_s = clock.monotonic()
            rig.world.radar(rig.key)
            await until(lambda: barred(agent))
            await agent.radar.quiet()
            assert not rig.block().mhz20 & {5260, 5280}
            assert clock.monotonic() - heard_s < 10, "the law gives ten seconds"
            (change,) = agent.memory.changes.values()
            assert (await final(agent, change)).state is State.COMMITTED

    run(story)


def test_an_ap_that_refuses_to_leave_is_switched_off_and_restarted(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        plan = FaultPlan((Scripted(Operation.APPLY, 1, Fault(Kind.REFUSED), device="ap1"),))
        async with ON_52(tmp_path, clock, faults=plan) as rig, rig.agent() as agent:
            await seen(rig, agent)
            rig.world.set_stubborn(rig.key)
            rig.world.radar(rig.key)
            await until(lambda: barred(agent))
            await agent.radar.quiet()
            await until(lambda: rig.world.radio(rig.key).state is RadioState.ON_AIR)
            assert not rig.block().mhz20 & {5260, 5280}
            assert any("switched off" in alert.text for alert in agent.alerts)

    run(story)


def test_an_ap_that_fell_silent_with_nowhere_to_go_is_repaired(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            await seen(rig, agent)
            rig.world.radio(rig.key).nowhere = True
            rig.world.radar(rig.key)
            assert rig.world.radio(rig.key).state is RadioState.NOP
            await until(lambda: rig.world.radio(rig.key).state is RadioState.ON_AIR, limit_s=30)
            assert not rig.block().mhz20 & {5260, 5280}

    run(story)


def test_auto_rollback_never_lands_where_radar_was_heard(tmp_path: Path) -> None:
    """Regression: a public project's rollback put the AP back onto the channel it had to leave."""

    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            rig.world.spoil(rig.key, block(Band.GHZ_5, 161, 40), 4.0)
            opened = await drill(rig, agent, 161)
            await agent.executor.settled(opened.id, State.MONITORING)
            await agent.radar.heard(_report({5260, 5280}, by="ap2"))
            change = await final(agent, opened)
            assert change.state is State.ROLLED_BACK
            assert change.prior[Setting.CHANNEL] == 52
            assert not rig.block().mhz20 & {5260, 5280}
            assert change.rollback_to is not None

    run(story)


def test_a_radar_event_in_the_cooldown_is_not_dropped(tmp_path: Path) -> None:
    """Regression: a public project dropped radar that came within the AP's cooldown."""

    async def story(clock: Clock) -> None:
        async with (
            rig_of(tmp_path, clock, channels=(36, 149, 157, 44), width=40) as rig,
            rig.agent() as agent,
        ):
            await seen(rig, agent)
            opened = await drill(rig, agent, 52)
            change = await agent.executor.settled(opened.id, State.MONITORING)
            assert change.state is State.MONITORING
            rig.world.set_stubborn(rig.key)
            rig.world.radar(rig.key)
            await until(lambda: barred(agent), limit_s=5)
            await agent.radar.quiet()
            assert (await final(agent, opened)).state is State.SUPERSEDED
            assert not rig.block().mhz20 & {5260, 5280}

    run(story)


def test_a_rollback_never_starts_a_cac(tmp_path: Path) -> None:
    """The prior channel is legal, but its CAC credit is gone: the clients would lose a minute."""

    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            rig.world.spoil(rig.key, block(Band.GHZ_5, 161, 40), 4.0)
            change = await final(agent, await drill(rig, agent, 161))
            assert change.state is State.ROLLED_BACK
            assert rig.world.radio(rig.key).state is RadioState.ON_AIR
            assert rig.block().primary not in (52, 161)

    run(story)


def test_radar_that_no_signal_told_of_is_found_by_the_poll(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            rig.world.radar(rig.key)  # before the agent listens
            async with rig.agent() as agent:
                await until(lambda: barred(agent) >= {5260}, limit_s=60)
                await agent.radar.quiet()

    run(story)


def test_the_nop_outlives_a_restart_and_starts_again_after_a_reboot(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            async with rig.agent() as agent:
                await seen(rig, agent)
                rig.world.radar(rig.key)
                await until(lambda: barred(agent))
                left = {n.mhz20: n.deadline.left_s(clock.now()) for n in agent.memory.nops.values()}
            async with rig.agent() as agent:
                assert barred(agent) >= {5260}
                assert agent.memory.nops["lab", 5260, rig.key].deadline.left_s(clock.now()) <= left[5260]
            await until(lambda: clock.monotonic() > 1000)
            clock.reboot()
            async with rig.agent() as agent:
                assert agent.memory.nops["lab", 5260, rig.key].deadline.left_s(clock.now()) == pytest.approx(
                    NOP_S, abs=1
                )

    run(story)


def test_two_radios_within_a_minute_make_everybody_leave(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, channels=(52,), width=40) as rig, rig.agent() as agent:
            await until(lambda: all(r.reading for r in agent.memory.radios.values()))
            rig.world.radar(rig.key)
            await until(lambda: barred(agent))
            await agent.radar.quiet()
            keys = list(rig.site.radios)
            assert rig.block(keys[3]).primary == 52, "radios in service there stay"
            rig.world.radar(keys[1])
            await until(lambda: not any(rig.block(k).mhz20 & {5260} for k in keys), limit_s=60)

    run(story)


def test_a_hung_device_delays_no_radar_elsewhere(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        def hung(call: Call) -> bool:
            return call.at_s > 30

        plan = FaultPlan(
            tuple(
                Scripted(op, hung, Fault(Kind.HANG), device="ap2")
                for op in (Operation.READ, Operation.READ_CONFIG, Operation.OPEN)
            )
        )
        async with ON_52(tmp_path, clock, faults=plan) as rig, rig.agent() as agent:
            await until(lambda: clock.monotonic() > 60)
            heard_s = clock.monotonic()
            rig.world.radar(rig.key)
            await until(lambda: barred(agent), step_s=0.01)
            assert clock.monotonic() - heard_s < 0.1

    run(story)


def _report(mhz20: set[int], by: str) -> Report:
    return Report(site="lab", radios=(radio_key("lab", by, "r5"),), mhz20=frozenset(mhz20), source="signal")
