"""One simulated site over some hours: with nobody, with random legal moves, with rrmd; and what came of it.

The same seed makes the same building, people and trouble, whoever looks after it. Simulated time throughout.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from agent import simulated_time
from agent.agent import Agent
from agent.change import Change
from agent.simulated_time import SimulatedClock
from agent.simulation import Simulation
from drivers.simulated import trouble, worlds
from drivers.simulated.campus import Campus, campus
from drivers.simulated.firmware import NotPossible
from drivers.simulated.world import World
from drivers.types import Setting
from inventory.model import Mode, Policy, RadioKey
from inventory.regulatory import allowed_blocks

NAME = "campus"
HOUR_S = 3600.0
SHORT_VISIT_S = 600.0
"""Who was there for less is no client of the statistics: a walk past the door."""
QUIET_MBPS, BUSY_MBPS = 0.5, 4.0
"""What the median client wants in the busiest hour, 15 of them to an AP: well within what an AP can carry,
and about as much as it can."""
FORGOTTEN = 0.3
"""Of the radios: still on the channel that the factory set."""
MANY = 1_000_000
TRIES = 50


class Arm(StrEnum):
    NOBODY = "nobody"
    RANDOM = "random"
    RRMD = "rrmd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """``moves``: how many random ones. ``from_hour``: of the local day. ``quiet``: nothing goes wrong, the
    radios are planned well and the load is moderate."""

    arm: Arm
    seed: int
    aps: int
    hours: float
    poll_s: float = 60.0
    from_hour: float = 0.0
    moves: int = 0
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``mbps``: per client, delivered while it was there; ``got_ratio``: of what it wanted. ``retry_ratio``:
    repeats per frame of all radios. ``moved``: settings of a radio that were changed and took effect, undos
    included. ``changes``: by cause and final state; ``events``: by kind, and by AP the most in a day."""

    run: Run
    mbps: tuple[float, ...]
    got_ratio: tuple[float, ...]
    retry_ratio: float
    moved: int
    wall_s: float
    changes: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    most_events: int = 0
    intact: bool | None = None


def carried_out(run: Run) -> Outcome:
    """In this process; the state directory is thrown away."""
    begun = time.monotonic()
    made = _built(run)
    if not run.quiet:
        trouble.arm(made.world, trouble.a_day(made.world, run.seed, hours=run.hours))
    watched = run.arm is Arm.RRMD
    found = _with_rrmd(run, made) if watched else _Found(moved=_alone(run, made.world))
    return _outcome(run, made.world, found, time.monotonic() - begun)


def _built(run: Run) -> Campus:
    policy = Policy(mode=Mode.ACT, poll_s=run.poll_s)
    return campus(
        run.aps,
        run.seed,
        name=NAME,
        policy=policy,
        start_hour=run.from_hour,
        client_mbps=QUIET_MBPS if run.quiet else BUSY_MBPS,
        forgotten_ratio=0.0 if run.quiet else FORGOTTEN,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    moved: int
    changes: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    most_events: int = 0
    intact: bool | None = None


def _alone(run: Run, world: World) -> int:
    """Nobody, or moves drawn evenly over the hours; how many took effect."""
    rng = random.Random(f"{run.seed}/moves")
    done: list[RadioKey] = []
    for _ in range(run.moves):
        world.at(rng.uniform(0, run.hours * HOUR_S), partial(_move, world, rng, done))
    world.advance(run.hours * HOUR_S)
    return len(done)


def _move(world: World, rng: random.Random, done: list[RadioKey]) -> None:
    """One radio to another legal channel of its width; where the device refuses (radar was there), again."""
    key = rng.choice(world.radio_keys())
    at = world.radio(key)
    legal = [b for b in allowed_blocks(world.country, at.radio, at.block.width_mhz) if b != at.block]
    for where in rng.sample(legal, min(TRIES, len(legal))):
        values = {
            Setting.CHANNEL: where.primary,
            Setting.WIDTH_MHZ: where.width_mhz,
            Setting.CENTER_MHZ: where.center_mhz,
        }
        try:
            world.configure(key, values)
        except NotPossible:
            continue
        done.append(key)
        return


def _with_rrmd(run: Run, made: Campus) -> _Found:
    async def main(clock: SimulatedClock) -> _Found:
        simulation = Simulation(
            directory=Path(directory),
            site=made.site,
            clock=clock,
            jitter=random.Random(f"{run.seed}/jitter").random,
        )
        async with simulation.agent() as agent:
            await asyncio.sleep(run.hours * HOUR_S)
            found = await _seen(agent)
        return replace(found, intact=simulation.verified().intact)

    with tempfile.TemporaryDirectory() as directory, worlds.registered(NAME, made.world):
        return simulated_time.run(main)


async def _seen(agent: Agent) -> _Found:
    store = agent.ledger.store
    events = await agent.ledger.call(store.events, NAME, None, MANY)
    changes = await agent.ledger.call(store.changes, NAME, None, None, MANY)
    days = Counter(
        (e.radio.split("/")[1] if e.radio else "", e.raised_utc_us // 86_400_000_000) for e in events
    )
    return _Found(
        moved=sum(_moves(change) for change in changes),
        changes=Counter(f"{change.cause} {change.state}" for change in changes),
        events=Counter(str(event.kind) for event in events),
        most_events=max((n for (ap, _), n in days.items() if ap), default=0),
    )


def _moves(change: Change) -> int:
    """How often it moved its radio: once when the device took it, twice when it was taken back."""
    if change.acked_at is None:
        return 0
    return 2 if change.state == "ROLLED_BACK" else 1


def _outcome(run: Run, world: World, found: _Found, wall_s: float) -> Outcome:
    clients = [each for each in world.people.served().values() if each.present_s >= SHORT_VISIT_S]
    sent = world.people.sent().values()
    return Outcome(
        run=run,
        mbps=tuple(each.mbps for each in clients if each.mbps is not None),
        got_ratio=tuple(each.ratio for each in clients if each.ratio is not None),
        retry_ratio=sum(each.retries for each in sent) / max(1.0, sum(each.frames for each in sent)),
        moved=found.moved,
        changes=found.changes,
        events=found.events,
        most_events=found.most_events,
        intact=found.intact,
        wall_s=wall_s,
    )
