"""Names that a power cut must not lose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent import disk


def test_a_new_directory_is_synced_where_its_name_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda fd: synced.add(os.fstat(fd).st_ino))
    disk.make_directory(tmp_path / "log" / "audit")
    assert (tmp_path / "log" / "audit").is_dir()
    assert {tmp_path.stat().st_ino, (tmp_path / "log").stat().st_ino} <= synced


def test_one_that_is_there_may_be_from_a_start_that_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "audit").mkdir()
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda fd: synced.add(os.fstat(fd).st_ino))
    disk.make_directory(tmp_path / "audit")
    assert synced == {tmp_path.stat().st_ino}
