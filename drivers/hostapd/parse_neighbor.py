"""APs that a client can be pointed to: hostapd's 802.11k list (`show_neighbor`) and what was heard. Pure.

Source: hostapd 2.10 `hostapd_ctrl_iface_show_neighbor`; Neighbor Report element, IEEE 802.11-2020 9.4.2.36;
operating classes of 20 MHz channels, table E-4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from drivers.hostapd.parse import MAC
from inventory.channels import channel_of
from inventory.model import Band

_UNKNOWN_REACH: Final = 2  # BSSID information: AP reachability unknown
_PHY_TYPES: Final = {Band.GHZ_2_4: 7, Band.GHZ_5: 9, Band.GHZ_6: 14}  # at least HT, VHT, HE
_CLASSES: Final = {
    Band.GHZ_2_4: ((1, 81), (14, 82)),
    Band.GHZ_5: ((36, 115), (52, 118), (100, 121), (149, 125)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a Neighbor Report element says of one BSS. ``info``: its BSSID information field."""

    bssid: str
    op_class: int
    channel: int
    phy_type: int
    info: int = _UNKNOWN_REACH


def listed(text: str) -> dict[str, Target]:
    """hostapd's own list, by BSSID; entries that are too short for an element are left out."""
    found = re.findall(rf"^{MAC} .*?nr=([0-9a-fA-F]{{26,512}})\b", text, re.M)
    targets = (_target(bytes.fromhex(each[: len(each) // 2 * 2])) for each in found)
    return {target.bssid: target for target in targets}


def _target(element: bytes) -> Target:
    return Target(
        bssid=element[:6].hex(":"),
        info=int.from_bytes(element[6:10], "little"),
        op_class=element[10],
        channel=element[11],
        phy_type=element[12],
    )


def heard(bssid: str, mhz: int) -> Target:
    """A BSS of which only the primary channel (MHz) is known. ValueError when there is no such channel."""
    band, channel = channel_of(mhz)
    classes = [number for first, number in _CLASSES.get(band, ((1, 131),)) if channel >= first]
    return Target(bssid=bssid.lower(), op_class=classes[-1], channel=channel, phy_type=_PHY_TYPES[band])
