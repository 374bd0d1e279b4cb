"""What must survive: changes, tokens, NOPs, events, pauses, the lease, and the audit's outbox.

Synchronous: the daemon runs it on its one store thread. Whatever changes a row takes the audit records of
that step with it, and both commit in one transaction or neither does.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Select,
    bindparam,
    create_engine,
    delete,
    insert,
    make_url,
    or_,
    select,
    update,
)
from sqlalchemy import event as hooks
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from agent import tables
from agent.audit_chain import AuditHead, canonical
from agent.change import FINAL, LIVE, Actor, Change, State, Trigger, next_state
from agent.events import Event
from agent.moment import Deadline, Moment
from agent.nop import Nop, later, restarted
from agent.records import Record
from agent.tables import OutboxRow, Pause, TokenRow
from inventory.model import RadioKey

EventRow = Event
"""An event as stored is an event."""

KEEP_WRITTEN = 10_000
"""Outbox rows kept after they are in the file: enough to see what a damaged last file held."""

BUSY_S = 5.0
"""How long one process waits for another's write."""

PATCHABLE = frozenset(
    {
        "deadline",
        "verdict",
        "attempts",
        "baseline",
        "rollback_to",
        "extended",
        "acked_at",
        "undo_until",
        "reason",
        "silent_s",
        "prior",
        "actor",
        "event_id",
        "token_sha256",
    }
)
"""The fields of a change that a transition may set."""

Value = TypeVar("Value")

# What every record costs is built once.
GET_META = select(tables.meta.c.value).where(tables.meta.c.key == bindparam("name"))
LOCK_META = GET_META.with_for_update()
PUT_META = update(tables.meta).where(tables.meta.c.key == bindparam("name")).values(value=bindparam("text"))
QUEUE = insert(tables.outbox)
_waiting = tables.outbox.c.mac.is_(None)
WAITING = (
    select(tables.outbox.c.seq, tables.outbox.c.record)
    .where(_waiting)
    .order_by(tables.outbox.c.seq)
    .limit(bindparam("most"))
)
MARK = (
    update(tables.outbox)
    .where(tables.outbox.c.seq == bindparam("this"), _waiting)
    .values(mac=bindparam("by"), file=bindparam("into"))
)


class StoreError(Exception):
    """The root of what the store raises."""


class StoreUnavailable(StoreError):
    """The disk is full, locked, failing, or the file is damaged: observe only, try again later."""


class SchemaTooNew(StoreError):
    """The file was written by a newer rrmd: install that version, or use another file."""


class StoreConflict(StoreError):
    """A row with that key is already there: read again before deciding anything."""


class StaleChange(StoreError):
    """The change was moved by someone else since it was read: read it again."""


class RadioBusy(StoreError):
    """Another change has the radio: wait until that one is final."""

    def __init__(self, radio: RadioKey, change_id: str) -> None:
        super().__init__(f"{radio} is held by change {change_id}")
        self.radio = radio
        self.change_id = change_id


class TokenSpent(StoreError):
    """The right to undo was used already, or never existed: a person must decide."""


class TokenExpired(StoreError):
    """The right to undo has run out: a person may still undo by hand."""


class LeaseHeld(StoreError):
    """Another agent writes to this site: observe only, ask again after ``until_utc_us``."""

    def __init__(self, holder: str, until_utc_us: int) -> None:
        super().__init__(f"the lease is held by {holder}")
        self.holder = holder
        self.until_utc_us = until_utc_us


