"""Takes back what was changed in a period, as changes with the same checks, each in its turn.

The request is on disk before anything is done, so it goes on after a restart; what is left of it is worked
out anew from the changes themselves.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from agent.api.errors import Refused
from agent.audit import EVERY_SITE
from agent.change import Actor, Change, State, Trigger
from agent.changes import Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.executor import Executor
from agent.ledger import LOST_DISK, Ledger
from agent.memory import Memory
from agent.planner.decision import NoChange
from agent.planner.netting import Netted, netted
from agent.records import Record
from inventory.model import RadioKey

log = structlog.get_logger()

KEY: Final = "undo"
AGAIN_S: Final = 5.0
FIRST_S: Final = 20.0
"""So long the person who asks waits for the first round."""
LONGEST_S: Final = 86_400.0
"""What could not be begun by then is given up, and said so."""
WAITS: Final = frozenset({"in_flight", "neighbours", "cooldown", "open_change", "stale", "site_loss"})
"""Guards whose objection passes."""
PASSING: Final = frozenset({"radio_busy", "device_not_readable"})
MOST: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What becomes of one radio. ``state``: would_undo, going_back (an open change), waits, begun, refused,
    nothing_to_do. ``undo``: the change that does it."""

    radio: RadioKey
    changes: tuple[str, ...]
    to: Mapping[str, int]
    state: str
    why: str = ""
    undo: str | None = None


@dataclass(slots=True, kw_only=True)
class Request:
    """``settled``: radios that are dealt with, and how."""

    site: str | None
    since_us: int
    asked_us: int
    actor: Actor
    settled: dict[RadioKey, str] = field(default_factory=dict)

    def to_text(self) -> str:
        who = {"type": self.actor.type, "uid": self.actor.uid, "name": self.actor.name}
        told = {"site": self.site, "since_us": self.since_us, "asked_us": self.asked_us, "actor": who}
        return json.dumps(told | {"settled": self.settled})

    @classmethod
    def of_text(cls, text: str) -> Request:
        told = json.loads(text)
        return cls(**{**told, "actor": Actor(**told["actor"])})


