"""Takes back what was changed in a period, as changes with the same checks, each in its turn.

The request is on disk before anything is done, one per site, so it goes on after a restart and with the agent
that takes the site over; what is left of it is worked out anew from the changes themselves.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from agent.api.errors import Refused
from agent.audit import EVERY_SITE
from agent.change import HELD_UP, Actor, Change, State, Trigger
from agent.changes import LEFT_ALONE, Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.executor import Executor
from agent.ledger import LOST_DISK, Ledger
from agent.memory import Memory
from agent.moment import Deadline
from agent.planner import guards
from agent.planner.decision import NOT_NOW, NoChange
from agent.planner.netting import Netted, netted
from agent.records import Record
from agent.site_turns import SiteTurns
from agent.supervisor import Supervisor
from agent.undo_record import (
    Request,
    Row,
    ahead_of,
    key_of,
    left_of,
    moved_since,
    row_of,
    undos_of,
)
from agent.view import reported
from drivers.types import ConfigState, Setting, Values
from inventory.model import RadioKey

log = structlog.get_logger()

OLD_KEY: Final = "undo"
"""Where an earlier version kept the one request of all sites."""
AGAIN_S: Final = 5.0
"""From one round to the next."""
LOOK_S: Final = 30.0
"""The same while nothing is asked, and all is known that another agent may have left."""
FIRST_S: Final = 20.0
"""So long the person who asks waits for the first round."""
LONGEST_S: Final = 86_400.0
"""What could not be begun by then is given up, and said so."""
STRAY_S: Final = 60.0
"""Whoever is to carry an open change on has done so by then, after a lost disk or a take-over."""
TRIES_MOST: Final = 10
"""So often one process tries again what was held up when it was to be sent."""
MOST: Final = 100_000

Clear = Callable[[str], Awaitable[None]]


class Undoing:
    """One request per site at a time. ``alert(site, text, radio)`` calls a person."""

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        executor: Executor,
        changes: Changes,
        keeper: Supervisor,
        alert: Callable[[str, str, RadioKey | None], None],
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._executor = executor
        self._changes = changes
        self._alert = alert
        self._turns = SiteTurns("undo", keeper, lambda site: self._forget({site}))  # what is on disk counts
        self._requests: dict[str, Request] = {}  # by site
        self._beginning: set[str] = set()  # sites with one that is not on disk yet
        self._known: set[str] = set()  # sites of which the store was asked
        self._asked = asyncio.Event()

    # -- what a person may ask -------------------------------------------------------------------------

    @property
    def rows(self) -> list[Row]:
        """How far the requests under way are; empty: there is none."""
        return [row for request in self._requests.values() for row in request.rows.values()]

    def under_way(self, site: str) -> bool:
        """Whether changes of this site are being taken back, or wait for that, or it is not known yet of a
        site that is this agent's: no plan should begin."""
        asked = site in self._requests or site in self._beginning
        ours = self._memory.observing is None and site not in self._memory.standby
        return asked or (ours and site not in self._known)

    async def preview(self, since_s: float, site: str | None) -> list[Row]:
        """What would be taken back."""
        now_us = self._clock.now().utc_us
        sites = list(self._memory.sites) if site is None else [self._memory.site(site).id]
        since_us, rows = now_us - round(since_s * 1e6), list[Row]()
        for id in sites:
            made = await self._made(id, since_us)
            left = netted(made, since_us, now_us, ahead_of(made, now_us))
            rows += [self._would_be(each, made) for each in left]
        return rows

    def _would_be(self, each: Netted, made: Sequence[Change]) -> Row:
        if not each.still_open and (why := moved_since(each, made, self._reported(each.radio))):
            return row_of(each, LEFT_ALONE, why)
        return row_of(each, "would_undo")

    def _reported(self, radio: RadioKey) -> Values:
        known = self._memory.radios.get(radio)
        return {} if known is None or known.reading is None else reported(known.reading)

    async def ask(
        self, since_s: float, site: str | None, actor: Actor, clear: Clear | None = None
    ) -> list[Row]:
        """Begin it; how far it came in the first round. ``clear(site)`` ends what else goes on there, while
        nothing new can begin. Raises NotFound, Refused (one is under way, or another agent has the site), and
        what ``clear`` raises."""
        sites = await self._mine(site)
        self._beginning |= set(sites)
        begun: list[Request] = []
        try:
            if clear is not None:
                for id in sites:
                    await clear(id)
            now = self._clock.now()
            for id in sites:
                request = Request(
                    site=id,
                    since_us=now.utc_us - round(since_s * 1e6),
                    asked_us=now.utc_us,
                    until=Deadline.after(now, LONGEST_S),
                    actor=actor,
                )
                await self._begin(request, since_s)
                begun.append(request)
        except LOST_DISK:
            self._known -= set(sites)  # what is on it counts
            raise
        finally:
            self._beginning -= set(sites)
        self._asked.set()
        if self._memory.observing is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_S):
                    for each in begun:
                        await each.looked.wait()
        return [row for each in begun for row in each.rows.values()]

    async def _mine(self, site: str | None) -> list[str]:
        """The sites whose changes may be taken back: the one that is named, or all that are not another
        agent's."""
        named = list(self._memory.sites) if site is None else [self._memory.site(site).id]
        mine = [id for id in named if id not in self._memory.standby]
        if named and not mine:
            raise Refused(f"{named[0]} is another agent's to change: {self._memory.standby[named[0]]}")
        for id in mine:
            if id not in self._known:
                await self._recover(id)
        if any(id in self._requests or id in self._beginning for id in mine):
            raise Refused("an undo is under way already: see `rrmd status`")
        return mine

    async def _begin(self, request: Request, since_s: float) -> None:
        made = await self._made(request.site, request.since_us)
        request.ahead = ahead_of(made, request.asked_us)
        todo = left_of(made, request)
        why = self._memory.observing or ""
        request.rows = {each.radio: row_of(each, "waits", why) for each in todo}
        params = {"since_s": round(since_s), "radios": len(todo)}
        entry = self._ledger.record(
            "operator", "undo.asked", request.site, actor=request.actor, params=params
        )
        await self._keep(request.site, request.to_text(), entry)
        self._requests[request.site] = request

    # -- the loop --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever: carry out what is asked, first of all what an earlier process or another agent left."""
        while True:
            self._asked.clear()
            self._forget(self._known - self._memory.sites.keys())
            for site in list(self._memory.sites):
                await self._turns.take(site, self._look(site))
            calm = not self._requests and self._memory.sites.keys() <= self._known
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if calm else AGAIN_S):
                    await self._asked.wait()

    async def _look(self, site: str) -> None:
        if site in self._memory.standby:  # the agent that has the site goes on with it
            self._forget({site})
            return
        if self._memory.observing is not None:  # nothing can be begun, and nothing be said for good
            return
        if site not in self._known:
            await self._recover(site)
        request = self._requests.get(site)
        if request is not None:
            try:
                await self._one_round(request)
            finally:
                request.looked.set()

    def _forget(self, sites: Collection[str]) -> None:
        """Not served here any more, or not now; the store knows how far their requests are."""
        for site in list(sites):
            self._requests.pop(site, None)
            self._known.discard(site)

    async def _recover(self, site: str) -> None:
        get = self._ledger.store.get_meta
        if await self._ledger.call(get, OLD_KEY):
            await self._lose(OLD_KEY, EVERY_SITE)
        text = await self._ledger.call(get, key_of(site))
        if text and site not in self._requests:
            try:
                self._requests[site] = Request.of_text(text)
            except (KeyError, TypeError, ValueError):
                await self._lose(key_of(site), site)
            else:
                log.warning("undo.goes_on", since_us=self._requests[site].since_us, site=site)
        self._known.add(site)

    async def _lose(self, key: str, site: str) -> None:
        """What another version of rrmd left: whose changes are left is not known for sure."""
        entry = self._ledger.record("system", "undo.not_readable", site)
        await self._ledger.write(self._ledger.store.keep, key, "", [entry])
        text = "an undo was under way, and what was left of it can't be read: ask again, `rrmd undo --since`"
        self._alert(site, text, None)

    def _is_on(self, request: Request) -> bool:
        """Whether this agent still has it to carry out: to be asked after each wait."""
        mine = request.site not in self._memory.standby and not self._ledger.unleased(request.site, 0.0)
        return mine and self._requests.get(request.site) is request

    # -- one request -----------------------------------------------------------------------------------

    async def _one_round(self, request: Request) -> None:
        made = await self._made(request.site, request.since_us)
        last = undos_of(made, request)
        for radio in self._held_up(last, request):
            del request.settled[radio]
        todo = left_of(made, request)
        for each in todo:
            if self._is_on(request):
                request.rows[each.radio] = await self._take_back(each, made, request)
        unsent = any(change.state is State.PLANNED for change in last)
        if not todo and not unsent and self._is_on(request):
            await self._end(request)

    def _held_up(self, last: Iterable[Change], request: Request) -> list[RadioKey]:
        """Radios that wait again, since nothing of their undo was sent."""
        if request.until.passed(self._clock.now()):
            return []
        found = [change.radios[0] for change in last if change.verdict == HELD_UP]
        request.held_up.update(found)
        return [radio for radio in found if request.held_up[radio] <= TRIES_MOST]

    async def _made(self, site: str, since_us: int) -> list[Change]:
        return await self._ledger.call(self._ledger.store.changes, site, None, since_us, MOST)

    async def _take_back(self, each: Netted, made: Sequence[Change], request: Request) -> Row:
        if each.still_open:
            row = self._going_back(each, request)
        elif each.radio not in self._memory.radios:
            row = row_of(each, "refused", "not configured any more")
        else:
            row = await self._undone(each, made, request)
        on_its_way = row.state in ("waits", "going_back")
        return row if on_its_way else await self._settle(each, request, row)

    def _going_back(self, each: Netted, request: Request) -> Row:
        """Open changes go back by themselves, if somebody carries them."""
        stray = [change for change in each.still_open if not self._executor.carries(change.id)]
        if request.until.passed(self._clock.now()):
            return row_of(each, "refused", f"change {each.still_open[0].id} is still open")
        if stray:
            why = f"change {stray[0].id} is open and is not being carried out here"
            now_s = self._clock.monotonic()
            given_up = now_s - request.stray_s.setdefault(each.radio, now_s) >= STRAY_S
            return row_of(each, "refused" if given_up else "waits", why)
        request.stray_s.pop(each.radio, None)
        for change in each.still_open:
            if change.state is not State.ROLLING_BACK:
                told = Interrupt(trigger=Trigger.UNDO, reason="undo_since", actor=request.actor)
                self._executor.interrupt(change.id, told)
        return row_of(each, "going_back")

    async def _undone(self, each: Netted, made: Sequence[Change], request: Request) -> Row:
        as_configured = frozenset[Setting]().union(*(change.as_configured for change in each.changes))

        def moved(have: ConfigState) -> str:
            return moved_since(each, made, have.known(as_configured))

        if moved_since(each, made, self._reported(each.radio)):  # what is left alone waits for nobody
            have = await self._changes.have(each.radio)
            if have is not None and (why := moved(have)):
                return row_of(each, LEFT_ALONE, why)
        opened = await self._changes.try_undo(
            each.whole, request.actor, "undo_since", again=True, of=each.changes, yields=moved
        )
        if isinstance(opened, Change):
            return row_of(each, "begun", undo=opened.id)
        if opened.reason == LEFT_ALONE:
            return row_of(each, LEFT_ALONE, str(opened.params["why"]))
        if opened.reason == "already_there" or any(veto.guard == "same" for veto in opened.vetoes):
            return row_of(each, "nothing_to_do", "it is there already")
        late = request.until.passed(self._clock.now())
        return row_of(each, "waits" if _passes(opened) and not late else "refused", _why(opened))

    async def _settle(self, each: Netted, request: Request, row: Row) -> Row:
        """The radio is dealt with; the audit names all the changes that this takes back."""
        if not self._is_on(request):
            return row  # whoever has the site now finds what was done
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
        await self._keep(request.site, request.to_text(), entry)
        return row

    async def _end(self, request: Request) -> None:
        counts = dict(Counter(request.settled.values()))
        entry = self._ledger.record(
            "operator", "undo.ended", request.site, actor=request.actor, params=counts
        )
        await self._keep(request.site, "", entry)
        self._requests.pop(request.site, None)
        log.info("undo.ended", site=request.site, **counts)

    async def _keep(self, site: str, text: str, entry: Record) -> None:
        """How far it is, and the record that tells of it: both or neither."""
        await self._ledger.write(self._ledger.store.keep, key_of(site), text, [entry])


def _passes(none: NoChange) -> bool:
    """Whether it is worth trying again: the objection that is told passes. (Just after a start others come
    of what is not known yet.) A mode `observe` of the site file is no wait for a person who asks."""
    if not none.vetoes:
        return none.reason in NOT_NOW
    first = none.vetoes[0]
    return guards.passes(first) and first.reason != "observe"


def _why(none: NoChange) -> str:
    told = {name: value for name, value in none.params.items() if name in ("guard", "why", "held_by")}
    return " ".join([none.reason, *(f"{name}={value}" for name, value in told.items())])
