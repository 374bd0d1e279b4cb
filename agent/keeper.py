"""The store as the daemon has it: opened when it can be, and a damaged one put aside for a new one.

Nothing of a damaged store is deleted. That there is a new one is written into it (`DOUBT`), until a person
says that it is known: open changes, tokens, non-occupancy periods and budgets may be lost.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import structlog
from sqlalchemy import make_url

from agent.audit_files import files
from agent.clock import Clock
from agent.disk import sync_directory
from agent.store.errors import StoreDamaged, StoreUnavailable, boundary
from agent.store.sqlite import damage_in
from agent.store.store import Store

log = structlog.get_logger()

DOUBT: Final = "store_in_doubt"
"""Name of the text in the store that says why, and what was put aside; empty: nothing is in doubt."""


class Keeper:
    """Stands for the store: each call opens it first, if it is not open.

    ``url``: of the store. ``audit_dir``: where the audit log is; a store that knows nothing of a log that is
    there was made anew.
    """

    def __init__(self, url: str, audit_dir: Path, clock: Clock) -> None:
        self._url = url
        self._audit_dir = audit_dir
        self._clock = clock
        self._renewed: Callable[[], None] = lambda: None
        self._store: Store | None = None
        self._damage: str | None = None
        self._users = 0  # calls that are under way, of any thread
        self._lock = threading.Lock()

    def tell(self, renewed: Callable[[], None]) -> None:
        """``renewed()`` is called, in the store's thread, before a store that was made anew is used."""
        self._renewed = renewed

    def as_store(self) -> Store:
        """This, where a `Store` is asked for: it has all its calls."""
        return cast("Store", self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        @functools.wraps(getattr(Store, name))
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._using() as store:
                return getattr(store, name)(*args, **kwargs)

        return call

    @contextmanager
    def one(self) -> Iterator[None]:
        """All calls within are of one and the same store. Raises StoreUnavailable at the end, when that is
        put aside."""
        with self._using():
            yield

    def close(self) -> None:
        with self._lock:
            self._shut()

    @contextmanager
    def _using(self) -> Iterator[Store]:
        """The store, which is not put aside before the end. Raises StoreUnavailable when it is to be: what
        was written would be in the file that is put aside."""
        with self._lock:
            store = self._opened()
            self._users += 1
        try:
            yield store
        except StoreDamaged as error:
            with self._lock:
                self._condemn(str(error))
            raise
        else:
            if self._damage is not None:
                raise StoreUnavailable(f"the store was found damaged meanwhile: {self._damage}")
        finally:
            with self._lock:
                self._users -= 1
                if self._damage is not None and not self._users:
                    self._shut()

    def _condemn(self, why: str) -> None:
        """Damage was met: once nobody uses this store any more, the next call finds a new one."""
        if self._damage is None:
            log.error("store.damaged", error=why)
            self._damage = why

    def _shut(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = None

    def _opened(self) -> Store:
        if self._damage is not None and self._users:
            raise StoreUnavailable(f"the store is damaged, and still in use: {self._damage}")
        if self._store is None:
            self._store = self._open()
        return self._store

    def _open(self) -> Store:
        """Raises StoreUnavailable; StoreDamaged where nothing can be put aside (PostgreSQL)."""
        path = _file_of(self._url)
        why = self._damage or (damage_in(path) if path is not None else None)
        moved = ""
        if why is not None and path is not None:
            moved = self._quarantine(path)
        store = Store(self._url)
        try:
            if moved or (store.get_meta("audit_seq") is None and self._has_log()):
                self._doubt(store, why or "the store is empty, and the audit log is not", moved)
        except BaseException:
            store.close()
            raise
        self._damage = None
        return store

    def _quarantine(self, path: Path) -> str:
        """The file and what SQLite keeps beside it, under another name. Raises StoreUnavailable."""
        stamp = self._clock.now().utc.strftime("%Y%m%dT%H%M%S%fZ")
        aside = path.with_name(f"{path.name}.corrupt-{stamp}")
        with boundary():
            for end in ("-wal", "-shm", ""):
                beside = path.with_name(path.name + end)
                if beside.exists():
                    beside.replace(aside.with_name(aside.name + end))
            sync_directory(path.parent)
        log.error("store.quarantined", file=str(aside))
        return str(aside)

    def _has_log(self) -> bool:
        return self._audit_dir.is_dir() and any(path.stat().st_size for path in files(self._audit_dir))

    def _doubt(self, store: Store, why: str, moved: str) -> None:
        store.set_meta(DOUBT, json.dumps({"why": why, "file": moved, "told": None}))
        self._renewed()
        log.error("store.made_anew", why=why, file=moved)


def _file_of(url: str) -> Path | None:
    """The file of a SQLite store; None: it is no file."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)
