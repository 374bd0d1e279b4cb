"""Asking a range of addresses what answers there: at a steady pace, a few at a time. Writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from drivers.errors import DriverError
from drivers.snmp.heard import Heard
from drivers.types import DeviceInfo

AT_ONCE: Final = 64
OPENED_AT_ONCE: Final = 4
"""A controller is walked whole: that many at a time do not fill a line."""

MOST_ADDRESSES: Final = 65_536
"""A /16, or an IPv6 /112."""

Ask = Callable[[str], Awaitable[Heard | None]]
Open = Callable[[Heard], Awaitable[DeviceInfo]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A device that a profile knows, and what it tells of itself and its APs."""

    heard: Heard
    info: DeviceInfo


@dataclass(slots=True)
class Sweep:
    """What was found. ``failed``: address and reason of what answers and can't be read."""

    asked: int = 0
    silent: int = 0
    known: list[Known] = field(default_factory=list)
    unknown: list[Heard] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def addresses(cidr: str) -> tuple[int, Iterator[str]]:
    """How many hosts a network has, and each of them. Raises ValueError with one sentence."""
    try:
        network: IPv4Network | IPv6Network = ip_network(cidr, strict=False)
    except ValueError:
        raise ValueError(f"{cidr}: expected a network such as 192.0.2.0/24 or 2001:db8::/120") from None
    return network.num_addresses, (str(host) for host in network.hosts())


async def sweep(hosts: Iterable[str], ask: Ask, open_: Open, per_s: float) -> Sweep:
    """Every host asked once, ``per_s`` of them a second, then every known device opened."""
    found, heard = Sweep(), list[Heard]()
    places = asyncio.Semaphore(AT_ONCE)

    async def one(host: str) -> None:
        try:
            answer = await ask(host)
        except DriverError as error:
            found.failed.append((host, f"{type(error).__name__}: {error}"))
        else:
            found.silent += answer is None
            heard.extend([answer] if answer is not None else [])
        finally:
            places.release()

    async with asyncio.TaskGroup() as group:
        for host in hosts:
            await places.acquire()
            found.asked += 1
            group.create_task(one(host), name=f"discover-{host}")
            await asyncio.sleep(1 / per_s)
    found.unknown = [each for each in heard if each.profile is None]
    await _open_all([each for each in heard if each.profile is not None], open_, found)
    return found


async def _open_all(heard: list[Heard], open_: Open, found: Sweep) -> None:
    places = asyncio.Semaphore(OPENED_AT_ONCE)

    async def one(each: Heard) -> None:
        async with places:
            try:
                found.known.append(Known(heard=each, info=await open_(each)))
            except DriverError as error:
                found.failed.append((each.address, f"{type(error).__name__}: {error}"))

    async with asyncio.TaskGroup() as group:
        for each in heard:
            group.create_task(one(each), name=f"open-{each.address}")
    found.known.sort(key=lambda one: one.heard.address)
