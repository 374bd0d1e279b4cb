"""What every driver keeps when it writes: once, as planned, proven by a read-back, and undone."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace

import pytest
from contract.case import APPLIED_S, NOWHERE, Case

from agent.view import CHANNEL_SETTINGS, values_of
from drivers.base import Device
from drivers.errors import Conflict, NeverAgain, Refused, Unsupported
from drivers.types import Action, ActionRequest, DeviceInfo, Outage, Readback, Setting, Table, Values
from inventory.channels import block
from inventory.model import Band

UNDO_S = 120.0
"""An undo timer that does not fire while a test is at it, a radar check included."""

WAITED_S = 10.0
"""Longest undo timer that is waited for."""


def _undo_s(timer: tuple[float, float], wanted_s: float) -> float:
    """So long, as far as the device lets its timer be set."""
    return max(timer[0], min(timer[1], wanted_s))


async def _undoable(device: Device, case: Case) -> list[tuple[Values, Values]]:
    """The edits that the device's own timer can take back, as its effects say; a device with a timer has one.
    Of all others the timer is refused, and nothing is done."""
    able = []
    for change, before in case.edits:
        if device.plan(case.edit(change, {}), await device.read_config(case.scope)).undoable:
            able.append((change, before))
            continue
        with pytest.raises(Unsupported):
            await device.apply(case.edit(change, before), UNDO_S)
        assert case.agrees(await device.read_config(case.scope), before)
    assert able, "a device with an undo timer can take something back"
    return able


async def _request(case: Case, device: Device, action: Action) -> ActionRequest:
    """For all the clients that are there."""
    snapshot = await device.read(frozenset({Table.CLIENTS}), frozenset({case.radio}))
    clients = tuple(client.mac for client in snapshot.readings[case.radio].clients or ())
    return ActionRequest(action=action, radio=case.radio, clients=clients)


class Writing:
    """Tests of `plan`, `apply`, its undo timer and `act`; see `contract.suite.Contract`."""

    def test_each_declared_setting_is_tried_or_the_reason_is_given(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            declared = {name for name, scope in info.capabilities.settings.items() if scope == "radio"}
            tried = {name for change, _ in case.edits for name in change}
            assert declared <= tried | case.elsewhere.keys(), "add it to the case's more, or to elsewhere"
            assert case.nowhere == []

        case.told(story)

    def test_each_declared_setting_has_a_prior_value(self, case: Case) -> None:
        """What can't be read can't be put back."""

        async def story(device: Device, info: DeviceInfo) -> None:
            have = await device.read_config(case.scope)
            told = have.configured.keys() | have.in_force.keys()
            declared = {
                name for name, scope in info.capabilities.settings.items() if scope == case.scope.kind
            }
            assert declared - told - case.elsewhere.keys() == set()

        case.told(story)

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

        if not case.told(story):
            pytest.skip(f"{case.name} declares all settings")

    def test_plan_is_pure_and_says_what_it_would_send(self, case: Case) -> None:
        case.need_edits()

        async def story(device: Device, info: DeviceInfo) -> None:
            have = await device.read_config(case.scope)
            effects = device.plan(case.edit(case.change, {}), have)
            assert effects.commands
            assert effects.silent_s >= 0
            assert device.plan(case.edit(case.change, {}), have) == effects
            assert (effects.readback is Readback.CONFIGURED) is bool(case.as_configured)
            assert not case.as_configured & have.in_force.keys()
            assert case.agrees(await device.read_config(case.scope), case.before)

        case.told(story)

    def test_it_declares_whether_a_move_drops_clients(self, case: Case) -> None:
        """To another channel as wide as this one."""
        place = {name: case.before[name] for name in CHANNEL_SETTINGS if name in case.before}
        if Setting.CHANNEL not in case.change or not place:
            pytest.skip(f"the edits of {case.name} move nothing")
        there = block(Band.GHZ_5, case.change[Setting.CHANNEL], case.before.get(Setting.WIDTH_MHZ, 20))
        move = {name: value for name, value in values_of(there).items() if name in place}

        async def story(device: Device, info: DeviceInfo) -> None:
            outage = device.plan(case.edit(move, {}), await device.read_config(case.scope)).outage
            if outage is not Outage.CAC:
                assert info.capabilities.moves_drop is (outage is Outage.CLIENTS_DROP)

        case.told(story)

    def test_what_is_planned_is_what_is_sent_byte_for_byte(self, case: Case) -> None:
        """A dry run shows the plan: it must not show anything else than what would reach the device."""
        case.need_edits()
        if case.sent is None:
            assert case.unheard, "give the case `sent`, or name the test that compares the two"
            pytest.skip(f"this peer of {case.name} records nothing: {case.unheard}")
        heard = case.sent

        async def story(device: Device, info: DeviceInfo) -> None:
            for change, before in case.edits:
                for values in (change, before):
                    have = await device.read_config(case.scope)
                    effects = device.plan(case.edit(values, {}), have)
                    planned = [line for each in effects.commands for line in case.bare(each)]
                    known = len(heard())
                    await device.apply(case.edit(values, {}), None)
                    got = list(heard()[known:])
                    assert got == planned, f"planned {planned}, sent {got}"
                    await case.settled(device, values)

        case.told(story)

    def test_an_edit_that_changes_nothing_sends_nothing(self, case: Case) -> None:
        case.need_edits()

        async def story(device: Device, info: DeviceInfo) -> None:
            have = await device.read_config(case.scope)
            assert device.plan(case.edit(case.before, {}), have).commands == ()

        case.told(story)

    def test_a_wrong_expectation_is_a_conflict_and_changes_nothing(self, case: Case) -> None:
        case.need_edits()

        async def story(device: Device, info: DeviceInfo) -> None:
            with pytest.raises(Conflict):
                await device.apply(case.edit(case.change, case.change), None)
            assert case.agrees(await device.read_config(case.scope), case.before)

        case.told(story)

    def test_apply_then_undo_is_before(self, case: Case) -> None:
        case.need_edits()

        async def story(device: Device, info: DeviceInfo) -> None:
            for change, before in case.edits:
                prior = await device.read_config(case.scope)
                receipt = await device.apply(case.edit(change, before), None)
                assert receipt.edit.set == change
                assert not receipt.undo_armed
                await case.settled(device, change)
                await device.apply(case.edit(before, change), None)
                assert (await case.settled(device, before)).in_force == prior.in_force

        case.told(story)

    def test_applying_twice_equals_once(self, case: Case) -> None:
        case.need_edits()

        async def story(device: Device, info: DeviceInfo) -> None:
            await device.apply(case.edit(case.change, {}), None)
            once = await case.settled(device, case.change)
            await device.apply(case.edit(case.change, {}), None)
            assert await device.read_config(case.scope) == once
            await device.apply(case.edit(case.before, {}), None)
            await case.settled(device, case.before)

        case.told(story)

    def test_an_undo_timer_that_is_not_declared_is_unsupported(self, case: Case) -> None:
        case.need_edits()

        async def story(device: Device, info: DeviceInfo) -> bool:
            if info.capabilities.undo_timer_s is not None:
                return False
            with pytest.raises(Unsupported):
                await device.apply(case.edit(case.change, {}), 300.0)
            assert case.agrees(await device.read_config(case.scope), case.before)
            return True

        if not case.told(story):
            pytest.skip(f"{case.name} declares an undo timer")

    def test_a_confirmed_undo_timer_keeps_the_change(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            if (timer := info.capabilities.undo_timer_s) is None:
                return False
            for change, before in await _undoable(device, case):
                receipt = await device.apply(case.edit(change, before), _undo_s(timer, UNDO_S))
                assert receipt.undo_armed
                await case.settled(device, change)
                await device.confirm(receipt)
                assert case.agrees(await device.read_config(case.scope), change)
                await device.apply(case.edit(before, change), None)
                await case.settled(device, before)
            return True

        if not case.told(story):
            pytest.skip(f"{case.name} declares no undo timer")

    def test_a_cancelled_undo_timer_takes_the_change_back(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            if (timer := info.capabilities.undo_timer_s) is None:
                return False
            for change, before in await _undoable(device, case):
                receipt = await device.apply(case.edit(change, before), _undo_s(timer, UNDO_S))
                await case.settled(device, change)
                await device.cancel(receipt)
                await case.settled(device, before)
            return True

        if not case.told(story):
            pytest.skip(f"{case.name} declares no undo timer")

    def test_an_undo_timer_that_nobody_confirms_takes_the_change_back(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            timer = info.capabilities.undo_timer_s
            if timer is None or timer[0] > WAITED_S:
                return False
            after_s = _undo_s(timer, 3.0)
            change, before = (await _undoable(device, case))[0]
            receipt = await device.apply(case.edit(change, before), after_s)
            assert receipt.undo_armed
            await case.settled(device, change)
            await case.settled(device, before, after_s + APPLIED_S)
            return True

        if not case.told(story):
            pytest.skip(f"{case.name} declares no undo timer, or one of more than {WAITED_S:g} s")

    def test_declared_actions_are_done_and_the_radio_serves_as_before(self, case: Case) -> None:
        """A hint may be refused: clients need not understand it."""

        async def story(device: Device, info: DeviceInfo) -> bool:
            for action in sorted(info.capabilities.actions):
                request = await _request(case, device, action)
                with suppress(Refused) if action is Action.STEER else nullcontext():
                    await device.act(request)
                await case.settled(device, case.before)
                with pytest.raises(NeverAgain):
                    await device.act(replace(request, radio=NOWHERE))
            return bool(info.capabilities.actions)

        if not case.told(story):
            pytest.skip(f"{case.name} declares no action")

    def test_undeclared_actions_are_unsupported(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            undeclared = set(Action) - info.capabilities.actions
            for action in sorted(undeclared):
                with pytest.raises(Unsupported):
                    await device.act(await _request(case, device, action))
            assert case.agrees(await device.read_config(case.scope), case.before)
            return bool(undeclared)

        if not case.told(story):
            pytest.skip(f"{case.name} declares all actions")
