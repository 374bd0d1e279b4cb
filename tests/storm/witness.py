"""Counts what reaches the inbox, and holds against the agent every report of radar that it was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from judge import Judge
from rig import Rig
from storm.weather import dfs_mhz

from agent.agent import Agent
from agent.change import Cause, Change, State
from agent.store.errors import StoreUnavailable
from agent.store.store import Store
from drivers.signals import CacFinished, CacStarted, ClientLeft, RadarDetected, Signal
from drivers.types import Edit, RadioState, Setting, Snapshot, Table
from inventory.model import RadioKey
from inventory.regulatory import NOP_S

UNHEARD = (CacStarted, CacFinished, ClientLeft)
"""Signals that the inbox has no use for: not counted."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A report of radar that was handed to the agent, at monotonic seconds."""

    at_s: float
    key: RadioKey
    mhz20: frozenset[int]


@dataclass(slots=True)
class Tally:
    """What was counted, and what was wrong. ``unfinished``: reports whose agent was killed, or whose disk was
    lost, before it could write them down; the next poll must find what is still true."""

    heard: Counter[str] = field(default_factory=Counter)
    radar: int = 0
    unfinished: int = 0
    changes: int = 0
    raised: int = 0
    decisions: int = 0
    lives: int = 0
    writes: int = 0
    simulated_s: float = 0.0
    lost: list[str] = field(default_factory=list)
    illegal: list[str] = field(default_factory=list)
    without_deadline: list[str] = field(default_factory=list)
    unaudited: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def events(self) -> int:
        return sum(self.heard.values())

    @property
    def clean(self) -> bool:
        return not (self.lost or self.illegal or self.without_deadline or self.unaudited or self.other)

    def add(self, more: Tally) -> None:
        for name in self.__slots__:
            mine = getattr(self, name)
            if isinstance(mine, Counter):
                mine.update(getattr(more, name))
            else:
                setattr(self, name, mine + getattr(more, name))


DEALT_WITH_S = 10.0
"""By then radar is on disk, or in the journal, and the radio is off it."""


class Killed(BaseException):
    """The process is no more."""


