"""One database: its transactions, the rows that they give, the small texts that every noun may keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, create_engine, make_url

from agent.store import sqlite
from agent.store.errors import Value, boundary, decoded
from agent.store.meta import get_text, set_text


class Database:
    """``url``: ``sqlite:///path``; only `agent/store/sqlite.py` has SQL that is SQLite's own."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            sqlite.create_private(parsed)
        self._engine = create_engine(url)
        self._writing = self._engine.execution_options(rrmd_write=True)
        self._marking = self._engine.execution_options(rrmd_write=True, rrmd_unsynced=True)
        if self._engine.dialect.name == "sqlite":
            sqlite.tune(self._engine)

    def close(self) -> None:
        self._engine.dispose()

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
