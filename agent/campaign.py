"""Carries plans of sites out, step by step, each move as a change like any other.

A campaign is on disk before its first change begins, and after each step; so it goes on after a restart.
Before each step the rest of it is looked at anew, with the radios where they really are
(`agent.planner.site.remainder`): nothing of a plan is done because it was right an hour ago.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final

import structlog

from agent.api.errors import NotFound, Refused
from agent.campaign_book import CampaignBook
from agent.campaign_progress import (
    READ_WITHIN_S,
    adopt,
    no_way_back,
    objection,
    progress,
    unread,
)
from agent.campaign_record import (
    UNDER_WAY,
    Campaign,
    Part,
    asked,
    became,
    campaign,
    told_of,
    waits_for,
)
from agent.change import HALF_DONE, Actor, Change, State, Trigger
from agent.changes import Changes
from agent.clock import Clock
from agent.counts import Count
from agent.course import Interrupt
from agent.executor import Executor
from agent.ledger import LOST_DISK, Ledger
from agent.memory import Memory
from agent.planner.decision import NOT_NOW
from agent.planner.pooling import pooled
from agent.planner.site.plan import Plan
from agent.planner.site.remainder import remainder
from agent.planner.wording import said
from agent.records import Record
from agent.site_turns import SiteTurns
from agent.supervisor import Supervisor
from inventory.model import Mode, RadioKey, Site

log = structlog.get_logger()

AGAIN_S: Final = 5.0
"""From one look at a campaign under way to the next."""
HELD_S: Final = 60.0
"""The same while all of it waits for its hour."""
GIVE_UP_S: Final = 3600.0
"""So much longer than for the rest it is tried to take back what should not stay by itself."""
UNSENT: Final = frozenset({State.PROPOSED, State.PLANNED})


class Campaigns:
    """One per site at a time. ``alert(site, text, radio)`` calls a person; ``being_undone(site)``: whether
    what was changed there is being taken back."""

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        executor: Executor,
        changes: Changes,
        keeper: Supervisor,
        alert: Callable[[str, str, RadioKey | None], None],
        being_undone: Callable[[str], bool],
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._executor = executor
        self._changes = changes
        self._alert = alert
        self._being_undone = being_undone
        self._book = CampaignBook(ledger, memory)
        self._turns = SiteTurns("plans", keeper, lambda site: self._forget({site}))  # what is on disk counts
        self._running: dict[str, Campaign] = {}
        self._beginning: set[str] = set()  # sites with one that is not on disk yet
        self._opening = defaultdict[str, asyncio.Lock](asyncio.Lock)  # held while a change is opened
        self._pen = asyncio.Lock()  # what has ended must not be written again
        self._known: set[str] = set()  # sites of which the store was asked
        self._due_s: dict[str, float] = {}
        self._read_by_s: dict[str, float] = {}  # until then radios may be waited for, of one left over
        self._refused = defaultdict[str, dict[RadioKey, str]](dict)  # by site, of the last look: not opened
        self._asked = asyncio.Event()

    # -- what a person may ask -------------------------------------------------------------------------

    def running(self, site: str | None = None) -> list[Campaign]:
        """Those under way; of one site, if named."""
        return [each for id, each in self._running.items() if site in (None, id)]

    def idle(self, site: str) -> bool:
        """Whether the site is this agent's to change, and known to have none: none running or beginning."""
        busy = site in self._running or site in self._beginning or self._being_undone(site)
        away = self._memory.observing is not None or site in self._memory.standby
        return site in self._known and not busy and not away

    def check(self, id: str) -> Site:
        """The site, if a plan of it may be begun. Raises NotFound, Refused (one is under way, or nothing may
        be changed)."""
        site = self._memory.site(id)
        if why := self._no_beginning(site):
            raise Refused(why)
        return site

    async def begin(self, plan: Plan, actor: Actor) -> Campaign:
        """Start to carry a plan out. Raises as `check`."""
        site = self.check(plan.site)
        started = campaign(self._ledger.ids(), plan, actor, self._clock.now())
        who = "operator" if started.by_person else "decision"
        entry = self._ledger.record(who, "plan.begun", site.id, actor=actor, params=told_of(started))
        self._beginning.add(site.id)
        try:
            await self._book.write(started, entry)
            self._running[site.id] = started
        except LOST_DISK:
            self._known.discard(site.id)  # what is on it counts
            raise
        finally:
            self._beginning.discard(site.id)
        self._hurry(site.id)
        log.info("plan.begun", site=site.id, plan=started.id, moves=len(plan.moves), by=actor.name)
        return started

    def _no_beginning(self, site: Site) -> str | None:
        if site.id not in self._known and not self._memory.observing:
            return _not_known(site.id)
        if site.id in self._running or site.id in self._beginning:
            return f"a plan of {site.id} is being carried out: see `rrmd status`"
        if site.policy.mode is Mode.OBSERVE:
            return f"{site.id} is in mode observe: nothing is changed there"
        if self._being_undone(site.id):
            return f"what was changed at {site.id} is being taken back: see `rrmd status`"
        return self._memory.observing or self._memory.standby.get(site.id)

    async def stop(self, site: str, actor: Actor) -> Campaign:
        """Begin nothing more of the site's plan. Changes that were sent go on; what would make things worse
        if it stayed by itself is taken back. Raises NotFound, and Refused where that is not known."""
        if (found := self._running.get(site)) is None:
            if site not in self._known:
                raise Refused(self._memory.standby.get(site) or _not_known(site))
            raise NotFound(f"no plan of {site} is being carried out")
        found.stopped = found.stopped or "stopped"  # at once: whoever is at work on a step looks there
        params = {"plan": found.id}
        entry = self._ledger.record("operator", "plan.stopped", site, actor=actor, params=params)
        await self._keep(found, entry)
        async with self._opening[site]:  # one that is being opened counts as open
            await self._give_up(found, "stopped")
        for key in found.those(Part.OPEN):
            change = self._memory.changes.get(found.standings[key].change or "")
            if change is not None and change.state in UNSENT:
                told = Interrupt(trigger=Trigger.UNDO, reason="plan_stopped", actor=actor)
                self._executor.interrupt(change.id, told)
        self._hurry(site)
        return found

    # -- the loop --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever: carry on what is under way, first of all what an earlier process left."""
        while True:
            self._forget(self._known - self._memory.sites.keys())
            for site in list(self._memory.sites.values()):
                await self._turns.take(site.id, self._look(site))
            self._asked.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S if self._running else HELD_S):
                    await self._asked.wait()

    async def _look(self, site: Site) -> None:
        if site.id in self._memory.standby:  # the agent that has the site goes on with it
            self._forget({site.id})
            return
        if self._memory.observing is not None:
            return
        if site.id not in self._known:
            await self._recover(site.id)
        found = self._running.get(site.id)
        if found is not None and self._clock.monotonic() >= self._due_s.get(site.id, 0.0):
            self._due_s[site.id] = self._clock.monotonic() + await self._turn(found, site)

    def _forget(self, sites: Collection[str]) -> None:
        """Not served here any more, or not now; the store knows how far their plans are."""
        for site in list(sites):
            self._running.pop(site, None)
            self._known.discard(site)
            self._refused.pop(site, None)

    async def _recover(self, site: str) -> None:
        try:
            found = await self._book.read(site)
        except (KeyError, TypeError, ValueError):
            await self._unreadable(site)
        else:
            if found is not None:
                self._running[site] = found
                self._read_by_s[site] = self._clock.monotonic() + READ_WITHIN_S
                adopt(found, self._memory.changes_of(site, self._clock.now()))
                log.warning("plan.goes_on", site=site, plan=found.id)
        self._known.add(site)

    async def _unreadable(self, site: str) -> None:
        """What was made of it stays; the rest is not made."""
        await self._book.close(site, self._ledger.record("system", "plan.not_readable", site))
        text = "a plan was being carried out, and what was left of it can't be read: plan anew"
        self._alert(site, text, None)

    def _hurry(self, site: str) -> None:
        self._due_s.pop(site, None)
        self._asked.set()

    async def _turn(self, c: Campaign, site: Site) -> float:
        """One look at a campaign; after how many seconds the next one is."""
        before = c.mark()
        await self._settle(c)
        wait_s = AGAIN_S
        if not c.those(*UNDER_WAY):
            if c.stopped or c.late_s(self._clock.now()) > 0.0:
                await self._give_up(c, "too_late")
            wait_s = await self._go_on(c)
        if c.mark() != before:
            await self._keep(c)
        return wait_s

    def _is_on(self, c: Campaign, key: RadioKey | None = None) -> bool:
        """Whether this agent still has it to carry out, and this radio of it: to be asked after each wait."""
        site = self._memory.sites.get(c.site)
        return self._running.get(c.site) is c and site is not None and (key is None or key in site.radios)

    def _awaited(self, site: Site) -> RadioKey | None:
        """After a start, a radio that was not read since: what is judged without it is judged wrongly."""
        if self._clock.monotonic() >= self._read_by_s.get(site.id, 0.0):
            return None
        return next(unread(site, self._memory), None)

    async def _go_on(self, c: Campaign) -> float:
        if not self._is_on(c):
            return AGAIN_S
        site = self._memory.sites[c.site]
        if key := self._awaited(site):
            c.waits_for = f"{key}: stale never_read"
            return AGAIN_S
        view = self._memory.view(site, self._clock.now()).begun()
        so_far = progress(c, site, self._memory, self._refused.pop(c.site, {}))
        left = await asyncio.to_thread(remainder, pooled(view), so_far)
        if not self._is_on(c) or [c.moves[key] for key in c.those(Part.WAITS)] != list(so_far.todo):
            return AGAIN_S  # ended, or given up, meanwhile
        c.steps_left = left.steps if left.steps is not None else c.steps_left
        await self._drop(c, {key: (v.guard, v.reason, v.params) for key, v in left.dropped.items()})
        c.waits_for = waits_for(left)
        for key in left.back:
            await self._take_back(c, key)
        if left.step and not c.stopped:
            await self._begin_step(c, left.step)
        elif not left.held and not left.back and not c.those(Part.WAITS):
            await self._end(c)
        return AGAIN_S if c.those(*UNDER_WAY) or self._refused.get(c.site) else HELD_S

    # -- parts of a campaign ---------------------------------------------------------------------------

    async def _settle(self, c: Campaign) -> None:
        """What became of the changes under way."""
        for key in c.those(*UNDER_WAY):
            standing = c.standings[key]
            going_back = standing.part is Part.GOING_BACK
            change = await self._book.change(standing.undo if going_back else standing.change)
            if change is None or change.final:
                part, why = became(standing, change)
                if part is Part.WAITS:
                    standing.waits_again()
                else:
                    self._over(c, key, part, why)

    async def _begin_step(self, c: Campaign, radios: tuple[RadioKey, ...]) -> None:
        step = c.steps + 1
        for key in radios:
            async with self._opening[c.site]:
                if self._is_on(c, key) and not c.stopped and c.standings[key].part is Part.WAITS:
                    await self._open(c, key, step)

    async def _open(self, c: Campaign, key: RadioKey, step: int) -> None:
        standing = c.standings[key]
        opened = await self._changes.try_open(asked(c, key, step), actor=c.actor)
        if isinstance(opened, Change):
            standing.part, standing.change = Part.OPEN, opened.id
            c.steps, c.steps_left = step, c.steps_left - (step > c.steps)
        elif opened.reason == "already_there":
            self._over(c, key, Part.MADE, opened.reason)
        elif opened.reason in NOT_NOW:
            c.waits_for = f"{key}: {opened.reason}"
            self._refused[c.site][key] = opened.reason
        else:
            await self._drop(c, {key: ("device", opened.reason, opened.params)})

    async def _take_back(self, c: Campaign, key: RadioKey) -> None:
        """A move that had better not stay by itself goes back, or is tried again at the next look. Nobody
        asks for it at that moment: what holds the plan holds this."""
        standing = c.standings[key]
        done = await self._book.change(standing.change)
        if done is None or not self._is_on(c, key) or standing.part is not Part.MADE:
            return
        opened = await self._changes.try_undo(done, c.actor, HALF_DONE, again=standing.undo is not None)
        if isinstance(opened, Change):
            standing.goes_back(opened.id)
        elif (why := no_way_back(opened)) or c.late_s(self._clock.now()) > GIVE_UP_S:
            self._over(c, key, Part.STAYS, why or opened.reason)
            await self._changes.note(opened)
        else:
            c.waits_for = f"{key}: {objection(opened)}"

    async def _give_up(self, c: Campaign, why: str) -> None:
        c.stopped = c.stopped or why
        await self._drop(c, {key: ("plan", c.stopped, {}) for key in c.those(Part.WAITS)})

    async def _drop(self, c: Campaign, radios: Mapping[RadioKey, tuple[str, str, Mapping[str, Any]]]) -> None:
        records = list[Record]()
        for key, (guard, why, params) in radios.items():
            if c.standings[key].part is not Part.WAITS:
                continue  # dealt with meanwhile
            self._over(c, key, Part.MADE if why == "already_there" else Part.DROPPED, why)
            records.append(self._book.dropped(c, key, {**params, "guard": guard, "why": why}))
        if records:
            await self._keep(c, *records)

    async def _end(self, c: Campaign) -> None:
        params = {"plan": c.id, "steps": c.steps, "why": c.stopped or "done", **c.counts()}
        entry = self._ledger.record("decision", "plan.ended", c.site, actor=c.actor, params=params)
        async with self._pen:
            if not self._is_on(c):
                return
            await self._book.close(c.site, entry)
            self._running.pop(c.site, None)
        if c.stopped == "too_late":
            left = sum(each.why == "too_late" for each in c.standings.values())
            self._alert(c.site, f"plan {c.id} was given up after a day: {left} moves were not made", None)
        log.info("plan.ended", site=c.site, **params)

    # -- small things ----------------------------------------------------------------------------------

    def _over(self, c: Campaign, key: RadioKey, part: Part, why: str) -> None:
        """What became of a move, for the record and the count; a person is told what stays and should not."""
        c.standings[key].part, c.standings[key].why = part, why
        if part is Part.STAYS:
            text = f"plan {c.id} was done in part, and {key} could not be taken back: {said(why)}"
            self._alert(c.site, text, key)
        self._ledger.counts.add(Count.PLAN_MOVES, c.site, str(part))

    async def _keep(self, c: Campaign, *records: Record) -> None:
        async with self._pen:
            if self._running.get(c.site) is c:
                await self._book.write(c, *records)
            elif records:
                await self._ledger.note(*records)


def _not_known(site: str) -> str:
    return f"whether a plan of {site} was left by an earlier process is not known yet"