class Store:
    """One database. ``url``: ``sqlite:///path``; nothing outside the connect hooks is SQLite's own."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            _create_private(parsed)
        self._engine = create_engine(url)
        self._writing = self._engine.execution_options(rrmd_write=True)
        self._marking = self._engine.execution_options(rrmd_write=True, rrmd_unsynced=True)
        if self._engine.dialect.name == "sqlite":
            _tune_sqlite(self._engine)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._engine.dispose()

    # Changes

    def create(
        self,
        change: Change,
        *,
        records: Sequence[Record],
        token_expires: Deadline | int | None = None,
        spends_token_of: str | None = None,
        allow_expired: bool = False,
        now: Moment | None = None,
    ) -> Change:
        """The change as stored, with its token, its locks and its records.

        A proposal locks nothing. ``spends_token_of``: the committed change that this one undoes; its token
        is used up in the same transaction (``now`` needed; ``allow_expired``: a person undoes by hand).
        Raises RadioBusy, TokenSpent, TokenExpired.
        """
        with self._write() as conn:
            if spends_token_of is not None:
                _spend(conn, spends_token_of, now, allow_expired)
            conn.execute(insert(tables.change), tables.change_row(change))
            members = [{"change_id": change.id, "radio": radio} for radio in change.radios]
            if members:
                conn.execute(insert(tables.change_member), members)
            _add_token(conn, change, token_expires)
            if change.state in LIVE and change.state is not State.PROPOSED:
                _lock(conn, change)
            _append(conn, records)
        return change

    def transition(
        self,
        change: Change,
        trigger: Trigger,
        *,
        records: Sequence[Record],
        use_token: bool = False,
        allow_expired: bool = False,
        now: Moment | None = None,
        token_expires: Deadline | int | None = None,
        **patch: Any,
    ) -> Change:
        """The change after ``trigger``, with the fields of ``patch`` set (see PATCHABLE) and ``rev`` + 1.

        ``use_token``: the token is used up in the same transaction; needs ``now``. ``token_expires`` goes
        with a ``token_sha256`` in the patch (a proposal gets its token when it is approved or started).
        Raises IllegalTransition, StaleChange, RadioBusy (a proposal that is approved), TokenSpent,
        TokenExpired; nothing has changed then.
        """
        _check_patch(patch)
        after = replace(change, state=next_state(change.state, trigger), rev=change.rev + 1, **patch)
        with self._write() as conn:
            _update(conn, change, after)
            if change.token_sha256 != after.token_sha256:
                _add_token(conn, after, token_expires)
            if use_token:
                _spend(conn, change.id, now, allow_expired)
            if change.state is State.PROPOSED and after.state is State.PLANNED:
                _lock(conn, after)
            if after.state in FINAL and after.state is not State.ESCALATED:
                _unlock(conn, after.id)
            _append(conn, records)
        return after

    def release_escalated(self, change: Change, records: Sequence[Record]) -> Change:
        """The escalated change with its radios free again: a person has dealt with it. Raises StaleChange."""
        if change.state is not State.ESCALATED:
            raise StaleChange(f"change {change.id} is {change.state}, not ESCALATED")
        after = replace(change, rev=change.rev + 1)
        with self._write() as conn:
            _update(conn, change, after)
            _unlock(conn, change.id)
            _append(conn, records)
        return after

    def change(self, id: str) -> Change | None:
        return self._one(select(tables.change).where(tables.change.c.id == id), tables.change_of)

    def change_by_token(self, sha256: str) -> Change | None:
        query = select(tables.change).join(tables.token).where(tables.token.c.sha256 == sha256)
        return self._one(query, tables.change_of)

    def open_changes(self, site: str | None = None) -> list[Change]:
        """Changes that are not final, oldest first; proposals are among them."""
        query = select(tables.change).where(tables.change.c.state.in_([state.value for state in LIVE]))
        return self._changes(query, site, tables.change.c.created_utc, tables.change.c.id)

    def escalated(self, site: str | None = None) -> list[Change]:
        """Escalated changes that still hold their radios, oldest first: a person must act."""
        held = select(tables.open_member.c.change_id)
        query = select(tables.change).where(
            tables.change.c.state == State.ESCALATED.value, tables.change.c.id.in_(held)
        )
        return self._changes(query, site, tables.change.c.created_utc, tables.change.c.id)

    def changes(
        self,
        site: str | None = None,
        radio: RadioKey | None = None,
        since_utc_us: int | None = None,
        limit: int = 100,
    ) -> list[Change]:
        """Changes of every state, newest first; ``radio``: those that moved it."""
        query = select(tables.change).limit(limit)
        if radio is not None:
            query = query.join(tables.change_member).where(tables.change_member.c.radio == radio)
        if since_utc_us is not None:
            query = query.where(tables.change.c.created_utc >= since_utc_us)
        return self._changes(query, site, tables.change.c.created_utc.desc(), tables.change.c.id.desc())

    def token(self, sha256: str) -> TokenRow | None:
        return self._one(select(tables.token).where(tables.token.c.sha256 == sha256), tables.token_of)

    # Non-occupancy periods

    def bar(self, nops: Sequence[Nop], records: Sequence[Record]) -> None:
        """Non-occupancy periods, kept; one that is there already is extended, never shortened."""
        with self._write() as conn:
            for nop in nops:
                _put_nop(conn, nop)
            _append(conn, records)

    def nops(self, now: Moment, site: str | None = None) -> list[Nop]:
        """The periods still running."""
        query = select(tables.nop).order_by(tables.nop.c.mhz20, tables.nop.c.by_radio)
        if site is not None:
            query = query.where(tables.nop.c.site == site)
        return [nop for nop in self._all(query, tables.nop_of) if not nop.deadline.passed(now)]

    def restart_nops(self, now: Moment, nop_s: float) -> list[Nop]:
        """The periods that began before a reboot, started again in full; call it once at start."""
        with self._write() as conn:
            rows = conn.execute(select(tables.nop).where(tables.nop.c.boot_id != now.boot_id)).mappings()
            again = [restarted(_decoded(tables.nop_of, row), now, nop_s) for row in rows.all()]
            for nop in again:
                conn.execute(update(tables.nop).where(*_same_nop(nop)).values(tables.nop_row(nop)))
        return again

    # Events

    def raise_event(self, event: Event, records: Sequence[Record] = ()) -> Event:
        """The open event of that site, kind and key: this one, or the one already open.

        When it was open already nothing is written, the records neither; its id tells.
        """
        with self._write() as conn:
            row = conn.execute(select(tables.event).where(*_same_open_event(event))).mappings().first()
            if row is not None:
                return _decoded(tables.event_of, row)
            conn.execute(insert(tables.event), tables.event_row(event))
            _append(conn, records)
        return event

    def clear_event(self, id: str, utc_us: int, records: Sequence[Record] = ()) -> bool:
        """True when the event was open and is now cleared; else nothing is written."""
        is_open = (tables.event.c.id == id, tables.event.c.cleared_utc.is_(None))
        with self._write() as conn:
            done = conn.execute(update(tables.event).where(*is_open).values(cleared_utc=utc_us))
            if done.rowcount:
                _append(conn, records)
        return bool(done.rowcount)

    def open_events(self, site: str | None = None) -> list[Event]:
        """Events not cleared, oldest first."""
        query = select(tables.event).where(tables.event.c.cleared_utc.is_(None))
        if site is not None:
            query = query.where(tables.event.c.site == site)
        return self._all(query.order_by(tables.event.c.raised_utc, tables.event.c.id), tables.event_of)

    def events(
        self, site: str | None = None, since_utc_us: int | None = None, limit: int = 100
    ) -> list[Event]:
        """Events, newest first."""
        query = select(tables.event).limit(limit)
        if site is not None:
            query = query.where(tables.event.c.site == site)
        if since_utc_us is not None:
            query = query.where(tables.event.c.raised_utc >= since_utc_us)
        newest = (tables.event.c.raised_utc.desc(), tables.event.c.id.desc())
        return self._all(query.order_by(*newest), tables.event_of)

    # Pauses

    def pause(
        self,
        scope: str,
        actor: Actor,
        now: Moment,
        until_utc_us: int | None = None,
        records: Sequence[Record] = (),
    ) -> Pause:
        """The scope is left alone until then (None = until resumed); a second pause replaces the first."""
        row = Pause(scope=scope, actor=actor, since_utc_us=now.utc_us, until_utc_us=until_utc_us)
        with self._write() as conn:
            conn.execute(delete(tables.pause).where(tables.pause.c.scope == scope))
            conn.execute(insert(tables.pause), tables.pause_row(row))
            _append(conn, records)
        return row

    def resume(self, scope: str, records: Sequence[Record] = ()) -> bool:
        """True when the scope was paused; else nothing is written."""
        with self._write() as conn:
            done = conn.execute(delete(tables.pause).where(tables.pause.c.scope == scope))
            if done.rowcount:
                _append(conn, records)
        return bool(done.rowcount)

    def pauses(self, now: Moment) -> list[Pause]:
        running = or_(tables.pause.c.until_utc.is_(None), tables.pause.c.until_utc > now.utc_us)
        return self._all(select(tables.pause).where(running).order_by(tables.pause.c.scope), tables.pause_of)

    # The lease: one agent writes to a site at a time

    def take_lease(self, site: str, holder: str, now_utc_us: int, ttl_s: float) -> int:
        """The epoch under which ``holder`` writes to the site; it rises with each new holder.

        The holder renews by taking it again. Raises LeaseHeld.
        """
        until = now_utc_us + round(ttl_s * 1e6)
        mine = tables.lease.c.site == site
        with self._write() as conn:
            row = conn.execute(select(tables.lease).where(mine).with_for_update()).mappings().first()
            if row is None:
                first = {"site": site, "holder": holder, "epoch": 1, "until_utc": until}
                conn.execute(insert(tables.lease), first)
                return 1
            if row["holder"] not in (holder, "") and row["until_utc"] > now_utc_us:
                raise LeaseHeld(row["holder"], row["until_utc"])
            epoch = int(row["epoch"]) + (row["holder"] != holder)
            conn.execute(update(tables.lease).where(mine).values(holder=holder, epoch=epoch, until_utc=until))
        return int(epoch)

    def drop_lease(self, site: str, holder: str) -> bool:
        """True when it was held by ``holder`` and is free now."""
        mine = (tables.lease.c.site == site, tables.lease.c.holder == holder)
        with self._write() as conn:
            done = conn.execute(update(tables.lease).where(*mine).values(holder="", until_utc=0))
        return bool(done.rowcount)

    # The audit's outbox

    def append(self, records: Sequence[Record]) -> int:
        """The number of the last audit record, these included; 0 when there is none yet."""
        with self._write() as conn:
            return _append(conn, records)

    def unwritten(self, limit: int = 1000) -> list[OutboxRow]:
        """Records not yet in the file, in order."""
        with self._read() as conn:
            rows = conn.execute(WAITING, {"most": limit})
            return [_decoded(tables.outbox_of, row) for row in rows.mappings()]

    def mark_written(self, rows: Sequence[tuple[int, str]], file: str, head: AuditHead) -> None:
        """The rows (seq, mac) are in ``file`` and synced; ``head`` is the chain's new end.

        The only write that is not synced by itself (the next one takes it along): when a power cut loses
        it, the rows are recognised in the file. Raises StoreConflict when one of them was marked before.
        """
        with _boundary(), self._marking.begin() as conn:
            if rows:
                _set_macs(conn, rows, file)
            _set_meta(conn, "audit_head", json.dumps(head.to_json()))

    def adopt(self, head: AuditHead) -> None:
        """Takes ``head``, found in the log itself, for the chain's end; what waits is numbered after it."""
        with self._write() as conn:
            waiting = tables.outbox.c.mac.is_(None)
            rows = conn.execute(select(tables.outbox).where(waiting).order_by(tables.outbox.c.seq)).mappings()
            records = [_decoded(tables.outbox_of, row).record for row in rows.all()]
            conn.execute(delete(tables.outbox).where(or_(waiting, tables.outbox.c.seq > head.seq)))
            _set_meta(conn, "audit_seq", str(head.seq))
            _append(conn, records)
            _set_meta(conn, "audit_head", json.dumps(head.to_json()))

    def audit_head(self) -> AuditHead | None:
        """The last record known to be in the file; None = none yet."""
        text = self.get_meta("audit_head")
        return None if text is None else _decoded(AuditHead.from_json, text)

    # The rest

    def get_meta(self, key: str) -> str | None:
        with self._read() as conn:
            return _get_meta(conn, key)

    def set_meta(self, key: str, value: str) -> None:
        with self._write() as conn:
            _set_meta(conn, key, value)

    def prune(self, now: Moment) -> None:
        """Drops what is over: NOPs, pauses, and written outbox rows before the last KEEP_WRITTEN."""
        with self._write() as conn:
            rows = conn.execute(select(tables.nop)).mappings().all()
            for nop in (_decoded(tables.nop_of, row) for row in rows):
                if nop.deadline.passed(now):
                    conn.execute(delete(tables.nop).where(*_same_nop(nop)))
            conn.execute(delete(tables.pause).where(tables.pause.c.until_utc <= now.utc_us))
            old = tables.outbox.c.seq <= _last_seq(conn) - KEEP_WRITTEN
            conn.execute(delete(tables.outbox).where(tables.outbox.c.mac.is_not(None), old))

    def _prepare(self) -> None:
        with self._write() as conn:
            tables.metadata.create_all(conn)
            version = _get_meta(conn, "schema_version")
            if version is None:
                _set_meta(conn, "schema_version", str(tables.SCHEMA_VERSION))
            elif int(version) > tables.SCHEMA_VERSION:
                known = tables.SCHEMA_VERSION
                raise SchemaTooNew(
                    f"the store has schema {version}, written by a newer rrmd; this one knows {known}"
                )

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with _boundary(), self._writing.begin() as conn:
            yield conn

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with _boundary(), self._engine.connect() as conn:
            yield conn

    def _all(self, query: Select[Any], make: Callable[[Any], Value]) -> list[Value]:
        with self._read() as conn:
            return [_decoded(make, row) for row in conn.execute(query).mappings()]

    def _one(self, query: Select[Any], make: Callable[[Any], Value]) -> Value | None:
        found = self._all(query, make)
        return found[0] if found else None

    def _changes(self, query: Select[Any], site: str | None, *order: Any) -> list[Change]:
        if site is not None:
            query = query.where(tables.change.c.site == site)
        return self._all(query.order_by(*order), tables.change_of)


