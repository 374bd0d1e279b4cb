"""A plan from end to end: a simulated campus, its agent, a snapshot, the planner's own process, a plan.

Run from the repository: ``python -m benchmarks.plan_real [--aps 100 500] [--json]``. The agent looks at the
building for half an hour of simulated time; then its site is planned with several limits of time. Processor
time and memory are those of the planner's process, from its start to its end, as the kernel tells them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from agent import simulated_time
from agent.plan_runner import plan_of
from agent.planner.pooling import pooled
from agent.planner.site.plan import Wishes
from agent.planner.site.plan_json import from_wishes
from agent.planner.site.problem import gap_ratio
from agent.planner.site.snapshot import from_view
from agent.simulation import Simulation
from benchmarks import fleet, machine
from drivers.simulated import worlds
from drivers.simulated.campus import campus
from inventory.model import Mode, Policy

NAME: Final = "planned"
SEED: Final = 1
WATCHED_S: Final = 1800.0
NOON: Final = 12.0

LIMITS_S: Final[Mapping[int, tuple[float, ...]]] = {100: (1.0, 2.0, 10.0), 500: (10.0, 20.0, 60.0)}
"""By the number of APs: of the search; the last one is what the others are compared with."""

GRACE_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One plan. ``limit_s``: of the search, by the clock. ``processor_s``, ``wall_s``: of the whole process.
    ``most_mb``: the largest memory that a planner's process has had until now, resident. ``gap_ratio``: to
    the plan with the longest limit, of the geometric mean of expected MHz."""

    aps: int
    radios: int
    limit_s: float
    processor_s: float
    wall_s: float
    most_mb: float
    moves: int
    gain_ratio: float
    gap_ratio: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan_real", description=__doc__)
    parser.add_argument("--aps", type=int, nargs="+", choices=sorted(LIMITS_S), default=sorted(LIMITS_S))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    fleet.quiet_logs()
    found = [each for aps in sorted(options.aps) for each in asyncio.run(_planned(aps, snapshot_of(aps)))]
    if options.json:
        print(
            json.dumps({"machine": machine.described(), "plans": [asdict(each) for each in found]}, indent=1)
        )
    else:
        print("\n".join(lines(found)))


def snapshot_of(aps: int) -> dict[str, Any]:
    """The site after half an hour, as `rrmd snapshot` would write it."""
    made = campus(aps, SEED, name=NAME, policy=Policy(mode=Mode.OBSERVE, poll_s=60.0), start_hour=NOON)

    async def watched(clock: simulated_time.SimulatedClock) -> dict[str, Any]:
        simulation = Simulation(
            directory=Path(directory), site=made.site, clock=clock, jitter=random.Random(SEED).random
        )
        async with simulation.agent() as agent:
            await asyncio.sleep(WATCHED_S)
            return from_view(pooled(agent.memory.view(made.site, clock.now())))

    with tempfile.TemporaryDirectory() as directory, worlds.registered(NAME, made.world):
        return simulated_time.run(watched)


async def _planned(aps: int, snapshot: Mapping[str, Any]) -> list[Planned]:
    told = [await _once(snapshot, limit_s) for limit_s in LIMITS_S[aps]]
    best = told[-1][0]["value_then"]
    return [
        Planned(
            aps=aps,
            radios=plan["radios"],
            limit_s=limit_s,
            moves=len(plan["moves"]),
            gain_ratio=plan["gain_ratio"],
            gap_ratio=gap_ratio(plan["value_then"], best, plan["radios"]),
            **spent,
        )
        for limit_s, (plan, spent) in zip(LIMITS_S[aps], told, strict=True)
    ]


async def _once(snapshot: Mapping[str, Any], limit_s: float) -> tuple[dict[str, Any], dict[str, float]]:
    """The plan, and what its process took."""
    wishes = Wishes(limit_s=limit_s, exact=False, least_gain=0.0)
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    plan = await plan_of(snapshot, from_wishes(wishes), limit_s=limit_s + GRACE_S)
    wall_s, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return plan, {
        "processor_s": round(spent, 2),
        "wall_s": round(wall_s, 2),
        "most_mb": round(after.ru_maxrss / 1024, 1),
    }


def lines(found: Sequence[Planned]) -> list[str]:
    """A table in markdown."""
    head = (
        "APs", "radios", "limit of the search, s", "processor, s", "wall, s", "memory, MiB", "moves",
        "gain, %", "gap to the longest, %",
    )  # fmt: skip
    told = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for each in found:
        told.append(
            f"| {each.aps} | {each.radios} | {each.limit_s:g} | {each.processor_s} | {each.wall_s} "
            f"| {each.most_mb} | {each.moves} | {100 * each.gain_ratio:.1f} | {100 * each.gap_ratio:.2f} |"
        )
    return told


if __name__ == "__main__":
    main()
