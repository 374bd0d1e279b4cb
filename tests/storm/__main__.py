"""A million events: ``PYTHONPATH=tests python -m storm --events 1000000 --seed 1``.

Ends with one line, and with 0 only if nothing was lost, illegal, without deadline or unaudited, and no other
rule of the judge was broken.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from storm.chapter import quiet, tell
from storm.witness import Tally

CHAPTER = 20_000
MEMORY = Path("/dev/shm")


def main() -> int:
    asked = _asked()
    begun_s = time.monotonic()
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        tempfile.tempdir = str(MEMORY)
    whole = Tally()
    for seed, told in _chapters(asked.seed, asked.events, asked.processes):
        whole.add(told)
        _tell_wrong(seed, told)
        if asked.verbose:
            print(f"{time.monotonic() - begun_s:.0f} s: seed {seed}, {summary(whole)}", flush=True)
    print(details(whole))
    print(summary(whole))
    return 0 if whole.clean else 1


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="storm", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first site; the next have the next")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def _chapters(seed: int, events: int, processes: int) -> Iterator[tuple[int, Tally]]:
    """One site after the other, as many at once as there are processes, until there are enough events."""
    seeds = itertools.count(seed)
    chapter = min(CHAPTER, events)
    left, running = events, dict[Future[Tally], int]()
    with ProcessPoolExecutor(processes, initializer=quiet) as pool:
        while left > 0 or running:
            while left - chapter * len(running) > 0 and len(running) < processes:
                number = next(seeds)
                running[pool.submit(tell, number, chapter)] = number
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                told = future.result()
                left -= told.events
                yield running.pop(future), told


def _tell_wrong(seed: int, told: Tally) -> None:
    for name in ("lost", "illegal", "without_deadline", "unaudited", "other"):
        for each in getattr(told, name)[:5]:
            print(f"seed {seed}: {name}: {each}", file=sys.stderr, flush=True)


def details(tally: Tally) -> str:
    kinds = ", ".join(f"{name} {times}" for name, times in tally.heard.most_common())
    return (
        f"what reached the inbox: {kinds}\n"
        f"of it came {tally.raised} events raised, {tally.decisions} decisions, {tally.changes} changes, "
        f"{tally.writes} writes, in {tally.lives} lives of the agent and "
        f"{tally.simulated_s / 3600:.0f} simulated hours; reports whose agent died before it had dealt with "
        f"them {tally.unfinished}; other rules broken {len(tally.other)}"
    )


def summary(tally: Tally) -> str:
    return (
        f"events: {tally.events} simulated, {tally.radar} radar reports, {tally.changes} changes; "
        f"lost radar {len(tally.lost)}, illegal {len(tally.illegal)}, "
        f"without deadline {len(tally.without_deadline)}, unaudited {len(tally.unaudited)}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
