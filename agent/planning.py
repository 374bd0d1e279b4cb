"""When and how plans of sites are made: for a person who asks, and by the agent in the hours for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from agent.api.errors import NotFound, Refused
from agent.campaign import Campaigns
from agent.change import Actor
from agent.clock import Clock
from agent.json_text import JsonText
from agent.ledger import Ledger
from agent.memory import Memory
from agent.plan_runner import PlanningFailed, most_s, plan_of
from agent.planner import budget, guards
from agent.planner.pooling import WARM_S, pooled
from agent.planner.proposal import Proposal
from agent.planner.site.plan import Plan, Wishes
from agent.planner.site.plan_json import from_wishes, to_plan
from agent.planner.site.remainder import CAUSE
from agent.planner.site.returning import returning
from agent.planner.site.snapshot import text_of
from agent.planner.site.wishes import most_moves, no_zone, wishes_of
from agent.site_turns import SiteTurns
from agent.supervisor import Supervisor
from agent.view import SiteView
from drivers.types import Values
from inventory.model import Mode, RadioKey, Site
from inventory.windows import in_force, until

log = structlog.get_logger()

LOOK_S: Final = 60.0
"""From one look for something to begin to the next."""

RETURN_S: Final = 900.0
"""From one look for radios that might return after radar to the next, in quiet hours."""

TRIES_MOST: Final = 3
"""Of a plan in one window."""

AGAIN_S: Final = 900.0
"""From a try of which no plan came to the next."""

ACTED_ON: Final = frozenset({Mode.ACT, Mode.ADVISE})
"""Where it is otherwise nothing moves, and what should return now should do so at the next look as well: that
is told once."""

MakePlan = Callable[[SiteView, Wishes], Awaitable[Plan]]
"""Raises PlanningFailed."""


async def in_a_child(view: SiteView, wishes: Wishes) -> Plan:
    """A plan made in a process of its own. Raises PlanningFailed."""
    snapshot = await asyncio.to_thread(text_of, view)
    answer = await plan_of(JsonText(snapshot), from_wishes(wishes), limit_s=most_s(wishes))
    try:
        return to_plan(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise PlanningFailed("the planner's answer makes no sense") from error


class Planning:
    """One plan at a time, whoever wants it: it takes memory. ``make``: who makes it."""

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        campaigns: Campaigns,
        keeper: Supervisor,
        alert: Callable[[str, str, None], None],
        make: MakePlan,
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._campaigns = campaigns
        self._alert = alert
        self.make = make
        self._turns = SiteTurns("planning", keeper, lambda _: None)  # each look asks the disk
        self._turn = asyncio.Lock()
        self._begun_s = clock.monotonic()
        self._tried_s: dict[str, float] = {}  # by site: a plan of which nothing came so far, monotonic
        self._looked_s: dict[str, float] = {}  # by site: for radios that might return, monotonic
        self._wanted: dict[str, Mapping[RadioKey, Values]] = {}  # by site: the last way back after radar

    async def plan(self, site: str, wishes: Wishes) -> Plan:
        """What the site could be like. Raises NotFound, Refused (there is no plan, and why)."""
        known = self._memory.site(site)
        if why := no_zone(known, wishes.zone):
            raise NotFound(why)
        async with self._turn:
            try:
                return await self.make(self._memory.view(known, self._clock.now()), wishes)
            except PlanningFailed as error:
                raise Refused(f"no plan of {site}: {error}") from error

    # -- by itself -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever, beside the campaigns: a plan takes minutes, and what is under way can't wait for it."""
        while True:
            for site in list(self._memory.sites.values()):
                if self._campaigns.idle(site.id):
                    await self._turns.take(site.id, self._plan_or_return(site))
            await asyncio.sleep(LOOK_S)

    async def _plan_or_return(self, site: Site) -> None:
        """In the site's hours for it: a plan, once in each window, and if it pays it is begun; one that fails
        is tried again. In its quiet hours the way back for radios that radar drove off."""
        now_s = self._clock.monotonic()
        if self._hands_off(site) or now_s - self._begun_s < WARM_S:
            return  # perhaps later in the window
        end = self._window(site)
        tries = None if end is None else await self._tries(site, end)
        if end is None or tries is None:
            await self._return(site)
        elif now_s - self._tried_s.get(site.id, -AGAIN_S) >= AGAIN_S:
            await self._try(site, end, tries + 1)

    async def _try(self, site: Site, end: str, nth: int) -> None:
        wishes = self._by_policy(site)
        if wishes.most_moves == 0:
            return  # nor would anything come of it
        self._tried_s[site.id] = self._clock.monotonic()
        await self._note_window(site, f"{end} {nth}")  # first: what ends the process counts too
        try:
            plan = await self.plan(site.id, wishes)
        except NotFound:
            return  # a reload took the site away meanwhile
        except Refused as error:
            if nth == 1:  # a person is told once in a window
                self._alert(site.id, str(error), None)
            await self._not_begun(site, str(error))
            return
        if await self._begin(site, plan):
            await self._note_window(site, end)
            self._tried_s.pop(site.id, None)

    async def _begin(self, site: Site, plan: Plan) -> bool:
        """Whether it is dealt with: begun, or there is nothing to begin."""
        if plan.moves and site.policy.mode is not Mode.OBSERVE:
            try:
                await self._campaigns.begin(plan, Actor())
            except (NotFound, Refused) as error:  # a reload took the site away, or somebody was first
                await self._not_begun(site, str(error))
                return False
            return True
        params = {"moves": len(plan.moves), "gain_ppm": round(plan.gain_ratio * 1e6), "radios": plan.radios}
        entry = self._ledger.record("decision", "plan.made", site.id, params=params, result="no_change")
        await self._ledger.note(entry)
        return True

    async def _not_begun(self, site: Site, why: str) -> None:
        log.warning("plan.not_begun", site=site.id, why=why)
        entry = self._ledger.record(
            "decision", "plan.not_begun", site.id, params={"why": why}, result="no_change"
        )
        await self._ledger.note(entry)

    async def _return(self, site: Site) -> None:
        now = self._clock.now()
        quiet = guards.in_quiet_hours(now.utc, site.timezone, site.policy.quiet_hours)
        looked_s = self._looked_s.get(site.id, -RETURN_S)
        if not quiet or not self._memory.radar.get(site.id) or now.monotonic_s - looked_s < RETURN_S:
            return
        self._looked_s[site.id] = now.monotonic_s
        plan = await asyncio.to_thread(returning, pooled(self._memory.view(site, now)))
        if plan is None:
            return
        wanted = {move.radio: move.target for move in plan.moves}
        told = site.policy.mode not in ACTED_ON and self._wanted.get(site.id) == wanted
        if not told and await self._begin(site, plan):
            self._wanted[site.id] = wanted

    def _window(self, site: Site) -> str | None:
        """The end of the window that holds now, as text; the local date, where windows that touch never end;
        None: none holds."""
        hours, now = site.policy.plan.hours, self._clock.now().utc
        if not hours or in_force(now, site.timezone, hours) is None:
            return None
        end: datetime | None = until(now, site.timezone, hours)
        return (now.astimezone(ZoneInfo(site.timezone)).date() if end is None else end).isoformat()

    async def _tries(self, site: Site, end: str) -> int | None:
        """How often it was tried in this window; None: it is used up, by a plan or by the last try."""
        noted = await self._ledger.call(self._ledger.store.get_meta, _key(site))
        window, _, tries = (noted or "").partition(" ")
        if window != end:
            return 0
        return int(tries) if tries and int(tries) < TRIES_MOST else None

    async def _note_window(self, site: Site, text: str) -> None:
        """``text``: the window's end, then how often it was tried so far; without that, it is used up."""
        await self._ledger.call(self._ledger.store.set_meta, _key(site), text)

    def _hands_off(self, site: Site) -> bool:
        """Whether the site as a whole is left alone at the moment."""
        now = self._clock.now()
        paused = self._memory.paused_at(now) & {guards.EVERYWHERE, site.id}
        return bool(paused or in_force(now.utc, site.timezone, site.policy.maintenance))

    def _by_policy(self, site: Site) -> Wishes:
        """As the site's file has it, and no more moves than the routine budget leaves."""
        any_one = next(iter(site.radios), None)
        if any_one is None:
            return wishes_of(site)
        made = len(budget.week(Proposal(self._memory.view(site, self._clock.now()), any_one, {}, CAUSE)))
        left = max(0, budget.routine_limit(site) - made)
        return wishes_of(site, most_moves=min(most_moves(site), left))


def _key(site: Site) -> str:
    return f"planned/{site.id}"
