"""What radar asked for while the store is lost: the journal has each report, whoever else wrote there."""

from __future__ import annotations

import asyncio
import json
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


def test_an_entry_of_another_rrmd_costs_no_period_and_no_other_entry(tmp_path: Path) -> None:
    period = {"site": "lab", "mhz20": 5260, "by_radio": "lab/ap1/r5", "until_utc": 1, "boot_id": "b"}
    heard = {"records": [{"nth": 1}], "nops": [{**period, "until_boottime_us": 1}]}
    journal = Journal(tmp_path / "journal", KEY)
    journal.open()
    for entry in (
        entry_of(0).to_bytes(),
        json.dumps({**heard, "change": {"id": "of a later release"}, "trigger": "undone"}).encode(),
        b"nothing that can be read",
        entry_of(2).to_bytes(),
    ):
        journal.put(entry)
    found = Backlog(Journal(tmp_path / "journal", KEY))
    found.open()
    found.close()
    assert found.lost is None
    assert [entry.records[0]["nth"] for entry in found.waiting] == [0, 1, 2]
    assert [nop.mhz20 for entry in found.waiting for nop in entry.nops] == [5260]
    assert found.changes() == {}
