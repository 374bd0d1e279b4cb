"""The agent: its parts put together, and what an operator may ask of it. Knows no operating system."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from agent import drill
from agent.api.errors import NotFound, Refused
from agent.audit import EVERY_SITE
from agent.change import Actor, Change, State, Trigger, token_hash
from agent.changes import UNDOABLE, Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.drill import Injected
from agent.events import Event, EventKind
from agent.executor import Executor
from agent.lane import Lane
from agent.ledger import Ledger
from agent.listener import Listener
from agent.memory import Memory
from agent.planner.decision import Decision, Move, NoChange
from agent.poller import Poller
from agent.radar import RadarWatch, Report
from agent.store_errors import LeaseHeld
from agent.view import SiteView, block_of
from agent.watch import refresh_s
from agent.workbench import Workbench
from drivers.types import (
    ChannelSwitched,
    Edit,
    Effects,
    Gap,
    RadarDetected,
    RadioDown,
    RadioReading,
    RadioState,
    RadioUp,
    Signal,
    Snapshot,
)
from inventory import regulatory
from inventory.model import Mode, RadioKey, Site, site_of
from inventory.regulatory import NOP_S

log = structlog.get_logger()

LEASE_S = 90.0
DRAIN_S = 20.0
ALERTS_KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person must look at."""

    utc_us: int
    site: str
    text: str
    radio: RadioKey | None = None
    change_id: str | None = None


