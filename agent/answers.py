"""Carries out what the planner answers to an event: opens changes, takes them back, tells, does deeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import structlog

from agent.change import Actor, Cause, Change, State, Trigger
from agent.changes import Changes
from agent.clock import Clock
from agent.course import Interrupt
from agent.doubts import Doubts
from agent.events import Event
from agent.executor import Executor
from agent.fleet import Fleet
from agent.lane import Lane, Withheld
from agent.ledger import LOST_DISK, Ledger
from agent.memory import Memory
from agent.planner import guards
from agent.planner.decision import Answer, Deed, Move, NoChange, TakeBack
from agent.planner.legal import Veto
from agent.planner.steer import REST_S
from agent.view import SiteView
from drivers.errors import DriverError, Garbage, NeverAgain
from drivers.types import Action, ActionRequest, RadioState, Setting
from inventory.model import Mode, RadioKey

log = structlog.get_logger()


ALERT_AGAIN_S = 4 * 3600.0
"""A person is told the same of a radio no sooner than this, unless it is critical."""


IN_DOUBT = "A restart of the radio broke off: it may be off because of it, until the next one"


class Answers:
    """``alert(site, text, radio)`` calls a person."""

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        fleet: Fleet,
        executor: Executor,
        changes: Changes,
        alert: Callable[[str, str, RadioKey | None], None],
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._fleet = fleet
        self._executor = executor
        self._changes = changes
        self._alert = alert
        self.doubts = Doubts(memory, ledger, clock)
        self._last_told_s: dict[str, float] = {}

    async def give(
        self, answer: Answer, event: Event, told: set[str], actor: Actor | None = None
    ) -> Change | NoChange | None:
        """Carry out one answer. ``told``: what was said about this event before; it is not said again, and
        what is said now is added.

        The change that began, NoChange with what speaks against it, or None for what is no change.
        """
        match answer:
            case Move():
                return await self._open(answer, event, told, actor)
            case TakeBack():
                return await self._take_back(answer, event, told, actor)
            case Deed(request=None):
                await self._tell(answer, event, told)
            case Deed(request=ActionRequest() as request):
                return await self._act(answer, request, event, told, actor)
            case NoChange():
                await self._decline(answer, event, told)
                return answer
        return None

    # -- changes -----------------------------------------------------------------------------------

    async def _open(self, move: Move, event: Event, told: set[str], actor: Actor | None) -> Change | NoChange:
        opened = await self._changes.try_open(move, actor=actor, drill=event.drill, event_id=event.id)
        if isinstance(opened, NoChange):
            await self._decline(opened, event, told)
        return opened

    async def _take_back(
        self, answer: TakeBack, event: Event, told: set[str], actor: Actor | None
    ) -> Change | NoChange:
        change = self._memory.changes.get(answer.change_id)
        if change is None or change.state is State.ROLLING_BACK:
            return NoChange(radio=answer.radio, reason="already_going_back")
        if not change.final:
            told_why = Interrupt(trigger=Trigger.UNDO, reason=answer.reason, actor=actor)
            self._executor.interrupt(change.id, told_why)
            return change
        opened = await self._changes.try_undo(change, actor or Actor(), answer.reason)
        if isinstance(opened, NoChange):
            await self._decline(opened, event, told)
        return opened

    async def _decline(self, none: NoChange, event: Event, told: set[str]) -> None:
        """The audit's line for no change, once for each reason."""
        said = f"{none.radio} {none.reason} {none.params.get('guard', '')} {none.params.get('why', '')}"
        if said not in told:
            told.add(said)
            await self._changes.note(none, drill=event.drill, event_id=event.id)

    # -- deeds -------------------------------------------------------------------------------------

    async def _tell(self, deed: Deed, event: Event, told: set[str]) -> None:
        said = f"alert {deed.reason} {deed.radio}"
        if said in told or self._told_lately(said, event):
            return
        told.add(said)
        self._alert(event.site, deed.text, deed.radio)
        await self._note(deed, event, "alert")

    def _told_lately(self, said: str, event: Event) -> bool:
        """A radio that is full every few minutes is worth one alert: whoever gets a hundred reads none."""
        now_s = self._clock.monotonic()
        again_s = ALERT_AGAIN_S if event.severity != "critical" else 0.0
        last_s = self._last_told_s.get(said)
        if last_s is not None and now_s - last_s < again_s:
            return True
        self._last_told_s = {
            each: at_s for each, at_s in self._last_told_s.items() if now_s - at_s < ALERT_AGAIN_S
        } | {said: now_s}
        return False

    async def _act(
        self, deed: Deed, request: ActionRequest, event: Event, told: set[str], actor: Actor | None
    ) -> NoChange | None:
        """Do it once. The record comes first: what can't be undone must at least not be denied."""
        if none := self._withheld(request, event, actor):
            await self._decline(none, event, told)
            return none
        before = self._claim(request)  # at once: of two decisions made together the second sees the first
        if none := await self._switched_off(request):
            self._claim(request, before)
            await self._decline(none, event, told)
            return none
        if self._memory.sites[event.site].policy.mode is Mode.DRY_RUN:
            return await self._rehearsed(deed, request, event, actor)
        doubtful = request.radio in self._memory.in_doubt
        try:
            await self._note(deed, event, "doing", actor)
            await self._remember(request)
            await self.doubts.begin(request)
            await self._lane(request, event).act(request, lambda: self._no_longer(request, event, actor))
        except Withheld as error:
            self._claim(request, before)
            await self.doubts.settle(request, doubtful=doubtful)
            await self._note(deed, event, "withheld", actor)
            return NoChange(radio=request.radio, reason="vetoed", params={"why": str(error)})
        except DriverError as error:
            log.warning("deed.failed", radio=request.radio, action=str(request.action), error=str(error))
            await self._note(deed, event, "failed", actor)
            if isinstance(error, NeverAgain) and not isinstance(error, Garbage):  # the device did nothing
                await self.doubts.settle(request, doubtful=doubtful)
            elif self.doubts.doubt(request):
                self._alert(event.site, IN_DOUBT, request.radio)
            return NoChange(radio=request.radio, reason="device_refused", params={"action": request.action})
        except LOST_DISK:
            self._claim(request, before)  # it was not done
            if not doubtful:
                self._memory.in_doubt.pop(request.radio, None)
            raise
        await self.doubts.settle(request)
        await self._note(deed, event, "done", actor)
        return None

    async def _rehearsed(
        self, deed: Deed, request: ActionRequest, event: Event, actor: Actor | None
    ) -> NoChange:
        """Mode dry_run: said and not done, and not said again before it could be done again."""
        await self._note(deed, event, "dry_run", actor)
        await self._remember(request)
        log.info("deed.would_be_done", radio=request.radio, action=str(request.action))
        return NoChange(radio=request.radio, reason="dry_run", params={"action": str(request.action)})

    def _claim(self, request: ActionRequest, utc_us: int | None = 0) -> int | None:
        """Set when the action was last done, now unless said (None = never); the time from before."""
        done = request.radio, request.action
        before = self._memory.deeds.pop(done, None)
        if utc_us is not None:
            self._memory.deeds[done] = utc_us or self._clock.now().utc_us
        return before

    async def _remember(self, request: ActionRequest) -> None:
        at_us = self._memory.deeds[request.radio, request.action]
        await self._ledger.call(self._ledger.store.remember_deed, request.radio, request.action, at_us)

    def _lane(self, request: ActionRequest, event: Event) -> Lane:
        return self._fleet.lane(event.site, self._memory.sites[event.site].device_of(request.radio).id)

    def _withheld(self, request: ActionRequest, event: Event, actor: Actor | None) -> NoChange | None:
        """Why it is not begun now."""
        view = self._memory.view(self._memory.sites[event.site], self._clock.now())
        params: dict[str, int | str] = {"action": str(request.action)}
        if found := _vetoes(view, request, event, actor):
            params |= {"guard": found[0].guard, "why": found[0].reason}
            return NoChange(radio=request.radio, reason="vetoed", params=params, vetoes=tuple(found))
        if not _able(view, request):
            return NoChange(radio=request.radio, reason="device_cannot", params=params)
        if view.deeds.get((request.radio, request.action), math.inf) < _rest_s(view, request):
            return NoChange(radio=request.radio, reason="done_lately", params=params)
        return None

    async def _switched_off(self, request: ActionRequest) -> NoChange | None:
        """A radio that is off because somebody set it so is no failure that a restart mends; one that a
        restart of ours may have left off is."""
        if request.action is not Action.RESTART or request.radio in self._memory.in_doubt:
            return None
        have = await self._changes.have(request.radio)
        if have is None or have.state is not RadioState.OFF or have.configured.get(Setting.ENABLED) == 1:
            return None
        params: dict[str, int | str] = {"action": str(request.action)}
        return NoChange(radio=request.radio, reason="switched_off_by_someone", params=params)

    def _no_longer(self, request: ActionRequest, event: Event, actor: Actor | None) -> str | None:
        """Asked when it is its turn at the device: what speaks against it by now."""
        view = self._memory.view(self._memory.sites[event.site], self._clock.now())
        found = _vetoes(view, request, event, actor)
        if found:
            return found[0].reason
        return self._ledger.unleased(event.site, view.site.policy.apply_timeout_s)

    async def _note(self, deed: Deed, event: Event, result: str, actor: Actor | None = None) -> None:
        request = deed.request
        params = {
            **deed.params,
            **({"action": str(request.action), "clients": len(request.clients)} if request else {}),
        }
        await self._ledger.note(
            self._ledger.record(
                "decision",
                deed.reason,
                event.site,
                radio=deed.radio,
                event_id=event.id,
                params=params,
                result=result,
                actor=actor,
                drill=event.drill,
            )
        )


def _vetoes(view: SiteView, request: ActionRequest, event: Event, actor: Actor | None) -> Sequence[Veto]:
    """What the guards say; a person who asks for it is asked no second time."""
    on = {Setting.ENABLED: 1} if request.action is Action.RESTART else {}
    found = guards.deed_vetoes(guards.Proposal(view, request.radio, on, Cause(event.kind)))
    return [veto for veto in found if actor is None or veto.reason != "advise"]


def _rest_s(view: SiteView, request: ActionRequest) -> float:
    """Least seconds between two of them."""
    return REST_S if request.action is Action.STEER else view.site.policy.detect.restart_interval_s


def _able(view: SiteView, request: ActionRequest) -> bool:
    able = view.radios[request.radio].capabilities
    return able is not None and request.action in able.actions
