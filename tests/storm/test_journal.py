"""Radar that several radios hear at once while the store is lost: the journal has each report."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from agent.backlog import Backlog, Entry
from agent.journal import Journal

KEY = b"k" * 32


class Slow(Journal):
    """A journal whose first entry takes until its gate is opened."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, KEY)
        self.begun, self.gate = threading.Event(), threading.Event()

    def put(self, entry: bytes) -> None:
        self.begun.set()
        assert self.gate.wait(30.0)
        super().put(entry)


def entry_of(nth: int) -> Entry:
    return Entry(records=({"nth": nth},))


def test_reports_that_come_together_are_all_in_the_journal_in_their_order(tmp_path: Path) -> None:
    async def story() -> None:
        journal = Slow(tmp_path / "journal")
        backlog = Backlog(journal)
        backlog.open()
        keeping = [asyncio.create_task(backlog.keep(entry_of(nth))) for nth in range(5)]
        await asyncio.to_thread(journal.begun.wait, 30.0)
        journal.gate.set()
        await asyncio.gather(*keeping)
        assert backlog.lost is None
        backlog.close()

    asyncio.run(story())
    again = Backlog(Journal(tmp_path / "journal", KEY))
    again.open()
    again.close()
    assert [entry.records[0]["nth"] for entry in again.waiting] == [0, 1, 2, 3, 4]
