"""A controller with 500 APs: all are read in one poll, in little time, and some may be away."""

from __future__ import annotations

import asyncio
import time

from drivers.base import DeviceContext
from drivers.notifications import Oid, Value
from drivers.snmp.device import SnmpDevice
from drivers.snmp.options import checked
from drivers.snmp.recording import RecordedSession
from drivers.types import Absence, Table
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, RadioKey

APS = 500
AWAY = 3
BASE = "1.3.6.1.4.1.14179"
TABLES = frozenset({Table.STATUS, Table.COUNTERS, Table.CLIENTS})
CPU_S = 0.5
"""Of one poll. It takes 0.1 s where nobody else works; a parser that looks at every row for every radio takes
a minute."""


def controller(aps: int) -> dict[Oid, Value]:
    """Synthetic, after the MIB."""
    values: dict[Oid, Value] = {
        "1.3.6.1.2.1.1.1.0": b"Cisco Controller",
        "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.9.1.2170",
        "1.3.6.1.2.1.1.3.0": 8640000,
        f"{BASE}.1.1.1.4.0": b"SYNTHETIC02",
    }
    for n in range(aps):
        mac = f"2.0.0.{n // 256}.{n % 256}.0"
        values[f"{BASE}.2.2.1.1.3.{mac}"] = f"ap-{n}".encode()
        for slot, channel in ((0, 6), (1, 36)):
            row = f"{mac}.{slot}"
            own = {1: slot, 2: slot + 1, 3: 2, 4: channel, 5: 2, 6: 3, 12: 2, 15: n % 40, 34: 1}
            values |= {f"{BASE}.2.2.2.1.{column}.{row}": value for column, value in own.items()}
            values[f"{BASE}.2.2.2.1.22.{row}"] = b"23,20,17,14,11,8,5,2"
            counted = {3: 40 * n, 12: 1000 * n, 33: n}
            values |= {f"{BASE}.2.2.6.1.{column}.{row}": value for column, value in counted.items()}
    return values


def context() -> DeviceContext:
    bands = {"r2": Band.GHZ_2_4, "r5": Band.GHZ_5}
    aps = tuple(
        AccessPoint(
            id=f"a{n}",
            device="wlc",
            match={"name": f"ap-{n}"},
            radios=tuple(
                Radio(key=RadioKey(f"campus/a{n}/{name}"), band=band) for name, band in bands.items()
            ),
        )
        for n in range(APS)
    )
    return DeviceContext(
        config=DeviceConfig(id="wlc", driver="snmp", address="192.0.2.1"),
        radios=tuple(radio for ap in aps for radio in ap.radios),
        aps=aps,
        secret=None,
        clock=lambda: 0.0,
    )


def test_all_are_read_in_one_poll() -> None:
    async def story() -> None:
        snmp = SnmpDevice(context(), checked({}), RecordedSession(controller(APS - AWAY)))
        info = await snmp.open()
        assert len(info.found) == APS - AWAY
        await snmp.read(TABLES, None)
        began = time.process_time()
        snapshot = await snmp.read(TABLES, None)
        took_s = time.process_time() - began
        assert took_s < CPU_S
        assert set(snapshot.missing.values()) == {Absence.ABSENT}
        assert (len(snapshot.readings), len(snapshot.missing)) == (2 * (APS - AWAY), 2 * AWAY)
        last = snapshot.readings[RadioKey(f"campus/a{APS - AWAY - 1}/r5")]
        assert last.channel is not None
        assert last.counters is not None
        assert (last.channel.value, last.counters.tx_frames) == (36, 496_000)
        assert last.client_count == 496 % 40

    asyncio.run(story())
