"""What deciding on a rollback costs, over the slots of one change: beside the plain thresholds.

The plain thresholds (retry and PER up by 30 %, disconnections, throughput down by 40 %, over 300 s) are those
that `benchmarks/monitor.py` compares with; they are cheap and take back a quarter of the harmless changes.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.audit import quantiles
from benchmarks.monitor import POLICY, SETUPS, Air, SimRadio, look, plain

CONTROLS = 20  # the most that a change is held against
NEIGHBOURS = 8
SETUP = replace(SETUPS[0], controls=CONTROLS, neighbours=NEIGHBOURS)


def measure(_directory: Path, quick: bool) -> dict[str, Any]:
    """Processor time of one look, ms, after 5 to 15 slots; ``n`` changes."""
    ours, theirs = [], []
    for seed in range(5 if quick else 100):
        rng = random.Random(seed)
        air = Air(rng, SETUP, 0.0)
        radio, *others = [SimRadio(rng, air, 0.10) for _ in range(1 + CONTROLS + NEIGHBOURS)]
        controls, neighbours = others[:CONTROLS], others[CONTROLS:]
        for slots in range(POLICY.slots, POLICY.max_slots + 1):
            ours.append(look(radio, controls, neighbours, slots, POLICY)[1] / 1e6)
            theirs.append(_plain(radio))
    at, peer = quantiles(ours), quantiles(theirs)
    return {
        "controls": CONTROLS,
        "neighbours": NEIGHBOURS,
        "n": len(ours),
        "decision": at,
        "plain": peer,
        "to_plain": round(at["p50_ms"] / peer["p50_ms"], 1),
    }


def _plain(radio: SimRadio) -> float:
    begun = time.thread_time()
    plain(radio)
    return time.thread_time() - begun


def lines(result: dict[str, Any]) -> list[str]:
    at, peer = result["decision"], result["plain"]
    return [
        f"rollback decision over 5 to 15 slots, {result['controls']} controls, "
        f"{result['neighbours']} co-channel neighbours, n {result['n']}:",
        f"  {machine.told(at)} of processor time; plain thresholds {peer['p50_ms']:.3f} ms "
        f"({result['to_plain']} x)",
        "  to reach: <= 1 ms",
    ]
