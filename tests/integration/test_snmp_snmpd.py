"""Both versions of SNMP against Debian's snmpd."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from integration.snmpd import COMMUNITY, ENGINE_ID, NEEDS_SNMPD, SNMPD, USERS, free_port, login, snmpd

from drivers.errors import AuthenticationFailed, DeviceTimeout, Disconnected, Refused, TryAgain
from drivers.snmp.session import Assignment, SnmpSession, Syntax
from drivers.transport import snmp_usm, snmp_v3
from drivers.transport.snmp import SnmpTarget, snmp_session
from inventory.credentials import Secret
from inventory.snmp_login import SnmpLogin

T = TypeVar("T")
pytestmark = pytest.mark.skipif(SNMPD is None, reason=NEEDS_SNMPD)

NAME, CONTACT, OBJECT_ID = "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.4.0", "1.3.6.1.2.1.1.2.0"
UPTIME, INTERFACES = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.2.2.1"
PUBLIC = SnmpLogin(community=Secret("public"))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


def target(port: int, who: SnmpLogin, **differing: Any) -> SnmpTarget:
    whole = SnmpTarget(name="ap1", host="127.0.0.1", port=port, login=who, timeout_s=1.0, retries=1)
    return dataclasses.replace(whole, **differing)


def within(target: SnmpTarget, story: Callable[[SnmpSession], Awaitable[T]]) -> T:
    """What the story returns, told to an open session."""

    async def told() -> T:
        session = snmp_session(target)
        await session.open()
        try:
            return await story(session)
        finally:
            await session.close()

    return asyncio.run(told())


@pytest.mark.parametrize("who", [PUBLIC, login("strong")], ids=["v2c", "v3"])
def test_values_and_tables(port: int, who: SnmpLogin) -> None:
    async def story(session: SnmpSession) -> None:
        found = await session.get([NAME, OBJECT_ID, UPTIME, "1.3.6.1.2.1.1.99.0"])
        assert found.pop(UPTIME) in range(100 * 3600)  # type: ignore[attr-defined]  # a dict
        assert found == {NAME: socket.gethostname().encode(), OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}
        table = await session.walk([f"{INTERFACES}.2", f"{INTERFACES}.3", f"{INTERFACES}.99"])
        at = next(oid for oid, value in table.items() if value == b"lo").rsplit(".", 1)[1]
        assert table[f"{INTERFACES}.3.{at}"] == 24  # softwareLoopback
        assert session.engine_id == (None if who is PUBLIC else ENGINE_ID)

    within(target(port, who), story)


def test_users_of_all_protocols_through_one_worker(port: int) -> None:
    async def story() -> list[object]:
        sessions = [snmp_session(target(port, login(user))) for user in USERS]
        await asyncio.gather(*(each.open() for each in sessions))
        try:
            assert worker_of_this_process()
            return await asyncio.gather(*(each.get([OBJECT_ID]) for each in sessions))
        finally:
            await asyncio.gather(*(each.close() for each in sessions))

    assert asyncio.run(story()) == [{OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}] * len(USERS)


@pytest.mark.parametrize("who", [SnmpLogin(community=Secret(COMMUNITY)), login("strong")], ids=["v2c", "v3"])
def test_set_changes_the_device(port: int, who: SnmpLogin) -> None:
    async def story(session: SnmpSession) -> object:
        values = [Assignment(oid=oid, value=oid.encode(), syntax=Syntax.OCTETS) for oid in (NAME, CONTACT)]
        before = await session.get([NAME])
        await session.set(values)
        found = await session.get([NAME, CONTACT])
        await session.set([Assignment(oid=NAME, value=before[NAME], syntax=Syntax.OCTETS)])
        return found

    assert within(target(port, who), story) == {NAME: NAME.encode(), CONTACT: CONTACT.encode()}


@pytest.mark.parametrize("who", [PUBLIC, SnmpLogin(community=Secret(COMMUNITY)), login("strong")])
def test_what_the_agent_refuses_is_said_in_its_words(port: int, who: SnmpLogin) -> None:
    uptime = [Assignment(oid=UPTIME, value=7)]
    with pytest.raises(Refused, match=r"noAccess|notWritable"):
        within(target(port, who), lambda session: session.set(uptime))


def test_a_wrong_community_is_a_time_out(port: int) -> None:
    wrong = SnmpLogin(community=Secret("wrong"))
    with pytest.raises(DeviceTimeout):
        within(target(port, wrong, timeout_s=0.1), lambda session: session.get([NAME]))


@pytest.mark.parametrize(
    "who",
    [
        login("strong", auth_password=Secret("wrong password")),
        login("strong", user="nobody"),
        login("strong", auth_protocol=USERS["strongest"][0]),
        login("strong", auth_password=None, priv_password=None),
        login("strong", priv_password=None),
    ],
    ids=["password", "user", "protocol", "nothing", "no privacy"],
)
def test_who_is_not_let_in_is_told_so(port: int, who: SnmpLogin) -> None:
    with pytest.raises((AuthenticationFailed, Refused)) as caught:
        within(target(port, who), lambda session: session.get([NAME]))
    assert "wrong password" not in str(caught.value)


def test_a_wrong_privacy_password_is_never_an_answer(port: int) -> None:
    who = login("strong", priv_password=Secret("wrong password"))
    with pytest.raises((AuthenticationFailed, DeviceTimeout)):
        within(target(port, who, timeout_s=0.2), lambda session: session.get([NAME]))


def test_another_device_with_the_same_user_is_seen_by_its_engine(tmp_path: Path) -> None:
    """The device was replaced, or its address was given to another one."""

    async def story(session: SnmpSession) -> tuple[object, object]:
        with snmpd(tmp_path / "one", own):
            await session.get([NAME])
            before = session.engine_id
        with snmpd(tmp_path / "two", own, engine_id="ap2"):
            await session.get([NAME])
        return before, session.engine_id

    own = free_port()
    first, then = within(target(own, login("strong")), story)
    assert (first, then) == (ENGINE_ID, ENGINE_ID[:-1] + b"2")


def test_an_agent_that_restarted_is_asked_on(tmp_path: Path) -> None:
    async def story(session: SnmpSession) -> object:
        for _ in range(2):
            with snmpd(tmp_path / "one", own):
                found = await session.get([OBJECT_ID])
        return found

    own = free_port()
    assert within(target(own, login("strong")), story) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}


def test_an_agent_that_lost_its_count_of_boots_is_asked_on(tmp_path: Path) -> None:
    """Of a factory reset: the same engine ID, and fewer boots than before."""

    async def story(session: SnmpSession) -> object:
        for state in ("one", "one", "one", "two"):
            with snmpd(tmp_path / state, own):
                found = await session.get([OBJECT_ID])
        return found

    own = free_port()
    asked = target(own, login("strong"), timeout_s=0.3)
    assert within(asked, story) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}


@contextmanager
def tampering(
    port: int, change: Callable[[bytes], list[bytes]], asked_for: list[bytes] | None = None
) -> Iterator[int]:
    """A proxy that sends these instead of what the agent answers, as soon as the answers are encrypted.

    ``asked_for`` gets what is asked, encrypted.
    """
    loop = asyncio.get_running_loop()
    near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    near.bind(("127.0.0.1", 0))
    far.connect(("127.0.0.1", port))
    client: list[Any] = []

    def asked() -> None:
        datagram, sender = near.recvfrom(65536)
        client[:] = [sender]
        if b"strong" in datagram and asked_for is not None:
            asked_for.append(datagram)
        far.send(datagram)

    def answered() -> None:
        datagram = far.recv(65536)
        for each in change(datagram) if b"strong" in datagram else [datagram]:
            near.sendto(each, client[0])

    loop.add_reader(near, asked)
    loop.add_reader(far, answered)
    try:
        yield int(near.getsockname()[1])
    finally:
        for each in (near, far):
            loop.remove_reader(each)
            each.close()


def test_mutated_answers_do_no_harm(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Forty of them before each right one: neither a wrong value, nor the end of the worker, nor a word."""
    chance = random.Random(4711)

    def mutated(datagram: bytes) -> bytes:
        changed = bytearray(datagram)
        for _ in range(chance.randint(1, 5)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 1, 0x7F, 0x80, 0x84, 0xFF))
        return bytes(changed[: chance.randint(1, len(changed))] if chance.random() < 0.3 else changed)

    async def story() -> None:
        with tampering(port, lambda datagram: [*(mutated(datagram) for _ in range(40)), datagram]) as proxy:
            session = snmp_session(target(proxy, login("strong"), timeout_s=5.0))
            await session.open()
            try:
                worker = worker_of_this_process()
                for _ in range(50):
                    assert await session.get([OBJECT_ID]) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}
                assert worker_of_this_process() == worker
            finally:
                await session.close()

    asyncio.run(story())
    assert capfd.readouterr() == ("", "")


