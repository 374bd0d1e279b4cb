"""The contract, kept by the netconf driver: on a live netconfd with the state of a recording beside it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from contract.suite import Case, Contract
from integration.c9800 import R5 as WLC_R5
from integration.c9800 import RECORDINGS, Controller, c9800
from integration.netconfd import NEEDS_NETCONFD, R5, USABLE, Netconfd, netconfd

from drivers.netconf.cisco.device import NOTIFIED, POLLED
from drivers.netconf.driver import family
from drivers.netconf.openconfig.device import CAPABILITIES
from drivers.transport import netconf
from drivers.types import ScopeRef, Setting

TESTS = Path(__file__).parents[1]
AP = (RECORDINGS / "openconfig.ap.xml").read_text()
CHANNEL = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40}
BEFORE = {**CHANNEL, Setting.TX_POWER_DBM: 17}
CHANGE = {Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 80, Setting.TX_POWER_DBM: 12}


READS = ("get", "get-config", "lock", "unlock", "create-subscription")


def canonical(request: str) -> tuple[str, ...]:
    """The library may choose another prefix for a namespace; all else must be the same."""
    return (ElementTree.canonicalize(request, rewrite_prefixes=True),)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that change something, as they go to the socket, without their envelope."""
    found: list[str] = []
    send = netconf._Session.send

    def recorded(self: Any, message: str) -> None:
        root = ElementTree.fromstring(message)
        if root.tag.endswith("}rpc") and root[0].tag.partition("}")[2] not in READS:
            found.extend(canonical(ElementTree.tostring(root[0], encoding="unicode")))
        send(self, message)

    monkeypatch.setattr(netconf._Session, "send", recorded)
    return found


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """netconfd with the state of ``recording`` beside it."""

    server: Netconfd
    recording: Path

    def reset(self) -> None:
        self.tells(AP)
        asyncio.run(self.server.reset())

    def tells(self, text: str) -> None:
        """From one moment to the next: it may be read just now."""
        new = self.recording.with_suffix(".new")
        new.write_text(text)
        new.replace(self.recording)

    @contextmanager
    def radar(self) -> Iterator[None]:
        """The 5 GHz radio tells that it heard some."""
        hit = "<dfs-hit-time>1764180000000000000</dfs-hit-time>"
        self.tells(AP.replace("<dfs-hit-time>0</dfs-hit-time>", hit))
        yield


@pytest.fixture(scope="module")
def access_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccessPoint]:
    recording = tmp_path_factory.mktemp("ap") / "ap.xml"
    mirror = f"{sys.executable} {TESTS / 'integration' / 'netconf_mirror.py'} {recording}"
    with netconfd(mirror) as running:
        yield AccessPoint(running, recording)


@pytest.mark.skipif(not USABLE, reason=NEEDS_NETCONFD)
class TestOpenConfigOnNetconfd(Contract):
    @pytest.fixture
    def case(self, access_point: AccessPoint, sent: list[str]) -> Case:
        access_point.reset()
        return Case(
            sent=lambda: sent,
            bare=canonical,
            name="netconf openconfig-access-points",
            make=lambda: family.device(access_point.server.context(radar_poll_s=1)),
            scope=ScopeRef(kind="radio", name="1", members=(R5,)),
            change=CHANGE,
            before=BEFORE,
            more=(({Setting.ENABLED: 0}, {Setting.ENABLED: 1}),),
            pushes=dict.fromkeys(CAPABILITIES.signal_ways, access_point.radar),
        )


@pytest.fixture(scope="module")
def controller() -> Iterator[Controller]:
    with c9800() as running:
        yield running


class TestCiscoFromRecordings(Contract):
    @pytest.fixture
    def case(self, controller: Controller, sent: list[str]) -> Case:
        controller.reset()
        return Case(
            sent=lambda: sent,
            bare=canonical,
            name="netconf cisco-iosxe",
            make=lambda: family.device(controller.context(radar_poll_s=1)),
            scope=ScopeRef(kind="radio", name="1", members=(WLC_R5,)),
            change={Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 80, Setting.TX_POWER_DBM: 11},
            before=BEFORE,
            more=(({Setting.ENABLED: 0}, {Setting.ENABLED: 1}),),
            pushes={POLLED: lambda: radar(controller), NOTIFIED: lambda: rogue(controller)},
        )


@contextmanager
def radar(controller: Controller) -> Iterator[None]:
    controller.hear_radar()
    yield


@contextmanager
def rogue(controller: Controller) -> Iterator[None]:
    controller.notify((RECORDINGS / "cisco.rogue-events.xml").read_text())
    yield
