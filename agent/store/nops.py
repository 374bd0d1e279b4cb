"""Stored non-occupancy periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from agent.events import Event
from agent.moment import Moment
from agent.nop import Nop, later, restarted
from agent.records import Record
from agent.store import tables
from agent.store.database import Database
from agent.store.errors import decoded
from agent.store.events import open_event
from agent.store.recording import queue_records
from agent.store.rows import event_row, nop_of, nop_row


def _same_nop(nop: Nop) -> tuple[Any, ...]:
    table = tables.nop.c
    return (table.site == nop.site, table.mhz20 == nop.mhz20, table.by_radio == nop.by_radio)


def put_nop(conn: Connection, nop: Nop) -> None:
    """Keeps a period; one that is there already is extended, never shortened."""
    there = conn.execute(select(tables.nop).where(*_same_nop(nop)).with_for_update()).mappings().first()
    if there is None:
        conn.execute(insert(tables.nop), nop_row(nop))
        return
    end = later(decoded(nop_of, there).deadline, nop.deadline)
    row = nop_row(replace(nop, deadline=end))
    conn.execute(update(tables.nop).where(*_same_nop(nop)).values(row))


def restart_nops(conn: Connection, now: Moment, nop_s: float) -> list[Nop]:
    """The periods that began before a reboot, started again in full."""
    rows = conn.execute(select(tables.nop).where(tables.nop.c.boot_id != now.boot_id)).mappings()
    again = [restarted(decoded(nop_of, row), now, nop_s) for row in rows.all()]
    for nop in again:
        conn.execute(update(tables.nop).where(*_same_nop(nop)).values(nop_row(nop)))
    return again


def prune_nops(conn: Connection, now: Moment) -> None:
    """Drops the periods that are over."""
    rows = conn.execute(select(tables.nop)).mappings().all()
    for nop in (decoded(nop_of, row) for row in rows):
        if nop.deadline.passed(now):
            conn.execute(delete(tables.nop).where(*_same_nop(nop)))


class Nops(Database):
    """What the store knows of channels where radar was heard."""

    def bar(self, nops: Sequence[Nop], records: Sequence[Record], event: Event | None = None) -> None:
        """Non-occupancy periods, kept; one that is there already is extended, never shortened. The event of
        the radar goes with them, unless it is open already: one transaction, since an AP waits for it."""
        with self._write() as conn:
            for nop in nops:
                put_nop(conn, nop)
            if event is not None and open_event(conn, event) is None:
                conn.execute(insert(tables.event), event_row(event))
            queue_records(conn, records)

    def nops(self, now: Moment, site: str | None = None) -> list[Nop]:
        """The periods still running."""
        query = select(tables.nop).order_by(tables.nop.c.mhz20, tables.nop.c.by_radio)
        if site is not None:
            query = query.where(tables.nop.c.site == site)
        return [nop for nop in self._all(query, nop_of) if not nop.deadline.passed(now)]

    def restart_nops(self, now: Moment, nop_s: float) -> list[Nop]:
        """The periods that began before a reboot, started again in full; call it once at start."""
        with self._write() as conn:
            return restart_nops(conn, now, nop_s)
