"""A whole agent over a simulated world, in simulated time: store, audit files, lanes and all.

The state directory outlives an agent, so a rig can be killed and started again on what it left behind.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agent.agent import Agent
from agent.audit import AuditLog
from agent.audit_files import verify_directory
from agent.audit_key import derive, load_or_create_key, mac_keys
from agent.change import Change
from agent.clock import Clock
from agent.lane import Lane
from agent.ledger import Ledger
from agent.records import Pseudonyms
from agent.store import Store
from drivers.base import Device, DeviceContext
from drivers.simulated import worlds
from drivers.simulated.driver import family
from drivers.simulated.faults import NO_FAULTS, FaultPlan
from drivers.simulated.world import World
from inventory.channels import Block, block
from inventory.model import (
    AccessPoint,
    Band,
    DeviceConfig,
    Mode,
    MonitorPolicy,
    Policy,
    Radio,
    RadioKey,
    Site,
    radio_key,
)

Wrap = Callable[[Any], Any]


def as_it_is(thing: Any) -> Any:
    return thing


FAST = Policy(
    mode=Mode.ACT,
    poll_s=10.0,
    monitor=MonitorPolicy(slot_s=20.0, min_frames=50, settle_s=5.0, lost_client_after_s=30.0),
)
"""A policy whose monitoring takes two minutes instead of six."""


def site_of(
    aps: int = 4,
    *,
    policy: Policy = FAST,
    country: str = "US",
    band: Band = Band.GHZ_5,
    widths: tuple[int, ...] = (20, 40),
    spacing_m: float = 40.0,
    undo_timer: bool = False,
    **radio: Any,
) -> Site:
    """A site of single-radio simulated APs in a row: ``lab/ap1/r5`` and so on."""
    names = [f"ap{n}" for n in range(1, aps + 1)]
    name = f"r{str(band).split('.')[0]}"
    return Site(
        id="lab",
        country=country,
        timezone="UTC",
        policy=policy,
        devices=MappingProxyType(
            {
                ap: DeviceConfig(id=ap, driver="simulated", address=ap, options=_options(undo_timer))
                for ap in names
            }
        ),
        aps=MappingProxyType(
            {
                ap: AccessPoint(
                    id=ap,
                    device=ap,
                    position_m=(spacing_m * n, 0.0, 3.0),
                    radios=(Radio(key=radio_key("lab", ap, name), band=band, widths_mhz=widths, **radio),),
                )
                for n, ap in enumerate(names)
            }
        ),
    )


def _options(undo_timer: bool) -> Mapping[str, Any]:
    return MappingProxyType({**family.check_options({"world": "rig", "undo_timer": undo_timer})})


def world_of(
    site: Site,
    *,
    seed: int = 1,
    channels: tuple[int, ...] = (36, 44, 149, 157),
    width: int = 20,
    clients: int = 6,
) -> World:
    """A world with the site's radios on these channels in turn, and clients that stay."""
    world = World(seed, site.country, start_hour=12.0)
    for n, ap in enumerate(site.aps.values()):
        for radio in ap.radios:
            where = block(radio.band, channels[n % len(channels)], width)
            world.add_radio(radio, where, position=ap.position_m or (0.0, 0.0, 3.0))
    world.add_clients(clients, stays=True)
    return world


@dataclass(slots=True)
class Rig:
    """One site, one world, one state directory."""

    directory: Path
    site: Site
    world: World
    clock: Clock
    faults: FaultPlan = NO_FAULTS
    wrap_store: Wrap = as_it_is
    wrap_audit: Wrap = as_it_is
    wrap_device: Wrap = as_it_is
    ids: Callable[[], str] = field(default_factory=lambda: _counter())

    @property
    def key(self) -> RadioKey:
        return radio_key("lab", "ap1", next(iter(self.site.aps["ap1"].radios)).key.split("/")[2])

    @property
    def url(self) -> str:
        return f"sqlite:///{self.directory}/rrmd.sqlite3"

    @asynccontextmanager
    async def agent(self, *, start: bool = True) -> AsyncIterator[Agent]:
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
        key = load_or_create_key(self.directory / "audit.key")
        store = self.wrap_store(Store(self.url))
        (self.directory / "audit").mkdir(exist_ok=True)
        audit = self.wrap_audit(AuditLog(self.directory / "audit", store, key, clock=self.clock))
        audit.recover()
        ledger = Ledger(
            store,
            audit,
            self.clock,
            self.ids,
            Pseudonyms(derive(key, "pseudonym")),
        )
        agent = Agent(
            sites={self.site.id: self.site},
            ledger=ledger,
            make_lane=lambda site, name: Lane(
                name, self._device(site, name), write_s=site.policy.apply_timeout_s
            ),
            clock=self.clock,
            token_key=derive(key, "rollback-token"),
            holder="rig",
            jitter=lambda: 0.5,
        )
        return agent, ledger

    def _device(self, site: Site, name: str) -> Device:
        radios = tuple(r for ap in site.aps.values() if ap.device == name for r in ap.radios)
        context = DeviceContext(
            config=site.devices[name], radios=radios, secret=None, clock=self.clock.monotonic
        )
        device: Device = self.wrap_device(family.device(context))
        return device

    # -- what is left on disk ----------------------------------------------------------------------

    def records(self) -> list[dict[str, Any]]:
        """The audit, as it stands in the files."""
        lines = [
            line
            for path in sorted((self.directory / "audit").glob("audit_*.jsonl"))
            for line in path.read_text().splitlines()
        ]
        return [json.loads(line) for line in lines]

    def steps(self, change_id: str) -> list[str]:
        """The states a change went through, by the audit."""
        return [
            r["to_state"] for r in self.records() if r["change_id"] == change_id and r["to_state"] is not None
        ]

    def verify(self) -> None:
        """The audit chain is whole, and agrees with the head that the store keeps."""
        key = load_or_create_key(self.directory / "audit.key")
        store = Store(self.url)
        try:
            head = store.audit_head()
        finally:
            store.close()
        report = verify_directory(self.directory / "audit", mac_keys(key), head)
        assert report.intact, report.findings

    def block(self, key: RadioKey | None = None) -> Block:
        return self.world.radio(key or self.key).block


@asynccontextmanager
async def rig_of(
    directory: Path, clock: Clock, site: Site | None = None, *, faults: FaultPlan = NO_FAULTS, **world: Any
) -> AsyncIterator[Rig]:
    """A rig with its world registered for as long as it is used."""
    site = site or site_of()
    made = world_of(site, **world)
    with worlds.registered("rig", made, faults):
        yield Rig(directory=directory, site=site, world=made, clock=clock, faults=faults)


async def until(condition: Callable[[], Any], *, limit_s: float = 7200.0, step_s: float = 1.0) -> Any:
    """The condition's first true value; simulated seconds pass meanwhile."""
    async with asyncio.timeout(limit_s):
        while not (value := condition()):  # noqa: ASYNC110  a condition of the simulated world has no event
            await asyncio.sleep(step_s)
    return value


async def final(agent: Agent, change: Change) -> Change:
    """The change when it is final and its task has ended."""
    return await agent.executor.finished(change.id)


async def _first(wanted: Any, running: asyncio.Task[None]) -> None:
    waiting = asyncio.ensure_future(wanted)
    await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running.done():
        running.result()


def _counter() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-7000-8000-{next(numbers):012d}"


__all__ = ["FAST", "Block", "Rig", "final", "replace", "rig_of", "site_of", "until", "world_of"]
