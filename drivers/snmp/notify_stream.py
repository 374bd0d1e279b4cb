"""A device's share of the trap socket, as its stream of signals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import structlog

from drivers.base import DeviceContext
from drivers.errors import Disconnected
from drivers.notifications import Notification, Sender
from drivers.signals import Gap, Signal
from drivers.snmp.notify import Rules
from drivers.snmp.notify_where import Whereabouts
from drivers.transport.ssh import parse_address
from inventory.snmp_login import parse_snmp_login

log = structlog.get_logger()


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
        async for notification in _until(over, context.notifications.subscribe(sender)):
            said = rules.signals(notification, context.config.id, where())
            if not said:
                log.debug("snmp.trap_of_no_use", device=context.config.id, trap=notification.trap)
            for signal in said:
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
    over: asyncio.Event, stream: AsyncIterator[Notification]
) -> AsyncGenerator[Notification, None]:
    """What the stream says, until ``over``."""
    ending = asyncio.ensure_future(over.wait())
    coming: asyncio.Future[Notification | None] | None = None
    try:
        while not over.is_set():
            coming = asyncio.ensure_future(anext(stream, None))
            await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                if (notification := coming.result()) is None:
                    return
                yield notification
    finally:
        for task in (ending, coming):
            if task is not None and not task.done():
                task.cancel()
        await asyncio.gather(*(task for task in (ending, coming) if task), return_exceptions=True)
        if (close := getattr(stream, "aclose", None)) is not None:
            await close()
