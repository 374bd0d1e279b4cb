"""Radar when something else goes on as well: a second hit, a silent radio, a hung call, a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rig import Rig, rig_of, site_of, until

from agent.agent import Agent
from agent.change import Actor, State
from agent.clock import Clock
from agent.events import EventKind
from agent.radar import Report
from agent.simulated_time import run
from drivers.simulated.faults import Call, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import ConfigState, RadioState, ScopeRef, Setting
from inventory.model import radio_key

PERSON = Actor(type="operator", uid=1000, name="ann")
ON_52 = partial(rig_of, channels=(52, 149, 157, 44), width=40)
DFS = frozenset(range(5260, 5321, 20)) | frozenset(range(5500, 5581, 20)) | {5680, 5700}


async def seen(rig: Rig, agent: Agent) -> None:
    await until(lambda: all(r.reading is not None for r in agent.memory.radios.values()))


def as_hostapd(device: Any) -> Any:
    """Answers as hostapd does: a silent radio has no channel."""
    read = device.read_config

    async def read_config(ref: ScopeRef) -> ConfigState:
        have: ConfigState = await read(ref)
        if have.state not in (RadioState.OFF, RadioState.NOP):
            return have
        silent: Mapping[Setting, int] = {Setting.ENABLED: 0}
        return replace(have, in_force=silent, configured=silent)

    device.read_config = read_config
    return device


def test_a_silent_radio_that_tells_no_channel_is_repaired(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            rig.wrap_device = as_hostapd
            async with rig.agent() as agent:
                await seen(rig, agent)
                rig.world.radio(rig.key).nowhere = True
                rig.world.radar(rig.key)
                await until(lambda: rig.world.radio(rig.key).state is RadioState.ON_AIR, limit_s=30)
                assert not rig.block().mhz20 & {5260, 5280}

    run(story)


def test_a_second_hit_while_the_first_is_looked_after_is_not_lost(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            await seen(rig, agent)
            rig.world.set_stubborn(rig.key)
            rig.world.radar(5260)
            await until(lambda: agent.memory.barred("lab", clock.now()), step_s=0.01)
            rig.world.radar(5280)
            await agent.radar.quiet()
            assert agent.memory.barred("lab", clock.now()) >= {5260, 5280}
            assert not rig.block().mhz20 & {5260, 5280}

    run(story)


def test_our_own_switch_onto_a_channel_just_barred_is_taken_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(country="DE")
        async with rig_of(tmp_path, clock, site, channels=(36, 60, 44, 48), width=20) as rig:
            rig.world.radio(rig.key).memory.checked(rig.block(radio_key("lab", "ap2", "r5")))
            async with rig.agent() as agent:
                await until(lambda: clock.monotonic() > 100)
                done = await agent.operator.inject(
                    EventKind.NON_WIFI_BURST, rig.key, channel=60, width_mhz=20, act=True, actor=PERSON
                )
                assert done.change is not None, done.decision
                change = await agent.executor.settled(done.change.id, State.APPLYING)
                report = Report(
                    site="lab",
                    radios=(radio_key("lab", "ap2", "r5"),),
                    mhz20=frozenset({5300}),
                    source="signal",
                )
                await agent.radar.heard(report)
                change = await agent.executor.finished(change.id)
                await until(lambda: clock.monotonic() > 400)
                assert change.state is not State.SUPERSEDED
                assert not rig.block().mhz20 & {5300}, change

    run(story)


def test_a_poll_that_hangs_does_not_hold_radar_beyond_the_law(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        hung = {"from": 1e9}
        plan = FaultPlan(
            (Scripted(Operation.READ, lambda call: _once(call, hung), Fault(Kind.HANG), device="ap1"),)
        )
        async with ON_52(tmp_path, clock, faults=plan) as rig, rig.agent() as agent:
            await seen(rig, agent)
            rig.world.set_stubborn(rig.key)
            hung["from"] = clock.monotonic()
            calls = lambda: hung.get("hit")  # noqa: E731
            await until(calls, step_s=0.1)
            heard_s = clock.monotonic()
            rig.world.radar(rig.key)
            await until(lambda: not rig.block().mhz20 & {5260, 5280}, step_s=0.1, limit_s=60)
            assert clock.monotonic() - heard_s < 10

    run(story)


def _once(call: Call, hung: dict[str, float]) -> bool:
    if call.at_s < hung["from"] or "hit" in hung:
        return False
    hung["hit"] = 1.0
    return True


def test_a_radio_with_dfs_channels_only_comes_back_by_way_of_a_cac(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, channels=(52, 149, 157, 44)) as rig, rig.agent() as agent:
            await seen(rig, agent)
            radio = rig.world.radio(rig.key)
            radio.allowed_mhz = DFS
            radio.legal_mhz = DFS
            radio.stubborn = True
            await until(lambda: clock.monotonic() > 30)
            rig.world.radar(rig.key)
            await until(lambda: radio.state is RadioState.CAC, limit_s=60)
            await until(lambda: radio.state is RadioState.ON_AIR, limit_s=200)
            assert not rig.block().mhz20 & agent.memory.barred("lab", clock.now())

    run(story)


def test_a_radio_that_a_person_switched_off_stays_off(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, channels=(52,), width=40) as rig, rig.agent() as agent:
            await seen(rig, agent)
            keys = list(rig.site.radios)
            rig.world.set_externally(keys[3], {Setting.ENABLED: 0})
            await until(lambda: clock.monotonic() > 40)
            rig.world.radar(keys[0])
            await until(lambda: agent.memory.barred("lab", clock.now()))
            rig.world.radar(keys[1])
            await until(lambda: clock.monotonic() > 200)
            assert rig.world.radio(keys[3]).state is RadioState.OFF

    run(story)


def test_one_report_that_could_be_of_two_radios_is_one_detector(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, channels=(52,), width=40) as rig, rig.agent() as agent:
            await seen(rig, agent)
            keys = list(rig.site.radios)
            report = Report(site="lab", radios=(keys[0], keys[1]), mhz20=frozenset({5260}), source="signal")
            await agent.radar.heard(report)
            await agent.radar.quiet()
            await until(lambda: clock.monotonic() > 100)
            assert rig.block(keys[3]).primary == 52, "radios in service there stay"

    run(story)


def test_a_report_that_names_no_radio_does_not_confirm_itself(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, channels=(52,), width=40) as rig, rig.agent() as agent:
            await seen(rig, agent)
            await agent.radar.heard(Report(site="lab", radios=(), mhz20=frozenset({5260}), source="signal"))
            await agent.radar.quiet()
            await until(lambda: clock.monotonic() > 100)
            assert 5260 in agent.memory.barred("lab", clock.now())
            assert {rig.block(key).primary for key in rig.site.radios} == {52}

    run(story)


def test_an_observed_site_is_told_of_once(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        from inventory.model import Mode

        policy = replace(site_of().policy, mode=Mode.OBSERVE)
        async with ON_52(tmp_path, clock, site_of(policy=policy)) as rig, rig.agent() as agent:
            await seen(rig, agent)
            rig.world.set_stubborn(rig.key)
            rig.world.radar(rig.key)
            await until(lambda: clock.monotonic() > 900)
            assert len(agent.alerts) == 1
            assert not agent.memory.changes

    run(story)
