"""All numbers of one scrape, taken on the event loop: nothing that it changes is read from elsewhere."""

from __future__ import annotations

import asyncio
import platform
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from agent.agent import Agent
from agent.alerts.sinks import AlertSinks
from agent.counts import Count
from agent.metrics.families import Samples
from agent.metrics.loop_lag import LoopLag
from agent.metrics.radios import radio_samples
from agent.reloads import Reloaded
from agent.store.errors import StoreUnavailable
from drivers.transport.traps_queue import Outcome

TURN = 50
"""Radios in one go; then the loop may turn, so that a scrape of 1,000 APs delays no radar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the numbers come from. ``reloaded()``: of the last configuration. ``started_s``: when the daemon
    started, UTC. ``traps``: SNMP notifications by what became of them; empty: nobody listens."""

    agent: Agent
    lag: LoopLag
    sinks: AlertSinks
    reloaded: Callable[[], Reloaded]
    started_s: float
    traps: Mapping[Outcome, int] = field(default_factory=dict)


async def gather(sources: Sources) -> Samples:
    """What all families are right now; may be under way twice at once."""
    return await _Scrape(sources).samples()


class _Scrape:
    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._agent = sources.agent
        self._found: dict[str, list[tuple[tuple[str, ...], float]]] = defaultdict(list)

    async def samples(self) -> Samples:
        await self._radios()
        for site in self._agent.sites:
            self._site(site)
        self._devices()
        self._events()
        self._counts()
        await self._daemon()
        return dict(self._found)

    def _add(self, name: str, *labels: str, value: float) -> None:
        self._found[f"rrmd_{name}"].append((labels, value))

    async def _radios(self) -> None:
        memory, now_s = self._agent.memory, self._agent.clock.monotonic()
        for turn, key in enumerate(list(memory.radios), 1):
            if (radio := memory.radios.get(key)) is not None:
                for name, labels, value in radio_samples(key, radio.reading, radio.history.last, now_s):
                    self._found[name].append((labels, value))
            if turn % TURN == 0:
                await asyncio.sleep(0)

    def _site(self, id: str) -> None:
        memory, site, now = self._agent.memory, self._agent.sites[id], self._agent.clock.now()
        mine = [change for change in memory.changes.values() if change.site == id]
        self._add("site_mode", id, str(site.policy.mode), value=1)
        self._add("devices", id, value=len(site.devices))
        self._add("devices_lost", id, value=sum(each.startswith(f"{id}/") for each in memory.lost))
        self._add("changes_open", id, value=sum(not change.final for change in mine))
        self._add("changes_stuck", id, value=sum(change.id in memory.stuck for change in mine))
        self._add("nop_channels", id, value=len(memory.barred(id, now)))
        paused = memory.paused_at(now) - memory.leaving
        self._add("pauses", id, value=sum(scope.split("/")[0] == id for scope in paused))
        self._add("standby", id, value=id in memory.standby)
        self._add("plan_moves_left", id, value=sum(p.left for p in self._agent.campaigns.running(id)))

    def _devices(self) -> None:
        for (site, device), lane in self._agent.lanes.items():
            if lane.read_took_s is not None:
                self._add("poll_duration_seconds", site, device, value=lane.read_took_s)
            for outcome, times in lane.reads.items():
                self._add("polls_total", site, device, outcome, value=times)

    def _events(self) -> None:
        incidents = self._agent.incidents
        for (site, kind), times in Counter(
            (event.site, str(event.kind)) for event in incidents.open_events()
        ).items():
            self._add("events_open", site, kind, value=times)
        for (site, kind), times in incidents.raised.items():
            self._add("events_total", site, kind, value=times)
        for kind, times in incidents.lookout.failed.items():
            self._add("detector_failures_total", kind, value=times)
        self._add("event_queue_length", value=len(incidents.queue))
        for site, times in incidents.queue.dropped.items():
            self._add("event_queue_dropped_total", site, value=times)
        for (site, kind), times in incidents.dropped.items():
            self._add("events_dropped_total", site, kind, value=times)
        for site, times in self._agent.memory.dropped.items():
            self._add("signals_dropped_total", site, value=times)
        for site, times in self._agent.inbox.strange.items():
            self._add("signals_strange_total", site, value=times)

    def _counts(self) -> None:
        for outcome, times in self._from.traps.items():
            self._add("traps_total", outcome, value=times)
        for outbox in self._from.sinks.outboxes:
            self._add("alerts_dropped_total", outbox.channel.name, value=outbox.dropped)
        counts = self._agent.ledger.counts
        for name in Count:
            for labels, times in counts.of(name).items():
                self._add(f"{name}_total", *labels, value=times)

    async def _daemon(self) -> None:
        ledger, memory = self._agent.ledger, self._agent.memory
        try:
            head = await ledger.read(ledger.store.audit_head)
            self._add("audit_seq", value=head.seq if head else 0)
        except StoreUnavailable:
            pass  # the ledger has said so, and rrmd_ledger_ok says it below
        self._add("ledger_ok", value=ledger.damaged is None)
        self._add("observing_only", value=memory.observing is not None)
        self._add("loop_lag_seconds", value=self._from.lag.worst_s)
        reloaded = self._from.reloaded()
        self._add("reload_ok", value=reloaded.ok)
        self._add("reload_success_timestamp_seconds", value=reloaded.at_s)
        self._add("start_timestamp_seconds", value=self._from.started_s)
        self._add("build_info", version("rrmd"), platform.python_version(), value=1)
