"""A whole agent at a small site, in simulated time, and the one fault that a case brings about.

AP 1 is the sick one. AP 2 is well: while the fault is on it is polled and changed like any other. AP 3 sits
on a channel with radar detection and does not leave by itself: at the end it hears radar. AP 4 is the sister
of AP 1 where both are behind one controller.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from contained import contained
from faults import invariants
from faults.case import Case
from judge import Judge
from rig import Rig, rig_of, site_of, until
from stories import AP1, AP2, AP3, AP4, Gate, with_options

from agent.agent import Agent
from agent.alert import Alert
from agent.change import Actor, Change, State
from agent.events import EventKind
from agent.ledger import Ledger
from agent.simulated_time import SimulatedClock, run
from drivers.simulated import worlds
from drivers.simulated.faults import Call, Fault, Kind, Operation, Scripted
from drivers.types import Setting
from inventory.model import Mode, MonitorPolicy, Policy, RadioKey, Site

PERSON = Actor(type="operator", uid=1000, name="ann")
POLICY = Policy(
    mode=Mode.ACT,
    poll_s=4.0,
    apply_timeout_s=6.0,
    ack_timeout_s=20.0,
    cooldown_s=1.0,
    max_inflight_ratio=1.0,
    rollback_backoff_s=2.0,
    monitor=MonitorPolicy(
        slot_s=8.0,
        min_frames=20,
        settle_s=4.0,
        lost_client_after_s=20.0,
        baseline_slots=12,
        no_data_s=120.0,
    ),
)
WARM_S = 110.0
"""By then each radio has a baseline."""
AFTER_S = 100.0
"""Watched after the end of the last change: what was still on its way has landed by then, or never will."""
TARGET = 161
LIMIT_S = 3600.0


class Scene:
    """One case being told."""

    def __init__(self, case: Case, rig: Rig, clock: SimulatedClock) -> None:
        self.case = case
        self.rig = rig
        self.clock = clock
        self.judge = Judge(rig, lists=True)
        self.person = PERSON
        self.after_s = AFTER_S
        self.trouble = asyncio.Event()
        self.end = ExitStack()
        self.notes: list[tuple[str, Any]] = []
        """What the arrangement of the case noted."""
        self.strange: set[RadioKey] = set()
        """Radios that the device itself moved, without being told to."""
        self.here = rig.block(AP1)
        self.alerts: list[Alert] = []
        """What a person was told, by all lives of rrmd."""
        self.reads: list[float] = []
        """When AP 2 was read."""
        self.lives = 0
        self.disk: Any = None
        """How the disk is lost and given back, in a case of that."""
        self._agent: Agent | None = None
        self._ledger: Ledger | None = None
        self._running: asyncio.Task[None] | None = None
        self._listen_to_the_well_one()

    # -- the agent's life ----------------------------------------------------------------------------------

    @property
    def agent(self) -> Agent:
        assert self._agent is not None
        return self._agent

    async def start(self) -> None:
        """A process of rrmd, over what an earlier one left."""
        numbers, self.lives = itertools.count(1), self.lives + 1
        self.rig.ids = lambda: f"00000000-0000-7000-8{self.lives:03x}-{next(numbers):012d}"
        self._agent, self._ledger = self.rig.build()
        self.judge.agent = self._agent
        self._agent.alarm.sinks.append(self.alerts.append)
        self._running = asyncio.create_task(self._agent.run(), name="agent")
        ready = asyncio.create_task(self._agent.ready.wait())
        await asyncio.wait({ready, self._running}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._running.done():
            self._running.result()
        if self.lives > 1:
            self.strikes()

    async def stop(self) -> None:
        """Stopped well."""
        self.agent.stop()
        await self._end()

    async def kill(self) -> None:
        """Dead at once: nothing of it reaches a disk or a device any more."""
        assert self._running is not None
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._end()

    async def _end(self) -> None:
        assert self._running is not None
        assert self._ledger is not None
        running, self._running = self._running, None
        try:
            await running
        finally:
            await self._ledger.close()

    async def bury(self) -> None:
        """Whatever is still running when a case has failed."""
        if self._running is not None:
            with suppress(Exception):
                await self.kill()

    # -- what goes wrong -----------------------------------------------------------------------------------

    def fault(
        self,
        operation: Operation,
        kind: Kind,
        *,
        most: int | None = 1,
        device: str = "ap1",
        when: Callable[[Call], bool] = lambda call: True,
        **more: Any,
    ) -> Gate:
        """This call of the sick device goes wrong from now on, ``most`` times; None: until the gate shuts."""
        gate = Gate(opened=True, most=most)

        def hit(call: Call) -> bool:
            if not when(call) or not gate(call):
                return False
            self.strikes()
            return True

        worlds.get("rig").faults.add(Scripted(operation, hit, Fault(kind, **more), device=device))
        return gate

    def strikes(self) -> None:
        """The fault is there; where rrmd is started again, what is asked of the well AP waits for that."""
        if not self.case.restarts or self.lives > 1:
            self.trouble.set()

    # -- what a story asks for -----------------------------------------------------------------------------

    async def drill(self, channel: int = TARGET) -> Change:
        """A change of AP 1, begun by a person."""
        done = await self.ask(channel)
        assert isinstance(done.change, Change), done.decision
        return done.change

    async def ask(self, channel: int = TARGET) -> Any:
        """A person asks for such a change; what is answered."""
        return await self.agent.operator.inject(
            EventKind.NON_WIFI_BURST, AP1, channel=channel, width_mhz=None, act=True, actor=PERSON
        )

    async def final(self, change: Change) -> Change:
        """The change when it is final, in whatever process."""
        await until(lambda: self.now(change).final, limit_s=LIMIT_S)
        return self.now(change)

    async def until(self, condition: Callable[[], Any], *, limit_s: float = LIMIT_S) -> Any:
        return await until(condition, limit_s=limit_s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @property
    def writes(self) -> int:
        """How often AP 1 has been written to."""
        return worlds.get("rig").faults.calls("ap1", Operation.APPLY)

    def now(self, change: Change) -> Change:
        return self.agent.memory.changes[change.id]

    async def changed(self, channel: int = TARGET) -> Change:
        """The same, when it is final."""
        return await self.final(await self.drill(channel))

    async def monitored(self, channel: int = TARGET) -> Change:
        """The same, as soon as it is being monitored."""
        change = await self.agent.executor.settled((await self.drill(channel)).id, State.MONITORING)
        assert change.state is State.MONITORING, change
        return change

    async def undo(self, change: Change) -> None:
        """A person takes it back."""
        await self.agent.operator.rollback(self.agent.changes.token(change), PERSON)

    def reasons(self, change: Change) -> list[str]:
        """Why it took each of its steps."""
        steps = [r for r in self.rig.records() if r["change_id"] == change.id and r["to_state"] is not None]
        return [r["reason"]["code"] for r in steps]

    def ended(self, change: Change, *states: State, why: str | None = None) -> None:
        """It went through these states and no others."""
        told = self.rig.steps(change.id)
        assert told == [str(state) for state in states], told
        assert why is None or self.reasons(change)[-1] == why, self.reasons(change)

    def is_on(self, channel: int) -> None:
        assert self.rig.block(AP1).primary == channel, self.rig.block(AP1)

    def until_the_end(self, patch: AbstractContextManager[Any]) -> None:
        """In force as long as the case is told."""
        self.end.enter_context(patch)

    # -- the device's own undo timer ------------------------------------------------------------------------

    def hold_undo(self) -> str:
        """The timer of AP 1 that is armed does not end by itself any more; its handle."""
        firmware = self.rig.world._firmware
        ((handle, armed),) = firmware._undo.items()
        del firmware._undo[handle]
        firmware._undo["held"] = armed
        return "held"

    def fire_undo(self, handle: str | None = None) -> None:
        """It ends now."""
        name = handle or next(iter(self.rig.world._firmware._undo))
        assert self.rig.world.undo_now(name), "it is not armed"

    # -- the well one ----------------------------------------------------------------------------------------

    def _listen_to_the_well_one(self) -> None:
        wrap = self.rig.wrap_device

        def listened(device: Any) -> Any:
            device = wrap(device)
            if device._id != "ap2":
                return device
            read = device.read

            async def reading(*args: Any) -> Any:
                told = await read(*args)
                self.reads.append(self.clock.monotonic())
                return told

            device.read = reading
            return device

        self.rig.wrap_device = listened


def site_for(case: Case) -> Site:
    """Four APs that do not hear each other."""
    site = site_of(4, policy=POLICY, widths=(20,), spacing_m=600.0, undo_timer=case.undo_timer)
    site = with_options(site, timeout_s=5.0, **case.options)
    if not case.controller:
        return site
    aps = {**site.aps, "ap4": replace(site.aps["ap4"], device="ap1")}
    devices = {name: device for name, device in site.devices.items() if name != "ap4"}
    return replace(site, aps=MappingProxyType(aps), devices=MappingProxyType(devices))


async def _told(case: Case, directory: Path, clock: SimulatedClock) -> None:
    site = site_for(case)
    async with rig_of(directory, clock, site, channels=(case.channel, 149, 52, 44), clients=3) as rig:
        scene = Scene(case, rig, clock)
        case.arrange(scene)
        rig.world.set_stubborn(AP3)
        try:
            await scene.start()
            await asyncio.sleep(WARM_S)
            async with invariants.beside(scene):
                await case.story(scene)
            await invariants.hold(scene)
        finally:
            await scene.bury()
            scene.end.close()


def tell(case: Case, directory: Path) -> None:
    """Try it, from a fresh state directory; whatever is not as stated raises."""

    async def main(clock: SimulatedClock) -> None:
        await _told(case, directory, clock)

    with contained() as bugs:
        run(main, until_s=6 * 3600.0)
    assert not bugs, bugs


__all__ = [
    "AP1",
    "AP2",
    "AP3",
    "AP4",
    "Kind",
    "Operation",
    "Scene",
    "Setting",
    "State",
    "tell",
]
