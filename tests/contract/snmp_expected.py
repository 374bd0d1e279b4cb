"""What recordings of real devices must be read as (expected/*.yaml), beside what is read of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.snmp_responder import Agent, listening, read_snmprec
from shared_data import shared_data
from structlog.testing import capture_logs

from drivers.base import DeviceContext
from drivers.snmp.device import SnmpDevice
from drivers.snmp.load import shipped
from drivers.snmp.options import AUTO, Options
from drivers.snmp.parse import Refusal, read
from drivers.snmp.parse_answer import Answer
from drivers.snmp.parse_radio import Located, located
from drivers.snmp.parse_status import Request
from drivers.snmp.recording import RecordedSession, load
from drivers.snmp.session import SnmpSession
from drivers.transport.snmp_target import SnmpTarget
from drivers.transport.snmp_v2c import V2cSession
from drivers.types import DeviceInfo, FoundAp, Gauges, RadioReading, Table
from inventory.credentials import Secret
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, RadioKey
from inventory.snmp_login import SnmpLogin

EXPECTED = Path(__file__).parent / "expected"
RECORDINGS = tuple(sorted(file.stem for file in EXPECTED.glob("*.yaml")))
TABLES = frozenset(Table)
OWN = (
    "band",
    "state",
    "channel",
    "width_mhz",
    "center_mhz",
    "tx_power_dbm",
    "country",
    "client_count",
    "power_choices_dbm",
)
GAUGES = tuple(Gauges.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that was asked for everything. ``readings``: by AP (MAC, or "" where there is but one that
    doesn't tell it) and the device's own name of the radio; ``log``: the lines it gave rise to."""

    info: DeviceInfo
    readings: Mapping[tuple[str, str], RadioReading]
    log: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One radio of an answer, without the device around it. ``reading`` None: refused."""

    at: Located
    reading: RadioReading | None
    refusals: tuple[Refusal, ...]


def expected(recording: str) -> Any:
    return yaml.safe_load((EXPECTED / f"{recording}.yaml").read_text())


@cache
def recorded(recording: str, profile: str = AUTO) -> Device:
    """A recording as a device. Skips where it is absent."""
    values = load(shared_data("snmp", f"{recording}.snmprec")).values
    return asyncio.run(asked(RecordedSession(values), profile))


@cache
def served(recording: str) -> Device:
    """The same, asked over the wire: a responder on loopback serves it. Skips where it is absent."""
    path = shared_data("snmp", f"{recording}.snmprec")
    return asyncio.run(_over_the_wire(Agent(read_snmprec(path.read_text("latin-1")))))


async def _over_the_wire(agent: Agent) -> Device:
    agent.remember = False
    with listening(agent) as port:
        login = SnmpLogin(community=Secret(agent.community.decode()))
        target = SnmpTarget(name="device", host="127.0.0.1", port=port, login=login)
        return await asked(V2cSession(target, agent.community))


async def asked(session: SnmpSession, profile: str = AUTO) -> Device:
    """All APs that a device answers for, put in an inventory, and read with all tables."""
    options = Options.model_validate({"profile": profile})
    found = (await _opened(SnmpDevice(inventoried(()), options, session))).found
    context = inventoried(found)
    names: dict[RadioKey, tuple[str, str]] = {}
    for ap, there in zip(context.aps, found, strict=True):
        names |= {radio.key: (there.mac or "", str(radio.ifname)) for radio in ap.radios}
    device = SnmpDevice(context, options, session)
    with capture_logs() as log:
        info = await device.open()
        try:
            snapshot = await device.read(TABLES, None)
        finally:
            await device.close()
    readings = {names[key]: reading for key, reading in snapshot.readings.items()}
    return Device(info=info, readings=readings, log=tuple(log))


async def _opened(device: SnmpDevice) -> DeviceInfo:
    try:
        return await device.open()
    finally:
        await device.close()


def inventoried(found: tuple[FoundAp, ...]) -> DeviceContext:
    alone = len(found) == 1
    aps = tuple(_ap(f"ap{n}", ap, None if alone else ap.mac) for n, ap in enumerate(found))
    return DeviceContext(
        config=DeviceConfig(id="device", driver="snmp", address="192.0.2.1"),
        radios=tuple(radio for ap in aps for radio in ap.radios),
        secret=None,
        clock=lambda: 0.0,
        aps=aps,
    )


def _ap(ap_id: str, found: FoundAp, mac: str | None) -> AccessPoint:
    radios = tuple(
        Radio(key=RadioKey(f"site/{ap_id}/r{n}"), band=radio.band or Band.GHZ_5, ifname=radio.name)
        for n, radio in enumerate(found.radios)
    )
    match = {} if mac is None else {"mac": mac}
    return AccessPoint(id=ap_id, device="device", match=match, radios=radios)


@cache
def seen(recording: str, profile: str) -> tuple[Seen, ...]:
    """All radios of a recording, through this profile. Skips where the recording is absent."""
    return seen_in(load(shared_data("snmp", f"{recording}.snmprec")).values, profile)


def seen_in(values: Mapping[str, int | bytes | str], profile: str) -> tuple[Seen, ...]:
    answer = Answer(shipped()[profile], values)
    request = Request(tables=TABLES, at_s=0.0)
    found = []
    for one in located(answer):
        told = read(answer, one, RadioKey("s/a/r"), one.band or Band.GHZ_5, request)
        found.append(Seen(at=one, reading=told.reading, refusals=told.refusals))
    return tuple(found)


def said(reading: RadioReading | None) -> dict[str, object]:
    """The fields of a reading that are told, plain: what an expectation is written in."""
    assert reading is not None
    told: dict[str, object] = {name: _plain(getattr(reading, name)) for name in OWN}
    told |= {name: getattr(reading.gauges, name, None) for name in GAUGES}
    if reading.counters is not None:
        totals = asdict(reading.counters)
        told["counters"] = {
            name: totals[name] for name in totals if totals[name] is not None and name[0] in "td"
        }
    told["managed"] = True if reading.managed_by is not None else None
    return {name: value for name, value in told.items() if value is not None}


def _plain(value: object) -> object:
    value = getattr(value, "value", value)
    return list(value) if isinstance(value, tuple) else value


def wanted(fields: Mapping[str, object], country: str | None = None) -> dict[str, object]:
    """An expectation with what it leaves out because it goes without saying, and numbers that compare as
    measured ones do."""
    whole = {"state": "on_air", "country": country, **fields}
    return {
        name: pytest.approx(value) if isinstance(value, float) else value
        for name, value in whole.items()
        if value is not None
    }
