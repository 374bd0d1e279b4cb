"""APs of an inventory made of what a device found: with ids that are legal and none twice. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from drivers.types import FoundAp, FoundRadio
from inventory.model import AccessPoint, Band, Radio, radio_key

ID_LENGTH: Final = 32
BAND_IDS: Final = {Band.GHZ_2_4: "r2", Band.GHZ_5: "r5", Band.GHZ_6: "r6"}


def legal_id(text: str, taken: Iterable[str] = ()) -> str:
    """The nearest id of a site file (a-z, 0-9 and -, at most 32) that is not taken."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:ID_LENGTH].rstrip("-") or "x"
    used, number, found = frozenset(taken), 1, base
    while found in used:
        number += 1
        tail = f"-{number}"
        found = base[: ID_LENGTH - len(tail)].rstrip("-") + tail
    return found


def aps_of(
    found: Iterable[FoundAp], *, device: str, site: str, taken: Iterable[str] = ()
) -> list[AccessPoint]:
    """An AP of the inventory for each found one that has a radio; it is told apart by its MAC, else by name,
    and the only one of its device by nothing.

    A radio whose band the device does not tell gets 5 GHz: what counts is its name.
    """
    aps: list[AccessPoint] = []
    used = set(taken)
    there = list(found)
    for ap in there:
        if not ap.radios:
            continue
        match = match_of(ap) if len(there) > 1 else {}
        name = legal_id(ap.name or ap.mac or device, used)
        used.add(name)
        aps.append(AccessPoint(id=name, device=device, match=match, radios=_radios(ap.radios, site, name)))
    return aps


def match_of(ap: FoundAp) -> dict[str, str]:
    if ap.mac is not None:
        return {"mac": ap.mac}
    return {"name": ap.name} if ap.name is not None else {}


def _radios(found: Iterable[FoundRadio], site: str, ap: str) -> tuple[Radio, ...]:
    radios: dict[str, Radio] = {}
    for each in found:
        own = legal_id(BAND_IDS[each.band] if each.band else f"r-{each.name}", radios)
        key = radio_key(site, ap, own)
        radios[own] = Radio(key=key, band=each.band or Band.GHZ_5, ifname=each.name)
    return tuple(radios.values())
