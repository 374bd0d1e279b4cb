"""What is kept how long: old changes and events leave the store, and old audit files go if that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from agent.moment import DAY_US, Moment

if TYPE_CHECKING:
    from agent.ledger import Ledger

log = structlog.get_logger()

STEADY_S = 3600.0
"""How long the wall clock must have gone as fast as the monotonic one before it says what is old."""
ASTRAY_S = 60.0
"""How far it may be off in that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """In days. ``audit_days`` None = for ever: the audit is the evidence."""

    days: int = 400
    audit_days: int | None = None


class Retention:
    """Drops a little at each turn, so that nothing waits for it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._since: Moment | None = None  # when the wall clock was last found astray

    async def turn(self) -> None:
        """Some of what is too old; nothing by a clock that was just set. Raises StoreUnavailable,
        AuditUnavailable."""
        now, keep = self._ledger.clock.now(), self._ledger.keep
        if not self._steady(now):
            return
        before_us = now.utc_us - keep.days * DAY_US
        if dropped := await self._ledger.call(self._ledger.store.drop_old, before_us):
            log.info("store.pruned", rows=dropped)
        if keep.audit_days is not None:
            day = datetime.fromtimestamp(now.utc_us / 1e6, UTC) - timedelta(days=keep.audit_days)
            if name := await self._ledger.call(self._ledger.audit.prune, f"{day:%Y%m%d}"):
                log.warning("audit.pruned", file=name)

    def _steady(self, now: Moment) -> bool:
        since = self._since = self._since or now
        passed_s = now.monotonic_s - since.monotonic_s
        if abs((now.utc_us - since.utc_us) / 1e6 - passed_s) > ASTRAY_S:
            self._since = now
            return False
        return passed_s >= STEADY_S
