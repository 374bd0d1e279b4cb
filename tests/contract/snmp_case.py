"""What the contract needs of the SNMP driver: a controller of Cisco's that never was, and that takes SETs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contract.case import Case

from drivers.base import Device, DeviceContext
from drivers.errors import Refused
from drivers.notifications import Oid
from drivers.snmp.device import SnmpDevice
from drivers.snmp.options import checked
from drivers.snmp.recording import RecordedSession, load
from drivers.snmp.session import Assignment
from drivers.types import ScopeRef, Setting, Values
from inventory.channels import block
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, RadioKey

RECORDING: Final = Path(__file__).parent / "recordings" / "snmp" / "airespace.synthetic.snmprec"
RADIOS: Final = tuple(
    Radio(key=RadioKey(f"north/ap{n}/r{band[0]}"), band=Band(band))
    for n in (1, 2, 3)
    for band in ("5", "2.4")
)
APS: Final = tuple(
    AccessPoint(
        id=f"ap{n}",
        device="wlc",
        match={"mac": f"02:00:00:00:10:{n}0"},
        radios=tuple(radio for radio in RADIOS if f"/ap{n}/" in radio.key),
    )
    for n in (1, 2, 3)
)
RADIO: Final = RadioKey("north/ap1/r5")
ROW: Final = "2.0.0.0.16.16.1"
SCOPE: Final = ScopeRef(kind="radio", name="1", members=(RADIO,))

_RADIO_TABLE: Final = "1.3.6.1.4.1.14179.2.2.2.1"
_NEEDS: Final = {"4": "3", "6": "5"}  # writable only while that column says customized
_CUSTOMIZED: Final = 2


class Controller(RecordedSession):
    """Behaves as the MIB says: a channel or a level that is automatic is read-only, a disabled radio is down.

    ``sent``: every SET that arrived, refused or not.
    """

    def __init__(self) -> None:
        super().__init__(load(RECORDING).values)
        self.sent: list[tuple[Assignment, ...]] = []

    async def set(self, values: Sequence[Assignment]) -> None:
        self._check()
        self.sent.append(tuple(values))
        for one in values:
            self._writable(one)
        for one in values:
            self.values[one.oid] = one.value
            self._follow(one)

    def _writable(self, one: Assignment) -> None:
        if one.oid not in self.values:
            raise Refused("noCreation")
        column, row = self._place(one.oid)
        needs = _NEEDS.get(column)
        if needs is not None and self.values[f"{_RADIO_TABLE}.{needs}.{row}"] != _CUSTOMIZED:
            raise Refused("inconsistentValue")

    def _follow(self, one: Assignment) -> None:
        column, row = self._place(one.oid)
        if column == "34":
            self.values[f"{_RADIO_TABLE}.12.{row}"] = 2 if one.value == 1 else 1

    def _place(self, oid: Oid) -> tuple[str, str]:
        if not oid.startswith(f"{_RADIO_TABLE}."):
            return "", ""
        column, _, row = oid.removeprefix(f"{_RADIO_TABLE}.").partition(".")
        return column, row


class Clock:
    """Moves a little each time that somebody looks."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


def device(session: RecordedSession, **options: bool | str) -> SnmpDevice:
    config = DeviceConfig(id="wlc", driver="snmp", address="192.0.2.1", options=options)
    context = DeviceContext(config=config, radios=RADIOS, aps=APS, secret=None, clock=Clock())
    return SnmpDevice(context, checked(options), session)


def make() -> Device:
    return device(Controller())


def place(channel: int, width: int) -> Values:
    center = block(Band.GHZ_5, channel, width).center_mhz
    return {Setting.CHANNEL: channel, Setting.WIDTH_MHZ: width, Setting.CENTER_MHZ: center}


def bare(command: str) -> tuple[str, ...]:
    """A planned SET without what is only said about it: the meaning of a value, who loses the radio."""
    sets, _, _ = command.partition("; taken from")
    return (re.sub(r" \([^()]*\)", "", sets),)


def shown(values: Sequence[Assignment]) -> str:
    """A SET that arrived, as a plan writes it."""
    told = [one.value.decode() if isinstance(one.value, bytes) else one.value for one in values]
    return "; ".join(f"set {one.oid} = {value}" for one, value in zip(values, told, strict=True))


def snmp_case() -> Case:
    controllers: list[Controller] = []

    def made() -> Device:
        controllers.append(Controller())
        return device(controllers[-1])

    return Case(
        name="snmp",
        make=made,
        sent=lambda: [shown(values) for each in controllers for values in each.sent],
        bare=bare,
        scope=SCOPE,
        change=place(149, 40),
        before=place(36, 20),
        more=(
            ({Setting.TX_POWER_DBM: 11}, {Setting.TX_POWER_DBM: 17}),
            ({Setting.ENABLED: 0}, {Setting.ENABLED: 1}),
        ),
    )
