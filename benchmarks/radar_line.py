"""From hostapd's radar line at the AP's end of an SSH channel to its channels barred on disk, and audited.

The AP is a stand-in behind a real sshd on 127.0.0.1: its `hostapd_cli` prints into a terminal what is written
into a pipe, and the agent listens with the hostapd driver. The lines are the recorded one, on each DFS
channel in turn. Measured from the write into the pipe to the moment at which the non-occupancy period is in
the store and its record in the audit file, both synced.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from integration.replay import Replay, replay
from integration.sshd import NEEDS_SSHD, SSHD

from agent.agent import Agent
from agent.clock import SystemClock
from benchmarks import fleet, machine
from benchmarks.audit import Disk, quantiles
from drivers.base import DeviceContext
from inventory.model import AccessPoint, Policy, Site

LINE = "<3>DFS-RADAR-DETECTED freq={mhz} ht_enabled=1 chan_offset=0 chan_width=1 cf1={mhz} cf2=0\n"
"""As recorded from hostapd 2.10 (tests/contract/recordings/hostapd), for one 20 MHz channel."""
LINES = 1000
EVERY_S = 0.15
"""16 channels in turn: the same one comes again after more than 2 s, or it would be taken for a copy."""
LATE_S = 5.0


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Quantiles in ms and in syncs of this disk; ``skipped`` says why nothing was measured."""
    if SSHD is None:
        return {"skipped": NEEDS_SSHD}
    (directory / "ap").mkdir()
    with replay(directory / "ap") as ap:
        site = _site(directory, ap.context())
        return asyncio.run(_measured(directory, ap, site, 50 if quick else LINES))


def _site(directory: Path, ap: DeviceContext) -> Site:
    """A site of this one AP, which the agent only observes; its login where the service would have it."""
    assert ap.secret is not None
    (directory / "ap1").write_text(ap.secret.reveal())
    os.environ["CREDENTIALS_DIRECTORY"] = str(directory)
    return Site(
        id="north",
        country="US",
        timezone="UTC",
        policy=Policy(poll_s=60.0),
        devices={"ap1": replace(ap.config, credential="cred:ap1")},
        aps={"ap1": AccessPoint(id="ap1", device="ap1", radios=ap.radios)},
    )


async def _measured(directory: Path, ap: Replay, site: Site, count: int) -> dict[str, Any]:
    disk, took, syncs, lost = Disk(directory), [], [], 0
    async with fleet.running(directory, {site.id: site}, SystemClock()) as agent:
        barred = _watched(agent)
        pipe = await asyncio.to_thread(os.open, ap.state / "events wlan0", os.O_WRONLY)
        await asyncio.sleep(2.0)  # the first poll, and hostapd_cli's greeting
        for mhz in islice(cycle(sorted(b.primary_mhz for b in fleet.dfs_blocks("US"))), count):
            next_s = time.monotonic() + EVERY_S
            seconds = await _one(pipe, mhz, barred)
            lost += seconds is None
            took += [] if seconds is None else [seconds]
            syncs.append(await asyncio.to_thread(machine.synced, disk))
            await asyncio.sleep(next_s - time.monotonic())
    os.close(pipe)
    os.close(disk.fd)
    return {
        "n": len(took),
        "lost": lost,
        "line_to_disk": quantiles(took),
        "worst_ms": machine.worst(took),
        "disk": quantiles(syncs),
        "in_syncs": machine.in_syncs(quantiles(took), quantiles(syncs)),
    }


async def _one(pipe: int, mhz: int, barred: asyncio.Queue[float]) -> float | None:
    begun = time.perf_counter()
    os.write(pipe, LINE.format(mhz=mhz).encode())
    try:
        return await asyncio.wait_for(barred.get(), LATE_S) - begun
    except TimeoutError:
        return None


def _watched(agent: Agent) -> asyncio.Queue[float]:
    """When each non-occupancy period was in the store and its record in the audit file."""
    barred: asyncio.Queue[float] = asyncio.Queue()
    original = agent.ledger.write

    async def write(work: Any, *args: Any, **kwargs: Any) -> Any:
        done = await original(work, *args, **kwargs)
        if work == agent.ledger.store.bar:
            barred.put_nowait(time.perf_counter())
        return done

    agent.ledger.write = write  # type: ignore[method-assign]
    return barred


def lines(result: dict[str, Any]) -> list[str]:
    if "skipped" in result:
        return [f"radar line through sshd -> barred on disk: not measured, {result['skipped']}"]
    at, disk = result["line_to_disk"], result["disk"]
    return [
        "radar line at the AP's end of the SSH channel -> barred on disk and audited, "
        f"n {result['n']}, lost {result['lost']}:",
        f"  {machine.told(at)}, worst {result['worst_ms']:.2f} ms; "
        + machine.told_in_syncs(result["in_syncs"]),
        f"  to reach: p99 <= 100 ms; the disk's own sync meanwhile: {machine.told(disk)}",
    ]
