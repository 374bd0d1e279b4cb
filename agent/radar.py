"""Radar: bars the channels, drops what aims at them, and sends someone after each radio that heard it.

Jumps every queue, cooldown, pause and budget. The non-occupancy period is on disk before any change is
dropped or made; only looking where the radio is waits for no disk.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import structlog

from agent.change import Actor, Change, State, Trigger
from agent.course import Interrupt
from agent.departing import Departing
from agent.desk import Rank
from agent.events import Event, EventKind
from agent.moment import Deadline
from agent.nop import Met, Nop
from agent.planner.radar import TWICE_S
from agent.records import Evidence
from agent.view import block20, block_of
from drivers.types import RadioReading, RadioState, Setting
from inventory import regulatory
from inventory.model import RadioKey
from inventory.regulatory import NOP_S

log = structlog.get_logger()

COPY_S = 2.0
"""hostapd tells each BSS, and the kernel each radio of the machine: what comes again so soon is a copy."""
REPORTS_MOST = 256
"""Of one site that are remembered; each is on disk."""
BEFORE_WRITE = frozenset({State.PROPOSED, State.PLANNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Radar on these 20 MHz channels, heard by one of these radios of one site (more than one: the device
    can't tell which). ``source``: where it came from."""

    site: str
    radios: tuple[RadioKey, ...]
    mhz20: frozenset[int]
    source: str
    drill: bool = False
    event_id: str | None = None
    actor: Actor | None = None
    raw: str = field(default="", repr=False)


class RadarWatch:
    """All radar of the daemon; ``departing`` sees to the single radios."""

    def __init__(self, departing: Departing) -> None:
        self._departing = departing
        self._memory = departing.memory
        self._ledger = departing.ledger
        self._clock = departing.clock
        self._executor = departing.executor
        self._reports: dict[str, deque[tuple[float, Report]]] = {}  # by site: a flood costs no other

    async def heard(self, report: Report) -> None:
        """Bar, watch the radios leave, and drop plans. Copies are dropped; a later hit extends the period."""
        now_s = self._clock.monotonic()
        known = tuple(key for key in report.radios if key in self._memory.radios)
        named, report = report.mhz20, replace(report, radios=known, mhz20=self._where_radar_counts(report))
        if not report.mhz20:
            log.warning("radar.on_no_dfs_channel", site=report.site, radios=list(known), mhz=sorted(named))
            return
        if self._is_copy(report, now_s):
            return
        self._lately(report).append((now_s, report))
        event = self._event(report)
        self._memory.note(event)
        if not report.drill:
            self._memory.meet(report.site, met_of(event))
        nops = self._bar(report)
        for key in report.radios:
            self.verify(key, report.mhz20, event.id, drill=report.drill)
        self._everybody_out(report, event, now_s)
        try:
            await self._write_down(report, event, nops)
        finally:
            self._drop_plans(report)

    def verify(self, key: RadioKey, mhz20: frozenset[int], event_id: str | None, *, drill: bool) -> None:
        """See to it that a radio is off these channels."""
        self._departing.follow(key, mhz20, event_id, drill=drill)

    def left_off(self, key: RadioKey, reading: RadioReading) -> bool:
        """Whether a radio is off because we switched it off, and nobody brought it back."""
        return reading.state is RadioState.OFF and self._departing.ours_off(key)

    async def quiet(self) -> None:
        """When every radio that heard radar has been dealt with."""
        await self._departing.quiet()

    async def abandon(self) -> None:
        """End all watching; the next start polls."""
        await self._departing.abandon()

    def _is_copy(self, report: Report, now_s: float) -> bool:
        return any(
            now_s - at_s < COPY_S and report.mhz20 <= old.mhz20 and set(report.radios) <= set(old.radios)
            for at_s, old in self._lately(report)
        )

    def _lately(self, report: Report) -> deque[tuple[float, Report]]:
        return self._reports.setdefault(report.site, deque(maxlen=REPORTS_MOST))

    def _where_radar_counts(self, report: Report) -> frozenset[int]:
        """Of the channels of a report those that need DFS: elsewhere nobody listens for radar, and a report
        of it is a mistake or a test."""
        country = self._memory.sites[report.site].country
        return frozenset(
            mhz
            for mhz in report.mhz20
            if (one := block20(mhz)) is not None and regulatory.dfs_needed(country, one)
        )

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
            evidence={
                "mhz20": sorted(report.mhz20),
                "source": report.source,
                "radios": list(report.radios),
            },
        )

    def _bar(self, report: Report) -> list[Nop]:
        """The non-occupancy periods, in memory first: a lost disk must not lose radar."""
        until = Deadline.after(self._clock.now(), NOP_S)
        by = report.radios or (RadioKey(report.site),)
        nops = [
            Nop(site=report.site, mhz20=mhz, deadline=until, by_radio=key)
            for mhz in sorted(report.mhz20)
            for key in by
        ]
        self._memory.bar(nops)
        return nops

    async def _write_down(self, report: Report, event: Event, nops: list[Nop]) -> None:
        """On disk: the store's, or the journal's."""
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
        await self._ledger.bar(nops, [entry], event)
        log.warning(
            "radar.heard",
            site=report.site,
            radios=list(report.radios),
            mhz=sorted(report.mhz20),
            source=report.source,
            drill=report.drill,
        )

    def _drop_plans(self, report: Report) -> None:
        """What aims at a hit channel goes no further.

        On a radio that heard it, the AP's own move overtakes every change but one that leads it away. Another
        radio's change is dropped before its write, taken back during it, and left alone once it is in service
        there: the law lets it stay.
        """
        for change in self._memory.changes_of(report.site, self._clock.now()):
            if change.final or change.state is State.ROLLING_BACK:
                continue
            aims = self._departing.aims_at(change, report.mhz20)
            if set(change.radios) & set(report.radios):
                if aims or Setting.CHANNEL not in change.target:
                    self._tell(change, Trigger.SUPERSEDED)
            elif aims and change.state in BEFORE_WRITE:
                self._tell(change, Trigger.SUPERSEDED)
            elif aims and change.state is State.APPLYING:
                self._tell(change, Trigger.UNDO)

    def _tell(self, change: Change, trigger: Trigger) -> None:
        self._executor.interrupt(change.id, Interrupt(trigger=trigger, reason="radar", rank=Rank.RADAR))

    def _everybody_out(self, report: Report, event: Event, now_s: float) -> None:
        """A second detector within a minute: the others in service there leave as well."""
        if not self._confirmed(report, now_s):
            return
        for key in self._memory.sites[report.site].radios:
            reading = self._memory.radios[key].reading
            block = block_of(reading)
            if reading is None or block is None or reading.state is not RadioState.ON_AIR:
                continue
            if block.mhz20 & report.mhz20:
                self.verify(key, report.mhz20, event.id, drill=report.drill)

    def _confirmed(self, report: Report, now_s: float) -> bool:
        """Whether an earlier report, of other radios, names one of these channels."""
        return any(
            now_s - at_s < TWICE_S and old.mhz20 & report.mhz20 and not set(old.radios) & set(report.radios)
            for at_s, old in self._lately(report)
            if old is not report
        )


def met_of(event: Event) -> Met:
    """What an event of radar says of where it was met."""
    return Met(
        utc_us=event.raised_utc_us,
        mhz20=frozenset(event.evidence.get("mhz20", ())),
        radios=frozenset(map(RadioKey, event.evidence.get("radios", ()))),
    )
