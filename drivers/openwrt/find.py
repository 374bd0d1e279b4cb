"""A radio of the inventory among those of an AP. Pure.

Interface names come from the AP: since 23.05 they are phy0-ap0 and not wlan0, and no name exists while a
radio is off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from drivers.errors import PersonNeeded
from drivers.openwrt.parse_wireless import Radio as Device
from inventory.model import Band, Radio, RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A radio of the inventory as it was found. ``section``: its `wifi-device`; ``ifname``: of its first BSS,
    the section's name while there is none; ``bss``: interfaces of all its BSSs."""

    key: RadioKey
    band: Band
    section: str
    ifname: str
    bss: tuple[str, ...]


def find(radio: Radio, devices: Iterable[Device]) -> Found | None:
    """By the name that the inventory gives it (an interface or a `wifi-device`), else by its band.

    None: there is none. Raises PersonNeeded where two fit.
    """
    if radio.ifname is not None:
        fitting = [each for each in devices if radio.ifname in (each.section, *each.bss)]
    else:
        fitting = [each for each in devices if each.band is radio.band]
    if len(fitting) > 1:
        names = ", ".join(each.section for each in fitting)
        raise PersonNeeded(f"{radio.key}: more than one {radio.band} GHz radio ({names}): give it an ifname")
    return found(radio.key, radio.band, fitting[0]) if fitting else None


def found(key: RadioKey, band: Band, device: Device) -> Found:
    """What netifd says of it now."""
    names = device.bss
    return Found(
        key=key, band=band, section=device.section, ifname=names[0] if names else device.section, bss=names
    )
