"""What choosing a channel costs: one AP that hears 1,000 others, all of its own site.

Beside it, in the same run, the plainest choice there is: of the legal channels the one on which the fewest
BSSs were heard. It ignores how loud they are, so rrmd does not choose like that; it shows what the machine
and the size of the input cost.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.garbage import stay_small
from agent.memory import Memory
from agent.moment import Moment
from agent.planner import legal
from agent.planner.channel import rank
from agent.view import SiteView
from benchmarks import fleet, machine
from benchmarks.audit import quantiles
from drivers.simulated.identity import CAPABILITIES
from drivers.types import BssReading, NeighborReading, RadioReading, RadioState, Reported, Snapshot
from inventory.model import Band, Policy, RadioKey, Site

NEIGHBOURS = 1000
NOW = Moment(monotonic_s=1000.0, utc_us=1_772_000_000_000_000, boot_id="boot", boottime_us=1_000_000_000)
CHANNELS = (36, 40, 44, 48, 52, 56, 60, 64, 100, 104, 108, 112, 149, 153, 157, 161)


def measure(_directory: Path, quick: bool) -> dict[str, Any]:
    """Processor time per choice, ms; ``view``: the look at the site before it."""
    memory, site, key = _remembered(random.Random(1))
    stay_small()  # as the daemon does
    n = 10 if quick else 300
    views = [memory.view(site, NOW) for _ in range(n)]
    ours = quantiles([_timed(rank, view, key) for view in views])
    plain = quantiles([_timed(_fewest, view, key) for view in views])
    return {
        "neighbours": len(views[0].radios[key].neighbors),
        "candidates": len(rank(views[0], key)),
        "n": n,
        "choice": ours,
        "plain": plain,
        "view": quantiles([_timed(memory.view, site, NOW) for _ in range(n)]),
        "to_plain": round(ours["p50_ms"] / plain["p50_ms"], 1),
    }


def _timed(work: Callable[..., object], *args: object) -> float:
    begun = time.thread_time()
    work(*args)
    return time.thread_time() - begun


def _remembered(rng: random.Random) -> tuple[Memory, Site, RadioKey]:
    """1,001 APs as the agent's memory holds them; the first one's 5 GHz radio hears all the others."""
    site = fleet.site_of("site0", NEIGHBOURS + 1, Policy())
    memory = Memory({site.id: site})
    keys = [key for key, radio in site.radios.items() if radio.band is Band.GHZ_5]
    readings = {key: _reading(key, n) for n, key in enumerate(keys)}
    heard = tuple(_heard(rng, n) for n in range(1, len(keys)))
    readings[keys[0]] = replace(readings[keys[0]], neighbors=heard)
    for known in memory.radios.values():
        known.capabilities = CAPABILITIES
    memory.see(Snapshot(at_s=NOW.monotonic_s, readings=readings))
    return memory, site, keys[0]


def _reading(key: RadioKey, n: int) -> RadioReading:
    channel, width = Reported(CHANNELS[n % len(CHANNELS)], "benchmark"), Reported(20, "benchmark")
    return RadioReading(
        key=key,
        at_s=NOW.monotonic_s,
        state=RadioState.ON_AIR,
        band=Band.GHZ_5,
        channel=channel,
        width_mhz=width,
        bss=(BssReading(bssid=_bssid(n)),),
    )


def _heard(rng: random.Random, n: int) -> NeighborReading:
    return NeighborReading(
        bssid=_bssid(n),
        channel=CHANNELS[n % len(CHANNELS)],
        signal_dbm=float(rng.randint(-92, -45)),  # as radios report it
        width_mhz=20,
        utilization_ratio=rng.random(),
    )


def _bssid(n: int) -> str:
    return f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}"


def _fewest(view: SiteView, key: RadioKey) -> object:
    at = view.radios[key]
    counts = Counter(each.channel for each in at.heard(view.site.policy.neighbour_age_s))
    return min(legal.candidates(view, at), key=lambda block: counts[block.primary])


def lines(result: dict[str, Any]) -> list[str]:
    ours, plain = result["choice"], result["plain"]
    return [
        f"channel choice for one AP among {result['neighbours']} neighbours, "
        f"{result['candidates']} candidates, n {result['n']}:",
        f"  {machine.told(ours)} of processor time; counting neighbours {plain['p50_ms']:.2f} ms "
        f"({result['to_plain']} x); the view before it {result['view']['p50_ms']:.2f} ms",
        "  to reach: p99 <= 5 ms",
    ]
