"""A whole agent that polls real SNMP responders every 10 s: 1,000 APs of one device each, and a controller of
500 APs. What share of a core it takes, how late its polls are, and how late its loop.

    python -m benchmarks.poll_fleet [aps | controller] [--quick] [--json]

The agent is the daemon's own, with store, audit and detectors, and runs in this process; who answers is
another. Each run begins with an agent that knows nothing: the first minute is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agent.agent import Agent
from agent.clock import SystemClock
from agent.lane import Lane
from benchmarks import fleet, machine, processor
from benchmarks.audit import quantiles
from benchmarks.poll_servers import Served, served
from drivers.base import DeviceContext
from drivers.errors import DriverError
from drivers.types import Snapshot, Table
from inventory.model import AccessPoint, DeviceConfig, Mode, Policy, RadioKey, Site, radio_key

POLL_S = 10.0
POLICY = Policy(mode=Mode.ACT, poll_s=POLL_S)
PER_SITE = 50
CREDENTIAL = "cred:poll-bench"
VARIABLE = "RRMD_CRED_POLL_BENCH"
LATEST_S = 1.05 * POLL_S
"""The poller's own pause is up to 5 % longer than the interval."""
TICK_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """``devices`` with ``aps`` each. ``settle_s``: until the figures begin, ``seconds``: how long they are
    taken."""

    name: str
    devices: int
    aps: int
    settle_s: float = 60.0
    seconds: float = 120.0


RUNS = {
    "aps": Run(name="aps", devices=1000, aps=1),
    "controller": Run(name="controller", devices=1, aps=500),
}


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    return {name: one(directory / name, run, quick) for name, run in RUNS.items()}


def one(directory: Path, run: Run, quick: bool) -> dict[str, Any]:
    directory.mkdir()
    if quick:
        run = replace(run, settle_s=15.0, seconds=20.0)
    with served("snmp", aps=run.aps, devices=run.devices) as server, _credential(server):
        return asyncio.run(_watched(directory, run, server, sites_of(server.contexts)))


@contextmanager
def _credential(server: Served) -> Iterator[None]:
    secret = server.contexts[0].secret
    assert secret is not None
    os.environ[VARIABLE] = secret.reveal()
    try:
        yield
    finally:
        del os.environ[VARIABLE]


def sites_of(contexts: tuple[DeviceContext, ...]) -> Mapping[str, Site]:
    """Sites of 50 devices each, in rows."""
    groups = [contexts[at : at + PER_SITE] for at in range(0, len(contexts), PER_SITE)]
    return {site.id: site for site in (_site(f"site{n}", group) for n, group in enumerate(groups))}


def _site(name: str, contexts: tuple[DeviceContext, ...]) -> Site:
    aps = [_at_site(name, ap) for context in contexts for ap in context.aps]
    placed = [replace(ap, position_m=_place(number)) for number, ap in enumerate(aps)]
    return Site(
        id=name,
        country="US",
        timezone="UTC",
        policy=POLICY,
        devices=MappingProxyType({context.config.id: _known(context.config) for context in contexts}),
        aps=MappingProxyType({ap.id: ap for ap in placed}),
    )


def _known(config: DeviceConfig) -> DeviceConfig:
    return replace(config, credential=CREDENTIAL)


def _at_site(site: str, ap: AccessPoint) -> AccessPoint:
    radios = tuple(
        replace(radio, key=radio_key(site, ap.id, radio.key.rpartition("/")[2])) for radio in ap.radios
    )
    return replace(ap, radios=radios)


def _place(number: int) -> tuple[float, float, float]:
    row, column = divmod(number, fleet.ROW)
    return column * fleet.SPACING_M, row * fleet.SPACING_M, 3.0


# -- watching --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """Polls: when each device's began, how long each took, how many radios each read."""

    began: dict[str, list[float]] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    radios: list[int] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        self.began.clear()
        self.took.clear()
        self.radios.clear()
        self.failed.clear()

    @property
    def late_s(self) -> list[float]:
        """Of each poll but the first: how much later it began than the longest pause after the last one."""
        pairs = (pair for began in self.began.values() for pair in pairwise(began))
        return [max(0.0, after - before - LATEST_S) for before, after in pairs]


