"""What the agent does for its sites beside watching them: recovery, leases, a lost disk, and what is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Final

import structlog

from agent.audit import EVERY_SITE
from agent.change import Change, State, Trigger
from agent.clock import Clock
from agent.doubts import Doubts
from agent.executor import Executor
from agent.fleet import Fleet
from agent.garbage import give_back
from agent.lease import LEASE_S, Lease, Watched
from agent.ledger import LOST_DISK, Ledger
from agent.memory import STOPPING, Memory
from agent.moment import WEEK_US, Deadline
from agent.nop import restarted
from agent.pace import ASTRAY_US
from agent.radar import met_of
from agent.retention import Retention
from agent.store.errors import LeaseHeld, LeaseLost, StaleChange
from inventory.model import RadioKey
from inventory.regulatory import NOP_S

log = structlog.get_logger()

GIVE_BACK_S: Final = 3600.0
"""How often memory is given back to the system."""


class Housekeeping:
    """``holder``: this agent's name in the lease. ``alert(site, text, radio)`` calls a person.
    ``taken_over(sites)``: what another agent began at these sites is ours to go on with. ``learn()``: the
    store can be read for the first time. ``heed()``: it may have been made anew."""

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        fleet: Fleet,
        executor: Executor,
        holder: str,
        alert: Callable[[str, str, RadioKey | None], None],
        taken_over: Callable[[list[str]], Awaitable[None]],
        learn: Callable[[], Awaitable[None]],
        heed: Callable[[], Awaitable[None]],
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._fleet = fleet
        self._executor = executor
        self._holder = holder
        self._alert = alert
        self._taken_over = taken_over
        self._learn = learn
        self._heed = heed
        self._watched: dict[str, Watched] = {}  # leases of others, by site
        self._retention = Retention(ledger)
        self._gave_back_s = clock.monotonic()
        self._recovered = False  # what the store knows is known here
        self._offset_us = _offset_us(clock)  # wall clock less boot clock
        self._homeless: set[str] = set()  # open changes of which a person was told that they have no device

    async def recover(self) -> None:
        """What journal and store know, before any poll: leases, NOPs, pauses, deeds, open changes. Of a store
        that is lost it is learnt when that is back."""
        self._read_journal()
        try:
            await self._recover()
        except LOST_DISK as error:
            log.error("ledger.lost_at_start", error=str(error))
            self._ledger.note_damage(error)
            self._begin_journalled()

    def _read_journal(self) -> None:
        """Radar that an earlier process heard while the store was lost."""
        now = self._clock.now()
        for entry in self._ledger.backlog.waiting:
            nops = [restarted(nop, now, NOP_S) for nop in entry.nops]
            self._memory.bar(nop for nop in nops if not nop.deadline.passed(now))

    def _begin_journalled(self) -> None:
        """Radios that were being moved off radar when that process ended."""
        for change in self._ledger.backlog.changes().values():
            if self.no_home(change) is None:
                self._memory.remember(change)
                if not change.final:
                    log.warning("change.found_open", change=change.id, state=str(change.state))
                    self._executor.begin(change)

    async def _recover(self) -> None:
        store = self._ledger.store
        for site in list(self._memory.sites):
            await self._take_lease(site)
        await self._ledger.take_over()
        await self._heed()
        await self._ledger.call(store.restart_nops, self._clock.now(), NOP_S)
        for site in list(self._memory.sites):
            await self.read_site(site)
        await self._read_pauses()
        self._memory.deeds = await self._ledger.call(store.deeds)
        await Doubts(self._memory, self._ledger, self._clock).recover()
        await self._ledger.note(self._ledger.record("system", "agent.started", EVERY_SITE))
        self._memory.observing_only = None
        self._recovered = True
        await self.begin_open()
        await self._learn()

    async def _read_pauses(self) -> None:
        """One that was set or ended as the disk was lost may be stored or not."""
        pauses = await self._ledger.call(self._ledger.store.pauses, self._clock.now())
        self._memory.pauses = {pause.scope: pause.until for pause in pauses}

    async def read_site(self, site: str) -> None:
        """What the store says of a site, into memory: NOPs, the changes of the last week, what was last done
        to each radio, what is open and what waits for a person. A change that is being carried out here is
        known better than that."""
        store, now = self._ledger.store, self._clock.now()
        self._memory.bar(await self._ledger.call(store.nops, now, site))
        for event in await self._ledger.call(store.radar, site, now.utc_us - WEEK_US):
            self._memory.meet(site, met_of(event))
        known = {change.id: change.rev for change in self._memory.changes.values() if change.site == site}
        for change in await self._ledger.call(store.news, site, now.utc_us - WEEK_US, known):
            self._take_in(change)
        for old in [c for c in self._memory.changes.values() if c.site == site and not c.final]:
            if (row := await self._ledger.call(store.change, old.id)) is not None:
                self._take_in(row)
            elif not self._executor.carries(old.id):  # of a store that was lost
                self._memory.changes.pop(old.id, None)
        for id in sorted(self._relieved(site)):
            if (row := await self._ledger.call(store.change, id)) is not None:
                self._take_in(row)
        escalated = await self._ledger.call(store.escalated, site)
        held = {change.id for change in escalated}
        for change in escalated:
            self._take_in(change)
        self._memory.stuck = (self._memory.stuck - known.keys()) | held

    def _relieved(self, site: str) -> set[str]:
        """Escalated changes, however old, that wait for a person again should what is open come to nothing,
        and are not known yet."""
        changes = self._memory.changes
        still_open = [change for change in changes.values() if change.site == site and not change.final]
        return {id for change in still_open for id in change.relieves if id not in changes}

    def _take_in(self, change: Change) -> None:
        if not self._executor.carries(change.id) and (change.final or self.no_home(change) is None):
            self._memory.remember(change)

    async def begin_open(self) -> None:
        """Carry on what is open on the sites that this agent may write to, and what nobody carries: it was
        found so in the store, or given up after an error. What has ended since it was read is left alone."""
        for change in await self._ledger.call(self._ledger.store.open_changes):
            known = self._memory.changes.get(change.id)
            if self._executor.carries(change.id) or (known is not None and known.final):
                continue
            if why := self.no_home(change):
                await self._leave_homeless(change, why)
            elif change.site not in self._memory.standby:
                log.warning("change.found_open", change=change.id, state=str(change.state))
                self._executor.begin(change)

    def no_home(self, change: Change) -> str | None:
        """Why a change can't be carried out: what it is about has left the configuration."""
        site = self._memory.sites.get(change.site)
        if site is None:
            return "a site that is not configured"
        if not self._fleet.has(site.id, change.device):
            return f"the device {change.device}, which is not configured"
        for key in change.radios:
            if key not in site.radios or site.device_of(key).id != change.device:
                return f"{key}, which {change.device} does not have any more"
        return None

    async def _leave_homeless(self, change: Change, why: str) -> None:
        """A proposal whose radio left the configuration while no daemon ran ends; what may have been sent
        stays for a person. Of a site that is not ours another agent may be waiting for its answer, until its
        time is over."""
        ours = change.site in self._memory.sites and change.site not in self._memory.standby
        if change.state is not State.PROPOSED:
            self._tell_homeless(change, why)
        elif ours or change.deadline.passed(self._clock.now()):
            with suppress(LeaseLost, StaleChange):  # another agent has it
                after = await self._ledger.step(change, Trigger.EXPIRE, reason="left_the_configuration")
                self._memory.remember(after)

    def _tell_homeless(self, change: Change, why: str) -> None:
        if change.id not in self._homeless:
            self._homeless.add(change.id)
            self._alert(change.site, f"open change {change.id} belongs to {why}: it stays as it is", None)

    async def keep(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Leases renewed, what is over pruned, a lost disk tried again; ``settle()``: what an earlier reload
        had to put off."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEASE_S / 3):
                    await self._ledger.unrenewed.wait()
            self._ledger.unrenewed.clear()
            try:
                await settle()
                for site in list(self._memory.sites):
                    await self._take_lease(site)
                await self._try_disk()
            except LOST_DISK as error:
                log.error("ledger.still_lost", error=str(error))
            self._give_back()

    def _give_back(self) -> None:
        if (now_s := self._clock.monotonic()) - self._gave_back_s >= GIVE_BACK_S:
            self._gave_back_s = now_s
            give_back()

    async def _try_disk(self) -> None:
        """Whether the disk takes a write; when it does again, memory learns what is on it. Raises
        StoreUnavailable, AuditUnavailable."""
        await self._ledger.write(self._ledger.store.prune, self._clock.now())
        await self._ledger.take_over()
        if self._memory.observing_only in (None, STOPPING):
            if self._memory.observing_only is None:
                await self._remember_again()
                await self.begin_open()
            await self._retention.turn()
            return
        await self._keep_nops()
        if not self._recovered:
            await self._recover()
            log.info("ledger.back")
            return
        known = self._memory.doubt
        await self._heed()
        if self._memory.doubt is not None and known is None:
            await self._executor.abandon()  # what it was carrying is in no store any more
        for site in list(self._memory.sites):
            await self.read_site(site)
        await self._read_pauses()
        log.info("ledger.back")
        self._memory.observing_only = None
        await self.begin_open()

    async def _remember_again(self) -> None:
        """What a wall clock that was ahead made seem older than a week, when that is set back: it was
        forgotten, or not read at the start, and budgets count it."""
        before_us, self._offset_us = self._offset_us, _offset_us(self._clock)
        if before_us - self._offset_us > ASTRAY_US:
            for site in list(self._memory.sites):
                await self.read_site(site)

    async def _keep_nops(self) -> None:
        """Radar that was heard while the disk was lost goes to the disk now."""
        now = self._clock.now()
        stored = await self._ledger.call(self._ledger.store.nops, now)
        kept = {(nop.site, nop.mhz20, nop.by_radio): nop.deadline.utc_us for nop in stored}
        for site in list(self._memory.sites):
            running = [n for n in self._memory.nops.values() if n.site == site and not n.deadline.passed(now)]
            new = [n for n in running if n.deadline.utc_us > kept.get((site, n.mhz20, n.by_radio), 0)]
            if new:
                mhz = " ".join(map(str, sorted({nop.mhz20 for nop in new})))
                entry = self._ledger.record("event", "radar.kept_in_memory", site, params={"mhz": mhz})
                await self._ledger.write(self._ledger.store.bar, new, [entry])

    def await_sites(self, new: Collection[str]) -> None:
        """Sites that a new configuration brought: watched only, until it is known what the store knows."""
        for site in new:
            self.stand_by(site, "not read from the store yet")

    async def adopt_sites(self, new: Collection[str]) -> None:
        """Take up the sites of `await_sites`; while the store is lost they go on waiting."""
        with suppress(*LOST_DISK):
            for site in new:
                await self._take_lease(site)

    async def _take_lease(self, site: str) -> None:
        """Take or renew it. A site that another agent had is recovered before anything is written to it.
        Where the store's audit log is another's no site is ours."""
        if why := await self._ledger.call(self._ledger.audit.elsewhere):
            self.stand_by(site, why)
            return
        now, take = self._clock.now(), self._ledger.store.take_lease
        seen = self._watched.get(site)
        mark = seen.mark if seen is not None and seen.run_out(now) else None
        try:
            epoch = await self._ledger.call(take, site, self._holder, now.utc_us, LEASE_S, mark)
        except LeaseHeld as held:
            if seen is None or seen.mark != held.mark:
                self._watched[site] = Watched(mark=held.mark, since=self._clock.now())  # seen no earlier
            self.stand_by(site, f"lease held by {held.holder}")
            return
        self._watched.pop(site, None)
        lease = Lease(holder=self._holder, epoch=epoch, until=Deadline.after(now, LEASE_S))
        if site not in self._memory.standby:
            self._ledger.leases[site] = lease
            return
        await self.read_site(site)
        await self._taken_over([site])
        log.warning("lease.taken_over", site=site)
        self._ledger.leases[site] = lease
        self._memory.standby.pop(site, None)
        await self.begin_open()

    def stand_by(self, site: str, why: str) -> None:
        """Another agent has this site: watch it, and leave its changes alone."""
        if site not in self._memory.standby:
            log.warning("lease.lost" if site in self._ledger.leases else "lease.held", site=site, holder=why)
        self._memory.standby[site] = why
        over = Deadline.after(self._clock.now(), 0.0)
        self._ledger.leases[site] = Lease(holder=self._holder, epoch=0, until=over)  # no write passes with it
        self._executor.let_go(site)

    async def drop_lease(self, site: str) -> None:
        with suppress(*LOST_DISK):  # it ends by itself
            await self._ledger.call(self._ledger.store.drop_lease, site, self._holder)
        self._memory.standby.pop(site, None)
        self._ledger.leases.pop(site, None)


def _offset_us(clock: Clock) -> int:
    now = clock.now()
    return now.utc_us - now.boottime_us
