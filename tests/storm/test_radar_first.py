"""Radar waits behind nothing: not the store's queue, a long read, an alert's way out, nor a reload."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stories import AP1, stage

from agent.alerts.notice import Notice
from agent.alerts.outbox import Outbox
from agent.alerts.sinks import AlertSinks
from agent.audit import AuditLog
from agent.audit_key import load_or_create_key
from agent.backlog import Backlog
from agent.clock import Clock, SystemClock
from agent.events import Event, EventKind
from agent.journal import Journal
from agent.ledger import Ledger
from agent.moment import Deadline
from agent.nop import Nop
from agent.records import Pseudonyms
from agent.simulated_time import run
from agent.store.store import Store
from drivers.signals import RadarDetected
from inventory.model import RadioKey

LIMIT_S = 20.0
"""Of real time: what would wait for ever fails."""


class Watched:
    """A store that tells which of its calls were made, in order."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.made: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name == "one":  # not a call of the store, but who holds it meanwhile
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self.made.append(name)
            return found(*args, **kwargs)

        return call if callable(found) else found


@asynccontextmanager
async def ledger_in(directory: Path) -> AsyncIterator[tuple[Ledger, Watched]]:
    """A real ledger: files, threads and all."""
    clock, key = SystemClock(), load_or_create_key(directory / "key")
    store: Any = Watched(Store(f"sqlite:///{directory}/state.db"))
    audit = AuditLog(directory, store, key, clock=clock)
    audit.recover()
    backlog = Backlog(Journal(directory / "journal", b"k" * 32))
    backlog.open()
    numbers = iter(range(1_000_000))
    ledger = Ledger(store, audit, backlog, clock, lambda: f"id-{next(numbers)}", Pseudonyms(b"n" * 32))
    try:
        yield ledger, store
    finally:
        await ledger.close()


async def bar(ledger: Ledger) -> None:
    now = ledger.clock.now()
    nop = Nop(site="lab", mhz20=5260, deadline=Deadline.after(now, 1800.0), by_radio=AP1)
    event = Event(
        id=ledger.ids(),
        site="lab",
        kind=EventKind.DFS_RADAR,
        key="5260",
        radio=AP1,
        severity="critical",
        confidence_ppm=1_000_000,
        raised_utc_us=now.utc_us,
        evidence={"mhz20": "5260"},
    )
    record = ledger.record("event", "radar.heard", "lab", radio=AP1, event_id=event.id)
    await ledger.bar([nop], [record], event)


@contextmanager
def gate() -> Iterator[tuple[Callable[[], None], threading.Event, threading.Event]]:
    """A call that waits: the call, whether it has begun, and what lets it go."""
    begun, go_on = threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        assert go_on.wait(60.0)

    try:
        yield call, begun, go_on
    finally:
        go_on.set()


def test_radar_is_on_disk_before_a_thousand_calls_that_came_first(tmp_path: Path) -> None:
    async def story() -> None:
        async with asyncio.timeout(LIMIT_S), ledger_in(tmp_path) as (ledger, store):
            desk: Any = ledger._desk
            with gate() as (call, begun, go_on):
                tasks = [asyncio.create_task(ledger.call(call))]
                await asyncio.to_thread(begun.wait)
                tasks += [asyncio.create_task(ledger.call(store.get_meta, "x")) for _ in range(1000)]
                await asyncio.sleep(0)
                radar = asyncio.create_task(bar(ledger))
                while desk.waiting <= 1000:  # noqa: ASYNC110  until the radar stands behind all of them
                    await asyncio.sleep(0)
                store.made.clear()
                go_on.set()
                await asyncio.gather(radar, *tasks)
            assert store.made[0] == "bar"
            assert store.made.index("mark_written") < store.made.index("get_meta")
            assert not ledger.backlog.waiting

    asyncio.run(story())


def test_radar_is_on_disk_while_an_operator_reads_for_ever(tmp_path: Path) -> None:
    async def story() -> None:
        async with asyncio.timeout(LIMIT_S), ledger_in(tmp_path) as (ledger, store):
            with gate() as (call, begun, _):
                reading = asyncio.create_task(ledger.read(call))
                await asyncio.to_thread(begun.wait)
                await bar(ledger)
                assert {nop.mhz20 for nop in store.nops(ledger.clock.now())} == {5260}
                assert not reading.done()
            await reading

    asyncio.run(story())


class Stuck:
    """A way out that never returns while its gate is shut."""

    name = "stuck"

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def send(self, notice: Notice) -> None:
        self._call()


def radar_of(key: RadioKey, now_s: float) -> RadarDetected:
    return RadarDetected(at_s=now_s, device="ap1", radio=key, mhz20=frozenset({5260}))


def test_radar_does_not_wait_for_a_webhook(tmp_path: Path) -> None:
    async def story(clock: Clock, call: Callable[[], None], begun: threading.Event) -> None:
        async with stage(tmp_path, clock, channels=(52, 100, 149, 157), calm_s=30.0) as (_, agent):
            sinks = AlertSinks([], clock.monotonic)
            sinks.outboxes.append(Outbox(Stuck(call)))
            agent.alarm.sinks.append(sinks.raised)
            for nth in range(500):
                agent.alarm.tell("lab", f"storm {nth}", None)
            assert await asyncio.to_thread(begun.wait, LIMIT_S)
            await agent.inbox.told("lab", "ap1", radar_of(AP1, clock.monotonic()))
            assert agent.memory.nops
            assert sinks.outboxes[0].full >= 500 - 1 - 200

    with gate() as (call, begun, _):
        run(lambda clock: story(clock, call, begun))


def test_radar_does_not_wait_for_a_session_that_a_reload_left_and_that_does_not_end(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, channels=(52, 100, 149, 157), calm_s=30.0) as (rig, agent):
            hangs, never = asyncio.Event(), asyncio.Event()

            async def hang() -> None:
                hangs.set()
                await never.wait()

            agent.fleet.lane("lab", "ap4").close = hang  # type: ignore[method-assign]
            site = rig.site
            smaller = replace(
                site,
                aps=MappingProxyType({id: each for id, each in site.aps.items() if id != "ap4"}),
                devices=MappingProxyType({id: each for id, each in site.devices.items() if id != "ap4"}),
            )
            await agent.reload({"lab": smaller})
            await hangs.wait()
            rig.world.radar(AP1)
            await asyncio.sleep(1.0)
            assert agent.memory.nops
            never.set()

    run(story)
