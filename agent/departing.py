"""One radio after radar: seen off the channel, forced off it, or switched off and brought back elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from agent.change import Cause, Change, State, Trigger
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

log = structlog.get_logger()

LOOK_S = 0.25
AGAIN_S = 60.0
"""Between two attempts to bring a silent radio back."""
PATIENCE_S = 4.0
"""How long a call to the device may take when radar wants it."""
FREE_S = 2.0
"""How long a change that holds the radio may take to make way for radar."""
UNDONE = frozenset({State.PROPOSED, State.EXPIRED, State.FAILED, State.ROLLED_BACK})
STATUS = frozenset({Table.STATUS})


@dataclass(slots=True)
class Pursuit:
    """What is known of one radio that must leave. A further hit adds channels and starts the clock again."""

    key: RadioKey
    mhz20: frozenset[int]
    event_id: str | None
    drill: bool
    start_s: float
    forced: bool = False
    told: bool = False
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
            if not mhz20 <= known.mhz20:
                known.mhz20, known.start_s, known.forced = known.mhz20 | mhz20, now_s, False
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
        last = next((c for c in changes if key in c.radios and c.state not in UNDONE), None)
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
        policy = self._site(p.key).policy
        wait_s = LOOK_S
        while self.clock.monotonic() - p.start_s < NOP_S:
            reading = await self._look(p.key)
            wait_s = LOOK_S if reading else min(policy.poll_s, wait_s * 2)
            if await self._step(p, reading, policy):
                return
            await asyncio.sleep(wait_s)
        log.warning("radar.never_answered", radio=p.key)

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
        elif step is RadarStep.REPAIR:
            await self._repair(p)
        elif step is RadarStep.OFF:
            await self._off(p)
        elif step is RadarStep.FORCE and not p.forced and not self._leaving(p):
            p.forced = True
            await self._free(p.key)
            await self._move(p, {})
        return step in (RadarStep.GONE, RadarStep.REPAIR, RadarStep.OFF)

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

    async def _look(self, key: RadioKey) -> RadioReading | None:
        """Where the radio is; a call that holds the lane for too long is ended meanwhile."""
        lane = self._lane(key)
        asked = asyncio.create_task(lane.read(STATUS, frozenset({key})), name=f"radar-look-{key}")
        try:
            while not (await asyncio.wait({asked}, timeout=1.0))[0]:
                await lane.hurry(PATIENCE_S)
            snapshot = asked.result()
        except DriverError as error:
            log.debug("radar.look_failed", radio=key, error=str(error))
            return None
        finally:
            asked.cancel()
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

    async def _off(self, p: Pursuit) -> None:
        """Radio off: silence is always legal. Then a restart on a legal channel, if there is one."""
        self._alert(site_of(p.key), "radar: the radio did not leave, it is being switched off", p.key)
        await self._free(p.key)
        off = Move(radio=p.key, target={Setting.ENABLED: 0}, cause=Cause.DFS_RADAR, reason="radio_off_radar")
        change = await self._changes.open(off, drill=p.drill, event_id=p.event_id)
        if isinstance(change, Change):
            await self.executor.settled(change.id, State.MONITORING)
        await self._repair(p)

    async def _repair(self, p: Pursuit) -> None:
        """A silent radio comes back on a legal channel: now, or as soon as there is one."""
        while True:
            await self._free(p.key)
            change = await self._move(p, {Setting.ENABLED: 1}, silent=True)
            if change is not None:
                done = await self.executor.settled(change.id, State.MONITORING)
                if done.state in (State.MONITORING, State.COMMITTED, State.SUPERSEDED):
                    return
            await asyncio.sleep(AGAIN_S)
            reading = await self._look(p.key)
            if reading is not None and reading.state in (RadioState.ON_AIR, RadioState.CAC):
                return

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
        opened = await self._changes.open(move, drill=p.drill, event_id=p.event_id)
        return opened if isinstance(opened, Change) else None

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
