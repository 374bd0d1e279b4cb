"""The agent of a soak: its lives, what befalls it and its machine, and what is measured each day."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agent.agent import Agent
from agent.audit_files import files, query
from agent.ledger import Ledger
from agent.retention import Keep
from agent.settings import LEAST_DAYS
from agent.simulated_time import SimulatedClock
from agent.simulation import LosableDisk, Simulation
from benchmarks.soak_faults import DAY_S, arm_day, machine_deeds
from benchmarks.soak_judge import Day
from drivers.simulated.campus import Campus
from inventory.model import Site

PAGE = os.sysconf("SC_PAGE_SIZE")
LEAVES = "ap7"
"""The AP that leaves the site file now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """``from_hour``: of the local day. ``keep_days``: how long store and audit keep what is over.
    ``directory`` None: where temporary files go."""

    days: float = 14
    aps: int = 100
    seed: int = 1
    from_hour: float = 0.0
    poll_s: float = 60.0
    keep_days: int = LEAST_DAYS
    directory: Path | None = None


@dataclass(slots=True, kw_only=True)
class Life:
    """What one life of the agent consists of."""

    agent: Agent
    ledger: Ledger
    running: asyncio.Task[None]
    disk: LosableDisk


@dataclass(slots=True, kw_only=True)
class Soak:
    """One run in its simulated loop. ``kept``: where the audit files of the whole run are, also those that
    the agent throws away. ``told(day)``: at the end of each day."""

    run: Run
    simulation: Simulation
    made: Campus
    clock: SimulatedClock
    kept: Path
    told: Callable[[Day], None]
    days: list[Day] = field(default_factory=list)
    _seq: int = 0
    _used: tuple[float, float] = (0.0, 0.0)

    async def whole(self) -> None:
        """All days, to the end of the agent's last life."""
        self._used = time.process_time(), time.monotonic()
        life = await self._begun()
        for at_s, what, amount in self._agenda():
            await self._until(life, at_s)
            life = await getattr(self, f"_{what}")(life, amount)
            if what in ("kill", "restart"):
                gc.collect()  # a process of its own would have left nothing
        await self._stop(life)
        keep(self.simulation.settings.audit_dir, self.kept)

    def _agenda(self) -> list[tuple[float, str, float]]:
        whole_s, days = self.run.days * DAY_S, -int(-self.run.days // 1)
        ends = [min((day + 1) * DAY_S, whole_s) for day in range(days)]
        troubles = [(at_s, "trouble", at_s) for at_s in (0.0, *ends[:-1])]
        deeds = [deed for deed in machine_deeds(days, self.run.seed) if deed[0] < whole_s]
        return sorted([(end, "day", end) for end in ends] + troubles + deeds)

    async def _until(self, life: Life, at_s: float) -> None:
        """Simulated time passes; the agent lives all the while."""
        await asyncio.wait({life.running}, timeout=max(0.0, at_s - self.clock.monotonic()))
        if life.running.done():
            life.running.result()
            raise RuntimeError("the agent ended by itself")

    # -- the agent's lives ---------------------------------------------------------------------------

    async def _begun(self) -> Life:
        disks: list[LosableDisk] = []

        def losable(store: Any) -> Any:
            disks.append(LosableDisk(store))
            return disks[-1]

        self.simulation.wrap_store = losable
        agent, ledger = self.simulation.build()
        ledger.keep = Keep(days=self.run.keep_days, audit_days=self.run.keep_days)
        running = asyncio.create_task(agent.run(), name="agent")
        ready = asyncio.create_task(agent.ready.wait(), name="ready")
        await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        return Life(agent=agent, ledger=ledger, running=running, disk=disks[-1])

    async def _stop(self, life: Life) -> None:
        life.agent.stop()
        await life.running
        await life.ledger.close()

    # -- what befalls it -----------------------------------------------------------------------------

    async def _kill(self, life: Life, _: float) -> Life:
        life.running.cancel()
        with suppress(asyncio.CancelledError):
            await life.running
        for lane in life.agent.lanes.values():
            await lane.device.close()  # as the kernel does with the sockets of a killed process
        await life.ledger.close()
        return await self._begun()

    async def _restart(self, life: Life, _: float) -> Life:
        await self._stop(life)
        return await self._begun()

    async def _clock(self, life: Life, seconds: float) -> Life:
        self.clock.jump_utc(seconds)
        return life

    async def _disk(self, life: Life, seconds: float) -> Life:
        life.disk.lost = True
        await self._until(life, self.clock.monotonic() + seconds)
        life.disk.lost = False
        return life

    async def _remove(self, life: Life, _: float) -> Life:
        whole = self.made.site
        return await self._reload(
            life, replace(whole, devices=_without(whole.devices), aps=_without(whole.aps))
        )

    async def _return(self, life: Life, _: float) -> Life:
        return await self._reload(life, self.made.site)

    async def _reload(self, life: Life, site: Site) -> Life:
        self.simulation.site = site
        await life.agent.reload({site.id: site})
        return life

    async def _trouble(self, life: Life, at_s: float) -> Life:
        self.made.world.catch_up()
        arm_day(self.made.world, self.run.seed, int(at_s // DAY_S))
        return life

    # -- the end of a day ----------------------------------------------------------------------------

    async def _day(self, life: Life, _: float) -> Life:
        keep(self.simulation.settings.audit_dir, self.kept)
        self._seq, events, sent = told_since(self._seq, self.kept)
        before, self._used = self._used, (time.process_time(), time.monotonic())
        cpu_s, wall_s = self._used[0] - before[0], self._used[1] - before[1]
        day = measured(len(self.days) + 1, self.simulation.directory, events, sent, cpu_s, wall_s)
        self.days.append(day)
        self.told(day)
        return life


def _without(those: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType({name: each for name, each in those.items() if name != LEAVES})


def keep(audit_dir: Path, kept: Path) -> None:
    """The audit files stay readable when the agent has thrown them away."""
    for path in files(audit_dir):
        with suppress(FileExistsError):
            os.link(path, kept / path.name)


def told_since(seq: int, kept: Path) -> tuple[int, Counter[str], Counter[str]]:
    """The last record's number; events by kind, and changes sent by cause, of the records after ``seq``."""
    events, sent, kinds, last = Counter[str](), Counter[str](), dict[str, str](), seq
    for record in query(kept):
        raised = record["reason"]["code"] == "event.raised"
        if raised:
            kinds[record["event_id"]] = record["reason"]["params"]["kind"]
        if record["seq"] <= seq:
            continue
        last = record["seq"]
        if raised:
            events[kinds[record["event_id"]]] += 1
        if record["to_state"] == "APPLYING":
            cause = kinds.get(record["event_id"] or "", "OPERATOR")
            sent["UNDO" if record["undo_of"] else cause] += 1
    return last, events, sent


def measured(
    number: int,
    directory: Path,
    events: Mapping[str, int],
    sent: Mapping[str, int],
    cpu_s: float,
    wall_s: float,
) -> Day:
    """How large this process and its files are now."""
    return Day(
        number=number,
        rss_bytes=int(Path("/proc/self/statm").read_text().split()[1]) * PAGE,
        fds=len(os.listdir("/proc/self/fd")),
        threads=threading.active_count(),
        tasks=len(asyncio.all_tasks()),
        db_bytes=sum(path.stat().st_size for path in directory.glob("rrmd.sqlite3*")),
        audit_bytes=sum(path.stat().st_size for path in (directory / "audit").iterdir()),
        cpu_s=cpu_s,
        wall_s=wall_s,
        events=events,
        sent=sent,
    )
