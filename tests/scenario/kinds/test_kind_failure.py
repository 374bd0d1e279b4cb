"""HW_FAILURE, from the failure to the clearing: restarted, covered for, only told, or hands off."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from rig import Rig, rig_of, site_of, until
from stories import (
    AP1,
    AP2,
    SHORT,
    Gate,
    calm,
    codes,
    event_of,
    evidence,
    opened,
    over,
    policy_of,
    raised,
    said,
    stage,
    tells_one_story,
    with_options,
)

from agent.agent import Agent
from agent.answers import IN_DOUBT
from agent.change import State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from agent.store.errors import StoreUnavailable
from drivers.simulated.faults import Fault, Kind, Operation
from drivers.types import RadioState, Setting

FAILURE = EventKind.HW_FAILURE
NEAR = site_of(4, policy=SHORT, widths=(20,), spacing_m=30.0)
"""Each AP is heard by those beside it."""


def restarts(rig: Rig) -> list[str]:
    return [r["result"] for r in said(rig, "restart_radio")]


def power(rig: Rig) -> list[int]:
    return [round(rig.world.radio(key).power_dbm) for key in rig.world.radio_keys()]


# -- a radio ---------------------------------------------------------------------------------------------


def test_a_radio_that_is_down_is_restarted(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = with_options(site_of(4, policy=SHORT), fault_reports=False)
        async with stage(tmp_path, clock, site) as (rig, agent):
            rig.world.hardware.crash_radio(AP1)
            event = await event_of(agent, FAILURE, f"{AP1}:radio_down")
            await until(lambda: rig.world.state_of(AP1) is RadioState.ON_AIR)
            await over(agent, event)
            assert [alert.text for alert in agent.alerts] == ["Hardware failure: radio_down"]
        told = tells_one_story(rig, FAILURE)
        assert codes(told)[:4] == ["event.raised", "alert_hw_failure", "restart_radio", "restart_radio"]
        assert restarts(rig) == ["doing", "done"]

    run(story)


def test_a_radio_that_our_own_restart_left_off_is_not_called_switched_off(tmp_path: Path) -> None:
    """Half of a restart was done and nobody heard of it: the agent knows that it was its own hand, also after
    a start of its own, until the radio has been on air again."""

    async def story(clock: Clock) -> None:
        site = with_options(site_of(4, policy=SHORT), fault_reports=False)
        gate = Gate(opened=True, most=1)
        plan = gate.script(Operation.ACT, Fault(Kind.TIMEOUT))
        async with rig_of(tmp_path, clock, site, faults=plan) as rig:
            async with rig.agent() as agent:
                await calm(clock)
                rig.world.hardware.crash_radio(AP1)
                await until(lambda: restarts(rig) == ["doing", "failed"])
                rig.world.set_externally(AP1, {Setting.ENABLED: 0})  # the first of two writes arrived
                assert [alert.text for alert in agent.alerts][1:] == [IN_DOUBT]
                assert set(agent.memory.in_doubt) == {AP1}
                again_s = 2 * SHORT.detect.restart_interval_s
                await until(lambda: restarts(rig)[2:3] == ["doing"], limit_s=again_s)
                assert not said(rig, "switched_off_by_someone")
            async with rig.agent() as agent:
                assert set(agent.memory.in_doubt) == {AP1}
                rig.world.set_externally(AP1, {Setting.ENABLED: 1})
                await until(lambda: not agent.memory.in_doubt)
            rig.verify()

    run(story)


def test_a_restart_that_is_seen_to_be_over_while_the_disk_is_lost_costs_no_poll(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            await calm(clock)

            def lost(key: str, value: str) -> None:
                raise StoreUnavailable("disk I/O error")

            kept, agent.ledger.store.set_meta = agent.ledger.store.set_meta, lost  # type: ignore[method-assign]
            agent.memory.in_doubt[AP1] = clock.monotonic()
            await until(lambda: not agent.memory.in_doubt)
            agent.ledger.store.set_meta = kept  # type: ignore[method-assign]
            await asyncio.sleep(60.0)
            assert not [alert for alert in agent.alerts if "a bug" in alert.text]

    run(story)


def test_a_radio_that_a_person_switched_off_stays_off(tmp_path: Path) -> None:
    """It is told of, once; nobody but that person switches it on again."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            rig.world.set_externally(AP1, {Setting.ENABLED: 0})
            await event_of(agent, FAILURE, f"{AP1}:radio_down")
            await asyncio.sleep(2 * SHORT.detect.restart_interval_s)
            assert rig.world.state_of(AP1) is RadioState.OFF
            assert len(agent.alerts) == 1
        assert restarts(rig) == []
        assert len(said(rig, "switched_off_by_someone")) == 1

    run(story)


