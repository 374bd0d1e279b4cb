"""Carries out what was planned: announced switches, UCI, actions. One at a time per AP."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from drivers.errors import DeviceTimeout, DriverError, Refused, TryAgain, Unsupported
from drivers.expectation import compare
from drivers.openwrt import act, parse_wireless, plan, render
from drivers.openwrt.plan import Deed, Subject
from drivers.openwrt.reader import WIRELESS
from drivers.openwrt.signals import Heard
from drivers.openwrt.ubus import Call, ObjectGone, Ubus
from drivers.openwrt.uci import Change, Uci
from drivers.placing import is_there, louder
from drivers.types import (
    ActionRequest,
    ConfigState,
    Edit,
    RadioState,
    Receipt,
    ScopeRef,
    Setting,
)
from inventory.model import RadioKey

LANDING_S: Final = 3.0  # after the countdown: until the kernel says that the radio is there
LEAST_UNDO_S: Final = 10.0
GOING_S: Final = 20.0  # until a radio that was told to go off has gone
_LOOK_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What writing must be able to see. ``config``: reads the device; ``subject``: as it was last read."""

    config: Callable[[ScopeRef], Awaitable[ConfigState]]
    subject: Callable[[ScopeRef], Subject]
    bss: Callable[[RadioKey], Iterable[str]]
    own_bssids: Callable[[], Mapping[str, int]]


