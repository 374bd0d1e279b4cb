"""Two agents on one store: whichever stalls, and wherever, the other takes over, and one of them writes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rig import Rig, rig_of, site_of, until

from agent.agent import Agent
from agent.change import Actor, Change, State
from agent.events import EventKind
from agent.ledger import Ledger
from agent.simulated_time import SimulatedClock, run
from agent.store.store import Store
from drivers.types import Edit, Receipt

PERSON = Actor(type="operator", uid=1000, name="ann")
OVER = frozenset({State.MONITORING, State.FAILED, State.ROLLED_BACK})
STALL_S = 200.0


@dataclass(slots=True, kw_only=True)
class Staller:
    """The process of one agent: at its step number ``at`` (0: never) it stops for a while, with all that it
    does, as a virtual machine that was paused."""

    at: int = 0
    steps: int = 0
    armed: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def tick(self) -> None:
        if self.armed and self.gate.is_set():
            self.steps += 1
            if self.steps == self.at:
                self.gate.clear()
                asyncio.get_running_loop().call_later(STALL_S, self.gate.set)
        await self.gate.wait()

    async def around(self, work: Callable[[], Awaitable[Any]]) -> Any:
        await self.tick()
        try:
            return await work()
        finally:
            await self.tick()


class Stalled:
    """A device whose agent may stall before and after a call. ``sent``: who wrote, in order."""

    def __init__(self, device: Any, who: str, staller: Staller, sent: list[tuple[str, Edit]]) -> None:
        self._device, self._who, self._staller, self._sent = device, who, staller, sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    async def read_config(self, ref: Any) -> Any:
        return await self._staller.around(lambda: self._device.read_config(ref))

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        self._sent.append((self._who, edit))
        receipt: Receipt = await self._device.apply(edit, undo_after_s)
        await self._staller.tick()
        return receipt


@dataclass(slots=True, kw_only=True)
class Pair:
    """Two agents of one site. ``sent``: who wrote what."""

    first: Agent
    second: Agent
    staller: Staller
    sent: list[tuple[str, Edit]]


def stalling(ledger: Ledger, staller: Staller) -> None:
    """The store's calls of an agent are steps too."""
    call = ledger.call

    async def stalled(work: Any, *args: Any, **kwargs: Any) -> Any:
        return await staller.around(partial(call, work, *args, **kwargs))

    ledger.call = stalled  # type: ignore[method-assign]


@asynccontextmanager
async def pair(rig: Rig, at: int) -> AsyncIterator[Pair]:
    staller, calm = Staller(at=at), Staller()
    sent: list[tuple[str, Edit]] = []
    rig.holder, rig.wrap_device = "first", lambda d: Stalled(d, "first", staller, sent)
    async with rig.agent() as first:
        stalling(first.ledger, staller)
        rig.holder, rig.wrap_device = "second", lambda d: Stalled(d, "second", calm, sent)
        async with rig.agent() as second:
            yield Pair(first=first, second=second, staller=staller, sent=sent)


async def opened(agent: Agent, rig: Rig) -> Change:
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


def stored(rig: Rig) -> list[Change]:
    store = Store(rig.url)
    try:
        return store.changes("lab")
    finally:
        store.close()


async def stalls_at(clock: SimulatedClock, directory: Path, at: int) -> bool:
    """One change of the first agent, which stalls at this step; False when it has no such step."""
    async with rig_of(directory, clock, site_of(2)) as rig, pair(rig, at) as both:
        first, second = both.first, both.second
        await until(lambda: all(r.reading for a in (first, second) for r in a.memory.radios.values()))
        assert second.memory.standby
        before = rig.block()
        both.staller.armed = True
        opening = asyncio.create_task(opened(first, rig))
        await asyncio.wait({opening}, timeout=10.0)
        await asyncio.sleep(5.0)
        both.staller.armed = False
        stalls = both.staller.steps >= at
        if stalls:
            await until(lambda: not second.memory.standby, limit_s=STALL_S)
            taken_s = len(both.sent)
            await until(lambda: first.memory.standby, limit_s=STALL_S + 120)
            assert all(who == "second" for who, _ in both.sent[taken_s:])
        await asyncio.gather(opening, return_exceptions=True)
        await until(lambda: all(change.state in OVER for change in stored(rig)), limit_s=300, step_s=10)
        check(rig, both, before)
    rig.verify()
    return stalls


def check(rig: Rig, both: Pair, before: Any) -> None:
    changes = stored(rig)
    assert len(changes) <= 1
    for change in changes:
        written = [edit for _, edit in both.sent if edit.change_id == change.id]
        assert len(written) <= 1
        landed = change.state is State.MONITORING
        assert rig.block().primary == (161 if landed else before.primary)
        assert bool(written) is landed


def test_of_two_agents_one_writes_wherever_the_other_stalls(tmp_path: Path) -> None:
    def at(step: int) -> bool:
        (tmp_path / str(step)).mkdir()
        return run(partial(stalls_at, directory=tmp_path / str(step), at=step))

    steps = 1
    while at(steps):
        steps += 1
    assert steps > 12


def test_one_that_waits_believes_no_wall_clock(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, pair(rig, 0) as both:
            clock.jump_utc(86_400.0)
            await asyncio.sleep(300.0)
            assert both.second.memory.standby
            clock.jump_utc(-10 * 86_400.0)
            await asyncio.sleep(300.0)
            assert both.second.memory.standby
            assert not both.first.memory.standby

    run(story)


def test_a_machine_that_slept_writes_nothing_before_its_lease_is_renewed(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await until(lambda: all(r.reading for r in agent.memory.radios.values()))
            clock.suspend(3600.0)
            change = await opened(agent, rig)
            sent_s = clock.monotonic()
            assert agent.ledger.unleased("lab", 30.0) == "lease_not_held"
            after = await agent.executor.settled(change.id, State.MONITORING)
            assert after.state is State.MONITORING
            assert clock.monotonic() - sent_s < 10
            (taken,) = {each.epoch for each in agent.ledger.leases.values()}
            assert taken == 1
            assert agent.ledger.unleased("lab", 30.0) is None

    run(story)


def test_a_second_agent_with_an_audit_log_of_its_own_stands_by(tmp_path: Path) -> None:
    """It never takes over, even when the first is gone, and is not in the way when that comes back."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path / "first", clock, site_of(2)) as rig:
            other = Rig(
                directory=tmp_path / "second", site=rig.site, world=rig.world, clock=clock, store_url=rig.url
            )
            other.holder, other.ids = "other", lambda: f"00000000-0000-7000-9000-{next(IDS):012d}"
            async with rig.agent():
                await asyncio.sleep(30.0)
            async with other.agent() as second:
                await until(lambda: all(r.reading for r in second.memory.radios.values()))
                await asyncio.sleep(STALL_S)
                assert "audit log is kept by" in second.memory.standby["lab"]
                assert [a for a in second.alerts if "audit log is kept by" in a.text]
                async with rig.agent() as first:
                    assert not first.memory.standby
                    await asyncio.sleep(STALL_S)
                    assert first.memory.observing is None
            assert not other.records()
        rig.verify()

    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    run(story)


IDS = itertools.count(1)
