"""Stored pauses. A step of a transaction."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from agent.moment import Moment
from agent.store import tables
from agent.store.errors import decoded


def prune_pauses(conn: Connection, now: Moment) -> None:
    """Drops the pauses that are over; a wall clock that jumped ends none."""
    rows = conn.execute(select(tables.pause)).mappings().all()
    for pause in (decoded(tables.pause_of, row) for row in rows):
        if pause.until is not None and pause.until.passed(now):
            conn.execute(delete(tables.pause).where(tables.pause.c.scope == pause.scope))