class Writing:
    """The hands of one session."""

    def __init__(self, name: str, ubus: Ubus, sight: Sight, clock: Callable[[], float]) -> None:
        self._name = name
        self._ubus = ubus
        self._sight = sight
        self._clock = clock
        self._uci = Uci(name)
        self._one = asyncio.Lock()
        self.heard: Heard | None = None

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        async with self._one:
            have = await self._sight.config(edit.scope)
            compare(edit, have, {Setting.OBSS_PD_DBM})  # nothing tells which level is in force
            subject = self._sight.subject(edit.scope)
            todo = plan.deed(subject, edit, have)
            if todo.empty:
                return Receipt(edit=edit)
            if undo_after_s is not None and not plan.undoable(subject, todo, have):
                raise Unsupported(f"{subject.ifname}: the AP's own undo timer can't take this back")
            handle = await self._do(subject, todo, edit, have, undo_after_s)
        return Receipt(edit=edit, undo_armed=bool(handle), handle=handle)

    async def confirm(self, receipt: Receipt) -> None:
        if receipt.undo_armed:
            async with self._one:
                await self._uci.confirm(self._ubus, receipt.handle)

    async def cancel(self, receipt: Receipt) -> None:
        if not receipt.undo_armed:
            raise Unsupported(f"{self._name}: no undo timer was armed for this edit")
        async with self._one:
            await self._uci.cancel(self._ubus, receipt.handle)

    async def restart(self, ref: ScopeRef) -> None:
        """Off and on, back on the channel that it is on; what UCI did not know of it is recorded."""
        async with self._one:
            have = await self._sight.config(ref)
            subject = self._sight.subject(ref)
            act.may_restart(subject.ifname, have)
            await self._restarted(subject, plan.restart(subject, have))

    async def steer(self, request: ActionRequest) -> None:
        async with self._one:
            names = list(self._sight.bss(request.radio))
            found = act.here({name: await self._stations(name) for name in names}, request)
            known = act.targets(self._sight.own_bssids(), {})
            if set(map(str.lower, request.to_bssids)) - known.keys() and names:
                known |= act.targets({}, await self._neighbors(names[0]))
            refused: list[DriverError] = []
            calls = act.steer(found, request, known)
            for call in calls:
                try:
                    await self._sent(call)
                except Refused as error:  # it has just left
                    refused.append(error)
            if len(refused) == len(calls):
                raise refused[0]

    async def _do(
        self, subject: Subject, todo: Deed, edit: Edit, have: ConfigState, undo_after_s: float | None
    ) -> str:
        """Power before the switch, unless it rises: the kernel would use all that the new channel allows."""
        if todo.restart:
            await self._restarted(subject, todo)
            return ""
        first = todo.csa is not None and not louder(edit, have)
        if todo.power_dbm is not None and first:
            await self._shell(render.tx_power(subject.ifname, todo.power_dbm))
        handle = ""
        if not todo.quiet and (first or todo.csa is None):
            handle = await self._applied(subject, todo, undo_after_s)
        if todo.csa is not None:
            await self._announced(subject, todo, edit.scope)
        if todo.power_dbm is not None and not first:
            await self._shell(render.tx_power(subject.ifname, todo.power_dbm))
        if not todo.quiet and not first and todo.csa is not None:
            await self._applied(subject, todo, None)
        if todo.quiet and todo.values:
            await self._shell(render.record(subject.section, todo.values))
        return handle

    async def _applied(self, subject: Subject, todo: Deed, undo_after_s: float | None) -> str:
        if not todo.values and not todo.removed:
            return ""
        change = Change(section=subject.section, values=todo.values, removed=todo.removed)
        return await self._uci.apply(self._ubus, change, undo_after_s, self._clock())

    async def _announced(self, subject: Subject, todo: Deed, ref: ScopeRef) -> None:
        """0 is no proof, and hostapd's own status is early: the radio is waited for where the kernel has it.

        Raises TryAgain when it did not get there in time.
        """
        assert todo.csa is not None  # noqa: S101 -- who asks has looked
        assert todo.target is not None  # noqa: S101 -- a switch has a target
        if self.heard is not None:
            self.heard.ordered(ref.members[0], self._clock())
        await self._sent(todo.csa)
        await asyncio.sleep(plan.countdown_s(subject))
        limit_s = self._clock() + LANDING_S
        while True:
            have = await self._sight.config(ref)
            if have.state is RadioState.ON_AIR and is_there(todo.target, have.in_force):
                return
            if self._clock() > limit_s:
                raise TryAgain(f"{subject.ifname}: the switch to {todo.target} was not seen: read back")
            await asyncio.sleep(_LOOK_S)

    async def _restarted(self, subject: Subject, todo: Deed) -> None:
        if subject.ways.shell:
            if todo.values:
                await self._shell(render.record(subject.section, todo.values))
            await self._shell(render.radio_restart(subject.section))
        elif todo.values:  # netifd starts a radio anew whose options have changed
            await self._applied(subject, todo, None)
        else:
            await self._bounced(subject)

    async def _bounced(self, subject: Subject) -> None:
        """Off by an apply that is never confirmed, and on by its rollback: the AP brings the radio back by
        itself, whatever happens to us meanwhile.

        Raises TryAgain when netifd was not seen to take it down: then it has not restarted.
        """
        off = Change(section=subject.section, values=render.OFF)
        handle = await self._uci.apply(self._ubus, off, render.BOUNCE_S, self._clock())
        try:
            gone = await self._is_down(subject.section)
        finally:
            await self._back_on(handle, off)
        if not gone:
            raise TryAgain(f"{subject.ifname}: it was not seen to go off: it has not restarted")

    async def _back_on(self, handle: str, off: Change) -> None:
        if handle:
            with suppress(Refused):  # somebody's plain apply took the rollback away
                await self._uci.cancel(self._ubus, handle)
                return
        on = replace(off, values={"disabled": "0"})
        await self._uci.apply(self._ubus, on, None, self._clock())

    async def _is_down(self, section: str) -> bool:
        """Whether netifd took the radio down in time. It looks at UCI 2 s after anybody's last apply, and
        restarts only what it then finds changed: a rollback before that would leave all as it is. That the
        hostapd object has gone is no proof: a radio that stayed off after its NOP has none."""
        limit_s = self._clock() + GOING_S
        while self._clock() < limit_s:
            with suppress(DeviceTimeout):
                told = parse_wireless.radios(await self._ubus.call(WIRELESS.object, WIRELESS.method))
                mine = next((each for each in told if each.section == section), None)
                if mine is not None and mine.disabled and not mine.up and not mine.pending:
                    return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def _stations(self, ifname: str) -> Iterable[str]:
        try:
            clients = (await self._ubus.call(f"hostapd.{ifname}", "get_clients")).get("clients")
        except ObjectGone:
            return ()
        return tuple(clients) if isinstance(clients, Mapping) else ()

    async def _neighbors(self, ifname: str) -> object:
        try:
            return await self._ubus.call(f"hostapd.{ifname}", "rrm_nr_list")
        except DriverError:  # then only its own BSSs can be named
            return {}

    async def _sent(self, call: Call) -> None:
        await self._ubus.call(call.object, call.method, call.args)

    async def _shell(self, line: str) -> None:
        ran = await self._ubus.run("sh", "-c", line)
        if ran.status != 0:
            said = (ran.stderr or ran.stdout).strip()[:120]
            raise TryAgain(f"{self._name}: `{line}`: {said or f'exit status {ran.status}'}: read back")


def undo_range_s(session_s: int) -> tuple[float, float] | None:
    """What the AP's undo timer can be set to: the right to confirm must outlive it. None: the session is
    too short for any."""
    most_s = float(min(600, math.floor(session_s) - 60))
    return (LEAST_UNDO_S, most_s) if most_s >= LEAST_UNDO_S else None
