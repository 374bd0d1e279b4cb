"""A TCP relay on 127.0.0.1 before a device: it can stand still, be slow, hang up, or lead to another."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 65_536


class Proxy:
    """``port``: where it listens; ``leads_to``: the device's port, of connections from now on.
    ``slow_s``: what each piece of data waits. ``deaf``: who connects is hung up on."""

    def __init__(self, leads_to: int) -> None:
        self.leads_to = leads_to
        self.slow_s = 0.0
        self.deaf = False
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._over = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._gates: dict[asyncio.Task[None], asyncio.Event] = {}
        self._word: bytes | None = None
        self._held: list[asyncio.Task[None]] = []

    def stand_still(self) -> None:
        """From now on nothing goes through, in either direction; connections stay, and come."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def hold(self) -> None:
        """From now on nothing goes through on the connections that there are; new ones are served."""
        held = threading.Event()

        def shut() -> None:
            self._held = list(self._gates)
            for gate in self._gates.values():
                gate.clear()
            held.set()

        self._loop.call_soon_threadsafe(shut)
        held.wait()

    def hold_from(self, word: bytes) -> None:
        """A piece of data with this word in it waits, and all that follows on its connection; others pass."""
        self._word = word

    def hang_up(self) -> None:
        """End all connections, and take no new one."""
        self.deaf = True
        self._loop.call_soon_threadsafe(self._abort)

    def mend(self) -> None:
        """As at the beginning. What was held up comes now, late."""
        self.slow_s, self.deaf = 0.0, False
        self._loop.call_soon_threadsafe(self._open)

    def _open(self) -> None:
        self._passing.set()
        for gate in self._gates.values():
            gate.set()

    def settle(self) -> None:
        """When the device has dealt with all that came on the connections that were held, and has hung up."""

        async def over() -> None:
            if self._held:
                await asyncio.wait(self._held, timeout=20.0)

        asyncio.run_coroutine_threadsafe(over(), self._loop).result()

    def run(self, ports: queue.Queue[int]) -> None:
        self._loop.run_until_complete(self._serve(ports))
        self._loop.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self, ports: queue.Queue[int]) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = int(server.sockets[0].getsockname()[1])
        ports.put(self.port)
        await self._over.wait()
        server.close()
        self._abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.deaf:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.leads_to)
        both, gate = {writer, far_writer}, asyncio.Event()
        gate.set()
        self._writers |= both
        task = asyncio.current_task()
        assert task is not None
        self._gates[task] = gate
        try:
            await asyncio.gather(
                self._pass_on(reader, far_writer, gate), self._pass_on(far_reader, writer, gate)
            )
        finally:
            self._writers -= both
            del self._gates[task]
            for each in both:
                each.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        """Until either side ends."""
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.slow_s:
                    await asyncio.sleep(self.slow_s)
                if self._word is not None and self._word in data:
                    self._word = None
                    gate.clear()
                await self._passing.wait()
                await gate.wait()
                writer.write(data)
                await writer.drain()
        with suppress(OSError):  # that side has gone
            if not writer.is_closing() and writer.can_write_eof():
                writer.write_eof()


@contextmanager
def proxied(leads_to: int) -> Iterator[Proxy]:
    """A relay in a thread of its own."""
    proxy, ports = Proxy(leads_to), queue.Queue[int]()
    thread = threading.Thread(target=proxy.run, args=(ports,), name="stalling-proxy")
    thread.start()
    ports.get(timeout=10)
    try:
        yield proxy
    finally:
        proxy.end()
        thread.join()
