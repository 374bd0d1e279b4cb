"""What a phy can do and may do: `iw phy X info`, `iw phy X channels`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from drivers.errors import Garbage
from drivers.hostapd.parse import power_of, within
from inventory.model import Band

_BANDS: Final[Mapping[str, Band]] = MappingProxyType({"1": Band.GHZ_2_4, "2": Band.GHZ_5, "4": Band.GHZ_6})


class Dfs(StrEnum):
    """Kernel's state of a radar channel (nl80211_dfs_state)."""

    USABLE = "usable"  # after a CAC
    AVAILABLE = "available"  # CAC done
    UNAVAILABLE = "unavailable"  # in its non-occupancy period


@dataclass(frozen=True, slots=True, kw_only=True)
class PhyChannel:
    """One 20 MHz channel. ``since_s``: how long it has been in this DFS state."""

    mhz: int
    disabled: bool = False
    no_ir: bool = False  # only where another AP is heard: no AP may start here
    max_power_dbm: float | None = None
    dfs: Dfs | None = None  # None: no radar detection needed
    since_s: int | None = None
    cac_s: float | None = None

    @property
    def allowed(self) -> bool:
        return not self.disabled and not self.no_ir


def channels(text: str) -> dict[int, PhyChannel]:
    """Channels of all bands by their frequency in MHz."""
    first, *parts = re.split(r"^[ \t]*\* (?=\d+(?:\.\d+)? MHz)", text, flags=re.M | re.ASCII)
    if not parts or not first.lstrip().startswith("Band"):
        raise Garbage(f"iw phy channels without channels: {text[:80]!r}")
    return {each.mhz: each for each in map(_channel, parts) if each is not None}


def _channel(part: str) -> PhyChannel | None:
    """None: of a frequency that Wi-Fi of ours has no channel at."""
    if (mhz := within(part, 2400, 7200)) is None:
        return None
    power = re.search(r"Maximum TX power: (-?\d{1,3}(?:\.\d+)?) dBm", part, re.ASCII)
    dfs = re.search(r"DFS state: (usable|available|unavailable)(?: \(for (\d{1,9}) sec\))?", part, re.ASCII)
    cac = re.search(r"DFS CAC time: (\d{1,9}) ms", part, re.ASCII)
    radar = Dfs.USABLE if re.search(r"Radar detection", part, re.I) else None  # the state is not told
    return PhyChannel(
        mhz=mhz,
        disabled="(disabled)" in part,
        no_ir=re.search(r"No IR\b", part, re.I) is not None,
        max_power_dbm=power_of(power[1]) if power else None,
        dfs=Dfs(dfs[1]) if dfs else radar,
        since_s=int(dfs[2]) if dfs and dfs[2] else None,
        cac_s=int(cac[1]) / 1000 if cac else None,
    )


def widths(text: str) -> dict[Band, tuple[int, ...]]:
    """Widths in MHz that the hardware declares per band."""
    _, *parts = re.split(r"^\tBand (\d+):", text, flags=re.M | re.ASCII)
    if not parts:
        raise Garbage(f"iw phy info without a band: {text[:80]!r}")
    bands = zip(parts[::2], parts[1::2], strict=True)
    return {_BANDS[name]: _widths(body) for name, body in bands if name in _BANDS}


def _widths(body: str) -> tuple[int, ...]:
    vht = re.search(r"VHT Capabilities|HE40/HE80/5GHz", body) is not None
    wide = re.search(r"Supported Channel Width: 160 MHz|HE160/5GHz", body) is not None
    forty = vht or re.search(r"HT20/HT40|HE40/2\.4GHz", body) is not None
    huge = re.search(r"320 ?MHz in 6 ?GHz Supported", body) is not None
    known = {20: True, 40: forty, 80: vht, 160: wide, 320: huge}
    return tuple(width for width, there in known.items() if there)
