"""Datagrams that no SNMP entity would send: each is a counter, none is a notification, memory stays flat."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from collections.abc import Iterator

from fuzz.test_wire import TRAPS
from fuzzing import octets_of
from hypothesis import given, settings
from hypothesis import strategies as st
from traps_rig import COMMUNITY, OURS, RADAR, USER, ear, pdu, sender, v3

from drivers.transport.ber import Malformed
from drivers.transport.traps_check import Doorkeeper, Refused
from drivers.transport.traps_queue import Outcome, Subscription
from drivers.transport.traps_usm import Engine, Window

TIMES = 10_000


def doorkeeper() -> tuple[Doorkeeper, list[Subscription]]:
    expected = [Subscription(sender(login), Window()) for login in (COMMUNITY, USER)]
    return Doorkeeper(Engine(OURS, 1, 0.0)), expected


def datagrams(seed: int, times: int) -> Iterator[bytes]:
    make, dice = octets_of(*TRAPS), random.Random(seed)
    return (make(dice) for _ in range(times))


@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=200))
def test_noise_raises_nothing_but_malformed(data: bytes) -> None:
    keeper, expected = doorkeeper_of_all
    try:
        found = keeper.check(data, 0.0, expected)
    except Malformed:
        return
    assert isinstance(found, Refused)


doorkeeper_of_all = doorkeeper()


def test_memory_stays_flat() -> None:
    keeper, expected = doorkeeper()

    def all_of(seed: int) -> None:
        for data in datagrams(seed, TIMES):
            try:
                keeper.check(data, 0.0, expected)
            except Malformed:
                continue

    all_of(2)  # what is remembered on purpose is remembered by now
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    all_of(2)
    gc.collect()
    after, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 256 * 1024
    assert most - before < 2 * 1024 * 1024


def test_the_listener_counts_them_and_still_hears_a_good_one() -> None:
    async def story() -> None:
        bad = [data for data in datagrams(3, 2000) if data]
        async with ear(sender(traps=frozenset({RADAR})), sender(USER, traps=frozenset({RADAR}))) as mine:
            for start in range(0, len(bad), 100):
                some = bad[start : start + 100]
                mine.send(*some)
                await mine.counted_in_all(start + len(some))
            counts = mine.listener.counts
            assert counts[Outcome.MALFORMED] > len(bad) / 2
            assert counts[Outcome.QUEUE_FULL] == counts[Outcome.UNKNOWN_SENDER] == 0
            while not mine.heard.empty():
                mine.heard.get_nowait()
            mine.send(v3(pdu(), time_s=2**20))
            assert (await mine.next()).authenticated

    asyncio.run(story())
