"""What 1,000 simulated APs cost an agent that only watches: memory, and the share of one core.

In simulated time, so that an hour of polls takes a minute or two; a child process for each poll interval, so
that its memory is its own. The simulated world lives in the same process: what it takes alone is measured
beside it (the worlds' memory before the agent starts; the time of the same reads without an agent).
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from asyncio import sleep
from pathlib import Path
from typing import Any

from agent import simulated_time
from agent.simulated_time import SimulatedClock
from benchmarks import fleet
from drivers.simulated.reading import read_radio
from drivers.types import Table
from inventory.model import Mode, Policy

APS = 1000
FILLED_S = 2460.0
"""After so long the histories hold all that they ever hold."""
OFTEN = frozenset({Table.STATUS, Table.SURVEY, Table.CLIENTS})


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """By poll interval in seconds, each from a process of its own."""
    return {str(poll_s): _child(directory, poll_s, quick) for poll_s in (60, 30)}


def _child(directory: Path, poll_s: int, quick: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=directory) as own:
        command = [sys.executable, "-m", "benchmarks.load", own, str(poll_s), "quick" if quick else ""]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def watched(directory: Path, poll_s: float, quick: bool) -> dict[str, Any]:
    """In this process: worlds, an agent until the histories are full, then ten minutes more."""
    policy = Policy(mode=Mode.ACT, poll_s=poll_s)
    bare_mib = resident_mib()
    with fleet.fleet_of(2 if quick else 20, 50, policy) as made:
        worlds_mib = resident_mib()

        async def main(clock: SimulatedClock) -> dict[str, Any]:
            async with fleet.running(directory, made.sites, clock) as _:
                await sleep(300.0 if quick else FILLED_S)
                gc.collect()
                begun, mib = time.process_time(), resident_mib()
                await sleep(600.0)
                used_s = time.process_time() - begun
            return {
                "aps": made.aps,
                "radios": made.radios,
                "polls": round((FILLED_S + 600) / poll_s),
                "core_share": round(used_s / 600, 4),
                "cpu_ms_per_poll": round(used_s / (made.aps * 600 / poll_s) * 1e3, 3),
                "rss_mib": round(mib, 1),
                "rss_end_mib": round(resident_mib(), 1),
            }

        result = simulated_time.run(main)
        reads = _reads_ms(made)
    return {
        **result,
        "bare_mib": round(bare_mib, 1),
        "worlds_mib": round(worlds_mib - bare_mib, 1),
        "world_ms_per_poll": round(reads, 3),
    }


def _reads_ms(made: fleet.Fleet) -> float:
    """What the simulated device alone takes for one poll of an AP, without the scan every 5 minutes."""
    begun = time.process_time()
    for name, site in made.sites.items():
        world = made.worlds[name]
        for key in site.radios:
            read_radio(world, key, OFTEN, world.now_s)
    return (time.process_time() - begun) * 1e3 / made.aps


def resident_mib() -> float:
    """Resident set of this process, MiB (proc(5): VmRSS, in kB)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def lines(result: dict[str, Any]) -> list[str]:
    return [line for poll_s, at in result.items() for line in _told(poll_s, at)]


def _told(poll_s: str, at: dict[str, Any]) -> list[str]:
    own_mib = at["rss_mib"] - at["worlds_mib"]
    return [
        f"{at['aps']} APs ({at['radios']} radios) polled each {poll_s} s, {at['polls']} polls of each:",
        f"  {own_mib:.0f} MiB resident, of which Python with its libraries {at['bare_mib']:.0f} MiB; "
        f"the simulated worlds in the same process {at['worlds_mib']:.0f} MiB more",
        f"  {at['core_share']:.1%} of one core, {at['cpu_ms_per_poll']:.2f} ms a poll; of it reading the "
        f"simulated APs {at['world_ms_per_poll']:.2f} ms",
        "  to reach: <= 150 MiB",
    ]


if __name__ == "__main__":
    fleet.quiet_logs()
    print(json.dumps(watched(Path(sys.argv[1]), float(sys.argv[2]), "quick" in sys.argv[3:])))
