"""Which radio on the device is which of the inventory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drivers.errors import Garbage
from drivers.snmp.parse_radio import Located
from drivers.snmp.parse_value import mac_of
from inventory.model import AccessPoint, Radio, RadioKey, ap_of


@dataclass(frozen=True, slots=True)
class Matched:
    """``doubts``: why a radio or an AP (``site/ap``) of the inventory was given none of those that are
    there."""

    radios: Mapping[RadioKey, Located]
    doubts: Mapping[str, str]


def matched(aps: Sequence[AccessPoint], radios: Iterable[Radio], found: Sequence[Located]) -> Matched:
    """Each radio of the inventory that is there, once: by `ifname` where the site file has one, else by band
    where only one of the AP's radios has it. One on the device is one of the inventory's only."""
    by_ap: dict[str, list[Radio]] = {}
    for radio in radios:
        by_ap.setdefault(ap_of(radio.key), []).append(radio)
    known = {ap.id: ap for ap in aps}
    there = _There(found, alone=len(by_ap) <= 1)
    result: dict[RadioKey, Located] = {}
    doubts: dict[str, str] = {}
    taken: dict[tuple[str, str], RadioKey] = {}
    for ap_key, wanted in by_ap.items():
        mine = there.of_ap(known.get(ap_key.rpartition("/")[2]))
        if len({one.ap_mac for one in mine}) > 1:
            doubts[ap_key] = f"several APs are called {mine[0].ap_name}: match one by its mac"
            continue
        for key, one in _radios(wanted, mine).items():
            other = taken.setdefault((one.row.table, one.row.suffix), key)
            if other == key:
                result[key] = one
            else:
                doubts[key] = f"it would be the same radio as {other}"
    return Matched(result, doubts)


class _There:
    """The radios of a device by the MAC and by the name of their AP. ``alone``: the inventory has one AP."""

    def __init__(self, found: Iterable[Located], *, alone: bool) -> None:
        self._by_mac: dict[str | None, list[Located]] = {}
        self._by_name: dict[str | None, list[Located]] = {}
        self._all: dict[tuple[str | None, str | None], list[Located]] = {}
        self._alone = alone
        for one in found:
            self._by_mac.setdefault(one.ap_mac, []).append(one)
            self._by_name.setdefault(_folded(one.ap_name), []).append(one)
            self._all.setdefault((one.ap_mac, one.ap_name), []).append(one)

    def of_ap(self, ap: AccessPoint | None) -> Sequence[Located]:
        """By MAC and by name, all that is given; by its id as a name; an AP that is the only one needs no
        `match`."""
        match = ap.match if ap is not None else {}
        if "mac" in match:
            mac, name = _mac(match["mac"]), _folded(match.get("name"))
            mine = self._by_mac.get(mac, ()) if mac is not None else ()
            return [one for one in mine if name is None or _folded(one.ap_name) == name]
        if "name" in match:
            return self._by_name.get(_folded(match["name"]), ())
        if len(self._all) == 1 and self._alone:
            return next(iter(self._all.values()))
        return self._by_name.get(_folded(ap.id), ()) if ap is not None else ()


def _folded(name: str | None) -> str | None:
    """Controllers take names in any case, and so do their traps."""
    return None if name is None else name.strip().casefold()


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
