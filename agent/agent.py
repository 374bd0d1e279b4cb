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
from agent.audit import EVERY_SITE, AuditUnavailable
from agent.change import Actor, Change, State, Trigger, token_hash
from agent.changes import UNDOABLE, Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.departing import Departing
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
from agent.store_errors import LeaseHeld, StoreUnavailable
from agent.view import SiteView, block_of
from agent.watch import refresh_s
from agent.workbench import Workbench
from drivers.errors import DriverError
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
WEEK_US = 7 * 86_400_000_000
STOPPING = "stopping"
LOST_DISK = (StoreUnavailable, AuditUnavailable)


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
        self._homeless: set[str] = set()  # open changes of which a person was told that they have no device
        self._strange: set[RadioKey] = set()  # unknown radios that signals named, each logged once

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
        self.executor = Executor(bench, tasks, self.alert)
        self.changes = Changes(
            self.memory, self.ledger, self.clock, self.lane, self.executor, self._token_key
        )
        departing = Departing(
            self.memory, self.ledger, self.clock, self.lane, self.executor, self.changes, tasks, self.alert
        )
        self.radar = RadarWatch(departing)
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
        for site in self.sites:
            await self._read_site(site)
        pauses = await self.ledger.call(self.ledger.store.pauses, now)
        self.memory.paused = frozenset(pause.scope for pause in pauses)
        await self.ledger.note(self.ledger.record("system", "agent.started", EVERY_SITE))
        await self._begin_open()

    async def _read_site(self, site: str) -> None:
        """What the store says of a site, into memory: NOPs, the changes of the last week, what is open and
        what waits for a person. A change that is being carried out here is known better than that."""
        store, now = self.ledger.store, self.clock.now()
        self.memory.bar(await self.ledger.call(store.nops, now, site))
        for change in await self.ledger.call(store.changes, site, None, now.utc_us - WEEK_US, 100_000):
            self._take_in(change)
        for old in [c for c in self.memory.changes.values() if c.site == site and not c.final]:
            if (row := await self.ledger.call(store.change, old.id)) is not None:
                self._take_in(row)
        escalated = await self.ledger.call(store.escalated, site)
        held = {change.id for change in escalated}
        for change in escalated:
            self._take_in(change)
        known = self.memory.changes
        self.memory.stuck -= {id for id in self.memory.stuck if id in known and known[id].site == site}
        self.memory.stuck |= held

    def _take_in(self, change: Change) -> None:
        if not self.executor.carries(change.id) and (change.final or self._no_home(change) is None):
            self.memory.remember(change)

    async def _begin_open(self) -> None:
        """Carry on what is open on the sites that this agent may write to."""
        for change in await self.ledger.call(self.ledger.store.open_changes):
            if why := self._no_home(change):
                self._tell_homeless(change, why)
            elif change.site not in self.memory.standby and not self.executor.carries(change.id):
                log.warning("change.found_open", change=change.id, state=str(change.state))
                self.executor.begin(change)

    def _no_home(self, change: Change) -> str | None:
        """Why a change can't be carried out: what it is about has left the configuration."""
        site = self.sites.get(change.site)
        if site is None:
            return "a site that is not configured"
        if (site.id, change.device) not in self.lanes:
            return f"the device {change.device}, which is not configured"
        for key in change.radios:
            if key not in site.radios or site.device_of(key).id != change.device:
                return f"{key}, which {change.device} does not have any more"
        return None

    def _tell_homeless(self, change: Change, why: str) -> None:
        if change.id not in self._homeless:
            self._homeless.add(change.id)
            self.alert(change.site, f"open change {change.id} belongs to {why}: it stays as it is", None)

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
        self.memory.observing_only = STOPPING
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self.executor.drain()
        await self.executor.abandon()
        await self.radar.abandon()
        for lane in self.lanes.values():
            with suppress(DriverError):  # it is being left anyway
                await lane.close()
        with suppress(*LOST_DISK):  # the ledger has said so
            await self.ledger.note(self.ledger.record("system", "agent.stopped", EVERY_SITE))

    async def _keep_house(self) -> None:
        """Leases renewed, what is over pruned, a lost disk tried again."""
        while True:
            await asyncio.sleep(LEASE_S / 3)
            try:
                for site in self.sites:
                    await self._take_lease(site)
                await self._try_disk()
            except LOST_DISK as error:
                log.error("ledger.still_lost", error=str(error))
                self.memory.observing_only = self.memory.observing_only or str(error)

    async def _try_disk(self) -> None:
        """Whether the disk takes a write; when it does again, memory learns what is on it. Raises
        StoreUnavailable, AuditUnavailable."""
        await self.ledger.write(self.ledger.store.prune, self.clock.now())
        if self.memory.observing_only in (None, STOPPING):
            return
        await self._keep_nops()
        for site in self.sites:
            await self._read_site(site)
        log.info("ledger.back")
        self.memory.observing_only = None
        await self._begin_open()

    async def _keep_nops(self) -> None:
        """Radar that was heard while the disk was lost goes to the disk now."""
        now = self.clock.now()
        stored = await self.ledger.call(self.ledger.store.nops, now)
        kept = {(nop.site, nop.mhz20, nop.by_radio): nop.deadline.utc_us for nop in stored}
        for site in self.sites:
            running = [n for n in self.memory.nops.values() if n.site == site and not n.deadline.passed(now)]
            new = [n for n in running if n.deadline.utc_us > kept.get((site, n.mhz20, n.by_radio), 0)]
            if new:
                mhz = " ".join(map(str, sorted({nop.mhz20 for nop in new})))
                entry = self.ledger.record("event", "radar.kept_in_memory", site, params={"mhz": mhz})
                await self.ledger.write(self.ledger.store.bar, new, [entry])

    async def _take_lease(self, site: str) -> None:
        """Take or renew it. A site that another agent had is recovered before anything is written to it."""
        now_us = self.clock.now().utc_us
        try:
            await self.ledger.call(self.ledger.store.take_lease, site, self._holder, now_us, LEASE_S)
        except LeaseHeld as held:
            if site not in self.memory.standby:
                log.warning("lease.held", site=site, holder=held.holder)
            self.memory.standby[site] = f"lease held by {held.holder}"
            return
        if site in self.memory.standby:
            await self._read_site(site)
            log.warning("lease.taken_over", site=site)
            del self.memory.standby[site]
            await self._begin_open()

    async def _release_leases(self) -> None:
        for site in self.sites:
            with suppress(*LOST_DISK):  # it ends by itself
                await self.ledger.call(self.ledger.store.drop_lease, site, self._holder)

    # -- what devices say --------------------------------------------------------------------------

    async def _told(self, site: str, device: str, signal: Signal) -> None:
        if isinstance(signal, RadarDetected):
            await self._radar_signal(site, device, signal)
        elif isinstance(signal, (Gap, RadioUp, RadioDown, ChannelSwitched)):
            self._pollers[site, device].poll_now()

    async def _radar_signal(self, site: str, device: str, signal: RadarDetected) -> None:
        if signal.radio is not None and signal.radio not in self.sites[site].radios:
            if signal.radio not in self._strange:
                self._strange.add(signal.radio)
                log.warning("signal.unknown_radio", site=site, device=device, radio=signal.radio)
            self._pollers[site, device].poll_now()
            return
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
        elif reading.state is RadioState.NOP or hit or self.radar.left_off(key, reading):
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
        if why := self._no_home(change):
            raise Refused(f"change {change.id} belongs to {why}")
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
        if not await self.changes.release(self.memory.changes[change_id], actor):
            raise NotFound(f"change {change_id} was dealt with in the same moment: see `rrmd status`")
        return self.memory.changes[change_id]

    async def approve(self, change_id: str, actor: Actor) -> Change:
        """Let a proposed change go ahead."""
        change = self.memory.changes.get(change_id)
        if change is None or change.state is not State.PROPOSED:
            raise NotFound(f"no proposed change {change_id}: see `rrmd changes --open`")
        told = Interrupt(trigger=Trigger.APPROVE, reason="approved", actor=actor)
        if not self.executor.interrupt(change_id, told):
            raise Refused(f"change {change_id} is not being carried out here")
        after = await self.executor.stepped(change_id)
        if after.state is State.PROPOSED:
            raise Refused(f"change {change_id} was not approved: another change has its radio")
        return after

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
