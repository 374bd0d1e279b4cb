"""A device that speaks openconfig-access-points: one AP, or a controller of many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from drivers.base import DeviceContext
from drivers.errors import Garbage, NeverAgain, TryAgain, Unsupported
from drivers.expectation import compare
from drivers.netconf import render
from drivers.netconf.link import Link
from drivers.netconf.openconfig import find, parse, plan, reading
from drivers.netconf.openconfig import render as words
from drivers.netconf.openconfig.find import Place
from drivers.netconf.openconfig.parse import Ap, ApRadio
from drivers.netconf.options import Options
from drivers.netconf.parse_hello import Offers, offers
from drivers.netconf.parse_reply import Busy
from drivers.netconf.transaction import UNDO_S, Transactions, Undo
from drivers.netconf.whose import Whose
from drivers.signals import Gap, RadarDetected, Signal
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
    Snapshot,
    Table,
)
from inventory.credentials import Login
from inventory.model import RadioKey

CAPABILITIES: Final = Capabilities(
    tables=frozenset(Table),
    settings=MappingProxyType(dict(words.settings())),
    widths_mhz=parse.WIDTHS_MHZ,
    undo_timer_s=UNDO_S,
    signals=True,
    signal_ways=("dfs-hit-time and channel-change-reason, polled",),
    moves_drop=True,
)


class OpenConfigDevice:
    """One NETCONF server. Radar is looked for on a session of its own."""

    def __init__(self, context: DeviceContext, options: Options, login: Login) -> None:
        self._context = context
        self._options = options
        self._link = Link(context, options, login)
        self._offers: Offers = offers(())
        self._places: dict[RadioKey, Place] = {}
        self._whose = Whose()
        self._radios: dict[RadioKey, ApRadio] = {}  # as last read
        self._looked: dict[RadioKey, ApRadio] = {}  # as last read for radar; outlives a reconnection
        self._bands = {radio.key: radio.band for radio in context.radios}
        self._writing = asyncio.Lock()

    async def open(self) -> DeviceInfo:
        hello = await self._link.open()
        try:
            self._offers = offers(hello.capabilities)
            there = await self._ask(words.found())
        except BaseException:
            await self._link.close()
            raise
        self._places = find.places(self._context.aps, self._context.radios, there)
        self._learn_whose(there)
        self._learn(there)
        self._looked = {**self._radios, **self._looked}  # radar from now on is new
        return self._info(hello.fingerprint, there)

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        wanted = self._bands.keys() if radios is None else radios
        there = await self._ask(words.asked(tables))
        at_s = self._context.clock()
        self._learn(there)
        found = {key: seen for key in wanted if (seen := self._seen(key, there)) is not None}
        absent = wanted - found.keys()
        return Snapshot(
            at_s=at_s,
            readings={
                key: reading.reading(
                    key, self._bands[key], ap, radio, tables, at_s, owns=not self._options.take_over
                )
                for key, (ap, radio) in found.items()
            },
            missing=dict.fromkeys(absent, Absence.ABSENT),
            appeared=await self._appeared(absent, there) if radios is None else frozenset(),
        )

    async def _appeared(self, absent: Collection[RadioKey], heard: tuple[Ap, ...]) -> frozenset[RadioKey]:
        """Of these the ones that have come since `open`, or are elsewhere. Whose the radios are is asked only
        now and then, unless there are other ones."""
        if not absent or not self._whose.is_due(find.marks(heard), self._context.clock()):
            return frozenset()
        try:
            there = await self._ask(words.found())
        except (NeverAgain, Garbage, Busy):  # the poll was good, and it is asked again with the next one
            return frozenset()
        now = find.places(self._context.aps, self._context.radios, there)
        appeared = frozenset(key for key in absent if key in now and now[key] != self._places.get(key))
        if not appeared:
            self._learn_whose(there)
        return appeared

    def _learn_whose(self, there: tuple[Ap, ...]) -> None:
        complete = all(ap.mac is not None for ap in there) or not any(ap.match for ap in self._context.aps)
        self._whose.learnt(find.marks(there), self._context.clock(), complete=complete)

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        place = self._place(ref)
        there = await self._ask(words.asked(frozenset()))
        if (seen := find.at(place, there)) is None:
            raise TryAgain(f"{self._name}: radio {place.id} of {place.hostname} is gone")
        self._learn(there)
        return reading.config(ref, seen[1])

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        place = self._place(edit.scope)
        return plan.effects(
            place.hostname,
            self._radios[place.key],
            edit,
            have,
            take_over=self._options.take_over,
            offers=self._offers,
        )

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        """With an undo, `Receipt.handle` is the persist-id. It is made of the change's id, so that whoever
        knows the change can confirm or cancel, even if the answer to the commit was lost."""
        if undo_after_s is not None and not self._offers.undo_timer:
            raise Unsupported(f"{self._name} offers no confirmed commit with a persist-id")
        persist = f"rrmd-{edit.change_id}"
        undo = Undo(persist=persist, after_s=undo_after_s) if undo_after_s is not None else None
        async with self._writing:
            have = await self.read_config(edit.scope)
            xml = self._config(edit, have)
            compare(edit, have, plan.as_configured(self._radios[edit.scope.members[0]]))
            if xml is None:
                return Receipt(edit=edit)
            await self._transactions.change(xml, lambda: self._unchanged(edit), undo)
            if undo is None:
                await self._transactions.keep()
        return Receipt(edit=edit, undo_armed=undo is not None, handle=undo.persist if undo else "")

    async def confirm(self, receipt: Receipt) -> None:
        """From any session, also one that was opened since. Raises Refused when the device has gone back."""
        if receipt.undo_armed:
            async with self._writing:
                await self._transactions.confirm(receipt.handle)

    async def cancel(self, receipt: Receipt) -> None:
        if not receipt.undo_armed:
            raise Unsupported(f"{self._name}: no confirmed commit is waiting for this change")
        async with self._writing:
            await self._transactions.cancel(receipt.handle)

    async def act(self, request: ActionRequest) -> None:
        raise Unsupported(f"{self._name}: openconfig-access-points has no {request.action}")

    async def signals(self) -> AsyncIterator[Signal]:
        """Radar, as far as it can be polled. What the radios were on before is remembered over a
        reconnection. Ends with the session, and with an answer that can't be read."""
        session = self._link.events
        try:
            await session.open()
            yield Gap(at_s=self._context.clock(), device=self._name)
            while True:
                there = await self._ask(words.asked(frozenset()), events=True)
                for signal in self._radar(there):
                    yield signal
                await self._link.heard(self._options.radar_poll_s)  # nothing, but the session's end
        except (TryAgain, Garbage):
            return
        finally:
            await session.close()

    async def close(self) -> None:
        await self._link.close()

    @property
    def _name(self) -> str:
        return self._context.config.id

    @property
    def _transactions(self) -> Transactions:
        return Transactions(self._link, self._offers)

    def _config(self, edit: Edit, have: ConfigState) -> str | None:
        place = self._place(edit.scope)
        return plan.config(
            place.hostname, self._radios[place.key], edit, have, take_over=self._options.take_over
        )

    async def _unchanged(self, edit: Edit) -> None:
        have = await self.read_config(edit.scope)
        compare(edit, have, plan.as_configured(self._radios[edit.scope.members[0]]))

    async def _ask(self, subtree: str, *, events: bool = False) -> tuple[Ap, ...]:
        session = self._link.events if events else None
        return await self._link.data(render.get(subtree), parse.access_points, session)

    def _place(self, ref: ScopeRef) -> Place:
        if ref.kind != "radio" or len(ref.members) != 1 or ref.members[0] not in self._places:
            raise Unsupported(f"{self._name} has no {ref.kind} {ref.name}")
        return self._places[ref.members[0]]

    def _seen(self, key: RadioKey, there: Iterable[Ap]) -> tuple[Ap, ApRadio] | None:
        place = self._places.get(key)
        return find.at(place, there) if place is not None else None

    def _learn(self, there: tuple[Ap, ...]) -> None:
        for key in self._places:
            if (seen := self._seen(key, there)) is not None:
                self._radios[key] = seen[1]

    def _radar(self, there: tuple[Ap, ...]) -> list[Signal]:
        heard: list[Signal] = []
        for key in self._places:
            if (seen := self._seen(key, there)) is None:
                continue
            before, self._looked[key] = self._looked.get(key), seen[1]
            if (mhz20 := reading.radar_mhz(before, seen[1])) is not None:
                told = seen[1].told
                raw = f"dfs-hit-time {told.dfs_hit_ns} {told.change_reason}" if told else ""
                heard.append(
                    RadarDetected(
                        at_s=self._context.clock(), device=self._name, mhz20=mhz20, radio=key, raw=raw
                    )
                )
        return heard

    def _info(self, fingerprint: str, there: tuple[Ap, ...]) -> DeviceInfo:
        software = {ap.software for ap in there if ap.software}
        writes = self._offers.candidate or self._offers.writable_running
        return DeviceInfo(
            vendor="OpenConfig",
            model="access point" if len(there) == 1 else f"controller of {len(there)} access points",
            version=", ".join(sorted(software)),
            identity=fingerprint,
            radios={key: self._radio_info(key, place) for key, place in self._places.items()},
            capabilities=replace(
                CAPABILITIES,
                settings=CAPABILITIES.settings if writes else MappingProxyType({}),
                undo_timer_s=UNDO_S if self._offers.undo_timer else None,
            ),
            found=find.listed(there),
        )

    def _radio_info(self, key: RadioKey, place: Place) -> RadioInfo:
        return RadioInfo(key=key, name=str(place.id), band=self._bands[key])
