"""Radar while the store is lost: the AP leaves in time all the same, and everything is written down later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rig import LosableDisk, Rig, final, killed, rig_of, until

from agent.agent import Agent
from agent.change import Cause, Change, State, Trigger, token_hash
from agent.clock import Clock
from agent.events import Event, EventKind
from agent.journal import JournalLost
from agent.lease import LEASE_S, Lease
from agent.ledger import Ledger
from agent.moment import Deadline
from agent.nop import Nop
from agent.planner.decision import Move
from agent.simulated_time import run
from agent.store.errors import StoreDamaged, StoreUnavailable
from drivers.types import ScopeRef, Setting
from inventory.model import RadioKey

ON_52 = partial(rig_of, channels=(52, 149, 157, 44), width=40)
HIT = {5260, 5280}
HEARD = {5260}
WAY = ["PLANNED", "APPLYING", "MONITORING", "MONITORING", "COMMITTED"]
"""Too young for a baseline: monitored for as long as can be, and kept as unproven."""


class LosableJournal:
    """A journal whose disk may be away too."""

    lost = False

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        if name not in ("put", "clear"):
            return found

        def call(*args: Any) -> Any:
            if self.lost:
                raise JournalLost("read-only file system")
            return found(*args)

        return call


@asynccontextmanager
async def lost(rig: Rig, wrap: Any = LosableDisk) -> AsyncIterator[Agent]:
    """An agent whose store has just been lost; its AP 1 is on channel 52 and stays there."""
    rig.wrap_store = wrap
    async with rig.agent() as agent:
        await until(lambda: all(radio.reading for radio in agent.memory.radios.values()))
        rig.world.set_stubborn(rig.key)
        disk(agent).lost = True
        yield agent
        disk(agent).lost = False


def disk(agent: Agent) -> Any:
    return agent.ledger.store


def barred(agent: Agent, clock: Clock) -> frozenset[int]:
    return agent.memory.barred("lab", clock.now())


async def left(rig: Rig, agent: Agent, clock: Clock) -> Change:
    """The change that took the radio away, within the ten seconds that the law gives."""
    heard_s = clock.monotonic()
    rig.world.radar(rig.key)
    await until(lambda: barred(agent, clock))
    await until(lambda: not rig.block().mhz20 & HIT, limit_s=60, step_s=0.1)
    assert clock.monotonic() - heard_s < 10
    await agent.radar.quiet()
    (change,) = agent.memory.changes.values()
    return change


async def back(agent: Agent) -> None:
    disk(agent).lost = False
    await until(lambda: agent.memory.observing_only is None, limit_s=120)


def said(rig: Rig, code: str) -> list[dict[str, Any]]:
    return [r for r in rig.records() if r["reason"]["code"] == code]


def test_a_radio_is_forced_off_radar_while_the_store_is_lost(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            async with lost(rig) as agent:
                heard_us = clock.now().utc_us
                change = await left(rig, agent, clock)
                assert agent.memory.observing_only == "disk I/O error"
                (alert,) = [a for a in agent.alerts if "only observing" in a.text]
                assert "disk I/O error" in alert.text
                assert not said(rig, "radar.heard")
                await back(agent)
                assert not agent.ledger.backlog.waiting
                stored = disk(agent).change(change.id)
                assert stored is not None
                assert stored.state in (State.MONITORING, State.COMMITTED)
                assert {nop.mhz20 for nop in disk(agent).nops(clock.now())} >= HEARD
                assert (await final(agent, change)).state is State.COMMITTED
            (heard,) = said(rig, "radar.heard")
            assert heard["utc"] - heard_us < 5e6
            (told,) = said(rig, "radar.journalled")
            assert told["utc"] - heard_us > 20e6
            assert rig.steps(change.id) == WAY
            async with rig.agent() as agent:
                assert not agent.ledger.backlog.waiting, "the journal was cleared"
        rig.verify()

    run(story)


def test_what_was_journalled_outlives_the_process_and_a_store_that_stays_lost(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            rig.wrap_store = LosableDisk
            rig.world.set_stubborn(rig.key)
            async with killed(rig) as agent:
                await until(lambda: all(radio.reading for radio in agent.memory.radios.values()))
                disk(agent).lost = True
                change = await left(rig, agent, clock)
            rig.wrap_store = lost_from_the_start
            rig.wrap_audit = Unrecovered
            async with rig.agent() as agent:
                assert barred(agent, clock) >= HEARD
                assert agent.memory.observing_only
                assert agent.executor.carries(change.id)
                await back(agent)
                assert (await final(agent, change)).state is State.COMMITTED
            assert len(said(rig, "radar.heard")) == 1
            assert rig.steps(change.id) == WAY
        rig.verify()

    run(story)


def lost_from_the_start(store: Any) -> LosableDisk:
    made = LosableDisk(store)
    made.lost = True
    return made


class Unrecovered:
    """An audit log whose recovery waits for the store, as the daemon's does."""

    def __init__(self, audit: Any) -> None:
        self._audit = audit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._audit, name)

    def recover(self) -> tuple[()]:
        return ()


