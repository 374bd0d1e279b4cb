"""Open events: found by detectors, raised once, decided on by urgency, again while they last, and cleared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import structlog

from agent.answers import Answers
from agent.change import Cause, Change, State
from agent.clock import Clock
from agent.detectors.sight import Finding, Presence
from agent.event_queue import EventQueue, name_of
from agent.events import Event, EventKind
from agent.ledger import LOST_DISK, Ledger, LostDisk
from agent.lookout import Lookout
from agent.memory import STOPPING, Memory
from agent.moment import WEEK_US
from agent.planner import matrix
from agent.planner.decision import Answer
from agent.radar_over import RadarOver
from agent.records import Evidence
from agent.usual import KEPT, Usual, hour_of
from agent.view import SiteView
from inventory.model import RadioKey

R = TypeVar("R")
log = structlog.get_logger()

TICK_S = 5.0
SITE_LOOK_S = 10.0
AGAIN_MOST_S = 3600.0
AT_ONCE = 32
"""Decisions under way at the same time; each may wait for a device."""
OPEN_MOST = 200
"""Open events of one site, kind and severity, beside one for each of its radios."""
LOOKED_AT = 20
"""Radios that are looked at without a pause: some 10 ms of work."""

Name = tuple[str, str, str]
"""Site, kind, key."""


@dataclass(slots=True)
class Incident:
    """An open event. ``known_s``: when it was last found; ``due_s``: when it is decided on again, monotonic
    seconds; ``told``: what was said about it; ``over``: it has cleared, and what was done for it is being
    given back."""

    event: Event
    known_s: float
    due_s: float
    wait_s: float
    told: set[str] = field(default_factory=set)
    over: bool = False


class Incidents:
    """All open events of the daemon, those of radar excepted, which has a way of its own.

    ``raised`` and ``dropped``: by site and kind, how many there were, and for how many there was no room.
    """

    def __init__(self, memory: Memory, ledger: Ledger, clock: Clock, answers: Answers) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._answers = answers
        self._open: dict[Name, Incident] = {}
        self._ending: dict[str, Incident] = {}
        self._deciding: set[str] = set()  # what is given back waits for what is still being given
        self._radar = RadarOver(memory, ledger)
        self._wake = asyncio.Event()
        self._tick_at_s = clock.monotonic() + TICK_S
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.usual = Usual()
        self.lookout = Lookout(memory, self.usual)
        self.queue = EventQueue()
        self.raised: Counter[tuple[str, str]] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()

    # -- what there is -----------------------------------------------------------------------------

    def open_events(self, site: str | None = None) -> tuple[Event, ...]:
        """Events that are not cleared, oldest first."""
        found = [i.event for i in self._open.values() if site in (None, i.event.site)]
        return tuple(sorted(found, key=lambda event: (event.raised_utc_us, event.id)))

    async def recover(self) -> None:
        """What the store knows: open events, what is still to be given back, the usual numbers of clients."""
        await self.recover_sites([site for site in self._memory.sites if site not in self._memory.standby])
        until = hour_of(self._clock.now().utc_us)
        hours = await self._ledger.call(self._ledger.store.hours)
        self.usual.learn(each for each in hours if each.hour <= until)

    async def recover_sites(self, sites: Collection[str]) -> None:
        """Of these sites. The events of radios that are no longer configured are over."""
        store, now = self._ledger.store, self._clock.now()
        for event in await self._ledger.call(store.open_events) if sites else ():
            if event.kind is not EventKind.DFS_RADAR and event.site in sites:
                self._open.setdefault(name_of(event), self._incident(event, now.monotonic_s))
        for site in sites:
            await self._recover_help(site)
        await self.left(
            event.radio
            for event in self.open_events()
            if event.site in sites and event.radio and event.radio not in self._memory.radios
        )

    async def _recover_help(self, site: str) -> None:
        """Changes that were made to help, however long ago, and events that ended without all being given
        back."""
        store, now = self._ledger.store, self._clock.now()
        since_us = now.utc_us - WEEK_US
        helping = await self._ledger.call(store.changes_about, site, EventKind.HW_FAILURE, since_us)
        self._memory.lasting |= {change.event_id for change in helping if change.event_id}
        for change in helping:
            if change.id not in self._memory.changes:
                self._memory.remember(change)
        for id in {c.event_id for c in helping if c.event_id and _to_be_given_back(c)}:
            cleared = await self._ledger.call(store.event, id)
            if cleared is not None and cleared.cleared_utc_us is not None:
                self._ending[id] = replace(self._incident(cleared, now.monotonic_s), over=True)

    def _incident(self, event: Event, now_s: float) -> Incident:
        wait_s = self._memory.sites[event.site].policy.detect.again_s
        self._memory.lasting.add(event.id)
        return Incident(event=event, known_s=now_s, due_s=now_s, wait_s=wait_s)

    # -- looking -----------------------------------------------------------------------------------

    async def look(self, site: str, keys: Iterable[RadioKey]) -> None:
        """Ask the detectors about radios that something new is known of, and about their site; not where
        another agent does."""
        if site in self._memory.standby:
            return
        keys = list(keys)
        await self._answers.doubts.seen(keys)
        view = self._memory.view(self._memory.sites[site], self._clock.now())
        for number, key in enumerate(keys, 1):
            if number % LOOKED_AT == 0:  # a controller tells of a thousand radios: others get their turn
                await asyncio.sleep(0)
            for finding in self.lookout.radio(view, key, partial(self._open_keys, site)):
                await self._take(site, finding)
        for finding in self.lookout.site(view, partial(self._open_keys, site)):
            await self._take(site, finding)

    def _open_keys(self, site: str, kind: EventKind) -> frozenset[str]:
        return frozenset(key for where, what, key in self._open if where == site and what == kind)

    # -- raising and clearing ----------------------------------------------------------------------

    async def _take(self, site: str, finding: Finding) -> None:
        name = (site, str(finding.kind), finding.key)
        known = self._open.get(name)
        if finding.presence is Presence.OVER:
            if known is not None:
                await self._clear(known, "over", finding.evidence)
        elif known is not None:
            self._find_again(known, finding)
        elif self._room(site, finding):
            await self._raise(site, finding)
        else:
            self.dropped[site, str(finding.kind)] += 1

    def _room(self, site: str, finding: Finding) -> bool:
        """Whether one more may be open: whoever makes up names of rogues shall fill neither memory nor store.
        The critical ones are counted by themselves, so that none of them waits for a harmless one."""
        alike = sum(
            where == site
            and kind == finding.kind
            and (open_.event.severity == "critical") == (finding.severity == "critical")
            for (where, kind, _), open_ in self._open.items()
        )
        return alike < OPEN_MOST + len(self._memory.sites[site].radios)

    def _find_again(self, incident: Incident, finding: Finding) -> None:
        """What was first said by anybody may by now be said by the device itself: then it is as severe."""
        severer = finding.severity == "critical" != incident.event.severity
        incident.known_s = self._clock.monotonic()
        incident.event = replace(
            incident.event,
            severity=finding.severity if severer else incident.event.severity,
            evidence=finding.evidence,
            confidence_ppm=finding.confidence_ppm,
        )
        if severer:
            self._memory.note(incident.event)

    async def _raise(self, site: str, finding: Finding) -> None:
        """Memory first: a lost disk must not hide what happens."""
        now = self._clock.now()
        event = Event(
            id=self._ledger.ids(),
            site=site,
            kind=finding.kind,
            key=finding.key,
            radio=finding.radio,
            severity=finding.severity,
            confidence_ppm=finding.confidence_ppm,
            raised_utc_us=now.utc_us,
            evidence=MappingProxyType(dict(finding.evidence)),
        )
        self._open[name_of(event)] = self._incident(event, now.monotonic_s)
        self.raised[site, str(finding.kind)] += 1
        self._memory.note(event)
        log.warning("event.raised", site=site, kind=str(event.kind), key=event.key, **event.evidence)
        entry = self._record(event, "event.raised")
        stored = await self._kept(self._ledger.write(self._ledger.store.raise_event, event, [entry]))
        if (incident := self._open.get(name_of(event))) is not None:  # else it has cleared meanwhile
            if stored is not None and stored.id != event.id:  # it was open in the store already
                incident.event = replace(incident.event, id=stored.id, raised_utc_us=stored.raised_utc_us)
            self._put(incident)

    async def _clear(self, incident: Incident, why: str, evidence: Mapping[str, int | str]) -> None:
        now = self._clock.now()
        event = replace(incident.event, cleared_utc_us=now.utc_us)
        if self._open.pop(name_of(event), None) is None:
            return
        log.info("event.cleared", site=event.site, kind=str(event.kind), key=event.key, why=why)
        entry = self._record(replace(event, evidence=evidence), "event.cleared", why=why)
        await self._kept(self._ledger.write(self._ledger.store.clear_event, event.id, now.utc_us, [entry]))
        self._memory.lasting.discard(event.id)
        if event.site in self._memory.sites:
            self._ending[event.id] = replace(self._incident(event, now.monotonic_s), over=True)
            self._wake.set()

    def _record(self, event: Event, reason: str, **params: str) -> dict[str, object]:
        return self._ledger.record(
            "event",
            reason,
            event.site,
            radio=event.radio,
            event_id=event.id,
            params={"kind": str(event.kind), "severity": event.severity, **params},
            evidence=[
                Evidence(
                    field=name, value=value, unit="ppm" if name.endswith("_ppm") else "", source="detector"
                )
                for name, value in event.evidence.items()
            ],
        )

    async def _kept(self, writing: Awaitable[R]) -> R | None:
        """The disk is told, if there is one; None: there is none."""
        try:
            return await writing
        except LOST_DISK as error:
            self._observe_only(error)
            return None

    def _observe_only(self, error: LostDisk) -> None:
        """Until the disk is back; a daemon that stops goes on stopping."""
        if self._memory.observing_only != STOPPING:
            self._memory.observing_only = self._ledger.damaged or str(error)

    # -- deciding ----------------------------------------------------------------------------------

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Decide for ever, the most urgent first; ends only by cancellation."""
        while True:
            await self._slots.acquire()
            try:
                event = await self._next()
            except BaseException:  # whoever begins again finds all slots free
                self._slots.release()
                raise
            tasks.create_task(self._decide_on(event), name=f"decide-{event.id}")

    async def _next(self) -> Event:
        """The most urgent one. What is due again is looked up each `TICK_S`, however much comes meanwhile."""
        while True:
            left_s = self._tick_at_s - self._clock.monotonic()
            if left_s <= 0:
                self._tick_at_s = self._clock.monotonic() + TICK_S
                await self._tick()
            elif (event := self.queue.pop()) is not None:
                return event
            else:
                await self._waken(left_s)

    async def _waken(self, within_s: float) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._wake.wait()

    async def _tick(self) -> None:
        """What is due again goes to the queue; what nobody has found for long is over."""
        now_s = self._clock.monotonic()
        for incident in list(self._open.values()):
            site = self._memory.sites.get(incident.event.site)
            if site is None or site.id in self._memory.standby:
                continue  # it left while another one was being cleared, or is another agent's now
            forget_s = site.policy.detect.forget_s
            if now_s - incident.known_s >= forget_s:
                await self._clear(incident, "nothing_new_is_known", {})
            elif now_s >= incident.due_s:
                self._put(incident)
        for ending in list(self._ending.values()):
            if now_s >= ending.due_s:
                self._put(ending)
        await self._keep_hours()
        await self._kept(self._clear_radar())

    def _put(self, incident: Incident) -> None:
        if incident.event.id not in self._deciding:
            self.queue.put(incident.event)
            self._wake.set()

    async def _decide_on(self, event: Event) -> None:
        try:
            incident = self._ending.get(event.id) or self._open.get(name_of(event))
            if incident is not None and incident.event.id == event.id and event.id not in self._deciding:
                self._deciding.add(event.id)
                await self._decide(incident)
        except LOST_DISK as error:
            self._observe_only(error)
        except Exception:  # one decision must not end the daemon: it is made again later
            self.lookout.failed[str(event.kind)] += 1
            log.exception("decision.failed", event_id=event.id, kind=str(event.kind), key=event.key)
        finally:
            self._slots.release()

    async def _decide(self, incident: Incident) -> None:
        now_s = self._clock.monotonic()
        incident.due_s = now_s + incident.wait_s
        incident.wait_s = min(AGAIN_MOST_S, incident.wait_s * 2)
        try:
            event = incident.event
            view = self._memory.view(self._memory.sites[event.site], self._clock.now())
            if not incident.over and event.radio is not None and event.radio not in view.radios:
                return  # on its way out of the configuration
            answers = matrix.over(view, event) if incident.over else self._answers_to(view, event)
            if incident.over and not answers:
                self._ending.pop(event.id, None)
                self._memory.lasting.discard(event.id)
            for answer in answers:
                if incident.over or self._open.get(name_of(event)) is incident:
                    await self._answers.give(answer, event, incident.told)
        finally:
            self._deciding.discard(event.id)

    def _answers_to(self, view: SiteView, event: Event) -> Iterable[Answer]:
        """What the planner says; nothing while a change for this event is under way."""
        if event.kind is not EventKind.HW_FAILURE and any(
            change.event_id == event.id and not change.final for change in view.changes
        ):
            return ()
        return matrix.answer(view, event)

    # -- what is over ------------------------------------------------------------------------------

    async def _keep_hours(self) -> None:
        if hours := self.lookout.ended_hours():
            oldest = hour_of(self._clock.now().utc_us) - KEPT
            await self._kept(self._ledger.call(self._ledger.store.keep_hours, hours, oldest))

    async def _clear_radar(self) -> None:
        """An event of radar is over when its non-occupancy period is."""
        now = self._clock.now()
        for event in await self._radar.events(now.utc_us):
            entry = self._record(event, "event.cleared", why="non_occupancy_over")
            await self._ledger.write(self._ledger.store.clear_event, event.id, now.utc_us, [entry])

    def forget_site(self, site: str) -> None:
        """The site has left the configuration; its events stay open in the store until it comes back."""
        for name in [name for name in self._open if name[0] == site]:
            self._memory.lasting.discard(self._open.pop(name).event.id)
        for id in [id for id, ending in self._ending.items() if ending.event.site == site]:
            del self._ending[id]
            self._memory.lasting.discard(id)

    async def left(self, radios: Iterable[RadioKey]) -> None:
        """These radios are no longer configured: nothing will be heard of them again, and what was done for
        them is given back."""
        gone = frozenset(radios)
        for radio in gone:
            self.usual.forget(radio)
        for incident in list(self._open.values()):
            if incident.event.radio in gone:
                await self._clear(incident, "left_the_configuration", {})


def _to_be_given_back(change: Change) -> bool:
    return change.cause is Cause.HW_FAILURE and (change.state is State.COMMITTED or not change.final)
