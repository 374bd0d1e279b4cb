"""A radio of the inventory among the interfaces of a device. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drivers.errors import PersonNeeded
from drivers.hostapd import reading
from drivers.hostapd.parse import Interface
from drivers.hostapd.reading import Found
from drivers.types import FoundAp, FoundRadio
from inventory.model import Band, Radio, RadioKey


def find(
    radio: Radio, interfaces: Iterable[Interface], widths: Mapping[int, Mapping[Band, tuple[int, ...]]]
) -> Found | None:
    """The inventory's radio among the interfaces: by its name, else by its band.

    Raises PersonNeeded where two fit.
    """
    listed = [each for each in interfaces if each.phy is not None]
    access = [each for each in listed if each.kind == "AP"]
    fitting = [each for each in listed if each.name == radio.ifname]
    if radio.ifname is None:
        fitting = [each for each in access if _band_of(each, widths) is radio.band]
    if len({each.phy for each in fitting}) > 1:
        names = ", ".join(each.name for each in fitting)
        raise PersonNeeded(f"{radio.key}: more than one {radio.band} GHz radio ({names}): give it an ifname")
    if not fitting or (phy := fitting[0].phy) is None:
        return None
    name = min(each.name for each in fitting)
    bss = tuple(each.name for each in access if each.phy == phy)
    return Found(key=radio.key, band=radio.band, ifname=name, phy=phy, bss=bss or (name,))


def again(
    radios: Iterable[Radio],
    known: Mapping[RadioKey, Found],
    interfaces: Iterable[Interface],
    widths: Mapping[int, Mapping[Band, tuple[int, ...]]],
) -> tuple[dict[RadioKey, Found], set[RadioKey]]:
    """Those that are where they were, with the BSSs that they have now; and those that have come, or are
    elsewhere. On a phy that was not there before any that is missing may have come: of a silent interface
    only its phy's bands tell. Raises PersonNeeded where two fit."""
    listed, radios = tuple(interfaces), tuple(radios)
    found = (find(radio, listed, widths) for radio in radios)
    now = {each.key: each for each in found if each is not None}
    same = {key: each for key, each in now.items() if each.is_where(known.get(key))}
    came = now.keys() - same.keys()
    if any(each.kind == "AP" and each.phy is not None and each.phy not in widths for each in listed):
        came |= {radio.key for radio in radios} - known.keys()
    return same, came


def listed(
    interfaces: Iterable[Interface],
    widths: Mapping[int, Mapping[Band, tuple[int, ...]]],
    known: Iterable[Found],
) -> FoundAp:
    """The AP with all its radios, one for each phy that has an AP interface; a radio of the inventory under
    the name that it was found by."""
    names = {each.phy: each.ifname for each in known}
    access = sorted((each for each in interfaces if each.kind == "AP"), key=lambda each: each.name)
    first = {each.phy: each for each in reversed(access) if each.phy is not None}
    radios = tuple(
        FoundRadio(name=names.get(phy, each.name), band=_band_of(each, widths))
        for phy, each in sorted(first.items())
    )
    return FoundAp(mac=min((each.mac for each in access if each.mac), default=None), radios=radios)


def _band_of(interface: Interface, widths: Mapping[int, Mapping[Band, tuple[int, ...]]]) -> Band | None:
    """Of its channel; of a silent interface what its phy can do, if that is one band."""
    if interface.frequency_mhz is not None:
        return reading.band_of(interface.frequency_mhz)
    bands = tuple(widths.get(interface.phy, {})) if interface.phy is not None else ()
    return bands[0] if len(bands) == 1 else None
