"""Radar: bars the channels, sees that the AP leaves, and makes it leave.

Jumps every queue, cooldown, pause and budget. The non-occupancy period is on disk before anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from agent.change import Actor, Cause, Change, State, Trigger
from agent.changes import Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.events import Event, EventKind
from agent.executor import Executor
from agent.lane import Lane
from agent.ledger import Ledger
from agent.memory import Memory
from agent.moment import Deadline
from agent.nop import Nop
from agent.planner import matrix
from agent.planner.decision import Move, NoChange
from agent.planner.radar import TWICE_S, RadarStep, after_radar
from agent.records import Evidence
from agent.view import block20, block_in_values, block_of
from drivers.errors import DriverError
from drivers.types import RadioReading, Setting, Table
from inventory import regulatory
from inventory.model import Mode, RadioKey, Site, site_of
from inventory.regulatory import NOP_S

log = structlog.get_logger()

LOOK_S = 0.25
PATIENCE_S = 5.0
"""How long a call to the device may still take when radar wants it."""
STATUS = frozenset({Table.STATUS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Radar on these 20 MHz channels, heard by these radios of one site. ``source``: where it came from."""

    site: str
    radios: tuple[RadioKey, ...]
    mhz20: frozenset[int]
    source: str
    drill: bool = False
    event_id: str | None = None
    actor: Actor | None = None
    raw: str = field(default="", repr=False)


