"""What must survive: changes, tokens, NOPs, events, pauses, the lease, and the audit's outbox.

Synchronous: the daemon runs it on its one store thread. Whatever changes a row takes the audit records of
that step with it, and both commit in one transaction or neither does.
"""

from __future__ import annotations

from sqlalchemy import delete

from agent.moment import Moment
from agent.store import tables
from agent.store.changes import Changes
from agent.store.events import Events
from agent.store.leases import Leases
from agent.store.nops import Nops, prune_nops
from agent.store.outbox import Outbox
from agent.store.pauses import Pauses, prune_pauses
from agent.store.radios import Radios
from agent.store.recording import last_seq
from agent.store.schema import prepare

KEEP_WRITTEN = 10_000
"""Outbox rows kept after they are in the file: enough to see what a damaged last file held."""


class Store(Changes, Nops, Events, Radios, Pauses, Leases, Outbox):
    """One database with all that is in it; each noun has its module.

    Raises StoreUnavailable, SchemaTooNew when it is opened.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        try:
            with self._write() as conn:
                prepare(conn)
        except BaseException:
            self.close()
            raise

    def prune(self, now: Moment) -> None:
        """Drops what is over: NOPs, pauses, and written outbox rows before the last KEEP_WRITTEN."""
        with self._write() as conn:
            prune_nops(conn, now)
            prune_pauses(conn, now)
            old = tables.outbox.c.seq <= last_seq(conn) - KEEP_WRITTEN
            conn.execute(delete(tables.outbox).where(tables.outbox.c.mac.is_not(None), old))
