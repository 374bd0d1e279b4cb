"""A new configuration on request (SIGHUP): read beside the loop, taken in whole, or refused and said so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from agent.agent import Agent
from agent.alert import REFUSED
from agent.audit import EVERY_SITE
from agent.ledger import LOST_DISK
from agent.notify import Notifier
from drivers.errors import PersonNeeded
from inventory.credentials import CredentialError
from inventory.model import Site
from inventory.site_error import SiteErrors

log = structlog.get_logger()

TOLD_MOST: Final = 100  # mistakes, each a line: the loop has radar to attend to, and `rrmd check` tells all


@dataclass(slots=True)
class Reloaded:
    """When a configuration was taken in last, UTC in seconds, and whether the newest one was."""

    at_s: float
    ok: bool = True


class Reloads:
    """Takes in the site files anew, once for however many requests came meanwhile.

    ``load()`` reads and checks them all, in a thread; raises SiteErrors. ``status()``: a line for systemd.
    """

    def __init__(
        self,
        agent: Agent,
        load: Callable[[], Mapping[str, Site]],
        notifier: Notifier,
        status: Callable[[], str],
    ) -> None:
        self._agent = agent
        self._load = load
        self._notifier = notifier
        self._status = status
        self._asked = asyncio.Event()
        self.last = Reloaded(self._now_s())
        agent.reloaded = self._taken_in

    def ask(self) -> None:
        self._asked.set()

    async def run(self) -> None:
        """Heed requests until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._notifier.reloading()
            await self._once()
            self._notifier.ready(self._status())

    async def _once(self) -> None:
        try:
            await self._agent.reload(await asyncio.to_thread(self._load))
        except SiteErrors as found:
            for each in found.errors[:TOLD_MOST]:
                log.error(
                    "configuration.refused",
                    file=each.file,
                    line=each.line,
                    path=each.path,
                    expected=each.expected,
                    got=each.got,
                )
            await self._refused(str(found.errors[0]), len(found.errors))
        except CredentialError as error:
            log.error("configuration.refused", error=str(error))
            await self._refused(f"{error}; a credential that is new to the service takes a restart", 1)
        except PersonNeeded as error:
            log.error("configuration.refused", error=str(error))
            await self._refused(str(error), 1)
        except LOST_DISK as error:
            log.error("configuration.refused", error=str(error))
            await self._refused(f"the disk is lost, it is taken in when that is back: {error}", 1)

    def _taken_in(self) -> None:
        self.last = Reloaded(self._now_s())

    async def _refused(self, first: str, mistakes: int) -> None:
        """The old configuration goes on, and a person hears of it."""
        self.last.ok = False
        more = f" (and {mistakes - 1} more: see `rrmd check`)" if mistakes > 1 else ""
        self._agent.alarm.tell(EVERY_SITE, f"{REFUSED}: {first}{more}", None)
        ledger = self._agent.ledger
        params = {"first": first[:500], "mistakes": mistakes}
        with suppress(*LOST_DISK):  # the ledger has said so
            await ledger.note(ledger.record("system", "configuration.refused", EVERY_SITE, params=params))

    def _now_s(self) -> float:
        return self._agent.clock.now().utc_us / 1e6