async def _watched(directory: Path, run: Run, server: Served, sites: Mapping[str, Site]) -> dict[str, Any]:
    seen, lags = Seen(), list[float]()
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    async with fleet.running(directory, sites, SystemClock()) as agent:
        for lane in agent.lanes.values():
            _watch(lane, seen)
        ticking = asyncio.create_task(_tick(lags), name="ticks")
        await asyncio.sleep(run.settle_s)
        first = {
            "core_share": round((time.process_time() - begun_cpu_s) / (time.perf_counter() - begun_s), 3)
        }
        first |= {"worst_lag_ms": machine.worst(lags), "polls": len(seen.took)}
        seen.clear()
        lags.clear()
        used = _Used(server)
        await asyncio.sleep(run.seconds)
        result = used.until_now() | _polls(run, seen) | {"lag": quantiles(lags)}
        ticking.cancel()
        result |= {"worst_lag_ms": machine.worst(lags), "first": first, "changes": await _changes(agent)}
    return {"devices": run.devices, "aps": run.devices * run.aps, **result}


class _Used:
    """Processor time from now on, of the agent and of those who answer."""

    def __init__(self, server: Served) -> None:
        self._server, self._device_s = server, server.cpu_s
        self._own_s, self._begun = processor.own_s(frozenset({server.pid})), time.perf_counter()

    def until_now(self) -> dict[str, Any]:
        wall_s = time.perf_counter() - self._begun
        own_s = processor.own_s(frozenset({self._server.pid})) - self._own_s
        return {
            "seconds": round(wall_s, 1),
            "core_share": round(own_s / wall_s, 4),
            "device_core_share": round((self._server.cpu_s - self._device_s) / wall_s, 4),
            "load": round(os.getloadavg()[0], 1),
        }


def _polls(run: Run, seen: Seen) -> dict[str, Any]:
    late_s = seen.late_s
    return {
        "polls": len(seen.took),
        "failed": dict(seen.failed),
        "due": round(run.devices * run.seconds / POLL_S),
        "radios_a_poll": sum(seen.radios) / max(1, len(seen.radios)),
        "took": _quantiles(seen.took),
        "late": _quantiles(late_s),
        "worst_late_ms": machine.worst(late_s or [0.0]),
    }


def _quantiles(seconds: list[float]) -> dict[str, float]:
    """Also of one or of none."""
    return quantiles(2 * seconds or [0.0, 0.0])


async def _changes(agent: Agent) -> int:
    """What the agent did meanwhile: nothing, where nothing is wrong."""
    store, found = agent.ledger.store, 0
    for site in agent.sites:
        found += len(await agent.ledger.call(store.changes, site, None, None, 1000))
    return found


def _watch(lane: Lane, seen: Seen) -> None:
    original = lane.read

    async def read(tables: frozenset[Table], radios: frozenset[RadioKey] | None = None) -> Snapshot:
        begun = time.perf_counter()
        seen.began.setdefault(lane.name, []).append(begun)
        try:
            snapshot = await original(tables, radios)
        except DriverError as error:
            seen.failed[type(error).__name__] += 1
            raise
        seen.took.append(time.perf_counter() - begun)
        seen.radios.append(len(snapshot.readings))
        return snapshot

    lane.read = read  # type: ignore[method-assign]


async def _tick(lags: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + TICK_S
        await asyncio.sleep(TICK_S)
        lags.append(max(0.0, loop.time() - due_s))


# -- telling ---------------------------------------------------------------------------------------------


def lines(result: dict[str, Any]) -> list[str]:
    return [line for at in result.values() for line in _told(at)]


def _told(at: dict[str, Any]) -> list[str]:
    what = f"{at['devices']} APs" if at["devices"] > 1 else f"a controller of {at['aps']} APs"
    return [
        f"{what} over SNMP v2c, polled each {POLL_S:g} s, {at['seconds']} s, load {at['load']}:",
        f"  {at['core_share']:.1%} of a core, the devices {at['device_core_share']:.1%} of another; "
        f"{at['polls']} polls of {at['due']} due, {at['radios_a_poll']:g} radios each, failed: "
        f"{at['failed'] or 'none'}; changes made: {at['changes']}",
        f"  a poll took {machine.told(at['took'])}; it began late by {machine.told(at['late'])}, "
        f"worst {at['worst_late_ms']:.0f} ms",
        f"  the loop was late by {machine.told(at['lag'])}, worst {at['worst_lag_ms']:.0f} ms; in the "
        f"beginning {at['first']['core_share']:.0%} of a core, worst {at['first']['worst_lag_ms']:.0f} ms",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.poll_fleet", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(RUNS)}; default: both")
    parser.add_argument("--quick", action="store_true", help="35 s each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    fleet.quiet_logs()
    with tempfile.TemporaryDirectory() as directory:
        names = options.names or list(RUNS)
        result = {name: one(Path(directory) / name, RUNS[name], options.quick) for name in names}
    if options.json:
        print(json.dumps({"machine": machine.described(), **result}, indent=2))
    else:
        print("\n".join(lines(result)))


if __name__ == "__main__":
    main()
