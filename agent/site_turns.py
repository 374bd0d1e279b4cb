"""One site's turn after the other's: a bug in one site's affairs does not hold up the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from agent.ledger import LOST_DISK
from agent.supervisor import Supervisor

log = structlog.get_logger()


class SiteTurns:
    """Of one loop over all sites. ``lost(site)``: what else to do when the disk was lost in its turn, which
    is no bug."""

    def __init__(self, name: str, keeper: Supervisor, lost: Callable[[str], None]) -> None:
        self._name = name
        self._keeper = keeper
        self._lost = lost
        self._failed = Counter[str]()  # by site: times in a row

    async def take(self, site: str, turn: Awaitable[None]) -> None:
        """Whatever becomes of it, the next turn can be taken."""
        try:
            await turn
        except LOST_DISK as error:
            log.error("loop.waits_for_the_disk", loop=self._name, site=site, error=str(error))
            self._lost(site)
        except Exception as error:  # a bug in one site's affairs must not hold up the others
            self._failed[site] += 1
            self._keeper.failed(f"{self._name}-{site}", site, error, self._failed[site])
        else:
            self._failed.pop(site, None)
