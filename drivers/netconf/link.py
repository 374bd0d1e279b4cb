"""The sessions of one device: one that reads and writes, and one that listens, so that neither waits for the
other: radar must not wait for a long read, nor a write for a poll."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar
from xml.etree.ElementTree import Element

from drivers.base import DeviceContext
from drivers.errors import Disconnected
from drivers.netconf import parse_reply
from drivers.netconf.options import Options
from drivers.transport.netconf import PORT, Hello, NetconfSession
from drivers.transport.ssh_target import SshTarget, parse_address
from inventory.credentials import Login

T = TypeVar("T")
_LARGE: Final = 100_000  # characters, about 10 ms of parsing: more would keep the loop from radar


class Link:
    """``main``: for the lane; ``events``: for `signals`, opened by it."""

    def __init__(self, context: DeviceContext, options: Options, login: Login) -> None:
        host, port = parse_address(context.config.address, PORT)
        target = SshTarget(
            name=context.config.id,
            host=host,
            port=port,
            login=login,
            fingerprint=options.host_key,
            known_hosts=options.known_hosts,
            connect_timeout_s=options.connect_timeout_s,
        )
        self._timeout_s = options.rpc_timeout_s
        self._main = NetconfSession(target)
        self.events = NetconfSession(target)

    async def open(self) -> Hello:
        return await self._main.open()

    async def close(self) -> None:
        """Both; when it returns, nothing of either can land any more."""
        try:
            await self.events.close()
        finally:
            await self._main.close()

    async def ask(self, body: str, session: NetconfSession | None = None) -> Element:
        """The reply. Raises what the device meant by its `rpc-error`."""
        return await self._parsed(body, parse_reply.reply, session)

    async def heard(self, for_s: float) -> str | None:
        """The next notification of ``events``; None: nothing came for so long. Raises Disconnected."""
        try:
            async with asyncio.timeout(for_s):
                return await anext(self.events.notifications)
        except TimeoutError:
            return None
        except StopAsyncIteration:
            raise Disconnected("the session that listens has ended") from None

    async def data(
        self, body: str, parser: Callable[[Element], T], session: NetconfSession | None = None
    ) -> T:
        """What the parser makes of the `data` of a get or get-config."""
        return await self._parsed(
            body, lambda text: parser(parse_reply.data(parse_reply.reply(text))), session
        )

    async def _parsed(self, body: str, parser: Callable[[str], T], session: NetconfSession | None) -> T:
        answer = await (session or self._main).rpc(body, self._timeout_s)
        if len(answer) < _LARGE:
            return parser(answer)
        return await asyncio.to_thread(parser, answer)
