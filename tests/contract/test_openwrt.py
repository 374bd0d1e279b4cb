"""The contract, kept by the OpenWrt driver over HTTP and over SSH; the AP is the stand-in of integration."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from contract.suite import Case, Contract
from integration.openwrt_peer import R5, Peer, http_peer, ssh_peer
from integration.sshd import NEEDS_SSHD, SSHD

from drivers.openwrt.driver import family as openwrt
from drivers.types import ScopeRef, Setting

PHY0 = ScopeRef(kind="radio", name="phy0-ap0", members=(R5,))
HERE = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 80, Setting.CENTER_MHZ: 5210}
THERE = {Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 80, Setting.CENTER_MHZ: 5775}
QUIETER = ({Setting.TX_POWER_DBM: 12}, {Setting.TX_POWER_DBM: 23})
OFF = ({Setting.ENABLED: 0}, {Setting.ENABLED: 1})
ELSEWHERE: Mapping[str, str] = {Setting.OBSS_PD_DBM: "told as configured only: TestOpenWrtSpatialReuse"}


def _case(name: str, peer: Peer, way: str, **options: Any) -> Case:
    return Case(
        name=name,
        make=lambda: openwrt.device(peer.context(**options)),
        scope=PHY0,
        sent=lambda: shown(peer),
        bare=bare,
        change=THERE,
        before=HERE,
        more=(QUIETER, OFF),
        pushes={way: lambda: _left(peer), "system log": lambda: _radar(peer)},
        elsewhere=ELSEWHERE,
    )


def shown(peer: Peer) -> list[str]:
    """What changed something on the AP, as a plan writes it: a call without the number of its session."""
    found = []
    for name, method, args in peer.ap.written:
        if " " in method:  # a program and its arguments
            found.append(f"{name} {method}")
            continue
        told = {key: value for key, value in args.items() if key != "ubus_rpc_session"}
        found.append(f"ubus call {name} {method}" + (f" '{json.dumps(told)}'" if told else ""))
    return found


def bare(command: str) -> list[str]:
    """The programs of a shell line, each by itself."""
    programs = [command] if command.startswith("ubus ") else command.split(" && ")
    return [program.removeprefix("{ ").removesuffix(" || true; }") for program in programs]


@contextmanager
def _left(peer: Peer) -> Iterator[None]:
    air, bus = peer.ap.airs["radio0"], peer.ap.bus

    def leave() -> None:
        bus.notify(air.name, "disassoc", address="02:00:00:00:02:00", ifname=air.ifname)

    with _as_soon_as(peer, lambda: air.name in bus.subscribers, leave):
        yield


@contextmanager
def _radar(peer: Peer) -> Iterator[None]:
    line = "DFS-RADAR-DETECTED freq=5500 ht_enabled=1 chan_offset=0 chan_width=0 cf1=5500 cf2=0"
    listened = lambda: peer.server.followers > 0 or peer.ap.logs_read > 0  # noqa: E731
    with _as_soon_as(peer, listened, lambda: peer.ap.airs["radio0"].say(line)):
        yield


@contextmanager
def _as_soon_as(peer: Peer, ready: Callable[[], bool], do: Callable[[], None]) -> Iterator[None]:
    """Beside the test's own loop, which must not be held up."""

    def wait_and_do() -> None:
        with peer.ap.bus.lock:
            peer.ap.bus.changed.wait_for(lambda: ready() or peer.ap.bus.closed, 20.0)
            do()

    thread = threading.Thread(target=wait_and_do)
    thread.start()
    try:
        yield
    finally:
        thread.join()


class TestOpenWrtOverHttp(Contract):
    @pytest.fixture
    def case(self) -> Iterator[Case]:
        with http_peer() as peer:
            yield _case("openwrt over HTTP", peer, "server-sent events of ubus", scan=True, log_poll_s=1.0)


@pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
class TestOpenWrtOverSsh(Contract):
    @pytest.fixture
    def case(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
        with ssh_peer(tmp_path_factory.mktemp("ap")) as peer:
            yield _case("openwrt over SSH", peer, "ubus subscribe")


class TestOpenWrtSpatialReuse(Contract):
    """What UCI says is all that is told of it; the radio restarts for it."""

    @pytest.fixture
    def case(self) -> Iterator[Case]:
        with http_peer() as peer:
            others = set(Setting) - {Setting.OBSS_PD_DBM}
            ways = ("server-sent events of ubus", "system log")
            yield Case(
                name="openwrt, OBSS-PD",
                make=lambda: openwrt.device(peer.context()),
                scope=PHY0,
                sent=lambda: shown(peer),
                change={Setting.OBSS_PD_DBM: -76},
                before={Setting.OBSS_PD_DBM: -82},
                as_configured=frozenset({Setting.OBSS_PD_DBM}),
                elsewhere=dict.fromkeys((*map(str, others), *ways), "TestOpenWrtOverHttp"),
            )