def test_what_a_device_calls_a_fault_is_over_when_the_radio_works_again(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            rig.world.hardware.crash_radio(AP1)
            event = await event_of(agent, FAILURE, f"{AP1}:fault")
            await over(agent, event, limit_s=120.0)
        tells_one_story(rig, FAILURE)
        assert restarts(rig) == ["doing", "done"]

    run(story)


def test_a_word_of_a_device_is_not_believed_for_ever(tmp_path: Path) -> None:
    """A chip that was reset once, and a device that can't restart it: nobody takes the word back."""

    async def story(clock: Clock) -> None:
        policy = policy_of(forget_s=600.0)
        site = with_options(site_of(4, policy=policy), actions=())
        async with stage(tmp_path, clock, site) as (rig, agent):
            rig.world.hardware.reset(AP1)
            event = await event_of(agent, FAILURE, f"{AP1}:fault")
            await over(agent, event, limit_s=2.2 * policy.detect.forget_s)
        assert len(raised(rig, FAILURE)) == 1

    run(story)


def test_a_stuck_queue_is_freed(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            rig.world.hardware.stick(AP1)
            event = await event_of(agent, FAILURE)
            assert event.key == f"{AP1}:stuck"
            await over(agent, event)
            assert not rig.world.radio(AP1).stuck
        told = tells_one_story(rig, FAILURE)
        assert evidence(told[0])["clients"] == 6
        assert restarts(rig) == ["doing", "done"]

    run(story)


def test_a_broken_radio_is_restarted_once_an_hour(tmp_path: Path) -> None:
    """An hour of this policy has ten minutes."""

    async def story(clock: Clock) -> None:
        policy = policy_of(restart_interval_s=600.0)
        site = with_options(site_of(4, policy=policy), fault_reports=False)
        async with stage(tmp_path, clock, site) as (rig, agent):
            rig.world.hardware.break_radio(AP1)
            event = await event_of(agent, FAILURE, f"{AP1}:radio_down")
            await asyncio.sleep(590.0)
            assert restarts(rig).count("doing") == 1
            await asyncio.sleep(600.0)
            assert restarts(rig).count("doing") == 2
            assert opened(agent, FAILURE) == [agent.incidents.open_events()[0]]
            rig.world.hardware.mend_radio(AP1)
            await over(agent, event)
            assert len(agent.alerts) == 1
        tells_one_story(rig, FAILURE)

    run(story)


# -- an AP -----------------------------------------------------------------------------------------------


async def covered(rig: Rig, agent: Agent) -> None:
    """AP 2 dies, and both neighbours give all the help that they may."""
    rig.world.hardware.kill_ap("lab/ap2")
    await event_of(agent, FAILURE, f"{AP2}:dead")
    await until(lambda: power(rig)[0] == power(rig)[2] == 23, limit_s=3000.0)


def test_neighbours_cover_for_a_dead_ap_and_give_it_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, NEAR) as (rig, agent):
            await covered(rig, agent)
            (dead,) = opened(agent, FAILURE)
            assert power(rig) == [23, 17, 23, 17], "never more than 6 dB, and nobody else"
            rig.world.hardware.revive_ap("lab/ap2")
            await over(agent, dead)
            await until(lambda: power(rig) == [17, 17, 17, 17], limit_s=3000.0)
        told = tells_one_story(rig, FAILURE)
        assert codes(told).count("cover_for_a_dead_neighbour") == 4

    run(story)


def test_giving_back_that_was_worse_is_tried_again_after_the_bar(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(4, policy=replace(SHORT, bar_s=400.0), widths=(20,), spacing_m=30.0)
        async with stage(tmp_path, clock, site) as (rig, agent):
            await covered(rig, agent)
            rig.world.hardware.revive_ap("lab/ap2")
            undo = await until(lambda: next((c for c in agent.memory.changes.values() if c.undo_of), None))
            await until(lambda: agent.memory.changes[undo.id].state is State.MONITORING, step_s=0.1)
            rig.world.spoil(undo.radios[0], None, 4.0)
            assert (await agent.executor.finished(undo.id)).state is State.ROLLED_BACK
            rig.world.spoil(undo.radios[0], None, 1.0)
            await until(lambda: power(rig) == [17, 17, 17, 17], limit_s=9000.0)
            await asyncio.sleep(1500.0)
            assert power(rig) == [17, 17, 17, 17], "once"
        assert len(said(rig, "giving_back_was_worse")) == 1

    run(story)


def test_help_is_given_for_as_long_as_the_ap_is_dead(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        policy = policy_of(forget_s=600.0)
        site = site_of(4, policy=policy, widths=(20,), spacing_m=30.0)
        async with stage(tmp_path, clock, site) as (rig, agent):
            await covered(rig, agent)
            await asyncio.sleep(2.5 * policy.detect.forget_s)
            assert power(rig) == [23, 17, 23, 17]
            assert [event.key for event in opened(agent, FAILURE)] == [f"{AP2}:dead"]
        assert len(raised(rig, FAILURE)) == 1

    run(story)


def test_an_ap_that_is_still_heard_is_only_told_of(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, NEAR) as (rig, agent):
            rig.world.hardware.cut_management("lab/ap2")
            event = await event_of(agent, FAILURE)
            assert event.key == f"{AP2}:unreachable"
            await asyncio.sleep(1200.0)
            assert [alert.text for alert in agent.alerts] == ["The AP can't be reached"]
            rig.world.hardware.restore_management("lab/ap2")
            await over(agent, event)
            assert not agent.memory.changes
        told = tells_one_story(rig, FAILURE)
        assert codes(told)[1:3] == ["alert_hw_failure", "unreachable_is_not_dead"]

    run(story)


def test_an_ap_that_is_heard_again_is_dead_no_more(tmp_path: Path) -> None:
    """It has power again, but its management stays cut."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, NEAR) as (rig, agent):
            await covered(rig, agent)
            dead = await event_of(agent, FAILURE, f"{AP2}:dead")
            rig.world.hardware.revive_ap("lab/ap2")
            rig.world.hardware.cut_management("lab/ap2")
            await over(agent, dead)
            await until(lambda: power(rig) == [17, 17, 17, 17], limit_s=3000.0)
            assert [event.key for event in opened(agent, FAILURE)] == [f"{AP2}:unreachable"]

    run(story)


# -- a site ----------------------------------------------------------------------------------------------


def test_three_aps_lost_together_are_one_alert_and_nobody_is_touched(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, NEAR) as (rig, agent):
            for n in (1, 2, 3):
                rig.world.hardware.kill_ap(f"lab/ap{n}")
            event = await event_of(agent, FAILURE)
            assert (event.key, event.radio) == ("site_loss", None)
            await asyncio.sleep(900.0)
            assert [alert.text for alert in agent.alerts] == ["Many APs of the site are lost together"]
            for n in (1, 2, 3):
                rig.world.hardware.revive_ap(f"lab/ap{n}")
            await over(agent, event)
            assert not agent.memory.changes
        told = tells_one_story(rig, FAILURE, key="site_loss")
        assert codes(told) == ["event.raised", "alert_hw_failure", "hands_off", "event.cleared"]

    run(story)


def test_two_aps_lost_together_are_two_failures(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, site_of(8, policy=SHORT)) as (rig, agent):
            rig.world.hardware.cut_management("lab/ap1")
            rig.world.hardware.cut_management("lab/ap3")
            await until(lambda: len(opened(agent, FAILURE)) == 2, limit_s=600.0)
            await asyncio.sleep(300.0)
        assert [evidence(r)["what"] for r in raised(rig, FAILURE)] == ["unreachable"] * 2

    run(story)
