"""How late the event loop is: what makes it wait makes radar wait."""

from __future__ import annotations

import asyncio
from collections import deque

EVERY_S = 1.0
KEPT = 60


class LoopLag:
    """The delays of the last minute's timers, one a second."""

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=KEPT)

    @property
    def worst_s(self) -> float:
        return max(self._delays, default=0.0)

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._delays.append(max(0.0, loop.time() - due_s))
