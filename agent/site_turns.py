"""One site's turn after the other's: a bug in one site's affairs does not hold up the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from agent.counts import Count, Counts
from agent.ledger import LOST_DISK

log = structlog.get_logger()


class SiteTurns:
    """Of one loop over all sites. ``alert(site, text, None)`` calls a person, once until a turn goes well."""

    def __init__(self, name: str, counts: Counts, alert: Callable[[str, str, None], None]) -> None:
        self._name = name
        self._counts = counts
        self._alert = alert
        self._ill: set[str] = set()

    async def take(self, site: str, turn: Awaitable[None]) -> None:
        """Raises what a lost disk raises: that is no bug."""
        try:
            await turn
        except LOST_DISK:
            raise
        except Exception as error:  # a bug in one site's affairs must not hold up the others
            self._counts.add(Count.FAILURES, site, self._name)
            log.error("loop.failed", loop=self._name, site=site, exc_info=error)
            if site not in self._ill:
                what = f"{type(error).__name__}: {error}"
                self._alert(site, f"a bug: {self._name} of {site} failed and is tried again: {what}", None)
            self._ill.add(site)
        else:
            self._ill.discard(site)
