"""Whole stories of one event: trouble in the world, what is made of it, what the audit says afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rig import FAST, Rig, rig_of, site_of, until

from agent.agent import Agent
from agent.change import Change
from agent.clock import Clock
from agent.events import Event, EventKind
from agent.simulation import as_it_is
from drivers.simulated import worlds
from drivers.simulated.driver import family
from drivers.simulated.faults import NO_FAULTS, Call, Fault, FaultPlan, Operation, Scripted
from drivers.simulated.world import World
from inventory.channels import Block, block
from inventory.model import Band, DetectPolicy, Mode, Policy, Site, radio_key

AP1, AP2, AP3, AP4 = (radio_key("lab", f"ap{n}", "r5") for n in range(1, 5))

CALM_S = 240.0
"""Before the trouble: every radio has a baseline by then."""

SHORT = replace(
    FAST,
    detect=DetectPolicy(again_s=20.0, sat_hold_s=20.0),
    stale_s=60.0,
    monitor=replace(FAST.monitor, no_data_s=300.0),
)
"""Samples, holds and waits of some tens of seconds: a story takes a quarter of an hour, not two hours."""


def policy_of(mode: Mode = Mode.ACT, **detect: Any) -> Policy:
    """The short policy with these thresholds."""
    return replace(SHORT, mode=mode, detect=replace(SHORT.detect, **detect))


def with_options(site: Site, **options: Any) -> Site:
    """The site with these options of its simulated devices."""
    devices = {
        name: replace(
            device, options=MappingProxyType({**family.check_options({**device.options, **options})})
        )
        for name, device in site.devices.items()
    }
    return replace(site, devices=MappingProxyType(devices))


# -- faults ----------------------------------------------------------------------------------------------


class Gate:
    """Lets a scripted fault through while open, ``most`` times at the most. ``hits``: how often it did."""

    def __init__(self, *, opened: bool = False, most: int | None = None) -> None:
        self.opened = opened
        self.most = most
        self.hits = 0

    def __call__(self, call: Call) -> bool:
        if not self.opened or (self.most is not None and self.hits >= self.most):
            return False
        self.hits += 1
        return True

    def script(self, operation: Operation, fault: Fault, device: str | None = "ap1") -> FaultPlan:
        return FaultPlan((Scripted(operation, self, fault, device=device),))


# -- what the audit says ---------------------------------------------------------------------------------


Record = Mapping[str, Any]


def raised(rig: Rig, kind: EventKind) -> list[Record]:
    return _events(rig, kind, "event.raised")


def cleared(rig: Rig, kind: EventKind) -> list[Record]:
    return _events(rig, kind, "event.cleared")


def _events(rig: Rig, kind: EventKind, code: str) -> list[Record]:
    return [r for r in said(rig, code) if r["reason"]["params"]["kind"] == str(kind)]


def said(rig: Rig, code: str) -> list[Record]:
    """Records with this reason."""
    return [r for r in rig.records() if r["reason"]["code"] == code]


def about(rig: Rig, event: Record) -> list[Record]:
    """All that the audit says about one event, itself included."""
    return [r for r in rig.records() if r["event_id"] == event["event_id"]]


def codes(records: Sequence[Record]) -> list[str]:
    return [r["reason"]["code"] for r in records]


def evidence(record: Record) -> dict[str, Any]:
    return {each["field"]: each["value"] for each in record["evidence"]}


# -- trouble ---------------------------------------------------------------------------------------------

NEAR_AP1 = (3.0, 3.0, 3.0)


def interferes(rig: Rig, where: Block, duty_ratio: float = 0.8) -> None:
    """Something near AP 1 that is not Wi-Fi fills this block."""
    rig.world.add_interferer("interferer", where.low_mhz, where.high_mhz, NEAR_AP1, duty_ratio=duty_ratio)


def loads(rig: Rig, where: Block, busy_ratio: float = 0.87) -> None:
    """Other people's networks near AP 1 fill this block."""
    for nth in range(3):
        bssid, place = f"0e:00:00:00:{where.primary:02x}:0{nth}", (3.0, float(nth), 3.0)
        rig.world.add_foreign(bssid, where, place, busy_ratio=busy_ratio / 3)


