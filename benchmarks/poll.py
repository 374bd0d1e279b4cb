"""How many APs are polled a second, and what a poll takes: each driver against a device of its kind on
loopback, and beside it what others take for the same walk.

    python -m benchmarks.poll [NAME ...] [--quick] [--json]

The devices are processes of their own, so their processor time is apart. A poll is what the poller of the
daemon does each time: one `read` of all tables that the device has, but for the neighbours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import fleet, machine, poll_walkers, processor
from benchmarks.poll_servers import Absent, Served, served
from benchmarks.poll_walkers import OFTEN
from drivers import registry
from drivers.base import Device
from drivers.types import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. ``aps``: of one device; ``sessions``: devices that are polled at once."""

    kind: str
    text: str
    aps: int = 1
    sessions: int = 8


ROWS = {
    "snmp": Row(kind="snmp", text="snmp v2c, an AP"),
    "controller": Row(kind="snmp", text="snmp v2c, a controller of 500 APs", aps=500, sessions=1),
    "snmp3": Row(kind="snmp3", text="snmp v3 (SHA-256, AES-128), an AP"),
    "netconf": Row(kind="netconf", text="netconf, OpenConfig, an AP", sessions=4),
    "openwrt-http": Row(kind="openwrt-http", text="openwrt over HTTP, an AP", sessions=4),
    "openwrt-ssh": Row(kind="openwrt-ssh", text="openwrt over SSH, an AP", sessions=4),
    "hostapd": Row(kind="hostapd", text="hostapd over SSH, an AP", sessions=4),
}
WALKED = ("snmp", "controller", "snmp3")
"""Rows that others can walk as well."""


def measure(directory: Path, quick: bool, names: Sequence[str] = tuple(ROWS)) -> dict[str, Any]:
    """By row; a row that can't be measured here says why."""
    found: dict[str, Any] = {}
    for name in names:
        row = ROWS[name]
        try:
            with served(row.kind, aps=row.aps, devices=row.sessions) as server:
                own = asyncio.run(_polled(server, row, *((1.0, 2) if quick else (4.0, 5))))
                peers = _peers(directory, name, server, row, quick) if name in WALKED else {}
        except Absent as reason:
            found[name] = {"absent": str(reason)}
            continue
        found[name] = {"rrmd": own, **peers}
    return found


# -- ours ------------------------------------------------------------------------------------------------


async def _polled(server: Served, row: Row, seconds: float, rounds: int) -> dict[str, Any]:
    families = registry.families()
    devices = [families[context.config.driver].device(context) for context in server.contexts]
    try:
        infos = await asyncio.gather(*(device.open() for device in devices))
        tables = OFTEN & infos[0].capabilities.tables
        took: list[float] = []
        await asyncio.gather(*(_poll(device, tables, row, took) for device in devices))
        alone = await _alone(devices[0], tables, row, 3 if row.aps > 1 else 20)
        result = await _rounds(server, devices, tables, row, seconds, rounds)
    finally:
        await asyncio.gather(*(device.close() for device in devices))
    return {**result, "alone_ms": alone, "tables": sorted(tables)}


async def _rounds(
    server: Served, devices: Sequence[Device], tables: frozenset[Table], row: Row, seconds: float, rounds: int
) -> dict[str, Any]:
    """Polls by all sessions at once, for so long and so often."""
    cpu_ms, per_s, device_ms, took = list[float](), list[float](), list[float](), list[float]()
    but = frozenset({server.pid})
    for _ in range(rounds):
        own_s, device_s, begun = processor.own_s(but), server.cpu_s, time.perf_counter()
        until = begun + seconds
        counts = await asyncio.gather(*(_until(device, tables, row, until, took) for device in devices))
        wall_s, polls = time.perf_counter() - begun, sum(counts)
        cpu_ms.append(round((processor.own_s(but) - own_s) / polls * 1e3, 3))
        device_ms.append(round((server.cpu_s - device_s) / polls * 1e3, 3))
        per_s.append(round(polls / wall_s, 2))
    return {
        "cpu_ms": cpu_ms,
        "per_s": per_s,
        "device_ms": statistics.median(device_ms),
        "n": len(took),
        "sessions": len(devices),
    }


