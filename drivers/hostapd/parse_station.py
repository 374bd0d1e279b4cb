"""What hostapd itself says of a station: `hostapd_cli all_sta`, `sta ADDRESS`. Pure.

Source: hostapd 2.10 `src/ap/ctrl_iface_ap.c`; capability bits of IEEE 802.11-2020 9.4.2.55 (HT), 9.4.2.157
(VHT) and 9.4.2.26 (extended).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.hostapd.parse import MAC
from inventory.model import Band

_HT_40: Final = 1 << 1  # supported channel width set: 20 and 40 MHz
_VHT_160: Final = 0b11 << 2  # supported channel width set: more than 80 MHz
_BSS_TRANSITION: Final = 19  # bit of the extended capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """``bss_transition``: it says that it understands BSS-transition requests. ``associated`` False: it has
    moved on to another BSS, and its entry is not gone yet."""

    mac: str
    associated: bool
    ht: bool
    ht_40: bool | None = None
    vht: bool = False
    vht_160: bool | None = None
    bss_transition: bool = False

    def max_width_mhz(self, band: Band) -> int | None:
        """The widest channel in MHz that it can use in this band; None: not told. Of HE hostapd 2.10 tells
        nothing, and at 6 GHz there is nothing else."""
        if band is Band.GHZ_6:
            return None
        if band is Band.GHZ_5 and self.vht:
            return None if self.vht_160 is None else 160 if self.vht_160 else 80
        if self.ht:
            return None if self.ht_40 is None else 40 if self.ht_40 else 20
        return 20


def stations(text: str) -> dict[str, Station]:
    """Stations by their address. What is not told is unknown; the answer of an empty BSS is empty."""
    _, *parts = re.split(rf"^({MAC})$", text, flags=re.M)
    bodies = zip(parts[::2], parts[1::2], strict=True)
    return {mac.lower(): _station(mac.lower(), body) for mac, body in bodies}


def _station(mac: str, body: str) -> Station:
    values = dict(re.findall(r"^(\w+)=(.*)$", body, re.M))
    flags = values.get("flags", "")
    ht, vht = (_bits(values, f"{name}_caps_info") for name in ("ht", "vht"))
    return Station(
        mac=mac,
        associated="[ASSOC]" in flags,
        ht="[HT]" in flags,
        ht_40=None if ht is None else bool(ht & _HT_40),
        vht="[VHT]" in flags,
        vht_160=None if vht is None else bool(vht & _VHT_160),
        bss_transition=_extended(values.get("ext_capab", ""), _BSS_TRANSITION),
    )


def _bits(values: Mapping[str, str], name: str) -> int | None:
    found = re.fullmatch(r"(?:0x)?([0-9a-fA-F]{1,8})", values.get(name, ""))
    return int(found[1], 16) if found else None


def _extended(text: str, bit: int) -> bool:
    """One bit of the extended capabilities, which come as octets in hex, the lowest bits first."""
    octets = bytes.fromhex(text) if re.fullmatch(r"(?:[0-9a-fA-F]{2}){1,32}", text) else b""
    return bit // 8 < len(octets) and bool(octets[bit // 8] & (1 << bit % 8))