class RadarWatch:
    """All radar of the daemon. ``alert(site, text, radio)`` calls a person."""

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
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._lane_of = lane_of
        self._executor = executor
        self._changes = changes
        self._tasks = tasks
        self._alert = alert
        self._verifying: dict[RadioKey, asyncio.Task[None]] = {}
        self._heard: dict[RadioKey, tuple[float, frozenset[int]]] = {}
        self._told_until_s: dict[RadioKey, float] = {}

    async def heard(self, report: Report) -> None:
        """Bar, drop plans, and watch the radios leave. A copy of a report already being dealt with is
        dropped: hostapd tells each BSS, and each radio of the machine."""
        now_s = self._clock.monotonic()
        report = replace(report, mhz20=self._where_radar_counts(report))
        if not report.mhz20 or not self._is_new(report, now_s):
            return
        event = self._event(report)
        self._memory.note(event)
        await self._bar(report, event)
        self._drop_plans(report)
        for key in report.radios:
            self._heard[key] = (now_s, report.mhz20)
            self.verify(key, report.mhz20, event.id, drill=report.drill)
        self._everybody_out(report, event, now_s)

    def verify(self, key: RadioKey, mhz20: frozenset[int], event_id: str | None, *, drill: bool) -> None:
        """See in a task of its own that a radio is off these channels; one task per radio."""
        running = self._verifying.get(key)
        if running is not None and not running.done():
            return
        self._verifying[key] = self._tasks.create_task(
            self._verify(key, mhz20, event_id, drill), name=f"radar-{key}"
        )

    async def quiet(self) -> None:
        """When every radio that heard radar has been dealt with."""
        await asyncio.gather(*self._verifying.values())

    async def abandon(self) -> None:
        """End all watching; the next start polls."""
        for task in self._verifying.values():
            task.cancel()
        await asyncio.gather(*self._verifying.values(), return_exceptions=True)

    def _where_radar_counts(self, report: Report) -> frozenset[int]:
        """Of the channels of a report those that need DFS: elsewhere nobody listens for radar, and a report
        of it is a mistake or a test."""
        country = self._site(report.site).country
        return frozenset(
            mhz
            for mhz in report.mhz20
            if (one := block20(mhz)) is not None and regulatory.dfs_needed(country, one)
        )

    def _is_new(self, report: Report, now_s: float) -> bool:
        known = self._memory.barred(report.site, self._clock.now())
        return not (report.mhz20 <= known and set(report.radios) & self._detectors(report, now_s))

    def _event(self, report: Report) -> Event:
        mhz = ",".join(map(str, sorted(report.mhz20)))
        return Event(
            id=report.event_id or self._ledger.ids(),
            site=report.site,
            kind=EventKind.DFS_RADAR,
            key=f"{report.radios[0] if report.radios else report.site}:{mhz}:{self._clock.now().utc_us}",
            radio=report.radios[0] if report.radios else None,
            severity="critical",
            confidence_ppm=1_000_000,
            raised_utc_us=self._clock.now().utc_us,
            drill=report.drill,
            evidence={"mhz20": sorted(report.mhz20), "source": report.source},
        )

    async def _bar(self, report: Report, event: Event) -> None:
        """Memory first (a lost disk must not lose radar), then the disk."""
        until = Deadline.after(self._clock.now(), NOP_S)
        by = report.radios or (RadioKey(report.site),)
        nops = [
            Nop(site=report.site, mhz20=mhz, deadline=until, by_radio=key)
            for mhz in sorted(report.mhz20)
            for key in by
        ]
        self._memory.bar(nops)
        entry = self._ledger.record(
            "event",
            "radar.heard",
            report.site,
            radio=event.radio,
            event_id=event.id,
            params={"mhz": " ".join(map(str, sorted(report.mhz20))), "source": report.source},
            evidence=[
                Evidence(field="radar", value=mhz, unit="MHz", source=report.source)
                for mhz in sorted(report.mhz20)
            ],
            actor=report.actor,
            drill=report.drill,
        )
        try:
            await self._ledger.write(self._ledger.store.bar, nops, [entry])
            await self._ledger.call(self._ledger.store.raise_event, event)
        except Exception as error:
            if not self._ledger.damaged:
                raise
            self._memory.observing_only = self._ledger.damaged
            log.error("radar.not_on_disk", error=str(error), site=report.site)
        log.warning(
            "radar.heard",
            site=report.site,
            radios=list(report.radios),
            mhz=sorted(report.mhz20),
            source=report.source,
            drill=report.drill,
        )

    def _drop_plans(self, report: Report) -> None:
        """Changes onto a hit channel go no further. One on a radio that heard it goes on only if it leads
        that radio away; else the AP's own move has overtaken it."""
        for change in self._memory.changes_of(report.site, self._clock.now()):
            if change.final or change.state is State.ROLLING_BACK:
                continue
            stays = Setting.CHANNEL not in change.target and set(change.radios) & set(report.radios)
            if stays or self._aims_at(change, report.mhz20):
                self._supersede(change)

    def _aims_at(self, change: Change, mhz20: frozenset[int]) -> bool:
        radio = self._memory.sites[change.site].radios[change.radios[0]]
        target = block_in_values(radio, change.target)
        return target is not None and bool(target.mhz20 & mhz20)

    def _supersede(self, change: Change) -> None:
        self._executor.interrupt(change.id, Interrupt(trigger=Trigger.SUPERSEDED, reason="radar"))

    def _detectors(self, report: Report, now_s: float) -> set[RadioKey]:
        """Radios of the site that heard radar on one of these channels within the last minute."""
        return {
            key
            for key, (at_s, mhz20) in self._heard.items()
            if now_s - at_s < TWICE_S and mhz20 & report.mhz20 and site_of(key) == report.site
        }

    def _everybody_out(self, report: Report, event: Event, now_s: float) -> None:
        """Two radios within a minute: the others in service there leave as well."""
        if len(self._detectors(report, now_s)) < 2:
            return
        for key in self._site(report.site).radios:
            block = block_of(self._memory.radios[key].reading)
            if block is not None and block.mhz20 & report.mhz20:
                self.verify(key, report.mhz20, event.id, drill=report.drill)

    # -- one radio ---------------------------------------------------------------------------------

    async def _verify(self, key: RadioKey, mhz20: frozenset[int], event_id: str | None, drill: bool) -> None:
        start_s, forced = self._clock.monotonic(), False
        policy = self._site(site_of(key)).policy
        watching_only = policy.mode is Mode.OBSERVE
        wait_s, told = LOOK_S, False
        await self._lane(key).hurry(PATIENCE_S)
        while (elapsed_s := self._clock.monotonic() - start_s) < NOP_S:
            reading = await self._look(key)
            elapsed_s = self._clock.monotonic() - start_s
            if reading is None:
                wait_s = min(policy.poll_s, wait_s * 2)
            if reading is None and elapsed_s >= policy.radar_off_s and not told:
                told = True
                self._alert(site_of(key), "radar: the AP does not answer, nobody knows whether it left", key)
            step = after_radar(reading, mhz20, elapsed_s, policy)
            if step is RadarStep.GONE and reading is not None:
                return await self._gone(key, reading, elapsed_s, event_id, drill)
            if watching_only and step in (RadarStep.REPAIR, RadarStep.OFF):
                return self._only_tell(key, mhz20)
            if step is RadarStep.REPAIR and elapsed_s >= LOOK_S:
                return await self._repair(key, event_id, drill)
            if step is RadarStep.OFF:
                return await self._off(key, event_id, drill)
            if step is RadarStep.FORCE and not (forced or watching_only or self._leaving(key, mhz20)):
                forced = True
                await self._force(key, event_id, drill)
            await asyncio.sleep(wait_s)
        log.warning("radar.never_answered", radio=key)
        return None

    def _only_tell(self, key: RadioKey, mhz20: frozenset[int]) -> None:
        """In observe mode nothing is written; a person is told, once per non-occupancy period."""
        now_s = self._clock.monotonic()
        if now_s < self._told_until_s.get(key, 0.0):
            return
        self._told_until_s[key] = now_s + NOP_S
        mhz = " ".join(map(str, sorted(mhz20)))
        self._alert(site_of(key), f"radar on {mhz} MHz: the AP did not leave, and the mode is observe", key)

    def _leaving(self, key: RadioKey, mhz20: frozenset[int]) -> bool:
        """Whether a change of ours is already taking the radio away: a second order would only disturb it."""
        return any(
            change.state is State.APPLYING and key in change.radios and not self._aims_at(change, mhz20)
            for change in self._memory.changes_of(site_of(key), self._clock.now())
            if Setting.CHANNEL in change.target
        )

    async def _look(self, key: RadioKey) -> RadioReading | None:
        try:
            snapshot = await self._lane(key).read(STATUS, frozenset({key}))
        except DriverError as error:
            log.debug("radar.look_failed", radio=key, error=str(error))
            return None
        self._memory.see(snapshot)
        return snapshot.readings.get(key)

    async def _gone(
        self, key: RadioKey, reading: RadioReading, elapsed_s: float, event_id: str | None, drill: bool
    ) -> None:
        block = block_of(reading)
        await self._note(key, "radar.left", event_id, drill, to=str(block), after_ms=round(elapsed_s * 1e3))
        log.info("radar.left", radio=key, to=str(block), after_s=round(elapsed_s, 2))

    async def _force(self, key: RadioKey, event_id: str | None, drill: bool) -> None:
        """Onto the best legal channel that is free at once."""
        await self._free(key)
        await self._move(key, {}, event_id, drill)

    async def _off(self, key: RadioKey, event_id: str | None, drill: bool) -> None:
        """Radio off: silence is always legal. Then a restart on a legal channel, if there is one."""
        self._alert(site_of(key), "radar: the radio did not leave, it is being switched off", key)
        await self._free(key)
        off = Move(radio=key, target={Setting.ENABLED: 0}, cause=Cause.DFS_RADAR, reason="radio_off_radar")
        change = await self._changes.open(off, drill=drill, event_id=event_id)
        if isinstance(change, Change):
            await self._executor.settled(change.id, State.MONITORING)
            await self._free(key)
        await self._repair(key, event_id, drill)

    async def _repair(self, key: RadioKey, event_id: str | None, drill: bool) -> None:
        """A silent radio comes back on a legal channel."""
        await self._free(key)
        if not await self._move(key, {Setting.ENABLED: 1}, event_id, drill):
            self._alert(site_of(key), "radar: no legal channel is free, the radio stays silent", key)

    async def _move(self, key: RadioKey, more: dict[Setting, int], event_id: str | None, drill: bool) -> bool:
        view = self._memory.view(self._site(site_of(key)), self._clock.now())
        decision = matrix.escape(view, key)
        if isinstance(decision, NoChange):
            await self._changes.note(decision, drill=drill, event_id=event_id)
            self._alert(site_of(key), f"radar: not moved, {decision.reason} {dict(decision.params)}", key)
            return False
        move = Move(
            radio=key,
            target={**decision.target, **more},
            cause=Cause.DFS_RADAR,
            reason=decision.reason,
            params=decision.params,
            candidates=decision.candidates,
        )
        return isinstance(await self._changes.open(move, drill=drill, event_id=event_id), Change)

    async def _free(self, key: RadioKey) -> None:
        """Neither a hung call nor another change may hold the radio: radar comes first."""
        await self._lane(key).hurry(PATIENCE_S)
        for change in self._memory.changes_of(site_of(key), self._clock.now()):
            if key not in change.radios:
                continue
            if not change.final and self._executor.interrupt(
                change.id, Interrupt(trigger=Trigger.SUPERSEDED, reason="radar")
            ):
                await self._executor.finished(change.id)
            elif change.id in self._memory.stuck:
                await self._changes.release(change, change.actor)

    async def _note(
        self, key: RadioKey, reason: str, event_id: str | None, drill: bool, **params: int | str
    ) -> None:
        entry = self._ledger.record(
            "event", reason, site_of(key), radio=key, event_id=event_id, params=params, drill=drill
        )
        await self._ledger.note(entry)

    def _site(self, site: str) -> Site:
        return self._memory.sites[site]

    def _lane(self, key: RadioKey) -> Lane:
        site = self._site(site_of(key))
        return self._lane_of(site.id, site.device_of(key).id)
