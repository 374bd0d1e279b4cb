"""SETs that are lost or refused after others were done: nothing is left off the air, or taken for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from contract.snmp_case import Controller, device, place

from drivers.errors import DeviceTimeout, DriverError, Refused, TryAgain
from drivers.snmp.session import Assignment
from drivers.types import Action, ActionRequest, Edit, ScopeRef, Setting
from inventory.model import RadioKey

COLUMNS = "1.3.6.1.4.1.14179.2.2.2.1"
MANAGED = RadioKey("north/ap2/r5")
ROW = "2.0.0.0.16.32.1"
SCOPE = ScopeRef(kind="radio", name="1", members=(MANAGED,))
ASSIGNMENT, ADMIN = f"{COLUMNS}.3.{ROW}", f"{COLUMNS}.34.{ROW}"
AUTOMATIC, CUSTOMIZED = 1, 2


class Failing(Controller):
    """Fails at these SETs, counted from 1. ``done``: those that it carries out all the same."""

    def __init__(self, at: Mapping[int, DriverError], done: frozenset[int] = frozenset()) -> None:
        super().__init__()
        self.at = at
        self.done = done
        self.count = 0

    async def set(self, values: Sequence[Assignment]) -> None:
        self.count += 1
        if (error := self.at.get(self.count)) is None:
            return await super().set(values)
        if self.count in self.done:
            await super().set(values)
        raise error


def moved(wlc: Controller) -> DriverError | None:
    async def story() -> None:
        snmp = device(wlc, take_over=True)
        await snmp.open()
        await snmp.apply(Edit(change_id="c", scope=SCOPE, set=place(157, 20)), None)

    return failure(story())


def restarted(wlc: Controller) -> DriverError | None:
    async def story() -> None:
        snmp = device(wlc)
        await snmp.open()
        await snmp.act(ActionRequest(action=Action.RESTART, radio=MANAGED))

    return failure(story())


def failure(story: object) -> DriverError | None:
    try:
        asyncio.run(story)  # type: ignore[arg-type]  # a coroutine of either
    except DriverError as error:
        return error
    return None


@pytest.mark.parametrize("error", [Refused("commitFailed"), DeviceTimeout("no answer")])
def test_a_takeover_that_fails_is_taken_back(error: DriverError) -> None:
    wlc = Failing({2: error})
    assert isinstance(moved(wlc), TryAgain)
    assert wlc.values[ASSIGNMENT] == AUTOMATIC


def test_a_takeover_whose_first_step_was_lost_on_its_way_back_is_taken_back() -> None:
    wlc = Failing({1: DeviceTimeout("no answer")}, done=frozenset({1}))
    assert isinstance(moved(wlc), DeviceTimeout)
    assert wlc.values[ASSIGNMENT] == AUTOMATIC


def test_a_takeover_that_was_refused_at_once_took_nothing() -> None:
    wlc = Failing({1: Refused("noAccess")})
    assert isinstance(moved(wlc), Refused)
    assert wlc.count == 1


def test_a_takeover_that_cannot_be_taken_back_says_so() -> None:
    wlc = Failing({2: Refused("commitFailed"), 3: DeviceTimeout("no answer")})
    error = moved(wlc)
    assert isinstance(error, TryAgain)
    assert "commitFailed" in str(error)
    assert "rrmd release" in str(error)
    assert wlc.values[ASSIGNMENT] == CUSTOMIZED


def test_a_radio_that_was_ours_before_stays_so() -> None:
    wlc = Failing({2: Refused("commitFailed")})
    wlc.values[ASSIGNMENT] = CUSTOMIZED
    assert isinstance(moved(wlc), TryAgain)
    assert wlc.values[ASSIGNMENT] == CUSTOMIZED


def test_the_plan_of_a_takeover_says_what_an_undo_leaves() -> None:
    async def story() -> None:
        snmp = device(Controller(), take_over=True)
        await snmp.open()
        have = await snmp.read_config(SCOPE)
        there = snmp.plan(Edit(change_id="c", scope=SCOPE, set={Setting.CHANNEL: 157}), have).commands
        assert there[0] == (
            f"set {ASSIGNMENT} = 2 (customized); taken from Cisco RRM, after an undo too: "
            "`rrmd release` hands it back"
        )

    asyncio.run(story())


@pytest.mark.parametrize("lost", [(2,), (2, 3)])
def test_a_restart_whose_second_set_is_lost_sends_it_again(lost: tuple[int, ...]) -> None:
    wlc = Failing({at: DeviceTimeout("no answer") for at in lost})
    assert restarted(wlc) is None
    assert wlc.values[ADMIN] == 1


def test_a_restart_whose_first_answer_is_lost_leaves_no_radio_off() -> None:
    wlc = Failing({1: DeviceTimeout("no answer")}, done=frozenset({1}))
    assert isinstance(restarted(wlc), DeviceTimeout)
    assert wlc.values[ADMIN] == 1


def test_a_radio_that_cannot_be_brought_back_is_told() -> None:
    error = restarted(Failing({at: DeviceTimeout("no answer") for at in range(2, 9)}))
    assert isinstance(error, TryAgain)
    assert "may be off the air" in str(error)
