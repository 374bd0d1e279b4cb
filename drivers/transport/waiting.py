"""What a coroutine needs to wait for a thread: for its turn, its result, its end, and its lines."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")

QUEUE_LINES: Final = 4096


class Flag:
    """An asyncio.Event that any thread may raise; after the loop has closed nobody waits for it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._raised = False
        self.wait = self._event.wait

    def raise_(self) -> None:
        self._raised = True
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    def is_set(self) -> bool:
        return self._raised

    def clear(self) -> None:
        self._raised = False
        self._event.clear()


def flag_of(future: Future[T]) -> Flag:
    """Raised when the future is done."""
    flag = Flag()
    future.add_done_callback(lambda _: flag.raise_())
    return flag


async def finished(future: Future[T]) -> None:
    """Wait for it, come what may; a cancellation meanwhile is passed on afterwards."""
    done, cancelled = flag_of(future), False
    while not future.done():
        try:
            await done.wait()
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def in_own_thread(work: Callable[[], T], name: str) -> T:
    """What blocking work gives. It may hang for ever: the threads of a pool would be taken from those who do
    not, whatever the pool's size. A cancellation leaves it to itself."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    Thread(target=_fulfil, args=(future, work), name=name, daemon=True).start()
    return await asyncio.wrap_future(future)


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:  # whatever it is, it belongs to who waits
        future.set_exception(error)
    else:
        future.set_result(result)


def announced(call: Callable[[], T], announce: Callable[[], object]) -> T:
    announce()
    return call()


class Stream(Generic[T]):
    """What a thread puts in, in order, until it ends the stream. One reader.

    ``dropped``: items lost because nobody took them (more than QUEUE_LINES waiting).
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._lines: deque[T] = deque()
        self._ready = Flag()
        self._ended = Flag()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._lines:
            if self._ended.is_set():
                raise StopAsyncIteration
            self._ready.clear()
            if not self._lines and not self._ended.is_set():
                await self._ready.wait()
        return self._lines.popleft()

    def put(self, line: T) -> None:
        """From any thread; never blocks."""
        if len(self._lines) >= QUEUE_LINES:
            self._drop()
        else:
            self._lines.append(line)
        self._ready.raise_()

    def end(self) -> None:
        """From any thread; what was put in before is still read."""
        self._ended.raise_()
        self._ready.raise_()

    def _drop(self) -> None:
        self.dropped += 1


class LineStream(Stream[str]):
    """Lines that a thread reads, as they come. Ends with their source.

    ``source`` is given what counts a line that it had to drop; ``hang_up`` makes it end. ``dropped``: lines
    lost because nobody took them, or because they were too long.
    """

    def __init__(
        self, source: Callable[[Callable[[], None]], Iterable[str]], hang_up: Callable[[], None], name: str
    ) -> None:
        super().__init__()
        self._source = source
        self._hang_up = hang_up
        self._name = name
        Thread(target=self._pump, name=name, daemon=True).start()

    async def aclose(self) -> None:
        """Hang up, and wait for the thread."""
        await in_own_thread(self._hang_up, f"{self._name}-hang-up")
        await self._ended.wait()

    def _pump(self) -> None:
        try:
            for line in self._source(self._drop):
                self.put(line)
        finally:
            self.end()
