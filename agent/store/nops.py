"""Stored non-occupancy periods. Each function is a step of a transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from agent.moment import Moment
from agent.nop import Nop, later, restarted
from agent.store import tables
from agent.store.errors import decoded


def _same_nop(nop: Nop) -> tuple[Any, ...]:
    table = tables.nop.c
    return (table.site == nop.site, table.mhz20 == nop.mhz20, table.by_radio == nop.by_radio)


def put_nop(conn: Connection, nop: Nop) -> None:
    """Keeps a period; one that is there already is extended, never shortened."""
    there = conn.execute(select(tables.nop).where(*_same_nop(nop)).with_for_update()).mappings().first()
    if there is None:
        conn.execute(insert(tables.nop), tables.nop_row(nop))
        return
    end = later(decoded(tables.nop_of, there).deadline, nop.deadline)
    row = tables.nop_row(replace(nop, deadline=end))
    conn.execute(update(tables.nop).where(*_same_nop(nop)).values(row))


def restart_nops(conn: Connection, now: Moment, nop_s: float) -> list[Nop]:
    """The periods that began before a reboot, started again in full."""
    rows = conn.execute(select(tables.nop).where(tables.nop.c.boot_id != now.boot_id)).mappings()
    again = [restarted(decoded(tables.nop_of, row), now, nop_s) for row in rows.all()]
    for nop in again:
        conn.execute(update(tables.nop).where(*_same_nop(nop)).values(tables.nop_row(nop)))
    return again


def prune_nops(conn: Connection, now: Moment) -> None:
    """Drops the periods that are over."""
    rows = conn.execute(select(tables.nop)).mappings().all()
    for nop in (decoded(tables.nop_of, row) for row in rows):
        if nop.deadline.passed(now):
            conn.execute(delete(tables.nop).where(*_same_nop(nop)))
