"""One forked process per crash point: at most so many at once, each with a time limit and an answer."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn

LIMIT_S = 120
"""Real seconds that one job may take: a hang is a failure too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one crash point. ``how``: what was left of the disk. ``why`` None: it was survived."""

    way: str
    story: str
    point: str
    name: str
    how: str = "everything"
    why: str | None = None
    cpu_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.way}: {self.story} {self.point}, {self.name}, {self.how}"


class TookTooLong(BaseException):
    """The job's time is over."""


class Jobs:
    """Answers are lines of the file ``book``, so that those of jobs of jobs are there as well.

    ``most`` jobs at once.
    """

    def __init__(self, book: Path, most: int) -> None:
        self._book, self._most = book, most
        book.touch()
        self._running: dict[int, Answer] = {}

    def start(self, about: Answer, work: Callable[[], None]) -> None:
        """Fork a job as soon as there is room for it."""
        while len(self._running) >= self._most:
            self._reap()
        if (pid := os.fork()) == 0:
            self._do(about, work)
        self._running[pid] = about

    def within(self, about: Answer, work: Callable[[], None]) -> None:
        """Fork a job in the room of this one, and wait for it: that takes none of this one's time."""
        left_s = signal.alarm(0)
        if (pid := os.fork()) == 0:
            self._do(about, work)
        self._ended(about, os.waitpid(pid, 0)[1])
        signal.alarm(left_s)

    def finish(self) -> None:
        """When all jobs have ended."""
        while self._running:
            self._reap()

    def answers(self) -> list[Answer]:
        return [Answer(**json.loads(line)) for line in self._book.read_text().splitlines()]

    def say(self, answer: Answer) -> None:
        line = json.dumps(asdict(answer)).encode() + b"\n"
        fd = os.open(self._book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, line)
        os.close(fd)

    def _reap(self) -> None:
        """Wait for one of them to end."""
        pid, status = os.waitpid(-1, 0)
        self._ended(self._running.pop(pid), status)

    def _ended(self, about: Answer, status: int) -> None:
        """A job that ended without an answer has not survived."""
        if status != 0:
            self.say(_why(about, f"the job ended with status {status}"))

    def _do(self, about: Answer, work: Callable[[], None]) -> NoReturn:
        self._running = {}
        gc.freeze()  # what the first life holds is never let go: its `finally` blocks must not run
        code = 1
        begun_s = time.process_time()
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(LIMIT_S)
        try:
            work()
            why = None
        except BaseException as error:  # whatever it is, it belongs to this point, and the next is tried
            why = "".join(traceback.format_exception(error, limit=-4))[-3000:]
        try:
            signal.alarm(0)
            self.say(_why(about, why, time.process_time() - begun_s))
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)


def _why(about: Answer, why: str | None, cpu_s: float = 0.0) -> Answer:
    return replace(about, why=why, cpu_s=round(cpu_s, 3))


def _too_long(_number: int, _frame: object) -> None:
    raise TookTooLong(f"more than {LIMIT_S} s")
