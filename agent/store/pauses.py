"""Stored pauses."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from agent.change import Actor
from agent.moment import Deadline, Moment
from agent.records import Record
from agent.store import tables
from agent.store.database import Database
from agent.store.errors import decoded
from agent.store.recording import queue_records
from agent.store.rows import Pause, pause_of, pause_row


def prune_pauses(conn: Connection, now: Moment) -> None:
    """Drops the pauses that are over; a wall clock that jumped ends none."""
    rows = conn.execute(select(tables.pause)).mappings().all()
    for pause in (decoded(pause_of, row) for row in rows):
        if pause.until is not None and pause.until.passed(now):
            conn.execute(delete(tables.pause).where(tables.pause.c.scope == pause.scope))


class Pauses(Database):
    """What the store knows of scopes that the agent leaves alone."""

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
            conn.execute(insert(tables.pause), pause_row(row))
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
        known = self._all(select(tables.pause).order_by(tables.pause.c.scope), pause_of)
        return [pause for pause in known if pause.until is None or not pause.until.passed(now)]
