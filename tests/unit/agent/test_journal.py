"""The radar journal: what was put is found again, what was torn is not."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.journal import SIZE, Journal, JournalLost

KEY = b"k" * 32


def journal(directory: Path, key: bytes = KEY) -> Journal:
    return Journal(directory / "radar.journal", key)


def kept(directory: Path) -> list[bytes]:
    return journal(directory).open()


def test_what_was_put_is_found_in_its_order(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    assert ours.open() == []
    ours.put(b"one")
    ours.put(b"two")
    again = journal(tmp_path)
    assert again.open() == [b"one", b"two"]
    again.put(b"three")
    assert kept(tmp_path) == [b"one", b"two", b"three"]


def test_its_size_never_changes_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.open()
    ours.put(b"x" * 1000)
    ours.clear()
    assert ours.path.stat().st_size == SIZE
    assert ours.path.stat().st_blocks * 512 >= SIZE
    assert ours.path.stat().st_mode & 0o077 == 0


def test_what_was_cleared_never_comes_back(tmp_path: Path) -> None:
    """Also not behind a shorter entry of the next generation."""
    ours = journal(tmp_path)
    ours.open()
    for each in (b"aaaa", b"bbbb", b"cccc"):
        ours.put(each)
    ours.clear()
    assert kept(tmp_path) == []
    ours.put(b"dddd")
    again = journal(tmp_path)
    assert again.open() == [b"dddd"]
    assert not again.torn


@pytest.mark.parametrize("cut", [4, 30, 60, 75])
def test_a_torn_entry_is_recognised_and_those_before_it_are_whole(tmp_path: Path, cut: int) -> None:
    ours = journal(tmp_path)
    ours.open()
    ours.put(b"first")
    before = ours.path.read_bytes()
    ours.put(b"second, of which not all reached the disk")
    after = ours.path.read_bytes()
    begin = next(at for at in range(SIZE) if before[at] != after[at]) - 3
    ours.path.write_bytes(after[: begin + cut] + before[begin + cut :])
    again = journal(tmp_path)
    assert again.open() == [b"first"]
    assert again.torn
    again.put(b"third")
    assert kept(tmp_path) == [b"first", b"third"]


def test_an_entry_of_another_key_is_none(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.open()
    ours.put(b"ours")
    assert journal(tmp_path, b"o" * 32).open() == []


def test_a_file_that_is_no_journal_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "radar.journal").write_bytes(b"something else")
    ours = journal(tmp_path)
    assert ours.open() == []
    ours.put(b"x")
    assert kept(tmp_path) == [b"x"]


def test_a_full_one_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.open()
    ours.put(b"x" * (SIZE // 2))
    with pytest.raises(JournalLost, match="full"):
        ours.put(b"y" * (SIZE // 2))
    assert len(kept(tmp_path)) == 1


def test_one_that_can_not_be_made_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalLost, match="can't be made"):
        journal(tmp_path / "nowhere").open()
    with pytest.raises(JournalLost, match="not open"):
        journal(tmp_path).put(b"x")


@contextmanager
def no_file_may_grow() -> Iterator[None]:
    """The kernel lets no file of this process grow: what a full disk does to new blocks."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_is_away_is_the_journals_error(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.open()
    with no_file_may_grow(), pytest.raises(JournalLost, match="can't be written"):
        ours.put(b"x")
    ours.put(b"y")
    os.truncate(ours.path, 0)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("reached", [True, False])
def test_what_is_put_after_a_clear_that_failed_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    """Whether or not the new header reached the disk."""
    ours = journal(tmp_path)
    ours.open()
    ours.put(b"the store has this")

    def failing(fd: int) -> None:
        raise OSError(5, "Input/output error")

    before = ours.path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        with pytest.raises(JournalLost):
            ours.clear()
        if not reached:
            ours.path.write_bytes(before)
        with pytest.raises(JournalLost):
            ours.put(b"not taken")
    ours.put(b"radar")
    assert kept(tmp_path) == [b"radar"]
