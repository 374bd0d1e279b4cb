"""What every driver pushes: something by each way that it declares, else nothing; it ends with close."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from contract.case import NOWHERE, Case

from drivers.base import Device
from drivers.signals import Gap, Signal
from drivers.types import DeviceInfo

HEARD_S = 20.0
QUIET_S = 0.2
ENDED_S = 20.0


class Pushing:
    """Tests of `signals`; see `contract.suite.Contract`."""

    def test_each_declared_way_is_tried_or_the_reason_is_given(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            tried = case.pushes.keys() | case.elsewhere.keys()
            assert set(info.capabilities.signal_ways) <= tried, "add it to the case's pushes, or to elsewhere"

        case.told(story)

    def test_by_each_declared_way_a_signal_comes(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> bool:
            ways = [way for way in info.capabilities.signal_ways if way in case.pushes]
            for way in ways:
                async with asyncio.timeout(HEARD_S):
                    signal = await _pushed(device, case, way)
                assert signal.device
                assert signal.at_s >= 0
                assert getattr(signal, "radio", case.radio) in (*info.radios, None)
            return bool(ways)

        if not case.told(story):
            pytest.skip(f"this peer of {case.name} pushes nothing")

    def test_signals_stay_quiet_without_an_error_and_end_with_close(self, case: Case) -> None:
        async def story(device: Device, info: DeviceInfo) -> None:
            heard = asyncio.create_task(_all(device.signals()))
            await asyncio.wait({heard}, timeout=QUIET_S)
            assert not heard.done() or not heard.exception()
            await device.close()
            async with asyncio.timeout(ENDED_S):
                found = await heard
            assert NOWHERE not in {getattr(signal, "radio", None) for signal in found}

        case.told(story)


async def _pushed(device: Device, case: Case, way: str) -> Signal:
    """The first that says more than that something may have been missed."""
    signals = device.signals()
    try:
        first = asyncio.ensure_future(_telling(signals))
        await asyncio.wait({first}, timeout=QUIET_S)  # it listens by now
        with case.pushes[way]():
            return await first
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        if (close := getattr(signals, "aclose", None)) is not None:
            await close()


async def _telling(signals: AsyncIterator[Signal]) -> Signal:
    async for signal in signals:
        if not isinstance(signal, Gap):
            return signal
    raise AssertionError("the signals ended before anything came")


async def _all(signals: AsyncIterator[Signal]) -> list[Signal]:
    return [signal async for signal in signals]
