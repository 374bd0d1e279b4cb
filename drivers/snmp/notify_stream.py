"""A device's share of the trap socket, as its stream of signals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Any, Final

from drivers.base import DeviceContext
from drivers.errors import Disconnected
from drivers.notifications import Notification, Sender
from drivers.signals import Gap, RadarDetected, Signal
from drivers.snmp.notify import Rules
from drivers.snmp.notify_where import Whereabouts
from drivers.transport.ssh_target import parse_address
from inventory.snmp_login import parse_snmp_login

LOOK_S: Final = 5.0


class Looks:
    """Lets through at once what tells something, and at most every `LOOK_S` what only makes the agent poll: a
    flood of forged traps, or a controller that traps all day, must not have it poll without end."""

    def __init__(self) -> None:
        self._next_s = float("-inf")
        self._held: Signal | None = None

    def may(self, signal: Signal, now_s: float) -> bool:
        """False: `late` gives it back."""
        if not _only_a_look(signal):
            return True
        if now_s < self._next_s:
            self._held = signal
            return False
        self._next_s, self._held = now_s + LOOK_S, None
        return True

    def wait_s(self, now_s: float) -> float | None:
        """Until `late` has something; None: nothing is held back."""
        return None if self._held is None else max(0.0, self._next_s - now_s)

    def late(self, now_s: float) -> tuple[Signal, ...]:
        """What was held back, now that its time has come: the newest stands for all."""
        if self._held is None or now_s < self._next_s:
            return ()
        held, self._held = self._held, None
        return (held,)


def _only_a_look(signal: Signal) -> bool:
    return isinstance(signal, Gap) or (isinstance(signal, RadarDetected) and not signal.authenticated)


class TrapStream:
    """What one device pushes, if somebody listens for the daemon and the device has a credential."""

    def __init__(self, context: DeviceContext) -> None:
        self._context = context
        self._over: asyncio.Event | None = None
        self._interrupted = False

    @property
    def hears(self) -> bool:
        return self._context.notifications is not None and self._context.secret is not None

    async def signals(
        self, rules: Rules, engine_id: bytes | None, where: Callable[[], Whereabouts]
    ) -> AsyncIterator[Signal]:
        """Until `close`; a Gap comes first if there was a stream before. Raises Disconnected."""
        context = self._context
        if context.notifications is None or context.secret is None:
            return
        over = self._over = asyncio.Event()
        sender = Sender(
            device=context.config.id,
            addresses=await _addresses(context.config.address),
            login=parse_snmp_login(context.secret),
            engine_id=engine_id,
            traps=rules.traps,
        )
        if self._interrupted:
            yield Gap(at_s=context.clock(), device=context.config.id)
        self._interrupted = True
        looks = Looks()
        heard = _until(over, context.notifications.subscribe(sender), lambda: looks.wait_s(context.clock()))
        async with aclosing(heard):
            async for notification in heard:
                if notification is None:
                    said: Iterable[Signal] = looks.late(context.clock())
                else:
                    said = rules.signals(notification, context.config.id, where())
                for signal in said:
                    if looks.may(signal, context.clock()):
                        yield signal

    def close(self) -> None:
        if self._over is not None:
            self._over.set()


async def _addresses(address: str) -> frozenset[str]:
    """All that the device may send from."""
    host, port = parse_address(address, default_port=161)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:  # the latter: a name that no name server would be asked for
        raise Disconnected(f"no address of {host}: {error}") from error
    return frozenset(str(sockaddr[0]) for *_, sockaddr in found)


async def _until(
    over: asyncio.Event, stream: AsyncIterator[Notification], patience: Callable[[], float | None]
) -> AsyncGenerator[Notification | None, None]:
    """What the stream says, until ``over``; None when ``patience()`` seconds passed in silence."""
    ending = asyncio.ensure_future(over.wait())
    coming: asyncio.Future[Notification | None] | None = None
    try:
        while not over.is_set():
            if coming is None:
                coming = asyncio.ensure_future(anext(stream, None))
            both: set[asyncio.Future[Any]] = {coming, ending}
            await asyncio.wait(both, timeout=patience(), return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                yield None
                continue
            if (notification := coming.result()) is None:
                return
            coming = None
            yield notification
    finally:
        for task in (ending, coming):
            if task is not None and not task.done():
                task.cancel()
        await asyncio.gather(*(task for task in (ending, coming) if task), return_exceptions=True)
        if (close := getattr(stream, "aclose", None)) is not None:
            await close()
