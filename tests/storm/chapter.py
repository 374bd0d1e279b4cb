"""One site's storm from beginning to end, and what is true of it afterwards."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import structlog
from contained import contained
from crash.life import CrashRig
from judge import check_books
from plots import PERSON
from reaper import DEVICE, Reaper
from rig import LosableDisk, Rig
from storm.weather import Faults, Signals, plot_of, site_of
from storm.witness import Death, Killed, Tally, Witness
from telling import Step, Story, refusable

from agent.ledger import LOST_DISK
from agent.simulated_time import SimulatedClock, run
from agent.store.store import Store
from drivers.simulated import worlds
from inventory.model import Mode, RadioKey, Site, ap_of

PATIENCE_S = 300.0
"""Beyond its deadline a change may stay open for so long: a device that hangs, a rollback that is retried."""
CALM_S = 120.0
LONGEST_S = 86_400.0
"""Simulated, for one site; most take half an hour. Who has come to no end by then never does: a finding."""
STEPS = (
    *("drill", "drill_to", "drill_to", "drill_to", "radar", "radar", "radar_stubborn", "radar_everywhere"),
    *("stranger", "undo", "undo_both_at_once", "approve", "spoil", "ap_reboots"),
)
DEEDS = (
    *(["flood"] * 30 + ["radar_flood"] * 10 + ["step"] * 24 + ["world"] * 6),
    *("reload", "pause", "resume", "clock", "disk", "kill", "restart", "acknowledge"),
)


WRITES = DEVICE - {"open", "read", "close"}
"""Sessions end by themselves when their process does."""


def quiet() -> None:
    """No log lines: a storm makes millions."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def tell(seed: int, events: int) -> Tally:
    """A storm of at least so many events at one made-up site; the same for the same seed."""
    tally = Tally()

    async def story(clock: SimulatedClock) -> None:
        random = Random(seed)
        plot = plot_of(random)
        faults, site = Faults(plot, random), site_of(plot, random)
        threads = (
            random.random() < 0.1
        )  # else store calls are done at once: a thread's turn costs most of the time
        with stage(clock, site, plot.world(site), faults, Rig if threads else CrashRig) as rig:
            await Chapter(rig, faults, random, clock, tally).tell_all(events)

    with contained() as bugs:
        try:
            run(story, until_s=LONGEST_S)
        except (Exception, Killed):  # it belongs to this site, and the storm goes on at the next
            tally.other.append(traceback.format_exc()[-3000:])
    tally.other += bugs
    return tally


@contextmanager
def stage(clock: SimulatedClock, site: Site, world: Any, faults: Faults, rig: type[Rig]) -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as directory, worlds.registered("rig", world, faults.plan):
        yield rig(directory=Path(directory), site=site, world=world, clock=clock)


