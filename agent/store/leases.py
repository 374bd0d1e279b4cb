"""The lease: one agent writes to a site at a time."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from agent.store import tables
from agent.store.database import Database
from agent.store.errors import LeaseHeld


class Leases(Database):
    """What the store knows of who writes to a site."""

    def take_lease(self, site: str, holder: str, now_utc_us: int, ttl_s: float) -> int:
        """The epoch under which ``holder`` writes to the site; it rises with each new holder.

        The holder renews by taking it again. Raises LeaseHeld.
        """
        until = now_utc_us + round(ttl_s * 1e6)
        mine = tables.lease.c.site == site
        with self._write() as conn:
            row = conn.execute(select(tables.lease).where(mine).with_for_update()).mappings().first()
            if row is None:
                first = {"site": site, "holder": holder, "epoch": 1, "until_utc": until}
                conn.execute(insert(tables.lease), first)
                return 1
            if row["holder"] not in (holder, "") and row["until_utc"] > now_utc_us:
                raise LeaseHeld(row["holder"], row["until_utc"])
            epoch = int(row["epoch"]) + (row["holder"] != holder)
            conn.execute(update(tables.lease).where(mine).values(holder=holder, epoch=epoch, until_utc=until))
        return int(epoch)

    def drop_lease(self, site: str, holder: str) -> bool:
        """True when it was held by ``holder`` and is free now."""
        mine = (tables.lease.c.site == site, tables.lease.c.holder == holder)
        with self._write() as conn:
            done = conn.execute(update(tables.lease).where(*mine).values(holder="", until_utc=0))
        return bool(done.rowcount)
