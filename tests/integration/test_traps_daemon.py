"""The daemon's ear: a port of its own, one that systemd hands over, one that is taken; and its metrics."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from daemon import Daemon
from integration.test_service import SITE, free_port
from traps_rig import pdu, v2c

from agent import listen_fds
from agent.audit_key import Key
from agent.clock import SystemClock
from agent.moment import Moment
from agent.settings import Endpoint, Settings
from agent.traps import FD_NAME, engine_of, trap_listener
from drivers.transport.traps_queue import Outcome

KEY = Key(secret=b"k" * 32)
ROOT = Path(__file__).parents[2]


def udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def opened(settings: Settings) -> tuple[list[str], list[str]]:
    """Where it listens, and what troubled it."""

    async def tell() -> tuple[list[str], list[str]]:
        trouble: list[str] = []
        async with trap_listener(settings, KEY, SystemClock(), trouble.append) as listener:
            return (listener.addresses if listener is not None else []), trouble

    return asyncio.run(tell())


def test_nobody_listens_unless_told() -> None:
    assert opened(Settings()) == ([], [])


def test_a_port_of_its_own() -> None:
    port = udp_port()
    assert opened(Settings(traps=Endpoint("127.0.0.1", port))) == ([f"127.0.0.1:{port}"], [])


def test_a_taken_port_is_told_and_goes_without() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        addresses, (why,) = opened(Settings(traps=Endpoint("127.0.0.1", other.getsockname()[1])))
    assert addresses == []
    assert why.startswith("no SNMP traps: 127.0.0.1:")


def test_the_socket_of_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as given:
        given.bind(("127.0.0.1", 0))
        port = given.getsockname()[1]
        monkeypatch.setattr(listen_fds, "FIRST_FD", os.dup2(given.fileno(), 201))
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_FDNAMES", FD_NAME)
    assert opened(Settings()) == ([f"127.0.0.1:{port}"], [])


ACTIVATED = """
from agent.listen_fds import passed_sockets
(given,) = passed_sockets("rrmd-traps")
print(given.getsockname()[1], len(given.recv(9000)), flush=True)
"""


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="needs systemd-socket-activate")
def test_the_socket_of_systemd_itself() -> None:
    """It starts the program at the first datagram, which is not lost."""
    port, trap = udp_port(), v2c(pdu())
    command = ["systemd-socket-activate", "--datagram", f"--listen=127.0.0.1:{port}", f"--fdname={FD_NAME}"]
    program = [sys.executable, "-c", ACTIVATED]
    with subprocess.Popen(
        [*command, *program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True
    ) as started:
        assert started.stderr is not None
        while "Listening on" not in (line := started.stderr.readline()):
            assert line, "it ended"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(trap, ("127.0.0.1", port))
        told, why = started.communicate(timeout=30)
    assert told.split() == [str(port), str(len(trap))], why


def test_the_unit_names_its_socket_as_the_code_does() -> None:
    unit = (ROOT / "systemd/rrmd-traps.socket").read_text()
    assert re.findall(r"^FileDescriptorName=(.*)$", unit, re.M) == [FD_NAME]


def test_the_engine_is_the_same_after_a_restart_and_its_boots_rise() -> None:
    class Later(SystemClock):
        def now(self) -> Moment:
            now = super().now()
            return dataclasses.replace(now, utc_us=now.utc_us + 2_000_000)

    first, second = engine_of(KEY, SystemClock()), engine_of(KEY, Later())
    assert first.id == second.id != engine_of(Key(secret=b"l" * 32), SystemClock()).id
    assert 5 <= len(first.id) <= 32
    assert 0 < first.boots < second.boots < 2**31


def test_the_daemon_counts_what_it_hears(tmp_path: Path) -> None:
    port, metrics = udp_port(), free_port()
    more = {"RRMD_TRAPS": f"127.0.0.1:{port}", "RRMD_METRICS": f"127.0.0.1:{metrics}"}

    def counted() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as answer:
            return 'rrmd_traps_total{outcome="unknown_sender"} 3.0' in answer.read().decode()

    with Daemon(tmp_path, SITE, {}, more) as daemon:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for _ in range(3):
                out.sendto(v2c(pdu()), ("127.0.0.1", port))
        daemon.wait("three traps are counted", counted, 20)


def test_the_docs_list_each_outcome() -> None:
    text = (ROOT / "docs/traps.md").read_text().partition("## What becomes of a datagram")[2]
    table = re.findall(r"^\| `(\w+)` \| .* \|$", text.partition("\n## ")[0], re.M)
    assert sorted(table) == sorted(Outcome)
