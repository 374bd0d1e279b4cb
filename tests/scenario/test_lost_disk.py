"""A disk that is lost in the middle of a change, at each state: observed on, said once, gone on with."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rig import LosableDisk, Rig, rig_of, site_of, until

from agent.agent import Agent
from agent.audit import AuditLog
from agent.change import Actor, Change, State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from agent.store import sqlite

PERSON = Actor(type="operator", uid=1000, name="ann")


class Means:
    """A way in which the disk is lost, and back."""

    def arrange(self, rig: Rig) -> None:
        """Before the agent starts."""

    def lose(self, rig: Rig, agent: Agent) -> None:
        raise NotImplementedError

    def give_back(self, rig: Rig, agent: Agent) -> None:
        raise NotImplementedError


class NoStore(Means):
    def arrange(self, rig: Rig) -> None:
        rig.wrap_store = LosableDisk

    def lose(self, rig: Rig, agent: Agent) -> None:
        agent.ledger.store.lost = True  # type: ignore[attr-defined]

    def give_back(self, rig: Rig, agent: Agent) -> None:
        agent.ledger.store.lost = False  # type: ignore[attr-defined]


class NoAuditFile(Means):
    """The disk of the audit log is full: half a record still goes in."""

    full = False

    def arrange(self, rig: Rig) -> None:
        def wrap(audit: AuditLog) -> AuditLog:
            write = audit._write

            def full(name: str, data: bytes, size: int) -> None:
                if self.full:
                    with (rig.settings.audit_dir / name).open("ab") as file:
                        file.write(data[: len(data) // 2])
                    raise OSError(errno.ENOSPC, "No space left on device")
                write(name, data, size)

            audit._write = full  # type: ignore[method-assign]
            return audit

        rig.wrap_audit = wrap

    def lose(self, rig: Rig, agent: Agent) -> None:
        self.full = True

    def give_back(self, rig: Rig, agent: Agent) -> None:
        self.full = False


class Locked(Means):
    """Another process holds the database."""

    def __init__(self) -> None:
        self.other: Any = None

    def lose(self, rig: Rig, agent: Agent) -> None:
        self.other = sqlite3.connect(rig.directory / "rrmd.sqlite3", isolation_level=None)
        self.other.execute("BEGIN EXCLUSIVE")

    def give_back(self, rig: Rig, agent: Agent) -> None:
        self.other.rollback()
        self.other.close()


class Full(Means):
    """A real disk that is full."""

    def lose(self, rig: Rig, agent: Agent) -> None:
        with (rig.directory / "filler").open("wb", buffering=0) as file:
            for size in (65_536, 4096, 1):
                while self._takes(file, size):
                    pass

    @staticmethod
    def _takes(file: Any, size: int) -> bool:
        try:
            return bool(file.write(bytes(size)) == size)
        except OSError:
            return False

    def give_back(self, rig: Rig, agent: Agent) -> None:
        (rig.directory / "filler").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 3 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a file system here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.02)


async def at(agent: Agent, rig: Rig, state: State) -> Change:
    """A change that has just come to this state."""
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    if state is State.ROLLING_BACK:
        monitored = await agent.executor.settled(done.change.id, State.MONITORING)
        back = agent.operator.rollback(agent.changes.token(monitored), PERSON)
        going = asyncio.create_task(back)
        await agent.executor.settled(done.change.id, State.ROLLING_BACK)
        await asyncio.gather(going, return_exceptions=True)
    return await agent.executor.settled(done.change.id, state)


async def goes_on(means: Means, rig: Rig, state: State) -> None:
    means.arrange(rig)
    before = rig.block()
    async with rig.agent() as agent:
        await until(lambda: all(r.reading for r in agent.memory.radios.values()))
        change = await at(agent, rig, state)
        means.lose(rig, agent)
        await until(lambda: agent.memory.observing_only, limit_s=4000)  # an audit log: at its next record
        seen = agent.memory.radios[rig.key].history.last
        await until(lambda: agent.memory.radios[rig.key].history.last != seen, limit_s=60)
        await asyncio.sleep(100.0)
        assert len([a for a in agent.alerts if "only observing" in a.text]) == 1
        means.give_back(rig, agent)
        await until(lambda: agent.memory.observing is None, limit_s=120)
        await until(lambda: agent.memory.changes[change.id].state in ENDS[state], limit_s=4000, step_s=5)
        after = agent.memory.changes[change.id].state
        assert (rig.block() == before) is (after is not State.MONITORING)
        if after is State.MONITORING:
            assert rig.block().primary == 161
    rig.verify()


ENDS = {
    State.PLANNED: {State.MONITORING, State.FAILED, State.EXPIRED, State.ROLLED_BACK},
    State.APPLYING: {State.MONITORING, State.FAILED, State.ROLLED_BACK},
    State.MONITORING: {State.MONITORING},
    State.ROLLING_BACK: {State.ROLLED_BACK},
}


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("means", [NoStore, NoAuditFile, Locked])
def test_it_goes_on_by_itself(tmp_path: Path, means: type[Means], state: State) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(2)) as rig:
            await goes_on(means(), rig, state)

    run(story)


@pytest.mark.parametrize("state", ENDS)
def test_a_full_disk(small_disk: Path, state: State) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(small_disk, clock, site_of(2)) as rig:
            await goes_on(Full(), rig, state)

    run(story)


def test_the_journal_takes_radar_on_a_full_disk(small_disk: Path) -> None:
    async def story(clock: Clock) -> None:
        on_52 = rig_of(small_disk, clock, site_of(2), channels=(52, 149), width=40)
        async with on_52 as rig, rig.agent() as agent:
            await until(lambda: all(r.reading for r in agent.memory.radios.values()))
            rig.world.set_stubborn(rig.key)
            Full().lose(rig, agent)
            rig.world.radar(rig.key)
            await until(lambda: 5260 not in rig.block().mhz20, limit_s=10, step_s=0.1)
            await agent.radar.quiet()
            assert agent.ledger.backlog.lost is None
            assert len(agent.ledger.backlog._journal.open()) == len(agent.ledger.backlog.waiting) > 3
            Full().give_back(rig, agent)
            await until(lambda: agent.memory.observing is None, limit_s=120)
            assert not agent.ledger.backlog.waiting

    run(story)


@pytest.mark.parametrize("means", [Locked, Full])
def test_one_that_is_lost_at_the_start(small_disk: Path, means: type[Means]) -> None:
    """The agent observes, and recovers what is open when it can."""

    async def story(clock: Clock) -> None:
        async with rig_of(small_disk, clock, site_of(2)) as rig:
            async with rig.agent() as agent:
                await until(lambda: all(r.reading for r in agent.memory.radios.values()))
                change = await at(agent, rig, State.MONITORING)
            lost: Any = means()
            lost.lose(rig, None)
            async with rig.agent() as agent:
                await until(lambda: all(r.reading for r in agent.memory.radios.values()))
                await until(lambda: agent.memory.observing_only, limit_s=60)
                lost.give_back(rig, agent)
                await until(lambda: agent.executor.carries(change.id), limit_s=120)
                assert agent.memory.observing is None
        rig.verify()

    run(story)
