"""A TCP relay before PostgreSQL that can lose the answer to a COMMIT, or the COMMIT itself."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from integration.stalling_proxy import CHUNK, Proxy

Lost = Literal["question", "answer"]


class CommitProxy(Proxy):
    """``lose``: what is lost of the next COMMIT that goes through; the connections end with it. ``lost``:
    how often that was done."""

    def __init__(self, leads_to: int) -> None:
        super().__init__(leads_to)
        self.lose: Lost | None = None
        self.lost = 0
        self._unanswered = False

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._passing.wait()
                await gate.wait()
                if self._unanswered or (self.lose == "question" and b"COMMIT\0" in data):
                    self._unanswered, self.lose = False, None
                    self.lost += 1
                    self._abort()
                    return
                if self.lose == "answer" and b"COMMIT\0" in data:
                    self._unanswered = True
                writer.write(data)
                await writer.drain()
        if not writer.is_closing() and writer.can_write_eof():
            writer.write_eof()


@contextmanager
def commits_through(leads_to: int) -> Iterator[CommitProxy]:
    """A relay in a thread of its own."""
    proxy, ports = CommitProxy(leads_to), queue.Queue[int]()
    thread = threading.Thread(target=proxy.run, args=(ports,), name="commit-proxy")
    thread.start()
    ports.get(timeout=10)
    try:
        yield proxy
    finally:
        proxy.end()
        thread.join()
