"""The store's schema: made when it is new, brought up to date when it is old, refused when it is newer."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from agent.store import tables
from agent.store.errors import SchemaTooNew
from agent.store.meta import get_text, set_text

HEAD = "0005"
"""The newest revision in `agent/store/migrations`: what `agent/store/tables.py` says."""
BEFORE_ALEMBIC = {1: "0001", 2: "0002"}
"""What the first releases called their schema, in ``meta``; the revision that brings it on from there."""
TOO_NEW_FOR_THEM = "3"
"""What they find there now, and refuse."""

_revision = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True, nullable=False)
)


def prepare(conn: Connection) -> None:
    """The schema of this rrmd, all of it or what was there before. Raises SchemaTooNew.

    ``conn`` is in a transaction that nobody else can write beside: of several processes one does it.
    """
    found = _found(conn)
    if found == HEAD:
        return
    if found is None:
        tables.metadata.create_all(conn)
        _stamp(conn, HEAD)
    elif found > HEAD:
        raise SchemaTooNew(f"the store has schema {found}, written by a newer rrmd; this one knows {HEAD}")
    else:
        _upgrade(conn)
    set_text(conn, "schema_version", TOO_NEW_FOR_THEM)


def _found(conn: Connection) -> str | None:
    """The revision of a store, None of an empty one; one from before Alembic gets its number."""
    known = inspect(conn)
    if known.has_table(_revision.name):
        return conn.execute(select(_revision.c.version_num)).scalar_one_or_none()
    if not known.has_table(tables.meta.name):
        return None
    number = int(get_text(conn, "schema_version") or 0)
    if number > max(BEFORE_ALEMBIC):
        raise SchemaTooNew(f"the store has schema {number}, written by a newer rrmd; this one knows {HEAD}")
    if number == 0:
        return None
    _stamp(conn, BEFORE_ALEMBIC[number])
    return BEFORE_ALEMBIC[number]


def _stamp(conn: Connection, revision: str) -> None:
    _revision.create(conn)
    conn.execute(insert(_revision).values(version_num=revision))


def _upgrade(conn: Connection) -> None:
    from alembic import command  # 0.2 s, and hardly ever needed
    from alembic.config import Config

    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    command.upgrade(config, HEAD)
