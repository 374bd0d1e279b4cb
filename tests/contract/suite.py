"""What every driver must do, whatever it speaks. Given a `device` (open) and its `radio`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

import pytest

from drivers.base import Device
from drivers.errors import Conflict, NeverAgain, Refused, TryAgain, Unsupported
from drivers.types import (
    Absence,
    Action,
    ActionRequest,
    ConfigState,
    DeviceInfo,
    Edit,
    RadioState,
    Readback,
    ScopeRef,
    Setting,
    Table,
    Values,
)
from inventory.model import RadioKey

T = TypeVar("T")
FIELDS = {
    Table.SURVEY: ("survey", "gauges"),
    Table.CLIENTS: ("clients", "client_count"),
    Table.COUNTERS: ("counters",),
    Table.NEIGHBORS: ("neighbors",),
}
NOWHERE = RadioKey("north/nobody/r5")
APPLIED_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One driver with something to speak to. ``change``: an edit's values that it can carry out on
    ``radio``, which must be on air; ``before`` undoes it. ``make`` gives a device that is not open yet.
    ``as_configured``: what of it the device can't tell to be in force."""

    name: str
    make: Callable[[], Device]
    scope: ScopeRef
    change: Values
    before: Values
    as_configured: frozenset[Setting] = frozenset()

    @property
    def radio(self) -> RadioKey:
        return self.scope.members[0]

    def edit(self, values: Values, expect: Values) -> Edit:
        return Edit(change_id="contract", scope=self.scope, set=values, expect=expect)

    def opened(self) -> AbstractAsyncContextManager[tuple[Device, DeviceInfo]]:
        return _opened(self.make())


@asynccontextmanager
async def _opened(device: Device) -> AsyncIterator[tuple[Device, DeviceInfo]]:
    info = await device.open()
    try:
        yield device, info
    finally:
        await device.close()


async def _settled(case: Case, device: Device, values: Values) -> ConfigState:
    """The read-back, as soon as it agrees; the ack is never the return of `apply`."""
    async with asyncio.timeout(APPLIED_S):
        while not _proven(case, state := await device.read_config(case.scope), values):
            pass  # each question takes its time
    return state


async def _request(case: Case, device: Device, action: Action) -> ActionRequest:
    """For all the clients that are there."""
    snapshot = await device.read(frozenset({Table.CLIENTS}), frozenset({case.radio}))
    clients = tuple(client.mac for client in snapshot.readings[case.radio].clients or ())
    return ActionRequest(action=action, radio=case.radio, clients=clients)


def _proven(case: Case, state: ConfigState, values: Values) -> bool:
    """What is told as configured only proves nothing as long as the radio is not back."""
    back = not case.as_configured or state.state is RadioState.ON_AIR
    return back and _agrees(case, state, values)


def _agrees(case: Case, state: ConfigState, values: Values) -> bool:
    known = state.known(case.as_configured)
    return all(known.get(name) == value for name, value in values.items())


