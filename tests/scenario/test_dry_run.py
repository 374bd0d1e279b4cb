"""A dry run: everything up to the write, and nothing to any device."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rig import replace, rig_of, site_of, until
from stories import AP1, AP2, calm, changes_for, event_of, interferes, policy_of, said, stage

from agent.change import REHEARSED, Actor, Change, State
from agent.clock import Clock
from agent.daemon import rehearsing
from agent.events import EventKind
from agent.planner.decision import NoChange
from agent.simulated_time import run
from drivers.simulated.faults import Call, Fault, FaultPlan, Kind, Operation, Scripted
from inventory.model import Mode, Site

PERSON = Actor(type="operator", uid=1000, name="ann")
BURST, FAILURE = EventKind.NON_WIFI_BURST, EventKind.HW_FAILURE
SITE = site_of(4, policy=policy_of(Mode.DRY_RUN), widths=(20,))


class Writes:
    """What is written to any device; hinders nothing."""

    def __init__(self) -> None:
        self.seen: list[Operation] = []
        writes = (Operation.APPLY, Operation.ACT, Operation.CONFIRM, Operation.CANCEL)
        self.plan = FaultPlan(tuple(Scripted(each, self._see, Fault(Kind.TIMEOUT)) for each in writes))

    def _see(self, call: Call) -> bool:
        self.seen.append(call.operation)
        return False


def test_interference_and_a_failure_show_what_would_be_done_and_do_nothing(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        writes = Writes()
        async with stage(tmp_path, clock, SITE, faults=writes.plan) as (rig, agent):
            here = rig.block()
            interferes(rig, here)
            rig.world.hardware.stick(AP2)
            burst = await event_of(agent, BURST)
            await event_of(agent, FAILURE)
            (shown, *_) = await until(lambda: [c for c in changes_for(agent, burst) if c.final])
            assert (shown.state, shown.verdict) == (State.EXPIRED, REHEARSED)
            await asyncio.sleep(1500.0)
            assert len(changes_for(agent, burst)) == 1, "not in every pass"
            assert rig.block() == here
            assert not writes.seen
            assert rig.world.radio(AP2).stuck
        (record,) = said(rig, "dry_run")
        wanted = [f"set {AP1} {name} {value}" for name, value in sorted(shown.target.items())]
        told = [each["value"] for each in record["evidence"] if each["field"] == "command"]
        assert told == wanted
        assert [r["result"] for r in said(rig, "restart_radio")] == ["dry_run"]
        assert rig.steps(shown.id) == ["PLANNED", "EXPIRED"]

    run(story)


def test_a_person_sees_what_their_own_request_would_send(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        writes = Writes()
        async with stage(tmp_path, clock, SITE, faults=writes.plan, calm_s=20.0) as (rig, agent):
            for _ in range(2):  # as often as they ask
                done = await agent.operator.inject(
                    BURST, AP1, channel=161, width_mhz=None, act=True, actor=PERSON
                )
                assert isinstance(done.change, Change), done
                assert done.change.verdict == REHEARSED
                assert done.effects is not None
                (record, *_) = reversed(said(rig, "dry_run"))
                assert list(done.effects.commands) == [each["value"] for each in record["evidence"]]
                await asyncio.sleep(30.0)
            assert not writes.seen

    run(story)


def test_radar_is_left_to_the_ap_and_a_person_is_told(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        writes = Writes()
        async with stage(
            tmp_path, clock, SITE, faults=writes.plan, calm_s=20.0, channels=(52, 149, 157, 44)
        ) as (rig, agent):
            rig.world.set_stubborn(AP1)
            rig.world.radar(AP1)
            await until(lambda: agent.alerts, limit_s=60.0)
            assert "the mode is dry_run" in agent.alerts[0].text
            assert agent.memory.barred("lab", clock.now())
            assert not writes.seen

    run(story)


def test_a_restart_begins_no_repetition_and_another_mode_begins_anew(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, SITE) as rig:
            async with rig.agent() as agent:
                await calm(clock, 20.0)
                first = await agent.operator.inject(
                    BURST, AP1, channel=161, width_mhz=None, act=True, actor=PERSON
                )
                assert first.change is not None
            async with rig.agent() as agent:
                await until(lambda: agent.memory.radios[AP1].reading)
                again = agent.memory.changes[first.change.id]
                assert again.verdict == REHEARSED
                undone = await agent.changes.try_undo(replace(again, state=State.COMMITTED), PERSON)
                assert isinstance(undone, NoChange)
            rig.site = replace(SITE, policy=replace(SITE.policy, mode=Mode.ACT))
            async with rig.agent() as agent:
                await until(lambda: agent.memory.radios[AP1].reading)
                done = await agent.operator.inject(
                    BURST, AP1, channel=161, width_mhz=None, act=True, actor=PERSON
                )
                assert done.change is not None
                settled = await agent.executor.settled(done.change.id, State.MONITORING)
                assert settled.state is State.MONITORING
            rig.verify()

    run(story)


def test_the_option_takes_every_mode_that_writes() -> None:
    def mode_of(mode: Mode) -> Mode:
        site: Site = replace(SITE, policy=replace(SITE.policy, mode=mode))
        return rehearsing(site).policy.mode

    assert {mode: mode_of(mode) for mode in Mode} == {
        Mode.OBSERVE: Mode.OBSERVE,
        Mode.DRY_RUN: Mode.DRY_RUN,
        Mode.ADVISE: Mode.DRY_RUN,
        Mode.ACT: Mode.DRY_RUN,
    }
