"""What the agent knows about its radios right now: last readings, histories, scans, who was where.

Lost with the process, and rebuilt by polling; what must survive is in the store.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.api.errors import NotFound
from agent.change import Change, State, last_ones
from agent.events import Event
from agent.known import Board
from agent.moment import DAY_US, WEEK_US, Deadline, Moment
from agent.nop import ONE_RADAR_S, Met, Nop, later, with_met
from agent.observation import Observation
from agent.pace import Pacer
from agent.radio_memory import RadioMemory
from agent.view import SiteView, block_of
from drivers.signals import Signal
from drivers.types import Action, DeviceInfo, RadioReading, RadioState, Snapshot
from inventory.channels import Block
from inventory.model import RadioKey, Site, site_of
from inventory.regulatory import NOP_S

FORGETS_US = 60_000_000
STOPPING = "stopping"

KEEP_SLOTS = 22
"""A baseline of 20 slots and some, of a device that refreshes slowly."""


@dataclass(slots=True)
class Contact:
    """How a device answers. ``missed``: polls in a row without an answer. ``lost_at_s``: the last answer
    before it was called lost, None = it is not lost. ``otherwise``: whether it answered a second way of
    asking since, None = not tried."""

    missed: int = 0
    answered_s: float | None = None
    lost_at_s: float | None = None
    otherwise: bool | None = None


class Memory:
    """All sites of the daemon. ``sites``: those being served, replaced in place by a new configuration."""

    def __init__(self, sites: Mapping[str, Site]) -> None:
        self.sites = dict(sites)
        self.radios: dict[RadioKey, RadioMemory] = {}
        self.nops: dict[tuple[str, int, RadioKey], Nop] = {}  # site, 20 MHz channel, who heard the radar
        self.radar: dict[str, tuple[Met, ...]] = {}  # by site: where it was met within a week
        self.changes: dict[str, Change] = {}
        self.pauses: dict[str, Deadline | None] = {}  # scope -> until when; None: until resumed
        self.observing_only: str | None = None
        self.doubt: str | None = None  # why the store can't be relied on until a person says so
        self.lasting: set[str] = set()  # events whose changes are not forgotten, however old they are
        self.stuck: set[str] = set()  # escalated changes that still hold their radios
        self.standby: dict[str, str] = {}  # site -> why this agent may not write to it
        self.lost: set[str] = set()  # site/device
        self.contacts: dict[str, Contact] = {}  # site/device
        self.deeds: dict[tuple[RadioKey, Action], int] = {}  # when last done, UTC in µs
        self.in_doubt: dict[RadioKey, float] = {}  # restarts nobody knows the end of -> monotonic, of that
        self.leaving: frozenset[RadioKey] = frozenset()  # served only until their changes are final
        self.dropped: Counter[str] = Counter()  # by site: signals that went before they were too old
        self._critical: dict[RadioKey, deque[tuple[str, str]]] = {}
        self._sent_by: dict[str, Mapping[str, RadioKey]] = {}  # site -> BSSID -> radio
        self._ssids: dict[str, frozenset[str]] = {}  # by site
        self._boards: dict[str, Board] = {}  # by site
        self._listed: dict[str, tuple[Change, ...]] = {}  # by site, newest first
        self._forgot_us = -WEEK_US  # when old changes were looked for last
        self._pacer = Pacer()
        self.serve(self.sites)

    def serve(self, sites: Mapping[str, Site]) -> None:
        """These sites from now on; what is known of radios that stay is kept."""
        self.sites.update(sites)
        for gone in self.sites.keys() - sites.keys():
            del self.sites[gone]
        wanted = {key: site for site in sites.values() for key in site.radios}
        for key in self.radios.keys() - wanted.keys():
            del self.radios[key]
        for key, site in wanted.items():
            device, keep_s = site.device_of(key).id, site.policy.neighbour_age_s
            known = self.radios.setdefault(key, RadioMemory(device=device, keep_s=keep_s))
            known.device, known.keep_s = device, keep_s
        self._boards.clear()
        self._sent_by.clear()
        self._ssids.clear()

    def site(self, id: str) -> Site:
        """One that is being served. Raises NotFound with those that are."""
        if id not in self.sites:
            raise NotFound(f"no site {id}; there are {', '.join(self.sites)}")
        return self.sites[id]

    def contact(self, site: str, device: str) -> Contact:
        return self.contacts.setdefault(f"{site}/{device}", Contact())

    def opened(self, info: DeviceInfo) -> None:
        for key in info.radios:
            if key in self.radios:
                self.radios[key].capabilities = info.capabilities
                slowest_s = max(info.capabilities.refresh_s.values(), default=0.0)
                self.radios[key].history.keep(KEEP_SLOTS * slowest_s)
                self._post(key)

    def see(self, snapshot: Snapshot) -> None:
        for key, reading in snapshot.readings.items():
            if key in self.radios:
                before, was = self.radios[key].bss, block_of(self.radios[key].reading)
                self.radios[key].see(reading)
                self._post(key)
                self._moved(key, was)
                if self.radios[key].bss != before:
                    self._sent_by.pop(site_of(key), None)
                    self._ssids.pop(site_of(key), None)

    def lose(self, site: str, device: str) -> None:
        """The device answers no more: what is known of its radios is no longer fit to decide on."""
        self.lost.add(f"{site}/{device}")
        for key, radio in self.radios.items():
            if site_of(key) == site and radio.device == device:
                radio.lose()
                self._post(key)

    def _moved(self, key: RadioKey, was: Block | None) -> None:
        """Where a radio came or went, those that hear it measured another air before."""
        now = block_of(self.radios[key].reading)
        if was is None or now is None or was == now:
            return
        mine, mhz20 = {each.bssid for each in self.radios[key].bss}, was.mhz20 | now.mhz20
        for other in self.sites[site_of(key)].radios:
            if not mine.isdisjoint(self.radios[other].neighbors):
                self.radios[other].air_pool = self.radios[other].air_pool.without(mhz20)
                self._post(other)

    def _post(self, key: RadioKey) -> None:
        """What is known of this radio is new."""
        if (board := self._boards.get(site_of(key))) is not None:
            board.put(key, self.radios[key].seen_so_far())

    def told(self, signal: Signal, now_s: float) -> None:
        """A device pushed something about one radio; what is older than it is kept for is forgotten."""
        key = getattr(signal, "radio", None)
        if key in self.radios:
            words, site = self.radios[key].signals, self.sites[site_of(key)]
            self.dropped[site.id] += words.add(signal)
            words.forget(now_s - site.policy.detect.forget_s)

    def meet(self, site: str, met: Met) -> None:
        """Radar was heard. Channels lose value by it for a week."""
        self.radar[site] = with_met(self.radar.get(site, ()), met, WEEK_US)

    def note(self, event: Event) -> None:
        """An event was raised; the critical ones are held against an open change of their radio."""
        if event.severity == "critical" and event.radio is not None:
            self._critical.setdefault(event.radio, deque(maxlen=64)).append((str(event.kind), event.key))

    def critical(self, key: RadioKey) -> tuple[tuple[str, str], ...]:
        """Kind and de-duplication key of the critical events of a radio, oldest first."""
        return tuple(self._critical.get(key, ()))

    def remember(self, change: Change) -> Change:
        """As it is now; of one that is over only what is decided on."""
        before = self.changes.get(change.id)
        if before is not None and not before.final:
            if change.state is State.ESCALATED:
                self.stuck.add(change.id)
            if change.came_to_nothing:
                self.stuck.update(id for id in change.relieves if id in self.changes)
        self.changes[change.id] = change.brief if change.final else change
        self._listed.pop(change.site, None)
        return change

    def bar(self, nops: Iterable[Nop]) -> None:
        for nop in nops:
            key = (nop.site, nop.mhz20, nop.by_radio)
            known = self.nops.get(key)
            deadline = later(known.deadline, nop.deadline) if known else nop.deadline
            self.nops[key] = replace(nop, deadline=deadline)

    def barred(self, site: str, now: Moment) -> frozenset[int]:
        """20 MHz channels of the site in a non-occupancy period; ended ones are forgotten."""
        for key in [key for key, nop in self.nops.items() if nop.deadline.passed(now)]:
            del self.nops[key]
        return frozenset(mhz for where, mhz, _ in self.nops if where == site)

    def proposed_undos(self, done: Change) -> list[Change]:
        """Undos of this change that wait for a person; they have its token."""
        known = self.changes.values()
        return [each for each in known if each.undo_of == done.id and each.state is State.PROPOSED]

    def waiting_with(self, changes: Iterable[Change]) -> list[Change]:
        """Of these changes, and of undos of them, the escalated ones that hold their radios."""
        ids = {change.id for change in changes}
        known = [self.changes[id] for id in sorted(self.stuck) if id in self.changes]
        return [each for each in known if each.id in ids or each.undo_of in ids]

    def undo_runs(self, site: str, device: str, now: Moment) -> bool:
        """The device's own undo timer is armed, perhaps, for a change that is open."""
        mine = (c for c in self.changes.values() if (c.site, c.device) == (site, device) and not c.final)
        return any(c.undo_until is not None and not c.undo_until.passed(now) for c in mine)

    def hears_radar(self, site: str, readings: Iterable[RadioReading], now: Moment) -> bool:
        """One of these radios is on air where radar was heard within the last minute."""
        lately = {
            nop.mhz20
            for nop in self.nops.values()
            if nop.site == site and nop.deadline.left_s(now) > NOP_S - ONE_RADAR_S
        }
        blocks = [block_of(each) for each in readings if each.state is RadioState.ON_AIR]
        return any(block is not None and block.mhz20 & lately for block in blocks)

    def changes_of(self, site: str, now: Moment) -> tuple[Change, ...]:
        """Open changes, those of the last week, those for an event that lasts, escalated ones that hold
        their radios, and what was last done to each radio, newest first; all others are forgotten within a
        minute, or within a day of a wall clock that was set."""
        if abs(now.utc_us - self._forgot_us) >= FORGETS_US:
            self._forget_changes(now)
        if site not in self._listed:
            mine = [change for change in self.changes.values() if change.site == site]
            self._listed[site] = tuple(sorted(mine, key=lambda c: c.order, reverse=True))
        return self._listed[site]

    def _forget_changes(self, now: Moment) -> None:
        self._forgot_us, pace = now.utc_us, self._pacer.look(now)
        waiting = {id for change in self.changes.values() if not change.final for id in change.relieves}
        needed = self.stuck | waiting | last_ones(self.changes.values())
        for change in list(self.changes.values()):
            old = change.final and pace.age_us(now.utc_us, change.created_utc_us) > WEEK_US
            if old and change.event_id not in self.lasting and change.id not in needed:
                del self.changes[change.id]
                self._listed.pop(change.site, None)

    def next_nth(self, site: str, now: Moment) -> int:
        """The number of the site's next change."""
        return max((change.nth for change in self.changes_of(site, now)), default=0) + 1

    def view(self, site: Site, now: Moment) -> SiteView:
        """The site as decisions see it."""
        board, pace = self._board(site), self._pacer.look(now)
        ages = {done: pace.age_us(now.utc_us, at_us) for done, at_us in self.deeds.items()}
        return SiteView(
            site=site,
            now=now,
            radios=board.views(site, now),
            channels=board.channels,
            barred_mhz=self.barred(site.id, now),
            changes=self.changes_of(site.id, now),
            paused=self.paused_at(now),
            observing_only=self.observing or self.standby.get(site.id),
            hands_off=self.hands_off(site.id),
            bssids=self._bssids(site),
            ssids=self._names(site),
            radar=tuple(m for m in self.radar.get(site.id, ()) if abs(now.utc_us - m.utc_us) < WEEK_US),
            deeds={
                done: max(0.0, age_us / 1e6)
                for done, age_us in ages.items()
                if site_of(done[0]) == site.id and abs(age_us) < DAY_US  # a clock set far back
            },
            pace=pace,
        )

    @property
    def observing(self) -> str | None:
        """Why nothing but radar is acted on at any site; None: it is."""
        return self.observing_only or self.doubt

    def hands_off(self, site: str) -> str | None:
        """Why not even radar may have anything written at this site: it is another agent's, or this one
        stops."""
        return self.standby.get(site) or (STOPPING if self.observing_only == STOPPING else None)

    def _board(self, site: Site) -> Board:
        if site.id not in self._boards:
            self._boards[site.id] = Board({key: self.radios[key].seen_so_far() for key in site.radios})
        return self._boards[site.id]

    def paused_at(self, now: Moment) -> frozenset[str]:
        """Scopes that are left alone now; a radio on its way out of the configuration is one."""
        running = {scope for scope, until in self.pauses.items() if until is None or not until.passed(now)}
        return frozenset(running | self.leaving)

    def _bssids(self, site: Site) -> Mapping[str, RadioKey]:
        if site.id not in self._sent_by:
            self._sent_by[site.id] = {each.bssid: key for key in site.radios for each in self.radios[key].bss}
        return self._sent_by[site.id]

    def _names(self, site: Site) -> frozenset[str]:
        if site.id not in self._ssids:
            told = (each.ssid for key in site.radios for each in self.radios[key].bss)
            self._ssids[site.id] = frozenset(name for name in told if name)
        return self._ssids[site.id]


class Histories(Mapping[RadioKey, Sequence[Observation]]):
    """The observations of each radio, oldest first, looked up when somebody asks."""

    def __init__(self, memory: Memory) -> None:
        self._radios = memory.radios

    def __getitem__(self, key: RadioKey) -> Sequence[Observation]:
        return self._radios[key].history.observations

    def __iter__(self) -> Iterator[RadioKey]:
        return iter(self._radios)

    def __len__(self) -> int:
        return len(self._radios)
