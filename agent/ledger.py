"""What must be on disk before anything happens: store and audit behind one thread (`agent.desk`).

A transition and its audit record commit in one store transaction; then the record is copied to the file
and synced. Only when both are done does a method return, so whoever awaits it may touch a device.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

import structlog

from agent.audit import EVERY_SITE, AuditLog, AuditUnavailable
from agent.backlog import PATIENCE_S, Backlog, Entry
from agent.change import FINAL, TOKEN_S, Actor, Cause, Change, State, Trigger, next_state
from agent.clock import Clock
from agent.counts import Count, Counts
from agent.desk import Desk, Rank, ranked
from agent.events import Event
from agent.lease import Lease
from agent.moment import Deadline
from agent.nop import Nop
from agent.records import Evidence, Pseudonyms, Record, record
from agent.retention import Keep
from agent.store.errors import (
    LeaseLost,
    RadioBusy,
    StoreDamaged,
    StoreUnavailable,
    TokenExpired,
    TokenSpent,
)
from agent.store.store import Store
from agent.taking_over import take_note, take_over

P = ParamSpec("P")
R = TypeVar("R")
log = structlog.get_logger()

LostDisk = StoreUnavailable | AuditUnavailable
LOST_DISK = (StoreUnavailable, AuditUnavailable)
ANSWERED = (LeaseLost, RadioBusy, TokenSpent, TokenExpired)
"""The store is well, and says no."""


class Ledger:
    """Store and audit log of the daemon; every write goes through here.

    ``backlog``: where that of radar goes when they do not take it in time. ``ids`` gives a fresh UUIDv7 as
    text. ``damaged``: why the disk was lost, None = the last write was whole. ``lost(why)``: told when it is.
    ``leases``: those that this agent took; ``outbid(site)``: told when a write found another's in its place.
    ``counts``: what of it `/metrics` tells. ``keep``: for how long. ``alive()``: False when nothing can be
    written any more until the daemon is started again.
    """

    def __init__(
        self,
        store: Store,
        audit: AuditLog,
        backlog: Backlog,
        clock: Clock,
        ids: Callable[[], str],
        names: Pseudonyms,
    ) -> None:
        self.store = store
        self.audit = audit
        self.backlog = backlog
        self.clock = clock
        self.ids = ids
        self.names = names
        self.keep = Keep()
        self.damaged: str | None = None
        self.lost: Callable[[str], None] = lambda why: None
        self.leases: dict[str, Lease] = {}  # by site
        self.unrenewed = asyncio.Event()  # a change waits for a lease to be renewed
        self.outbid: Callable[[str], None] = lambda site: None
        self.counts = Counts()
        desk = Desk("store")
        self._desk: Executor = desk
        self.alive: Callable[[], bool] = lambda: desk.alive
        self._late: asyncio.Task[Any] | None = None  # the first write that radar did not wait for
        self._readers: Executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-reads")

    async def call(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one store call on the store's thread. Shielded: once begun it ends, cancelled or not.

        A lost disk is noted in ``damaged``, whoever called.
        """
        return await self._on(self._desk, functools.partial(work, *args, **kwargs))

    async def read(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A store call that writes nothing and that nobody on the air waits for, however long it takes: what
        an operator or a scrape asks. Beside the store's thread, so that no write waits for it. One that fails
        says nothing of what can be written, except that the store is damaged."""
        return await self._on(self._readers, functools.partial(work, *args, **kwargs), (StoreDamaged,))

    async def _on(
        self, thread: Executor, work: Callable[[], R], lost: tuple[type[LostDisk], ...] = LOST_DISK
    ) -> R:
        future = asyncio.get_running_loop().run_in_executor(thread, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(_outlived)
            raise
        except lost as error:
            self.note_damage(error)
            raise

    def _lease(self, site: str) -> tuple[str, int] | None:
        lease = self.leases.get(site)
        return None if lease is None else (lease.holder, lease.epoch)

    def unleased(self, site: str, for_s: float) -> str | None:
        """Why a write of at most ``for_s`` must not be sent to this site: another agent may have it by the
        time that the write has landed. None: it may be sent."""
        lease = self.leases.get(site)
        if lease is not None and lease.held(self.clock.now(), for_s):
            return None
        return "lease_not_held"

    async def write(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A store call with audit records in it, and the records in the file, synced."""
        try:
            done = await self.call(self._write, functools.partial(work, *args, **kwargs))
        except LeaseLost as error:
            self.outbid(error.site)
            raise
        self.damaged = None
        return done

    def _write(self, work: Callable[[], R]) -> R:
        with self.store.one():
            done = work()
            self.audit.flush()
        return done

    def note_damage(self, error: LostDisk) -> None:
        """Store or audit failed, wherever that was met."""
        if self.damaged is None:
            log.error("ledger.lost", error=str(error))
        self.damaged = str(error)
        self.lost(self.damaged)

    def record(self, kind: str, reason: str, site: str, **fields: Any) -> dict[str, Any]:
        """An audit record of this moment; fields as in `agent.records.record`."""
        return record(
            id=self.ids(),
            now=self.clock.now(),
            kind=kind,
            site=site,
            names=self.names,
            reason=reason,
            **fields,
        )

    async def note(self, *records: Record, urgent: bool = False) -> None:
        """Audit records that go with no change. ``urgent``: they are of radar, which waits for no disk."""
        write = functools.partial(self.store.append, list(records))
        await self._store(Entry(records=records), write, urgent=urgent)

    async def bar(self, nops: Sequence[Nop], records: Sequence[Record], event: Event) -> None:
        """Radar was heard: the periods, in store and audit or else in the journal, or in memory only."""
        entry = Entry(records=tuple(records), nops=tuple(nops), event=event)
        write = functools.partial(self.store.bar, nops, records, event)
        with ranked(Rank.RADAR):
            await self._store(entry, write, urgent=True)

    async def _store(self, entry: Entry, write: Callable[[], Any], *, urgent: bool) -> None:
        """``write`` with its records in the file. What is urgent goes to the backlog when a disk does not
        take it in time, or when an earlier step of the same change is there."""
        if not urgent:
            await self.write(write)
            return
        behind = entry.change is not None and self.backlog.holds(entry.change)
        hangs = self._late is not None and not self._late.done()
        if self.damaged is None and not behind and not hangs and await self._in_time(write):
            return
        await self.backlog.keep(entry)

    async def _in_time(self, write: Callable[[], Any]) -> bool:
        """Whether store and audit took it within `PATIENCE_S`; the write itself goes on to its end. Raises
        what the store, being well, answers."""
        writing = asyncio.ensure_future(self.write(write))
        writing.add_done_callback(lambda done: done.cancelled() or done.exception())
        if not (await asyncio.wait({writing}, timeout=PATIENCE_S))[0]:
            log.warning("ledger.slow", waited_s=PATIENCE_S)
            self._late = writing
            writing.add_done_callback(_outlived)
            return False
        try:
            writing.result()
        except ANSWERED:
            raise
        except Exception as error:  # whatever a disk, a store or a dead thread is ill with: radar goes on
            log.warning("ledger.journalling", error=f"{type(error).__name__}: {error}")
            return False
        return True

    async def take_over(self) -> None:
        """What waits in the journal goes into store and audit, with the time when it happened. Raises
        StoreUnavailable, AuditUnavailable: the rest waits on."""
        waiting = self.backlog.waiting
        if not waiting:
            return
        first = min((r["utc"] for entry in waiting for r in entry.records), default=0)
        params = {"entries": len(waiting), "since": first}
        await self.note(self.record("system", "radar.journalled", EVERY_SITE, params=params))
        while waiting:
            await self._take_over(waiting[0])
            waiting.popleft()
        await self.backlog.clear()
        log.info("journal.taken_over", **params)

    async def _take_over(self, entry: Entry) -> None:
        """One entry; of a site that is another agent's, the change is that one's."""
        lease = self._lease(entry.change.site) if entry.change is not None else None
        if lease is None or lease[1]:
            with suppress(LeaseLost):
                await self.write(take_over, self.store, entry, self.clock.now(), self.record, lease)
                return
        await self.write(take_note, self.store, entry)

    async def create(
        self,
        change: Change,
        *,
        token_expires: Deadline,
        spends_token_of: str | None = None,
        releases: Sequence[Change] = (),
        allow_expired: bool = False,
        reason: str,
        evidence: Sequence[Evidence] = (),
        params: Mapping[str, Any] | None = None,
    ) -> Change:
        """Store a new change with its token; ``releases``: escalated changes that it deals with. Raises
        RadioBusy, TokenSpent, TokenExpired, StaleChange."""
        entry = self.record(
            "decision",
            reason,
            change.site,
            change=change,
            to_state=change.state,
            evidence=evidence,
            params=params,
        )
        freed = [
            self.record("operator", "change.released", each.site, change=each, actor=change.actor)
            for each in releases
        ]
        write = functools.partial(
            self.store.create,
            change,
            token_expires=token_expires,
            records=[*freed, entry],
            spends_token_of=spends_token_of,
            releases=releases,
            allow_expired=allow_expired,
            now=self.clock.now(),
            lease=self._lease(change.site),
        )
        kept = Entry(records=(entry,), change=change, token_expires=token_expires)
        with ranked(Rank.CHANGE):
            await self._store(kept, write, urgent=change.cause is Cause.DFS_RADAR)
        self._count(change)
        return change

    async def step(
        self,
        change: Change,
        trigger: Trigger,
        *,
        reason: str,
        params: Mapping[str, Any] | None = None,
        evidence: Sequence[Evidence] = (),
        actor: Actor | None = None,
        result: str | None = None,
        use_token: bool = False,
        allow_expired: bool = False,
        **patch: Any,
    ) -> Change:
        """One step of the change table, on disk and audited when this returns.

        ``patch``: fields of the change that change with it. Raises IllegalTransition, StaleChange,
        TokenSpent.
        """
        after = next_state(change.state, trigger)
        entry = self.record(
            "transition",
            reason,
            change.site,
            change=change,
            from_state=change.state,
            to_state=after,
            params={"trigger": str(trigger), **(params or {})},
            evidence=evidence,
            actor=actor,
            result=result or (after if after in FINAL else None),
        )
        now = self.clock.now()
        write = functools.partial(
            self.store.transition,
            change,
            trigger,
            records=[entry],
            use_token=use_token,
            allow_expired=allow_expired,
            now=now,
            lease=self._lease(change.site),
            **patch,
        )
        done = replace(change, state=after, rev=change.rev + 1, **patch)
        expires = Deadline.after(now, TOKEN_S)
        kept = Entry(
            records=(entry,), change=done, trigger=trigger, use_token=use_token, token_expires=expires
        )
        with ranked(Rank.CHANGE):
            await self._store(kept, write, urgent=_is_radars(change, trigger, reason))
        self._count(done)
        _tell(done, trigger, reason)
        return done

    def _count(self, change: Change) -> None:
        self.counts.add(
            Count.CHANGES, change.site, str(change.state), str(change.cause), change.verdict or ""
        )

    async def close(self) -> None:
        """When all that was asked for is done."""
        await self._on(self._readers, _nothing)
        await self.call(self.store.close)
        self._readers.shutdown(wait=True)
        self._desk.shutdown(wait=True)
        self.backlog.close()


def _nothing() -> None:
    """A job that ends when those before it have."""


def _is_radars(change: Change, trigger: Trigger, reason: str) -> bool:
    """Whether a step is of leaving a channel because of radar, or of what had to make way for that."""
    return change.cause is Cause.DFS_RADAR or (trigger is Trigger.SUPERSEDED and reason == "radar")


def _outlived(future: asyncio.Future[Any]) -> None:
    """A store call whose caller was cancelled has ended: nobody else looks at how."""
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("ledger.call_failed", error=f"{type(error).__name__}: {error}")


def _tell(change: Change, trigger: Trigger, reason: str) -> None:
    loud = change.state is State.ESCALATED
    emit = log.error if loud else log.info
    emit(
        "change.stepped",
        change=change.id,
        state=str(change.state),
        trigger=str(trigger),
        reason=reason,
        radios=list(change.radios),
        drill=change.drill,
    )
