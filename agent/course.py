"""What goes with one open change while this process lives, and how it is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from agent.change import Actor, Trigger
from agent.desk import Rank
from agent.moment import Deadline
from agent.watch import Around
from drivers.types import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt:
    """Something that ends the present step of a change: a person's undo, radar, a supersession. ``rank``: of
    the store calls that follow from it."""

    trigger: Trigger
    reason: str
    params: Mapping[str, Any] = field(default_factory=dict)
    actor: Actor | None = None
    rank: Rank = Rank.CHANGE
    verdict: str | None = None  # kept with the change, where the step is its last

    @property
    def by_person(self) -> bool:
        """Whether a person takes the change back."""
        return self.trigger is Trigger.UNDO and self.actor is not None and self.actor.type == "operator"


class Course:
    """One open change being carried out. ``around`` None: it was found open at the start of this process,
    so nothing of it may be written again. ``quiet``: until then a write may not show in a read-back yet (an
    announced switch is counting down); None: not known."""

    def __init__(self) -> None:
        self.around: Around | None = None
        self.undo_after_s: float | None = None
        self.sent = False
        self.confirmed = False
        self.quiet: Deadline | None = None
        self.receipt: Receipt | None = None
        self.interrupt: Interrupt | None = None
        self._taken: Interrupt | None = None  # by the step under way
        self.turned_back = False  # by a person
        self.woken = asyncio.Event()
        self.stepped = asyncio.Event()
        self.done = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def stop(self, interrupt: Interrupt) -> None:
        """Interrupt it; what came first is dealt with first, but radar overrules a person, and whatever ends
        a proposal overrules an approval that was not begun yet."""
        waits = self.interrupt
        if waits is None or waits.trigger is Trigger.APPROVE or interrupt.trigger is Trigger.SUPERSEDED:
            self.interrupt = interrupt
        self.woken.set()

    def take(self) -> Interrupt | None:
        """The interrupt, once."""
        self._taken, self.interrupt = self.interrupt, None
        self.turned_back |= self._taken is not None and self._taken.by_person
        self.woken.clear()
        return self._taken

    def awaits(self, interrupt: Interrupt) -> bool:
        """Whether a step has yet to deal with it."""
        return interrupt is self.interrupt or interrupt is self._taken

    def step(self) -> None:
        """Tell those who wait that the change has taken a step."""
        self._taken = None
        self.stepped.set()
        self.stepped = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Until interrupted, at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self.woken.wait()

    async def wait_for(self, event: asyncio.Event, seconds: float) -> None:
        """Until the event, or interrupted, at most so many seconds."""
        waits = {asyncio.create_task(event.wait()), asyncio.create_task(self.woken.wait())}
        try:
            await asyncio.wait(waits, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
