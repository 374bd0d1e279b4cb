"""Which radio of the inventory is which on the controller. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from drivers.netconf.cisco.parse import Ap, Slot
from drivers.netconf.cisco.parse import Radio as There
from drivers.types import FoundAp, FoundRadio
from inventory.model import AccessPoint, Band, Radio, RadioKey


def slots(
    wanted: Iterable[AccessPoint], aps: Mapping[str, Ap], radios: Iterable[There]
) -> dict[RadioKey, Slot]:
    """Radios that the controller has. An AP is known by its `match`: either of its MACs, or its name; without
    one by its name."""
    there = list(radios)
    found: dict[RadioKey, Slot] = {}
    for ap in wanted:
        if (host := _host(ap, aps)) is not None:
            for radio in ap.radios:
                fitting = [each for each in there if each.key.mac == host.mac and _fits(radio, each)]
                if len(fitting) == 1:
                    found[radio.key] = fitting[0].key
    return found


def _host(ap: AccessPoint, aps: Mapping[str, Ap]) -> Ap | None:
    mac, name = ap.match.get("mac", "").lower(), ap.match.get("name", "" if "mac" in ap.match else ap.id)
    fitting = [each for each in aps.values() if mac in (each.mac, each.ethernet) or name == each.name]
    return fitting[0] if len(fitting) == 1 else None


def _fits(radio: Radio, there: There) -> bool:
    """By its slot, where the inventory gives one; else it must be the only one that serves the band."""
    if radio.ifname is not None:
        return str(there.key.slot) == radio.ifname
    return there.serves and there.band is radio.band


class Mark(NamedTuple):
    """What a radio is found by; ``band`` None: it serves none."""

    mac: str
    slot: int
    band: Band | None


def marks(radios: Iterable[There]) -> frozenset[Mark]:
    return frozenset(Mark(each.key.mac, each.key.slot, each.band if each.serves else None) for each in radios)


def listed(aps: Mapping[str, Ap], radios: Iterable[There]) -> tuple[FoundAp, ...]:
    by_ap: dict[str, list[FoundRadio]] = {}
    for each in radios:
        by_ap.setdefault(each.key.mac, []).append(FoundRadio(name=str(each.key.slot), band=each.band))
    return tuple(
        FoundAp(mac=ap.mac, name=ap.name, model=ap.model, radios=tuple(by_ap.get(ap.mac, ())))
        for ap in aps.values()
    )
