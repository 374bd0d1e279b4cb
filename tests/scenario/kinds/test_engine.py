"""The engine of open events: urgency, patience, restarts, a lost disk, a detector with a bug."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rig import LosableDisk, killed, rig_of, site_of, until
from stories import (
    AP1,
    AP2,
    AP3,
    SHORT,
    about,
    calm,
    change_for,
    changes_for,
    cleared,
    codes,
    event_of,
    interferes,
    opened,
    over,
    policy_of,
    raised,
    said,
    stage,
)
from structlog.testing import capture_logs

from agent import incidents, lookout
from agent.change import Actor, State
from agent.clock import Clock
from agent.detectors.sight import Finding, Presence, Sight
from agent.detectors.table import DETECTORS
from agent.event_queue import PRIORITY
from agent.events import EventKind
from agent.simulated_time import SimulatedClock, run
from agent.store.store import Store

PERSON = Actor(type="operator", uid=1000, name="ann")
BURST, FAILURE = EventKind.NON_WIFI_BURST, EventKind.HW_FAILURE


def says(presence: Mapping[Any, Presence], kind: EventKind, **more: Any) -> Any:
    """A detector that says of each radio what the test wants, by key."""

    def detector(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
        told = presence.get(sight.key)
        if told is None:
            return ()
        return (Finding(kind=kind, key=sight.key, presence=told, radio=sight.key, **more),)

    return detector


# -- urgency -----------------------------------------------------------------------------------------------


def test_what_is_most_urgent_is_decided_on_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven kinds of event found in one poll, in the wrong order."""

    async def story(clock: Clock) -> None:
        there: dict[str, Presence] = {}
        kinds = [kind for kind in reversed(PRIORITY) if kind is not EventKind.DFS_RADAR]
        table = {kind: says(there, kind, evidence={"what": "unreachable"}) for kind in kinds}
        monkeypatch.setattr(lookout, "DETECTORS", table)
        monkeypatch.setattr(incidents, "AT_ONCE", 1)
        decided: list[EventKind] = []
        async with stage(tmp_path, clock, calm_s=30.0) as (_, agent):
            whole, go_on = agent.incidents._decide, asyncio.Event()

            async def slowly(incident: incidents.Incident) -> None:
                decided.append(incident.event.kind)
                await go_on.wait()
                await whole(incident)

            agent.incidents._decide = slowly  # type: ignore[method-assign]
            there[AP1] = Presence.THERE
            await until(lambda: len(agent.incidents.queue) == len(kinds) - 1, step_s=0.1)
            go_on.set()
            await until(lambda: len(decided) >= len(kinds))
        assert decided[0] is kinds[0], "nothing else was known yet"
        assert decided[1 : len(kinds)] == sorted(kinds[1:], key=lambda kind: PRIORITY[kind])

    run(story)


def test_what_the_store_calls_open_goes_on_under_its_own_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: Clock) -> None:
        there = {AP1: Presence.THERE}
        monkeypatch.setattr(
            lookout, "DETECTORS", {FAILURE: says(there, FAILURE, evidence={"what": "unreachable"})}
        )
        async with stage(tmp_path, clock, calm_s=60.0) as (rig, agent):
            first = await event_of(agent, FAILURE)
            agent.incidents._open.clear()  # what memory lost, the store has
            await until(lambda: [each.id for each in opened(agent, FAILURE)] == [first.id])
            there[AP1] = Presence.OVER
            await until(lambda: not opened(agent, FAILURE))
        assert (len(raised(rig, FAILURE)), len(cleared(rig, FAILURE))) == (1, 1)

    run(story)


def test_an_agent_in_waiting_raises_nothing_and_goes_on_with_what_it_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: Clock) -> None:
        there: dict[str, Presence] = {}
        monkeypatch.setattr(
            lookout, "DETECTORS", {FAILURE: says(there, FAILURE, evidence={"what": "unreachable"})}
        )
        async with rig_of(tmp_path, clock) as rig:
            async with rig.agent() as agent:
                there[AP1] = Presence.THERE
                first = await event_of(agent, FAILURE)
            other = Store(rig.url)
            other.take_lease("lab", "other", clock.now().utc_us, 600.0)
            async with rig.agent() as agent:
                there[AP2] = Presence.THERE
                await asyncio.sleep(60.0)  # one that is not renewed is another's for a minute and a half
                assert not agent.incidents.open_events()
                assert not agent.alerts
                await until(lambda: not agent.memory.standby)
                await until(lambda: {each.key for each in agent.incidents.open_events()} == {AP1, AP2})
                assert first.id in {each.id for each in agent.incidents.open_events()}
            other.close()

    run(story)


