"""Lines of an attached `hostapd_cli` -> events. Pure.

Source: hostapd 2.10 `src/ap/dfs.c`, `drv_callbacks.c`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from drivers.errors import Garbage
from drivers.hostapd.parse import MAC, number, width_of, within
from inventory.channels import channel_of


class EventKind(StrEnum):
    RADAR = "DFS-RADAR-DETECTED"
    NEW_CHANNEL = "DFS-NEW-CHANNEL"
    NOP_FINISHED = "DFS-NOP-FINISHED"
    CAC_START = "DFS-CAC-START"
    CAC_COMPLETED = "DFS-CAC-COMPLETED"
    SWITCHED = "CTRL-EVENT-CHANNEL-SWITCH"
    CSA_FINISHED = "AP-CSA-FINISHED"
    ENABLED = "AP-ENABLED"
    DISABLED = "AP-DISABLED"
    INTERFACE_DISABLED = "INTERFACE-DISABLED"
    INTERFACE_ENABLED = "INTERFACE-ENABLED"
    CLIENT_CAME = "AP-STA-CONNECTED"
    CLIENT_LEFT = "AP-STA-DISCONNECTED"
    TERMINATING = "CTRL-EVENT-TERMINATING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``mhz20``: centres of the 20 MHz channels that it is about. ``ifname``: as the line itself says."""

    kind: EventKind
    ifname: str | None = None
    frequency_mhz: int | None = None
    width_mhz: int | None = None
    center_mhz: int | None = None
    mhz20: frozenset[int] = frozenset()
    success: bool | None = None
    cac_s: float | None = None
    mac: str | None = None
    raw: str = ""


_KINDS: Final[Mapping[str, EventKind]] = MappingProxyType({kind.value: kind for kind in EventKind})
_NEEDS_FREQUENCY: Final = frozenset(
    {
        EventKind.RADAR,
        EventKind.NOP_FINISHED,
        EventKind.CAC_START,
        EventKind.CAC_COMPLETED,
        EventKind.SWITCHED,
    }
)
# enum chan_width of hostapd's src/drivers/driver.h, 2.10 and later: 6 to 9 are 60 GHz.
_CHAN_WIDTH: Final[Mapping[int, int]] = MappingProxyType({0: 20, 1: 20, 2: 40, 3: 80, 4: 80, 5: 160, 10: 320})
_OPER_CHWIDTH: Final[Mapping[int, int]] = MappingProxyType({1: 80, 2: 160, 3: 80})
_NOISE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x1f\x7f]")
_LINE: Final = re.compile(r"(?:> )*(?:IFNAME=(\S+) )?(?:<\d>)?(?:IFNAME=(\S+) )?([A-Z][A-Z0-9-]+)(?: (.*))?$")


def event(line: str) -> Event | None:
    """None: not an event, or one that says nothing about radios.

    Raises Garbage for one of ours that lacks what it must say: the caller should poll.
    """
    found = _LINE.match(_NOISE.sub("", line).strip())
    kind = _KINDS.get(found[3]) if found else None
    if found is None or kind is None:
        return None
    rest = found[4] or ""
    values = dict(re.findall(r"\b(\w+)=([^\s,]+)", rest))
    frequency = _frequency(values)
    if frequency is None and kind in _NEEDS_FREQUENCY:
        raise Garbage(f"{kind} without a frequency: {line[:120]!r}")
    width, center = _block(kind, values, frequency)
    mac = re.match(MAC, rest)
    return Event(
        kind=kind,
        ifname=found[1] or found[2],
        frequency_mhz=frequency,
        width_mhz=width,
        center_mhz=center,
        mhz20=_mhz20(values, frequency, width, center),
        success=values["success"] == "1" if "success" in values else None,
        cac_s=within(values.get("cac_time"), 0, 86_400),
        mac=mac[0].lower() if mac else None,
        raw=line.strip()[:256],
    )


def _frequency(values: Mapping[str, str]) -> int | None:
    frequency = number(values.get("freq"))
    return frequency if frequency is not None and _is_channel(frequency) else None


def _is_channel(mhz: int) -> bool:
    try:
        channel_of(mhz)
    except ValueError:
        return False
    return True


def _block(
    kind: EventKind, values: Mapping[str, str], frequency: int | None
) -> tuple[int | None, int | None]:
    """(width, centre) in MHz; three kinds of line say it in three ways."""
    if frequency is None:
        return None, None
    if kind in (EventKind.CAC_START, EventKind.NEW_CHANNEL):
        return _configured(values, frequency)
    if kind is EventKind.SWITCHED:
        width = width_of(values.get("ch_width"))
    else:
        width = (
            _CHAN_WIDTH.get(within(values.get("chan_width"), 0, 10) or 0) if "chan_width" in values else None
        )
    offset = within(values.get("ch_offset") or values.get("chan_offset"), -1, 1) or 0
    center = number(values.get("cf1")) or None
    if center is None and width is not None:
        center = frequency if width == 20 else frequency + 10 * offset if width == 40 and offset else None
    return width, _holding(frequency, width, center)


def _holding(frequency: int, width: int | None, center: int | None) -> int | None:
    """The centre, if the block around it has this primary in it."""
    return center if center is not None and abs(center - frequency) <= (width or 0) // 2 else None


def _configured(values: Mapping[str, str], frequency: int) -> tuple[int | None, int | None]:
    """``sec_chan``, ``width`` (VHT operating width) and ``seg0`` (centre channel)."""
    offset = within(values.get("sec_chan"), -1, 1) or 0
    wide = _OPER_CHWIDTH.get(number(values.get("width")) or 0)
    primary, center = number(values.get("chan")), number(values.get("seg0"))
    if wide and primary is not None and center:
        return wide, _holding(frequency, wide, frequency + 5 * (center - primary))
    if "width" not in values:
        return None, None
    return (40, frequency + 10 * offset) if offset else (20, frequency)


def _mhz20(
    values: Mapping[str, str], frequency: int | None, width: int | None, center: int | None
) -> frozenset[int]:
    """Channels of the block and, for 80+80 MHz, of the second one; at least the primary."""
    if frequency is None:
        return frozenset()
    blocks = [(center, width)]
    if number(values.get("chan_width")) == 4:
        blocks.append((within(values.get("cf2"), 5000, 7200), 80))
    parts = [part for middle, wide in blocks for part in _parts(middle, wide)]
    return frozenset({frequency, *filter(_is_channel, parts)})


def _parts(center: int | None, width: int | None) -> range:
    if center is None or width is None:
        return range(0)
    return range(center - width // 2 + 10, center + width // 2, 20)
