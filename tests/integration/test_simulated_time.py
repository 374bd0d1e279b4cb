"""Simulated time with real threads and real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from agent.moment import Deadline
from agent.simulated_time import Deadlock, SimulatedClock, SimulatedLoop, run


def test_a_day_passes_at_once() -> None:
    async def main(clock: SimulatedClock) -> tuple[float, datetime]:
        await asyncio.sleep(86_400)
        return clock.monotonic(), clock.now().utc

    assert run(main, start_utc=datetime(2026, 1, 1, tzinfo=UTC)) == (
        86_400.0,
        datetime(2026, 1, 2, tzinfo=UTC),
    )


def test_timers_fire_in_order_and_on_time() -> None:
    async def main(clock: SimulatedClock) -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []

        def note(name: str) -> None:
            seen.append((name, clock.monotonic()))

        loop = asyncio.get_running_loop()
        for name, when_s in (("late", 7200.0), ("early", 0.25), ("between", 90.0)):
            loop.call_later(when_s, note, name)
        await asyncio.sleep(7201)
        return seen

    assert run(main) == [("early", 0.25), ("between", 90.0), ("late", 7200.0)]


def test_a_timeout_is_simulated_too() -> None:
    async def main(clock: SimulatedClock) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return clock.monotonic()

    assert run(main) == 3600.0


def test_time_stands_still_while_a_thread_works() -> None:
    go_on = threading.Event()

    async def main(clock: SimulatedClock) -> tuple[bool, float]:
        tick = asyncio.create_task(asyncio.sleep(1), name="tick")
        slow = asyncio.create_task(asyncio.to_thread(go_on.wait), name="slow")
        await asyncio.to_thread(go_on.set)
        await slow
        still = clock.monotonic()
        await tick
        return tick.done(), still

    assert run(main) == (True, 0.0)


def test_a_job_that_nobody_waits_for_any_more_still_holds_time() -> None:
    finished = threading.Event()

    def job() -> None:
        sum(range(3_000_000))  # longer than the loop needs to come to its next timer
        finished.set()

    async def main(clock: SimulatedClock) -> bool:
        slow = asyncio.create_task(asyncio.to_thread(job), name="slow")
        await asyncio.sleep(0)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        await asyncio.sleep(3600)
        return finished.is_set()

    assert run(main)


def test_a_job_that_fails_lets_time_go_on() -> None:
    async def main(clock: SimulatedClock) -> float:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        await asyncio.sleep(5)
        return clock.monotonic()

    assert run(main) == 5.0


def test_sockets_are_served_before_time_moves() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    async def main(clock: SimulatedClock) -> tuple[list[bytes], float]:
        ours, theirs = socket.socketpair()
        server = asyncio.create_task(answer(*await asyncio.open_connection(sock=theirs)), name="server")
        timer = asyncio.create_task(asyncio.sleep(1e6), name="timer")
        reader, writer = await asyncio.open_connection(sock=ours)
        answers = []
        for number in range(50):
            writer.write(b"line %d\n" % number)
            answers.append(await reader.readline())
        timer.cancel()
        now_s = clock.monotonic()
        writer.close()
        await server
        return answers, now_s

    answers, now_s = run(main)
    assert answers[-1] == b"LINE 49\n"
    assert now_s == 0.0


def test_a_peer_outside_the_loop_is_waited_for_while_time_is_held() -> None:
    ours, theirs = socket.socketpair()

    def peer() -> None:
        while data := theirs.recv(100):
            theirs.sendall(data[::-1])
        theirs.close()

    async def main(clock: SimulatedClock) -> tuple[bytes, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        timer = asyncio.create_task(asyncio.sleep(10), name="timer")
        reader, writer = await asyncio.open_connection(sock=ours)
        with loop.hold():
            writer.write(b"abc")
            answer = await reader.readexactly(3)
            now_s = clock.monotonic()
        writer.close()
        await timer
        return answer, now_s

    thread = threading.Thread(target=peer)
    thread.start()
    try:
        assert run(main) == (b"cba", 0.0)
    finally:
        thread.join()


def test_waiting_for_nothing_is_an_error() -> None:
    async def main(clock: SimulatedClock) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock, match="no timer"):
        run(main)


def test_run_leaves_nothing_behind() -> None:
    ends: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            ends.append("task")

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ends.append("generator")

    async def main(clock: SimulatedClock) -> asyncio.AbstractEventLoop:
        task = asyncio.create_task(background(), name="background")
        async for number in numbers():
            assert number == 1
            break
        await asyncio.to_thread(threading.get_ident)
        assert not task.done()
        return asyncio.get_running_loop()

    before = set(threading.enumerate())
    loop = run(main)
    assert loop.is_closed()
    assert sorted(ends) == ["generator", "task"]
    assert set(threading.enumerate()) <= before  # one of an earlier test may have ended meanwhile


def test_run_ends_what_takes_too_long() -> None:
    async def main(clock: SimulatedClock) -> None:
        await asyncio.sleep(61)

    with pytest.raises(TimeoutError):
        run(main, until_s=60)


def test_the_wall_clock_may_jump() -> None:
    async def main(clock: SimulatedClock) -> tuple[float, float]:
        deadline = Deadline.after(clock.now(), 100)
        before = clock.now()
        clock.jump_utc(-3600)
        await asyncio.sleep(40)
        return (clock.now().utc - before.utc) / timedelta(seconds=1), deadline.left_s(clock.now())

    assert run(main) == (-3560.0, 60.0)


def test_a_reboot_leaves_only_the_wall_clock() -> None:
    async def main(clock: SimulatedClock) -> tuple[str, int, float]:
        await asyncio.sleep(50)
        deadline = Deadline.after(clock.now(), 100)
        clock.reboot()
        await asyncio.sleep(30)
        now = clock.now()
        return now.boot_id, now.boottime_us, deadline.left_s(now)

    assert run(main, boot_id="first") == ("first+1", 30_000_000, 70.0)
