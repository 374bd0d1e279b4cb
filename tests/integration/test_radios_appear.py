"""A radio that was not there when its device was opened: an AP that starts answers before its radios are up,
and one that was off joins its controller later. Each driver, under the daemon's own lane and poller.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from contract.snmp_case import RADIO
from integration import c9800, netconfd, openwrt_peer, replay
from integration.beside import polling
from integration.netconfd import NEEDS_NETCONFD, USABLE
from integration.snmp_responder import Agent, served
from integration.sshd import NEEDS_SSHD, SSHD
from integration.test_troubled_devices import snmp_context, snmp_values

from agent.memory import Memory
from drivers.base import DeviceContext
from drivers.errors import DriverError, Refused
from drivers.netconf import parse_reply, render
from drivers.netconf.cisco.device import CiscoDevice
from drivers.netconf.driver import family
from drivers.netconf.parse_reply import Busy
from drivers.netconf.parse_xml import children, text
from drivers.netconf.whose import AGAIN_S
from drivers.transport.netconf import NetconfSession
from drivers.types import RadioState, ScopeRef, Table
from inventory.model import RadioKey

needs_sshd = pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
needs_netconfd = pytest.mark.skipif(not USABLE, reason=NEEDS_NETCONFD)

STATUS = frozenset({Table.STATUS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A device without one of its radios, until ``come``. ``stranger``: what nobody listed comes. ``name``:
    of an AP that is there."""

    context: DeviceContext
    radio: RadioKey
    come: Callable[[], object]
    stranger: Callable[[], object] = lambda: None
    name: Callable[[], Element] = lambda: Element("name")


@contextmanager
def hostapd_without_interface() -> Iterator[Late]:
    with tempfile.TemporaryDirectory(prefix="rrmd-") as name, replay.replay(Path(name)) as ap:
        path = ap.state / "iw dev"
        whole = path.read_text()
        path.write_text(whole[: whole.index("phy#0")])
        yield Late(context=ap.context(), radio=replay.R5, come=lambda: path.write_text(whole))


@contextmanager
def hostapd_of_another_phy() -> Iterator[Late]:
    """The driver was loaded anew: the same interface belongs to another phy."""
    with tempfile.TemporaryDirectory(prefix="rrmd-") as name, replay.replay(Path(name)) as ap:
        path = ap.state / "iw dev"
        whole = path.read_text()
        path.write_text(whole.replace("phy#0", "phy#7"))
        for what in ("info", "channels"):
            (ap.state / f"iw phy phy0 {what}").rename(ap.state / f"iw phy phy7 {what}")

        def come() -> None:
            for what in ("info", "channels"):
                (ap.state / f"iw phy phy7 {what}").rename(ap.state / f"iw phy phy0 {what}")
            path.write_text(whole)

        yield Late(context=ap.context(), radio=replay.R5, come=come)


@contextmanager
def openwrt() -> Iterator[Late]:
    with openwrt_peer.http_peer() as peer:
        air = peer.ap.airs.pop("radio0")
        yield Late(
            context=peer.context(),
            radio=openwrt_peer.R5,
            come=lambda: peer.ap.airs.update(radio0=air),
        )


@contextmanager
def cisco() -> Iterator[Late]:
    with c9800.c9800() as controller:
        (there,) = children(controller.data, "data", "access-point-oper-data")
        mine = [each for each in there if text(each, "wtp-mac") == "02:00:00:0a:00:00"]
        for each in mine:
            there.remove(each)
        words = [ElementTree.tostring(each, encoding="unicode") for each in mine]
        others = [ElementTree.fromstring(each.replace("02:00:00:0a", "02:00:00:0e")) for each in words]
        for each in others:
            for label in children(each, "name"):
                label.text = "nobody's"
        yield Late(
            context=controller.context(),
            radio=c9800.R5,
            come=lambda: there.extend(mine),
            stranger=lambda: there.extend(others),
            name=lambda: next(
                label for each in there for label in children(each, "name") if label.text == "ap2"
            ),
        )


@contextmanager
def openconfig() -> Iterator[Late]:
    with netconfd.netconfd() as ap:
        asyncio.run(ap.reset())
        asyncio.run(_without_5_ghz(ap))
        yield Late(context=ap.context(), radio=netconfd.R5, come=lambda: asyncio.run(ap.reset()))


async def _without_5_ghz(ap: netconfd.Netconfd) -> None:
    start = netconfd.AP.index("<radio><id>1</id>")
    end = netconfd.AP.index("</radios>")
    deleted = (
        '<radio xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete"><id>1</id>'
        "<operating-frequency>oc-wifi-types:FREQ_5GHZ</operating-frequency></radio>"
    )
    config = netconfd.AP[:start] + deleted + netconfd.AP[end:]
    session = NetconfSession(ap.target())
    await session.open()
    try:
        for body in (render.edit_config("candidate", config, rollback_on_error=False), render.commit()):
            parse_reply.reply(await session.rpc(body, 10.0))
    finally:
        await session.close()


