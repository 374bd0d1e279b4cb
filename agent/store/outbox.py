"""The audit's outbox: records that wait to be written."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from agent.audit_chain import AuditHead
from agent.records import Record
from agent.store import tables
from agent.store.database import Database
from agent.store.errors import StoreConflict, decoded
from agent.store.meta import get_text, set_text
from agent.store.recording import queue_records
from agent.store.rows import OutboxRow, outbox_of

# What every record costs is built once.
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


def mark_records(conn: Connection, rows: Sequence[tuple[int, str]], file: str) -> None:
    """The rows (seq, mac) are in ``file`` now. Raises StoreConflict when one was marked before."""
    marks = [{"this": seq, "by": mac, "into": file} for seq, mac in rows]
    done = conn.execute(MARK, marks)
    if conn.dialect.supports_sane_multi_rowcount and done.rowcount != len(rows):
        first, last = rows[0][0], rows[-1][0]
        raise StoreConflict(f"outbox rows {first}..{last} are not all waiting: a second appender is at work")


class Outbox(Database):
    """What the store knows of the audit log."""

    def append(self, records: Sequence[Record]) -> int:
        """The number of the last audit record, these included; 0 when there is none yet."""
        with self._write() as conn:
            return queue_records(conn, records)

    def keep(self, key: str, value: str, records: Sequence[Record]) -> None:
        """A small text and the audit records that tell of it: both or neither."""
        with self._write() as conn:
            set_text(conn, key, value)
            queue_records(conn, records)

    def log_kept(self, mine: str, place: str) -> tuple[str, str]:
        """The name of the one log that the records go to, and where it is: the first that asked."""
        text = self.get_meta("audit_log")
        if text is None:
            with self._write() as conn:
                text = get_text(conn, "audit_log")
                if text is None:
                    text = f"{mine} {place}"
                    set_text(conn, "audit_log", text)
        kept, _, where = text.partition(" ")
        return kept, where

    def queued(self, records: Sequence[Record]) -> bool:
        """Whether the first of these records is among those that are kept."""
        if not records:
            return False
        named = tables.outbox.c.record.contains(f'"id":"{records[0]["id"]}"', autoescape=True)
        with self._read() as conn:
            return conn.execute(select(tables.outbox.c.seq).where(named).limit(1)).first() is not None

    def unwritten(self, limit: int = 1000) -> list[OutboxRow]:
        """Records not yet in the file, in order."""
        with self._read() as conn:
            rows = conn.execute(WAITING, {"most": limit})
            return [decoded(outbox_of, row) for row in rows.mappings()]

    def mark_written(self, rows: Sequence[tuple[int, str]], file: str, head: AuditHead) -> None:
        """The rows (seq, mac) are in ``file`` and synced; ``head`` is the chain's new end.

        The only write that is not synced by itself (the next one takes it along): when a power cut loses
        it, the rows are recognised in the file. Raises StoreConflict when one of them was marked before.
        """
        with self._mark() as conn:
            if rows:
                mark_records(conn, rows, file)
            set_text(conn, "audit_head", json.dumps(head.to_json()))

    def adopt(self, head: AuditHead) -> None:
        """Takes ``head``, found in the log itself, for the chain's end; what waits is numbered after it."""
        with self._write() as conn:
            waiting = tables.outbox.c.mac.is_(None)
            rows = conn.execute(select(tables.outbox).where(waiting).order_by(tables.outbox.c.seq)).mappings()
            records = [decoded(outbox_of, row).record for row in rows.all()]
            conn.execute(delete(tables.outbox).where(or_(waiting, tables.outbox.c.seq > head.seq)))
            set_text(conn, "audit_seq", str(head.seq))
            queue_records(conn, records)
            set_text(conn, "audit_head", json.dumps(head.to_json()))

    def audit_head(self) -> AuditHead | None:
        """The last record known to be in the file; None = none yet."""
        text = self.get_meta("audit_head")
        return None if text is None else decoded(AuditHead.from_json, text)
