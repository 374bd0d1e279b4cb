"""Fuzzing for as long as it is told: one target, one seed, input after input; `make fuzz` runs all targets.

Each input comes of the seed and its own number, so that one that did harm can be made again alone:
``python -m fuzz.campaign TARGET --seed SEED --first NUMBER --runs 1``. What is at work stands in a file
(``build/fuzz/TARGET-PID.at``), which outlives a process that dies without a word.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol

AT: Final = Path(__file__).parents[2] / "build" / "fuzz"
WARM: Final = 200  # inputs after which what is remembered on purpose is remembered
GROWTH_MOST_MIB: Final = 64
"""Of the memory in use between the first inputs and the end, of a run of any length."""


class Hang(BaseException):
    """One input took longer than its target may take. Not an Exception: nothing under test may catch it."""


class Harm(AssertionError):
    """An input did what none may do."""


class Feed(Protocol):
    """One running target."""

    async def one(self, dice: random.Random) -> None:
        """Make one input and give it; raises whatever goes wrong."""

    async def over(self) -> Mapping[str, Any]:
        """What must hold at the end; what is told beside the figures."""


class Target(Protocol):
    """``name``: of the command line. ``limit_s``: one input may take so long, on a busy machine."""

    name: str
    limit_s: float

    def running(self) -> AbstractAsyncContextManager[Feed]: ...


@dataclass(slots=True, kw_only=True)
class Figures:
    """Of one campaign; memory in MiB, resident."""

    runs: int = 0
    seconds: float = 0.0
    worst_s: float = 0.0
    worst: int = 0
    before_mib: float = 0.0
    after_mib: float = 0.0
    told: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        more = "".join(f", {name} {value}" for name, value in (self.told or {}).items())
        return (
            f"{self.runs} runs in {self.seconds:.0f} s, worst {1000 * self.worst_s:.0f} ms"
            f" (run {self.worst}), RSS {self.before_mib:.0f} -> {self.after_mib:.0f} MiB{more}"
        )


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def dice_of(seed: int, number: int) -> random.Random:
    return random.Random(f"{seed}:{number}")


async def campaign(
    target: Target, *, seed: int, seconds: float, runs: int | None = None, first: int = 0
) -> Figures:
    """Until the time is up or so many inputs were given. Raises what one of them did, with its number."""
    AT.mkdir(parents=True, exist_ok=True)
    figures = Figures(before_mib=resident_mib())
    begun_s = time.monotonic()
    with _at(target).open("wb", buffering=0) as at:
        async with target.running() as feed:
            number = first
            while time.monotonic() - begun_s < seconds and (runs is None or number - first < runs):
                os.pwrite(at.fileno(), f"--seed {seed} --first {number}\n".encode(), 0)
                await _one(target, feed, seed, number, figures)
                number += 1
                if number - first == WARM:
                    gc.collect()
                    figures.before_mib = resident_mib()
            figures.told = await feed.over()
    _at(target).unlink()
    figures.seconds = time.monotonic() - begun_s
    gc.collect()
    figures.after_mib = resident_mib()
    if figures.runs > WARM and figures.after_mib - figures.before_mib > GROWTH_MOST_MIB:
        raise Harm(f"memory grew: {figures}")
    return figures


async def _one(target: Target, feed: Feed, seed: int, number: int, figures: Figures) -> None:
    start_s = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 1.5 * target.limit_s)  # where nothing is awaited
    faulthandler.dump_traceback_later(3 * target.limit_s, exit=True)  # where no signal is looked at
    try:
        async with asyncio.timeout(target.limit_s):
            await feed.one(dice_of(seed, number))
    except TimeoutError as error:
        raise Hang(f"it took longer than {target.limit_s} s") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
    took_s = time.monotonic() - start_s
    figures.runs += 1
    if took_s > figures.worst_s:
        figures.worst_s, figures.worst = took_s, number


def _at(target: Target) -> Path:
    return AT / f"{target.name}-{os.getpid()}.at"


def _hangs(number: int, frame: FrameType | None) -> None:
    raise Hang("it took too long")


def run(target: Target, *, seed: int, seconds: float, runs: int | None = None, first: int = 0) -> Figures:
    """One campaign on an event loop of its own."""
    before = signal.signal(signal.SIGALRM, _hangs)
    try:
        return asyncio.run(campaign(target, seed=seed, seconds=seconds, runs=runs, first=first))
    except BaseException as error:
        error.add_note(
            f"again: python -m fuzz.campaign {target.name} {_at(target).read_text().strip()} --runs 1"
        )
        raise
    finally:
        signal.signal(signal.SIGALRM, before)


def main() -> int:
    from fuzz.targets import TARGETS

    from agent.log import configure

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=600.0)
    seed = os.environ.get("RRMD_FUZZ_SEED") or int.from_bytes(os.urandom(3), "big")
    parser.add_argument("--seed", type=int, default=int(seed))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--runs", type=int, default=None)
    given = parser.parse_args()
    faulthandler.enable()
    configure(level=logging.CRITICAL)
    print(f"{given.target}: seed {given.seed}, {given.seconds:.0f} s", flush=True)
    target = TARGETS[given.target]
    figures = run(target, seed=given.seed, seconds=given.seconds, runs=given.runs, first=given.first)
    print(f"{given.target}: no crash, no hang: {figures}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
