"""What must be on disk before anything happens: store and audit behind one thread (`agent.desk`).

A transition and its audit record commit in one store transaction; then the record is copied to the file
and synced. Only when both are done does a method return, so whoever awaits it may touch a device.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import structlog

from agent.audit import AuditLog, AuditUnavailable
from agent.change import FINAL, Actor, Change, State, Trigger, next_state
from agent.clock import Clock
from agent.counts import Count, Counts
from agent.desk import Desk, Rank, ranked
from agent.moment import Deadline
from agent.records import Evidence, Pseudonyms, Record, record
from agent.store.errors import StoreUnavailable
from agent.store.store import Store

P = ParamSpec("P")
R = TypeVar("R")
log = structlog.get_logger()


class Ledger:
    """Store and audit log of the daemon; every write goes through here.

    ``ids`` gives a fresh UUIDv7 as text. ``damaged``: why the disk was lost, None = the last write
    was whole. ``counts``: what of it `/metrics` tells.
    """

    def __init__(
        self, store: Store, audit: AuditLog, clock: Clock, ids: Callable[[], str], names: Pseudonyms
    ) -> None:
        self.store = store
        self.audit = audit
        self.clock = clock
        self.ids = ids
        self.names = names
        self.damaged: str | None = None
        self.counts = Counts()
        self._desk = Desk("store")
        self._readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-reads")

    async def call(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one store call on the store's thread. Shielded: once begun it ends, cancelled or not.

        A lost disk is noted in ``damaged``, whoever called.
        """
        return await self._on(self._desk, functools.partial(work, *args, **kwargs))

    async def read(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A store call that writes nothing and that nobody on the air waits for, however long it takes: what
        an operator or a scrape asks. Beside the store's thread, so that no write waits for it."""
        return await self._on(self._readers, functools.partial(work, *args, **kwargs))

    async def _on(self, thread: Executor, work: Callable[[], R]) -> R:
        future = asyncio.get_running_loop().run_in_executor(thread, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(_outlived)
            raise
        except (StoreUnavailable, AuditUnavailable) as error:
            self._note_damage(error)
            raise

    async def write(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A store call with audit records in it, and the records in the file, synced."""
        done = await self.call(self._write, functools.partial(work, *args, **kwargs))
        self.damaged = None
        return done

    def _write(self, work: Callable[[], R]) -> R:
        done = work()
        self.audit.flush()
        return done

    def _note_damage(self, error: StoreUnavailable | AuditUnavailable) -> None:
        if self.damaged is None:
            log.error("ledger.lost", error=str(error))
        self.damaged = str(error)

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

    async def note(self, *records: Record) -> None:
        """Audit records that go with no change."""
        await self.write(self.store.append, list(records))

    async def create(
        self,
        change: Change,
        *,
        token_expires: Deadline,
        spends_token_of: str | None = None,
        allow_expired: bool = False,
        reason: str,
        evidence: Sequence[Evidence] = (),
        params: Mapping[str, Any] | None = None,
    ) -> Change:
        """Store a new change with its token. Raises RadioBusy, TokenSpent or TokenExpired."""
        entry = self.record(
            "decision",
            reason,
            change.site,
            change=change,
            to_state=change.state,
            evidence=evidence,
            params=params,
        )
        with ranked(Rank.CHANGE):
            created = await self.write(
                self.store.create,
                change,
                token_expires=token_expires,
                records=[entry],
                spends_token_of=spends_token_of,
                allow_expired=allow_expired,
                now=self.clock.now(),
            )
        self._count(created)
        return created

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
        with ranked(Rank.CHANGE):
            done = await self.write(
                self.store.transition,
                change,
                trigger,
                records=[entry],
                use_token=use_token,
                now=self.clock.now(),
                **patch,
            )
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


def _nothing() -> None:
    """A job that ends when those before it have."""


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
