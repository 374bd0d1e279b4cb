"""A day of a simulated site with all kinds of trouble: with nobody, with random legal moves, with rrmd.

The same building, people and trouble for each seed. Without rrmd the APs still do what APs do by themselves:
they leave radar, and start again after a power cut. Random moves are as many as rrmd's. Run from the
repository: ``python -m benchmarks.day [--aps 100] [--hours 24] [--seeds 3] [--poll 60] [--json]``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from benchmarks import fleet, machine
from benchmarks.arms import Arm, Outcome, Run, carried_out

SAMPLE_H = 0.25
"""So much of the day with rrmd is run beforehand, to tell how long all of it will take."""

ROWS: dict[str, Callable[[Outcome], float]] = {
    "median client, Mbit/s": lambda each: statistics.median(each.mbps),
    "worst decile, Mbit/s": lambda each: _decile(each.mbps),
    "median client, of what it wanted %": lambda each: 100 * statistics.median(each.got_ratio),
    "worst decile, of what it wanted %": lambda each: 100 * _decile(each.got_ratio),
    "all clients, of what they wanted %": lambda each: 100 * statistics.fmean(each.got_ratio),
    "repeats per 100 frames": lambda each: 100 * each.retry_ratio,
    "changes per AP": lambda each: each.moved / each.run.aps,
}


def _decile(values: Sequence[float]) -> float:
    """What the worst tenth of the clients stays below."""
    return statistics.quantiles(values, n=10, method="inclusive")[0]


def estimate_s(run: Run, seeds: int, processes: int) -> float:
    """Wall time of the whole comparison, from a short piece of it."""
    sample = carried_out(replace(run, arm=Arm.RRMD, hours=SAMPLE_H))
    rounds = -(-seeds // processes)
    return sample.wall_s * run.hours / SAMPLE_H * rounds


def compared(run: Run, seeds: int, processes: int) -> dict[Arm, list[Outcome]]:
    """The three arms over the seeds; the random moves of a seed are as many as rrmd's were."""
    each = [replace(run, seed=seed) for seed in range(1, seeds + 1)]
    with multiprocessing.Pool(processes) as pool:
        first = [replace(one, arm=arm) for arm in (Arm.RRMD, Arm.NOBODY) for one in each]
        done = pool.map(carried_out, first, chunksize=1)
        ours, nobody = done[:seeds], done[seeds:]
        moves = [replace(one.run, arm=Arm.RANDOM, moves=one.moved) for one in ours]
        return {Arm.NOBODY: nobody, Arm.RANDOM: pool.map(carried_out, moves, chunksize=1), Arm.RRMD: ours}


def report(outcomes: dict[Arm, list[Outcome]]) -> dict[str, Any]:
    """Per row and arm: mean over the seeds, least and most; rrmd's gain over nobody, seed by seed."""
    table = {
        row: {str(arm): _spread([work(each) for each in found]) for arm, found in outcomes.items()}
        for row, work in ROWS.items()
    }
    return {
        "table": table,
        "clients": [len(each.mbps) for each in outcomes[Arm.RRMD]],
        "changes": [dict(each.changes) for each in outcomes[Arm.RRMD]],
        "events": [dict(each.events) for each in outcomes[Arm.RRMD]],
        "audit_intact": [each.intact for each in outcomes[Arm.RRMD]],
        "wall_s": {str(arm): [round(each.wall_s, 1) for each in found] for arm, found in outcomes.items()},
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": statistics.fmean(values), "low": min(values), "high": max(values)}


def text(result: dict[str, Any]) -> str:
    """A Markdown table: mean over the seeds, least and most in brackets."""
    lines = ["| mean (low-high over seeds) | " + " | ".join(Arm) + " |", "|---" * (len(Arm) + 1) + "|"]
    for row, arms in result["table"].items():
        cells = [f"{a['mean']:.2f} ({a['low']:.2f}-{a['high']:.2f})" for a in (arms[arm] for arm in Arm)]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    for seed, (changes, events) in enumerate(zip(result["changes"], result["events"], strict=True), 1):
        lines += ["", f"seed {seed}: {result['clients'][seed - 1]} clients; changes {_counted(changes)}"]
        lines.append(f"  events {_counted(events)}; audit intact: {result['audit_intact'][seed - 1]}")
    return "\n".join(lines)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items(), key=lambda each: -each[1])) or "none"


def options(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--aps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--poll", type=float, default=60.0, help="seconds between two polls of an AP")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    return parser


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--from-hour", type=float, default=0.0, help="of the local day")
    given = parser.parse_args()
    fleet.quiet_logs()
    run = Run(
        arm=Arm.NOBODY,
        seed=1,
        aps=given.aps,
        hours=given.hours,
        poll_s=given.poll,
        from_hour=given.from_hour,
    )
    here = machine.described()
    if not given.json:
        print(f"{here['cpu']}, {here['cores']} cores, Python {here['python']}; seeds 1 to {given.seeds}")
        seconds = estimate_s(run, given.seeds, given.processes)
        print(f"{given.aps} APs, {given.hours:g} h: about {seconds / 60:.0f} minutes\n", flush=True)
    result = report(compared(run, given.seeds, given.processes))
    print(json.dumps({"machine": here, **result}, indent=2) if given.json else text(result))


if __name__ == "__main__":
    main()
