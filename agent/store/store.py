"""What must survive: changes, tokens, NOPs, events, pauses, the lease, and the audit's outbox.

Synchronous: the daemon runs it on its one store thread. Whatever changes a row takes the audit records of
that step with it, and both commit in one transaction or neither does.
"""

from __future__ import annotations

from agent.moment import Moment
from agent.store.changes import Changes
from agent.store.events import Events
from agent.store.leases import Leases
from agent.store.nops import Nops, prune_nops
from agent.store.outbox import Outbox
from agent.store.pauses import Pauses, prune_pauses
from agent.store.radios import Radios
from agent.store.retention import drop_changes, drop_events, drop_written
from agent.store.schema import prepare


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
        """Drops what is over: NOPs, pauses, and some of the outbox rows that are in the file."""
        with self._write() as conn:
            prune_nops(conn, now)
            prune_pauses(conn, now)
            drop_written(conn)

    def drop_old(self, before_utc_us: int) -> int:
        """How many changes and events of before then were dropped: some of them, call it again. What is open,
        waits for a person or belongs to something that stays is kept, however old."""
        with self._write() as conn:
            changes = drop_changes(conn, before_utc_us)
        with self._write() as conn:
            return changes + drop_events(conn, before_utc_us)
