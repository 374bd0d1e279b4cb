"""A bug costs its own device or site one pass: it is told once, tried again, and ends nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from stories import AP1, AP2, opened, stage
from structlog.testing import capture_logs

from agent.clock import Clock
from agent.counts import Count, Counts
from agent.events import EventKind
from agent.simulated_time import run
from agent.supervisor import IN_A_ROW_MOST, Supervisor
from drivers.signals import AttackHeard, RadarDetected


class Bug(Exception):
    """What nobody foresaw."""


def test_a_poller_with_a_bug_is_begun_again_and_the_others_poll_on(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, calm_s=60.0) as (_, agent):
            see, failures = agent.memory.see, 0

            def broken(snapshot: Any) -> None:
                nonlocal failures
                if AP1 in snapshot.readings and failures < 3:
                    failures += 1
                    raise Bug("nobody foresaw this")
                see(snapshot)

            agent.memory.see = broken  # type: ignore[method-assign]
            with capture_logs() as logs:
                await asyncio.sleep(60.0)
            assert failures == 3
            told = [each for each in logs if each["event"] == "loop.failed"]
            assert [each["times"] for each in told] == [1, 2, 3]
            assert told[0]["loop"] == "poll-lab/ap1"
            assert isinstance(told[0]["exc_info"], Bug)
            assert [a.text for a in agent.alerts if "a bug" in a.text] == [
                "a bug: poll-lab/ap1 failed and is tried again: Bug: nobody foresaw this"
            ]
            assert agent.ledger.counts.of(Count.FAILURES) == {("lab", "poll"): 3}
            for key in (AP1, AP2):
                reading = agent.memory.radios[key].reading
                assert reading is not None
                assert clock.monotonic() - reading.at_s < 20.0

    run(story)


def test_after_a_bug_in_a_listener_the_device_is_read_and_listened_to_again(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, channels=(52, 100, 149, 157), calm_s=60.0) as (rig, agent):
            told, once = agent.memory.told, [Bug("no")]

            def broken(signal: Any, now_s: float) -> None:
                if once:
                    raise once.pop()
                told(signal, now_s)

            agent.memory.told = broken  # type: ignore[method-assign]
            rig.world._emit(AP1, AttackHeard(at_s=0.0, device="", radio=AP1, what="x"))
            rig.world.hardware.crash_radio(AP2)
            await asyncio.sleep(5.0)
            assert not once
            rig.world.radar(AP1)
            await asyncio.sleep(1.0)
            assert agent.memory.nops

    run(story)


def test_a_bug_in_a_look_leaves_the_inbox_alive(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, calm_s=60.0) as (_, agent):
            look, once = agent.incidents.look, [Bug("no")]

            async def broken(*args: Any) -> None:
                if once:
                    raise once.pop()
                await look(*args)

            agent.incidents.look = broken  # type: ignore[method-assign,assignment]
            attack = AttackHeard(at_s=clock.monotonic(), device="ap1", radio=AP1, what="deauth")
            await agent.inbox.told("lab", "ap1", attack)
            await asyncio.sleep(0.1)
            assert not once
            await asyncio.sleep(1.5)
            await agent.inbox.told("lab", "ap1", attack)
            await asyncio.sleep(0.1)
            assert [event.key for event in opened(agent, EventKind.SECURITY)] == [f"attack:{AP1}"]

    run(story)


def test_a_way_out_that_fails_costs_no_radar(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, channels=(52, 100, 149, 157), calm_s=60.0) as (_, agent):

            def broken(alert: Any) -> None:
                raise Bug("webhook")

            agent.alarm.sinks.append(broken)
            agent.alarm.tell("lab", "anything", None)
            radar = RadarDetected(at_s=0.0, device="ap1", radio=AP1, mhz20=frozenset({5260}))
            await agent.inbox.told("lab", "ap1", radar)
            assert agent.memory.nops

    run(story)


def test_a_vital_loop_that_fails_again_and_again_ends_the_daemon(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        begun = 0

        async def broken() -> None:
            nonlocal begun
            begun += 1
            raise Bug("never")

        with pytest.raises(BaseExceptionGroup) as ended:
            async with asyncio.TaskGroup() as tasks:
                Supervisor(tasks, Counts(), lambda *_: None).keep("inbox", "*", broken, vital=True)
        assert ended.group_contains(Bug) if hasattr(ended, "group_contains") else ended.value.subgroup(Bug)
        assert begun == IN_A_ROW_MOST

    run(story)
