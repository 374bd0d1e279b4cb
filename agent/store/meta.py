"""The store's small texts, one per name. Each function is a step of a transaction."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from agent.store import tables

# What every record costs is built once.
GET_META = select(tables.meta.c.value).where(tables.meta.c.key == bindparam("name"))
LOCK_META = GET_META.with_for_update()
PUT_META = update(tables.meta).where(tables.meta.c.key == bindparam("name")).values(value=bindparam("text"))


def get_text(conn: Connection, key: str, *, lock: bool = False) -> str | None:
    """``lock``: nobody else may change it before this transaction ends."""
    return conn.execute(LOCK_META if lock else GET_META, {"name": key}).scalar_one_or_none()


def set_text(conn: Connection, key: str, value: str) -> None:
    if not conn.execute(PUT_META, {"name": key, "text": value}).rowcount:
        conn.execute(insert(tables.meta), {"key": key, "value": value})
