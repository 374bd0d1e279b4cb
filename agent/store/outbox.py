"""The audit's outbox: records that wait to be written. Each function is a step of a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from agent.audit_chain import canonical
from agent.records import Record
from agent.store import tables
from agent.store.errors import StoreConflict
from agent.store.meta import get_text, set_text

# What every record costs is built once.
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


def queue_records(conn: Connection, records: Sequence[Record]) -> int:
    """Queues the records without a gap in their numbers: the counter commits or rolls back with them."""
    last = last_seq(conn)
    if not records:
        return last
    rows = [
        {"seq": seq, "record": canonical(record).decode()} for seq, record in enumerate(records, last + 1)
    ]
    conn.execute(QUEUE, rows)
    set_text(conn, "audit_seq", str(rows[-1]["seq"]))
    return last + len(rows)


def last_seq(conn: Connection) -> int:
    """The number of the last record, held until this transaction ends; 0 = none yet."""
    return int(get_text(conn, "audit_seq", lock=True) or 0)


def mark_records(conn: Connection, rows: Sequence[tuple[int, str]], file: str) -> None:
    """The rows (seq, mac) are in ``file`` now. Raises StoreConflict when one was marked before."""
    marks = [{"this": seq, "by": mac, "into": file} for seq, mac in rows]
    done = conn.execute(MARK, marks)
    if conn.dialect.supports_sane_multi_rowcount and done.rowcount != len(rows):
        first, last = rows[0][0], rows[-1][0]
        raise StoreConflict(f"outbox rows {first}..{last} are not all waiting: a second appender is at work")
