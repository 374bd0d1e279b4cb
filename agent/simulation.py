"""A whole agent over a simulated world: store, audit files, lanes and all. Demo, benchmarks, tests run it.

The state directory outlives an agent: a simulation can be killed, and started again on what it left behind.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.agent import Agent
from agent.audit import AuditLog
from agent.audit_chain import Report
from agent.audit_files import query, verify_directory
from agent.audit_key import derive, load_or_create_key, mac_keys
from agent.backlog import Backlog
from agent.clock import Clock
from agent.disk import make_directory
from agent.journal import Journal
from agent.keeper import Keeper
from agent.lane import Lane
from agent.ledger import LOST_DISK, Ledger
from agent.records import Pseudonyms
from agent.settings import Settings
from agent.store.errors import StoreUnavailable
from agent.store.store import Store
from drivers.base import Device, DeviceContext
from drivers.simulated.driver import family
from inventory.model import Site

Wrap = Callable[[Any], Any]


def as_it_is(thing: Any) -> Any:
    return thing


def numbered() -> Callable[[], str]:
    """Ids that are the same in every run."""
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-7000-8000-{next(numbers):012d}"


@dataclass(slots=True, kw_only=True)
class Simulation:
    """One site whose devices are simulated, and one state directory. The world itself is registered under the
    name that the site's devices give (`drivers.simulated.worlds`).

    ``wrap_store``, ``wrap_audit``, ``wrap_journal``, ``wrap_device``: put something between the agent and
    that part.
    ``jitter()``: 0..1, spreads the polls. ``store_url``: a store elsewhere than in the state directory.
    """

    directory: Path
    site: Site
    clock: Clock
    wrap_store: Wrap = as_it_is
    wrap_audit: Wrap = as_it_is
    wrap_journal: Wrap = as_it_is
    wrap_device: Wrap = as_it_is
    ids: Callable[[], str] = field(default_factory=numbered)
    jitter: Callable[[], float] = lambda: 0.5
    holder: str = "simulation"
    store_url: str | None = None

    @property
    def settings(self) -> Settings:
        """Where the agent's files are, as a daemon with this state directory has them."""
        known = Settings(state_dir=self.directory)
        return known if self.store_url is None else known.model_copy(update={"store_url": self.store_url})

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Agent]:
        """A running agent, recovered and polling; stopped well at the end."""
        agent, ledger = self.build()
        running = asyncio.create_task(agent.run(), name="agent")
        try:
            await _first(agent.ready.wait(), running)
            yield agent
            agent.stop()
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await ledger.close()

    def build(self) -> tuple[Agent, Ledger]:
        """An agent over what the state directory holds; the caller runs and closes it."""
        settings = self.settings
        key = load_or_create_key(settings.key_file)
        make_directory(settings.audit_dir)
        keeper = Keeper(settings.store_url, settings.audit_dir, self.clock)
        store = self.wrap_store(keeper.as_store())
        audit = self.wrap_audit(AuditLog(settings.audit_dir, store, key, clock=self.clock))
        keeper.tell(audit.forget)
        with suppress(*LOST_DISK):
            audit.recover()
        backlog = Backlog(self.wrap_journal(Journal(settings.journal, derive(key, "radar-journal"))))
        backlog.open()
        names = Pseudonyms(derive(key, "pseudonym"))
        ledger = Ledger(store, audit, backlog, self.clock, self.ids, names)
        agent = Agent(
            sites={self.site.id: self.site},
            ledger=ledger,
            make_lane=self._lane,
            clock=self.clock,
            token_key=derive(key, "rollback-token"),
            holder=self.holder,
            jitter=self.jitter,
        )
        return agent, ledger

    def _lane(self, site: Site, name: str) -> Lane:
        aps = tuple(ap for ap in site.aps.values() if ap.device == name)
        radios = tuple(radio for ap in aps for radio in ap.radios)
        context = DeviceContext(
            config=site.devices[name], radios=radios, aps=aps, secret=None, clock=self.clock.monotonic
        )
        device: Device = self.wrap_device(family.device(context))
        return Lane(name, device, write_s=site.policy.apply_timeout_s)

    # -- what is left on disk ----------------------------------------------------------------------

    def records(self) -> list[dict[str, Any]]:
        """The audit, as it stands in the files."""
        return list(query(self.settings.audit_dir))

    def verified(self) -> Report:
        """What the audit chain tells about itself, its end compared with the head that the store keeps."""
        settings = self.settings
        key = load_or_create_key(settings.key_file)
        store = Store(settings.store_url)
        try:
            head = store.audit_head()
        finally:
            store.close()
        return verify_directory(settings.audit_dir, mac_keys(key), head)


class LosableDisk:
    """A store whose disk may be away: every call fails while ``lost``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found) or name == "close":
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.lost:
                raise StoreUnavailable("disk I/O error")
            return found(*args, **kwargs)

        return call


async def _first(wanted: Any, running: asyncio.Task[None]) -> None:
    waiting = asyncio.ensure_future(wanted)
    await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running.done():
        running.result()
