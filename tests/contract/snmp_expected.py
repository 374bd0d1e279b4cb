"""What recordings of real devices must be read as (expected/*.yaml), beside what is read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from shared_data import shared_data

from drivers.snmp.load import shipped
from drivers.snmp.parse import Refusal, Request, read
from drivers.snmp.parse_answer import Answer
from drivers.snmp.parse_radio import Located, located
from drivers.snmp.recording import load
from drivers.types import Gauges, RadioReading, Table
from inventory.model import Band, RadioKey

EXPECTED = Path(__file__).parent / "expected"
PROFILES = {
    "aruba-instant_105": "aruba-instant",
    "arubaos": "aruba-controller",
    "ciscowlc_cbw240ac": "airespace",
    "hiveos-wireless_2": "aerohive",
    "merakimr_mr28": "meraki",
    "openwrt": "openwrt-snmp",
    "routeros_wifi": "mikrotik",
    "ruckuswireless-hotzone": "ruckus-standalone",
    "ruckuswireless_zd1200": "ruckus-zonedirector",
    "unifi_nanohd": "unifi",
    "vrp_ac6605-26": "huawei",
}
FIELDS = (
    "band",
    "state",
    "channel",
    "width_mhz",
    "center_mhz",
    "tx_power_dbm",
    "country",
    "client_count",
    "power_choices_dbm",
    *Gauges.__dataclass_fields__,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One radio of a recording, and the AP that it belongs to. ``reading`` None: refused."""

    at: Located
    reading: RadioReading | None
    refusals: tuple[Refusal, ...]


def expected(recording: str) -> Any:
    return yaml.safe_load((EXPECTED / f"{recording}.yaml").read_text())


@cache
def seen(recording: str, profile: str | None = None) -> tuple[Seen, ...]:
    """All radios of a recording, through its own profile or another. Skips where the recording is absent."""
    values = load(shared_data("snmp", f"{recording}.snmprec")).values
    return seen_in(values, profile or PROFILES[recording])


def seen_in(values: Mapping[str, int | bytes | str], profile: str) -> tuple[Seen, ...]:
    answer = Answer(shipped()[profile], values)
    request = Request(tables=frozenset(Table), at_s=0.0)
    found = []
    for one in located(answer):
        told = read(answer, one, RadioKey("s/a/r"), one.band or Band.GHZ_5, request)
        found.append(Seen(at=one, reading=told.reading, refusals=told.refusals))
    return tuple(found)


def said(one: Seen) -> dict[str, object]:
    """The fields of a reading that are told, plain: what an expectation is written in."""
    reading = one.reading
    assert reading is not None, one.refusals
    told: dict[str, object] = {}
    for name in FIELDS:
        value = (
            getattr(reading.gauges, name, None) if name in Gauges.__dataclass_fields__ else _of(reading, name)
        )
        if value is not None:
            told[name] = list(value) if isinstance(value, tuple) else value
    if reading.counters is not None:
        told["counters"] = {
            name: value
            for name, value in asdict(reading.counters).items()
            if value is not None and name not in ("width_bits", "epoch")
        }
    if reading.managed_by is not None:
        told["managed"] = True
    return told


def _of(reading: RadioReading, name: str) -> object:
    value = getattr(reading, name)
    return getattr(value, "value", value)


def wanted(fields: Mapping[str, object], country: str | None = None) -> dict[str, object]:
    """An expectation with what it leaves out because it goes without saying."""
    whole = {"state": "on_air", **fields}
    return whole if country is None else {**whole, "country": country}


def close(fields: Mapping[str, object]) -> dict[str, object]:
    """With numbers that compare as measured ones do."""
    return {
        name: pytest.approx(value) if isinstance(value, float) else value for name, value in fields.items()
    }
