"""Pauses that a person asks for: begun, kept, ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from agent.api.errors import NotFound
from agent.change import Actor
from agent.clock import Clock
from agent.ledger import Ledger
from agent.memory import Memory
from agent.moment import EPOCH, Deadline, Moment
from agent.planner.guards import EVERYWHERE
from agent.store.rows import Pause

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """What a request for a pause came to. ``before``: the pause that the scope had; ``kept``: it ends later
    than what was asked, so it is the one that holds."""

    pause: Pause
    before: Pause | None
    kept: bool


class Pausing:
    """One request after the other: who asks later sees what the one before did."""

    def __init__(self, memory: Memory, ledger: Ledger, clock: Clock) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._turn = asyncio.Lock()

    async def pause(self, scope: str, for_s: float | None, actor: Actor) -> Paused:
        """Leave a site, an AP, a radio or everything (``*``) alone, at once and across restarts; radar is
        handled all the same.

        ``for_s`` None: until it is resumed. A pause of the scope that ends later is kept: nobody shortens
        another's by accident. What was sent goes on to its end, its way back included; what was not is not
        (`Operator.open_in`).
        """
        async with self._turn:
            now = self._clock.now()
            until = None if for_s is None else Deadline.after(now, for_s)
            before = await self._pause_of(scope)
            kept = before is not None and _ends_later(before.until, until, now)
            params = {"scope": scope, "for_s": "" if for_s is None else round(for_s)}
            code, site = "pause.kept" if kept else "pause.begun", scope.split("/")[0]
            entry = self._ledger.record("operator", code, site, actor=actor, params=params)
            if kept and before is not None:
                await self._ledger.note(entry)
                pause = before
            else:
                pause = await self._ledger.write(self._ledger.store.pause, scope, actor, now, until, [entry])
                self._memory.pauses[scope] = until
        log.info(code, scope=scope, actor=actor.name, for_s=for_s)
        return Paused(pause=pause, before=before, kept=kept)

    async def resume(self, scope: str, actor: Actor) -> list[Pause]:
        """End the pause of exactly this scope; the other pauses that still hold it, or a part of it.

        Raises NotFound when it has none of its own, with what holds it instead.
        """
        async with self._turn:
            entry = self._ledger.record(
                "operator", "pause.ended", scope.split("/")[0], actor=actor, params={"scope": scope}
            )
            ended = await self._ledger.write(self._ledger.store.resume, scope, [entry])
            left = [each for each in await self._pauses() if _touch(each.scope, scope)]
            if not ended:
                told = f"; paused by: {', '.join(map(spoken, left))}" if left else ""
                raise NotFound(f"{scope} has no pause of its own{told}: see `rrmd status`")
            self._memory.pauses.pop(scope, None)
        log.info("pause.ended", scope=scope, actor=actor.name)
        return left

    async def _pause_of(self, scope: str) -> Pause | None:
        return next((each for each in await self._pauses() if each.scope == scope), None)

    async def _pauses(self) -> list[Pause]:
        return await self._ledger.call(self._ledger.store.pauses, self._clock.now())


def spoken(pause: Pause) -> str:
    """``lab (ann, since ..., until ...)``."""
    until = "until resumed" if pause.until is None else f"until {_utc(pause.until.utc_us)}"
    return f"{pause.scope} ({pause.actor.name}, since {_utc(pause.since_utc_us)}, {until})"


def _utc(utc_us: int) -> str:
    return (EPOCH + timedelta(microseconds=utc_us)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ends_later(one: Deadline | None, other: Deadline | None, now: Moment) -> bool:
    """None: until it is resumed, which is later than any time."""
    if one is None or other is None:
        return one is None and other is not None
    return one.left_s(now) > other.left_s(now)


def _touch(one: str, other: str) -> bool:
    """Whether one scope holds the other, or a part of it."""
    within = f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
    return within or EVERYWHERE in (one, other)