class Chapter(Story):
    """Lives of one agent, one after the other: most end by being killed at some call of theirs."""

    def __init__(self, rig: Rig, faults: Faults, random: Random, clock: SimulatedClock, tally: Tally) -> None:
        self.witness = Witness(rig, tally)
        super().__init__(rig, self.witness, clock)
        self.tally = tally
        self.random = random
        self.faults = faults
        self.signals = Signals(rig.site, random)
        self.death = Death()
        self.reaper = Reaper(self.death)
        self.disk: LosableDisk | None = None
        self.disk_back_s: float | None = None
        self.well_since_s = 0.0
        rig.wrap_store = self._store
        rig.wrap_audit = lambda audit: self.reaper.audit(audit)
        self.sessions: list[Any] = []
        rig.wrap_device = self._device

    def _store(self, store: Store) -> Any:
        self.disk = LosableDisk(self.witness.keep(store))
        return self.reaper.store(self.disk)

    def _device(self, device: Any) -> Any:
        self.sessions.append(device)
        return self.reaper._haunt(self.witness.device(device), "Device", WRITES)

    # -- lives ---------------------------------------------------------------------------------------------

    async def begin(self, *, mortal: bool = True) -> None:
        self.death = Death(self.random.randint(1, 3000) if mortal and self.random.random() < 0.6 else None)
        self.witness.death = self.death
        self.reaper = Reaper(self.death)
        self.reaper.armed = True  # recovery may be its end too
        self.tally.lives += 1
        self.well_since_s = self.clock.monotonic()
        self.disk_back_s, self.witness.disk_lost = None, False
        try:
            await super().begin()
        except Killed:  # building it, no task was begun
            self.running = None

    async def end(self, *, kill: bool) -> None:
        if self.running is None or self.agent is None:
            return
        self._count()
        kill = kill or self.death.come
        if kill:
            self.death.come = True
        if self.disk is not None and not kill:
            self._disk_back()
        try:
            await super().end(kill=kill)
        except BaseExceptionGroup as group:
            if group.split(Killed)[1] is not None:
                raise
        except Killed:
            pass
        finally:
            for session in self.sessions:  # the kernel ends them
                await session.close()
            self.sessions.clear()
            self.witness.ended(dead=kill)
        self.running = None

    async def live(self) -> None:
        """An agent that is no more is started again, until one lives."""
        while self.running is None or self.running.done() or self.death.come:
            if self.running is not None and self.running.done() and not self.death.come:
                self.tally.other.append(f"the agent ended by itself: {self.running!r}")
            await self.end(kill=True)
            if self.random.random() < 0.1:
                self.clock.reboot()
            await self.begin()

    def _count(self) -> None:
        assert self.agent is not None
        incidents = getattr(self.agent, "incidents", None)
        self.tally.raised += sum(incidents.raised.values()) if incidents else 0

    # -- the storm -----------------------------------------------------------------------------------------

    async def tell_all(self, events: int) -> None:
        await self.begin()
        while self.tally.events < events:
            await asyncio.sleep(self.random.choice((0.0, 0.05, 0.4, 2.0, 7.0, 20.0, 60.0)))
            await self.live()
            await self._some_deed()
            self._look()
        await self._clear_up()

    async def _some_deed(self) -> None:
        deed = self.random.choice(DEEDS)
        if deed == "step":
            await self._step()
        elif deed in ("kill", "restart"):
            await self.end(kill=deed == "kill")
        else:
            getattr(self, f"_{deed}")()

    async def _step(self) -> None:
        what, ap, pick = self.random.choice(STEPS), self.random.randrange(6), self.random.randrange(500)
        self._quietly(partial(self.do, Step(0.0, what, ap, pick)))

    def ask(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._quietly(what)

    def _quietly(self, what: Any) -> None:
        """In a task of its own; what an operator hears of a lost disk or a dead agent is no fault."""
        death = self.death

        async def asked() -> None:
            try:
                await refusable(what)
            except (*LOST_DISK, Killed):
                pass
            except Exception:  # not even an operator's request may end so, while the agent lives
                if not death.come:
                    self.tally.other.append(traceback.format_exc()[-3000:])

        self.asked = [each for each in self.asked if not each.done()]
        self.asked.append(asyncio.create_task(asked()))

    def _flood(self) -> None:
        emit, now_s = self.rig.world._emit, self.clock.monotonic()
        number = self.random.choice((1, 20, 200, 1000, 2000))
        radar_at = self.random.randrange(number) if self.random.random() < 0.3 else None
        for nth, (key, signal) in enumerate(self.signals.flood(now_s, number)):
            emit(key, signal)
            if nth == radar_at:
                self._radar_flood(1)

    def _radar_flood(self, number: int | None = None) -> None:
        for _ in range(number or self.random.choice((1, 1, 2, 6))):
            if (report := self.signals.radar(self.clock.monotonic())) is not None:
                self.rig.world._emit(*report)

    def _world(self) -> None:
        world, key = self.rig.world, self._key()
        hardware = world.hardware
        place = (self.random.uniform(0, 200), 3.0, 3.0)
        what = self.random.randrange(9)
        if what == 0:
            block = self.block(self.random.randrange(500))
            self._silence()
            world.add_interferer("storm", block.low_mhz, block.high_mhz, place, duty_ratio=0.8)
        elif what == 1:
            self._silence()
        elif what == 2:
            with suppress(KeyError):  # there was none
                world.remove_foreign("0e:00:00:00:99:01")
            world.add_foreign(
                "0e:00:00:00:99:01", self.block(self.random.randrange(500)), place, busy_ratio=0.6
            )
        elif what == 3:
            world.drop_clients(key)
        elif what == 4:
            hardware.cut_management(ap_of(key))
            world.at(world.now_s + 200.0, partial(hardware.restore_management, ap_of(key)))
        elif what == 5:
            hardware.kill_ap(ap_of(key))
            world.at(world.now_s + 120.0, partial(hardware.revive_ap, ap_of(key)))
        elif what == 6:
            hardware.crash_radio(key)
        elif what == 7:
            hardware.reset(key)
        else:
            world.hostile.flood(key, world.now_s + 30.0)

    def _silence(self) -> None:
        with suppress(KeyError):  # there was none
            self.rig.world.remove_interferer("storm")

    def _reload(self) -> None:
        site, agent = self.rig.site, self.agent
        assert agent is not None
        gone = self.random.choice([*site.aps, "none"])
        aps = {id: ap for id, ap in site.aps.items() if id != gone}
        devices = {id: each for id, each in site.devices.items() if id != gone}
        mode = self.random.choice([Mode.ACT, Mode.ADVISE])
        changed = replace(
            site,
            aps=MappingProxyType(aps),
            devices=MappingProxyType(devices),
            policy=replace(site.policy, mode=mode),
        )
        self._quietly(partial(agent.reload, {"lab": self.random.choice([site, changed])}))

    def _pause(self) -> None:
        assert self.agent is not None
        scope = self.random.choice(["lab", *(f"lab/{ap}" for ap in self.rig.site.aps)])
        self._quietly(partial(self.agent.operator.pause, scope, self.random.choice([30.0, 300.0]), PERSON))

    def _resume(self) -> None:
        assert self.agent is not None
        self._quietly(partial(self.agent.operator.resume, "lab", PERSON))

    def _acknowledge(self) -> None:
        assert self.agent is not None
        for id in list(self.agent.memory.stuck)[:1]:
            self._quietly(partial(self.agent.operator.acknowledge, id, PERSON))

    def _clock(self) -> None:
        self.clock.jump_utc(self.random.choice((-7200.0, -60.0, -1.0, 1.0, 60.0, 7200.0)))

    def _disk(self) -> None:
        if self.disk is not None:
            self.disk.lost = self.witness.disk_lost = True
            self.disk_back_s = self.clock.monotonic() + self.random.choice((1.0, 20.0, 200.0))

    def _disk_back(self) -> None:
        if self.disk is not None and self.disk.lost:
            self.disk.lost = self.witness.disk_lost = False
            self.well_since_s = self.clock.monotonic()
        self.disk_back_s = None

    def _key(self) -> RadioKey:
        return self.random.choice(self.keys)

    # -- looking -------------------------------------------------------------------------------------------

    def _look(self) -> None:
        now_s = self.clock.monotonic()
        if self.disk_back_s is not None and now_s >= self.disk_back_s:
            self._disk_back()
        well_s = now_s - self.well_since_s if self.disk_back_s is None else 0.0
        if well_s > CALM_S and self.witness.waiting:
            self.witness.disk_is_back()
        if well_s > PATIENCE_S and self.running is not None:
            self.tally.without_deadline += self.witness.overdue(PATIENCE_S)

    async def _clear_up(self) -> None:
        """Devices do as they are told again, the disk is back, the last agent is not killed."""
        self.faults.over = True
        await self.end(kill=False)
        await self.begin(mortal=False)
        for key in self.keys:
            self.rig.world.hardware.help_radio(key)
        self._silence()
        await asyncio.sleep(CALM_S)
        self.witness.disk_is_back()
        self._still_known()
        await self._settled(self.off_radar(), self.tally.illegal, "still where radar was")
        await self._settled(self.over(), self.tally.without_deadline, "never ended")
        self._read_store()
        await self.end(kill=False)
        self._close_books()

    async def _settled(self, what: Coroutine[Any, Any, None], wrong: list[str], why: str) -> None:
        try:
            await what
        except TimeoutError:
            wrong.append(why)

    def _still_known(self) -> None:
        """What the devices say of radar, which they can say at every poll, the agent knows."""
        assert self.agent is not None
        barred = self.agent.memory.barred("lab", self.clock.now())
        for key in self.keys:
            radio = self.rig.world.radio(key)
            told = frozenset(mhz for mhz in radio.memory.nop if radio.memory.is_dfs(mhz))
            if self.rig.world.hardware.answers(key) and not told <= barred:
                self.tally.lost.append(f"{key} tells of radar on {sorted(told - barred)}")

    def _read_store(self) -> None:
        _, store = self.witness.known
        changes = store.changes(limit=100_000)
        self.tally.changes += len(changes)

    def _close_books(self) -> None:
        self.witness.sort_out()
        self.tally.writes += self.witness.writes
        self.tally.simulated_s += self.clock.monotonic()
        self.tally.decisions += sum(r["kind"] == "decision" for r in self.rig.records())
        try:
            self.rig.verify()
            check_books(self.rig)
        except AssertionError as error:
            self.tally.unaudited.append(f"books: {error!r}"[:2000])
