"""The driver: a session with one AP, and the family that the entry point names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

from drivers.base import Device, DeviceContext
from drivers.errors import Conflict, Garbage, IdentityChanged, PersonNeeded, Refused, Unsupported
from drivers.signals import Gap, Signal
from drivers.types import (
    Absence,
    Action,
    ActionRequest,
    Capabilities,
    ConfigState,
    DeviceInfo,
    Edit,
    Effects,
    FoundAp,
    FoundRadio,
    RadioInfo,
    Receipt,
    ScopeRef,
    Snapshot,
    Table,
)
from inventory.model import Radio, RadioKey
from linewifi_rrmd import parse, render
from linewifi_rrmd.parse import Line
from linewifi_rrmd.wire import Wire

EVENTS = "event lines over TCP"
TIMEOUT_S = 5.0
CAPABILITIES = Capabilities(
    tables=frozenset({Table.STATUS, Table.SURVEY, Table.COUNTERS, Table.CLIENTS}),
    settings=MappingProxyType(dict.fromkeys(render.WORDS, "radio")),
    widths_mhz=(20, 40, 80),
    undo_timer_s=(1.0, 600.0),
    signals=True,
    signal_ways=(EVENTS,),
    actions=frozenset({Action.RESTART}),
)


class LineWifiDevice:
    """One AP: a connection for questions, and one for its events."""

    def __init__(self, context: DeviceContext, host: str, port: int) -> None:
        self._context = context
        self._wire, self._ears = (Wire(host, port, TIMEOUT_S) for _ in range(2))
        self._serial: str | None = None
        self._numbers: dict[RadioKey, str] = {}

    async def open(self) -> DeviceInfo:
        await self.close()
        await self._wire.open()
        said = parse.hello(await self._wire.ask("hello"))
        if self._serial not in (None, said.serial):
            raise IdentityChanged(f"{self._name}: serial {said.serial}, before {self._serial}")
        self._serial = said.serial
        lines = await self._lines()
        matched = {radio.key: line for radio in self._context.radios if (line := _match(radio, lines))}
        self._numbers = {key: line.number for key, line in matched.items()}
        radios = tuple(FoundRadio(name=line.number, band=line.band) for line in lines.values())
        return DeviceInfo(
            vendor="LineWifi",
            model=said.model,
            version=said.version,
            identity=said.serial,
            radios={k: RadioInfo(key=k, name=line.number, band=line.band) for k, line in matched.items()},
            capabilities=CAPABILITIES,
            found=(FoundAp(mac=said.mac or None, name=said.serial, model=said.model, radios=radios),),
        )

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        lines = await self._lines()
        at_s = self._context.clock()
        readings, missing = {}, {}
        for key in {radio.key for radio in self._context.radios} if radios is None else radios:
            line = lines.get(self._numbers.get(key, ""))
            try:
                if line is None:
                    missing[key] = Absence.ABSENT
                else:
                    readings[key] = parse.reading(line, key, tables, at_s)
            except Garbage:
                missing[key] = Absence.GARBAGE
        return Snapshot(at_s=at_s, readings=readings, missing=missing)

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        """The AP has one set of values: what it is told is in force at once."""
        number = self._number(ref)
        line = (await self._lines()).get(number)
        if line is None:
            raise Garbage(f"{self._name} tells nothing of radio {number}")
        values = line.settings()
        return ConfigState(scope=ref, configured=values, in_force=values, state=line.state)

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        return render.effects(self._number(edit.scope), edit, have.in_force)

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        """The AP itself compares and sets: what is expected goes along."""
        render.check(edit)
        line = render.command(self._number(edit.scope), edit, undo_after_s)
        handle = self._judged(await self._wire.ask(line))
        return Receipt(edit=edit, undo_armed=undo_after_s is not None, handle=handle)

    async def confirm(self, receipt: Receipt) -> None:
        if receipt.undo_armed:
            self._judged(await self._wire.ask(f"keep {receipt.handle}"))

    async def cancel(self, receipt: Receipt) -> None:
        if not receipt.undo_armed:
            raise Unsupported("no undo timer was armed for this edit")
        self._judged(await self._wire.ask(f"back {receipt.handle}"))

    async def act(self, request: ActionRequest) -> None:
        number = self._numbers.get(request.radio)
        if number is None or request.action not in CAPABILITIES.actions:
            raise Unsupported(f"{self._name} has no {request.action} of {request.radio}")
        self._judged(await self._wire.ask(f"restart {number}"))

    async def signals(self) -> AsyncIterator[Signal]:
        """A Gap first: what happened before it listened may be missing."""
        await self._ears.close()
        await self._ears.open()
        self._judged(await self._ears.ask("events"))
        yield Gap(at_s=self._context.clock(), device=self._name)
        keys = {number: key for key, number in self._numbers.items()}
        async for line in self._ears.lines():
            at_s = self._context.clock()
            try:
                signal = parse.signal(line, self._name, keys, at_s)
            except Garbage:
                signal = Gap(at_s=at_s, device=self._name)  # something happened: a reason to poll
            if signal is not None:
                yield signal

    async def close(self) -> None:
        await self._ears.close()
        await self._wire.close()

    @property
    def _name(self) -> str:
        return self._context.config.id

    async def _lines(self) -> dict[str, Line]:
        return parse.lines(await self._wire.ask_many("status"))

    def _number(self, ref: ScopeRef) -> str:
        if ref.kind != "radio" or len(ref.members) != 1 or ref.members[0] not in self._numbers:
            raise Unsupported(f"{self._name} has no {ref.kind} {ref.name}")
        return self._numbers[ref.members[0]]

    def _judged(self, answer: str) -> str:
        """What stands behind `ok`; any other answer is an error."""
        verdict, _, rest = answer.partition(" ")
        if verdict == "ok":
            return rest
        if verdict == "conflict":
            raise Conflict(f"{self._name}: {rest[:200]}; nothing was written")
        if verdict == "refused":
            raise Refused(f"{self._name}: {rest[:200]}")
        raise Garbage(f"{self._name}: {answer[:80]!r} is no answer")


def _match(radio: Radio, lines: Mapping[str, Line]) -> Line | None:
    """By the device's own name where the inventory has it, else the first of its band."""
    if radio.ifname is not None:
        return lines.get(radio.ifname)
    return next((line for line in lines.values() if line.band is radio.band), None)


class LineWifiFamily:
    """What the entry point names; see `drivers.base.DriverFamily`."""

    name = "linewifi"
    summary = "Access points that speak LineWifi, a protocol made up as an example"
    capabilities = CAPABILITIES
    profiles: Mapping[str, Capabilities] = MappingProxyType({})

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        if options:
            raise ValueError(f"linewifi has no options, got {', '.join(sorted(options))}")
        return options

    def device(self, context: DeviceContext) -> Device:
        host, _, port = context.config.address.rpartition(":")
        if not host or not port.isdecimal():
            raise PersonNeeded(f"{context.config.id}: expected host:port, got {context.config.address!r}")
        return LineWifiDevice(context, host, int(port))


family = LineWifiFamily()
