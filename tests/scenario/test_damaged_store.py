"""A store that is damaged, or gone: put aside whole, and nothing is changed until a person knows it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, killed, rig_of, site_of, until

from agent.agent import Agent
from agent.change import Actor, Change, State
from agent.clock import Clock
from agent.events import EventKind
from agent.moment import iso
from agent.planner.decision import NoChange
from agent.simulated_time import SimulatedClock, run
from agent.store.errors import StoreDamaged
from agent.store.store import Store

PERSON = Actor(type="operator", uid=1000, name="ann")
NAME = "rrmd.sqlite3"


def random_bytes(path: Path) -> None:
    chance = random.Random(7)
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(4096 * page)
            file.write(chance.randbytes(512))


def truncated(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size // 2 + 100)


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database\n" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


def a_row(path: Path) -> None:
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE change SET scope = '{'")
    conn.close()


DAMAGES = [random_bytes, truncated, no_database, empty, gone, a_row]


async def left_open(rig: Rig) -> Change:
    """A change that is being monitored, radar, and a pause, when the agent is killed."""
    async with killed(rig) as agent:
        await until(lambda: all(r.reading for r in agent.memory.radios.values()))
        rig.world.radar(rig.key)
        await until(lambda: agent.memory.barred("lab", agent.clock.now()))
        await agent.radar.quiet()
        key = next(key for key in agent.memory.radios if "ap2" in key)
        done = await agent.operator.inject(
            EventKind.NON_WIFI_BURST, key, channel=161, width_mhz=None, act=True, actor=PERSON
        )
        assert done.change is not None, done.decision
        await agent.operator.pause("lab/ap1", 7200.0, PERSON)
        return await agent.executor.settled(done.change.id, State.MONITORING)


def in_one_file(rig: Rig) -> Path:
    """The store's file, with nothing left in its write-ahead log."""
    path = rig.directory / NAME
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    return path


def quarantined(rig: Rig) -> list[str]:
    return [p.name for p in rig.directory.iterdir() if p.name.startswith(f"{NAME}.corrupt-")]


async def only_observes(rig: Rig, agent: Agent, change: Change, clock: Clock) -> None:
    await until(lambda: all(r.reading for r in agent.memory.radios.values()))
    assert "made anew" in (agent.memory.observing or "")
    (alert,) = [a for a in agent.alerts if "made anew" in a.text]
    assert f"{change.id} on lab/ap2/r5, MONITORING, before it" in alert.text
    assert 5260 in agent.memory.barred("lab", clock.now())
    assert "lab/ap1" in agent.memory.pauses
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, change.radios[0], channel=36, width_mhz=None, act=True, actor=PERSON
    )
    assert isinstance(done.decision, NoChange)
    assert done.change is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_put_aside_and_a_person_is_asked(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(2), channels=(52, 149), width=40) as rig:
            change = await left_open(rig)
            damage(in_one_file(rig))
            async with rig.agent() as agent:
                await until(lambda: agent.memory.doubt, limit_s=120)
                stored = await agent.ledger.call(agent.ledger.store.nops, clock.now())
                assert 5260 in {nop.mhz20 for nop in stored}, "whatever the radios say of it"
                await only_observes(rig, agent, change, clock)
                assert len(quarantined(rig)) == (0 if damage in (empty, gone) else 1)
            async with rig.agent() as agent:
                await only_observes(rig, agent, change, clock)  # the alert stays, whoever starts it anew
                assert await agent.doubted_store.acknowledge(PERSON)
                assert not await agent.doubted_store.acknowledge(PERSON)
                assert agent.memory.observing is None
            async with rig.agent() as agent:
                assert agent.memory.observing is None
            assert [r["actor"]["name"] for r in rig.records() if r["reason"]["code"] == "store.acknowledged"]
        rig.verify()

    run(story)


