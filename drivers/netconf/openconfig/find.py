"""Which radio of the inventory is which on the device. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from drivers.netconf.openconfig.parse import Ap, ApRadio
from drivers.types import FoundAp, FoundRadio
from inventory.model import AccessPoint, Band, Radio, RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a radio is found in an answer: its keys."""

    key: RadioKey
    hostname: str
    id: int
    frequency: str


def places(aps: Iterable[AccessPoint], radios: Iterable[Radio], there: Iterable[Ap]) -> dict[RadioKey, Place]:
    """Radios that the device has. ``radios``: those of the inventory, where ``aps`` does not hold them."""
    seen = list(there)
    known: list[tuple[AccessPoint | None, tuple[Radio, ...]]] = [(ap, ap.radios) for ap in aps]
    found: dict[RadioKey, Place] = {}
    for ap, wanted in known or [(None, tuple(radios))]:
        if (host := _host(ap, seen)) is not None:
            for radio in wanted:
                if (there_radio := _radio(radio, host.radios)) is not None:
                    found[radio.key] = Place(
                        key=radio.key,
                        hostname=host.hostname,
                        id=there_radio.id,
                        frequency=there_radio.frequency,
                    )
    return found


def _host(ap: AccessPoint | None, seen: list[Ap]) -> Ap | None:
    """By what `match` says; without it the only one, or the one that is called like it."""
    match = ap.match if ap is not None else {}
    if match:
        wanted_mac, wanted_name = match.get("mac", "").lower(), match.get("name")
        fitting = [each for each in seen if each.mac == wanted_mac or each.hostname == wanted_name]
    elif len(seen) == 1:
        fitting = seen
    else:
        fitting = [each for each in seen if ap is not None and each.hostname == ap.id]
    return fitting[0] if len(fitting) == 1 else None


def _radio(radio: Radio, there: tuple[ApRadio, ...]) -> ApRadio | None:
    """By number, where the inventory gives one; else the only one of the band."""
    if radio.ifname is not None:
        fitting = [each for each in there if str(each.id) == radio.ifname and each.band in (None, radio.band)]
    else:
        fitting = [each for each in there if each.band is radio.band]
    return fitting[0] if len(fitting) == 1 else None


def at(place: Place, there: Iterable[Ap]) -> tuple[Ap, ApRadio] | None:
    """The AP and its radio in an answer; None: not in it."""
    for ap in there:
        if ap.hostname == place.hostname:
            for radio in ap.radios:
                if (radio.id, radio.frequency) == (place.id, place.frequency):
                    return ap, radio
    return None


class Mark(NamedTuple):
    """What a radio is found by."""

    hostname: str
    id: int
    frequency: str
    band: Band | None


def marks(there: Iterable[Ap]) -> frozenset[Mark]:
    return frozenset(
        Mark(ap.hostname, radio.id, radio.frequency, radio.band) for ap in there for radio in ap.radios
    )


def listed(there: Iterable[Ap]) -> tuple[FoundAp, ...]:
    return tuple(
        FoundAp(
            mac=ap.mac,
            name=ap.hostname,
            radios=tuple(FoundRadio(name=str(radio.id), band=radio.band) for radio in ap.radios),
        )
        for ap in there
    )
