"""Whole devices whose answers are malformed on the way: a poll ends in readings, in what is missing, or in an
error of the drivers' own; and afterwards the same device reads again as if nothing had been."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from contract.reading import wrong_numbers
from contract.snmp_case import Controller as SnmpController
from contract.snmp_case import device as snmp_device
from fuzz.test_netconf import few_radios, recording, xml_of
from fuzz.test_snmp import CACHES, value
from fuzzing import SEED, TIMES, json_of, octets_of, text_of
from integration.openwrt.ap import Ap
from integration.openwrt.server import _one
from integration.replay import context as hostapd_context

from drivers.base import Device, DeviceContext
from drivers.errors import DriverError
from drivers.hostapd.driver import family as hostapd
from drivers.hostapd.render import MARK
from drivers.netconf.driver import family as netconf
from drivers.notifications import Oid, Value
from drivers.openwrt.driver import family as openwrt
from drivers.transport.netconf import Hello, NetconfSession
from drivers.transport.rest import RestSession
from drivers.transport.ssh import ExecResult, SshSession
from drivers.types import Table
from inventory.credentials import Secret
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, radio_key

PROOF = "SHA256:" + "x" * 43
POLLS = max(20, TIMES // 50)
HOSTAPD = Path(__file__).parents[1] / "contract" / "recordings" / "hostapd"
R2, R5 = radio_key("north", "ap1", "r2"), radio_key("north", "ap1", "r5")
KEPT = 256 * 1024  # bytes; a device remembers what it saw last


class Way:
    """Between a device and its driver. ``bad``: how much of what passes is malformed; ``passed``: so many."""

    def __init__(self) -> None:
        self.dice = random.Random(SEED)
        self.bad = 0.0
        self.passed = 0

    def spoils(self) -> bool:
        self.passed += 1
        return self.dice.random() < self.bad

    def text(self, said: str) -> str:
        return text_of(said)(self.dice) if said and self.spoils() else said


async def survives(make: Callable[[], Device], way: Way) -> None:
    device = make()
    truth = await device.open()
    good = await device.read(frozenset(Table), None)
    assert good.readings
    read = sum([await _polled(device, way) for _ in range(POLLS // 2)])
    gc.collect()
    tracemalloc.start()
    try:
        read += sum([await _polled(device, way) for _ in range(POLLS // 2)])
        for each in CACHES:
            each.cache_clear()
        re.purge()
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        where = tracemalloc.take_snapshot().statistics("lineno")[:6] if kept >= KEPT else ()
    finally:
        tracemalloc.stop()
    assert kept < KEPT, [*map(str, where)]
    assert read > POLLS / 10
    for _ in range(POLLS // 5):
        way.bad, stranger = way.dice.choice((0.05, 0.3, 1.0)), make()
        with suppress(DriverError):
            await stranger.open()
        await stranger.close()
    way.bad = 0.0
    assert (await device.open()).identity == truth.identity
    again = await device.read(frozenset(Table), None)
    assert set(again.readings) == set(good.readings)
    await device.close()


async def _polled(device: Device, way: Way) -> int:
    """How many radios were read. After an error it is opened again, as its lane would do."""
    way.bad = way.dice.choice((0.05, 0.3, 1.0))
    try:
        snapshot = await device.read(frozenset(Table), None)
    except DriverError:
        way.bad = 0.0  # one that is met for the first time among lies would be known by them
        await device.open()
        return 0
    assert not set(snapshot.readings) & set(snapshot.missing)
    for reading in snapshot.readings.values():
        assert list(wrong_numbers(reading)) == []
    return len(snapshot.readings)


def told(make: Callable[[], Device], way: Way) -> None:
    asyncio.run(survives(make, way))
    assert way.passed > POLLS


class BadController(SnmpController):
    """Values of its answers are others, or gone, or of another row."""

    def __init__(self, way: Way) -> None:
        super().__init__()
        self._way = way

    async def get(self, oids: Sequence[Oid]) -> Mapping[Oid, Value]:
        return self._spoilt(await super().get(oids))

    async def walk(self, roots: Sequence[Oid]) -> Mapping[Oid, Value]:
        return self._spoilt(await super().walk(roots))

    def _spoilt(self, values: Mapping[Oid, Value]) -> Mapping[Oid, Value]:
        dice, found = self._way.dice, dict(values)
        if self._way.spoils():
            for oid in dice.sample(sorted(found), min(len(found), dice.randint(1, 12))):
                said = found.pop(oid)
                if dice.random() < 0.8:
                    found[oid if dice.random() < 0.9 else f"{oid}.1"] = value(dice)
                elif dice.random() < 0.5:
                    found[oid] = said if not isinstance(said, bytes) else said[:-1]
        return found


def test_an_snmp_controller_that_talks_nonsense() -> None:
    way = Way()
    told(lambda: snmp_device(BadController(way)), way)


def _context(
    driver: str, address: str, secret: str, match: dict[str, str], **options: object
) -> DeviceContext:
    radios = (Radio(key=R5, band=Band.GHZ_5), Radio(key=R2, band=Band.GHZ_2_4))
    return DeviceContext(
        config=DeviceConfig(id="ap1", driver=driver, address=address, options=options),
        radios=radios,
        aps=(AccessPoint(id="ap1", device="ap1", radios=radios, match=match),),
        secret=Secret(secret),
        clock=Clock(),
    )


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


async def _nothing(*_: Any) -> None:
    pass


def _answered(ap: Ap, request: Mapping[str, Any], login: dict[str, Any]) -> Any:
    """With one session for all logins: the AP that answers here keeps a timer for each."""
    if request.get("method") == "call" and request["params"][2] == "login":
        if not login:
            login.update(_one(ap, request))
        return {**login, "id": request["id"]}
    return _one(ap, request)


def test_an_openwrt_ap_that_talks_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    way, ap = Way(), Ap()
    login: dict[str, Any] = {}

    async def post(self: RestSession, path: str, body: bytes, limit_s: float, headers: object) -> bytes:
        said = json.loads(body)
        asked = said if isinstance(said, list) else [said]
        rows = [_answered(ap, each, login) for each in asked]
        if way.spoils():
            at = way.dice.randrange(len(rows))
            rows[at] = json_of(rows[at])(way.dice)
        whole = json.dumps(rows if isinstance(said, list) else rows[0]).encode()
        return octets_of(whole)(way.dice) if way.bad > 0.9 and way.spoils() else whole

    monkeypatch.setattr(RestSession, "open", _nothing)
    monkeypatch.setattr(RestSession, "close", _nothing)
    monkeypatch.setattr(RestSession, "post", post)
    context = _context("openwrt", "http://127.0.0.1:1", "user: rrmd\npassword: lab-Ctl-1\n", {})
    try:
        told(lambda: openwrt.device(context), way)
    finally:
        ap.close()


HELLO = Hello(
    fingerprint=PROOF,
    session="1",
    capabilities=(
        *(f"urn:ietf:params:netconf:base:{version}" for version in ("1.0", "1.1")),
        "urn:ietf:params:netconf:capability:writable-running:1.0",
        "urn:ietf:params:netconf:capability:notification:1.0",
        "http://openconfig.net/yang/access-points?module=openconfig-access-points",
    ),
)


@pytest.mark.parametrize(
    ("profile", "name", "match"),
    [
        ("openconfig-access-points", "openconfig.ap.xml", {"name": "ap1.example.net"}),
        ("cisco-iosxe", "cisco.c9800.xml", {"mac": "02:00:00:0a:ff:01"}),
    ],
    ids=["openconfig", "cisco"],
)
def test_a_netconf_device_that_talks_nonsense(
    profile: str, name: str, match: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    way, truth = Way(), few_radios(recording(name))
    malformed = xml_of(truth)

    async def rpc(self: NetconfSession, body: str, timeout_s: float) -> str:
        return malformed(way.dice) if way.spoils() else truth

    async def opened(self: NetconfSession) -> Hello:
        return HELLO

    monkeypatch.setattr(NetconfSession, "open", opened)
    monkeypatch.setattr(NetconfSession, "close", _nothing)
    monkeypatch.setattr(NetconfSession, "rpc", rpc)
    context = _context(
        "netconf", "127.0.0.1:1", "user: a\npassword: b\n", match, profile=profile, host_key=PROOF
    )
    told(lambda: netconf.device(context), way)


SAYS = {
    "dev": "iw-dev.txt",
    "reg": "reg-get.us.txt",
    "info": "phy-info.txt",
    "status": "status.enabled-36-40mhz.txt",
    "channels": "phy-channels.fresh.txt",
    "survey": "survey-dump.5ghz.txt",
    "stations": "station-dump.two-clients.txt",
    "abilities": "all-sta.two-clients.txt",
    "scan": "scan.on-ap-force.txt",
}


def test_a_hostapd_that_talks_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way()
    texts = {name: (HOSTAPD / file).read_text() for name, file in SAYS.items()}
    texts |= {"uptime": "3641.27 7166.90\n", "os": 'NAME="x"\n', "version": "hostapd v2.10\n", "uid": "0\n"}

    async def run(self: SshSession, command: str, limit_s: float) -> ExecResult:
        names = dict.fromkeys(re.findall(rf"{MARK} ([\w:.-]+)", command))
        said = {name: texts.get(name.split(":")[0]) for name in names}
        parts = [
            f"{MARK} {name}\n{way.text(text or '')}\n{MARK}= {0 if text else 1}\n"
            for name, text in said.items()
        ]
        whole = "".join(parts)
        return ExecResult(exit_status=0, stdout=way.text(whole) if way.bad > 0.9 else whole, stderr="")

    async def opened(self: SshSession) -> str:
        return PROOF

    monkeypatch.setattr(SshSession, "open", opened)
    monkeypatch.setattr(SshSession, "close", _nothing)
    monkeypatch.setattr(SshSession, "exec", run)
    context = hostapd_context(1, PROOF, "-----BEGIN x")
    told(lambda: hostapd.device(context), way)