def test_one_event_is_one_however_often_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(clock: Clock) -> None:
        there = {AP1: Presence.THERE}
        monkeypatch.setattr(
            lookout, "DETECTORS", {FAILURE: says(there, FAILURE, evidence={"what": "unreachable"})}
        )
        async with stage(tmp_path, clock, calm_s=300.0) as (rig, agent):
            assert len(opened(agent, FAILURE)) == 1
            assert len(agent.incidents.queue) <= 1
            there[AP1] = Presence.OVER
            await until(lambda: not opened(agent, FAILURE))
            await asyncio.sleep(60.0)
            there[AP1] = Presence.THERE
            await event_of(agent, FAILURE)
            await asyncio.sleep(60.0)
        assert (len(raised(rig, FAILURE)), len(cleared(rig, FAILURE))) == (2, 1)
        assert len(said(rig, "alert_hw_failure")) == 1, "it is back so soon that nobody is told again"

    run(story)


# -- patience ----------------------------------------------------------------------------------------------


def test_a_vetoed_event_is_decided_again_at_doubling_waits_and_told_once(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            asked: list[float] = []
            whole = agent.incidents._answers_to

            def spied(view: Any, event: Any) -> Any:
                asked.append(clock.monotonic())
                return whole(view, event)

            agent.incidents._answers_to = spied  # type: ignore[method-assign]
            await agent.operator.pause("lab", None, PERSON)
            interferes(rig, rig.block())
            await event_of(agent, BURST)
            await asyncio.sleep(1300.0)
            gaps = [b - a for a, b in pairwise(asked)]
            wanted = [20.0, 40.0, 80.0, 160.0, 320.0, 640.0]
            assert len(gaps) == len(wanted)
            assert all(want <= gap <= want + 6.0 for gap, want in zip(gaps, wanted, strict=True)), gaps
        assert codes(about(rig, raised(rig, BURST)[0])) == ["event.raised", "vetoed"]

    run(story)


def test_an_event_of_which_nothing_more_is_known_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clock: Clock) -> None:
        there = {AP1: Presence.THERE}
        table = {FAILURE: says(there, FAILURE, evidence={"what": "unreachable"})}
        monkeypatch.setattr(lookout, "DETECTORS", table)
        site = site_of(4, policy=policy_of(forget_s=300.0), widths=(20,))
        async with stage(tmp_path, clock, site, calm_s=30.0) as (rig, agent):
            event = await event_of(agent, FAILURE)
            await asyncio.sleep(500.0)
            assert opened(agent, FAILURE), "it is found at every poll"
            del there[AP1]
            silent_s = clock.monotonic()
            await over(agent, event)
            assert 290.0 <= clock.monotonic() - silent_s <= 320.0
        (ended,) = cleared(rig, FAILURE)
        assert ended["reason"]["params"]["why"] == "nothing_new_is_known"

    run(story)


# -- restarts ----------------------------------------------------------------------------------------------