def test_a_journal_that_is_lost_too_keeps_no_radio_on_radar(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            rig.wrap_journal = LosableJournal
            async with lost(rig) as agent:
                agent.ledger.backlog._journal.lost = True  # type: ignore[attr-defined]
                change = await left(rig, agent, clock)
                assert agent.ledger.backlog.lost == "read-only file system"
                assert [a for a in agent.alerts if "read-only file system" in a.text]
                await back(agent)
                assert (await final(agent, change)).state is State.COMMITTED
            assert len(said(rig, "radar.heard")) == 1
            assert rig.steps(change.id) == WAY
        rig.verify()

    run(story)


class BreakingDisk(LosableDisk):
    """Fails once more when it is back: after call number ``left`` from then on, which was done."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.left: int | None = None

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if not callable(found) or name == "close":
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            done = found(*args, **kwargs)
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    raise StoreUnavailable("disk I/O error again")
            return done

        return call


def test_a_take_over_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    """After each of its store calls: nothing is written twice, nothing is left out. Another change had the
    radio."""

    async def story(clock: Clock, at: int) -> bool:
        (tmp_path / str(at)).mkdir()
        async with ON_52(tmp_path / str(at), clock) as rig:
            rig.wrap_store = BreakingDisk
            _, ledger = rig.build()
            store: Any = ledger.store
            held = await ledger.create(
                change_of(ledger, rig.key, clock, Cause.OPERATOR),
                token_expires=Deadline.after(clock.now(), 86_400.0),
                reason="test",
            )
            store.lost = True
            change = await journalled(ledger, clock, rig.key)
            store.lost, store.left = False, at
            with suppress(StoreUnavailable):
                await ledger.take_over()
            hit: bool = store.left <= 0
            store.left = None
            await ledger.take_over()
            assert ledger.store.change(change.id) == change
            assert getattr(ledger.store.change(held.id), "state", None) is State.SUPERSEDED
            assert {nop.mhz20 for nop in ledger.store.nops(clock.now())} == HEARD
            await ledger.close()
            assert [r["reason"]["code"] for r in rig.records() if r["kind"] != "system"] == CODES
            rig.verify()
        return hit

    worked = [at for at in range(1, 40) if run(partial(story, at=at))]
    assert worked == list(range(1, len(worked) + 1))
    assert len(worked) > 15


CODES = ["test", "radar.heard", "radar", "radar", "writing", "read_back_agrees", "radar.left"]


def change_of(ledger: Ledger, key: RadioKey, clock: Clock, cause: Cause) -> Change:
    id = ledger.ids()
    return Change(
        id=id,
        site="lab",
        device="ap1",
        scope=ScopeRef(kind="radio", name=key, members=(key,)),
        target={Setting.CHANNEL: 36},
        prior={Setting.CHANNEL: 52},
        cause=cause,
        state=State.PLANNED,
        deadline=Deadline.after(clock.now(), 90.0),
        token_sha256=token_hash(id),
    )


async def journalled(ledger: Ledger, clock: Clock, key: RadioKey) -> Change:
    """Radar, and a radio that was moved because of it, all while the store is lost."""
    now = clock.now()
    nop = Nop(site="lab", mhz20=5260, deadline=Deadline.after(now, 1800.0), by_radio=key)
    event = Event(
        id=ledger.ids(),
        site="lab",
        kind=EventKind.DFS_RADAR,
        key="radar",
        radio=key,
        severity="critical",
        confidence_ppm=1_000_000,
        raised_utc_us=now.utc_us,
    )
    await ledger.bar([nop], [ledger.record("event", "radar.heard", "lab", radio=key)], event)
    change = change_of(ledger, key, clock, Cause.DFS_RADAR)
    change = await ledger.create(change, token_expires=Deadline.after(now, 86_400.0), reason="radar")
    change = await ledger.step(change, Trigger.START, reason="writing", silent_s=5.0)
    acked = Deadline.after(now, 0.0)
    change = await ledger.step(change, Trigger.ACKED, reason="read_back_agrees", acked_at=acked)
    await ledger.note(ledger.record("event", "radar.left", "lab", radio=key), urgent=True)
    return change


def test_a_change_that_had_the_radio_makes_way_in_the_store_too(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            rig.wrap_store = LosableDisk
            async with rig.agent() as agent:
                await until(lambda: all(radio.reading for radio in agent.memory.radios.values()))
                rig.world.set_stubborn(rig.key)
                now = agent.memory.radios[rig.key].reading
                assert now is not None
                assert now.tx_power_dbm is not None
                less = Move(
                    radio=rig.key,
                    target={Setting.TX_POWER_DBM: int(now.tx_power_dbm.value) - 3},
                    cause=Cause.OPERATOR,
                    reason="test",
                )
                power = await agent.changes.open(less)
                assert isinstance(power, Change)
                await agent.executor.settled(power.id, State.MONITORING)
                disk(agent).lost = True
                await until(lambda: not agent.executor.carries(power.id), limit_s=3600)
                rig.world.radar(rig.key)
                await until(lambda: not rig.block().mhz20 & HIT, limit_s=60, step_s=0.1)
                await agent.radar.quiet()
                await back(agent)
                row = disk(agent).change(power.id)
                assert row is not None
                assert row.state is State.SUPERSEDED
                (forced,) = [c for c in agent.memory.changes.values() if c.id != power.id]
                assert (await final(agent, forced)).state is State.COMMITTED
        rig.verify()

    run(story)


@pytest.mark.parametrize("noticed", [True, False])
def test_of_a_site_that_is_anothers_only_what_was_heard_is_taken_over(tmp_path: Path, noticed: bool) -> None:
    """Whether this agent knows already that the site is another's, or finds out as it writes."""

    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig:
            rig.wrap_store = LosableDisk
            _, ledger = rig.build()
            outbid: list[str] = []
            ledger.outbid = outbid.append
            store: Any = ledger.store
            now = clock.now()
            store.take_lease("lab", "other", now.utc_us, LEASE_S)
            held = change_of(ledger, rig.key, clock, Cause.OPERATOR)
            store.create(held, records=[], token_expires=now.utc_us, lease=("other", 1))
            store.lost = True
            change = await journalled(ledger, clock, rig.key)
            store.lost = False
            epoch = 0 if noticed else 1
            ledger.leases["lab"] = Lease(holder="ours", epoch=epoch, until=Deadline.after(now, 0.0))
            await ledger.take_over()
            assert not ledger.backlog.waiting
            assert bool(outbid) is not noticed
            assert store.change(change.id) is None
            assert store.change(held.id) == held
            assert {nop.mhz20 for nop in store.nops(clock.now())} == HEARD
            await ledger.close()
            assert [r["reason"]["code"] for r in rig.records() if r["kind"] != "system"] == [
                "radar.heard",
                "radar",
                "writing",
                "read_back_agrees",
                "radar.left",
            ]
        rig.verify()

    run(story)


def test_a_read_that_fails_costs_no_writing(tmp_path: Path) -> None:
    def failing(error: Exception) -> None:
        raise error

    async def story(clock: Clock) -> None:
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            with pytest.raises(StoreUnavailable):
                await agent.ledger.read(failing, StoreUnavailable("statement timeout"))
            assert agent.memory.observing_only is None
            with pytest.raises(StoreUnavailable):
                await agent.ledger.read(failing, StoreDamaged("malformed"))
            assert agent.memory.observing_only == "malformed"

    run(story)
