"""One database: its transactions, the rows that they give, the small texts that every noun may keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, Select, make_url
from sqlalchemy.exc import SQLAlchemyError

from agent.store import sqlite
from agent.store.errors import StoreUrlWrong, Value, boundary, decoded
from agent.store.meta import get_text, set_text

EXPECTED = "RRMD_STORE_URL: expected sqlite:///PATH or postgresql://USER@HOST/NAME"
NEEDED = (
    "RRMD_STORE_URL: PostgreSQL needs psycopg and libpq: pip install 'rrmd[postgresql]', apt install libpq5"
)


class Database:
    """``url``: ``sqlite:///PATH`` or ``postgresql://USER@HOST/NAME``; only `agent/store/sqlite.py` and
    `agent/store/postgresql.py` have SQL of their own."""

    def __init__(self, url: str) -> None:
        self._engine = _engine_of(url)
        self._writing = self._engine.execution_options(rrmd_write=True)
        self._marking = self._engine.execution_options(rrmd_write=True, rrmd_unsynced=True)

    def close(self) -> None:
        self._engine.dispose()

    def one(self) -> AbstractContextManager[None]:
        """All calls within are of one and the same store; `agent.keeper` may put another in its place."""
        return nullcontext()

    def get_meta(self, key: str) -> str | None:
        with self._read() as conn:
            return get_text(conn, key)

    def set_meta(self, key: str, value: str) -> None:
        with self._write() as conn:
            set_text(conn, key, value)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with boundary(), self._writing.begin() as conn:
            yield conn

    @contextmanager
    def _mark(self) -> Iterator[Connection]:
        """A write that is not synced by itself: the next one takes it along."""
        with boundary(), self._marking.begin() as conn:
            yield conn

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with boundary(), self._engine.connect() as conn:
            yield conn

    def _all(self, query: Select[Any], make: Callable[[Any], Value]) -> list[Value]:
        with self._read() as conn:
            return [decoded(make, row) for row in conn.execute(query).mappings()]

    def _one(self, query: Select[Any], make: Callable[[Any], Value]) -> Value | None:
        found = self._all(query, make)
        return found[0] if found else None


def _engine_of(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except SQLAlchemyError:  # its text may show the URL, and that a password
        raise StoreUrlWrong(EXPECTED) from None
    match parsed.get_backend_name():
        case "sqlite":
            return sqlite.engine_of(parsed)
        case "postgresql":
            try:
                from agent.store import postgresql
            except ImportError as error:
                raise StoreUrlWrong(f"{NEEDED} ({error})") from error
            return postgresql.engine_of(parsed)
    raise StoreUrlWrong(EXPECTED)