def flipped(at: int) -> Callable[[bytes], bytes]:
    def change(datagram: bytes) -> bytes:
        changed = bytearray(datagram)
        changed[at] ^= 1
        return bytes(changed)

    return change


def without_flags(datagram: bytes) -> bytes:
    """The flags say noAuthNoPriv."""
    return datagram.replace(b"\x04\x01\x03\x02\x01\x03", b"\x04\x01\x00\x02\x01\x03", 1)


@pytest.mark.parametrize("change", [flipped(-1), flipped(-12), without_flags], ids=["last", "inner", "flags"])
def test_a_tampered_answer_is_refused(port: int, change: Callable[[bytes], bytes]) -> None:
    async def story() -> None:
        with tampering(port, lambda datagram: [change(datagram)]) as proxy:
            session = snmp_session(target(proxy, login("strong"), timeout_s=0.3))
            await session.open()
            try:
                with pytest.raises((AuthenticationFailed, DeviceTimeout)) as caught:
                    await session.get([NAME])
                if change is not without_flags:
                    assert isinstance(caught.value, AuthenticationFailed), caught.value
            finally:
                await session.close()

    asyncio.run(story())


def test_a_set_of_v3_is_sent_once(port: int) -> None:
    asked_for: list[bytes] = []
    answers = True

    async def story() -> int:
        nonlocal answers
        with tampering(port, lambda datagram: [datagram] if answers else [], asked_for) as proxy:
            session = snmp_session(target(proxy, login("strong"), timeout_s=0.2, retries=3))
            await session.open()
            try:
                await session.get([NAME])
                answers = False
                before = len(asked_for)
                with pytest.raises(DeviceTimeout):
                    await session.set([Assignment(oid=CONTACT, value=b"once", syntax=Syntax.OCTETS)])
                return len(asked_for) - before
            finally:
                await session.close()

    assert asyncio.run(story()) == 1


