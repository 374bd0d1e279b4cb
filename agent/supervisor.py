"""Keeps the daemon's loops going: a bug costs its own device or site one pass, not the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from agent.counts import Count, Counts
from inventory.model import RadioKey

log = structlog.get_logger()

Loop = Callable[[], Awaitable[None]]

AGAIN_S = 1.0
AGAIN_MOST_S = 60.0
WELL_S = 600.0
"""A loop that has run for so long is well: its next failure is news."""
IN_A_ROW_MOST = 8
"""Failures of a vital loop; then the daemon ends, and systemd starts it anew."""


class Supervisor:
    """Begins tasks in the daemon's group. ``alert(site, text, radio)`` calls a person."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        counts: Counts,
        alert: Callable[[str, str, RadioKey | None], None],
    ) -> None:
        self._tasks = tasks
        self.count = counts.add
        self._alert = alert

    def keep(self, name: str, site: str, loop: Loop, *, vital: bool = False) -> asyncio.Task[None]:
        """Run a loop, and begin it again when it fails, after a while that doubles; it may end by returning.

        ``vital``: nothing goes on without it, so that the daemon ends when it fails again and again.
        """
        return self._tasks.create_task(self._keep(name, site, loop, vital), name=name)

    def once(self, name: str, site: str, work: Loop) -> asyncio.Task[None]:
        """Do something once; a failure is told, and that is all."""

        async def guarded() -> None:
            try:
                await work()
            except Exception as error:  # a bug in one device's affairs must not end the daemon
                self.failed(name, site, error, times=1)

        return self._tasks.create_task(guarded(), name=name)

    async def _keep(self, name: str, site: str, loop: Loop, vital: bool) -> None:
        clock, times = asyncio.get_running_loop().time, 0
        while True:
            begun_s = clock()
            try:
                return await loop()
            except Exception as error:  # a bug in one loop must not end the others
                times = 1 if clock() - begun_s >= WELL_S else times + 1
                self.failed(name, site, error, times)
                if vital and times >= IN_A_ROW_MOST:
                    raise
            await asyncio.sleep(min(AGAIN_MOST_S, AGAIN_S * 2 ** min(times - 1, 16)))

    def failed(self, name: str, site: str, error: Exception, times: int) -> None:
        """Tell of a bug: the log and the count each time, a person the first of so many times in a row.
        ``name``: what it is counted under, and after a dash in whose affairs it was met."""
        self.count(Count.FAILURES, site, name.partition("-")[0])
        log.error("loop.failed", loop=name, site=site, times=times, exc_info=error)
        if times == 1:
            what = f"{type(error).__name__}: {error}"
            self._alert(site, f"a bug: {name} failed and is tried again: {what}", None)
