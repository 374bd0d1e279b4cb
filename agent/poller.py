"""When to ask whom: one loop per device, with jitter and back-off; says once "lost" and once "back"."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from agent.clock import Clock
from agent.lane import Lane
from agent.memory import Memory
from drivers.errors import DriverError, PersonNeeded
from drivers.types import Snapshot, Table
from inventory.model import RadioKey, Site

log = structlog.get_logger()

OFTEN = frozenset({Table.STATUS, Table.SURVEY, Table.CLIENTS})
SCAN_S = 300.0
"""Between two readings of the neighbour table, which may cost an off-channel scan."""
LOST_AFTER = 3
"""Missed polls until a device counts as lost (unreachable, which is not dead)."""
BACKOFF_MOST_S = 300.0
DOUBLINGS_MOST = 16
"""Of the pause, before `BACKOFF_MOST_S` bounds it: a float has no room for a week of misses."""
FIRST_WITHIN_S = 1.0
"""The first polls are spread over so many seconds; recovery waits for them."""


class Poller:
    """Polls one device for ever. ``jitter()``: 0..1, so that a thousand devices don't answer at once.

    ``found(snapshot)`` is awaited after each answer: what a poll reveals goes the way of a signal.
    """

    def __init__(
        self,
        site: Site,
        lane: Lane,
        memory: Memory,
        clock: Clock,
        found: Callable[[Snapshot], Awaitable[None]],
        jitter: Callable[[], float],
        alert: Callable[[str, str, RadioKey | None], None],
    ) -> None:
        self._site = site
        self._lane = lane
        self._memory = memory
        self._clock = clock
        self._found = found
        self._jitter = jitter
        self._alert = alert
        self._missed = 0
        self._told = False
        self._person_told = False
        self._scanned_s = float("-inf")
        self._now = asyncio.Event()

    def poll_now(self) -> None:
        """Do not wait for the next turn."""
        self._now.set()

    async def run(self) -> None:
        """The loop; ends only by cancellation."""
        await asyncio.sleep(self._jitter() * min(self._site.policy.poll_s, FIRST_WITHIN_S))
        while True:
            await self._turn()
            await self._rest()

    async def _turn(self) -> None:
        self._now.clear()
        try:
            able = (await self._lane.open()).capabilities.tables
            tables = self._due() & able
            snapshot = await self._lane.read(tables)
        except DriverError as error:
            self._miss(error)
            return
        if Table.NEIGHBORS in tables:
            self._scanned_s = self._clock.monotonic()
        self._hit()
        self._memory.see(snapshot)
        await self._found(snapshot)

    def _due(self) -> frozenset[Table]:
        scan = self._clock.monotonic() - self._scanned_s >= SCAN_S
        return OFTEN | {Table.NEIGHBORS} if scan else OFTEN

    def _miss(self, error: DriverError) -> None:
        """Said once: at the third miss, or at the first when only a person can mend it; that person is told
        also when the device was lost before."""
        hopeless = isinstance(error, PersonNeeded)
        if hopeless and not self._person_told:
            self._person_told = True
            self._alert(self._site.id, f"{self._lane.name} can't be used: {error}", None)
        self._missed = max(self._missed + 1, LOST_AFTER if hopeless else 0)
        if self._told or self._missed < LOST_AFTER:
            return
        self._told = True
        log.warning("device.lost", site=self._site.id, device=self._lane.name, error=str(error))
        self._memory.lose(self._site.id, self._lane.name)

    def _hit(self) -> None:
        if self._told:
            log.info("device.back", site=self._site.id, device=self._lane.name)
        self._missed, self._told, self._person_told = 0, False, False
        self._memory.lost.discard(f"{self._site.id}/{self._lane.name}")

    async def _rest(self) -> None:
        """Until the next turn: the poll interval with 10 % of jitter; a device that doesn't answer is asked
        less and less often."""
        slower = 2.0 ** min(DOUBLINGS_MOST, max(0, self._missed - LOST_AFTER))
        pause_s = min(self._site.policy.poll_s * slower, max(BACKOFF_MOST_S, self._site.policy.poll_s))
        try:
            async with asyncio.timeout(pause_s * (0.95 + 0.1 * self._jitter())):
                await self._now.wait()
        except TimeoutError:
            pass
