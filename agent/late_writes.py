"""A write that was given up and took effect after its change was over: a poll shows it, and it is taken back.

Where a session has a connection, closing it leaves a late write nowhere to land. A datagram, or a controller
that works off its own queue, keeps to no session: all that can be done is to look.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from agent.change import Actor, Change, State, agrees
from agent.changes import Changes
from agent.clock import Clock
from agent.memory import Memory
from agent.moment import Moment
from agent.view import reported
from drivers.types import RadioReading, RadioState
from inventory.model import RadioKey, site_of

log = structlog.get_logger()


class LateWrites:
    """Looks at each poll of a radio whose last change was taken back without ever having been proven."""

    def __init__(self, memory: Memory, clock: Clock, changes: Changes) -> None:
        self._memory = memory
        self._clock = clock
        self._changes = changes

    async def look(self, keys: Iterable[RadioKey]) -> None:
        """Take back what has landed on these radios since it was given up; the guards may say no, and are
        asked again at the next poll."""
        now = self._clock.now()
        for key in keys:
            last, reading = self._last(key, now), self._memory.radios[key].reading
            if last is None or reading is None or not landed_late(last, reading, now):
                continue
            undo = await self._changes.try_undo(last, Actor(), "landed_late")
            log.warning("change.landed_late", change=last.id, radio=key, undone=isinstance(undo, Change))

    def _last(self, key: RadioKey, now: Moment) -> Change | None:
        changes = self._memory.changes_of(site_of(key), now)
        return next((change for change in changes if key in change.radios), None)


def landed_late(change: Change, reading: RadioReading, now: Moment) -> bool:
    """Whether a radio on air shows what was written, never proven, and taken back without having been there.
    For as long as the rollback might have taken; after that whoever sets the same values means it."""
    given_up = change.state is State.ROLLED_BACK and change.acked_at is None
    if not given_up or change.deadline.passed(now) or reading.state is not RadioState.ON_AIR:
        return False
    return agrees(change.target, reported(reading))
