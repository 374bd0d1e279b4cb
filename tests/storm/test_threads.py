"""Whatever hangs takes no thread that somebody else needs: more of it than any pool has threads."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agent.api import peer
from drivers.errors import DriverError
from drivers.transport.rest import RestSession, RestTarget
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


@contextmanager
def silent_port() -> Iterator[int]:
    """Takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=4 * MORE) as listening:
        yield listening.getsockname()[1]


@contextmanager
def web_server() -> Iterator[int]:
    """Answers every POST at once."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_more_devices_than_threads_that_never_answer_do_not_delay_one_that_does() -> None:
    async def story(silent: int, answering: int) -> None:
        hung = [session_of(f"hung-{nth}", silent) for nth in range(MORE)]
        well = session_of("well", answering)
        for each in (*hung, well):
            await each.open()
        asking = [asyncio.create_task(each.post("/", b"{}", 60.0)) for each in hung]
        async with asyncio.timeout(LIMIT_S):
            for _ in range(3):
                assert await well.post("/", b"{}", 60.0) == b"ok"
            assert not any(each.done() for each in asking)
            await asyncio.gather(*(each.close() for each in (*hung, well)))
            told = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(each, DriverError) for each in told)

    with silent_port() as silent, web_server() as answering:
        asyncio.run(story(silent, answering))


def session_of(name: str, port: int) -> RestSession:
    return RestSession(RestTarget(name=name, host="127.0.0.1", port=port, tls=False))
