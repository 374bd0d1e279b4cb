"""Stories of an agent whose life is random: drills, radar, strangers, operators who undo twice, restarts,
kills, reboots. Told by hypothesis (tests/scenario/test_properties.py) and by the storm (tests/storm)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from judge import Judge
from plots import PERSON, Plot, lawful_blocks
from rig import Rig, until

from agent.agent import Agent
from agent.api.errors import OperationError
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import SimulatedClock
from agent.view import values_of
from drivers.simulated import worlds
from drivers.simulated.faults import FaultPlan
from drivers.simulated.firmware import NotPossible
from inventory.channels import Block, blocks, frequency_mhz
from inventory.model import Mode, RadioKey, ap_of

LIMIT_S = 4000.0
"""Simulated seconds after the story within which every change is final: a few times the longest CAC."""


@dataclass(frozen=True)
class Step:
    """``what`` happens ``after_s`` seconds later to the AP of this number; ``pick`` chooses a block, a
    change, a factor."""

    after_s: float
    what: str
    ap: int
    pick: int


@contextmanager
def stage(clock: Clock, plot: Plot, plan: FaultPlan) -> Iterator[Rig]:
    site = plot.site()
    world = plot.world(site)
    with tempfile.TemporaryDirectory() as directory, worlds.registered("rig", world, plan):
        yield Rig(directory=Path(directory), site=site, world=world, clock=clock, faults=plan)


class Story:
    """Tells the steps, and whatever an operator is refused is fine; any other error is not."""

    def __init__(self, rig: Rig, judge: Judge, clock: SimulatedClock) -> None:
        self.rig, self.judge, self.clock = rig, judge, clock
        self.keys = list(rig.site.radios)
        self.agent: Agent | None = None
        self.running: asyncio.Task[None] | None = None
        self.asked: list[asyncio.Task[None]] = []
        self.ledger: Any = None

    async def begin(self) -> None:
        self.agent, self.ledger = self.rig.build()
        self.judge.agent = self.agent
        self.running = asyncio.create_task(self.agent.run(), name="agent")
        ready = asyncio.create_task(self.agent.ready.wait())
        await asyncio.wait({ready, self.running}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    async def end(self, *, kill: bool) -> None:
        """Stopped well, or dead at once; what operators still wait for dies with it."""
        assert self.agent is not None
        assert self.running is not None
        if kill:
            self.running.cancel()
        else:
            self.agent.stop()
        try:
            await asyncio.gather(self.running, return_exceptions=kill)
        finally:
            for each in self.asked:
                if not each.done():
                    each.cancel()
            told = await asyncio.gather(*self.asked, return_exceptions=True)
            self.asked.clear()
            await self.ledger.close()
        for error in told:
            if isinstance(error, Exception):
                raise error

    async def tell(self, steps: list[Step]) -> None:
        for step in steps:
            if step.after_s:
                await asyncio.sleep(step.after_s)
            await self.do(step)

    async def do(self, step: Step) -> None:
        assert self.agent is not None
        key, world = self.keys[step.ap % len(self.keys)], self.rig.world
        if step.what.startswith("drill"):
            self.ask(lambda: self.drill(step, key))
        elif step.what == "radar_drill":
            self.ask(lambda: self.inject(EventKind.DFS_RADAR, key, act=True))
        elif step.what.startswith("radar"):
            self.radar(step, key)
        elif step.what == "stranger":
            with suppress(NotPossible):
                world.set_externally(key, values_of(self.block(step.pick)))
        elif step.what.startswith("undo"):
            await self.undo(step)
        elif step.what == "approve":
            self.ask(self.approve_last)
        elif step.what == "spoil":
            world.spoil(key, None, 1.0 + step.pick % 5)
        elif step.what == "ap_reboots":
            world.reboot(ap_of(key))
        else:
            await self.end(kill=step.what != "restart")
            if step.what == "kill_reboot":
                self.clock.reboot()
            await self.begin()

    def ask(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.asked.append(asyncio.create_task(refusable(what)))

    async def drill(self, step: Step, key: RadioKey) -> None:
        kind = [EventKind.NON_WIFI_BURST, EventKind.SPECTRUM_SAT][step.pick % 2]
        act = step.what != "drill_dry"
        if step.what != "drill_to":
            await self.inject(kind, key, act=act)
            return
        block = self.block(step.pick)
        width = block.width_mhz if step.pick % 3 else None
        await self.inject(kind, key, act=act, channel=block.primary, width_mhz=width)

    async def inject(
        self,
        kind: EventKind,
        key: RadioKey,
        *,
        act: bool,
        channel: int | None = None,
        width_mhz: int | None = None,
    ) -> None:
        assert self.agent is not None
        await self.agent.operator.inject(
            kind, key, channel=channel, width_mhz=width_mhz, act=act, actor=PERSON
        )

    def block(self, pick: int) -> Block:
        """Any block of the band, legal or not; more often one of a width that the site has."""
        radio = next(iter(self.rig.site.radios.values()))
        all_there = [b for width in radio.widths_mhz for b in blocks(radio.band, width)]
        legal = lawful_blocks(self.rig.site.country, radio.band, radio.placement, radio.widths_mhz)
        among = all_there if pick % 7 == 0 else list(legal)
        return among[pick // 7 % len(among)]

    def radar(self, step: Step, key: RadioKey) -> None:
        world = self.rig.world
        if step.what == "radar_everywhere":
            radio = self.rig.site.radios[key]
            world.radar(frequency_mhz(radio.band, self.block(step.pick).primary))
            return
        world.set_stubborn(key, step.what == "radar_stubborn")
        world.radar(key)

    async def undo(self, step: Step) -> None:
        assert self.agent is not None
        changes = list(self.agent.memory.changes.values())
        if not changes:
            return
        token = self.agent.changes.token(changes[-1 - step.pick % len(changes)])
        undo = partial(self.agent.operator.rollback, token, PERSON)

        async def twice() -> None:
            await refusable(undo)
            await refusable(undo)

        if step.what == "undo_both_at_once":
            self.ask(undo)
            self.ask(undo)
        else:
            self.ask(twice)

    async def approve_last(self) -> None:
        assert self.agent is not None
        for change in list(self.agent.memory.changes.values())[-1:]:
            await self.agent.operator.approve(change.id, PERSON)

    async def over(self) -> None:
        """Every change is final, in bounded time."""
        assert self.agent is not None
        memory = self.agent.memory
        await until(lambda: all(c.final for c in memory.changes.values()), limit_s=LIMIT_S, step_s=5.0)

    async def off_radar(self) -> None:
        """No radio transmits where it heard radar itself, once the devices do as they are told."""
        if self.rig.site.policy.mode is Mode.OBSERVE:
            return
        radios = [self.rig.world.radio(key) for key in self.keys]
        await until(
            lambda: not any(r.on_air and r.memory.barred(r.block) for r in radios), limit_s=600.0, step_s=1.0
        )


async def refusable(what: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    with suppress(OperationError):
        await what()
