"""`network.wireless status` and `uci get`: what netifd has loaded and what the file says. Pure.

Neither says what is on air. Both hold the Wi-Fi passwords: no message here repeats a value of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from drivers.errors import Garbage
from inventory.model import Band

_BANDS: Final = {"2g": Band.GHZ_2_4, "5g": Band.GHZ_5, "6g": Band.GHZ_6}
_HWMODES: Final = {"11a": Band.GHZ_5, "11b": Band.GHZ_2_4, "11g": Band.GHZ_2_4}  # before 21.02
_IFNAME: Final = re.compile(r"(?!-)(?!\.{1,2}$)[A-Za-z0-9_.:@-]{1,15}", re.ASCII)
Option = bool | str | tuple[str, ...]
_UPLINKS: Final = frozenset({"sta", "mesh", "adhoc", "wds"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One `wifi-iface`. ``ifname`` None: it does not exist now (radio off, or starting)."""

    section: str
    mode: str
    ifname: str | None = None
    ssid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """One `wifi-device`, as netifd loaded it. ``channel`` None: auto (ACS) or nonsense; ``width_mhz`` None:
    not said. ``options``: all that netifd loaded for it. ``up`` is true of a radio that listens for radar
    and of one that radar has silenced, too."""

    section: str
    band: Band | None = None
    up: bool = False
    pending: bool = False
    disabled: bool = False
    failed: bool = False
    automatic: bool = False
    channel: int | None = None
    htmode: str | None = None
    country: str | None = None
    channels: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=lambda: MappingProxyType({}))
    interfaces: tuple[Interface, ...] = field(default=())

    @property
    def bss(self) -> tuple[str, ...]:
        """Interfaces of its BSSs that exist, as netifd lists them: the first is the radio's own."""
        return tuple(each.ifname for each in self.interfaces if each.mode == "ap" and each.ifname)

    @property
    def uplink(self) -> bool:
        return any(each.mode in _UPLINKS and each.ifname for each in self.interfaces)

    @property
    def width_mhz(self) -> int | None:
        return width_of(self.htmode)


def radios(said: Mapping[str, Any]) -> tuple[Radio, ...]:
    """All radios that netifd knows, in its order. Raises Garbage."""
    found = tuple(_radio(name, each) for name, each in said.items() if isinstance(each, dict))
    if said and not found:
        raise Garbage("network.wireless status without a radio")
    return found


def _radio(name: str, said: Mapping[str, Any]) -> Radio:
    config = _mapping(said.get("config"))
    channel = text(config.get("channel"))
    listed = said.get("interfaces")
    return Radio(
        section=name,
        band=_band(config),
        up=said.get("up") is True,
        pending=said.get("pending") is True,
        disabled=said.get("disabled") is True or is_on(config.get("disabled")),
        failed=said.get("retry_setup_failed") is True,
        automatic=channel == "auto",
        channel=_channel(channel),
        htmode=text(config.get("htmode")),
        country=text(config.get("country")),
        channels=_listed(config.get("channels")),
        options={name: each for name, value in config.items() if (each := _option(value)) is not None},
        interfaces=tuple(_interface(each) for each in listed if isinstance(each, dict))
        if isinstance(listed, list)
        else (),
    )


def _channel(said: str | None) -> int | None:
    found = number(said)
    return found if found is not None and 1 <= found <= 233 else None


def _interface(said: Mapping[str, Any]) -> Interface:
    config = _mapping(said.get("config"))
    name = text(said.get("ifname"))
    return Interface(
        section=text(said.get("section")) or "",
        mode=text(config.get("mode")) or "ap",
        ifname=name if name and _IFNAME.fullmatch(name) else None,
        ssid=text(config.get("ssid")),
    )


def _band(config: Mapping[str, Any]) -> Band | None:
    """Of an old configuration without either by its channel."""
    known = _BANDS.get(str(config.get("band"))) or _HWMODES.get(str(config.get("hwmode")))
    channel = _channel(text(config.get("channel")))
    return known or (None if channel is None else Band.GHZ_2_4 if channel <= 14 else Band.GHZ_5)


def sections(said: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What `uci get` of a whole config answers, by section. Raises Garbage."""
    values = said.get("values")
    if not isinstance(values, dict):
        raise Garbage("uci get: an answer without values")
    return {name: each for name, each in values.items() if isinstance(each, dict)}


def width_of(htmode: str | None) -> int | None:
    """MHz of `HE80`, `HT40+`, `VHT80+80` (the 80 that hold the primary); 20 without HT; None: not said."""
    if htmode in ("NOHT", "NONE"):
        return 20
    found = re.fullmatch(r"(?:HT|VHT|HE|EHT)(20|40|80|160|320)(?:[+-]|\+80|-[12])?", htmode or "", re.ASCII)
    return int(found[1]) if found else None


def is_on(value: object) -> bool:
    """UCI's booleans."""
    return value is True or value in ("1", "on", "true", "yes", "enabled")


def is_alike(loaded: Option, filed: object) -> bool:
    """Whether netifd, which knows types, has loaded what the file, which knows text and lists only, says."""
    if isinstance(loaded, bool):
        return is_on(filed) is loaded
    if isinstance(loaded, tuple) or isinstance(filed, list):
        return (tuple(loaded.split()) if isinstance(loaded, str) else loaded) == _listed(filed)
    return loaded == text(filed)


def _option(value: object) -> Option | None:
    """None: of no kind that UCI has."""
    if isinstance(value, bool):
        return value
    return _listed(value) if isinstance(value, list) else text(value)


def text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def number(value: object) -> int | None:
    """A whole number that UCI, which knows text only, or JSON holds."""
    said = text(value)
    return int(said) if said is not None and re.fullmatch(r"-?\d{1,9}", said, re.ASCII) else None


def _listed(value: object) -> tuple[str, ...]:
    """Of an UCI list, or of an option with blanks in it."""
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else MappingProxyType({})
