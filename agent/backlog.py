"""What radar asked for while the store did not take it: kept in memory and in the radar journal, in order,
until the store has it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import structlog

from agent.change import Change, Trigger
from agent.events import Event
from agent.journal import Journal, JournalLost
from agent.moment import Deadline
from agent.nop import Nop
from agent.records import Record
from agent.store import rows

log = structlog.get_logger()

PATIENCE_S: Final = 1.0
"""How long radar waits for a disk: the AP must be off the channel within 10 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One transaction that the store is to have later.

    ``records``: of the audit, of the time when it happened. ``nops`` and ``event``: radar that was heard.
    ``change``: one as it is after this step, ``trigger`` None = it was made. ``token_expires``: of its token.
    """

    records: tuple[Record, ...]
    nops: tuple[Nop, ...] = ()
    event: Event | None = None
    change: Change | None = None
    trigger: Trigger | None = None
    use_token: bool = False
    token_expires: Deadline | None = None

    def to_bytes(self) -> bytes:
        told: dict[str, Any] = {
            "records": self.records,
            "nops": [rows.nop_row(nop) for nop in self.nops],
            "event": self.event and rows.event_row(self.event),
            "change": self.change and rows.change_row(self.change),
            "trigger": self.trigger,
            "use_token": self.use_token,
            "token_expires": rows.deadline_json(self.token_expires),
        }
        return rows.dumps({key: value for key, value in told.items() if value}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Entry:
        """Raises ValueError, KeyError or TypeError when it was written by another rrmd."""
        told = json.loads(data)
        return cls(
            records=tuple(told["records"]),
            nops=tuple(map(rows.nop_of, told.get("nops", ()))),
            event=rows.event_of(told["event"]) if "event" in told else None,
            change=rows.change_of(told["change"]) if "change" in told else None,
            trigger=Trigger(told["trigger"]) if "trigger" in told else None,
            use_token=told.get("use_token", False),
            token_expires=Deadline(**told["token_expires"]) if "token_expires" in told else None,
        )

    @classmethod
    def heard_in(cls, data: bytes) -> Entry:
        """What an entry of another rrmd says of radar and to the audit, which read alike in all. Raises as
        `from_bytes` does."""
        told = json.loads(data)
        return cls(records=tuple(told["records"]), nops=tuple(map(rows.nop_of, told.get("nops", ()))))


class Backlog:
    """What waits for the store. ``lost``: why the journal does not take it either, None = it does;
    ``tell(why)``: told then."""

    def __init__(self, journal: Journal) -> None:
        self.waiting: deque[Entry] = deque()
        self.lost: str | None = None
        self.tell: Callable[[str], None] = lambda why: None
        self._journal = journal
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._written: asyncio.Future[None] | None = None
        self._hangs = False  # it did not come back within `PATIENCE_S`

    def open(self) -> None:
        """What an earlier process left in the journal; a journal that is lost is said, and nothing waits."""
        try:
            self.waiting.extend(entry for each in self._journal.open() if (entry := self._read(each)))
        except JournalLost as error:
            self._lose(str(error))
        if self._journal.torn:
            log.error("journal.torn", path=str(self._journal.path), whole=len(self.waiting))

    def _read(self, data: bytes) -> Entry | None:
        """As much of an entry as can be read; the log tells of the rest. None: nothing of it."""
        for read in (Entry.from_bytes, Entry.heard_in):
            try:
                return read(data)
            except (ValueError, KeyError, TypeError) as error:  # written by another rrmd
                log.error("journal.unreadable", path=str(self._journal.path), error=repr(error))
        return None

    def changes(self) -> dict[str, Change]:
        """The changes that wait, as they are now, by id."""
        return {entry.change.id: entry.change for entry in self.waiting if entry.change is not None}

    def holds(self, change: Change) -> bool:
        """Whether an earlier step of this change waits: the next one must wait behind it."""
        return any(entry.change is not None and entry.change.id == change.id for entry in self.waiting)

    async def keep(self, entry: Entry) -> None:
        """In memory, and in the journal if that takes it within `PATIENCE_S`; the law waits for neither."""
        self.waiting.append(entry)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._in_thread(self._journal.put, entry.to_bytes())
        except TimeoutError:
            self._hangs = True
            self._lose("the radar journal does not answer")
        except JournalLost as error:
            self._lose(str(error))
        else:
            self.lost = None

    async def clear(self) -> None:
        """The store has everything."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._in_thread(self._journal.clear)
        except (
            JournalLost,
            TimeoutError,
        ) as error:  # what it still holds is recognised in the store and left out
            log.warning("journal.not_cleared", error=str(error))
        else:
            self.lost = None

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    async def _in_thread(self, work: Any, *args: Any) -> None:
        """One after the other: two radios may hear radar at once. Raises JournalLost, at once when an earlier
        call hangs."""
        while self._written is not None and not self._written.done():
            if self._hangs:
                raise JournalLost("the radar journal does not answer")
            await asyncio.wait({self._written})
        self._hangs = False
        self._written = asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
        self._written.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._written)

    def _lose(self, why: str) -> None:
        if self.lost is None:
            log.error("journal.lost", error=why)
            self.tell(why)
        self.lost = why