class Death:
    """Comes at the n-th point of a life (None: never), and nothing reaches a disk or a device afterwards."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.come = False

    def __call__(self, number: int, name: str) -> None:
        self.come |= number == self.at
        if self.come:
            raise Killed(name)


ILLEGAL = ("illegal", "no such block", "in a non-occupancy period", "where radar was", "a timer that could")
UNAUDITED = (
    "no change stored",
    "no token",
    "not in the audit",
    "the audit file",
    "the token is used",
    "undone",
)


class Witness(Judge):
    """``reported``: 20 MHz channel -> until when it is barred, by the reports alone and by monotonic time:
    what the agent made of them in its memory, or on its disk, does not count."""

    def __init__(self, rig: Rig, tally: Tally) -> None:
        super().__init__(rig, lists=True)
        self.tally = tally
        self.reported: dict[int, float] = {}
        self._before: dict[Hit, dict[int, float]] = {}  # each: what was reported till then
        self.disk_lost = False
        self.death = Death()  # of this life
        self.handed: list[Hit] = []  # to this life, which has not come back for more
        self.waiting: list[Hit] = []  # for a disk
        self._dfs = frozenset(dfs_mhz(rig.site))

    def device(self, device: Any) -> Any:
        device = super().device(device)
        listen, ask, death = device.signals, device.read, self.death

        async def signals() -> AsyncIterator[Signal]:
            async for signal in listen():
                if not isinstance(signal, UNHEARD):
                    self.tally.heard[type(signal).__name__] += 1
                hit = self._reported(signal)
                try:
                    yield signal
                finally:  # whoever listened may have failed, and asks for no more
                    if hit is not None and not death.come:
                        self._kept(hit)

        async def read(tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
            found: Snapshot = await ask(tables, radios)
            if Table.CLIENTS in tables:  # a poll, not a look
                self.tally.heard["reading"] += len(found.readings)
                self.tally.heard["no reading"] += len(found.missing)
            return found

        device.signals, device.read = signals, read
        return device

    def _reported(self, signal: Signal) -> Hit | None:
        if not isinstance(signal, RadarDetected) or signal.radio is None or not signal.authenticated:
            return None
        agent, _ = self.known
        if signal.radio not in agent.memory.radios:
            return None  # it has left the configuration
        self.tally.radar += 1
        now_s = self.rig.clock.monotonic()
        hit = Hit(now_s, signal.radio, signal.mhz20 & self._dfs)
        self._before[hit] = {mhz: self.reported[mhz] for mhz in hit.mhz20 if mhz in self.reported}
        self.reported |= dict.fromkeys(hit.mhz20, now_s + NOP_S)
        self.handed.append(hit)
        return hit

    def _kept(self, hit: Hit) -> None:
        """The inbox has dealt with it: it must be in memory, and on disk where there is one."""
        if hit not in self.handed:
            return
        self.handed.remove(hit)
        agent, store = self.known
        now = self.rig.clock.now()
        if not hit.mhz20 <= agent.memory.barred("lab", now):
            self.tally.lost.append(f"not barred: {hit}")
        if self.disk_lost:
            self.waiting.append(hit)
            return
        kept = {nop.mhz20 for nop in store.nops(now)}
        kept |= {nop.mhz20 for entry in agent.ledger.backlog.waiting for nop in entry.nops}
        if not hit.mhz20 <= kept:
            self.tally.lost.append(f"not on disk: {hit}")

    def ended(self, *, dead: bool) -> None:
        """A life is over. Dead: what it was dealing with, and what was in its memory only, is lost with it;
        ended well: what it was dealing with is on its disk, or in its journal."""
        agent, _ = self.known
        if not dead:
            self.waiting += self.handed
        elif agent.ledger.backlog.lost is not None:
            self.tally.unfinished += len(self.handed) + len(self.waiting)
            self.waiting.clear()
        else:
            self.tally.unfinished += len(self.handed)
        if dead:
            self._unsay()
        self.handed.clear()
        self._before.clear()

    def _unsay(self) -> None:
        """What this life was told just now and did not live to deal with nobody knows of: no later life can
        mind it."""
        now_s = self.rig.clock.monotonic()
        for hit in [hit for hit in reversed(self.handed) if now_s - hit.at_s < DEALT_WITH_S]:
            for mhz in hit.mhz20:
                if self.reported.get(mhz) == hit.at_s + NOP_S:
                    del self.reported[mhz]
            self.reported |= {mhz: s for mhz, s in self._before[hit].items() if mhz not in self.reported}

    def disk_is_back(self) -> None:
        """And has been for long: what was reported meanwhile is on it."""
        _, store = self.known
        now = self.rig.clock.now()
        kept = {nop.mhz20 for nop in store.nops(now)}
        late = [hit for hit in self.waiting if now.monotonic_s - hit.at_s < NOP_S - 10.0]
        self.tally.lost += [f"not on disk later: {hit}" for hit in late if not hit.mhz20 <= kept]
        self.waiting.clear()

    def barred(self) -> frozenset[int]:
        now_s = self.rig.clock.monotonic()
        return frozenset(mhz for mhz, until_s in self.reported.items() if until_s > now_s)

    def broken(self, edit: Edit) -> Iterator[str]:
        """While the disk is lost, radar's changes are in the journal instead."""
        agent, store = self.known
        change = agent.ledger.backlog.changes().get(edit.change_id)
        if change is None:
            yield from super().broken(edit)
            return
        if change.cause is not Cause.DFS_RADAR:
            yield "journalled, and not of radar"
        if change.state not in (State.APPLYING, State.ROLLING_BACK):
            yield f"journalled as {change.state} only"
        yield from self.lawful(store, agent, change, edit)

    def lawful(self, store: Store, agent: Agent, change: Change, edit: Edit) -> Iterator[str]:
        yield from super().lawful(store, agent, change, edit)
        block = self.block_after(edit)
        here = self.rig.world.radio(edit.scope.members[0])
        there = here.state is RadioState.ON_AIR and block is not None and block.mhz20 <= here.block.mhz20
        off = edit.set.get(Setting.ENABLED) == 0
        if block is not None and not there and not off and block.mhz20 & self.barred():
            yield f"where radar was reported, {sorted(block.mhz20 & self.barred())}"

    def sort_out(self) -> None:
        """What was found wrong goes where it belongs."""
        for each in self.wrong:
            rule = each.partition(":")[0]
            if any(word in rule for word in ILLEGAL):
                self.tally.illegal.append(each)
            elif any(word in rule for word in UNAUDITED):
                self.tally.unaudited.append(each)
            else:
                self.tally.other.append(each)
        self.wrong.clear()

    def overdue(self, patience_s: float) -> list[str]:
        """Open changes without a deadline, or whose deadline passed longer ago than this."""
        _, store = self.known
        try:
            changes = store.open_changes()
        except StoreUnavailable:
            return []
        now = self.rig.clock.now()
        return [
            f"{c.id} {c.state} {c.deadline}"
            for c in changes
            if c.deadline is None or c.deadline.left_s(now) < -patience_s
        ]
