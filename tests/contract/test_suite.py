"""The suite goes red for a driver that does not do what it declares, and for numbers that aren't there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from contract.reading import wrong_numbers
from contract.simulated_case import NAME, simulated_case
from contract.suite import Case, Contract

from agent.simulated_time import SimulatedLoop
from drivers.base import Device
from drivers.signals import Signal
from drivers.simulated import worlds
from drivers.types import (
    ConfigState,
    Counters,
    DeviceInfo,
    Edit,
    Effects,
    FoundAp,
    FoundRadio,
    Gauges,
    RadioReading,
    RadioState,
    Receipt,
    Reported,
    Setting,
    Snapshot,
    SurveyReading,
    Table,
)
from inventory.model import Band, RadioKey

FAILED = (AssertionError, KeyError, TimeoutError)
READING = RadioReading(
    key=RadioKey("a/b/c"), at_s=0.0, state=RadioState.ON_AIR, band=Band.GHZ_5, channel=Reported(36, "iw")
)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"channel": Reported(0, "x")}, "channel is 0"),
        ({"channel": Reported(36, "")}, "channel has no source"),
        ({"tx_power_dbm": Reported(255.0, "x")}, "tx_power_dbm is 255"),
        ({"width_mhz": Reported(20, "x", age_s=-1)}, "width_mhz.age_s is -1"),
        ({"gauges": Gauges(busy_ratio=55)}, "Gauges.busy_ratio is 55"),
        ({"gauges": Gauges(noise_dbm=0)}, "Gauges.noise_dbm is 0"),
        ({"gauges": Gauges(per=-1)}, "Gauges.per is -1"),
        ({"counters": Counters(tx_frames=-1)}, "Counters.tx_frames is -1"),
        ({"survey": (SurveyReading(frequency_mhz=5180, noise_dbm=170),)}, "SurveyReading.noise_dbm is 170"),
        ({"client_count": -1}, "client_count is -1"),
    ],
)
def test_a_number_that_no_radio_has_is_found(values: Mapping[str, Any], said: str) -> None:
    assert list(wrong_numbers(READING)) == []
    assert [each for each in wrong_numbers(replace(READING, **values)) if each.startswith(said)]


@dataclass
class Liar:
    """The simulated device, but for what it is told to say or do otherwise."""

    true: Device
    info: Callable[[DeviceInfo], DeviceInfo] = lambda info: info
    reading: Callable[[RadioReading], RadioReading] = lambda reading: reading
    confirms: bool = True
    speaks: bool = True
    restless: bool = False
    plans: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda commands: commands

    def __getattr__(self, name: str) -> Any:
        return getattr(self.true, name)

    async def open(self) -> DeviceInfo:
        return self.info(await self.true.open())

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        told = await self.true.read(tables, radios)
        readings = {key: self.reading(each) for key, each in told.readings.items()}
        appeared = frozenset(readings) if self.restless else told.appeared
        return replace(told, readings=readings, appeared=appeared)

    async def confirm(self, receipt: Receipt) -> None:
        await (self.true.confirm(receipt) if self.confirms else self.true.cancel(receipt))

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        receipt = await self.true.apply(edit, undo_after_s)
        return receipt if self.confirms else replace(receipt, undo_armed=undo_after_s is not None)

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        told = self.true.plan(edit, have)
        return replace(told, commands=self.plans(told.commands))

    async def signals(self) -> AsyncIterator[Signal]:
        async for signal in self.true.signals():
            if self.speaks:
                yield signal


def declares(**more: Any) -> Callable[[DeviceInfo], DeviceInfo]:
    return lambda info: replace(info, capabilities=replace(info.capabilities, **more))


LIES: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("test_declarations_do_not_contradict_each_other", {"info": declares(signal_ways=())}, {}),
    (
        "test_all_that_was_found_has_the_radios_of_the_inventory",
        {
            "info": lambda info: replace(
                info, found=(FoundAp(mac=None, name="x", radios=(FoundRadio(name="no"),)),)
            )
        },
        {},
    ),
    ("test_each_declared_table_yields", {"reading": lambda reading: replace(reading, counters=None)}, {}),
    (
        "test_no_reading_has_a_number_that_is_not_there",
        {"reading": lambda reading: replace(reading, tx_power_dbm=Reported(-1000.0, "x"))},
        {},
    ),
    (
        "test_the_power_is_one_of_its_choices",
        {"reading": lambda reading: replace(reading, power_choices_dbm=(1, 2))},
        {},
    ),
    ("test_nothing_has_appeared_that_open_told_of", {"restless": True}, {}),
    ("test_each_declared_setting_is_tried_or_the_reason_is_given", {}, {"elsewhere": {}}),
    (
        "test_each_declared_setting_is_tried_or_the_reason_is_given",
        {},
        {"elsewhere": dict.fromkeys(Setting, "tests/contract/test_of_nothing.py")},
    ),
    ("test_each_declared_way_is_tried_or_the_reason_is_given", {}, {"pushes": {}}),
    ("test_by_each_declared_way_a_signal_comes", {"speaks": False}, {}),
    (
        "test_what_is_planned_is_what_is_sent_byte_for_byte",
        {"plans": lambda commands: tuple(each.replace("17", "18") for each in commands)},
        {},
    ),
    ("test_what_is_planned_is_what_is_sent_byte_for_byte", {"plans": lambda commands: commands * 2}, {}),
    ("test_what_is_planned_is_what_is_sent_byte_for_byte", {}, {"sent": None}),
    ("test_a_confirmed_undo_timer_keeps_the_change", {"confirms": False}, {}),
)


@pytest.fixture
def _simulated_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def run(story: Any) -> Any:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            return runner.run(story)

    monkeypatch.setattr(asyncio, "run", run)
    yield
    worlds.forget(NAME)


@pytest.mark.usefixtures("_simulated_time")
@pytest.mark.parametrize(
    ("name", "lie", "case"), LIES, ids=[f"{number}-{each[0]}" for number, each in enumerate(LIES)]
)
def test_a_driver_that_does_otherwise_is_found(name: str, lie: dict[str, Any], case: dict[str, Any]) -> None:
    honest = simulated_case()
    with suppress(pytest.skip.Exception):
        getattr(Contract(), name)(honest)
    worlds.forget(NAME)
    false: Case = replace(simulated_case(), **case)
    told = replace(false, make=lambda: Liar(false.make(), **lie))
    with pytest.raises(FAILED):
        getattr(Contract(), name)(told)


def test_a_setting_elsewhere_is_one() -> None:
    assert set(simulated_case().elsewhere) >= set(Setting)
    worlds.forget(NAME)


class Reader:
    """The simulated device, which sets nothing."""

    def __init__(self, true: Device) -> None:
        self.true = true

    def __getattr__(self, name: str) -> Any:
        return getattr(self.true, name)

    async def open(self) -> DeviceInfo:
        nothing: Mapping[Setting, str] = {}
        return declares(settings=nothing, undo_timer_s=None)(await self.true.open())


@pytest.mark.usefixtures("_simulated_time")
def test_a_device_that_only_reads_needs_no_edit() -> None:
    case = simulated_case()
    reader = replace(case, make=lambda: Reader(case.make()), change={}, before={})
    contract = Contract()
    contract.test_each_declared_setting_is_tried_or_the_reason_is_given(reader)
    contract.test_each_declared_setting_has_a_prior_value(reader)
    for name in ("test_apply_then_undo_is_before", "test_plan_is_pure_and_says_what_it_would_send"):
        with pytest.raises(pytest.skip.Exception, match="sets nothing"):
            getattr(contract, name)(reader)
