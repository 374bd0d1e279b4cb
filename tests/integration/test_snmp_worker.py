"""The process that speaks SNMPv3: how it lives, dies and is started again."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.snmpd import (
    NAME,
    NEEDS_SNMPD,
    OBJECT_ID,
    SNMPD,
    USERS,
    login,
    snmpd,
    target,
    within,
    worker_of_this_process,
)

from drivers.errors import Disconnected, TryAgain
from drivers.snmp.session import SnmpSession
from drivers.transport import snmp_usm, snmp_v3
from drivers.transport.snmp import snmp_session

pytestmark = pytest.mark.skipif(SNMPD is None, reason=NEEDS_SNMPD)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


def test_a_worker_that_dies_costs_those_who_wait_and_is_started_again(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snmp_v3, "REST_S", 0.0)

    async def story(session: SnmpSession) -> object:
        silent = snmp_session(target(1, login("strong"), timeout_s=60.0))
        await silent.open()
        asking = asyncio.create_task(silent.get([NAME]))
        await session.get([OBJECT_ID])
        os.kill(worker_of_this_process(), signal.SIGKILL)
        with pytest.raises(TryAgain, match="worker died"):
            await asking
        found = await session.get([OBJECT_ID])
        await silent.close()
        return found

    assert within(target(port, login("strong")), story) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}


def test_a_worker_that_hangs_is_killed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_v3, "HUNG_S", 0.2)

    async def story(session: SnmpSession) -> None:
        os.kill(worker_of_this_process(), signal.SIGSTOP)
        with pytest.raises(TryAgain, match="worker died"):
            await session.get([OBJECT_ID])

    within(target(port, login("strong")), story)


def test_a_worker_that_dies_at_once_is_not_started_in_circles(port: int) -> None:
    async def story(session: SnmpSession) -> None:
        os.kill(worker_of_this_process(), signal.SIGKILL)
        with pytest.raises(TryAgain, match=r"worker died|in a moment"):
            await session.get([OBJECT_ID])
        with pytest.raises(TryAgain, match="in a moment"):
            await session.get([OBJECT_ID])

    within(target(port, login("strong")), story)


def test_closing_ends_what_waits_and_the_last_session_ends_the_worker(port: int) -> None:
    async def story() -> None:
        session, other = (snmp_session(target(1, login("strong"), timeout_s=60.0)) for _ in range(2))
        await session.open()
        await other.open()
        worker = worker_of_this_process()
        asking = asyncio.create_task(session.get([NAME]))
        await asyncio.sleep(0)
        started_s = time.monotonic()
        await session.close()
        with pytest.raises(Disconnected):
            await asking
        with pytest.raises(Disconnected):
            await session.get([NAME])
        assert time.monotonic() - started_s < 1.0
        os.kill(worker, 0)
        await other.close()
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)

    asyncio.run(story())


CHILD = """
import asyncio, os, sys
from drivers.transport import snmp_usm, snmp_v3
from drivers.transport.snmp import SnmpTarget, snmp_session
from inventory.credentials import Secret
from inventory.snmp_login import SnmpLogin

async def main():
    login = SnmpLogin(user="u", auth_password=Secret("hunter2hunter2"))
    target = SnmpTarget(name="ap1", host="127.0.0.1", port=1, login=login, timeout_s=0.1, retries=0)
    session = snmp_session(target)
    await session.open()
    try:
        await session.get(["1.3.6.1.2.1.1.5.0"])
    except TimeoutError:  # so it is up
        pass
    (worker,) = snmp_v3._workers.values()
    print(worker._process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_worker_ends_with_the_daemon_and_shows_no_secret() -> None:
    environ = {**os.environ, "RRMD_CRED_X": "hunter2hunter2"}
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, env=environ) as daemon:
        try:
            assert daemon.stdout is not None
            worker = int(daemon.stdout.readline())
            shown = b"".join(Path(f"/proc/{worker}/{each}").read_bytes() for each in ("cmdline", "environ"))
            os.kill(worker, signal.SIGTERM)  # what systemd sends to all; the daemon may still drain
            ended = os.pidfd_open(worker)
            assert select.select([ended], [], [], 0.2)[0] == []
        finally:
            daemon.kill()
    assert b"snmp_worker" in shown
    assert b"hunter2" not in shown
    assert select.select([ended], [], [], 10.0)[0] == [ended]
    os.close(ended)


def test_nobody_waits_for_a_device_that_is_silent(port: int) -> None:
    async def story(session: SnmpSession) -> float:
        silent = [snmp_session(target(1, login(user), timeout_s=60.0)) for user in USERS]
        for each in silent:
            await each.open()
        waiting = [asyncio.create_task(each.get([NAME])) for each in silent]
        await session.get([NAME])  # the first contact
        started_s = time.monotonic()
        for _ in range(20):
            assert await session.get([OBJECT_ID])
        taken_s = time.monotonic() - started_s
        for each in silent:
            await each.close()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(each, Disconnected) for each in ended), ended
        return taken_s

    assert within(target(port, login("strong")), story) < 3.0


def test_engines_are_shared_by_a_user_up_to_a_number_and_end_with_their_agents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snmp_usm, "SHARE", 2)

    async def story() -> None:
        agents = snmp_usm.UsmAgents()
        whole = target(1, login("strong"))
        hosts = [("127.0.0.1", 1), ("127.0.0.2", 1), ("127.0.0.3", 1), ("127.0.0.1", 1)]
        places = [agents.place(whole, socket.AF_INET, host) for host in hosts]
        places += [agents.place(target(1, login("old")), socket.AF_INET, hosts[0])]
        first, second, third, same, other = (each.engine for each in places)
        assert first is second
        assert third is same is not first  # one engine tells agents by their address
        assert other not in (first, third)
        for place in places:
            agents.forget(place)
        assert not any(engine.places for engine in (first, third, other))
        again = agents.place(whole, socket.AF_INET, hosts[0])
        assert again.engine not in (first, third, other)
        agents.forget(again)
        await asyncio.sleep(0)

    asyncio.run(story())


MEMORY_DENY_WRITE_EXECUTE = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE, kept over exec: as systemd's option does it
    sys.exit(77)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""

ASK = """
import asyncio, sys
from drivers.transport.snmp import SnmpTarget, snmp_session
from integration.snmpd import login

async def main():
    port = int(sys.argv[1])
    session = snmp_session(SnmpTarget(name="ap1", host="127.0.0.1", port=port, login=login("strong")))
    await session.open()
    print(await session.get(["1.3.6.1.2.1.1.2.0"]))
    await session.close()

asyncio.run(main())
"""


def test_the_worker_needs_no_memory_that_is_writable_and_executable(port: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_DENY_WRITE_EXECUTE, ASK, str(port)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode == 77:
        pytest.skip("needs Linux 6.3 (PR_SET_MDWE)")
    assert "1.3.6.1.4.1.8072.3.2.10" in done.stdout, done.stderr


def test_a_walk_of_v3_does_not_hold_up_the_loop(port: int) -> None:
    """pysnmp takes 5 ms for an answer of 60 values; the loop of the daemon must not stand that long."""

    async def story(session: SnmpSession) -> float:
        worst_s = 0.0
        walking = asyncio.create_task(session.walk(["1.3.6.1.2.1.1", "1.3.6.1.2.1.2"]))
        while not walking.done():
            before_s = time.thread_time()
            await asyncio.sleep(0)
            worst_s = max(worst_s, time.thread_time() - before_s)
        assert len(await walking) > 50
        return worst_s

    assert within(target(port, login("strong")), story) < 0.02
