"""`hostapd.<ifname> get_status`. Pure.

``freq`` and ``op_class`` are what hostapd wants: during a channel switch they are new before the radio is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.errors import Garbage
from drivers.hostapd.parse import MAC
from inventory.channels import channel_of

_MOST: Final = 255  # BSS Load element, IEEE 802.11-2020 9.4.2.27
# Operating classes, IEEE 802.11-2020 table E-4.
_WIDTHS: Final = {
    **dict.fromkeys((81, 82, 115, 118, 121, 124, 125, 131), 20),
    **dict.fromkeys((83, 84, 116, 117, 119, 120, 122, 123, 126, 127, 132), 40),
    **dict.fromkeys((128, 130, 133, 135), 80),  # of 80+80 MHz the half with the primary
    **dict.fromkeys((129, 134), 160),
    137: 320,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """``state``: ENABLED, DFS, ACS ...; ``busy_ratio``: channel utilisation 0..1; ``cac_s``: of the channel
    that it is on or listens to; ``bssid`` lower case."""

    state: str
    bssid: str | None = None
    ssid: str | None = None
    frequency_mhz: int | None = None
    width_mhz: int | None = None
    phy: str | None = None
    busy_ratio: float | None = None
    cac_s: float | None = None
    cac_left_s: float | None = None


def status(said: Mapping[str, Any]) -> Status:
    """Raises Garbage."""
    state = said.get("status")
    if not isinstance(state, str) or not re.fullmatch(r"[A-Z_]{2,32}", state):
        raise Garbage("hostapd get_status without a status")
    dfs, airtime = said.get("dfs"), said.get("airtime")
    bssid, ssid, phy = said.get("bssid"), said.get("ssid"), said.get("phy")
    active = isinstance(dfs, dict) and dfs.get("cac_active") is True
    return Status(
        state=state,
        bssid=bssid.lower() if isinstance(bssid, str) and re.fullmatch(MAC, bssid) else None,
        ssid=ssid if isinstance(ssid, str) else None,
        frequency_mhz=frequency(said.get("freq")),
        width_mhz=_WIDTHS.get(whole(said.get("op_class"), 255) or 0),
        phy=phy if isinstance(phy, str) else None,
        busy_ratio=_ratio(airtime),
        cac_s=whole(dfs.get("cac_seconds"), 86_400) or None if isinstance(dfs, dict) else None,
        cac_left_s=whole(dfs.get("cac_seconds_left"), 86_400) if isinstance(dfs, dict) and active else None,
    )


def _ratio(airtime: object) -> float | None:
    """``utilization`` counts 0 to 255; before the first beacon interval has passed it says nothing."""
    if not isinstance(airtime, dict) or not whole(airtime.get("time"), 2**63):
        return None
    used = whole(airtime.get("utilization"), _MOST)
    return None if used is None else used / _MOST


def frequency(value: object) -> int | None:
    """MHz that is the centre of a 20 MHz channel."""
    mhz = whole(value, 10_000)
    if mhz is None:
        return None
    try:
        channel_of(mhz)
    except ValueError:
        return None
    return mhz


def whole(value: object, most: int) -> int | None:
    """A number of JSON from 0 to ``most``; else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None
