"""The hour itself: the real agent over the simulated school, in simulated time, told as it happens."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from agent import simulated_time
from agent.agent import Agent
from agent.audit_files import files, query
from agent.audit_key import derive, load_or_create_key
from agent.clock import Clock
from agent.demo import school
from agent.demo.line import Line, Tag
from agent.demo.script import ACTS, HOUR_S, Act
from agent.demo.show import Teller
from agent.demo.stories import Hour, Stay
from agent.demo.wording import Wording
from agent.records import Pseudonyms
from agent.simulation import Simulation
from agent.store.store import Store
from drivers.simulated import worlds
from drivers.simulated.faults import NO_FAULTS, FaultPlan
from drivers.simulated.world import World
from inventory.model import RadioKey

LOOK_S = 1.0
"""How often the world is looked at, and the audit for what is new."""


def run(directory: Path, *, seed: int, teller: Teller, faults: FaultPlan = NO_FAULTS) -> Hour:
    """Run the hour over an empty state directory; ``faults``: what the devices do wrong besides."""
    site = school.site()
    world = school.world(site, seed)

    async def story(clock: Clock) -> Hour:
        random = Random(seed)  # noqa: S311  a repeatable hour is the point
        simulation = Simulation(directory=directory, site=site, clock=clock, jitter=random.random)
        with worlds.registered(school.WORLD, world, faults):
            return await _Telling(simulation, world, teller).run()

    return simulated_time.run(story, start_utc=school.START_UTC)


class _Telling:
    """One hour on its way."""

    def __init__(self, simulation: Simulation, world: World, teller: Teller) -> None:
        self._simulation = simulation
        self._world = world
        self._teller = teller
        self._hour = Hour()
        self._acts: Sequence[Act] = ACTS
        self._size = 0  # of the audit files, at the last look
        self._now: dict[RadioKey, Stay] = {}
        key = load_or_create_key(simulation.settings.key_file)
        names = Pseudonyms(derive(key, "pseudonym"))
        self._names = MappingProxyType({names(each): each for each in simulation.site.radios})
        self._wording = Wording(names=self._names, zone=ZoneInfo(simulation.site.timezone))

    async def run(self) -> Hour:
        async with self._simulation.agent() as agent:
            self._look()
            self._teller.plan(self._simulation.site, self._now)
            while (now_s := self._simulation.clock.monotonic()) < HOUR_S:
                self._act(now_s)
                self._look()
                await self._listen(agent)
                await asyncio.sleep(LOOK_S)
            self._teller.plan(self._simulation.site, self._now)
        self._hour.spent, self._hour.end_us = self._spent(), self._simulation.clock.now().utc_us
        return self._hour

    def _act(self, now_s: float) -> None:
        """What the script has for this second."""
        due = list(itertools.takewhile(lambda act: act.at_s <= now_s, self._acts))
        self._acts = self._acts[len(due) :]
        for act in due:
            now_us = self._simulation.clock.now().utc_us
            if act.opens:
                self._hour.begun[act.opens] = now_us
                self._teller.story(act.opens)
            clock = self._wording.clock(now_us)
            self._teller.line(Line(clock=clock, where=act.where, tag=Tag.WORLD, text=act.text))
            act.do(self._world)

    def _look(self) -> None:
        """Where the radios really are."""
        now_us = self._simulation.clock.now().utc_us
        for key in self._simulation.site.radios:
            radio = self._world.radio(key)
            block = radio.block if radio.on_air else None
            stay = Stay(at_us=now_us, radio=key, block=block, power_dbm=radio.tx_power_dbm)
            known = self._now.get(key)
            if known is None or (known.block, known.power_dbm) != (stay.block, stay.power_dbm):
                self._now[key] = stay
                self._hour.stays.append(stay)

    async def _listen(self, agent: Agent) -> None:
        """What is new in the audit files."""
        for record in self._new_records():
            for line in self._wording.lines(record):
                self._teller.line(line)
            named = {**record, "radio": self._names.get(record["radio"] or "")}
            self._hour.records.append(named)
            if record["reason"]["code"] == "radar.heard":
                ledger = agent.ledger
                self._hour.nops += await ledger.call(ledger.store.nops, ledger.clock.now())

    def _new_records(self) -> list[dict[str, Any]]:
        """Of the files, what was appended since the last look."""
        directory = self._simulation.settings.audit_dir
        size = sum(file.stat().st_size for file in files(directory))
        if size == self._size:
            return []
        self._size = size
        return list(itertools.islice(query(directory), len(self._hour.records), None))

    def _spent(self) -> set[str]:
        """The tokens that have been used, by the store."""
        store = Store(self._simulation.settings.store_url)
        try:
            tokens = {r["token_sha256"] for r in self._hour.records if r["token_sha256"]}
            return {sha for sha in tokens if (row := store.token(sha)) and row.used_utc_us is not None}
        finally:
            store.close()
