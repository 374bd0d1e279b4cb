"""The lease: one agent writes to a site at a time."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from agent.store import tables
from agent.store.database import Database
from agent.store.errors import LeaseHeld, LeaseLost


def check_lease(conn: Connection, site: str, lease: tuple[str, int] | None) -> None:
    """The lease (holder, epoch) is in force, and stays so until this transaction ends; None: not asked.
    Raises LeaseLost."""
    if lease is None:
        return
    query = select(tables.lease).where(tables.lease.c.site == site).with_for_update(read=True)
    row = conn.execute(query).mappings().first()
    if row is None or (row["holder"], row["epoch"]) != lease:
        raise LeaseLost(site, row["holder"] if row else "")


class Leases(Database):
    """What the store knows of who writes to a site."""

    def take_lease(
        self,
        site: str,
        holder: str,
        now_utc_us: int,
        ttl_s: float,
        watched: tuple[int, int] | None = None,
    ) -> int:
        """The epoch under which ``holder`` writes to the site; it rises with each new holder.

        The holder renews by taking it again. Another's is taken over only as ``watched``: the mark of a
        `LeaseHeld` that the caller has seen unaltered for the lease's whole time; no wall clock decides.
        Raises LeaseHeld.
        """
        until = now_utc_us + round(ttl_s * 1e6)
        mine = tables.lease.c.site == site
        with self._write() as conn:
            row = conn.execute(select(tables.lease).where(mine).with_for_update()).mappings().first()
            if row is None:
                first = {"site": site, "holder": holder, "epoch": 1, "until_utc": until}
                conn.execute(insert(tables.lease), first)
                return 1
            mark = (int(row["epoch"]), int(row["until_utc"]))
            if row["holder"] not in (holder, "") and mark != watched:
                raise LeaseHeld(row["holder"], mark)
            epoch = int(row["epoch"]) + (row["holder"] != holder)
            conn.execute(update(tables.lease).where(mine).values(holder=holder, epoch=epoch, until_utc=until))
        return int(epoch)

    def drop_lease(self, site: str, holder: str) -> bool:
        """True when it was held by ``holder`` and is free now."""
        mine = (tables.lease.c.site == site, tables.lease.c.holder == holder)
        with self._write() as conn:
            done = conn.execute(update(tables.lease).where(*mine).values(holder="", until_utc=0))
        return bool(done.rowcount)
