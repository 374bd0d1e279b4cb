"""Stored events."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update

from agent.events import Event, EventKind
from agent.records import Record
from agent.store import tables
from agent.store.database import Database
from agent.store.errors import decoded
from agent.store.recording import queue_records
from agent.store.rows import event_of, event_row


def open_event(conn: Connection, event: Event) -> Event | None:
    """The event of that site, kind and key that is open."""
    table = tables.event.c
    same = (table.site == event.site, table.kind == event.kind.value, table.key == event.key)
    row = conn.execute(select(tables.event).where(*same, table.cleared_utc.is_(None))).mappings().first()
    return None if row is None else decoded(event_of, row)


class Events(Database):
    """What the store knows of events."""

    def raise_event(self, event: Event, records: Sequence[Record] = ()) -> Event:
        """The open event of that site, kind and key: this one, or the one already open.

        When it was open already nothing is written, the records neither; its id tells.
        """
        with self._write() as conn:
            if (known := open_event(conn, event)) is not None:
                return known
            conn.execute(insert(tables.event), event_row(event))
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
        return self._all(query.order_by(tables.event.c.raised_utc, tables.event.c.id), event_of)

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
        return self._all(query.order_by(*newest), event_of)

    def radar(self, site: str, since_utc_us: int) -> list[Event]:
        """Radar that was heard at a site, drills left out, oldest first."""
        table = tables.event.c
        query = select(tables.event).where(
            table.site == site,
            table.kind == EventKind.DFS_RADAR.value,
            table.raised_utc >= since_utc_us,
            table.drill.is_(False),
        )
        return self._all(query.order_by(table.raised_utc, table.id), event_of)

    def event(self, id: str) -> Event | None:
        return self._one(select(tables.event).where(tables.event.c.id == id), event_of)
