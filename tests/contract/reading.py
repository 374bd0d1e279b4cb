"""What every driver says of itself and its radios: all that it declares, no number that isn't there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import fields

import pytest
from contract.case import NOWHERE, Case

from drivers.base import Device
from drivers.errors import TryAgain
from drivers.types import (
    Absence,
    Counters,
    DeviceInfo,
    Gauges,
    NeighborReading,
    RadioReading,
    Reported,
    SurveyReading,
    Table,
)

FIELDS = {
    Table.SURVEY: ("survey", "gauges"),
    Table.CLIENTS: ("clients", "client_count"),
    Table.COUNTERS: ("counters",),
    Table.NEIGHBORS: ("neighbors",),
}
RANGES = {
    "channel": (1, 233),
    "width_mhz": (20, 320),
    "center_mhz": (2400, 7200),
    "tx_power_dbm": (-10, 40),
    "obss_pd_dbm": (-82, -62),
    "noise_dbm": (-120, -30),
    "signal_dbm": (-120, 0),
    "frequency_mhz": (2400, 7200),
}
"""What a radio can report at all, by name of the field. Outside: 0, -1 and 255 for "don't know"."""


def wrong_numbers(reading: RadioReading) -> Iterator[str]:
    """Values that no radio has: what a device says in the place of "not reported" must not get this far."""
    for name in ("channel", "width_mhz", "center_mhz", "tx_power_dbm", "obss_pd_dbm"):
        said: Reported[float] | None = getattr(reading, name)
        if said is None:
            continue
        yield from _outside(name, said.value, *RANGES[name])
        yield from _outside(f"{name}.age_s", said.age_s, 0, float("inf"))
        if not said.source:
            yield f"{name} has no source"
    parts = (reading.gauges, reading.counters, *(reading.survey or ()), *(reading.neighbors or ()))
    for part in parts:
        yield from _wrong_in(part)
    if reading.client_count is not None:
        yield from _outside("client_count", reading.client_count, 0, 10_000)
    yield from _outside("fresh_s", reading.fresh_s, 0, float("inf"))


def _wrong_in(part: Gauges | Counters | SurveyReading | NeighborReading | None) -> Iterator[str]:
    for each in fields(part) if part is not None else ():
        value = getattr(part, each.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        ratio = each.name.endswith("_ratio") or each.name == "per"
        low, high = (0, 1) if ratio else RANGES.get(each.name, (0, float("inf")))
        yield from _outside(f"{type(part).__name__}.{each.name}", value, low, high)


def _outside(name: str, value: float, low: float, high: float) -> Iterator[str]:
    if not low <= value <= high:
        yield f"{name} is {value}, expected {low} to {high}"


class Reading:
    """Tests of `open` and `read`; see `contract.suite.Contract`."""

    def test_open_declares_what_the_radio_can(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            assert info.identity
            assert case.radio in info.radios
            assert info.capabilities.tables
            assert set(case.change) <= set(info.capabilities.settings)

        case.told(story)

    def test_declarations_do_not_contradict_each_other(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            able = info.capabilities
            assert bool(able.signal_ways) is able.signals, (
                "signals, and no word how (signal_ways); or ways without"
            )
            assert able.widths_mhz
            assert set(able.refresh_s) <= set(able.tables)
            if able.undo_timer_s is not None:
                assert 0 < able.undo_timer_s[0] <= able.undo_timer_s[1]

        case.told(story)

    def test_all_that_was_found_has_the_radios_of_the_inventory(self, case: Case) -> None:
        """A driver may tell no ``found`` at all; if it does, no radio that it matched is missing there."""

        async def story(device: Device, info: DeviceInfo) -> bool:
            assert all(ap.mac is not None or ap.name is not None for ap in info.found)
            names = {radio.name for ap in info.found for radio in ap.radios}
            assert not info.found or {radio.name for radio in info.radios.values()} <= names
            return bool(info.found)

        if not case.told(story):
            pytest.skip(f"{case.name} does not tell which APs it found")

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

        case.told(story)

    def test_no_reading_has_a_number_that_is_not_there(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            snapshot = await device.read(info.capabilities.tables, None)
            wrong = {key: list(wrong_numbers(reading)) for key, reading in snapshot.readings.items()}
            assert {key: found for key, found in wrong.items() if found} == {}

        case.told(story)

    def test_the_power_is_one_of_its_choices(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            snapshot = await device.read(info.capabilities.tables, frozenset({case.radio}))
            reading = snapshot.readings[case.radio]
            if reading.power_choices_dbm is None or reading.tx_power_dbm is None:
                return False
            assert round(reading.tx_power_dbm.value) in reading.power_choices_dbm
            return True

        if not case.told(story):
            pytest.skip(f"{case.name} does not tell which powers it can be set to")

    def test_what_was_not_asked_is_none(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            snapshot = await device.read(frozenset({Table.STATUS}), frozenset({case.radio}))
            reading = snapshot.readings[case.radio]
            assert (reading.survey, reading.clients, reading.neighbors) == (None, None, None)

        case.told(story)

    def test_every_radio_is_read_or_missing(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            snapshot = await device.read(frozenset({Table.STATUS}), None)
            assert set(snapshot.readings) | set(snapshot.missing) >= set(info.radios)
            assert not set(snapshot.readings) & set(snapshot.missing)

        case.told(story)

    def test_nothing_has_appeared_that_open_told_of(self, case: Case) -> None:
        """Else its session would be ended again and again."""

        async def story(device: Device, info: DeviceInfo) -> None:
            for _ in range(2):
                snapshot = await device.read(info.capabilities.tables, None)
                assert not snapshot.appeared & info.radios.keys()

        case.told(story)

    def test_an_unknown_radio_is_absent(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            snapshot = await device.read(frozenset({Table.STATUS}), frozenset({case.radio, NOWHERE}))
            assert set(snapshot.readings) == {case.radio}
            assert dict(snapshot.missing) == {NOWHERE: Absence.ABSENT}

        case.told(story)

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