@contextmanager
def snmp() -> Iterator[Late]:
    """The rows of ap1 are not there: it has not joined."""
    values = snmp_values()
    agent = Agent({oid: value for oid, value in values.items() if "2.0.0.0.16.16" not in oid})
    with served(agent) as port:
        yield Late(context=snmp_context(port), radio=RADIO, come=lambda: agent.replace(values))


@pytest.mark.parametrize(
    "device",
    [
        pytest.param(hostapd_without_interface, marks=needs_sshd),
        pytest.param(hostapd_of_another_phy, marks=needs_sshd),
        openwrt,
        cisco,
        pytest.param(openconfig, marks=needs_netconfd),
        snmp,
    ],
)
def test_it_is_known_and_can_be_set_when_it_is_there(
    device: Callable[[], AbstractContextManager[Late]],
) -> None:
    with device() as late:
        asyncio.run(_comes(late))


async def _comes(late: Late) -> None:
    async with polling(late.context) as ((polled,), memory, alerts):
        known, before = memory.radios[late.radio], polled.lane.info
        await asyncio.to_thread(late.come)
        await polled.until(lambda: polled.lane.info not in (None, before) and is_known(memory, late.radio))
        assert known.reading is not None
        assert known.reading.state is RadioState.ON_AIR
        scope = ScopeRef(kind="radio", name=late.radio, members=(late.radio,))
        assert (await polled.lane.read_config(scope)).state is RadioState.ON_AIR
        assert polled.misses == 0, "nothing was missed for it"
        assert not alerts


def is_known(memory: Memory, key: RadioKey) -> bool:
    return memory.radios[key].reading is not None and memory.radios[key].capabilities is not None


# -- a controller of which an AP is off --------------------------------------------------------------------


def test_whose_the_radios_are_is_asked_only_when_there_are_new_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a controller with many APs some are always off; and others join that nobody listed."""

    async def story(late: Late) -> None:
        async with opened(late.context) as device:
            asked = questions(device, monkeypatch)
            for _ in range(3):
                assert (await device.read(STATUS, None)).missing.keys() == {c9800.R5, c9800.R2}
            assert asked() == 0
            late.stranger()
            for _ in range(3):
                assert not (await device.read(STATUS, None)).appeared
            assert asked() == 1
            late.come()
            for _ in range(2):  # until it is opened again
                assert (await device.read(STATUS, None)).appeared == {c9800.R5, c9800.R2}
            assert asked() == 3

    with cisco() as late:
        asyncio.run(story(late))


@pytest.mark.parametrize("error", [Refused("operation-failed"), Busy("not now", "resource-denied")])
def test_a_poll_is_good_whatever_becomes_of_the_other_question(
    monkeypatch: pytest.MonkeyPatch, error: DriverError
) -> None:
    async def story(late: Late) -> None:
        async with opened(late.context) as device:
            late.come()
            data = device._link.data

            async def refused(body: str, *more: Any) -> Any:
                if "capwap-data" in body:
                    raise error
                return await data(body, *more)

            monkeypatch.setattr(device._link, "data", refused)
            snapshot = await device.read(STATUS, None)
            assert snapshot.readings.keys() == {c9800.X5, c9800.X6}
            monkeypatch.undo()
            assert (await device.read(STATUS, None)).appeared == {c9800.R5, c9800.R2}

    with cisco() as late:
        asyncio.run(story(late))


def test_an_ap_that_is_named_after_it_has_joined() -> None:
    """That its name is another one nothing of its radios tells; it is asked for now and then."""

    async def story(late: Late) -> None:
        now_s = [0.0]
        late.come()
        label = late.name()
        label.text, name = "AP02-0000-000a", label.text
        async with opened(replace(late.context, clock=lambda: now_s[0])) as device:
            assert (await device.read(STATUS, None)).missing.keys() == {c9800.X5, c9800.X6}
            label.text = name
            assert not (await device.read(STATUS, None)).appeared
            now_s[0] = AGAIN_S
            assert (await device.read(STATUS, None)).appeared == {c9800.X5, c9800.X6}

    with cisco() as late:
        asyncio.run(story(late))


@asynccontextmanager
async def opened(context: DeviceContext) -> AsyncIterator[CiscoDevice]:
    device = family.device(context)
    assert isinstance(device, CiscoDevice)
    await device.open()
    try:
        yield device
    finally:
        await device.close()


def questions(device: CiscoDevice, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often it was asked for all APs by name, since now."""
    data, times = device._link.data, [0]

    async def counted(body: str, *more: Any) -> Any:
        times[0] += "capwap-data" in body
        return await data(body, *more)

    monkeypatch.setattr(device._link, "data", counted)
    return lambda: times[0]
