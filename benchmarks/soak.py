"""A fortnight of one simulated site: the whole agent with store and audit, everything that goes wrong with
devices and with its machine, and whether it stays small, calm and within its budgets. A day of 100 APs takes
some 350 s of processor time, so a fortnight of them some 80 minutes; of 10 APs ten.

    python -m benchmarks.soak [--days 14] [--aps 100] [--seed 1] [--poll 60] [--keep-days 8] [--directory DIR]

A line for each day, then the answers; the exit code is 0 when all of them are good.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

from agent import simulated_time
from agent.audit_chain import Report
from agent.audit_files import query, verify_directory
from agent.audit_key import load_or_create_key, mac_keys
from agent.garbage import stay_small
from agent.settings import LEAST_DAYS
from agent.simulated_time import SimulatedClock
from agent.simulation import Simulation
from benchmarks import fleet, machine
from benchmarks.soak_faults import Weather
from benchmarks.soak_judge import Answer, Day, judged, quality
from benchmarks.soak_life import Run, Soak
from benchmarks.soak_recount import Recount
from drivers.simulated import worlds
from drivers.simulated.campus import campus
from inventory.model import Mode, Policy

NAME = "campus"
CLIENT_MBPS = 2.0
"""What the median client wants in the busiest hour, 15 of them to an AP."""


def carried_out(
    run: Run, directory: Path, told: Callable[[Day], None]
) -> tuple[Sequence[Day], Recount, Sequence[Answer]]:
    """The run in this process; its files are left in ``directory``."""
    policy = Policy(mode=Mode.ACT, poll_s=run.poll_s)
    made = campus(
        run.aps, run.seed, name=NAME, policy=policy, start_hour=run.from_hour, client_mbps=CLIENT_MBPS
    )
    state, kept = directory / "state", directory / "kept"
    state.mkdir()
    kept.mkdir()

    async def main(clock: SimulatedClock) -> Soak:
        jitter = Random(f"{run.seed}/jitter").random
        simulation = Simulation(directory=state, site=made.site, clock=clock, jitter=jitter)
        soak = Soak(run=run, simulation=simulation, made=made, clock=clock, kept=kept, told=told)
        await soak.whole()
        return soak

    with worlds.registered(NAME, made.world, Weather(seed=run.seed)):
        soak = simulated_time.run(main)
    recount = Recount(policy, run.aps)
    for record in query(kept):
        recount.take(record)
    findings = [*soak.simulation.verified().findings, *whole_chain(soak.simulation, kept).findings]
    told_of = [str(finding) for finding in findings]
    return soak.days, recount, judged(soak.days, run.days, recount, keep_days=run.keep_days, findings=told_of)


def whole_chain(simulation: Simulation, kept: Path) -> Report:
    """The audit from its first record, with the files that were thrown away meanwhile."""
    return verify_directory(kept, mac_keys(load_or_create_key(simulation.settings.key_file)))


HEAD = "day   RSS MiB  fds  threads  tasks   db MiB  audit MiB   cpu s  wall s  events; changes sent"


def line(day: Day) -> str:
    return (
        f"{day.number:>3}  {day.rss_bytes / 2**20:>8.1f} {day.fds:>4} {day.threads:>8} {day.tasks:>6} "
        f"{day.db_bytes / 2**20:>8.1f} {day.audit_bytes / 2**20:>10.1f} {day.cpu_s:>7.1f} "
        f"{day.wall_s:>7.1f}  {_counted(day.events)}; {_counted(day.sent)}"
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) or "none"


def verdict(answers: Sequence[Answer]) -> str:
    bad = [answer.what for answer in answers if not answer.good]
    return f"soak: NOT GOOD: {', '.join(bad)}" if bad else f"soak: good, {len(answers)} questions"


def options() -> Run:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--days", type=float, default=14)
    parser.add_argument("--aps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--poll", type=float, default=60.0, help="seconds between two polls of an AP")
    parser.add_argument("--keep-days", type=int, default=LEAST_DAYS, help="for store and audit")
    parser.add_argument("--directory", type=Path, help="where the files are made: on which disk")
    given = parser.parse_args()
    return Run(
        days=given.days,
        aps=given.aps,
        seed=given.seed,
        poll_s=given.poll,
        keep_days=given.keep_days,
        directory=given.directory,
    )


def main() -> int:
    run = options()
    fleet.quiet_logs()
    stay_small()
    here = machine.described()
    print(
        f"{here['cpu']}, {here['cores']} cores, Python {here['python']}, load {here['load']}; {run}\n{HEAD}"
    )
    with tempfile.TemporaryDirectory(dir=run.directory) as directory:
        _, recount, answers = carried_out(run, Path(directory), lambda day: print(line(day), flush=True))
    print("\n".join(["", *quality(recount), ""]))
    for answer in answers:
        print(f"{'good' if answer.good else 'BAD':4}  {answer.what}: {answer.told}")
    print(verdict(answers))
    return 0 if all(answer.good for answer in answers) else 1


if __name__ == "__main__":
    sys.exit(main())
