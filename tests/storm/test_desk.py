"""The store's thread: radar's write overtakes all that waits, and a long read holds up no write."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agent.audit import AuditUnavailable
from agent.desk import Desk, Rank, ranked


@contextmanager
def busy(desk: Desk) -> Iterator[None]:
    """The desk's thread is in the middle of a call for as long as this lasts."""
    begun, go_on = threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        assert go_on.wait(30.0)

    desk.submit(call)
    assert begun.wait(30.0)
    yield
    go_on.set()


def test_radar_overtakes_changes_and_changes_overtake_all_else() -> None:
    desk, done = Desk("desk"), list[str]()

    def note(what: str) -> Callable[[], None]:
        return lambda: done.append(what)

    with busy(desk):
        for nth in range(2000):
            desk.submit(note(f"usual {nth}"))
        with ranked(Rank.CHANGE):
            desk.submit(note("change 1"))
            desk.submit(note("change 2"))
        with ranked(Rank.RADAR):
            desk.submit(note("radar"))
        assert desk.waiting == 2003
    desk.shutdown()
    assert done[:4] == ["radar", "change 1", "change 2", "usual 0"]
    assert done[-1] == "usual 1999"
    assert len(done) == 2003


def test_what_radar_began_keeps_its_rank_whatever_it_calls() -> None:
    desk, done = Desk("desk"), list[str]()
    with busy(desk):
        with ranked(Rank.CHANGE):
            desk.submit(lambda: done.append("change"))
        with ranked(Rank.RADAR), ranked(Rank.CHANGE):
            desk.submit(lambda: done.append("radar's change"))
    desk.shutdown()
    assert done == ["radar's change", "change"]


def test_a_task_that_radar_begins_has_its_rank() -> None:
    desk, done = Desk("desk"), list[str]()

    async def child() -> None:
        desk.submit(lambda: done.append("radar"))

    async def story() -> None:
        with ranked(Rank.RADAR):
            task = asyncio.create_task(child())
        desk.submit(lambda: done.append("usual"))
        await task

    with busy(desk):
        asyncio.run(story())
    desk.shutdown()
    assert done == ["radar", "usual"]


def test_a_call_that_fails_ends_no_thread() -> None:
    desk = Desk("desk")

    def fail() -> None:
        raise AuditUnavailable("no space")

    failed, next_one = desk.submit(fail), desk.submit(lambda: 7)
    with pytest.raises(AuditUnavailable):
        failed.result(30.0)
    assert next_one.result(30.0) == 7
    desk.shutdown()


def test_a_call_that_is_cancelled_before_its_turn_is_left_out() -> None:
    desk, done = Desk("desk"), list[int]()
    with busy(desk):
        desk.submit(lambda: done.append(1)).cancel()
        desk.submit(lambda: done.append(2))
    desk.shutdown()
    assert done == [2]


def test_a_closed_desk_takes_nothing_but_finishes_what_it_has() -> None:
    desk, done = Desk("desk"), list[int]()
    with busy(desk):
        desk.submit(lambda: done.append(1))
        desk.shutdown(wait=False)
        with pytest.raises(RuntimeError):
            desk.submit(lambda: done.append(2))
    desk.shutdown()
    assert done == [1]


def test_a_desk_whose_thread_has_ended_says_so_to_all_who_wait() -> None:
    desk = Desk("desk")
    with busy(desk):
        waits = [desk.submit(int) for _ in range(3)]
        waits[0].cancel()
        waits[0].set_running_or_notify_cancel()  # twice is a bug, and ends the thread
        assert desk.alive
    for each in waits[1:]:
        with pytest.raises(RuntimeError, match="restart rrmd"):
            each.result(30.0)
    assert not desk.alive
    with pytest.raises(RuntimeError, match="restart rrmd"):
        desk.submit(int)
