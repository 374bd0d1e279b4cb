"""Ears of an AP: subscriptions that end and come back, a log that may not be read, a connection that goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from integration.rpcd import Rpcd, Session

from drivers.errors import Disconnected, DriverError
from drivers.hostapd.reading import Found
from drivers.openwrt import listening
from drivers.openwrt.listening import Listening
from drivers.openwrt.signals import Heard
from drivers.openwrt.ubus import ATTACHED, AccessDenied, Event, ObjectGone
from drivers.signals import ChannelSwitched, Gap, RadarDetected, Signal
from inventory.model import Band, RadioKey

KEY = RadioKey("a/ap/r5")
BSS = "hostapd.phy0-ap0"
RADIOS = (Found(key=KEY, band=Band.GHZ_5, ifname="phy0-ap0", phy=0, bss=("phy0-ap0",)),)
RADAR = (
    "hostapd: phy0-ap0: DFS-RADAR-DETECTED freq=5260 ht_enabled=0 chan_offset=0 chan_width=3 cf1=5290 cf2=0"
)
Item = tuple[str, Mapping[str, Any]] | str | DriverError | None


class Bus(Session):
    """Objects that can be put up and taken down; what is said to each queue is told in its stream."""

    def __init__(self) -> None:
        super().__init__(Rpcd())
        self.there = {"hostapd", BSS}
        self.denied: set[str] = set()
        self.said: dict[str, asyncio.Queue[Item]] = {}
        self.subscribed: list[str] = []
        self.refused = asyncio.Event()
        self.logless = False

    def queue(self, name: str) -> asyncio.Queue[Item]:
        return self.said.setdefault(name, asyncio.Queue())

    async def subscribe(self, object: str) -> AsyncIterator[Event]:
        if object in self.denied:
            raise AccessDenied(object)
        if object not in self.there:
            self.refused.set()
            raise ObjectGone(object)
        self.subscribed.append(object)
        yield Event(object=object, kind=ATTACHED)
        while (item := await self.queue(object).get()) is not None:
            if isinstance(item, DriverError):
                raise item
            assert isinstance(item, tuple)
            yield Event(object=object, kind=item[0], data=item[1])

    async def log(self) -> AsyncIterator[str]:
        if "log" in self.denied:
            raise AccessDenied("log")
        if self.logless:
            raise ObjectGone("log")
        yield ""
        while isinstance(item := await self.queue("log").get(), str):
            yield item


Next = Callable[[], Awaitable[Signal]]


def told(story: Callable[[Bus, Heard, Next], Awaitable[None]], *denied: str) -> None:
    async def tell() -> None:
        bus, heard = Bus(), Heard("ap", RADIOS)
        bus.denied = set(denied)
        heard.seen_on(KEY, frozenset({5260, 5280, 5300, 5320}))
        now = iter(range(10_000))
        ears = Listening("ap", bus, heard, lambda: ["phy0-ap0"], lambda: 10.0 * next(now))
        stream = ears.signals()

        async def following() -> Signal:
            async with asyncio.timeout(5):
                return await anext(stream)

        await story(bus, heard, following)
        await stream.aclose()

    asyncio.run(tell())


async def gaps(following: Next, count: int) -> None:
    for _ in range(count):
        assert isinstance(await following(), Gap)


def test_each_stream_begins_with_a_gap() -> None:
    async def story(bus: Bus, heard: Heard, following: Next) -> None:
        await gaps(following, 3)
        assert set(bus.subscribed) == {"hostapd", BSS}
        await bus.queue(BSS).put(("channel-switch", {"freq": 5180}))
        assert isinstance(await following(), ChannelSwitched)

    told(story)


def test_an_ap_without_a_log_is_listened_to_all_the_same() -> None:
    """logd is off, or was left out of the image: radar is inferred then."""
    bus, heard = Bus(), Heard("ap", RADIOS)
    bus.logless = True

    async def story() -> None:
        stream = Listening("ap", bus, heard, lambda: ["phy0-ap0"], lambda: 1.0).signals()
        async with asyncio.timeout(5):
            assert [type(await anext(stream)) for _ in range(2)] == [Gap, Gap]
            await bus.queue(BSS).put(("channel-switch", {"freq": 5180}))
            assert isinstance(await anext(stream), ChannelSwitched)
        assert heard.infers
        await stream.aclose()

    asyncio.run(story())


def test_a_subscription_that_ended_with_its_object_is_made_again_when_the_bss_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At once, because `hostapd` says so, and after a Gap: what happened between the two was missed."""
    monkeypatch.setattr(listening, "AGAIN_S", 1000.0)

    async def story(bus: Bus, heard: Heard, following: Next) -> None:
        await gaps(following, 3)
        bus.there.discard(BSS)
        await bus.queue(BSS).put(None)
        await bus.queue("hostapd").put(("bss.remove", {}))
        assert isinstance(await following(), Gap)
        bus.there.add(BSS)
        await bus.queue("hostapd").put(("bss.add", {"name": "phy0-ap0"}))
        await gaps(following, 2)
        await bus.queue(BSS).put(("channel-switch", {"freq": 5180}))
        assert isinstance(await following(), ChannelSwitched)
        assert bus.subscribed.count(BSS) == 2

    told(story)


def test_without_the_hub_it_is_asked_for_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "AGAIN_S", 0.01)

    async def story(bus: Bus, heard: Heard, following: Next) -> None:
        await gaps(following, 2)
        bus.there.discard(BSS)
        await bus.queue(BSS).put(None)
        await bus.refused.wait()
        bus.there.add(BSS)
        await gaps(following, 1)

    told(story, "hostapd")


def test_radar_comes_by_the_log() -> None:
    async def story(bus: Bus, heard: Heard, following: Next) -> None:
        await gaps(following, 3)
        await bus.queue("log").put(RADAR)
        signal = await following()
        assert isinstance(signal, RadarDetected)
        assert signal.authenticated
        assert not heard.infers
        assert heard.barred(signal.at_s) == {5260, 5280, 5300, 5320}
        assert heard.barred(signal.at_s + 1801) == frozenset()

    told(story)


def test_where_the_log_may_not_be_read_radar_is_inferred() -> None:
    async def story(bus: Bus, heard: Heard, following: Next) -> None:
        await gaps(following, 2)
        assert heard.infers
        await bus.queue(BSS).put(("channel-switch", {"freq": 5180}))
        signal = await following()
        assert isinstance(signal, RadarDetected)
        assert not signal.authenticated

    told(story, "log")


def test_a_lost_connection_ends_it_all() -> None:
    async def story(bus: Bus, heard: Heard, following: Next) -> None:
        await gaps(following, 3)
        await bus.queue(BSS).put(Disconnected("gone"))
        with pytest.raises(Disconnected):
            await following()

    told(story)


def test_a_log_that_ends_ends_it_too() -> None:
    async def story(bus: Bus, heard: Heard, following: Next) -> None:
        await gaps(following, 3)
        await bus.queue("log").put(None)
        with pytest.raises(Disconnected):
            await following()

    told(story)


def test_with_nothing_to_listen_to_it_ends_at_once() -> None:
    async def story(bus: Bus, heard: Heard, following: Next) -> None:
        with pytest.raises(StopAsyncIteration):
            await following()

    told(story, "log", "hostapd", BSS)
