"""`/metrics` over real HTTP, its numbers from a loop in another thread; and a loop that is stuck."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.metrics.collector import LoopCollector
from agent.metrics.families import FAMILIES, Samples
from agent.metrics.server import CONNECTIONS, MetricsServer, MetricsUnusable
from agent.settings import Endpoint

HERE = Endpoint("127.0.0.1", 0)
OPEN: Samples = {"rrmd_changes_open": [(("lab",), 2.0)], "rrmd_vetoes_total": [(("lab", "nop"), 3.0)]}


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


async def opened() -> Samples:
    assert threading.current_thread() is not threading.main_thread()
    await asyncio.sleep(0)
    return OPEN


def scraped(server: MetricsServer) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_numbers_come_from_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    server = MetricsServer(HERE, LoopCollector(opened, loop))
    server.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda _: scraped(server), range(4)):
                assert found == {
                    ("rrmd_loop_answering",): 1.0,
                    ("rrmd_changes_open", "lab"): 2.0,
                    ("rrmd_vetoes_total", "nop", "lab"): 3.0,
                }
    finally:
        server.close()
    assert server.port is None


def test_a_stuck_loop_is_said_so(loop: asyncio.AbstractEventLoop) -> None:
    stuck, let_go = threading.Event(), threading.Event()

    def block() -> None:
        stuck.set()
        let_go.wait(20)

    loop.call_soon_threadsafe(block)
    assert stuck.wait(10)
    server = MetricsServer(HERE, LoopCollector(opened, loop, answer_s=0.05))
    server.start()
    try:
        assert scraped(server) == {("rrmd_loop_answering",): 0.0}
    finally:
        let_go.set()
        server.close()


def test_without_an_address_nothing_is_served(loop: asyncio.AbstractEventLoop) -> None:
    server = MetricsServer(None, LoopCollector(opened, loop))
    server.start()
    assert server.port is None
    server.close()


def test_an_address_in_use_is_named(loop: asyncio.AbstractEventLoop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = Endpoint("127.0.0.1", other.getsockname()[1])
        server = MetricsServer(where, LoopCollector(opened, loop))
        with pytest.raises(MetricsUnusable, match=rf"^RRMD_METRICS=127.0.0.1:{where.port}: Address already"):
            server.start()


def test_the_registry_knows_every_name(loop: asyncio.AbstractEventLoop) -> None:
    told = {metric.name for metric in LoopCollector(opened, loop).describe()}
    assert told == {name.removesuffix("_total") for name in FAMILIES}


def test_who_sends_nothing_is_cut_off_and_too_many_are_hung_up_on(loop: asyncio.AbstractEventLoop) -> None:
    server = MetricsServer(HERE, LoopCollector(opened, loop), whole_s=0.5)
    server.start()
    assert server.port is not None
    before = threading.active_count()
    try:
        idle = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(60)]
        for each in idle[:4]:
            each.sendall(b"GET /metr")  # and no more
        idle[-1].settimeout(10)
        with suppress(ConnectionError):
            assert idle[-1].recv(1) == b""  # hung up on at once
        assert threading.active_count() - before <= 2 * CONNECTIONS  # each has a timer beside it
        for each in idle[:CONNECTIONS]:
            with suppress(ConnectionError):
                while each.recv(4096):  # an error page at most; then it is cut off
                    pass
            each.close()
        assert _scraped_at_last(server)[("rrmd_loop_answering",)] == 1.0
        for each in idle:
            each.close()
    finally:
        server.close()


def _scraped_at_last(server: MetricsServer) -> dict[tuple[str, ...], float]:
    """The threads of those that were cut off end a moment later."""
    for _ in range(200):
        try:
            return scraped(server)
        except (OSError, http.client.HTTPException):
            threading.Event().wait(0.05)
    return scraped(server)


def test_it_listens_on_ipv6_too(loop: asyncio.AbstractEventLoop) -> None:
    server = MetricsServer(Endpoint("::1", 0), LoopCollector(opened, loop))
    try:
        server.start()
    except MetricsUnusable:
        pytest.skip("no IPv6 here")
    try:
        with urllib.request.urlopen(f"http://[::1]:{server.port}/metrics", timeout=10) as answer:
            assert b"rrmd_loop_answering 1.0" in answer.read()
    finally:
        server.close()
