"""The store's one thread, and who is served first: radar, then changes, then all else in order."""

from __future__ import annotations

import functools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum
from typing import Any, ParamSpec, TypeVar

import structlog

P = ParamSpec("P")
R = TypeVar("R")
Job = tuple[Future[Any], Callable[[], Any]]
log = structlog.get_logger()

BROKEN = "the store's thread has ended by a bug: restart rrmd"


class Rank(IntEnum):
    """Whose call overtakes whose; lower is served first."""

    RADAR = 0
    CHANGE = 1
    USUAL = 2


_rank: ContextVar[Rank] = ContextVar("rank", default=Rank.USUAL)


@contextmanager
def ranked(rank: Rank) -> Iterator[None]:
    """Store calls made inside, and by tasks begun inside, have at least this rank."""
    before = _rank.set(min(rank, _rank.get()))
    try:
        yield
    finally:
        _rank.reset(before)


class Desk(Executor):
    """One thread that does one job after the other: those of the best rank first, equals in their order.

    A job that has begun is finished. ``waiting``: how many have not begun. ``alive``: False once its thread
    has ended by a bug: then nothing is served any more, and who asks is told so.
    """

    def __init__(self, name: str) -> None:
        self._lines: dict[Rank, deque[Job]] = {rank: deque() for rank in Rank}
        self._tickets: queue.SimpleQueue[bool] = queue.SimpleQueue()  # False: it is closing time
        self._closed = False
        self.alive = True
        self._name = name
        self._thread: threading.Thread | None = None  # until there is something to do

    @property
    def waiting(self) -> int:
        return sum(len(line) for line in self._lines.values())

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """The rank is that of the caller's context. Raises RuntimeError after `shutdown`."""
        if self._closed or not self.alive:
            raise RuntimeError("the desk is closed" if self.alive else BROKEN)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: Future[R] = Future()
        self._lines[_rank.get()].append((future, functools.partial(fn, *args, **kwargs)))
        self._tickets.put(True)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """What waits is still done, whatever ``cancel_futures`` says: none of it may be lost."""
        if not self._closed:
            self._closed = True
            self._tickets.put(False)
        if wait and self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            while self._tickets.get():
                _serve(*self._next())
        except BaseException:  # a bug of this file: nobody waits for what is never served
            self.alive = False
            log.exception("desk.died", desk=self._name)
            while self.waiting:
                self._next()[0].set_exception(RuntimeError(BROKEN))

    def _next(self) -> Job:
        return next(line for line in self._lines.values() if line).popleft()


def _serve(future: Future[Any], job: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = job()
    except BaseException as error:  # whatever it is, it belongs to the caller, and the thread goes on
        future.set_exception(error)
    else:
        future.set_result(result)