class Agent:
    """All sites of one daemon.

    ``lanes``: the way to each device, by (site, device id). ``holder``: this agent's name in the lease.
    ``jitter()``: 0..1. Use `run` inside a task group of the caller.
    """

    def __init__(
        self,
        *,
        sites: Mapping[str, Site],
        ledger: Ledger,
        lanes: Mapping[tuple[str, str], Lane],
        clock: Clock,
        token_key: bytes,
        holder: str,
        jitter: Callable[[], float],
    ) -> None:
        self.sites = sites
        self.ledger = ledger
        self.lanes = lanes
        self.clock = clock
        self.memory = Memory(sites)
        self.alerts: list[Alert] = []
        self.ready = asyncio.Event()
        self._token_key = token_key
        self._holder = holder
        self._jitter = jitter
        self._pollers: dict[tuple[str, str], Poller] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    # -- life --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Recover, then watch until `stop`; returns when everything has been drained."""
        async with asyncio.TaskGroup() as tasks:
            self._assemble(tasks)
            await self._recover()
            self._start_loops(tasks)
            self.ready.set()
            await self._stopping.wait()
            await self._drain()
        await self._release_leases()

    def stop(self) -> None:
        """Begin to stop: no new change; what is being written is finished, monitoring goes on next time."""
        self._stopping.set()

    def _assemble(self, tasks: asyncio.TaskGroup) -> None:
        bench = Workbench(self.memory, self.ledger, self.clock, self.lane)
        self.executor = Executor(bench, tasks)
        self.changes = Changes(
            self.memory, self.ledger, self.clock, self.lane, self.executor, self._token_key
        )
        self.radar = RadarWatch(
            self.memory, self.ledger, self.clock, self.lane, self.executor, self.changes, tasks, self.alert
        )
        for (site, device), lane in self.lanes.items():
            lane.on_open = self.memory.opened
            self._pollers[site, device] = Poller(
                self.sites[site],
                lane,
                self.memory,
                self.clock,
                partial(self._polled, site),
                self._jitter,
                self.alert,
            )

    async def _recover(self) -> None:
        """What the store knows, before any poll: leases, NOPs, pauses, open changes."""
        now = self.clock.now()
        for site in self.sites:
            await self._take_lease(site)
        await self.ledger.call(self.ledger.store.restart_nops, now, NOP_S)
        self.memory.bar(await self.ledger.call(self.ledger.store.nops, now))
        pauses = await self.ledger.call(self.ledger.store.pauses, now)
        self.memory.paused = frozenset(pause.scope for pause in pauses)
        await self.ledger.note(self.ledger.record("system", "agent.started", EVERY_SITE))
        await self._recover_changes(now.utc_us - 7 * 86_400_000_000)

    async def _recover_changes(self, since_us: int) -> None:
        store = self.ledger.store
        for site in self.sites:
            for change in await self.ledger.call(store.changes, site, None, since_us, 100_000):
                self.memory.remember(change)
        for change in await self.ledger.call(store.escalated):
            self.memory.remember(change)
            self.memory.stuck.add(change.id)
        for change in await self.ledger.call(store.open_changes):
            if change.site not in self.sites:
                self.alert(change.site, "an open change belongs to a site that is not configured", None)
            elif change.site not in self.memory.standby:
                log.warning("change.found_open", change=change.id, state=str(change.state))
                self.executor.begin(change)

    def _start_loops(self, tasks: asyncio.TaskGroup) -> None:
        for (site, device), poller in self._pollers.items():
            self._loops.append(tasks.create_task(poller.run(), name=f"poll-{site}/{device}"))
            listener = Listener(
                self.lanes[site, device],
                partial(self._told, site, device),
                self.clock.monotonic,
            )
            self._loops.append(tasks.create_task(listener.run(), name=f"listen-{site}/{device}"))
        self._loops.append(tasks.create_task(self._keep_house(), name="housekeeping"))

    async def _drain(self) -> None:
        for loop in self._loops:
            loop.cancel()
        self.memory.observing_only = "stopping"
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self.executor.drain()
        await self.executor.abandon()
        await self.radar.abandon()
        for lane in self.lanes.values():
            await lane.close()
        await self.ledger.note(self.ledger.record("system", "agent.stopped", EVERY_SITE))

    async def _keep_house(self) -> None:
        """Leases renewed, what is over pruned, a lost disk tried again."""
        while True:
            await asyncio.sleep(LEASE_S / 3)
            for site in self.sites:
                await self._take_lease(site)
            await self._try_disk()

    async def _try_disk(self) -> None:
        try:
            await self.ledger.write(self.ledger.store.prune, self.clock.now())
        except Exception as error:
            if not self.ledger.damaged:
                raise
            log.error("ledger.still_lost", error=str(error))
        if self.ledger.damaged is None and self.memory.observing_only not in (None, "stopping"):
            log.info("ledger.back")
            self.memory.observing_only = None
            for change in await self.ledger.call(self.ledger.store.open_changes):
                if not self.executor.carries(change.id):
                    self.executor.begin(change)

    async def _take_lease(self, site: str) -> None:
        now_us = self.clock.now().utc_us
        try:
            await self.ledger.call(self.ledger.store.take_lease, site, self._holder, now_us, LEASE_S)
        except LeaseHeld as held:
            if site not in self.memory.standby:
                log.warning("lease.held", site=site, holder=held.holder)
            self.memory.standby[site] = f"lease held by {held.holder}"
        else:
            self.memory.standby.pop(site, None)

    async def _release_leases(self) -> None:
        for site in self.sites:
            await self.ledger.call(self.ledger.store.drop_lease, site, self._holder)

    # -- what devices say --------------------------------------------------------------------------

    async def _told(self, site: str, device: str, signal: Signal) -> None:
        if isinstance(signal, RadarDetected):
            await self._radar_signal(site, device, signal)
        elif isinstance(signal, (Gap, RadioUp, RadioDown, ChannelSwitched)):
            self._pollers[site, device].poll_now()

    async def _radar_signal(self, site: str, device: str, signal: RadarDetected) -> None:
        radios = (signal.radio,) if signal.radio else self._radios_on(site, device, signal.mhz20)
        if not signal.authenticated:
            self._pollers[site, device].poll_now()  # the poll says whether it is true
            return
        await self.radar.heard(
            Report(site=site, radios=radios, mhz20=signal.mhz20, source="signal", raw=signal.raw)
        )

    def _radios_on(self, site: str, device: str, mhz20: frozenset[int]) -> tuple[RadioKey, ...]:
        """Radios of the device that were on these channels within the last minute."""
        since_s = self.clock.monotonic() - self.sites[site].policy.radar_held_s
        return tuple(
            key
            for key, radio in self.memory.radios.items()
            if site_of(key) == site and radio.device == device and radio.held_since(since_s) & mhz20
        )

    async def _polled(self, site: str, snapshot: Snapshot) -> None:
        """What a poll reveals: radar that no signal told of, and an AP that fell silent because of it."""
        for key, reading in snapshot.readings.items():
            if key in self.memory.radios:
                await self._radar_polled(site, key, reading)

    async def _radar_polled(self, site: str, key: RadioKey, reading: RadioReading) -> None:
        known = self.memory.barred(site, self.clock.now())
        fresh = (reading.nop_mhz or frozenset()) - known
        block = block_of(reading)
        hit = block.mhz20 & self._hit_by(key, reading) if block else frozenset()
        if fresh:
            await self.radar.heard(Report(site=site, radios=(key,), mhz20=fresh, source="poll"))
        elif reading.state is RadioState.NOP or hit:
            self.radar.verify(key, hit, None, drill=False)

    def _hit_by(self, key: RadioKey, reading: RadioReading) -> frozenset[int]:
        """20 MHz channels on which this radio itself heard radar: one that is still there after a restart
        of the agent must leave."""
        own = {nop.mhz20 for nop in self.memory.nops.values() if nop.by_radio == key}
        return frozenset(own | (reading.nop_mhz or frozenset()))

    # -- what an operator asks ---------------------------------------------------------------------

    async def inject(
        self,
        kind: EventKind,
        key: RadioKey,
        *,
        channel: int | None,
        width_mhz: int | None,
        act: bool,
        actor: Actor,
    ) -> Injected:
        """A drill: what would be done about this event, and only with ``act`` is it done."""
        site = self._site_with(key)
        event = drill.event(self.ledger.ids(), self.clock.now(), kind, key)
        if kind is EventKind.DFS_RADAR:
            return await self._inject_radar(event, key, act, actor)
        decision = drill.decide(self.view(site), kind, key, channel, width_mhz)
        edit, effects, note = await self._previewed(decision)
        change: Change | None = None
        if act:
            await self._record_drill(event, actor)
        if act and isinstance(decision, NoChange):
            await self.changes.note(decision, drill=True, event_id=event.id)
        elif act and isinstance(decision, Move):
            opened = await self.changes.open(decision, actor=actor, drill=True, event_id=event.id)
            if isinstance(opened, NoChange):
                decision = opened
            else:
                change = opened
        return Injected(
            event=event,
            decision=decision,
            edit=edit,
            effects=effects,
            change=change,
            begun=change is not None,
            note=note,
        )

    async def _previewed(self, decision: Decision) -> tuple[Edit | None, Effects | None, str]:
        """What would be sent, also for a move that a guard forbids: looking is always allowed."""
        if decision.radio is None or decision.target is None:
            return None, None, ""
        seen = await self.changes.preview(decision.radio, decision.target)
        return (None, None, seen) if isinstance(seen, str) else (*seen, "")

    async def _inject_radar(self, event: Event, key: RadioKey, act: bool, actor: Actor) -> Injected:
        view = self.view(self.sites[site_of(key)])
        block = view.radios[key].block
        if block is not None and not regulatory.dfs_needed(view.site.country, block):
            raise Refused(f"{key} is on {block}, where no radar is listened for: drill it on a DFS channel")
        if block is None:
            raise Refused(f"{key} has not been read yet: try again after the next poll")
        decision = drill.radar(view, key, block)
        edit, effects, note = await self._previewed(decision)
        if act:
            await self.radar.heard(
                Report(
                    site=event.site,
                    radios=(key,),
                    mhz20=block.mhz20,
                    source="drill",
                    drill=True,
                    event_id=event.id,
                    actor=actor,
                )
            )
        return Injected(event=event, decision=decision, edit=edit, effects=effects, begun=act, note=note)

    async def _record_drill(self, event: Event, actor: Actor) -> None:
        entry = self.ledger.record(
            "event",
            f"drill.{event.kind}",
            event.site,
            radio=event.radio,
            event_id=event.id,
            actor=actor,
            drill=True,
        )
        await self.ledger.write(self.ledger.store.raise_event, event, [entry])

    async def rollback(self, token: str, actor: Actor) -> Change:
        """Use a token: an open change goes back, a committed one is undone by a new change.

        Raises NotFound (no such token), Refused (used, nothing to undo, a guard's veto).
        """
        store, sha = self.ledger.store, token_hash(token)
        row = await self.ledger.call(store.token, sha)
        change = await self.ledger.call(store.change_by_token, sha)
        if row is None or change is None:
            raise NotFound("no change has this token: see `rrmd changes`")
        if row.used_utc_us is not None:
            raise Refused(f"this token was used already: see change {change.id}")
        if not change.final:
            return await self._undo_open(change, actor)
        if change.state not in UNDOABLE:
            raise Refused(f"change {change.id} is {change.state}: nothing to undo")
        return self._opened(await self.changes.undo(change, actor))

    async def _undo_open(self, change: Change, actor: Actor) -> Change:
        told = Interrupt(trigger=Trigger.UNDO, reason="operator", actor=actor)
        if not self.executor.interrupt(change.id, told):
            raise Refused(f"change {change.id} is not being carried out here")
        after = await self.executor.settled(change.id, State.ROLLING_BACK)
        if after.state is State.COMMITTED:  # it was committed in the same moment
            return self._opened(await self.changes.undo(after, actor))
        return after

    async def acknowledge(self, change_id: str, actor: Actor) -> Change:
        """A person has looked after an escalated change: its alert ends and its radios are free again."""
        if change_id not in self.memory.stuck:
            raise NotFound(f"no escalated change {change_id} waits for a person: see `rrmd status`")
        await self.changes.release(self.memory.changes[change_id], actor)
        return self.memory.changes[change_id]

    async def approve(self, change_id: str, actor: Actor) -> Change:
        """Let a proposed change go ahead."""
        change = self.memory.changes.get(change_id)
        if change is None or change.state is not State.PROPOSED:
            raise NotFound(f"no proposed change {change_id}: see `rrmd changes --open`")
        told = Interrupt(trigger=Trigger.APPROVE, reason="approved", actor=actor)
        if not self.executor.interrupt(change_id, told):
            raise Refused(f"change {change_id} is not being carried out here")
        return await self.executor.settled(change_id, State.PLANNED, State.APPLYING, State.MONITORING)

    def _opened(self, opened: Change | NoChange) -> Change:
        if isinstance(opened, NoChange):
            why = " ".join(f"{k}={v}" for k, v in opened.params.items())
            raise Refused(f"not undone: {opened.reason} {why}".strip())
        return opened

    # -- small things ------------------------------------------------------------------------------

    def lane(self, site: str, device: str) -> Lane:
        return self.lanes[site, device]

    def view(self, site: Site) -> SiteView:
        return self.memory.view(site, self.clock.now())

    def valid_slots(self, key: RadioKey) -> int:
        """How many of the last slots could go into a baseline now; the monitor wants ten."""
        known, policy = self.memory.radios[key], self.sites[site_of(key)].policy.monitor
        slots = known.history.slots(policy, refresh_s=refresh_s(known))
        return min(policy.baseline_slots, sum(slot.valid for slot in slots))

    def alert(self, site: str, text: str, radio: RadioKey | None) -> None:
        """Tell a person, until the next restart at least."""
        log.error("alert.raised", site=site, text=text, radio=radio)
        self.alerts.append(Alert(utc_us=self.clock.now().utc_us, site=site, text=text, radio=radio))
        del self.alerts[:-ALERTS_KEPT]

    def _site_with(self, key: RadioKey) -> Site:
        site = self.sites.get(site_of(key))
        if site is None or key not in site.radios:
            raise NotFound(f"no radio {key}: see `rrmd status`")
        if site.policy.mode is Mode.OBSERVE:
            log.info("inject.observe_mode", site=site.id)
        return site
