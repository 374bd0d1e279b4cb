"""One radio after radar: seen off the channel, forced off it, or switched off and brought back elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from agent.change import WITHOUT_EFFECT, Cause, Change, State, Trigger
from agent.changes import Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.desk import Rank, ranked
from agent.executor import Executor
from agent.lane import Lane
from agent.ledger import LOST_DISK, Ledger
from agent.memory import Memory
from agent.planner import matrix
from agent.planner.decision import Move, NoChange
from agent.planner.radar import RadarStep, after_radar
from agent.view import block_in_values, block_of
from drivers.errors import DriverError
from drivers.types import RadioReading, RadioState, Setting, Table
from inventory.model import Policy, RadioKey, Site, site_of
from inventory.regulatory import NOP_S

R = TypeVar("R")
log = structlog.get_logger()

LOOK_S = 0.25
AGAIN_S = 60.0
"""From the first attempt to bring a silent radio back to the next; doubled each time, up to AGAIN_MOST_S."""
AGAIN_MOST_S = 3600.0
ORDER_AGAIN_S = 1.0
"""From an order that came to nothing to the next, while the radio is on the channel; doubled each time."""
ORDER_AGAIN_MOST_S = 60.0
PATIENCE_S = 4.0
"""How long a call to the device may take when radar wants it."""
FREE_S = 2.0
"""How long a change that holds the radio may take to make way for radar."""
SILENT = frozenset({RadioState.OFF, RadioState.NOP})
STATUS = frozenset({Table.STATUS})


@dataclass(slots=True)
class Pursuit:
    """What is known of one radio that must leave. A further hit adds channels and starts the clock again.

    ``due_s``: no order before that, on the monotonic clock; ``again_s``: the wait after the next order that
    comes to nothing, None = none has; ``silent``: it sent nothing when it was last seen; ``called_off`` and
    ``refused``: a person knows that it is being switched off, and that it could not be.
    """

    key: RadioKey
    mhz20: frozenset[int]
    event_id: str | None
    drill: bool
    start_s: float
    forced: bool = False
    told: bool = False
    called_off: bool = False
    refused: bool = False
    silent: bool = False
    due_s: float = 0.0
    again_s: float | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def hit(self, mhz20: frozenset[int], now_s: float) -> None:
        """Radar again: on another channel, or on the one that it came back to."""
        self.mhz20, self.start_s, self.forced = self.mhz20 | mhz20, now_s, False
        self.due_s, self.again_s = 0.0, None
        self.called_off = self.refused = False

    def put_off(self, now_s: float, first_s: float, most_s: float) -> None:
        """An order came to nothing: the next one later, each time twice as late."""
        wait_s = self.again_s or first_s
        self.due_s, self.again_s = now_s + wait_s, min(most_s, wait_s * 2)

    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Departing:
    """The radios that must leave a channel, a task each. ``alert(site, text, radio)`` calls a person."""

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        lane_of: Callable[[str, str], Lane],
        executor: Executor,
        changes: Changes,
        tasks: asyncio.TaskGroup,
        alert: Callable[[str, str, RadioKey | None], None],
    ) -> None:
        self.memory = memory
        self.ledger = ledger
        self.clock = clock
        self.executor = executor
        self._lane_of = lane_of
        self._changes = changes
        self._tasks = tasks
        self._alert = alert
        self._pursuits: dict[RadioKey, Pursuit] = {}
        self._told_until_s: dict[RadioKey, float] = {}

    def follow(self, key: RadioKey, mhz20: frozenset[int], event_id: str | None, *, drill: bool) -> None:
        """See in a task of its own that a radio is off these channels; one task per radio."""
        now_s = self.clock.monotonic()
        known = self._pursuits.get(key)
        if known is not None and known.task is not None and not known.task.done():
            if not mhz20 <= known.mhz20 or (known.silent and event_id is not None):
                known.hit(mhz20, now_s)
            known.woken.set()
            return
        pursuit = Pursuit(key=key, mhz20=mhz20, event_id=event_id, drill=drill, start_s=now_s)
        self._pursuits[key] = pursuit
        pursuit.task = self._tasks.create_task(self._guarded(pursuit), name=f"radar-{key}")

    async def quiet(self) -> None:
        """When every radio has been dealt with."""
        await asyncio.gather(*self._running())

    async def abandon(self) -> None:
        """End all tasks."""
        for task in self._running():
            task.cancel()
        await asyncio.gather(*self._running(), return_exceptions=True)

    def aims_at(self, change: Change, mhz20: frozenset[int]) -> bool:
        """Whether a change leads onto one of these channels."""
        radio = self.memory.sites[change.site].radios.get(change.radios[0])
        target = block_in_values(radio, change.target) if radio else None
        return target is not None and bool(target.mhz20 & mhz20)

    def ours_off(self, key: RadioKey) -> bool:
        """Whether the last change of the radio that took effect switched it off because of radar."""
        changes = self.memory.changes_of(site_of(key), self.clock.now())
        last = next((c for c in changes if key in c.radios and c.state not in WITHOUT_EFFECT), None)
        return last is not None and last.cause is Cause.DFS_RADAR and last.target.get(Setting.ENABLED) == 0

    def _running(self) -> list[asyncio.Task[None]]:
        return [p.task for p in self._pursuits.values() if p.task is not None]

    async def _guarded(self, pursuit: Pursuit) -> None:
        try:
            with ranked(Rank.RADAR):  # the change that it opens too
                await self._pursue(pursuit)
        except Exception as error:  # one radio's trouble must not end the watch over all others
            log.exception("radar.gave_up", radio=pursuit.key)
            self._tell_once(pursuit.key, f"radar: nothing more can be done by the agent: {error}")

    async def _pursue(self, p: Pursuit) -> None:
        wait_s = LOOK_S
        while p.key in self.memory.radios:
            policy = self._site(p.key).policy  # a reload may have altered it
            p.woken.clear()
            reading = await self._look(p.key)
            p.silent = reading is not None and reading.state in SILENT
            if await self._step(p, reading, policy):
                return
            now_s = self.clock.monotonic()
            if now_s - p.start_s >= NOP_S and not (p.silent and self._ours(p.key, policy)):
                log.warning("radar.never_left" if reading else "radar.never_answered", radio=p.key)
                return
            idle = reading is None or p.due_s > now_s
            wait_s = min(policy.poll_s, wait_s * 2) if idle else LOOK_S
            await self._rest(p, min(wait_s, max(LOOK_S, p.due_s - now_s)) if p.due_s > now_s else wait_s)

    async def _rest(self, p: Pursuit, seconds: float) -> None:
        """So long, or until radar is heard again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await p.woken.wait()

    def _ours(self, key: RadioKey, policy: Policy) -> bool:
        """Whether this agent may write to the radio, for radar at least."""
        return policy.mode.writes and not self.memory.hands_off(site_of(key))

    async def _step(self, p: Pursuit, reading: RadioReading | None, policy: Policy) -> bool:
        """What the moment asks for; True when the radio has been dealt with."""
        elapsed_s = self.clock.monotonic() - p.start_s
        if reading is None and elapsed_s >= policy.radar_off_s and not p.told:
            p.told = True
            self._tell_once(p.key, "radar: the AP does not answer, nobody knows whether it left")
        step = after_radar(reading, p.mhz20, elapsed_s, policy, ours_off=self.ours_off(p.key))
        if step is RadarStep.GONE and reading is not None:
            await self._gone(p, reading, elapsed_s)
        elif not policy.mode.writes:
            return self._only_told(p, step)
        elif self.memory.hands_off(site_of(p.key)):
            return False  # the agent that has the site sees to it
        elif p.due_s <= self.clock.monotonic():
            return await self._order(p, step)
        return step is RadarStep.GONE

    async def _order(self, p: Pursuit, step: RadarStep) -> bool:
        """Have the radio do what the moment asks for; True when it is seen to be where it may be."""
        if step is RadarStep.REPAIR:
            return await self._repair(p)
        if step is RadarStep.OFF:
            return await self._off(p)
        if step is RadarStep.FORCE and not p.forced and not self._leaving(p):
            await self._free(p.key)
            p.forced = await self._move(p, {}) is not None
            if not p.forced:
                off_s = p.start_s + self._site(p.key).policy.radar_off_s
                p.due_s = min(off_s, self.clock.monotonic() + ORDER_AGAIN_S)
        return False

    def _only_told(self, p: Pursuit, step: RadarStep) -> bool:
        """In the modes observe and dry_run nothing is written; a person is told."""
        if step not in (RadarStep.REPAIR, RadarStep.OFF):
            return False
        mhz = " ".join(map(str, sorted(p.mhz20)))
        mode = self._site(p.key).policy.mode
        self._tell_once(p.key, f"radar on {mhz} MHz: the AP did not leave, and the mode is {mode}")
        return True

    def _tell_once(self, key: RadioKey, text: str) -> None:
        """One alert per radio and non-occupancy period."""
        now_s = self.clock.monotonic()
        if now_s >= self._told_until_s.get(key, 0.0):
            self._told_until_s[key] = now_s + NOP_S
            self._alert(site_of(key), text, key)

    def _leaving(self, p: Pursuit) -> bool:
        """Whether a change of ours is already taking the radio away: a second order would only disturb it."""
        return any(
            change.state is State.APPLYING
            and p.key in change.radios
            and self.executor.carries(change.id)
            and not self.aims_at(change, p.mhz20)
            for change in self.memory.changes_of(site_of(p.key), self.clock.now())
            if Setting.CHANNEL in change.target
        )

    async def _hurried(self, key: RadioKey, work: Coroutine[Any, Any, R]) -> R:
        """What comes of it; a call that holds the lane for too long is ended meanwhile."""
        lane = self._lane(key)
        asked = asyncio.create_task(work, name=f"radar-asks-{key}")
        try:
            while not (await asyncio.wait({asked}, timeout=1.0))[0]:
                await lane.hurry(PATIENCE_S)
            return asked.result()
        finally:
            asked.cancel()

    async def _look(self, key: RadioKey) -> RadioReading | None:
        """Where the radio is; None: nobody knows."""
        try:
            snapshot = await self._hurried(key, self._lane(key).read(STATUS, frozenset({key})))
        except DriverError as error:
            log.debug("radar.look_failed", radio=key, error=str(error))
            return None
        self.memory.see(snapshot)
        return snapshot.readings.get(key)

    async def _gone(self, p: Pursuit, reading: RadioReading, elapsed_s: float) -> None:
        where = str(block_of(reading)) if reading.state is not RadioState.OFF else "off"
        entry = self.ledger.record(
            "event",
            "radar.left",
            site_of(p.key),
            radio=p.key,
            event_id=p.event_id,
            params={"to": where, "after_ms": round(elapsed_s * 1e3)},
            drill=p.drill,
        )
        await self.ledger.note(entry, urgent=True)
        log.info("radar.left", radio=p.key, to=where, after_s=round(elapsed_s, 2))

    async def _off(self, p: Pursuit) -> bool:
        """Radio off: silence is always legal. Then a restart on a legal channel, if there is one. False: it
        could not be switched off, and will be looked at again."""
        if not p.called_off:
            p.called_off = True
            self._alert(site_of(p.key), "radar: the radio did not leave, it is being switched off", p.key)
        await self._free(p.key)
        off = Move(radio=p.key, target={Setting.ENABLED: 0}, cause=Cause.DFS_RADAR, reason="radio_off_radar")
        if await self._carried_out(await self._open(p, off)):
            p.due_s, p.again_s, p.silent = 0.0, None, True
            return await self._repair(p)
        if not p.refused:
            p.refused = True
            text = "radar: the radio could not be switched off, it may still be on the channel; tried again"
            self._alert(site_of(p.key), text, p.key)
        p.put_off(self.clock.monotonic(), ORDER_AGAIN_S, ORDER_AGAIN_MOST_S)
        return False

    async def _repair(self, p: Pursuit) -> bool:
        """A silent radio comes back on a legal channel; False: not yet, and it is tried again."""
        await self._free(p.key)
        change = await self._move(p, {Setting.ENABLED: 1}, silent=True)
        if change is not None and await self._carried_out(change) and not self.aims_at(change, p.mhz20):
            return True
        p.put_off(self.clock.monotonic(), AGAIN_S, AGAIN_MOST_S)
        return False

    async def _carried_out(self, change: Change | None) -> bool:
        """Whether the device was seen to have done it."""
        if change is None:
            return False
        done = await self.executor.settled(change.id, State.MONITORING)
        return done.state in (State.MONITORING, State.COMMITTED)

    async def _move(self, p: Pursuit, more: dict[Setting, int], *, silent: bool = False) -> Change | None:
        view = self.memory.view(self._site(p.key), self.clock.now())
        decision = matrix.escape(view, p.key, silent=silent)
        if isinstance(decision, NoChange):
            await self._changes.note(decision, drill=p.drill, event_id=p.event_id, urgent=True)
            why = " ".join([decision.reason, *(f"{k}={v}" for k, v in decision.params.items())])
            self._tell_once(p.key, f"radar: the radio is not moved: {why}")
            return None
        move = Move(
            radio=p.key,
            target={**decision.target, **more},
            cause=Cause.DFS_RADAR,
            reason=decision.reason,
            params=decision.params,
            candidates=decision.candidates,
        )
        return await self._open(p, move)

    async def _open(self, p: Pursuit, move: Move) -> Change | None:
        """The change, begun; None: it could not be."""
        opening = self._changes.open(move, drill=p.drill, event_id=p.event_id)
        opened = await self._hurried(p.key, opening)
        if isinstance(opened, NoChange) and opened.reason == "radio_busy":
            await self._learn_of(str(opened.params["held_by"]))
        return opened if isinstance(opened, Change) else None

    async def _learn_of(self, holder: str) -> None:
        """A change that has the radio and is not known here, or not as the store has it: the next try frees
        the radio of it."""
        row = await self.ledger.call(self.ledger.store.change, holder)
        if row is None or self.executor.carries(row.id):
            return
        log.warning("radar.held_by_unknown", change=row.id, state=str(row.state))
        self.memory.remember(row)
        if row.state is State.ESCALATED:
            self.memory.stuck.add(row.id)

    async def _free(self, key: RadioKey) -> None:
        """Neither a hung call nor another change may hold the radio: radar comes first."""
        await self._lane(key).hurry(PATIENCE_S)
        for change in self.memory.changes_of(site_of(key), self.clock.now()):
            if key not in change.radios:
                continue
            told = Interrupt(trigger=Trigger.SUPERSEDED, reason="radar", rank=Rank.RADAR)
            if not change.final and self.executor.interrupt(change.id, told):
                change = await self.executor.freed(change.id, FREE_S)
            if not change.final:  # the store was lost, or hangs, in the middle of it
                after = await self.ledger.step(change, Trigger.SUPERSEDED, reason="radar")
                self.memory.remember(after)
            elif change.id in self.memory.stuck:
                with suppress(*LOST_DISK):  # the journal frees it when the store is back
                    await self._changes.release(change, change.actor)

    def _site(self, key: RadioKey) -> Site:
        return self.memory.sites[site_of(key)]

    def _lane(self, key: RadioKey) -> Lane:
        site = self._site(key)
        return self._lane_of(site.id, site.device_of(key).id)
