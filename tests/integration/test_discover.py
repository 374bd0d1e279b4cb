"""`rrmd discover` against SNMP agents on loopback: the pace, and the file that is written."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from integration.snmp_responder import SET, Agent, listening, read_snmprec
from integration.test_probe_replay import SYNTHETIC, SYSTEM, snmprec
from typer.testing import CliRunner, Result

from agent.cli.app import app
from agent.simulated_time import SimulatedLoop
from agent.sweep import addresses, sweep
from drivers.errors import AuthenticationFailed, DeviceTimeout
from drivers.snmp.driver import family as snmp
from drivers.snmp.heard import Heard
from drivers.types import DeviceInfo
from inventory.loader import load

UNKNOWN = [("1.3.6.1.2.1.1.1.0", 4, "A box"), ("1.3.6.1.2.1.1.2.0", 6, "1.3.6.1.4.1.99999.1")]
WLC, BOX, EMPTY = "127.0.9.1", "127.0.9.2", "127.0.9.3"


def agent_of(items: list[tuple[str, int, str]]) -> Agent:
    return Agent(read_snmprec(snmprec(items)))


@pytest.fixture
def agents() -> dict[str, Agent]:
    return {WLC: agent_of(SYNTHETIC), BOX: agent_of(UNKNOWN), EMPTY: agent_of(SYSTEM)}


@contextmanager
def served(agents: Mapping[str, Agent]) -> Iterator[int]:
    """On one port, each at its address, by a loop of their own: the command runs another."""
    told: queue.Queue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve() -> None:
        end, port = asyncio.Event(), 0
        with ExitStack() as stack:
            for address, agent in agents.items():
                port = stack.enter_context(listening(agent, address, port))
            told.put((port, asyncio.get_running_loop(), end))
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="snmp-agents")
    thread.start()
    port, loop, end = told.get(timeout=10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)


@pytest.fixture
def port(agents: dict[str, Agent], monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """All agents answer on one port, each at its address."""
    monkeypatch.setenv("RRMD_CRED_WLC", "public")
    with served(agents) as port:
        yield port


def discovered(port: int, *words: str, cidr: str = "127.0.9.0/29") -> Result:
    command = ["discover", cidr, "--credential", "cred:wlc", "--country", "NO", "--port", str(port)]
    return CliRunner().invoke(app, [*command, "--rate", "1000", *words])


def test_what_is_found_is_a_site_file(port: int, agents: dict[str, Agent], tmp_path: Path) -> None:
    file = tmp_path / "found.yaml"
    result = discovered(port, "--output", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "6 asked, 3 silent" in result.stderr
    assert f"{BOX}: no profile knows 1.3.6.1.4.1.99999.1 (A box)" in result.stderr
    site = load(file, {"snmp": snmp.check_options})
    assert set(site.radios) == {"discovered/lobby-1/r2", "discovered/lobby-1/r5"}
    assert site.devices["lobby-1"].address == f"{WLC}:{port}"
    assert not [each for agent in agents.values() for each in agent.seen if each.pdu == SET]


def test_the_file_works(port: int, tmp_path: Path) -> None:
    file = tmp_path / "found.yaml"
    file.write_text(discovered(port, cidr=f"{WLC}/32").stdout)
    result = CliRunner().invoke(app, ["probe", "lobby-1", "--site", str(file)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Cisco RRM" in result.stdout


def test_a_live_device_tells_what_its_recording_tells(port: int, tmp_path: Path) -> None:
    file = tmp_path / "wlc.snmprec"
    file.write_text(snmprec(SYNTHETIC))
    where = ["--address", f"{WLC}:{port}", "--credential", "cred:wlc"]
    live, recorded = (
        json.loads(CliRunner().invoke(app, ["probe", *words, "--json"]).stdout)
        for words in (where, ["--replay", str(file)])
    )
    assert (live["errors"], live["radios"]) == ([], recorded["radios"])
    assert live["device"] == recorded["device"]


def test_a_file_is_written_over_only_by_force(port: int, tmp_path: Path) -> None:
    file = tmp_path / "found.yaml"
    file.write_text("mine")
    result = discovered(port, "--output", str(file))
    assert (result.exit_code, file.read_text()) == (2, "mine")
    assert "--force" in result.stderr
    assert discovered(port, "--output", str(file), "--force", cidr=f"{WLC}/32").exit_code == 0
    assert file.read_text().startswith("# Written by rrmd discover")


def test_a_community_that_nobody_answers_to_is_thought_of(port: int) -> None:
    result = discovered(port, cidr="127.0.9.4/32")
    assert "1 asked, 1 silent" in result.stderr
    assert "a wrong community" in result.stderr.splitlines()[-1]


def test_nothing_found_is_no_file(port: int, tmp_path: Path) -> None:
    file = tmp_path / "found.yaml"
    result = discovered(port, "--output", str(file), cidr=f"{BOX}/32")
    assert (result.exit_code, file.exists()) == (1, False)
    assert "1.3.6.1.4.1.99999.1" in result.stderr


@pytest.mark.parametrize(
    ("cidr", "words", "said"),
    [
        ("nonsense", (), "expected a network"),
        ("10.0.0.0/15", (), "--force"),
        ("2001:db8::/64", ("--force",), "/112"),
        ("192.0.2.0/30", ("--country", "QQ"), "country"),
        ("192.0.2.0/30", ("--site-id", "A B"), "site id"),
        ("192.0.2.0/30", ("--timezone", "Mars/Base"), "timezone"),
        ("192.0.2.0/30", ("--credential", "cred:nobody"), "cred:nobody"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(port: int, cidr: str, words: tuple[str, ...], said: str) -> None:
    result = discovered(port, *words, cidr=cidr)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_network_has_its_hosts() -> None:
    number, hosts = addresses("192.0.2.5/29")
    assert (number, list(hosts)) == (8, [f"192.0.2.{n}" for n in range(1, 7)])
    assert list(addresses("2001:db8::/126")[1]) == ["2001:db8::1", "2001:db8::2", "2001:db8::3"]


def in_simulated_time(story: Any) -> Any:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(story)


def heard(host: str, profile: str | None = None) -> Heard:
    return Heard(address=host, sys_object_id="1.3", sys_descr="", sys_name="", profile=profile)


async def never(one: Heard) -> DeviceInfo:
    raise DeviceTimeout(f"{one.address} fell silent")


def test_the_pace_is_kept_and_only_so_many_are_waited_for_at_once() -> None:
    begun: list[float] = []
    waiting, most = 0, 0

    async def slow(host: str) -> None:
        nonlocal waiting, most
        begun.append(asyncio.get_running_loop().time())
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(3.0)
        waiting -= 1

    found = in_simulated_time(sweep((str(n) for n in range(300)), slow, never, 50))
    assert (found.asked, found.silent, found.known) == (300, 300, [])
    assert all(later - earlier >= 0.0199 for earlier, later in pairwise(begun))
    assert most == 64


def test_one_that_refuses_and_one_that_falls_silent_cost_nobody_else() -> None:
    async def ask(host: str) -> Heard | None:
        if host == "1":
            raise AuthenticationFailed("wrong user")
        return heard(host, "airespace" if host == "2" else None)

    found = in_simulated_time(sweep(["1", "2", "3"], ask, never, 50))
    assert found.failed == [
        ("1", "AuthenticationFailed: wrong user"),
        ("2", "DeviceTimeout: 2 fell silent"),
    ]
    assert [each.address for each in found.unknown] == ["3"]
