"""Whatever hangs takes no thread that somebody else needs: more of it than any pool has threads."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agent.api import peer
from drivers.transport.waiting import LineStream, in_own_thread

MORE = 4 * (os.cpu_count() or 1) + 40
"""Than the default pool of asyncio has threads."""
LIMIT_S = 20.0


@contextmanager
def hanging() -> Iterator[Callable[[], None]]:
    """Something that hangs until the end of the block."""
    gate = threading.Event()
    try:
        yield lambda: _hang(gate)
    finally:
        gate.set()


def _hang(gate: threading.Event) -> None:
    assert gate.wait(60.0)


async def others_go_on() -> None:
    """What every driver and a reload use the loop's pool for."""
    async with asyncio.timeout(LIMIT_S):
        assert await asyncio.to_thread(lambda: 7) == 7


def test_streams_that_do_not_hang_up_leave_the_pool_to_others() -> None:
    async def story(hang: Callable[[], None]) -> None:
        streams = [LineStream(lambda _: iter(()), hang, f"stream-{nth}") for nth in range(MORE)]
        closing = [asyncio.create_task(stream.aclose()) for stream in streams]
        await asyncio.sleep(0)
        await others_go_on()
        for each in closing:
            each.cancel()
        await asyncio.gather(*closing, return_exceptions=True)

    with hanging() as hang:
        asyncio.run(story(hang))


def test_a_user_directory_that_hangs_leaves_the_pool_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            asking = [asyncio.create_task(peer.actor_of(theirs)) for _ in range(MORE)]
            await asyncio.sleep(0)
            await others_go_on()
            assert {actor.name for actor in await asyncio.gather(*asking)} == {f"uid {os.getuid()}"}

    with hanging() as hang:
        monkeypatch.setattr(peer, "_login", lambda uid: hang())
        monkeypatch.setattr(peer, "NAME_S", 0.1)
        asyncio.run(story())


def test_what_fails_in_a_thread_of_its_own_fails_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise OSError("no route")

    with pytest.raises(OSError, match="no route"):
        asyncio.run(in_own_thread(fail, "failing"))