def test_the_proxy_alone_changes_nothing(port: int) -> None:
    async def story() -> object:
        with tampering(port, lambda datagram: [datagram]) as proxy:
            session = snmp_session(target(proxy, login("strong")))
            await session.open()
            try:
                return await session.get([OBJECT_ID])
            finally:
                await session.close()

    assert asyncio.run(story()) == {OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"}


def worker_of_this_process() -> int:
    """Its process id."""
    (worker,) = snmp_v3._workers.values()
    assert worker._process is not None
    return worker._process.pid


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
    session = snmp_session(SnmpTarget(name="ap1", host="127.0.0.1", port=1, login=login, timeout_s=60.0))
    await session.open()
    (worker,) = snmp_v3._workers.values()
    print(worker._process.pid, flush=True)
    await session.get(["1.3.6.1.2.1.1.5.0"])

asyncio.run(main())
"""


def test_the_worker_ends_with_the_daemon_and_shows_no_secret() -> None:
    environ = {**os.environ, "RRMD_CRED_X": "hunter2hunter2"}
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, env=environ) as daemon:
        assert daemon.stdout is not None
        worker = int(daemon.stdout.readline())
        shown = b"".join(Path(f"/proc/{worker}/{each}").read_bytes() for each in ("cmdline", "environ"))
        os.kill(worker, signal.SIGTERM)  # what systemd sends to all; the daemon may still drain
        ended = os.pidfd_open(worker)
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
