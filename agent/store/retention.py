"""What of the store is over, by age. Each function is a step of a transaction and drops a bounded number of
rows, so that no prune holds up what else waits for the store."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, select

from agent.change import FINAL
from agent.store import tables
from agent.store.recording import last_seq

KEEP_WRITTEN = 10_000
"""Outbox rows kept after they are in the file: enough to see what a damaged last file held."""
MOST = 200
"""Changes, and events, dropped in one transaction."""
MOST_WRITTEN = 2_000
"""Outbox rows dropped in one transaction."""


def drop_written(conn: Connection) -> None:
    """Outbox rows that are in the file, but for the last KEEP_WRITTEN."""
    table = tables.outbox.c
    old = (table.mac.is_not(None), table.seq <= last_seq(conn) - KEEP_WRITTEN)
    some = select(table.seq).where(*old).order_by(table.seq).limit(MOST_WRITTEN)
    conn.execute(delete(tables.outbox).where(table.seq.in_(some)))


def drop_changes(conn: Connection, before_utc_us: int) -> int:
    """How many changes of before then were dropped, their tokens with them.

    One stays as long as it is not final, holds a radio (escalated, and nobody has acknowledged it), its event
    is open, or a change that undoes it is still there.
    """
    change, undo = tables.change.c, tables.change.alias()
    holds = select(tables.open_member.c.change_id)
    its_event = (tables.event.c.id == change.event_id, tables.event.c.cleared_utc.is_(None))
    old = (
        select(change.id)
        .where(change.created_utc < before_utc_us, change.state.in_([state.value for state in FINAL]))
        .where(change.id.not_in(holds))
        .where(~exists().where(*its_event), ~exists().where(undo.c.undo_of == change.id))
        .order_by(change.created_utc)
        .limit(MOST)
    )
    ids = list(conn.execute(old).scalars())
    if ids:
        conn.execute(delete(tables.token).where(tables.token.c.change_id.in_(ids)))
        conn.execute(delete(tables.change_member).where(tables.change_member.c.change_id.in_(ids)))
        conn.execute(delete(tables.change).where(change.id.in_(ids)))
    return len(ids)


def drop_events(conn: Connection, before_utc_us: int) -> int:
    """How many events cleared before then were dropped; one that a change was made for goes after it."""
    event = tables.event.c
    old = (
        select(event.id)
        .where(event.cleared_utc < before_utc_us)
        .where(~exists().where(tables.change.c.event_id == event.id))
        .order_by(event.cleared_utc)
        .limit(MOST)
    )
    ids = list(conn.execute(old).scalars())
    if ids:
        conn.execute(delete(tables.event).where(event.id.in_(ids)))
    return len(ids)
