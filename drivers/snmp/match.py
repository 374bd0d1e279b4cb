"""Which radio on the device is which of the inventory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    there = _There(found)
    result: dict[RadioKey, Located] = {}
    for ap_key, wanted in by_ap.items():
        result |= _radios(wanted, there.of_ap(known.get(ap_key.rpartition("/")[2])))
    return result


class _There:
    """The radios of a device by the MAC and by the name of their AP."""

    def __init__(self, found: Iterable[Located]) -> None:
        self._by_mac: dict[str | None, list[Located]] = {}
        self._by_name: dict[str | None, list[Located]] = {}
        self._all: dict[tuple[str | None, str | None], list[Located]] = {}
        for one in found:
            self._by_mac.setdefault(one.ap_mac, []).append(one)
            self._by_name.setdefault(one.ap_name, []).append(one)
            self._all.setdefault((one.ap_mac, one.ap_name), []).append(one)

    def of_ap(self, ap: AccessPoint | None) -> Sequence[Located]:
        """By MAC, by name, by its id as a name; an AP that is the only one needs no `match`."""
        match = ap.match if ap is not None else {}
        if "mac" in match:
            mac = _mac(match["mac"])
            return self._by_mac.get(mac, ()) if mac is not None else ()
        if "name" in match:
            return self._by_name.get(match["name"], ())
        if len(self._all) == 1:
            return next(iter(self._all.values()))
        return self._by_name.get(ap.id, ()) if ap is not None else ()


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
