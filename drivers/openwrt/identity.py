"""Who an AP is: `system board`, and a MAC of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.hostapd.parse import MAC

_OWN: Final = ("br-lan", "eth0", "lan")  # the label's MAC is that of the bridge or of the first port


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """``mac`` lower case; None: not told. What else is not told has a plain name of its own."""

    vendor: str
    model: str
    version: str
    name: str | None
    mac: str | None

    @property
    def text(self) -> str:
        """What stays the same for as long as nobody replaces the AP, where the transport proves nothing."""
        return self.mac or f"{self.model} {self.name or ''}".strip()


def identity(board: Mapping[str, Any], devices: Mapping[str, Any]) -> Identity:
    """``devices``: what `network.device status` answers; empty where that is not granted."""
    release = board.get("release")
    told = release if isinstance(release, dict) else {}
    words = [_word(told.get("version")), _word(told.get("revision"))]
    return Identity(
        vendor=_word(told.get("distribution")) or "OpenWrt",
        model=_word(board.get("model")) or _word(board.get("system")) or "OpenWrt AP",
        version=" ".join(word for word in words if word),
        name=_word(board.get("hostname")),
        mac=_mac(devices),
    )


def _mac(devices: Mapping[str, Any]) -> str | None:
    macs = {
        name: each["macaddr"].lower()
        for name, each in devices.items()
        if isinstance(each, dict)
        and isinstance(each.get("macaddr"), str)
        and re.fullmatch(MAC, each["macaddr"])
    }
    first = next((macs[name] for name in _OWN if name in macs), None)
    return first or min((mac for mac in macs.values() if mac != "00:00:00:00:00:00"), default=None)


def _word(value: object) -> str | None:
    return " ".join(value.split())[:80] or None if isinstance(value, str) else None
