"""How long a radar signal takes from the device's session to the write that moves the radio.

A real event loop in real time: 1,000 simulated APs in 20 sites are polled once a minute; one 5 GHz radio
after the other hears radar and does not leave, and the policy orders it off at once, as for a device that
waits for a controller. From the signal in the process to `apply()`: what radar bars, the event, the change
with its token and the step to APPLYING are on disk and audited before anything is sent. Between two signals
the disk's own sync is taken, in the same directory.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.agent import Agent
from agent.clock import SystemClock
from benchmarks import fleet, machine
from benchmarks.audit import Disk, quantiles
from drivers.types import Edit, Receipt
from inventory.model import Mode, Policy, RadioKey

SITES = 20
APS = 50
EVERY_S = 0.4
"""Between two signals; a step of 60 s / 0.4 s is not whole, so they meet every phase of the polls."""
LATE_S = 5.0
POLICY = Policy(mode=Mode.ACT, poll_s=60.0, radar_verify_s=0.0)


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Quantiles in ms, and in syncs of this disk; ``lost``: signals without a write within 5 s."""
    sites = 3 if quick else SITES
    with fleet.fleet_of(sites, APS if quick else 1000 // sites, POLICY) as made:
        return asyncio.run(_measured(directory, made))


async def _measured(directory: Path, made: fleet.Fleet) -> dict[str, Any]:
    disk, took, syncs, lost = Disk(directory), [], [], 0
    async with fleet.running(directory, made.sites, SystemClock()) as agent:
        applied = _watched(agent)
        await asyncio.sleep(3.0)  # everybody has been polled once
        polls = _polls(agent)
        begun = time.perf_counter(), time.process_time()
        for site, key in _turns(made):
            syncs.append(await asyncio.to_thread(machine.synced, disk))
            seconds = await _one(made.worlds[site], key, applied)
            lost += seconds is None
            took += [] if seconds is None else [seconds]
            await asyncio.sleep(EVERY_S)
        wall_s, cpu_s = time.perf_counter() - begun[0], time.process_time() - begun[1]
        polls = _polls(agent) - polls
    os.close(disk.fd)
    return {
        "aps": made.aps,
        "radios": made.radios,
        "sites": len(made.sites),
        "n": len(took),
        "lost": lost,
        "signal_to_apply": quantiles(took),
        "worst_ms": machine.worst(took),
        "disk": quantiles(syncs),
        "p99_limit_ms": round(10 + 3 * quantiles(syncs)["p99_ms"], 3),
        "in_syncs": machine.in_syncs(quantiles(took), quantiles(syncs)),
        "core_share": round(cpu_s / wall_s, 3),
        "polls": polls,
    }


def _turns(made: fleet.Fleet) -> Iterator[tuple[str, RadioKey]]:
    """One radio of each site and DFS channel, never two of one site and channel: nobody else has to leave."""
    for turn in zip(*made.dfs.values(), strict=True):
        yield from zip(made.dfs, turn, strict=True)


async def _one(world: Any, key: RadioKey, applied: dict[RadioKey, asyncio.Future[float]]) -> float | None:
    applied[key] = asyncio.get_running_loop().create_future()
    begun = time.perf_counter()
    world.radar(key)
    try:
        return await asyncio.wait_for(applied[key], LATE_S) - begun
    except TimeoutError:
        return None


def _watched(agent: Agent) -> dict[RadioKey, asyncio.Future[float]]:
    """By radio: when `apply()` was called."""
    applied: dict[RadioKey, asyncio.Future[float]] = {}
    for lane in agent.lanes.values():
        original = lane.device.apply

        async def apply(edit: Edit, undo_after_s: float | None, original: Any = original) -> Receipt:
            waiting = applied.get(edit.scope.members[0])
            if waiting is not None and not waiting.done():
                waiting.set_result(time.perf_counter())
            receipt: Receipt = await original(edit, undo_after_s)
            return receipt

        lane.device.apply = apply  # type: ignore[method-assign]
    return applied


def _polls(agent: Agent) -> int:
    return sum(len(known.history.observations) for known in agent.memory.radios.values())


def lines(result: dict[str, Any]) -> list[str]:
    at, disk = result["signal_to_apply"], result["disk"]
    return [
        f"signal in the process -> apply(), {result['aps']} APs ({result['radios']} radios, "
        f"{result['sites']} sites) polled each 60 s, n {result['n']}, lost {result['lost']}:",
        f"  {machine.told(at)}, worst {result['worst_ms']:.2f} ms; "
        + machine.told_in_syncs(result["in_syncs"]),
        f"  to reach: p99 <= 10 ms + 3 syncs = {result['p99_limit_ms']:.2f} ms; "
        f"the disk's own sync meanwhile: {machine.told(disk)}",
        f"  {result['core_share']:.0%} of a core used meanwhile, the simulated APs included",
    ]