def unloads(rig: Rig, where: Block) -> None:
    for nth in range(3):
        rig.world.remove_foreign(f"0e:00:00:00:{where.primary:02x}:0{nth}")


# -- waiting ---------------------------------------------------------------------------------------------


async def calm(clock: Clock, seconds: float = CALM_S) -> None:
    """Simulated time until then."""
    await asyncio.sleep(max(0.0, seconds - clock.monotonic()))


async def event_of(agent: Agent, kind: EventKind, key: str | None = None, *, limit_s: float = 900.0) -> Event:
    """The first open event of this kind (and de-duplication key), when it is there."""

    def found() -> Event | None:
        return next((e for e in opened(agent, kind) if key in (None, e.key)), None)

    event: Event = await until(found, limit_s=limit_s)
    return event


def opened(agent: Agent, kind: EventKind) -> list[Event]:
    return [event for event in agent.incidents.open_events() if event.kind is kind]


async def over(agent: Agent, event: Event, *, limit_s: float = 1800.0) -> None:
    """When the event has been cleared."""
    await until(lambda: event.id not in {e.id for e in agent.incidents.open_events()}, limit_s=limit_s)


def changes_for(agent: Agent, event: Event) -> list[Change]:
    """Oldest first."""
    mine = [change for change in agent.memory.changes.values() if change.event_id == event.id]
    return sorted(mine, key=lambda change: (change.created_utc_us, change.id))


async def change_for(agent: Agent, event: Event, *, limit_s: float = 600.0) -> Change:
    """The first change that was opened for the event, when it is final."""
    first: Change = (await until(lambda: changes_for(agent, event), limit_s=limit_s))[0]
    return await agent.executor.finished(first.id)


def tells_one_story(rig: Rig, kind: EventKind, *, key: str | None = None) -> list[Record]:
    """What the audit says about the one event of this kind (and evidence word ``key``): raised once, with
    evidence, decided on, and cleared once."""
    begun = [r for r in raised(rig, kind) if key in (None, evidence(r).get("what"))]
    assert len(begun) == 1, codes(begun)
    assert evidence(begun[0])
    story = about(rig, begun[0])
    assert story[0] == begun[0]
    ended = [r for r in story if r["reason"]["code"] == "event.cleared"]
    assert [r["reason"]["params"]["why"] for r in ended] == ["over"]
    assert any(r["kind"] == "decision" for r in story)
    return story


@asynccontextmanager
async def stage(
    directory: Path,
    clock: Clock,
    site: Site | None = None,
    *,
    faults: FaultPlan = NO_FAULTS,
    calm_s: float = CALM_S,
    wrap_device: Callable[[Any], Any] = as_it_is,
    **world: Any,
) -> AsyncIterator[tuple[Rig, Agent]]:
    """A rig of four APs on channels of their own, and its agent, after some calm minutes. At the end the
    audit chain must be whole."""
    site = site or site_of(4, policy=SHORT, widths=(20,))
    async with rig_of(directory, clock, site, faults=faults, **world) as rig:
        rig.wrap_device = wrap_device
        async with rig.agent() as agent:
            await calm(clock, calm_s)
            yield rig, agent
        rig.verify()


@asynccontextmanager
async def penned(
    directory: Path, clock: Clock, allowed_mhz: frozenset[int], width_mhz: int, policy: Policy = SHORT
) -> AsyncIterator[tuple[Rig, Agent]]:
    """The same with an AP 1 on channel 36 whose device has no other channels than these."""
    site = site_of(4, policy=policy, widths=(20, 40, 80))
    world = World(1, "US", start_hour=12.0)
    for ap, channel in zip(site.aps.values(), (36, 149, 157, 153), strict=True):
        mine = ap.id == "ap1"
        world.add_radio(
            ap.radios[0],
            block(Band.GHZ_5, channel, width_mhz if mine else 20),
            position=ap.position_m or NEAR_AP1,
            allowed_mhz=allowed_mhz if mine else None,
        )
    world.add_clients(6, stays=True)
    with worlds.registered("rig", world):
        rig = Rig(directory=directory, site=site, world=world, clock=clock)
        async with rig.agent() as agent:
            await calm(clock)
            yield rig, agent
        rig.verify()