class Undoing:
    """One request at a time."""

    def __init__(
        self, memory: Memory, ledger: Ledger, clock: Clock, executor: Executor, changes: Changes
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._executor = executor
        self._changes = changes
        self._request: Request | None = None
        self._rows: dict[RadioKey, Row] = {}
        self._asked = asyncio.Event()
        self._round = asyncio.Event()

    @property
    def rows(self) -> list[Row]:
        """How far the request under way is; empty: there is none."""
        return list(self._rows.values()) if self._request is not None else []

    def under_way(self, site: str) -> bool:
        """Whether changes of this site are being taken back, or wait for that: no plan should begin."""
        return self._request is not None and self._request.site in (None, site)

    async def preview(self, since_s: float, site: str | None) -> list[Row]:
        """What would be taken back."""
        now_us = self._clock.now().utc_us
        request = Request(
            site=self._known(site), since_us=now_us - round(since_s * 1e6), asked_us=now_us, actor=Actor()
        )
        return [_row(each, "would_undo") for each in await self._left(request)]

    async def ask(self, since_s: float, site: str | None, actor: Actor) -> list[Row]:
        """Begin it; how far it came in the first round. Raises NotFound, Refused (one is under way)."""
        if self._request is not None:
            raise Refused("an undo is under way already: see `rrmd status`")
        now_us = self._clock.now().utc_us
        since_us = now_us - round(since_s * 1e6)
        request = Request(site=self._known(site), since_us=since_us, asked_us=now_us, actor=actor)
        self._request, self._rows = request, {}
        try:
            todo = await self._left(request)
            params = {"since_s": round(since_s), "radios": len(todo)}
            entry = self._ledger.record(
                "operator", "undo.asked", site or EVERY_SITE, actor=actor, params=params
            )
            await self._keep(request.to_text(), entry)
        except LOST_DISK:
            self._request = None
            raise
        self._rows = {each.radio: _row(each, "waits") for each in todo}
        self._round.clear()
        self._asked.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                await self._round.wait()
        return list(self._rows.values())

    async def run(self) -> None:
        """Carry out what is asked, for ever; first of all what an earlier process left."""
        while True:
            try:
                await self._recover()
                break
            except LOST_DISK as error:
                log.error("undo.not_recovered", error=str(error))
                await asyncio.sleep(AGAIN_S)
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._request is not None:
                await self._one_round(self._request)
                self._round.set()
                if self._request is not None:
                    await asyncio.sleep(AGAIN_S)

    async def _recover(self) -> None:
        text = await self._ledger.call(self._ledger.store.get_meta, KEY)
        if text and self._request is None:
            self._request = Request.of_text(text)
            log.warning("undo.goes_on", since_us=self._request.since_us, site=self._request.site)
        if self._request is not None:
            self._asked.set()

    async def _one_round(self, request: Request) -> None:
        try:
            todo = await self._left(request)
            for each in todo:
                self._rows[each.radio] = await self._take_back(each, request)
            if not todo:
                await self._end(request)
        except LOST_DISK as error:
            log.error("undo.waits_for_the_disk", error=str(error))

    async def _left(self, request: Request) -> list[Netted]:
        sites = [request.site] if request.site else list(self._memory.sites)
        found: list[Netted] = []
        for site in sites:
            made = await self._ledger.call(self._ledger.store.changes, site, None, request.since_us, MOST)
            found += netted(made, request.since_us, request.asked_us)
        return [each for each in found if each.radio not in request.settled]

    async def _take_back(self, each: Netted, request: Request) -> Row:
        if each.still_open:
            for change in each.still_open:
                if change.state is not State.ROLLING_BACK:
                    told = Interrupt(trigger=Trigger.UNDO, reason="undo_since", actor=request.actor)
                    self._executor.interrupt(change.id, told)
            return _row(each, "going_back")
        if each.radio not in self._memory.radios:
            return await self._settle(each, request, _row(each, "refused", "not configured any more"))
        opened = await self._changes.try_undo(each.whole, request.actor, "undo_since")
        if isinstance(opened, Change):
            row = _row(each, "begun", undo=opened.id)
        elif opened.reason == "already_there":
            row = _row(each, "nothing_to_do", "it is there already")
        else:
            row = _row(each, "waits" if self._passes(opened, request) else "refused", _why(opened))
        return row if row.state == "waits" else await self._settle(each, request, row)

    def _passes(self, none: NoChange, request: Request) -> bool:
        """Whether it is worth trying again."""
        if self._clock.now().utc_us - request.asked_us > LONGEST_S * 1e6:
            return False
        return none.reason in PASSING or (none.reason == "vetoed" and none.params.get("guard") in WAITS)

    async def _settle(self, each: Netted, request: Request, row: Row) -> Row:
        """The radio is dealt with; the audit names all the changes that this takes back."""
        request.settled[each.radio] = row.state
        params = {"changes": " ".join(row.changes), "why": row.why, "undo": row.undo or ""}
        entry = self._ledger.record(
            "operator",
            "undo.radio",
            each.whole.site,
            radio=each.radio,
            actor=request.actor,
            params=params,
            result=row.state,
        )
        await self._keep(request.to_text(), entry)
        return row

    async def _end(self, request: Request) -> None:
        counts = dict(Counter(request.settled.values()))
        entry = self._ledger.record(
            "operator", "undo.ended", request.site or EVERY_SITE, actor=request.actor, params=counts
        )
        await self._keep("", entry)
        self._request = None
        log.info("undo.ended", **counts)

    async def _keep(self, text: str, entry: Record) -> None:
        """How far it is, and the record that tells of it: both or neither."""
        await self._ledger.write(self._ledger.store.keep, KEY, text, [entry])

    def _known(self, site: str | None) -> str | None:
        return None if site is None else self._memory.site(site).id


def _row(each: Netted, state: str, why: str = "", undo: str | None = None) -> Row:
    return Row(
        radio=each.radio,
        changes=tuple(change.id for change in each.changes),
        to={str(setting): value for setting, value in each.to.items()},
        state=state,
        why=why,
        undo=undo,
    )


def _why(none: NoChange) -> str:
    told = {name: value for name, value in none.params.items() if name in ("guard", "why", "held_by")}
    return " ".join([none.reason, *(f"{name}={value}" for name, value in told.items())])
