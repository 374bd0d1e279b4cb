"""A write that was given up and took effect after its change was over: a poll shows it, and it is taken back.

Where a session has a connection, closing it leaves a late write nowhere to land. A datagram, or a controller
that works off its own queue, keeps to no session: all that can be done is to look. A reading does not tell a
late write from somebody who set the same by hand, so a way back is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from agent.change import Actor, Cause, Change, State, agrees
from agent.changes import Changes
from agent.clock import Clock
from agent.memory import Memory
from agent.moment import Moment
from agent.planner.legal import values_forbidden
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
        self._told: dict[RadioKey, tuple[str, str]] = {}  # change, and what came of it: each logged once

    async def look(self, keys: Iterable[RadioKey]) -> None:
        """Take back what has landed on these radios since it was given up, unless it may stay; the guards may
        say no, and are asked again at the next poll."""
        now = self._clock.now()
        for key in keys:
            last, reading = self._last(key, now), self._memory.radios[key].reading
            if last is None or reading is None or not landed_late(last, reading, now):
                continue
            if is_wanted(last) and self._is_lawful(last, key, now):
                self._tell(last, key, "left_alone")
                continue
            undo = await self._changes.try_undo(last, Actor(), "landed_late")
            self._tell(last, key, "undone" if isinstance(undo, Change) else "not_undone")

    def _last(self, key: RadioKey, now: Moment) -> Change | None:
        changes = self._memory.changes_of(site_of(key), now)
        return next((change for change in changes if key in change.radios), None)

    def _is_lawful(self, change: Change, key: RadioKey, now: Moment) -> bool:
        """Whether the radio may be where the change put it: radar may have come since it was asked for."""
        view = self._memory.view(self._memory.sites[change.site], now)
        at = view.radios[key]
        return values_forbidden(view, at, change.target, at.block) is None

    def _tell(self, change: Change, key: RadioKey, what: str) -> None:
        if self._told.get(key) != (change.id, what):
            self._told[key] = change.id, what
            log.warning("change.landed_late", change=change.id, radio=key, what=what)


def landed_late(change: Change, reading: RadioReading, now: Moment) -> bool:
    """Whether a radio on air shows what was written, never proven, and taken back without having been there.
    For as long as the rollback might have taken; after that whoever sets the same values means it."""
    given_up = change.state is State.ROLLED_BACK and change.acked_at is None
    if not given_up or change.deadline.passed(now) or reading.state is not RadioState.ON_AIR:
        return False
    return agrees(change.target, reported(reading))


def is_wanted(change: Change) -> bool:
    """Whether its target is to stay where it is found, though it was never proven: an undo leads to what was
    there before, and whoever asked for it in vain may have done it by hand; a flight is away from radar."""
    return change.undo_of is not None or change.cause is Cause.DFS_RADAR