def test_open_events_survive_a_restart_and_are_not_raised_again(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = site_of(4, policy=SHORT, widths=(20,), spacing_m=30.0)
        async with rig_of(tmp_path, clock, site) as rig:
            async with killed(rig) as agent:
                await calm(clock)
                rig.world.hardware.cut_management("lab/ap2")
                before = await event_of(agent, FAILURE)
            await asyncio.sleep(60.0)
            async with rig.agent() as agent:
                assert [e.id for e in opened(agent, FAILURE)] == [before.id]
                await asyncio.sleep(200.0)
                rig.world.hardware.restore_management("lab/ap2")
                await over(agent, before)
        assert (len(raised(rig, FAILURE)), len(cleared(rig, FAILURE))) == (1, 1)
        rig.verify()

    run(story)


def test_help_is_given_back_after_a_restart(tmp_path: Path) -> None:
    """The agent is killed while the AP is dead, and the AP is back before the agent is."""

    async def story(clock: SimulatedClock) -> None:
        site = site_of(4, policy=SHORT, widths=(20,), spacing_m=30.0)
        async with rig_of(tmp_path, clock, site) as rig:
            power = rig.world.radio(AP1).power_dbm
            async with killed(rig) as agent:
                await calm(clock)
                rig.world.hardware.kill_ap("lab/ap2")
                dead = await event_of(agent, FAILURE, f"{AP2}:dead")
                await change_for(agent, dead)
                assert max(rig.world.radio(key).power_dbm for key in (AP1, AP3)) > power
            rig.world.hardware.revive_ap("lab/ap2")
            await asyncio.sleep(120.0)
            async with rig.agent() as agent:
                await until(
                    lambda: [rig.world.radio(key).power_dbm for key in (AP1, AP3)] == [power, power],
                    limit_s=3000.0,
                )
        rig.verify()

    run(story)


def test_help_that_was_being_given_back_is_given_back_after_a_restart(tmp_path: Path) -> None:
    """Killed after the event was cleared, before the power was lowered."""

    async def story(clock: SimulatedClock) -> None:
        site = site_of(4, policy=SHORT, widths=(20,), spacing_m=30.0)
        async with rig_of(tmp_path, clock, site) as rig:
            power = rig.world.radio(AP1).power_dbm
            async with killed(rig) as agent:
                await calm(clock)
                rig.world.hardware.kill_ap("lab/ap2")
                dead = await event_of(agent, FAILURE, f"{AP2}:dead")
                assert (await change_for(agent, dead)).state is State.COMMITTED
                await agent.operator.pause("lab", None, PERSON)
                rig.world.hardware.revive_ap("lab/ap2")
                await over(agent, dead)
            assert rig.world.radio(AP1).power_dbm > power or rig.world.radio(AP3).power_dbm > power
            async with rig.agent() as agent:
                await agent.operator.resume("lab", PERSON)
                await until(
                    lambda: [rig.world.radio(key).power_dbm for key in (AP1, AP3)] == [power, power],
                    limit_s=3000.0,
                )

    run(story)


def test_a_restart_is_not_repeated_because_the_agent_was_restarted(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, site_of(4, policy=SHORT)) as rig:
            async with killed(rig):
                await calm(clock)
                rig.world.hardware.break_radio(AP1)
                await until(lambda: said(rig, "restart_radio"))
            async with rig.agent():
                await asyncio.sleep(600.0)
            assert [r["result"] for r in said(rig, "restart_radio")].count("doing") == 1

    run(story)


# -- what breaks -------------------------------------------------------------------------------------------


def test_with_the_disk_lost_events_are_seen_and_nothing_is_done(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(4, policy=SHORT, widths=(20,))) as rig:
            rig.wrap_store = LosableDisk
            async with rig.agent() as agent:
                await calm(clock)
                disk: Any = agent.ledger.store
                here = rig.block()
                disk.lost = True
                interferes(rig, here)
                event = await event_of(agent, BURST)
                await asyncio.sleep(300.0)
                assert agent.memory.observing_only
                assert rig.block() == here
                assert not changes_for(agent, event)
                disk.lost = False
                change = await change_for(agent, event, limit_s=1500.0)
                assert change.state is State.COMMITTED
                assert not agent.memory.observing_only
        rig.verify()

    run(story)


def test_a_detector_with_a_bug_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(clock: Clock) -> None:
        def broken(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
            raise ZeroDivisionError("a bug")

        table = {**DETECTORS, EventKind.DENSITY_SPIKE: broken}
        monkeypatch.setattr(lookout, "DETECTORS", table)
        with capture_logs() as logs:
            async with stage(tmp_path, clock) as (rig, agent):
                interferes(rig, rig.block())
                assert (await change_for(agent, await event_of(agent, BURST))).state is State.COMMITTED
                assert agent.incidents.lookout.failed["DENSITY_SPIKE"] > 10
        assert {"DENSITY_SPIKE"} == {log["kind"] for log in logs if log["event"] == "detector.failed"}

    run(story)


def test_a_removed_site_takes_its_open_events_along(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            await agent.operator.pause("lab", None, PERSON)
            interferes(rig, rig.block())
            await event_of(agent, BURST)
            await agent.reload({"other": replace(site_of(1, policy=SHORT), id="other", aps={}, devices={})})
            assert not agent.incidents.open_events()
            await asyncio.sleep(60.0)

    run(story)
