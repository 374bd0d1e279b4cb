"""Which radio on the device is which of the inventory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drivers.errors import Garbage
from drivers.snmp.parse_radio import Located
from drivers.snmp.parse_value import mac_of
from inventory.model import AccessPoint, Radio, RadioKey, ap_of


def matched(
    aps: Sequence[AccessPoint], radios: Iterable[Radio], found: Sequence[Located]
) -> dict[RadioKey, Located]:
    """Each radio of the inventory that is there, once: by `ifname` where the site file has one, else by band
    where only one of the AP's radios has it."""
    by_ap: dict[str, list[Radio]] = {}
    for radio in radios:
        by_ap.setdefault(ap_of(radio.key), []).append(radio)
    known = {ap.id: ap for ap in aps}
    groups = _by_ap(found)
    result: dict[RadioKey, Located] = {}
    for ap_key, wanted in by_ap.items():
        ap = known.get(ap_key.rpartition("/")[2])
        result |= _radios(wanted, _of_ap(ap, groups))
    return result


def _by_ap(found: Sequence[Located]) -> Mapping[tuple[str | None, str | None], list[Located]]:
    groups: dict[tuple[str | None, str | None], list[Located]] = {}
    for one in found:
        groups.setdefault((one.ap_mac, one.ap_name), []).append(one)
    return groups


def _of_ap(
    ap: AccessPoint | None, groups: Mapping[tuple[str | None, str | None], list[Located]]
) -> list[Located]:
    """Radios of one AP: by MAC, by name, by its id as a name; an AP that is the only one needs no `match`."""
    match = ap.match if ap is not None else {}
    if "mac" in match:
        return [one for (mac, _), group in groups.items() if mac == _mac(match["mac"]) for one in group]
    name = match.get("name", ap.id if ap is not None and len(groups) > 1 else None)
    if name is not None:
        return [one for (_, told), group in groups.items() if told == name for one in group]
    return next(iter(groups.values()), []) if len(groups) == 1 else []


def _mac(text: str) -> str | None:
    try:
        return mac_of(text)
    except Garbage:
        return None


def _radios(wanted: Sequence[Radio], there: Sequence[Located]) -> dict[RadioKey, Located]:
    result: dict[RadioKey, Located] = {}
    for radio in wanted:
        fitting = [one for one in there if one.band in (None, radio.band)]
        if radio.ifname is not None:
            fitting = [one for one in fitting if one.name == radio.ifname]
        else:
            fitting = [one for one in fitting if one.band is radio.band]
        if len(fitting) == 1:
            result[radio.key] = fitting[0]
    return result
