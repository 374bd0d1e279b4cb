"""What the store asks of SQLite: a private file, synced, and a disk that may fail."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from integration.stored import record, seqs

from agent.store import sqlite
from agent.store.errors import StoreUnavailable, StoreUrlWrong
from agent.store.store import Store


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/rrmd.sqlite3"


def test_the_file_is_its_owners_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Store(f"sqlite:///{tmp_path}/s").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_every_commit_is_synced_and_foreign_keys_hold(store: Store, url: str) -> None:
    store.set_meta("a", "b")
    with store._engine.connect() as conn:
        values = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        Store(f"sqlite:///{tmp_path}/s")


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="No such file"):
        Store(f"sqlite:///{tmp_path}/none/s")


def test_a_lock_held_too_long_is_unavailable(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    other = Store(url)
    raw = sqlite3.connect(tmp_path / "rrmd.sqlite3", isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreUnavailable, match="locked"):
            other.set_meta("a", "b")
    finally:
        raw.close()
        other.close()


def test_a_full_disk_is_unavailable_and_changes_nothing(store: Store) -> None:
    with store._engine.connect() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        store.append([{**record(), "id": "x" * 4000} for _ in range(10)])
    assert seqs(store) == []
    with store._engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert store.append([record()]) == 1


@pytest.mark.parametrize("url", ["", "nonsense:pa55@x", "mysql://rrmd:pa55@db/rrmd", "sqlite3:///x"])
def test_another_kind_of_store_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreUrlWrong, match="expected sqlite") as caught:
        Store(url)
    assert "pa55" not in str(caught.value)
