"""Fault plans: which call of which device goes wrong."""

from __future__ import annotations

import pytest

from drivers.simulated.faults import Call, Fault, FaultPlan, Faults, Kind, Operation, Scripted, When
from drivers.types import Edit, ScopeRef, Setting
from inventory.model import RadioKey

REFUSED, TIMEOUT = Fault(Kind.REFUSED), Fault(Kind.TIMEOUT)
APPLY, READ = Operation.APPLY, Operation.READ


def outcomes(faults: Faults, times: int, device: str = "ap1") -> list[Kind | None]:
    found = [faults.next(device, APPLY, 0.0) for _ in range(times)]
    return [each.kind if each else None for each in found]


@pytest.mark.parametrize(
    ("when", "hit"),
    [
        (2, [False, True, False, False]),
        (range(2, 4), [False, True, True, False]),
        (None, [True, True, True, True]),
        (lambda call: call.nth % 2 == 0, [False, True, False, True]),
    ],
)
def test_which_call_is_hit(when: When, hit: list[bool]) -> None:
    faults = Faults(FaultPlan((Scripted(APPLY, when, REFUSED),)))
    assert outcomes(faults, 4) == [Kind.REFUSED if each else None for each in hit]


def test_other_operations_are_not_hit_and_counted_apart() -> None:
    faults = Faults(FaultPlan((Scripted(APPLY, 1, REFUSED),)))
    assert faults.next("ap1", READ, 0.0) is None
    assert faults.next("ap1", APPLY, 0.0) == REFUSED
    assert (faults.calls("ap1", READ), faults.calls("ap1", APPLY)) == (1, 1)


def test_devices_are_counted_apart() -> None:
    faults = Faults(FaultPlan((Scripted(APPLY, 2, REFUSED), Scripted(APPLY, 1, TIMEOUT, device="ap2"))))
    assert outcomes(faults, 2, "ap1") == [None, Kind.REFUSED]
    assert outcomes(faults, 2, "ap2") == [Kind.TIMEOUT, Kind.REFUSED]


def test_the_first_line_that_hits_counts_and_added_ones_come_first() -> None:
    faults = Faults(FaultPlan((Scripted(APPLY, None, REFUSED), Scripted(APPLY, None, TIMEOUT))))
    assert outcomes(faults, 1) == [Kind.REFUSED]
    faults.add(Scripted(APPLY, None, TIMEOUT))
    assert outcomes(faults, 1) == [Kind.TIMEOUT]


def test_a_predicate_sees_the_time_and_the_edit() -> None:
    scope = ScopeRef(kind="radio", name="r5", members=(RadioKey("s/ap1/r5"),))
    edit = Edit(change_id="c1", scope=scope, set={Setting.CHANNEL: 52})

    def onto_52_after_noon(call: Call) -> bool:
        return call.at_s >= 43_200 and call.edit is not None and call.edit.set.get(Setting.CHANNEL) == 52

    faults = Faults(FaultPlan((Scripted(APPLY, onto_52_after_noon, REFUSED),)))
    assert faults.next("ap1", APPLY, 10.0, edit) is None
    assert faults.next("ap1", APPLY, 50_000.0, None) is None
    assert faults.next("ap1", APPLY, 50_000.0, edit) == REFUSED