def test_one_that_is_damaged_while_it_is_used_costs_no_observation(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(2), channels=(52, 149), width=40) as rig:
            async with rig.agent() as agent:
                await until(lambda: all(r.reading for r in agent.memory.radios.values()))
                done = await agent.operator.inject(
                    EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
                )
                assert done.change is not None
                await agent.executor.settled(done.change.id, State.MONITORING)
                keeper: Any = agent.ledger.store

                def damaged(*args: Any) -> None:
                    raise StoreDamaged("database disk image is malformed")

                keeper._store.prune = damaged
                await until(lambda: agent.memory.doubt, limit_s=120)
                await until(lambda: agent.memory.observing_only is None, limit_s=120)
                assert len(quarantined(rig)) == 1
                assert done.change.id not in agent.memory.changes
                polled_s = agent.memory.radios[rig.key].history.last
                await until(lambda: agent.memory.radios[rig.key].history.last != polled_s)
                rig.world.set_stubborn(rig.key)
            old = Store(f"sqlite:///{rig.directory / quarantined(rig)[0]}")
            assert old.change(done.change.id), "nothing of it was deleted"
            old.close()
        rig.verify()

    run(story)


def a_strange_log(path: Path, place: Path) -> None:
    other = sqlite3.connect(place)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("CREATE TABLE t (x)")
    other.executemany("INSERT INTO t VALUES (?)", [(b"x" * 3000,)] * 20)
    other.commit()
    Path(f"{path}-wal").write_bytes(Path(f"{place}-wal").read_bytes())
    other.close()


def test_a_log_of_another_database_is_not_read_into_this_one(tmp_path: Path) -> None:
    """A write-ahead log that does not belong: SQLite leaves it out, or the damage is found."""

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(2)) as rig:
            async with rig.agent() as agent:
                await until(lambda: all(r.reading for r in agent.memory.radios.values()))
            a_strange_log(in_one_file(rig), tmp_path / "other")
            async with rig.agent() as agent:
                await until(lambda: all(r.reading for r in agent.memory.radios.values()))
        rig.verify()

    run(story)


def test_a_damaged_store_and_an_odd_audit_line_end_no_start(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(2)) as rig:
            async with rig.agent():
                pass
            no_database(in_one_file(rig))
            newest = max(rig.settings.audit_dir.glob("*.jsonl"))
            utc_us = clock.now().utc_us
            newest.write_bytes(newest.read_bytes() + b'{"utc":%d}\n' % utc_us)
            async with rig.agent() as agent:
                assert agent.memory.doubt

    run(story)


def test_an_audit_log_that_can_not_be_read_then_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*args: Any) -> Any:
        raise PermissionError("not yours")

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(2)) as rig:
            async with rig.agent():
                pass
            no_database(in_one_file(rig))
            monkeypatch.setattr("agent.doubted_store.query", unreadable)
            async with rig.agent() as agent:
                assert "not yours" in (agent.memory.observing or "")
                monkeypatch.undo()
                await until(lambda: agent.memory.doubt, limit_s=120)

    run(story)


@pytest.mark.parametrize("pruned", [False, True])
def test_a_pause_of_long_ago_comes_back_as_far_as_the_log_goes(tmp_path: Path, pruned: bool) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, site_of(2)) as rig:
            async with rig.agent() as agent:
                await agent.operator.pause("lab", None, PERSON)
            clock.jump_utc(8 * 86_400.0)
            async with rig.agent() as agent:
                if pruned:
                    day = clock.now().utc.strftime("%Y%m%d")
                    assert await agent.ledger.call(agent.ledger.audit.prune, day)
            no_database(in_one_file(rig))
            async with rig.agent() as agent:
                assert await agent.doubted_store.acknowledge(PERSON)
                assert ("lab" in agent.memory.paused_at(clock.now())) is not pruned
                (alert,) = [a for a in agent.alerts if "made anew" in a.text]
                begins = min(record["utc"] for record in rig.records())
                assert (f"The log begins at {iso(begins)}: pauses" in alert.text) is pruned

    run(story)
