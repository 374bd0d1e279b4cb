"""One lane per management session: calls to a device go through it one after the other.

A lane opens the session when it is needed, and closes it after a fault that leaves it in doubt: when
`close` returns, nothing that was sent by that session can land any more, and only then is anything read
back. A slow device costs its own lane and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from drivers.base import Device
from drivers.errors import (
    DeviceTimeout,
    DriverBug,
    DriverError,
    Garbage,
    IdentityChanged,
    NeverAgain,
    TryAgain,
)
from drivers.signals import Signal
from drivers.types import (
    ActionRequest,
    ConfigState,
    DeviceInfo,
    Edit,
    Effects,
    Receipt,
    ScopeRef,
    Snapshot,
    Table,
)
from inventory.model import RadioKey

R = TypeVar("R")
log = structlog.get_logger()


READ_S = 15.0
OPENING_S = 8.0
"""A session that is being opened gets so long, however urgent: ended, it would have to begin anew. And no
longer: a radio has 10 s to leave a channel with radar, and the next session may open at once."""


class Withheld(NeverAgain):
    """Not sent, by our own will: what was right when it was planned no longer is. The message says why."""


class Lane:
    """The one way to a device. ``info`` None: not open. ``identity``: the only device that it may lead to,
    None = whichever answers first, and no other from then on.

    ``read_s`` bounds a read, in seconds; ``write_s`` a write. Raises only DriverError.
    ``reads``: how many ended how (ok, timeout, failed); ``read_took_s``: the last answered one, None = none.
    ``after``: ends of earlier sessions to the same device; nothing is asked of it before these have ended.
    """

    def __init__(self, name: str, device: Device, *, read_s: float = READ_S, write_s: float = 30.0) -> None:
        self.name = name
        self.info: DeviceInfo | None = None
        self.device = device
        self.on_open: Callable[[DeviceInfo], None] = lambda info: None
        self.after: frozenset[asyncio.Task[None]] = frozenset()
        self._retired = False
        self.identity: str | None = None
        self._read_s = read_s
        self._write_s = write_s
        self._turn = asyncio.Lock()
        self.reads: Counter[str] = Counter()
        self.read_took_s: float | None = None
        self._since_s: float | None = None  # loop time at which the call under way began
        self._opening = False
        self.another = asyncio.Event()
        """Set when a session is open; cleared by who wants to know of the next one."""

    async def open(self) -> DeviceInfo:
        """Device identity and capabilities, connecting if need be."""
        return await self._call(self._opened, self._read_s)

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None = None) -> Snapshot:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        try:
            snapshot = await self._call(lambda: self.device.read(tables, radios), self._read_s)
        except DriverError as error:
            self.reads["timeout" if isinstance(error, DeviceTimeout) else "failed"] += 1
            raise
        self.reads["ok"] += 1
        self.read_took_s = loop.time() - begun_s
        return snapshot

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        return await self._call(lambda: self.device.read_config(ref), self._read_s)

    async def apply(
        self, edit: Edit, undo_after_s: float | None, last_look: Callable[[], str | None] = lambda: None
    ) -> Receipt:
        """``last_look``: asked when it is this write's turn, which may be long after it was asked for; says
        why it must not be sent any more. Raises Withheld then, and nothing was sent."""

        async def send() -> Receipt:
            if why := last_look():
                raise Withheld(why)
            return await self._written(self.device.apply(edit, undo_after_s))

        return await self._call(send, self._write_s)

    async def confirm(self, receipt: Receipt) -> None:
        await self._call(lambda: self._written(self.device.confirm(receipt)), self._write_s)

    async def act(self, request: ActionRequest, last_look: Callable[[], str | None] = lambda: None) -> None:
        """``last_look``: as for `apply`."""

        async def send() -> None:
            if why := last_look():
                raise Withheld(why)
            await self._written(self.device.act(request))

        await self._call(send, self._write_s)

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        """Asks nothing of the device."""
        try:
            return self.device.plan(edit, have)
        except DriverError:
            raise
        except Exception as error:  # a driver's bug costs its own device, not the daemon
            raise self._bug(error) from error

    async def signals(self) -> AsyncIterator[Signal]:
        """What the device pushes, until the stream ends."""
        try:
            async for signal in self.device.signals():
                yield signal
        except DriverError:
            raise
        except Exception as error:  # likewise; who listens begins again
            raise self._bug(error) from error

    async def hurry(self, patience_s: float) -> None:
        """Make way for something urgent: a call that has been under way for longer is ended, with its
        session. Waits for no answer."""
        if self._opening:
            patience_s = max(patience_s, OPENING_S)
        if self._since_s is not None and asyncio.get_running_loop().time() - self._since_s > patience_s:
            log.warning("device.call_ended", device=self.name)
            await self._drop()

    def retire(self) -> None:
        """Begin no call any more: another session takes this one's place. What waits for its turn raises
        TryAgain."""
        self._retired = True

    async def renew(self) -> None:
        """End the session when no call is under way; the next call opens another, which knows what the device
        has by then."""
        async with self._turn:
            await self._drop()

    async def close(self) -> None:
        self.info = None
        await self.device.close()

    async def _written(self, writing: Awaitable[R]) -> R:
        """An answer to a write that makes no sense leaves it in doubt, as none does: the session ends."""
        try:
            return await writing
        except Garbage:
            await self._drop()
            raise

    async def _opened(self) -> DeviceInfo:
        self._still_used()
        if self.info is None:
            self._opening = True
            try:
                info = await self.device.open()
            finally:
                self._opening = False
            self._still_used()
            await self._check(info)
            self.info = info
            if self._since_s is not None:
                self._since_s = asyncio.get_running_loop().time()  # of the call that it was opened for
            self.another.set()
            self.on_open(info)
        return self.info

    def _still_used(self) -> None:
        if self._retired:
            raise TryAgain(f"{self.name} has another session now")

    async def _check(self, info: DeviceInfo) -> None:
        """The first identity seen is the one that counts, until the daemon is started again. Raises
        IdentityChanged, and the session is closed."""
        if self.identity is None:
            self.identity = info.identity
        if self.identity != info.identity:
            await self._drop()
            raise IdentityChanged(
                f"{self.name} is another device than before: it was {self.identity}, it is {info.identity}; "
                "if that is right, restart rrmd"
            )

    async def _call(self, work: Callable[[], Awaitable[R]], limit_s: float) -> R:
        async with self._turn, self._faults():
            await self._cleared(limit_s)
            self._since_s = asyncio.get_running_loop().time()
            async with asyncio.timeout(limit_s):
                await self._opened()
                return await work()

    async def _cleared(self, limit_s: float) -> None:
        """When no earlier session to the device is left: two at once must not write. Raises TimeoutError."""
        if self.after:
            async with asyncio.timeout(limit_s):
                await asyncio.wait(self.after)
            self.after = frozenset()

    @asynccontextmanager
    async def _faults(self) -> AsyncIterator[None]:
        """A call that failed in doubt costs the session: it is closed before anyone looks again."""
        try:
            yield
        except (DeviceTimeout, TimeoutError) as error:
            await self._drop()
            raise DeviceTimeout(f"{self.name} did not answer in time") from error
        except TryAgain:
            await self._drop()
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._drop())
            raise
        except (DriverError, Withheld):
            raise
        except Exception as error:  # a driver's bug costs its own device, not the daemon
            await self._drop()
            raise self._bug(error) from error
        finally:
            self._since_s = None

    def _bug(self, error: Exception) -> DriverBug:
        log.error("driver.failed", device=self.name, exc_info=error)
        return DriverBug(f"{self.name}: {type(error).__name__}: {error}")

    async def _drop(self) -> None:
        try:
            await self.close()
        except DriverError as error:
            log.warning("device.close_failed", device=self.name, error=str(error))
