"""The simulated device: a management session with one AP (or more) of a simulated world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from drivers.base import DeviceContext
from drivers.errors import Conflict, DeviceTimeout, Disconnected, Garbage, Refused, Unsupported
from drivers.signals import (
    AttackHeard,
    Gap,
    InterferenceHeard,
    RadioDown,
    RadioFault,
    RogueHeard,
    Signal,
)
from drivers.simulated import options as own_options
from drivers.simulated import worlds
from drivers.simulated.effects import (
    by_restart,
    changes_obss_pd,
    effects,
    only_radio,
    prior_values,
    reticent,
    unsupported,
)
from drivers.simulated.failing import by_another, check_plan, meant, of_another, silent, stop_at, swapped
from drivers.simulated.faults import LATE, Fault, Kind, Operation
from drivers.simulated.firmware import REBOOT, NotPossible
from drivers.simulated.identity import CAPABILITIES, capabilities, device_info
from drivers.simulated.options import Options
from drivers.simulated.reading import read_radio
from drivers.simulated.session import Session
from drivers.simulated.untrue import Untruths
from drivers.types import (
    Absence,
    Action,
    ActionRequest,
    Capabilities,
    ConfigState,
    DeviceInfo,
    Edit,
    Effects,
    RadioReading,
    RadioState,
    Receipt,
    Reported,
    ScopeRef,
    Setting,
    Snapshot,
    Table,
    Values,
)
from inventory.model import RadioKey, ap_of

Write = Callable[[], str]
"""Does it in the world; returns the handle of the undo timer or ''. Raises NotPossible."""


class SimulatedDevice:
    """A `drivers.base.Device`. Time-outs are scripted, or those of an AP that does not answer; each call
    takes the option ``latency_s``."""

    def __init__(self, context: DeviceContext) -> None:
        self._id = context.config.id
        self._options = Options.model_validate(dict(context.config.options))
        self._radios = {radio.key: radio for radio in context.radios}
        self._clock = context.clock
        self._stage = worlds.stage_for(self._options, context.radios, context.clock())
        self._world = self._stage.world
        self._untruths = Untruths(self._world, self._options.refresh)
        self._session: Session | None = None
        self._opened = 0  # sessions so far
        self._tries = 0  # opens and closes so far: an open that was overtaken begins nothing

    # session

    async def open(self) -> DeviceInfo:
        await self.close()
        mine = self._tries
        fault = self._fault(Operation.OPEN)
        if fault is not None and fault.kind is Kind.REBOOT:
            self._reboot()
        mute = silent(fault) or self._unreachable()
        await asyncio.sleep(self._options.timeout_s if mute else self._options.latency_s)
        stop_at(fault, self._id, self._options.timeout_s)
        self._now()
        if self._booting() or self._unreachable():
            raise DeviceTimeout(f"{self._id} does not answer")
        if mine != self._tries:
            raise Disconnected("closed while opening")
        self._begin()
        return by_another(self._info(), fault)

    async def close(self) -> None:
        self._tries += 1
        if self._session is not None:
            self._lose(self._session)

    def _begin(self) -> None:
        session = Session()
        if self._opened:
            session.signals.put_nowait(Gap(at_s=self._clock(), device=self._id))
        self._opened += 1
        session.unwatch = self._world.watch(partial(self._heard, session))
        self._session = session
        self._stage.pump.start(self._clock)

    def _lose(self, session: Session) -> None:
        """The connection breaks; the caller finds out at its next call."""
        if self._session is session:
            self._session = None
            session.end()
            self._stage.pump.stop()

    def _live(self) -> Session:
        if self._session is None:
            raise Disconnected(f"no session with {self._id}")
        return self._session

    def _booting(self) -> bool:
        return any(self._world.state_of(key) is RadioState.STARTING for key in self._known())

    def _unreachable(self) -> bool:
        """A controller answers as long as one of its APs does."""
        known = self._known()
        return bool(known) and not any(self._world.hardware.answers(key) for key in known)

    def _reboot(self) -> None:
        for ap in sorted({ap_of(key) for key in self._known()}):
            self._world.reboot(ap)

    def _known(self) -> list[RadioKey]:
        return [key for key in self._radios if self._world.has(key)]

    def _info(self) -> DeviceInfo:
        radios = {key: self._radios[key] for key in self._known()}
        return device_info(self._id, self._world, radios, self._options)

    # signals

    async def signals(self) -> AsyncIterator[Signal]:
        session = self._live()
        while (signal := await session.signals.get()) is not None:
            fault = self._fault(Operation.SIGNALS)
            if fault is not None and fault.kind is Kind.DISCONNECT:
                self._lose(session)
            if silent(fault):
                continue  # the stream is there, and tells nothing
            stop_at(fault, self._id, self._options.timeout_s)
            yield of_another(signal, fault)

    def _heard(self, session: Session, key: RadioKey, signal: Signal) -> None:
        if key not in self._radios:
            return
        if self._tells(key, signal):
            session.signals.put_nowait(replace(signal, device=self._id, at_s=self._clock()))
        if isinstance(signal, RadioDown) and signal.reason == REBOOT:
            self._lose(session)

    def _tells(self, key: RadioKey, signal: Signal) -> bool:
        """Whether the AP can say it, and is one that would know."""
        if isinstance(signal, InterferenceHeard) and not self._options.spectrum_analyser:
            return False
        if isinstance(signal, RogueHeard | AttackHeard) and not self._options.intrusion_detection:
            return False
        if isinstance(signal, RadioFault) and not self._options.fault_reports:
            return False
        return self._world.hardware.answers(key)

    # reading

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        fault = await self._call(Operation.READ)
        now_s = self._now()
        asked = sorted(self._radios if radios is None else radios)
        known = [key for key in asked if key in self._known()]
        found = {key: self._reading(key, tables, now_s) for key in known if self._world.hardware.answers(key)}
        missing = {
            key: Absence.TIMEOUT if key in known else Absence.ABSENT for key in asked if key not in found
        }
        readings, lost = self._untruths.tell(swapped(found, fault), fault, now_s)
        return Snapshot(at_s=now_s, readings=readings, missing={**missing, **lost})

    def _reading(self, key: RadioKey, tables: frozenset[Table], now_s: float) -> RadioReading:
        found = read_radio(self._world, key, tables, now_s)
        if self._options.obss_pd_acts:
            return found
        level = self._world.radio(key).configured[Setting.OBSS_PD_DBM]
        return replace(found, obss_pd_dbm=Reported(level, "simulated.configured"))

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        fault = await self._call(Operation.READ_CONFIG, radio=self._radio_of(ref))
        self._now()
        have = self._config(ref, fault)
        if fault is not None and fault.kind is Kind.WRONG_READBACK:
            wrong = {**have.in_force, **fault.values}
            have = replace(have, configured=wrong, in_force=wrong)
        return have if self._options.obss_pd_acts else reticent(have)

    def _config(self, ref: ScopeRef, fault: Fault | None) -> ConfigState:
        radio = self._world.radio(meant(self._radio_of(ref), fault))
        return ConfigState(
            scope=ref, configured=dict(radio.configured), in_force=radio.in_force(), state=radio.state
        )

    def _radio_of(self, ref: ScopeRef) -> RadioKey:
        key = only_radio(ref)
        if key not in self._known():
            raise Unsupported(f"{self._id} has no radio {key}")
        return key

    # writing

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        key = self._radio_of(edit.scope)
        check_plan(self._fault(Operation.PLAN, edit), self._id)
        if why := unsupported(edit, self._radios[key], obss_pd_acts=self._options.obss_pd_acts):
            raise Unsupported(why)
        plan = effects if self._options.obss_pd_acts else by_restart
        return plan(edit, have, self._radios[key], self._world.country)

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        key = self._radio_of(edit.scope)
        self._check_supported(key, edit, undo_after_s)
        fault = await self._call(Operation.APPLY, edit, radio=key)
        self._now()
        self._check_expected(key, edit)
        values = fault.values if fault is not None and fault.kind is Kind.DONE_WRONG else edit.set
        write = partial(self._write, meant(key, fault), values, undo_after_s)
        handle = await self._carry_out(write, fault)
        return Receipt(edit=edit, undo_armed=undo_after_s is not None, handle=handle)

    async def confirm(self, receipt: Receipt) -> None:
        fault = await self._call(Operation.CONFIRM)
        self._now()
        if receipt.undo_armed:
            await self._carry_out(partial(self._confirm, receipt.handle), fault)

    async def cancel(self, receipt: Receipt) -> None:
        if not receipt.undo_armed:
            raise Unsupported("no undo timer was armed for this edit")
        fault = await self._call(Operation.CANCEL)
        self._now()
        await self._carry_out(partial(self._cancel, receipt.handle), fault)

    async def act(self, request: ActionRequest) -> None:
        if request.action not in self._options.actions:
            raise Unsupported(f"{self._id} has no action {request.action}")
        if request.radio not in self._known():
            raise Unsupported(f"{self._id} has no radio {request.radio}")
        fault = await self._call(Operation.ACT, radio=request.radio)
        self._now()
        request = replace(request, radio=meant(request.radio, fault))
        await self._carry_out(partial(self._act, request), fault)

    def _act(self, request: ActionRequest) -> str:
        if request.action is Action.RESTART:
            self._world.restart(request.radio)
        else:
            self._world.steer(request.radio, request.clients, request.to_bssids)
        return ""

    def _check_supported(self, key: RadioKey, edit: Edit, undo_after_s: float | None) -> None:
        if why := unsupported(edit, self._radios[key], obss_pd_acts=self._options.obss_pd_acts):
            raise Unsupported(why)
        if undo_after_s is None:
            return
        timer = capabilities(self._options).undo_timer_s
        if timer is None or not timer[0] <= undo_after_s <= timer[1]:
            raise Unsupported(f"{self._id} has no undo timer of {undo_after_s} s")

    def _check_expected(self, key: RadioKey, edit: Edit) -> None:
        have = self._world.in_force(key)
        differing = sorted(name for name, value in edit.expect.items() if have.get(name) != value)
        if differing:
            found = ", ".join(f"{name} is {have.get(name)}" for name in differing)
            raise Conflict(f"{key}: {found}; nothing was written")

    def _write(self, key: RadioKey, values: Values, undo_after_s: float | None) -> str:
        have = self._world.in_force(key)
        prior = prior_values(values, have)
        self._world.configure(key, values)
        on_air = self._world.state_of(key) is RadioState.ON_AIR
        if on_air and not self._options.obss_pd_acts and changes_obss_pd(values, have):
            self._world.restart(key)
        return "" if undo_after_s is None else self._world.arm_undo(key, prior, undo_after_s)

    def _confirm(self, handle: str) -> str:
        if not self._world.disarm(handle):
            raise NotPossible("no such undo timer: it has run out")
        return handle

    def _cancel(self, handle: str) -> str:
        if not self._world.undo_now(handle):
            raise NotPossible("no such undo timer: it has run out")
        return handle

    async def _carry_out(self, write: Write, fault: Fault | None) -> str:
        """Do it, or what the fault makes of it. The session is alive and there is no await before the
        deed, so a call that was given up does nothing later, save ``DONE_LATE``, which close ends."""
        session, kind = self._live(), fault.kind if fault is not None else None
        if kind is Kind.NOT_DONE:
            return "nothing-was-done"
        if fault is not None and kind in LATE:
            self._later(session if kind is Kind.DONE_LATE else None, fault.after_s, write)
            await self._time_out(session)
        handle = self._do(write)
        if kind is Kind.TIMEOUT_DONE:
            await self._time_out(session)
        if kind is Kind.DISCONNECT_DONE:
            self._lose(session)
            raise Disconnected(f"the connection with {self._id} broke")
        if kind is Kind.GARBAGE_DONE:
            raise Garbage(f"{self._id}: the answer makes no sense")
        return handle

    @staticmethod
    def _do(write: Write) -> str:
        try:
            return write()
        except NotPossible as error:
            raise Refused(str(error)) from error

    def _later(self, session: Session | None, after_s: float, write: Write) -> None:
        """``session``: with whose end it is called off; None: nothing can call it off."""

        def land() -> None:
            with suppress(NotPossible):  # nobody is left to be told
                write()

        timer = asyncio.get_running_loop().call_later(after_s, land)
        if session is not None:
            session.late.add(timer)

    # calls

    async def _call(
        self, operation: Operation, edit: Edit | None = None, *, radio: RadioKey | None = None
    ) -> Fault | None:
        """The way there: latency, and the faults that fit every operation."""
        session = self._live()
        fault = self._fault(operation, edit)
        await session.travel(self._options.latency_s)
        self._now()
        if self._unreachable() or (radio is not None and not self._world.hardware.answers(radio)):
            await self._time_out(session)
        if fault is None:
            return None
        if fault.kind is Kind.HANG:
            await session.silence(None)
        if fault.kind is Kind.TIMEOUT:
            await self._time_out(session)
        if fault.kind is Kind.REBOOT:
            self._reboot()
        if fault.kind is Kind.DISCONNECT:
            self._lose(session)
        stop_at(fault, self._id, self._options.timeout_s, partly=operation is Operation.READ)
        return fault

    async def _time_out(self, session: Session) -> None:
        await session.silence(self._options.timeout_s)
        raise DeviceTimeout(f"{self._id} did not answer within {self._options.timeout_s} s")

    def _fault(self, operation: Operation, edit: Edit | None = None) -> Fault | None:
        return self._stage.faults.next(self._id, operation, self._clock(), edit)

    def _now(self) -> float:
        """Now, with the world there too."""
        now_s = max(self._clock(), self._world.now_s)
        self._world.advance(now_s)
        return now_s


class SimulatedFamily:
    """The entry point: a `drivers.base.DriverFamily`."""

    name: str = "simulated"
    summary: str = "APs of a simulated world: for the demo, tests and trying out plans"
    capabilities: Capabilities = CAPABILITIES
    profiles: Mapping[str, Capabilities] = MappingProxyType({})

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return own_options.check_options(options)

    def device(self, context: DeviceContext) -> SimulatedDevice:
        return SimulatedDevice(context)


family = SimulatedFamily()