class Contract:
    """Inherit and give a fixture `case`."""

    def told(self, case: Case, story: Callable[[Device, DeviceInfo], Awaitable[T]]) -> T:
        async def open_and_tell() -> T:
            async with case.opened() as (device, info):
                return await story(device, info)

        return asyncio.run(open_and_tell())

    def test_open_declares_what_the_radio_can(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            assert info.identity
            assert case.radio in info.radios
            assert info.capabilities.tables
            assert set(case.change) <= set(info.capabilities.settings)

        self.told(case, story)

    def test_each_declared_table_yields(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            for table in sorted(info.capabilities.tables):
                snapshot = await device.read(frozenset({table}), frozenset({case.radio}))
                reading = snapshot.readings[case.radio]
                assert reading.key == case.radio
                if table in FIELDS:
                    assert any(getattr(reading, name) is not None for name in FIELDS[table]), table
                else:
                    assert reading.channel is not None
                    assert reading.width_mhz is not None

        self.told(case, story)

    def test_what_was_not_asked_is_none(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            snapshot = await device.read(frozenset({Table.STATUS}), frozenset({case.radio}))
            reading = snapshot.readings[case.radio]
            assert (reading.survey, reading.clients, reading.neighbors) == (None, None, None)

        self.told(case, story)

    def test_every_radio_is_read_or_missing(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            snapshot = await device.read(frozenset({Table.STATUS}), None)
            assert set(snapshot.readings) | set(snapshot.missing) >= set(info.radios)
            assert not set(snapshot.readings) & set(snapshot.missing)

        self.told(case, story)

    def test_an_unknown_radio_is_absent(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            snapshot = await device.read(frozenset({Table.STATUS}), frozenset({case.radio, NOWHERE}))
            assert set(snapshot.readings) == {case.radio}
            assert dict(snapshot.missing) == {NOWHERE: Absence.ABSENT}

        self.told(case, story)

    def test_undeclared_settings_are_unsupported(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            have = await device.read_config(case.scope)
            undeclared = set(Setting) - set(info.capabilities.settings)
            for setting in sorted(undeclared):
                with pytest.raises(Unsupported):
                    device.plan(case.edit({setting: 1}, {}), have)
                with pytest.raises(Unsupported):
                    await device.apply(case.edit({setting: 1}, {}), None)
            return bool(undeclared)

        if not self.told(case, story):
            pytest.skip(f"{case.name} declares all settings")

    def test_plan_is_pure_and_says_what_it_would_send(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            have = await device.read_config(case.scope)
            effects = device.plan(case.edit(case.change, {}), have)
            assert effects.commands
            assert effects.silent_s >= 0
            assert device.plan(case.edit(case.change, {}), have) == effects
            assert (effects.readback is Readback.CONFIGURED) is bool(case.as_configured)
            assert not case.as_configured & have.in_force.keys()
            assert _agrees(case, await device.read_config(case.scope), case.before)

        self.told(case, story)

    def test_an_edit_that_changes_nothing_sends_nothing(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            have = await device.read_config(case.scope)
            assert device.plan(case.edit(case.before, {}), have).commands == ()

        self.told(case, story)

    def test_a_wrong_expectation_is_a_conflict_and_changes_nothing(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            with pytest.raises(Conflict):
                await device.apply(case.edit(case.change, case.change), None)
            assert _agrees(case, await device.read_config(case.scope), case.before)

        self.told(case, story)

    def test_apply_then_undo_is_before(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            before = await device.read_config(case.scope)
            receipt = await device.apply(case.edit(case.change, case.before), None)
            assert receipt.edit.set == case.change
            assert not receipt.undo_armed
            await _settled(case, device, case.change)
            await device.apply(case.edit(case.before, case.change), None)
            assert (await _settled(case, device, case.before)).in_force == before.in_force

        self.told(case, story)

    def test_applying_twice_equals_once(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            await device.apply(case.edit(case.change, {}), None)
            once = await _settled(case, device, case.change)
            await device.apply(case.edit(case.change, {}), None)
            assert await device.read_config(case.scope) == once
            await device.apply(case.edit(case.before, {}), None)
            await _settled(case, device, case.before)

        self.told(case, story)

    def test_an_undo_timer_that_is_not_declared_is_unsupported(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            if info.capabilities.undo_timer_s is not None:
                return False
            with pytest.raises(Unsupported):
                await device.apply(case.edit(case.change, {}), 300.0)
            assert _agrees(case, await device.read_config(case.scope), case.before)
            return True

        if not self.told(case, story):
            pytest.skip(f"{case.name} declares an undo timer")

    def test_declared_actions_are_done_and_the_radio_serves_as_before(self, case: Case) -> None:
        """A hint may be refused: clients need not understand it."""

        async def story(device: Device, info: DeviceInfo) -> bool:
            for action in sorted(info.capabilities.actions):
                request = await _request(case, device, action)
                with suppress(Refused) if action is Action.STEER else nullcontext():
                    await device.act(request)
                await _settled(case, device, case.before)
                with pytest.raises(NeverAgain):
                    await device.act(replace(request, radio=NOWHERE))
            return bool(info.capabilities.actions)

        if not self.told(case, story):
            pytest.skip(f"{case.name} declares no action")

    def test_undeclared_actions_are_unsupported(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            undeclared = set(Action) - info.capabilities.actions
            for action in sorted(undeclared):
                with pytest.raises(Unsupported):
                    await device.act(await _request(case, device, action))
            assert _agrees(case, await device.read_config(case.scope), case.before)
            return bool(undeclared)

        if not self.told(case, story):
            pytest.skip(f"{case.name} declares all actions")

    def test_after_close_everything_is_try_again(self, case: Case) -> None:
        async def story() -> None:
            device = case.make()
            await device.open()
            await device.close()
            with pytest.raises(TryAgain):
                await device.read(frozenset({Table.STATUS}), None)
            with pytest.raises(TryAgain):
                await device.read_config(case.scope)
            await device.close()  # twice does no harm

        asyncio.run(story())

    def test_it_opens_again(self, case: Case) -> None:
        async def story() -> None:
            device = case.make()
            first = await device.open()
            await device.close()
            assert (await device.open()).identity == first.identity
            await device.read(frozenset({Table.STATUS}), None)
            await device.close()

        asyncio.run(story())
