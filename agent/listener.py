"""Runs the signal stream of each device, reconnects it, and hands on what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from agent.lane import Lane
from drivers.errors import DriverError
from drivers.signals import Gap, Signal

log = structlog.get_logger()

AGAIN_S = 1.0
AGAIN_MOST_S = 60.0


class Listener:
    """Listens to one device for ever. ``told(signal)`` is awaited for each signal, in order.

    After an interruption a Gap comes first, so that whatever was missed is polled for. It begins again when
    somebody has opened another session, and else tries it less and less often.
    """

    def __init__(
        self, lane: Lane, told: Callable[[Signal], Awaitable[None]], clock: Callable[[], float]
    ) -> None:
        self._lane = lane
        self._told = told
        self._clock = clock
        self._interrupted = False

    async def run(self) -> None:
        """The loop; ends only by cancellation, or at once for a device that pushes nothing."""
        wait_s = AGAIN_S
        while True:
            try:
                info = await self._lane.open()
                self._lane.another.clear()
                if not info.capabilities.signals:
                    return
                heard = await self._listen()
                wait_s = AGAIN_S if heard else wait_s
            except DriverError as error:
                log.debug("listener.interrupted", device=self._lane.name, error=str(error))
            self._interrupted = True
            wait_s = AGAIN_S if await self._another(wait_s) else min(AGAIN_MOST_S, wait_s * 2)

    async def _another(self, limit_s: float) -> bool:
        """True as soon as another session is open, False after so many seconds."""
        try:
            async with asyncio.timeout(limit_s):
                await self._lane.another.wait()
        except TimeoutError:
            return False
        self._lane.another.clear()  # it may have ended since
        return True

    async def _listen(self) -> bool:
        """Hand on until the stream ends; True when it said anything."""
        heard, interrupted = False, self._interrupted
        self._interrupted = True  # whatever ends it, a bug of ours too
        if interrupted:
            await self._told(Gap(at_s=self._clock(), device=self._lane.name))
        async for signal in self._lane.signals():
            heard = True
            await self._told(signal)
        return heard
