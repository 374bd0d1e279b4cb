"""One TCP connection to the AP. Every fault leaves this file as one of `drivers.errors`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from drivers.errors import DeviceTimeout, Disconnected

LINE_LIMIT = 64 * 1024
LINES = 512  # of one answer


class Wire:
    """Opened once. One question at a time; after any doubt it is closed, and a new one is made."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def open(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                self._streams = await asyncio.open_connection(self._host, self._port, limit=LINE_LIMIT)
        except TimeoutError as error:
            raise DeviceTimeout(f"{self._host}: no connection within {self._timeout_s:g} s") from error
        except OSError as error:
            raise Disconnected(f"{self._host}: {error.strerror or error}") from error

    async def ask(self, line: str) -> str:
        """The one line that answers."""
        async with self._one_at_a_time:
            return (await self._answer(line, 1))[0]

    async def ask_many(self, line: str) -> list[str]:
        """All lines up to the dot."""
        async with self._one_at_a_time:
            return await self._answer(line, LINES)

    async def _answer(self, line: str, most: int) -> list[str]:
        found: list[str] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._send(line)
                while len(found) < most and (said := await self.line()) != ".":
                    found.append(said)
        except TimeoutError as error:
            await self.close()  # its answer could be taken for that of the next question
            raise DeviceTimeout(f"{self._host} did not answer within {self._timeout_s:g} s") from error
        except asyncio.CancelledError:
            self._abort()
            raise
        return found

    async def _send(self, line: str) -> None:
        _, writer = self._live()
        try:
            writer.write(f"{line}\n".encode())
            await writer.drain()
        except OSError as error:
            raise Disconnected(f"{self._host}: {error.strerror or error}") from error

    async def line(self) -> str:
        """The next line. Raises Disconnected at the end."""
        reader, _ = self._live()
        try:
            said = await reader.readline()
        except (OSError, ValueError) as error:  # ValueError: longer than any line of the protocol
            raise Disconnected(f"{self._host}: {error}") from error
        if not said.endswith(b"\n"):
            raise Disconnected(f"{self._host} ended the connection")
        return said.decode(errors="replace").rstrip("\r\n")

    async def lines(self) -> AsyncIterator[str]:
        """Until the connection ends."""
        with suppress(Disconnected):
            while True:
                yield await self.line()

    async def close(self) -> None:
        """The AP handles lines in order: once it has ended its side, nothing that was sent is left undone."""
        streams, self._streams = self._streams, None
        if streams is None:
            return
        reader, writer = streams
        try:
            async with asyncio.timeout(self._timeout_s):
                writer.write_eof()
                while await reader.read(LINE_LIMIT):
                    pass
        except (TimeoutError, OSError, RuntimeError):  # RuntimeError: somebody else is reading: the events
            pass
        finally:
            writer.transport.abort()

    def _abort(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()

    def _live(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            raise Disconnected(f"no connection with {self._host}")
        return self._streams
