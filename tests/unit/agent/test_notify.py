"""What the service manager is told, on a real datagram socket in simulated time."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.notify import Notifier, ask_for_time, beat
from agent.simulated_time import SimulatedClock, run


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.setblocking(False)
        yield channel


def told(manager: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(manager.recv(4096).decode())
        except BlockingIOError:
            return found


def notifier(manager: socket.socket, **more: str) -> Notifier:
    return Notifier.from_environ({"NOTIFY_SOCKET": manager.getsockname(), **more})


def test_ready_and_stopping(manager: socket.socket) -> None:
    ours = notifier(manager)
    ours.ready("2 sites")
    ours.stopping()
    assert told(manager) == [
        "READY=1\nSTATUS=2 sites",
        "STOPPING=1\nSTATUS=stopping: what is being written is finished",
    ]


def test_reloading_carries_the_monotonic_time(manager: socket.socket) -> None:
    notifier(manager).reloading()
    first, second = told(manager)[0].split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"\0rrmd-test-{os.getpid()}")
        Notifier.from_environ({"NOTIFY_SOCKET": f"@rrmd-test-{os.getpid()}"}).tell("READY=1")
        assert channel.recv(100) == b"READY=1"


def test_outside_a_service_nobody_is_told(tmp_path: Path) -> None:
    Notifier.from_environ({}).ready("")
    Notifier(str(tmp_path / "nobody")).ready("")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_watchdog_interval(environ: dict[str, str], expected: float | None) -> None:
    assert Notifier.from_environ(environ).watchdog_s == expected


def test_the_watchdog_is_fed_at_half_the_interval_and_only_while_alive(manager: socket.socket) -> None:
    async def story(_: SimulatedClock) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        ours = notifier(manager, WATCHDOG_USEC="20000000")
        await beat(ours, lambda: loop.time() - start < 35, lambda: "fine")
        assert loop.time() - start == pytest.approx(40)

    run(story)
    assert told(manager) == ["WATCHDOG=1\nSTATUS=fine"] * 4


def test_recovery_asks_for_time_until_it_is_over(manager: socket.socket) -> None:
    async def story(_: SimulatedClock) -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(25, over.set)
        await ask_for_time(notifier(manager), over)

    run(story)
    assert told(manager) == ["EXTEND_TIMEOUT_USEC=30000000"] * 3
