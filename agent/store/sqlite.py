"""SQLite as the store wants it: a private file, write-ahead logging, transactions that begin as told."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy import event as hooks

from agent.store.errors import StoreDamaged, boundary, unavailable

CHECK_S = 5.0
"""How long a store is looked through when it is opened: some millions of rows."""
BUSY_S = 5.0
"""How long one process waits for another's write."""
JOURNAL_BYTES = 16 * 1024 * 1024
"""What the write-ahead log is cut back to after a burst."""


def engine_of(url: URL) -> Engine:
    """The file is made readable by its owner only before SQLite makes it with the umask's mode. Raises
    StoreUnavailable."""
    if url.database and url.database != ":memory:":
        with boundary():
            os.close(os.open(url.database, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    engine = create_engine(url, hide_parameters=True)
    _tune(engine)
    return engine


def damage_in(path: Path) -> str | None:
    """What is wrong with the file, by SQLite's own quick check, as far as that comes in `CHECK_S`; None:
    nothing, or there is no file. Raises StoreUnavailable."""
    if not path.exists():
        return None
    with boundary(), closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as conn:
        over = time.monotonic() + CHECK_S
        conn.set_progress_handler(lambda: time.monotonic() > over, 10_000)
        try:
            said = [row[0] for row in conn.execute("PRAGMA quick_check(1)")]
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return None
            if isinstance(unavailable(error), StoreDamaged):
                return str(error)
            raise
    return None if said == ["ok"] else str(said[0] if said else "it can't be read")


def _tune(engine: Engine) -> None:
    """The connect hooks: the only SQL of the store that is SQLite's own."""
    wal = False

    def on_connect(dbapi: sqlite3.Connection, _record: object) -> None:
        nonlocal wal
        dbapi.isolation_level = None  # or the driver begins transactions by itself, and DEFERRED ones
        dbapi.execute(f"PRAGMA busy_timeout={round(BUSY_S * 1000)}")
        dbapi.execute("PRAGMA foreign_keys=ON")
        dbapi.execute(f"PRAGMA journal_size_limit={JOURNAL_BYTES}")
        if not wal:
            _make_wal(dbapi)
            wal = True

    def on_begin(conn: Connection) -> None:
        options = conn.get_execution_options()
        if not options.get("rrmd_write"):
            conn.exec_driver_sql("BEGIN")
            return
        conn.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('rrmd_unsynced') else 'FULL'}")
        conn.exec_driver_sql("BEGIN IMMEDIATE")

    hooks.listen(engine, "connect", on_connect)
    hooks.listen(engine, "begin", on_begin)


def _make_wal(dbapi: sqlite3.Connection) -> None:
    """Write-ahead logging, which the file remembers. SQLite does not wait for a lock here, so we do."""
    give_up = time.monotonic() + BUSY_S
    while True:
        try:
            dbapi.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
