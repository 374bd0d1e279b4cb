"""A Cisco C9800 controller (IOS-XE): one session for all its APs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final
from xml.etree.ElementTree import Element

from drivers.base import DeviceContext
from drivers.errors import Garbage, NeverAgain, Refused, TryAgain, Unsupported
from drivers.expectation import compare
from drivers.netconf import render
from drivers.netconf.cisco import find, parse, parse_rrm, plan, reading, watch
from drivers.netconf.cisco import render as words
from drivers.netconf.cisco.parse import Ap, Radio, Slot
from drivers.netconf.cisco.reading import Answers
from drivers.netconf.link import Link
from drivers.netconf.options import Options
from drivers.netconf.parse_hello import Offers, offers
from drivers.netconf.parse_reply import Busy
from drivers.netconf.transaction import Transactions
from drivers.netconf.whose import Whose
from drivers.signals import Gap, Signal
from drivers.types import (
    Absence,
    ActionRequest,
    Capabilities,
    ConfigState,
    DeviceInfo,
    Edit,
    Effects,
    RadioInfo,
    Receipt,
    ScopeRef,
    Setting,
    Snapshot,
    Table,
)
from inventory.credentials import Login
from inventory.model import RadioKey

POLLED: Final = "radar and CleanAir tables, polled"
NOTIFIED: Final = "NETCONF notifications of rogues and clients"
CAPABILITIES: Final = Capabilities(
    tables=frozenset(Table),
    settings=MappingProxyType(
        {**dict.fromkeys(plan.RADIO_SETTINGS, "radio"), Setting.OBSS_PD_DBM: plan.PROFILE_KIND}
    ),
    widths_mhz=parse.WIDTHS_MHZ,
    refresh_s=MappingProxyType(dict.fromkeys(frozenset(Table) - {Table.STATUS}, reading.REFRESH_S)),
    signals=True,
    signal_ways=(POLLED, NOTIFIED),
    saves=True,
    moves_drop=True,
)
_OBSS_PD: Final = frozenset({Setting.OBSS_PD_DBM})


class CiscoDevice:
    """Reads and writes on one session; listens and looks for radar on another."""

    def __init__(self, context: DeviceContext, options: Options, login: Login) -> None:
        self._context = context
        self._options = options
        self._link = Link(context, options, login)
        self._offers: Offers = offers(())
        self._slots: dict[RadioKey, Slot] = {}
        self._whose = Whose()
        self._away = False  # a radio of the inventory, at the last poll
        self._radios: dict[Slot, Radio] = {}  # as last read
        self._bands = {radio.key: radio.band for radio in context.radios}
        self._watch = watch.Watch(context.config.id)
        self._writing = asyncio.Lock()

    async def open(self) -> DeviceInfo:
        hello = await self._link.open()
        try:
            self._offers = offers(hello.capabilities)
            aps, radios = await self._link.data(render.get(words.found()), _found)
            self._slots = find.slots(self._context.aps, aps, radios.values())
            self._learn_whose(aps, radios)
            self._away = self._slots.keys() != self._bands.keys()
            self._learn(radios)
            self._watch.begins(await self._link.data(render.get(words.watched()), parse_rrm.seen))
        except BaseException:
            await self._link.close()
            raise
        return self._info(hello.fingerprint, aps, radios)

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        wanted = self._bands.keys() if radios is None else radios
        slots = {self._slots[key] for key in wanted if key in self._slots}
        whole = radios is None and self._away
        only = next(iter(slots)) if len(slots) == 1 and not whole else None
        answers = await self._ask(tables, only)
        at_s = self._context.clock()
        found = {
            key: answers.radios[slot]
            for key in wanted
            if (slot := self._slots.get(key)) is not None and slot in answers.radios
        }
        absent = wanted - found.keys()
        if radios is None:
            self._away = bool(absent)
        return Snapshot(
            at_s=at_s,
            readings={
                key: reading.reading(
                    key, self._bands[key], radio, answers, tables, at_s, owns=not self._options.take_over
                )
                for key, radio in found.items()
            },
            missing=dict.fromkeys(absent, Absence.ABSENT),
            appeared=await self._appeared(absent, answers.radios) if radios is None else frozenset(),
        )

    async def _appeared(
        self, absent: Collection[RadioKey], radios: Mapping[Slot, Radio]
    ) -> frozenset[RadioKey]:
        """Of these the ones whose AP has joined since `open`, or was replaced by another. Whose the radios
        are is asked only now and then, unless there are other ones."""
        if not absent or not self._whose.is_due(find.marks(radios.values()), self._context.clock()):
            return frozenset()
        try:
            aps, radios = await self._link.data(render.get(words.found()), _found)
        except (NeverAgain, Garbage, Busy):  # the poll was good, and it is asked again with the next one
            return frozenset()
        now = find.slots(self._context.aps, aps, radios.values())
        appeared = frozenset(key for key in absent if key in now and now[key] != self._slots.get(key))
        if not appeared:
            self._learn_whose(aps, radios)
        return appeared

    def _learn_whose(self, aps: Mapping[str, Ap], radios: Mapping[Slot, Radio]) -> None:
        complete = all(slot.mac in aps for slot in radios)
        self._whose.learnt(find.marks(radios.values()), self._context.clock(), complete=complete)

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        if ref.kind == plan.PROFILE_KIND:
            return await self._profile(ref)
        slot = self._slot(ref)
        radio = (await self._ask(frozenset(), slot)).radios.get(slot)
        if radio is None:
            raise TryAgain(f"{self._name}: slot {slot.slot} of {slot.mac} is gone")
        return reading.config(ref, radio)

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        if edit.scope.kind == plan.PROFILE_KIND:
            return plan.profile_effects(edit, have, self._offers)
        return plan.effects(self._radios[self._slot(edit.scope)], edit, have)

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        """RPCs, one after the other: there is no candidate on these controllers, and no undo timer."""
        if undo_after_s is not None:
            raise Unsupported(f"{self._name}: a C9800 has no undo timer")
        async with self._writing:
            if edit.scope.kind == plan.PROFILE_KIND:
                await self._apply_profile(edit)
            else:
                await self._apply_radio(edit)
        return Receipt(edit=edit)

    async def confirm(self, receipt: Receipt) -> None:
        """Save the running configuration, which took up to 3.7 s where it was measured."""
        async with self._writing:
            await self._link.ask(words.save())

    async def cancel(self, receipt: Receipt) -> None:
        raise Unsupported(f"{self._name}: a C9800 has no undo timer")

    async def act(self, request: ActionRequest) -> None:
        raise Unsupported(f"{self._name}: {request.action} is not sent to a C9800")

    async def signals(self) -> AsyncIterator[Signal]:
        """Notifications as they come, and between them the tables that no notification tells of. Ends with
        the session, and with an answer that can't be read."""
        session, clock = self._link.events, self._context.clock
        try:
            await session.open()
            if self._offers.notification:
                await self._link.ask(render.create_subscription(), session)
            yield Gap(at_s=clock(), device=self._name)
            next_s = clock()
            while True:
                if (left_s := next_s - clock()) <= 0:
                    next_s = clock() + self._options.radar_poll_s
                    seen = await self._link.data(render.get(words.watched()), parse_rrm.seen, session)
                    for signal in self._watch.looked(seen, clock()):
                        yield signal
                elif (text := await self._link.heard(left_s)) is not None:
                    told = self._watch.notified(text, clock())
                    if told is not None:
                        yield told
        except (TryAgain, Garbage):
            return
        finally:
            await session.close()

    async def close(self) -> None:
        await self._link.close()

    @property
    def _name(self) -> str:
        return self._context.config.id

    async def _ask(self, tables: frozenset[Table], only: Slot | None) -> Answers:
        answers = await self._link.data(render.get(words.asked(tables, only)), _answers)
        self._learn(answers.radios)
        return answers

    def _learn(self, radios: Mapping[Slot, Radio]) -> None:
        self._radios.update(radios)
        self._watch.knows(self._slots, radios)

    def _slot(self, ref: ScopeRef) -> Slot:
        if ref.kind != "radio" or len(ref.members) != 1 or ref.members[0] not in self._slots:
            raise Unsupported(f"{self._name} has no {ref.kind} {ref.name}")
        return self._slots[ref.members[0]]

    async def _profile(self, ref: ScopeRef) -> ConfigState:
        profile = words.profile(ref.name)
        dbm = await self._link.data(render.get(profile), lambda data: parse.profile(data, ref.name))
        if dbm is None:
            raise Unsupported(f"{self._name} has no RF profile {ref.name}")
        return reading.profile_config(ref, dbm)

    async def _apply_profile(self, edit: Edit) -> None:
        have = await self._profile(edit.scope)
        xml = plan.profile_step(edit, have)
        compare(edit, have, _OBSS_PD)
        if xml is not None:
            await Transactions(self._link, self._offers).change(
                xml, lambda: self._compared(edit, self._profile), None
            )

    async def _compared(self, edit: Edit, read: Callable[[ScopeRef], Awaitable[ConfigState]]) -> None:
        compare(edit, await read(edit.scope), _OBSS_PD)

    async def _apply_radio(self, edit: Edit) -> None:
        have = await self.read_config(edit.scope)
        todo = plan.steps(self._radios[self._slot(edit.scope)], edit, have)
        compare(edit, have, frozenset())
        for done, step in enumerate(todo):
            try:
                await self._link.ask(step)
            except NeverAgain as error:
                if done:
                    raise TryAgain(f"{error}, after {done} steps that were done: read back") from error
                raise Refused(str(error)) from error

    def _info(self, fingerprint: str, aps: Mapping[str, Ap], radios: Mapping[Slot, Radio]) -> DeviceInfo:
        versions = sorted({ap.version for ap in aps.values() if ap.version})
        ways = CAPABILITIES.signal_ways if self._offers.notification else (POLLED,)
        return DeviceInfo(
            vendor="Cisco",
            model=f"C9800 of {len(aps)} access points",
            version=", ".join(versions),
            identity=fingerprint,
            radios={
                key: RadioInfo(
                    key=key,
                    name=str(slot.slot),
                    band=self._bands[key],
                    bssids=tuple(bssid for bssid, _ in radios[slot].bssids),
                )
                for key, slot in self._slots.items()
            },
            capabilities=replace(CAPABILITIES, signal_ways=ways),
            found=find.listed(aps, radios.values()),
        )


def _found(data: Element) -> tuple[dict[str, Ap], dict[Slot, Radio]]:
    return parse.aps(data), parse.radios(data)


def _answers(data: Element) -> Answers:
    return Answers(
        radios=parse.radios(data),
        totals=parse.totals(data),
        loads=parse_rrm.loads(data),
        neighbors=parse_rrm.neighbors(data),
    )
