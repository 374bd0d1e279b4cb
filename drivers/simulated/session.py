"""One management session with a simulated device, and what waits in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from drivers.errors import Disconnected
from drivers.signals import Signal


class Session:
    """From open to close or to the loss of the connection: what waits in it ends with it."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.signals: asyncio.Queue[Signal | None] = asyncio.Queue()
        self.late: set[asyncio.TimerHandle] = set()
        self.unwatch: Callable[[], None] = lambda: None

    @property
    def ended(self) -> bool:
        return self.over.is_set()

    def end(self) -> None:
        """No write lands any more, no call waits any longer."""
        self.over.set()
        self.unwatch()
        self.unwatch = lambda: None  # what it referred to refers to the session: a circle
        for timer in self.late:
            timer.cancel()
        self.signals.put_nowait(None)

    async def travel(self, seconds: float) -> None:
        """A moment on the way. Disconnected when the session has ended meanwhile."""
        await asyncio.sleep(seconds)
        if self.ended:
            raise Disconnected("the session ended")

    async def silence(self, seconds: float | None) -> None:
        """No answer for so long (None: ever), unless the session ends: then Disconnected."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.over.wait()
        if self.ended:
            raise Disconnected("the session ended")
