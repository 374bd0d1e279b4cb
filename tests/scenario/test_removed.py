"""What leaves the configuration while something is going on about it: nothing may end the daemon, and
nothing that was lent may be kept."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rig import Rig, rig_of, site_of, until
from sqlalchemy import make_url
from stories import AP1, AP2, SHORT, calm, event_of, opened, said, stage
from unit.agent.planner.test_channel import NOW, pending

from agent.agent import Agent
from agent.change import State
from agent.clock import Clock
from agent.detectors.sight import Finding, Presence
from agent.events import EventKind
from agent.memory import Memory
from agent.planner import matrix
from agent.simulated_time import SimulatedClock, run
from drivers.types import Setting
from inventory.model import Site

FAILURE = EventKind.HW_FAILURE
NEAR = site_of(4, policy=SHORT, widths=(20,), spacing_m=30.0)


def without(site: Site, *aps: str) -> Site:
    return replace(
        site,
        aps=MappingProxyType({id: each for id, each in site.aps.items() if id not in aps}),
        devices=MappingProxyType({id: each for id, each in site.devices.items() if id not in aps}),
    )


def power(rig: Rig, key: Any) -> int:
    return round(rig.world.radio(key).power_dbm)


async def dead(rig: Rig, agent: Agent) -> None:
    """AP 2 has died, and a neighbour has raised its power for it."""
    rig.world.hardware.kill_ap("lab/ap2")
    await event_of(agent, FAILURE, f"{AP2}:dead", limit_s=3000)
    await until(lambda: _helped(agent), limit_s=3000)


def _helped(agent: Agent) -> list[Any]:
    return [
        change
        for change in agent.memory.changes.values()
        if change.event_id and change.state is State.COMMITTED and change.undo_of is None
    ]


def test_an_ap_that_died_may_leave_the_site_file_before_a_restart(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, NEAR) as rig:
            before = power(rig, AP1)
            async with rig.agent() as agent:
                await calm(clock)
                await dead(rig, agent)
                raised = max(power(rig, key) for key in rig.world.radio_keys())
                assert raised > before
            rig.site = without(NEAR, "ap2")
            async with rig.agent() as agent:
                await until(lambda: power(rig, AP1) == before, limit_s=7200)
                assert not opened(agent, FAILURE)
        rig.verify()

    run(story)


def test_help_for_an_ap_that_is_taken_out_of_the_site_file_is_given_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, NEAR) as (rig, agent):
            before = power(rig, AP1)
            await dead(rig, agent)
            await agent.reload({"lab": without(NEAR, "ap2")})
            await until(lambda: power(rig, AP1) == before, limit_s=7200)
            assert not opened(agent, FAILURE)
            assert said(rig, "event.cleared")[-1]["reason"]["params"]["why"] == "left_the_configuration"

    run(story)


def test_a_helper_may_leave_the_site_file(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, NEAR) as (rig, agent):
            await dead(rig, agent)
            helpers = {key.split("/")[1] for change in _helped(agent) for key in change.radios}
            await agent.reload({"lab": without(NEAR, *helpers)})
            rig.world.hardware.revive_ap("lab/ap2")
            await until(lambda: not opened(agent, FAILURE), limit_s=3600)
            await asyncio.sleep(600)
            assert agent.ready.is_set()

    run(story)


def test_a_site_may_leave_while_its_devices_close_slowly(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            for lane in agent.lanes.values():
                lane.close = _slowly  # type: ignore[method-assign]
            await agent.reload({})
            await asyncio.sleep(60)
            assert not agent.lanes

    run(story)


async def _slowly() -> None:
    await asyncio.sleep(20.0)


def test_a_site_may_leave_while_an_event_is_being_written_down(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (_, agent):
            finding = Finding(kind=FAILURE, key=f"{AP1}:stuck", presence=Presence.THERE, radio=AP1)
            raising = asyncio.create_task(agent.incidents._take("lab", finding))
            await asyncio.sleep(0)
            agent.incidents.forget_site("lab")
            await raising
            assert not opened(agent, FAILURE)

    run(story)


def test_a_decision_that_fails_does_not_end_the_daemon(tmp_path: Path, monkeypatch: Any) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a device said NaN")

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock) as (rig, agent):
            monkeypatch.setattr(matrix, "answer", broken)
            rig.world.hardware.crash_radio(AP1)
            await event_of(agent, FAILURE, f"{AP1}:fault")
            await until(lambda: agent.incidents.lookout.failed[FAILURE])
            monkeypatch.undo()
            await until(lambda: said(rig, "restart_radio"), limit_s=300.0)

    run(story)


def test_the_events_of_a_site_that_comes_back_are_known_again(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, NEAR) as (rig, agent):
            await dead(rig, agent)
            (event,) = opened(agent, FAILURE)
            await until(lambda: all(change.final for change in agent.memory.changes.values()))
            await agent.reload({})
            assert not opened(agent, FAILURE)
            await agent.reload({"lab": rig.site})
            assert [each.id for each in opened(agent, FAILURE)] == [event.id]

    run(story)


def test_help_that_lasts_longer_than_a_week_is_given_back_and_no_more_is_given(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, NEAR) as rig:
            before = power(rig, AP1)
            async with rig.agent() as agent:
                await calm(clock)
                await dead(rig, agent)
                await until(lambda: power(rig, AP1) == before + 6, limit_s=9000)
                await until(lambda: all(change.final for change in agent.memory.changes.values()))
            _made_older(rig, days=8)
            async with rig.agent() as agent:
                await asyncio.sleep(1800)
                assert power(rig, AP1) == before + 6
                rig.world.hardware.revive_ap("lab/ap2")
                await until(lambda: power(rig, AP1) == before, limit_s=9000)
        rig.verify()

    run(story)


def _made_older(rig: Rig, days: int) -> None:
    """All changes of the store, as if they had been made so long before."""
    with sqlite3.connect(make_url(rig.url).database or "") as store:
        store.execute("UPDATE change SET created_utc = created_utc - ?", (days * 86_400_000_000,))


def test_changes_for_an_event_that_lasts_are_not_forgotten() -> None:
    memory, old = Memory({NEAR.id: NEAR}), pending(AP1, {Setting.TX_POWER_DBM: 20})
    old = replace(
        old, state=State.COMMITTED, event_id="lasts", created_utc_us=NOW.utc_us - 8 * 86_400_000_000
    )
    memory.remember(old)
    memory.remember(replace(old, id="other", event_id="over"))
    memory.lasting.add("lasts")
    assert [change.id for change in memory.changes_of("lab", NOW)] == [old.id]
