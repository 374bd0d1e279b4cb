"""Hears an AP: a subscription per BSS, one to hostapd itself, and the log, as long as the session lasts.

A subscription ends whenever its object goes (each restart of a radio, a whole CAC); `hostapd` stays and tells
when a BSS is back. Whatever may have been missed meanwhile is told as a Gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from drivers.errors import Disconnected, DriverError, Garbage
from drivers.openwrt.signals import Heard
from drivers.openwrt.ubus import ATTACHED, AccessDenied, ObjectGone, Ubus
from drivers.signals import Gap, Signal

HUB: Final = "hostapd"
AGAIN_S: Final = 2.0  # an object that is gone is asked for so often; usually `hostapd` says it is back
_QUEUE: Final = 1024  # behind it the streams' own queues count what they drop


class Listening:
    """One session's ears. ``names``: interfaces of the BSSs that the device knows of now."""

    def __init__(
        self,
        device: str,
        ubus: Ubus,
        heard: Heard,
        names: Callable[[], Iterable[str]],
        clock: Callable[[], float],
    ) -> None:
        self._device = device
        self._ubus = ubus
        self._heard = heard
        self._names = names
        self._clock = clock
        self._out: asyncio.Queue[Signal | DriverError | None] = asyncio.Queue(_QUEUE)
        self._back = asyncio.Condition()
        self._pumps: dict[str, asyncio.Task[None]] = {}

    async def signals(self) -> AsyncGenerator[Signal]:
        """Ends with the connection, or when nothing may be listened to. Raises what ended it."""
        self._start("log", self._log())
        self._start(HUB, self._object(HUB))
        self._meet()
        try:
            while (item := await self._next()) is not None:
                if isinstance(item, DriverError):
                    raise item
                yield item
        finally:
            for pump in self._pumps.values():
                pump.cancel()
            await asyncio.gather(*self._pumps.values(), return_exceptions=True)

    async def _next(self) -> Signal | DriverError | None:
        """None: all have ended, and nothing is left to be told."""
        while self._out.empty():
            for pump in self._pumps.values():
                if pump.done():
                    pump.result()  # a bug of ours is heard of
            alive = {pump for pump in self._pumps.values() if not pump.done()}
            if not alive:
                return None
            told = asyncio.ensure_future(self._out.get())
            await asyncio.wait({told, *alive}, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                return told.result()
            told.cancel()
        return self._out.get_nowait()

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._pumps[name] = asyncio.create_task(self._guarded(work), name=f"{self._device}-{name}-events")

    def _meet(self) -> None:
        """A subscription for each BSS that has none."""
        for name in self._names():
            if f"{HUB}.{name}" not in self._pumps:
                self._start(f"{HUB}.{name}", self._object(f"{HUB}.{name}"))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """What may not be listened to ends alone; a lost connection ends all."""
        try:
            await work
        except AccessDenied:
            return
        except DriverError as error:
            await self._out.put(error)

    async def _object(self, name: str) -> None:
        """Subscribed again whenever it is there."""
        while True:
            with suppress(ObjectGone, Garbage):  # a restart, a CAC: it will be back
                await self._subscribed(name)
            await self._wait()

    async def _subscribed(self, name: str) -> None:
        async for event in self._ubus.subscribe(name):
            now_s = self._clock()
            if event.kind == ATTACHED:
                await self._out.put(Gap(at_s=now_s, device=self._device))
                continue
            for signal in self._heard.of_ubus(name, event.kind, event.data, now_s):
                await self._out.put(signal)
            if name == HUB:
                await self._wake(event.data)

    async def _wake(self, data: Mapping[str, Any]) -> None:
        """A BSS came or went: those that wait for theirs ask at once; a new one gets ears of its own."""
        new = data.get("name")
        if isinstance(new, str) and new in self._heard.interfaces and f"{HUB}.{new}" not in self._pumps:
            self._start(f"{HUB}.{new}", self._object(f"{HUB}.{new}"))
        self._meet()
        async with self._back:
            self._back.notify_all()

    async def _wait(self) -> None:
        async with self._back:
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._back.wait()

    async def _log(self) -> None:
        """Radar is told here alone. Without a log that may be read, radar has to be inferred."""
        self._heard.infers = False
        try:
            async for line in self._ubus.log():
                now_s = self._clock()
                told = self._heard.of_log(line, now_s) if line else (Gap(at_s=now_s, device=self._device),)
                for signal in told:
                    await self._out.put(signal)
        except AccessDenied:
            self._heard.infers = True
            raise
        except ObjectGone:  # logd is off, or was left out of the image
            self._heard.infers = True
            return
        raise Disconnected(f"{self._device}: the log has ended")
