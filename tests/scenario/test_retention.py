"""Old rows and old audit files go by themselves, a little at a time; a clock just set drops nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rig import Rig, rig_of, site_of, until

from agent.agent import Agent
from agent.events import Event, EventKind
from agent.moment import DAY_US
from agent.retention import Keep
from agent.simulated_time import SimulatedClock, run
from agent.store.store import Store
from inventory.model import Policy

QUIET = site_of(1, policy=Policy(poll_s=300.0))


def stored_event(rig: Rig, id: str, age_days: int) -> None:
    store = Store(rig.url)
    at_us = rig.clock.now().utc_us - age_days * DAY_US
    store.raise_event(
        Event(
            id=id,
            site="lab",
            kind=EventKind.SECURITY,
            key=id,
            radio=None,
            severity="major",
            confidence_ppm=1,
            raised_utc_us=at_us,
            evidence={},
        )
    )
    store.clear_event(id, at_us)
    store.close()


def kept(agent: Agent) -> set[str]:
    return {one.id for one in agent.ledger.store.events(limit=1000)} & {"old", "young"}


def test_what_is_old_goes_after_an_hour_of_a_steady_clock(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, QUIET) as rig:
            stored_event(rig, "old", 401)
            stored_event(rig, "young", 399)
            async with rig.agent() as agent:
                await asyncio.sleep(3500)
                assert kept(agent) == {"old", "young"}
                await asyncio.sleep(200)
                assert kept(agent) == {"young"}

    run(story)


def test_a_clock_that_was_just_set_drops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, QUIET) as rig:
            stored_event(rig, "young", 399)
            async with rig.agent() as agent:
                await asyncio.sleep(3500)
                real = clock.now().utc_us
                clock.jump_utc(2 * 86_400.0)
                assert clock.now().utc_us > real + DAY_US
                await asyncio.sleep(3500)
                assert kept(agent) == {"young"}
                await asyncio.sleep(300)
                assert kept(agent) == set(), "and after an hour it is believed"

    run(story)


def test_old_audit_files_go_only_if_that_is_wanted(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, QUIET) as rig:
            for _ in range(3):
                async with rig.agent():
                    clock.jump_utc(86_400.0)
            names = sorted(path.name for path in rig.settings.audit_dir.glob("*.jsonl"))
            async with rig.agent() as agent:
                await asyncio.sleep(3700)
                assert sorted(p.name for p in rig.settings.audit_dir.glob("*.jsonl"))[:3] == names[:3]
                agent.ledger.keep = Keep(audit_days=1)
                await until(lambda: not (rig.settings.audit_dir / names[1]).exists(), limit_s=600)
            rig.verify()
            assert [r["reason"]["code"] for r in rig.records()].count("audit.pruned") >= 2

    run(story)
