"""Simulated time: an event loop that jumps to the next timer, so that hours run in seconds.

Nothing above the loop knows: `asyncio.sleep`, `asyncio.timeout` and `loop.call_later` all live on
`loop.time()`. Time moves only when nothing can run: no callback is ready, no socket has an event, no
executor job is out. All simulations, the demo and the scenario tests use it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from typing import Any, TypeVar

from agent.moment import EPOCH, Moment

T = TypeVar("T")
Events = list[tuple[selectors.SelectorKey, int]]

START_UTC = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday, so that hours and weekdays of a simulation are easy to read."""

_OWN_FILES = 1  # the loop's self-pipe
_PATIENCE_S = 5.0  # real seconds granted to sockets before their silence is called a deadlock


class Deadlock(RuntimeError):
    """Tasks wait and nothing can ever wake them: no timer, no executor job, no socket event. A bug."""


class _TimeSelector(selectors.DefaultSelector):
    """Where a real loop would sleep, this one moves time. Real events always come first."""

    def __init__(self, start_s: float) -> None:
        super().__init__()
        self.now_s = start_s
        self.outstanding = 0  # executor jobs and holds: while there are any, time stands still

    def select(self, timeout: float | None = None) -> Events:
        alone = not self.outstanding and len(self.get_map()) <= _OWN_FILES
        events = [] if alone else super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if self.outstanding:
            return super().select(None)
        if timeout is None:
            return self._last_chance()
        self.now_s += timeout
        return []

    def _last_chance(self) -> Events:
        """No timer is left: only a real socket could still wake us."""
        has_sockets = len(self.get_map()) > _OWN_FILES
        if has_sockets and (events := super().select(_PATIENCE_S)):
            return events
        raise Deadlock("nothing is running and no timer, executor job or socket can wake it")


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop on simulated seconds, starting at ``start_s``.

    Executor jobs really run, and time waits for them. Peers outside the loop (a thread of one's own, a
    child process) are not seen: use :meth:`hold` around talking to them.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._time = _TimeSelector(start_s)
        super().__init__(self._time)
        self._threads = ThreadPoolExecutor(thread_name_prefix="simulated")
        self.set_default_executor(self._threads)

    def time(self) -> float:
        return self._time.now_s

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Time stands still inside: the loop waits for real events and does not jump. No timer fires."""
        self._time.outstanding += 1
        try:
            yield
        finally:
            self._time.outstanding -= 1

    def set_default_executor(self, executor: ThreadPoolExecutor) -> None:  # type: ignore[override]
        # typeshed asks for any Executor here; asyncio itself refuses all but thread pools
        self._threads = executor
        super().set_default_executor(executor)

    def run_in_executor(  # type: ignore[override]  # typeshed's TypeVarTuple can't be named on 3.11
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        self._check_open()
        job = (executor or self._threads).submit(func, *args)
        self._time.outstanding += 1
        waiting = asyncio.wrap_future(job, loop=self)
        # after wrap_future, so that the result is queued before time may move again; on the job and not
        # on `waiting`, because a cancelled wait leaves the job running
        job.add_done_callback(self._job_done)
        return waiting

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Join the worker threads (``timeout`` exists from 3.12 on and would be simulated: not used)."""
        with self.hold():
            await super().shutdown_default_executor()

    def _check_open(self) -> None:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")

    def _job_done(self, job: Future[Any]) -> None:
        """In the worker's thread."""
        try:
            self.call_soon_threadsafe(self._release)
        except RuntimeError:
            if not self.is_closed():
                raise

    def _release(self) -> None:
        self._time.outstanding -= 1


class SimulatedClock:
    """The clocks of a machine on simulated time (an `agent.clock.Clock`).

    The wall clock and the boot are separate from the loop's seconds: either may be moved by a test.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, start_utc: datetime = START_UTC, boot_id: str = "boot-1"
    ) -> None:
        self._loop = loop
        self._utc_us = (start_utc - EPOCH).total_seconds() * 1e6 - loop.time() * 1e6
        self._boots = 1
        self._first_boot_id = boot_id
        self._booted_s = 0.0

    @property
    def boot_id(self) -> str:
        return self._first_boot_id if self._boots == 1 else f"{self._first_boot_id}+{self._boots - 1}"

    def now(self) -> Moment:
        monotonic_s = self._loop.time()
        return Moment(
            monotonic_s=monotonic_s,
            utc_us=round(self._utc_us + monotonic_s * 1e6),
            boot_id=self.boot_id,
            boottime_us=round((monotonic_s - self._booted_s) * 1e6),
        )

    def monotonic(self) -> float:
        return self._loop.time()

    def suspend(self, seconds: float) -> None:
        """The machine sleeps: the boot clock and the wall clock go on, the monotonic one does not."""
        self._utc_us += seconds * 1e6
        self._booted_s -= seconds

    def jump_utc(self, seconds: float) -> None:
        """The wall clock is set forward (or back); durations don't notice."""
        self._utc_us += seconds * 1e6

    def on(self, loop: asyncio.AbstractEventLoop) -> SimulatedClock:
        """The same clocks, read on another loop that started at this one's seconds."""
        other = copy(self)
        other._loop = loop
        return other

    def reboot(self) -> None:
        """The machine starts again: a new boot id, boottime from 0; the wall clock goes on."""
        self._boots += 1
        self._booted_s = self._loop.time()


def run(
    main: Callable[[SimulatedClock], Awaitable[T]],
    *,
    until_s: float | None = None,
    start_utc: datetime = START_UTC,
    boot_id: str = "boot-1",
) -> T:
    """What `main(clock)` returns, run in a simulated loop of its own; tasks left over are cancelled, and
    loop, threads and generators are closed. TimeoutError when it takes more than ``until_s`` simulated
    seconds."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        clock = SimulatedClock(runner.get_loop(), start_utc, boot_id)
        return runner.run(_within(main, clock, until_s))


async def _within(
    main: Callable[[SimulatedClock], Awaitable[T]], clock: SimulatedClock, until_s: float | None
) -> T:
    async with asyncio.timeout(until_s):
        return await main(clock)
