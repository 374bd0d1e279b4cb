"""What must survive: changes, tokens, NOPs, events, pauses, the lease, and the audit's outbox.

Synchronous: the daemon runs it on its one store thread. Whatever changes a row takes the audit records of
that step with it, and both commit in one transaction or neither does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, create_engine, delete, insert, make_url, or_, select, update

from agent.audit_chain import AuditHead
from agent.change import FINAL, LIVE, Actor, Change, State, Trigger, next_state
from agent.events import Event, EventKind
from agent.moment import Deadline, Moment
from agent.nop import Nop
from agent.records import Record
from agent.store import sqlite, tables
from agent.store.changes import (
    add_token,
    check_patch,
    lock_radios,
    return_token,
    spend_token,
    unlock_radios,
    update_change,
)
from agent.store.errors import LeaseHeld, SchemaTooNew, StaleChange, Value, boundary, decoded
from agent.store.meta import get_text, set_text
from agent.store.nops import prune_nops, put_nop, restart_nops
from agent.store.outbox import WAITING, last_seq, mark_records, queue_records
from agent.store.pauses import prune_pauses
from agent.store.radios import deed_of, hour_of, put_deed, put_hours
from agent.store.tables import OutboxRow, Pause, TokenRow
from agent.usual import Hour
from drivers.types import Action
from inventory.model import RadioKey

KEEP_WRITTEN = 10_000
"""Outbox rows kept after they are in the file: enough to see what a damaged last file held."""


class Store:
    """One database. ``url``: ``sqlite:///path``; only `agent/store/sqlite.py` has SQL that is SQLite's own."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            sqlite.create_private(parsed)
        self._engine = create_engine(url)
        self._writing = self._engine.execution_options(rrmd_write=True)
        self._marking = self._engine.execution_options(rrmd_write=True, rrmd_unsynced=True)
        if self._engine.dialect.name == "sqlite":
            sqlite.tune(self._engine)
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
                spend_token(conn, spends_token_of, now, allow_expired)
            conn.execute(insert(tables.change), tables.change_row(change))
            members = [{"change_id": change.id, "radio": radio} for radio in change.radios]
            if members:
                conn.execute(insert(tables.change_member), members)
            add_token(conn, change, token_expires)
            if change.state in LIVE and change.state is not State.PROPOSED:
                lock_radios(conn, change)
            queue_records(conn, records)
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
        check_patch(patch)
        after = replace(change, state=next_state(change.state, trigger), rev=change.rev + 1, **patch)
        with self._write() as conn:
            update_change(conn, change, after)
            if change.token_sha256 != after.token_sha256:
                add_token(conn, after, token_expires)
            if use_token:
                spend_token(conn, change.id, now, allow_expired)
            if after.undo_of is not None and _touched_nothing(change.state, after.state):
                return_token(conn, after.undo_of)
            if change.state is State.PROPOSED and after.state is State.PLANNED:
                lock_radios(conn, after)
            if after.state in FINAL and after.state is not State.ESCALATED:
                unlock_radios(conn, after.id)
            queue_records(conn, records)
        return after

    def release_escalated(self, change: Change, records: Sequence[Record]) -> Change:
        """The escalated change with its radios free again: a person has dealt with it. Raises StaleChange."""
        if change.state is not State.ESCALATED:
            raise StaleChange(f"change {change.id} is {change.state}, not ESCALATED")
        after = replace(change, rev=change.rev + 1)
        with self._write() as conn:
            update_change(conn, change, after)
            unlock_radios(conn, change.id)
            queue_records(conn, records)
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

    def changes_about(self, site: str, kind: EventKind, since_utc_us: int) -> list[Change]:
        """Changes for events of this kind that are open, or were cleared since then; oldest first."""
        ended = tables.event.c.cleared_utc
        mine = (tables.event.c.kind == kind.value, or_(ended.is_(None), ended >= since_utc_us))
        events = select(tables.event.c.id).where(tables.event.c.site == site, *mine)
        query = select(tables.change).where(tables.change.c.event_id.in_(events))
        return self._changes(query, site, tables.change.c.created_utc, tables.change.c.id)

    def token(self, sha256: str) -> TokenRow | None:
        return self._one(select(tables.token).where(tables.token.c.sha256 == sha256), tables.token_of)

    # Non-occupancy periods

    def bar(self, nops: Sequence[Nop], records: Sequence[Record], event: Event | None = None) -> None:
        """Non-occupancy periods, kept; one that is there already is extended, never shortened. The event of
        the radar goes with them, unless it is open already: one transaction, since an AP waits for it."""
        with self._write() as conn:
            for nop in nops:
                put_nop(conn, nop)
            if event is not None and _open_event(conn, event) is None:
                conn.execute(insert(tables.event), tables.event_row(event))
            queue_records(conn, records)

    def nops(self, now: Moment, site: str | None = None) -> list[Nop]:
        """The periods still running."""
        query = select(tables.nop).order_by(tables.nop.c.mhz20, tables.nop.c.by_radio)
        if site is not None:
            query = query.where(tables.nop.c.site == site)
        return [nop for nop in self._all(query, tables.nop_of) if not nop.deadline.passed(now)]

    def restart_nops(self, now: Moment, nop_s: float) -> list[Nop]:
        """The periods that began before a reboot, started again in full; call it once at start."""
        with self._write() as conn:
            return restart_nops(conn, now, nop_s)

    # Events

    def raise_event(self, event: Event, records: Sequence[Record] = ()) -> Event:
        """The open event of that site, kind and key: this one, or the one already open.

        When it was open already nothing is written, the records neither; its id tells.
        """
        with self._write() as conn:
            if (known := _open_event(conn, event)) is not None:
                return known
            conn.execute(insert(tables.event), tables.event_row(event))
            queue_records(conn, records)
        return event

    def clear_event(self, id: str, utc_us: int, records: Sequence[Record] = ()) -> bool:
        """True when the event was open and is now cleared; else nothing is written."""
        is_open = (tables.event.c.id == id, tables.event.c.cleared_utc.is_(None))
        with self._write() as conn:
            done = conn.execute(update(tables.event).where(*is_open).values(cleared_utc=utc_us))
            if done.rowcount:
                queue_records(conn, records)
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

    def event(self, id: str) -> Event | None:
        return self._one(select(tables.event).where(tables.event.c.id == id), tables.event_of)

    # What the agent remembers of its radios

    def remember_deed(self, radio: RadioKey, action: Action, utc_us: int) -> None:
        """An action was done to a radio just now."""
        with self._write() as conn:
            put_deed(conn, radio, action, utc_us)

    def deeds(self) -> dict[tuple[RadioKey, Action], int]:
        """When each action was last done to each radio, UTC in µs."""
        return dict(self._all(select(tables.deed), deed_of))

    def keep_hours(self, hours: Sequence[Hour], oldest: int) -> None:
        """Numbers of clients, an hour each; those before ``oldest`` are dropped."""
        with self._write() as conn:
            put_hours(conn, hours, oldest)

    def hours(self) -> list[Hour]:
        """What `keep_hours` kept, oldest first."""
        return self._all(select(tables.client_hour).order_by(tables.client_hour.c.hour), hour_of)

    # Pauses

    def pause(
        self,
        scope: str,
        actor: Actor,
        now: Moment,
        until: Deadline | None = None,
        records: Sequence[Record] = (),
    ) -> Pause:
        """The scope is left alone until then (None = until resumed); a second pause replaces the first."""
        row = Pause(scope=scope, actor=actor, since_utc_us=now.utc_us, until=until)
        with self._write() as conn:
            conn.execute(delete(tables.pause).where(tables.pause.c.scope == scope))
            conn.execute(insert(tables.pause), tables.pause_row(row))
            queue_records(conn, records)
        return row

    def resume(self, scope: str, records: Sequence[Record] = ()) -> bool:
        """True when the scope was paused; else nothing is written."""
        with self._write() as conn:
            done = conn.execute(delete(tables.pause).where(tables.pause.c.scope == scope))
            if done.rowcount:
                queue_records(conn, records)
        return bool(done.rowcount)

    def pauses(self, now: Moment) -> list[Pause]:
        """Those that are not over."""
        known = self._all(select(tables.pause).order_by(tables.pause.c.scope), tables.pause_of)
        return [pause for pause in known if pause.until is None or not pause.until.passed(now)]

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
            return queue_records(conn, records)

    def unwritten(self, limit: int = 1000) -> list[OutboxRow]:
        """Records not yet in the file, in order."""
        with self._read() as conn:
            rows = conn.execute(WAITING, {"most": limit})
            return [decoded(tables.outbox_of, row) for row in rows.mappings()]

    def mark_written(self, rows: Sequence[tuple[int, str]], file: str, head: AuditHead) -> None:
        """The rows (seq, mac) are in ``file`` and synced; ``head`` is the chain's new end.

        The only write that is not synced by itself (the next one takes it along): when a power cut loses
        it, the rows are recognised in the file. Raises StoreConflict when one of them was marked before.
        """
        with boundary(), self._marking.begin() as conn:
            if rows:
                mark_records(conn, rows, file)
            set_text(conn, "audit_head", json.dumps(head.to_json()))

    def adopt(self, head: AuditHead) -> None:
        """Takes ``head``, found in the log itself, for the chain's end; what waits is numbered after it."""
        with self._write() as conn:
            waiting = tables.outbox.c.mac.is_(None)
            rows = conn.execute(select(tables.outbox).where(waiting).order_by(tables.outbox.c.seq)).mappings()
            records = [decoded(tables.outbox_of, row).record for row in rows.all()]
            conn.execute(delete(tables.outbox).where(or_(waiting, tables.outbox.c.seq > head.seq)))
            set_text(conn, "audit_seq", str(head.seq))
            queue_records(conn, records)
            set_text(conn, "audit_head", json.dumps(head.to_json()))

    def audit_head(self) -> AuditHead | None:
        """The last record known to be in the file; None = none yet."""
        text = self.get_meta("audit_head")
        return None if text is None else decoded(AuditHead.from_json, text)

    # The rest

    def get_meta(self, key: str) -> str | None:
        with self._read() as conn:
            return get_text(conn, key)

    def set_meta(self, key: str, value: str) -> None:
        with self._write() as conn:
            set_text(conn, key, value)

    def prune(self, now: Moment) -> None:
        """Drops what is over: NOPs, pauses, and written outbox rows before the last KEEP_WRITTEN."""
        with self._write() as conn:
            prune_nops(conn, now)
            prune_pauses(conn, now)
            old = tables.outbox.c.seq <= last_seq(conn) - KEEP_WRITTEN
            conn.execute(delete(tables.outbox).where(tables.outbox.c.mac.is_not(None), old))

    def _prepare(self) -> None:
        with self._write() as conn:
            tables.metadata.create_all(conn)
            version = int(get_text(conn, "schema_version") or 0)
            if version > tables.SCHEMA_VERSION:
                known = tables.SCHEMA_VERSION
                raise SchemaTooNew(
                    f"the store has schema {version}, written by a newer rrmd; this one knows {known}"
                )
            if version == 1:  # no command could set a pause yet, so nothing is lost
                tables.pause.drop(conn)
                tables.pause.create(conn)
            if version < tables.SCHEMA_VERSION:
                set_text(conn, "schema_version", str(tables.SCHEMA_VERSION))

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with boundary(), self._writing.begin() as conn:
            yield conn

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with boundary(), self._engine.connect() as conn:
            yield conn

    def _all(self, query: Select[Any], make: Callable[[Any], Value]) -> list[Value]:
        with self._read() as conn:
            return [decoded(make, row) for row in conn.execute(query).mappings()]

    def _one(self, query: Select[Any], make: Callable[[Any], Value]) -> Value | None:
        found = self._all(query, make)
        return found[0] if found else None

    def _changes(self, query: Select[Any], site: str | None, *order: Any) -> list[Change]:
        if site is not None:
            query = query.where(tables.change.c.site == site)
        return self._all(query.order_by(*order), tables.change_of)


def _touched_nothing(before: State, after: State) -> bool:
    """Whether a change ended without a write: radar that was heard before its turn ends it too."""
    never_sent = before in (State.PROPOSED, State.PLANNED) and after is State.SUPERSEDED
    return never_sent or after in (State.FAILED, State.EXPIRED)


def _open_event(conn: Connection, event: Event) -> Event | None:
    """The event of that site, kind and key that is open."""
    table = tables.event.c
    same = (table.site == event.site, table.kind == event.kind.value, table.key == event.key)
    row = conn.execute(select(tables.event).where(*same, table.cleared_utc.is_(None))).mappings().first()
    return None if row is None else decoded(tables.event_of, row)
