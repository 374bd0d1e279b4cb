"""OBSS-PD as OpenWrt's UCI has it: options of a `wifi-device`. Pure.

Source: wifi-scripts `ucode/wifi/hostapd.uc` and the older `mac80211.sh` (22.03 to 24.10), which write the
lines only for an HE or EHT radio whose BSS colour is on; mt7915 and mt7996 ignore the level unless their
module parameter `sr_scene_detect` is 0, and nothing tells. So what is read is what is configured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.errors import Unsupported
from drivers.hostapd.spatial_reuse import LEAST_DBM, MOST_DBM
from drivers.openwrt.render import UciValue

_CONTROL: Final = "he_spr_sr_control"
_OFFSET: Final = "he_spr_non_srg_obss_pd_max_offset"
_COLOR_ENABLED: Final = "he_bss_color_enabled"
_DISALLOWED: Final = 1 << 1  # non-SRG OBSS-PD SR disallowed; OpenWrt's default is 3
_DEFAULT_CONTROL: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class UciReuse:
    """``control``: as configured, 3 where it is not; ``offset``: dB above -82 dBm, 0: none told;
    ``colored``: BSS colour is on, without which the rest is not written; ``written``: options that are there.
    """

    control: int = _DEFAULT_CONTROL
    offset: int = 0
    colored: bool = True
    written: tuple[str, ...] = ()

    @property
    def obss_pd_dbm(self) -> int:
        """Of other networks' frames up to this level the radio may talk over them, as configured."""
        if self.control & _DISALLOWED or not self.colored:
            return LEAST_DBM
        return LEAST_DBM + self.offset if self.offset else MOST_DBM

    def at(self, dbm: int) -> tuple[Mapping[str, UciValue], tuple[str, ...]]:
        """Options to set and to delete for this level. -82 is OpenWrt's default: spatial reuse disallowed.

        Never '3' written out: the shell scripts of 22.03 to 24.10 take the option for a boolean.
        Raises Unsupported outside -82 to -62 dBm: the kernel would refuse, and the radio stay off.
        """
        if not LEAST_DBM <= dbm <= MOST_DBM:
            raise Unsupported(f"an OBSS-PD level of {dbm} dBm is outside {LEAST_DBM} to {MOST_DBM}")
        if dbm == LEAST_DBM:
            return {}, self.written
        values: dict[str, UciValue] = {_CONTROL: "0", _OFFSET: str(dbm - LEAST_DBM)}
        return (values if self.colored else {**values, _COLOR_ENABLED: "1"}), ()


def of_section(section: Mapping[str, object]) -> UciReuse | None:
    """What a `wifi-device` section says; None: its options make no sense, or its radio speaks no HE."""
    if not re.fullmatch(r"(HE|EHT)\d{2,3}", str(section.get("htmode", ""))):
        return None
    control = _number(section.get(_CONTROL, str(_DEFAULT_CONTROL)))
    offset = _number(section.get(_OFFSET, "0"))
    if control is None or offset is None or not 0 <= offset <= MOST_DBM - LEAST_DBM:
        return None
    return UciReuse(
        control=control,
        offset=offset,
        colored=section.get(_COLOR_ENABLED, "1") != "0",
        written=tuple(name for name in (_CONTROL, _OFFSET) if name in section),
    )


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,3}", value, re.ASCII) else None
