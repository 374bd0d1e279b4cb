"""What of the store is over, by age. Each function is a step of a transaction and drops a bounded number of
rows, so that no prune holds up what else waits for the store.

The statements are made once: they refer to themselves in circles, and one made anew for each prune would be
left to the collector of cycles.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Delete, Select, bindparam, delete, exists, select

from agent.change import FINAL
from agent.store import tables
from agent.store.recording import last_seq

KEEP_WRITTEN = 10_000
"""Outbox rows kept after they are in the file: enough to see what a damaged last file held."""
MOST = 200
"""Changes, and events, dropped in one transaction."""
MOST_WRITTEN = 2_000
"""Outbox rows dropped in one transaction."""


def _written() -> Delete:
    table = tables.outbox.c
    old = (table.mac.is_not(None), table.seq <= bindparam("upto"))
    some = select(table.seq).where(*old).order_by(table.seq).limit(bindparam("most"))
    return delete(tables.outbox).where(table.seq.in_(some))


def _changes() -> Select[tuple[str]]:
    """One stays as long as it is not final, holds a radio (escalated, and nobody has acknowledged it), its
    event is open, or a change that undoes it is still there."""
    change, undo = tables.change.c, tables.change.alias()
    holds = select(tables.open_member.c.change_id)
    its_event = (tables.event.c.id == change.event_id, tables.event.c.cleared_utc.is_(None))
    return (
        select(change.id)
        .where(change.created_utc < bindparam("before"), change.state.in_([state.value for state in FINAL]))
        .where(change.id.not_in(holds))
        .where(~exists().where(*its_event), ~exists().where(undo.c.undo_of == change.id))
        .order_by(change.created_utc)
        .limit(bindparam("most"))
    )


def _events() -> Select[tuple[str]]:
    """One that a change was made for goes after it."""
    event = tables.event.c
    return (
        select(event.id)
        .where(event.cleared_utc < bindparam("before"))
        .where(~exists().where(tables.change.c.event_id == event.id))
        .order_by(event.cleared_utc)
        .limit(bindparam("most"))
    )


WRITTEN: Final = _written()
CHANGES: Final = _changes()
EVENTS: Final = _events()


def drop_written(conn: Connection) -> None:
    """Outbox rows that are in the file, but for the last KEEP_WRITTEN."""
    conn.execute(WRITTEN, {"upto": last_seq(conn) - KEEP_WRITTEN, "most": MOST_WRITTEN})


def drop_changes(conn: Connection, before_utc_us: int) -> int:
    """How many changes of before then were dropped, their tokens with them."""
    ids = list(conn.execute(CHANGES, {"before": before_utc_us, "most": MOST}).scalars())
    if ids:
        conn.execute(delete(tables.token).where(tables.token.c.change_id.in_(ids)))
        conn.execute(delete(tables.change_member).where(tables.change_member.c.change_id.in_(ids)))
        conn.execute(delete(tables.change).where(tables.change.c.id.in_(ids)))
    return len(ids)


def drop_events(conn: Connection, before_utc_us: int) -> int:
    """How many events cleared before then were dropped."""
    ids = list(conn.execute(EVENTS, {"before": before_utc_us, "most": MOST}).scalars())
    if ids:
        conn.execute(delete(tables.event).where(tables.event.c.id.in_(ids)))
    return len(ids)
