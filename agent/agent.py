"""The agent: its parts put together, its life, and a new configuration. Knows no operating system."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog

from agent.alert import REFUSED, Alert, Alerts
from agent.answers import Answers
from agent.audit import EVERY_SITE
from agent.campaign import Campaigns
from agent.change import Change, State, Trigger
from agent.changes import Changes
from agent.clock import Clock
from agent.configuration import ReloadReport, effective, leaving, outdated, report
from agent.course import Interrupt
from agent.departing import Departing
from agent.doubted_store import DoubtedStore
from agent.executor import Executor
from agent.fleet import Ears, Fleet, MakeLane
from agent.housekeeping import Housekeeping
from agent.inbox import Inbox
from agent.incidents import Incidents
from agent.lane import Lane
from agent.late_writes import LateWrites
from agent.ledger import LOST_DISK, Ledger
from agent.memory import STOPPING, Memory
from agent.operator import Operator
from agent.planning import MakePlan, Planning, in_a_child
from agent.radar import RadarWatch
from agent.release import Release
from agent.supervisor import Supervisor
from agent.undoing import Undoing
from agent.view import SiteView
from agent.watch import refresh_s
from agent.workbench import Workbench
from drivers.errors import PersonNeeded
from inventory.credentials import CredentialError
from inventory.model import RadioKey, Site, site_of

log = structlog.get_logger()

DRAIN_S = 20.0


class Agent:
    """All sites of one daemon.

    ``make_lane(site, device)``: a fresh session to a device. ``holder``: this agent's name in the lease.
    ``jitter()``: 0..1. ``make_plan``: of a whole site. `run` it inside a task group of the caller; a person's
    requests go to ``operator``.
    """

    def __init__(
        self,
        *,
        sites: Mapping[str, Site],
        ledger: Ledger,
        make_lane: MakeLane,
        clock: Clock,
        token_key: bytes,
        holder: str,
        jitter: Callable[[], float],
        make_plan: MakePlan = in_a_child,
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.memory = Memory(sites)
        self.alarm = Alerts(clock)
        self.fleet = Fleet(self.memory, clock, make_lane, jitter, self.alarm.tell)
        self.ready = asyncio.Event()
        self.reloaded: Callable[[], None] = lambda: None
        self._wanted = dict(sites)
        self._put_off: dict[str, Site] | None = None  # a configuration that waits for the disk
        self._token_key = token_key
        self._holder = holder
        self._make_plan = make_plan
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        ledger.lost = self._lost
        ledger.outbid = self._outbid
        ledger.backlog.tell = self._journal_lost
        if ledger.backlog.lost:
            self._journal_lost(ledger.backlog.lost)

    @property
    def sites(self) -> Mapping[str, Site]:
        """Those being served."""
        return self.memory.sites

    @property
    def lanes(self) -> Mapping[tuple[str, str], Lane]:
        return self.fleet.lanes

    @property
    def alerts(self) -> list[Alert]:
        return self.alarm.kept

    # -- life --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Recover, then watch until `stop`; returns when everything has been drained."""
        async with asyncio.TaskGroup() as tasks:
            keeper = Supervisor(tasks, self.ledger.counts, self.alarm.tell)
            self._assemble(tasks, keeper)
            await self.house.recover()
            self._start_loops(keeper, tasks)
            self.ready.set()
            await self._stopping.wait()
            await self._drain()
        for site in list(self.sites):
            await self.house.drop_lease(site)

    def stop(self) -> None:
        """Begin to stop: no new change; what is being written is finished, monitoring goes on next time."""
        self._stopping.set()

    def _assemble(self, tasks: asyncio.TaskGroup, keeper: Supervisor) -> None:
        memory, ledger, clock, tell = self.memory, self.ledger, self.clock, self.alarm.tell
        bench = Workbench(memory, ledger, clock, self.fleet.lane)
        self.executor = Executor(bench, tasks, self.alarm)
        self.changes = Changes(memory, ledger, clock, self.fleet.lane, self.executor, self._token_key)
        self.radar = RadarWatch(
            Departing(memory, ledger, clock, self.fleet.lane, self.executor, self.changes, tasks, tell)
        )
        answers = Answers(memory, ledger, clock, self.fleet, self.executor, self.changes, tell)
        self.incidents = Incidents(memory, ledger, clock, answers)
        self.doubted_store = DoubtedStore(memory, ledger, clock, tell)
        self.house = Housekeeping(
            memory,
            ledger,
            clock,
            self.fleet,
            self.executor,
            self._holder,
            tell,
            self.incidents.recover_sites,
            self.incidents.recover,
            self.doubted_store.heed,
        )
        late = LateWrites(memory, clock, self.changes)
        self.inbox = Inbox(memory, clock, self.fleet, self.radar, self.incidents, late)
        self.operator = Operator(
            memory, ledger, clock, self.executor, self.changes, self.radar, answers, self.house.no_home
        )

        self.release = Release(memory, ledger, clock, self.fleet)
        self.undoing = Undoing(memory, ledger, clock, self.executor, self.changes, keeper, tell)
        self.campaigns = Campaigns(
            memory, ledger, clock, self.executor, self.changes, keeper, tell, self.undoing.under_way
        )
        self.planning = Planning(memory, ledger, clock, self.campaigns, keeper, tell, self._make_plan)

    def _start_loops(self, keeper: Supervisor, tasks: asyncio.TaskGroup) -> None:
        inbox = self.inbox
        self.fleet.start(keeper, Ears(told=inbox.told, polled=inbox.polled, missed=inbox.missed))
        self._loops = [
            keeper.keep("housekeeping", EVERY_SITE, lambda: self.house.keep(self._settle), vital=True),
            keeper.keep("incidents", EVERY_SITE, lambda: self.incidents.run(tasks), vital=True),
            keeper.keep("inbox", EVERY_SITE, inbox.run, vital=True),
            keeper.keep("reminders", EVERY_SITE, lambda: self.alarm.remind(self._waiting)),
            keeper.keep("undo", EVERY_SITE, self.undoing.run),
            keeper.keep("plans", EVERY_SITE, self.campaigns.run),
            keeper.keep("planning", EVERY_SITE, self.planning.run),
        ]

    async def _drain(self) -> None:
        self.fleet.stop()
        for loop in self._loops:
            loop.cancel()
        self.memory.observing_only = STOPPING
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self.executor.drain()
        await self.executor.abandon()
        await self.radar.abandon()
        await self.fleet.close()
        with suppress(*LOST_DISK):  # the ledger has said so
            await self.ledger.note(self.ledger.record("system", "agent.stopped", EVERY_SITE))

    def _lost(self, why: str) -> None:
        """Store or audit do not take what they should: nothing but radar is acted on until they do."""
        if self.memory.observing_only is None:
            self.memory.observing_only = why
            self.alarm.tell(
                EVERY_SITE, f"only observing, and seeing to radar, until the disk is back: {why}", None
            )

    def _outbid(self, site: str) -> None:
        """Another agent took the site over while this one stalled."""
        self.house.stand_by(site, "lease lost")

    def _journal_lost(self, why: str) -> None:
        self.alarm.tell(EVERY_SITE, f"should the store be lost, radar is kept in memory only: {why}", None)

    # -- a new configuration -----------------------------------------------------------------------

    async def reload(self, sites: Mapping[str, Site]) -> ReloadReport:
        """Serve these sites from now on. An AP with an open change is served as it was until that is final.

        Raises CredentialError and PersonNeeded, and nothing is changed. Raises StoreUnavailable and
        AuditUnavailable: nothing is changed yet, and it is taken in when the disk is back.
        """
        held, lost = self._held(), self.memory.lost
        said = report(sites, self.sites, held, lost)
        self.fleet.prepare(effective(sites, self.sites, held, lost), held)  # each device can be made
        told = said.told()
        self._put_off = dict(sites)
        await self.ledger.note(
            self.ledger.record("system", "configuration.reloaded", EVERY_SITE, params=told)
        )
        self._put_off, self._wanted = None, dict(sites)
        await self._adopt(sites)
        log.info("configuration.reloaded", **told)
        self.alarm.withdraw(EVERY_SITE, REFUSED)
        self.reloaded()
        return said

    async def _settle(self) -> None:
        """What an earlier reload had to put off, because the disk was lost or changes were open."""
        if self._put_off is not None:
            await self._take_in(self._put_off)
        if any(self._wanted.get(id) != site for id, site in self.sites.items()):
            try:
                await self._adopt(self._wanted)
            except (CredentialError, PersonNeeded) as error:
                log.error("configuration.not_settled", error=str(error))

    async def _take_in(self, sites: Mapping[str, Site]) -> None:
        """What waited for the disk; what it asks of a person now was not so when it was checked."""
        try:
            await self.reload(sites)
        except (CredentialError, PersonNeeded) as error:
            self._put_off = None
            self.alarm.tell(EVERY_SITE, f"{REFUSED}: {error}", None)

    async def _adopt(self, wanted: Mapping[str, Site]) -> None:
        async with self._reloading:
            await self._end_outdated(wanted)
            held = self._held()
            serving = effective(wanted, self.sites, held, self.memory.lost)
            prepared = self.fleet.prepare(serving, held)  # nothing is touched before each has been made
            self.memory.leaving = leaving(serving, wanted)
            if serving == dict(self.sites):
                return
            new = [id for id in serving if id not in self.sites]
            self.house.await_sites(new)
            gone = [id for id in self.sites if id not in serving]
            vanished = self.memory.radios.keys() - {key for site in serving.values() for key in site.radios}
            for id in gone:
                self.incidents.forget_site(id)
            self.fleet.hush(serving, prepared)
            self.memory.serve(serving)
            self.fleet.adopt(prepared)
            await self.incidents.left(vanished)
            await self.house.adopt_sites(new)
            await self.fleet.left(gone)  # before another agent may write there
            for id in gone:
                await self.house.drop_lease(id)

    async def _end_outdated(self, wanted: Mapping[str, Site]) -> None:
        """Proposals for radios that are gone or other now end; of those reached otherwise they wait on."""
        for change in [c for c in self.memory.changes.values() if c.state is State.PROPOSED]:
            why = outdated(change, wanted, self.sites)
            if why and self.executor.interrupt(change.id, Interrupt(trigger=Trigger.EXPIRE, reason=why)):
                await self.executor.stepped(change.id)

    def _held(self) -> frozenset[RadioKey]:
        """Radios whose changes are being carried out; for a proposal nothing was sent."""
        changes = self.memory.changes.values()
        begun = [each for each in changes if not each.final and each.state is not State.PROPOSED]
        return frozenset(key for change in begun for key in change.radios)

    def _waiting(self) -> list[Change]:
        """Escalated changes that nobody has looked after, of the sites that are this agent's."""
        found = [self.memory.changes[id] for id in self.memory.stuck if id in self.memory.changes]
        return [change for change in found if change.site not in self.memory.standby]

    # -- small things ------------------------------------------------------------------------------

    def view(self, site: Site) -> SiteView:
        return self.memory.view(site, self.clock.now())

    def valid_slots(self, key: RadioKey) -> int:
        """How many of the last slots could go into a baseline now; the monitor wants ten."""
        known, policy = self.memory.radios[key], self.sites[site_of(key)].policy.monitor
        slots = known.history.slots(policy, refresh_s=refresh_s(known))
        return min(policy.baseline_slots, sum(slot.valid for slot in slots))
