"""The devices that are polled, each kind in a process of its own, so that its processor time is its own.

    python -m benchmarks.poll_servers KIND

tells one JSON object, how its devices are reached, and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from integration.netconfd import NEEDS_NETCONFD, USABLE, netconfd
from integration.openwrt_peer import http_peer, ssh_peer
from integration.replay import replay
from integration.snmp_responder import listening
from integration.sshd import NEEDS_SSHD, SSHD

from benchmarks import poll_air, poll_usm, processor
from drivers.base import DeviceContext
from inventory.credentials import Secret
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, radio_key

SITE = "north"
TESTS = Path(__file__).parents[1] / "tests"
BAND_OF = {"r5": Band.GHZ_5, "r2": Band.GHZ_2_4}
SNMP_OPTIONS = {"profile": "airespace"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One server. ``contexts``: of its devices; ``pid``: of the process whose tree serves them."""

    contexts: tuple[DeviceContext, ...]
    pid: int

    @property
    def cpu_s(self) -> float:
        """User and system time so far, of all that serves."""
        return processor.tree_s(self.pid)


class Absent(Exception):
    """This kind can't be served here; the message says what is lacking."""


# -- who asks --------------------------------------------------------------------------------------------


@contextmanager
def served(kind: str, *, aps: int = 1, devices: int = 1) -> Iterator[Served]:
    """``devices`` of this kind with ``aps`` APs each, in a process of its own. Raises Absent."""
    command = [sys.executable, "-m", "benchmarks.poll_servers", kind, str(aps), str(devices)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            told = json.loads(server.stdout.readline())
            if "absent" in told:
                raise Absent(told["absent"])
            yield Served(contexts=tuple(map(_context_of, told["devices"])), pid=server.pid)
        finally:
            server.stdin.close()


def _context_of(told: Mapping[str, Any]) -> DeviceContext:
    config = DeviceConfig(
        id=told["id"], driver=told["driver"], address=told["address"], options=told["options"]
    )
    aps = tuple(_ap(told["id"], *each, ifnames=told["ifnames"]) for each in told["aps"])
    radios = tuple(radio for ap in aps for radio in ap.radios)
    return DeviceContext(
        config=config, radios=radios, aps=aps, secret=Secret(told["secret"]), clock=time.monotonic
    )


def _ap(device: str, name: str, match: Mapping[str, str], *, ifnames: Mapping[str, str]) -> AccessPoint:
    radios = tuple(
        Radio(key=radio_key(SITE, name, radio), band=band, ifname=ifnames.get(radio))
        for radio, band in BAND_OF.items()
    )
    return AccessPoint(id=name, device=device, match=MappingProxyType(dict(match)), radios=radios)


# -- who answers -----------------------------------------------------------------------------------------


async def _serve_snmp(aps: int, devices: int, secret: str) -> None:
    """Cisco controllers, each at an address of its own, for the community and for the user."""
    hosts = [f"127.7.{number >> 8}.{number & 255}" for number in range(1, devices + 1)]
    with ExitStack() as stack:
        port, found = 0, []
        for number, host in enumerate(hosts):
            values = poll_air.controller(aps, first=number * aps)
            port = stack.enter_context(listening(poll_usm.UsmAgent(values, number), host, port))
            found.append(_snmp_told(number, f"{host}:{port}", aps, secret))
        _tell({"devices": found})
        await asyncio.to_thread(sys.stdin.read)


def _snmp_told(number: int, address: str, aps: int, secret: str) -> dict[str, Any]:
    numbers = range(number * aps, (number + 1) * aps)
    return {
        "id": f"d{number}",
        "driver": "snmp",
        "address": address,
        "options": SNMP_OPTIONS,
        "secret": secret,
        "aps": [(f"ap{each}", {"name": f"ap{each}"}) for each in numbers],
        "ifnames": {},
    }


@contextmanager
def _openwrt_http(directory: Path, devices: int) -> Iterator[list[dict[str, Any]]]:
    with http_peer() as peer:
        yield _told(peer.context(), devices, r2="phy1-ap0")


@contextmanager
def _openwrt_ssh(directory: Path, devices: int) -> Iterator[list[dict[str, Any]]]:
    _need_sshd()
    with ssh_peer(directory) as peer:
        yield _told(peer.context(), devices, r2="phy1-ap0")


@contextmanager
def _hostapd(directory: Path, devices: int) -> Iterator[list[dict[str, Any]]]:
    _need_sshd()
    with replay(directory) as running:
        yield _told(running.context(), devices, r2="wlan1")


@contextmanager
def _netconf(directory: Path, devices: int) -> Iterator[list[dict[str, Any]]]:
    if not USABLE:
        raise Absent(NEEDS_NETCONFD)
    recording = TESTS / "contract/recordings/netconf/openconfig.ap.xml"
    mirror = TESTS / "integration/netconf_mirror.py"
    with netconfd(f"{sys.executable} {mirror} {recording}") as running:
        asyncio.run(running.reset())
        yield _told(running.context(), devices)


def _need_sshd() -> None:
    if SSHD is None:
        raise Absent(NEEDS_SSHD)


def _told(context: DeviceContext, devices: int, **ifnames: str) -> list[dict[str, Any]]:
    """The same AP as many times as it is to be asked at once."""
    assert context.secret is not None
    one: dict[str, Any] = {
        "id": "ap1",
        "driver": context.config.driver,
        "address": context.config.address,
        "options": dict(context.config.options),
        "secret": context.secret.reveal(),
        "aps": [("ap1", {})],
        "ifnames": ifnames,
    }
    return [one] * devices


SNMP = {"snmp": poll_usm.COMMUNITY.decode(), "snmp3": poll_usm.CREDENTIAL}
KINDS: dict[str, Callable[[Path, int], AbstractContextManager[list[dict[str, Any]]]]] = {
    "openwrt-http": _openwrt_http,
    "openwrt-ssh": _openwrt_ssh,
    "netconf": _netconf,
    "hostapd": _hostapd,
}


def _serve(kind: str, devices: int) -> None:
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        try:
            told = stack.enter_context(KINDS[kind](Path(directory), devices))
        except (Absent, pytest.skip.Exception) as reason:
            _tell({"absent": str(reason)})
            return
        _tell({"devices": told})
        sys.stdin.read()


def _tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted({*SNMP, *KINDS}))
    parser.add_argument("aps", type=int)
    parser.add_argument("devices", type=int)
    given = parser.parse_args()
    if given.kind in SNMP:
        asyncio.run(_serve_snmp(given.aps, given.devices, SNMP[given.kind]))
    else:
        _serve(given.kind, given.devices)


if __name__ == "__main__":
    main()
