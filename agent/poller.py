"""When to ask whom: one loop per device, with jitter and back-off; says once "lost" and once "back"."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from agent.clock import Clock
from agent.lane import Lane
from agent.memory import Contact, Memory
from drivers.errors import DriverError, PersonNeeded
from drivers.types import Snapshot, Table
from inventory.model import Policy, RadioKey

log = structlog.get_logger()

OFTEN = frozenset(Table) - {Table.NEIGHBORS}
STATUS = frozenset({Table.STATUS})
SCAN_S = 300.0
"""Between two readings of the neighbour table, which may cost an off-channel scan."""
BACKOFF_MOST_S = 300.0
DOUBLINGS_MOST = 16
"""Of the pause, before `BACKOFF_MOST_S` bounds it: a float has no room for a week of misses."""
FIRST_WITHIN_S = 1.0
"""The first polls are spread over so many seconds; recovery waits for them."""
RENEWED_S = 30.0
"""Between two sessions that are opened anew because the same radio has come."""
RENEWED_LEAST_S = 5.0
"""The same, for whichever radios."""
LATE_S = 0.25
"""A turn that begins so late is a sign that there is more to do than can be done."""
THINNED_MOST = 8
FIRST_SPREAD = 1.0
SPREAD = 0.1
"""Of the pause, by which it varies at random, half to each side. After the first poll by a whole
interval, else a thousand devices that were asked together at first would be asked together for minutes."""


class Poller:
    """Polls one device for ever. ``jitter()``: 0..1, so that a thousand devices don't answer at once.

    ``found(snapshot)`` is awaited after each answer: what a poll reveals goes the way of a signal.
    ``missed()`` after each poll without one. ``thinned()``: told of each poll that asks only how the radios
    are: when the agent is late, observation gives way first, and what a poll says of radar never does.
    """

    def __init__(
        self,
        site: str,
        lane: Lane,
        memory: Memory,
        clock: Clock,
        *,
        found: Callable[[Snapshot], Awaitable[None]],
        missed: Callable[[], Awaitable[None]],
        jitter: Callable[[], float],
        alert: Callable[[str, str, RadioKey | None], None],
        thinned: Callable[[], None] = lambda: None,
    ) -> None:
        self._site = site
        self._lane = lane
        self._memory = memory
        self._clock = clock
        self._found = found
        self._missed = missed
        self._jitter = jitter
        self._alert = alert
        self._person_told = False
        self._scanned_s = float("-inf")
        self._renewed_s: dict[RadioKey, float] = {}
        self._now = asyncio.Event()
        self._spread = FIRST_SPREAD
        self._thinned = thinned
        self._thin = 0  # so many polls between two whole ones
        self._left = 0  # of them
        self._whole = True  # the last one was

    def poll_now(self, *, scan: bool = False) -> None:
        """Do not wait for the next turn; ``scan``: read the neighbour table too."""
        if scan:
            self._scanned_s = float("-inf")
        self._now.set()

    async def run(self) -> None:
        """The loop; ends only by cancellation."""
        await asyncio.sleep(self._jitter() * min(self._policy.poll_s, FIRST_WITHIN_S))
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
            await self._missed()
            return
        if Table.NEIGHBORS in tables:
            self._scanned_s = self._clock.monotonic()
        self._hit()
        self._memory.see(snapshot)
        await self._found(snapshot)
        if snapshot.appeared:
            await self._renew(snapshot)

    async def _renew(self, snapshot: Snapshot) -> None:
        """What an AP that has joined a controller can do, or a radio that came up after its AP, only a new
        session tells. Not while the device's own undo waits to be confirmed by this one, nor while a radio
        may have to leave because of radar: nobody should wait for the next one then."""
        now, appeared = self._clock.now(), snapshot.appeared
        if not self._is_due(appeared, now.monotonic_s):
            return
        if self._memory.undo_runs(self._site, self._lane.name, now):
            return
        if self._memory.hears_radar(self._site, snapshot.readings.values(), now):
            return
        self._renewed_s |= dict.fromkeys(appeared, now.monotonic_s)
        log.info("device.radios_appeared", site=self._site, device=self._lane.name, radios=sorted(appeared))
        await self._lane.renew()
        self.poll_now()

    def _is_due(self, appeared: frozenset[RadioKey], now_s: float) -> bool:
        if now_s - max(self._renewed_s.values(), default=float("-inf")) < RENEWED_LEAST_S:
            return False
        return any(now_s - self._renewed_s.get(key, float("-inf")) >= RENEWED_S for key in appeared)

    def _due(self) -> frozenset[Table]:
        self._whole = self._left == 0
        if not self._whole:
            self._left -= 1
            self._thinned()
            return STATUS
        scan = self._clock.monotonic() - self._scanned_s >= SCAN_S
        return OFTEN | {Table.NEIGHBORS} if scan else OFTEN

    def _miss(self, error: DriverError) -> None:
        """Said once: at the third miss, or at the first when only a person can mend it; that person is told
        also when the device was lost before."""
        contact, lost_after = self._contact, self._policy.detect.missed_polls
        hopeless = isinstance(error, PersonNeeded)
        if hopeless and not self._person_told:
            self._person_told = True
            self._alert(self._site, f"{self._lane.name} can't be used: {error}", None)
        contact.missed = max(contact.missed + 1, lost_after if hopeless else 0)
        if contact.lost_at_s is not None or contact.missed < lost_after:
            return
        now_s = self._clock.monotonic()
        contact.lost_at_s = now_s if contact.answered_s is None else contact.answered_s
        log.warning("device.lost", site=self._site, device=self._lane.name, error=str(error))
        self._memory.lose(self._site, self._lane.name)

    def _hit(self) -> None:
        contact = self._contact
        if contact.lost_at_s is not None:
            log.info("device.back", site=self._site, device=self._lane.name)
        contact.missed, contact.lost_at_s, contact.otherwise = 0, None, None
        contact.answered_s = self._clock.monotonic()
        self._person_told = False
        self._memory.lost.discard(f"{self._site}/{self._lane.name}")

    async def _rest(self) -> None:
        """Until the next turn: the poll interval with its jitter; a device that doesn't answer is asked less
        and less often."""
        extra = max(0, self._contact.missed - self._policy.detect.missed_polls)
        slower = 2.0 ** min(DOUBLINGS_MOST, extra)
        pause_s = min(self._policy.poll_s * slower, max(BACKOFF_MOST_S, self._policy.poll_s))
        spread, self._spread = self._spread, SPREAD
        pause_s *= 1.0 + spread * (self._jitter() - 0.5)
        due_s = self._clock.monotonic() + pause_s
        try:
            async with asyncio.timeout(pause_s):
                await self._now.wait()
        except TimeoutError:
            self._give_way(self._clock.monotonic() - due_s)

    def _give_way(self, late_s: float) -> None:
        """After a whole poll: half as many of them when this turn comes late, else twice as many."""
        if self._whole:
            late = late_s > LATE_S
            self._thin = min(THINNED_MOST, max(1, self._thin * 2)) if late else self._thin // 2
            self._left = self._thin

    @property
    def _policy(self) -> Policy:
        return self._memory.sites[self._site].policy

    @property
    def _contact(self) -> Contact:
        return self._memory.contact(self._site, self._lane.name)