async def _until(device: Device, tables: frozenset[Table], row: Row, until: float, took: list[float]) -> int:
    """How many polls ended; one at least."""
    polls = 0
    while not polls or time.perf_counter() < until:
        await _poll(device, tables, row, took)
        polls += 1
    return polls


async def _alone(device: Device, tables: frozenset[Table], row: Row, polls: int) -> float:
    """Median time of one poll while no other is under way, ms."""
    took: list[float] = []
    for _ in range(polls):
        await _poll(device, tables, row, took)
    return round(statistics.median(took) * 1e3, 2)


async def _poll(device: Device, tables: frozenset[Table], row: Row, took: list[float]) -> None:
    """Raises RuntimeError for one that has not read all radios."""
    begun = time.perf_counter()
    snapshot = await device.read(tables, None)
    took.append(time.perf_counter() - begun)
    if len(snapshot.readings) != 2 * row.aps:
        raise RuntimeError(f"{row.text}: {len(snapshot.readings)} radios read, {len(snapshot.missing)} not")


# -- others ----------------------------------------------------------------------------------------------


def _peers(directory: Path, name: str, server: Served, row: Row, quick: bool) -> dict[str, Any]:
    v3 = row.kind == "snmp3"
    found: dict[str, Any] = {}
    if (why := poll_walkers.absent("snmpbulkwalk", "snmp")) is not None:
        found["snmpbulkwalk"] = {"absent": why}
    else:
        found["snmpbulkwalk"] = poll_walkers.bulkwalks(server, v3=v3, polls=2 if quick else 10)
    if (why := poll_walkers.absent(poll_walkers.EXPORTER, poll_walkers.EXPORTER)) is not None:
        found["snmp_exporter"] = {"absent": why}
    else:
        seconds, rounds = (1.0, 2) if quick else (4.0, 5)
        found["snmp_exporter"] = poll_walkers.exported(
            directory, server, v3=v3, seconds=seconds, rounds=rounds, at_once=row.sessions
        )
    return found


# -- telling ---------------------------------------------------------------------------------------------


def lines(result: dict[str, Any]) -> list[str]:
    found = ["processor time of one poll, medians of the rounds (least to most); the devices' own apart:"]
    for name, at in result.items():
        if "absent" in at:
            found.append(f"  {ROWS[name].text}: left out: {at['absent']}")
        else:
            found += _told(ROWS[name], at)
    return found


def _told(row: Row, at: dict[str, Any]) -> list[str]:
    own = at["rrmd"]
    found = [
        f"  {row.text}: {_spread(own['cpu_ms'], 'ms')}; "
        f"{statistics.median(own['per_s']) * row.aps:.0f} APs a second with {own['sessions']} sessions, "
        f"alone {own['alone_ms']} ms a poll; the device {own['device_ms']} ms; n {own['n']}"
    ]
    for name in ("snmpbulkwalk", "snmp_exporter"):
        peer = at.get(name)
        if peer is None:
            continue
        if "absent" in peer:
            found.append(f"    {name}: {peer['absent']}")
            continue
        ratio = statistics.median(own["cpu_ms"]) / statistics.median(peer["cpu_ms"])
        more = (
            f", {peer['start_ms']} ms of it starts {peer['processes']} processes"
            if "start_ms" in peer
            else ""
        )
        found.append(
            f"    {name}: {_spread(peer['cpu_ms'], 'ms')}{more}; "
            f"{statistics.median(peer['per_s']) * row.aps:.0f} APs a second; the device "
            f"{peer['device_ms']} ms; rrmd takes {ratio:.2f} of it"
        )
    return found


def _spread(values: Sequence[float], unit: str) -> str:
    return f"{statistics.median(values):.2f} {unit} ({min(values):.2f}-{max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.poll", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(ROWS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="short rounds: to see that it works")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if unknown := set(options.names) - set(ROWS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(ROWS)}")
    fleet.quiet_logs()
    with tempfile.TemporaryDirectory() as directory:
        result = measure(Path(directory), options.quick, options.names or tuple(ROWS))
    if options.json:
        print(json.dumps({"machine": machine.described(), **result}, indent=2))
    else:
        print("\n".join(lines(result)))


if __name__ == "__main__":
    main()