@contextmanager
def _boundary() -> Iterator[None]:
    """The one place where the library's errors become ours."""
    try:
        yield
    except IntegrityError as error:
        raise StoreConflict(str(error.orig)) from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(str(getattr(error, "orig", None) or error)) from error
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(str(error)) from error


def _decoded(make: Callable[[Any], Value], row: Any) -> Value:
    try:
        return make(row)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreUnavailable(f"a row of the store is damaged: {error!r}") from error


def _create_private(url: URL) -> None:
    """The file, readable by its owner only, before SQLite makes it with the umask's mode."""
    if not url.database or url.database == ":memory:":
        return
    with _boundary():
        os.close(os.open(url.database, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _tune_sqlite(engine: Engine) -> None:
    """The connect hooks: the only SQL here that is SQLite's own."""
    wal = False

    def on_connect(dbapi: sqlite3.Connection, _record: object) -> None:
        nonlocal wal
        dbapi.isolation_level = None  # or the driver begins transactions by itself, and DEFERRED ones
        dbapi.execute(f"PRAGMA busy_timeout={round(BUSY_S * 1000)}")
        dbapi.execute("PRAGMA foreign_keys=ON")
        if not wal:
            _make_wal(dbapi)
            wal = True

    def on_begin(conn: Connection) -> None:
        options = conn.get_execution_options()
        if not options.get("rrmd_write"):
            conn.exec_driver_sql("BEGIN")
            return
        conn.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('rrmd_unsynced') else 'FULL'}")
        conn.exec_driver_sql("BEGIN IMMEDIATE")

    hooks.listen(engine, "connect", on_connect)
    hooks.listen(engine, "begin", on_begin)


def _make_wal(dbapi: sqlite3.Connection) -> None:
    """Write-ahead logging, which the file remembers. SQLite does not wait for a lock here, so we do."""
    give_up = time.monotonic() + BUSY_S
    while True:
        try:
            dbapi.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _check_patch(patch: Iterable[str]) -> None:
    if odd := set(patch) - PATCHABLE:
        raise TypeError(f"a transition cannot set {', '.join(sorted(odd))}")


def _update(conn: Connection, before: Change, after: Change) -> None:
    same = (tables.change.c.id == before.id, tables.change.c.rev == before.rev)
    seen = (*same, tables.change.c.state == before.state.value)
    if conn.execute(update(tables.change).where(*seen).values(tables.change_row(after))).rowcount != 1:
        raise StaleChange(f"change {before.id} is no longer at rev {before.rev}, {before.state}")


def _lock(conn: Connection, change: Change) -> None:
    held = select(tables.open_member).where(tables.open_member.c.radio.in_(change.radios))
    for row in conn.execute(held.order_by(tables.open_member.c.radio)).mappings():
        raise RadioBusy(RadioKey(row["radio"]), row["change_id"])
    if change.radios:
        rows = [{"radio": radio, "change_id": change.id} for radio in change.radios]
        conn.execute(insert(tables.open_member), rows)


def _unlock(conn: Connection, change_id: str) -> None:
    conn.execute(delete(tables.open_member).where(tables.open_member.c.change_id == change_id))


def _add_token(conn: Connection, change: Change, expires: Deadline | int | None) -> None:
    if change.token_sha256 is None:
        return
    if expires is None:
        raise TypeError("a change with a token needs token_expires")
    if isinstance(expires, int):
        expires = Deadline(utc_us=expires, boot_id="", boottime_us=0)  # by the wall clock alone
    row = {
        "sha256": change.token_sha256,
        "change_id": change.id,
        "expires_utc": expires.utc_us,
        "boot_id": expires.boot_id,
        "expires_boottime_us": expires.boottime_us,
    }
    conn.execute(insert(tables.token), row)


def _spend(conn: Connection, change_id: str, now: Moment | None, allow_expired: bool) -> None:
    if now is None:
        raise TypeError("using a token needs now")
    mine = tables.token.c.change_id == change_id
    row = conn.execute(select(tables.token).where(mine)).mappings().first()
    if row is None:
        raise TokenSpent(f"change {change_id} has no token")
    if row["used_utc"] is None and not allow_expired and _decoded(tables.token_of, row).expires.passed(now):
        raise TokenExpired(f"the token of change {change_id} has expired")
    unused = (mine, tables.token.c.used_utc.is_(None))
    if conn.execute(update(tables.token).where(*unused).values(used_utc=now.utc_us)).rowcount != 1:
        raise TokenSpent(f"the token of change {change_id} is used")


def _same_nop(nop: Nop) -> tuple[Any, ...]:
    table = tables.nop.c
    return (table.site == nop.site, table.mhz20 == nop.mhz20, table.by_radio == nop.by_radio)


def _put_nop(conn: Connection, nop: Nop) -> None:
    there = conn.execute(select(tables.nop).where(*_same_nop(nop)).with_for_update()).mappings().first()
    if there is None:
        conn.execute(insert(tables.nop), tables.nop_row(nop))
        return
    end = later(_decoded(tables.nop_of, there).deadline, nop.deadline)
    row = tables.nop_row(replace(nop, deadline=end))
    conn.execute(update(tables.nop).where(*_same_nop(nop)).values(row))


def _same_open_event(event: Event) -> tuple[Any, ...]:
    table = tables.event.c
    return (
        table.site == event.site,
        table.kind == event.kind.value,
        table.key == event.key,
        table.cleared_utc.is_(None),
    )


def _append(conn: Connection, records: Sequence[Record]) -> int:
    """Queues the records without a gap in their numbers: the counter commits or rolls back with them."""
    last = _last_seq(conn)
    if not records:
        return last
    rows = [
        {"seq": seq, "record": canonical(record).decode()} for seq, record in enumerate(records, last + 1)
    ]
    conn.execute(QUEUE, rows)
    _set_meta(conn, "audit_seq", str(rows[-1]["seq"]))
    return last + len(rows)


def _last_seq(conn: Connection) -> int:
    return int(_get_meta(conn, "audit_seq", lock=True) or 0)


def _set_macs(conn: Connection, rows: Sequence[tuple[int, str]], file: str) -> None:
    marks = [{"this": seq, "by": mac, "into": file} for seq, mac in rows]
    done = conn.execute(MARK, marks)
    if conn.dialect.supports_sane_multi_rowcount and done.rowcount != len(rows):
        first, last = rows[0][0], rows[-1][0]
        raise StoreConflict(f"outbox rows {first}..{last} are not all waiting: a second appender is at work")


def _get_meta(conn: Connection, key: str, *, lock: bool = False) -> str | None:
    return conn.execute(LOCK_META if lock else GET_META, {"name": key}).scalar_one_or_none()


def _set_meta(conn: Connection, key: str, value: str) -> None:
    if not conn.execute(PUT_META, {"name": key, "text": value}).rowcount:
        conn.execute(insert(tables.meta), {"key": key, "value": value})
