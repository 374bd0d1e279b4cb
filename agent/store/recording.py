"""The audit's outbox, as whatever writes a row fills it. Each function is a step of a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from agent.audit_chain import canonical
from agent.records import Record
from agent.store import tables
from agent.store.meta import get_text, set_text

QUEUE = insert(tables.outbox)


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
