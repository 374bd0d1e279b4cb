"""Operational data of a Cisco C9800: its APs and their radios. Pure. Source: the YANG modules
Cisco-IOS-XE-wireless-access-point-oper and -rf-cfg of IOS-XE 26.1.1 (present since 17.x)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from drivers.netconf.parse_xml import at, boolean, children, counter, integer, mac, text
from inventory.channels import channel_of
from inventory.model import Band

WIDTHS_MHZ: Final = (20, 40, 80, 160)
_BANDS: Final = {
    "dot11-2-dot-4-ghz-band": Band.GHZ_2_4,
    "dot11-5-ghz-band": Band.GHZ_5,
    "dot11-6-ghz-band": Band.GHZ_6,
}
_TYPE_BANDS: Final = {
    "radio-80211bg": Band.GHZ_2_4,
    "radio-80211a": Band.GHZ_5,
    "radio-80211-6ghz": Band.GHZ_6,
}
_BAND_IDS: Final = {Band.GHZ_2_4: 0, Band.GHZ_5: 1, Band.GHZ_6: 2}
_SERVING: Final = frozenset({"radio-mode-local", "radio-mode-flex-connect", "radio-mode-bridge"})


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A radio's key: its AP's radio MAC and its number there."""

    mac: str
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """``type``: what the commands' band follows (a radio that can be in two bands has its own). ``channel``:
    absent of a radio that only listens. ``levels_dbm``: power of level 1, the highest, and on. ``static``:
    the channel was set by a person or by us, not by the controller's own RRM; ``static_power`` likewise."""

    key: Slot
    type: str
    band: Band | None
    serves: bool
    admin_up: bool | None
    oper_up: bool | None
    cac: bool
    channel: int | None
    width_mhz: int | None
    static: bool | None
    static_power: bool | None
    change_reason: str | None
    levels_dbm: tuple[int, ...]
    level: int | None
    tx_power_dbm: int | None
    country: str | None
    channels: frozenset[int] | None
    bssids: tuple[tuple[str, str | None], ...]
    enabled_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ap:
    """``mac``: of its radios, which all tables use; ``ethernet``: the one printed on it."""

    mac: str
    ethernet: str | None
    name: str | None
    model: str | None
    version: str | None
    rf_tag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counters of 32 bits; bytes of 64. ``stuck_resets``: how often the radio was restarted by itself."""

    tx_frames: int | None
    retries: int | None
    failed: int | None
    tx_bytes: int | None
    noise_dbm: int | None
    stuck_resets: int | None


def aps(data: Element) -> dict[str, Ap]:
    found: dict[str, Ap] = {}
    for each in children(data, "access-point-oper-data", "capwap-data"):
        if (address := mac(each, "wtp-mac")) is not None:
            static = at(each, "device-detail", "static-info")
            found.setdefault(
                address,
                Ap(
                    mac=address,
                    ethernet=mac(static, "board-data", "wtp-enet-mac"),
                    name=text(each, "name"),
                    model=text(static, "ap-models", "model"),
                    version=text(each, "device-detail", "wtp-version", "sw-version"),
                    rf_tag=text(each, "tag-info", "resolved-tag-info", "resolved-rf-tag"),
                ),
            )
    return found


def radios(data: Element) -> dict[Slot, Radio]:
    found: dict[Slot, Radio] = {}
    for each in children(data, "access-point-oper-data", "radio-oper-data"):
        if (key := slot(each, "wtp-mac", "radio-slot-id")) is not None:
            found.setdefault(key, _radio(key, each))
    return found


def totals(data: Element) -> dict[Slot, Totals]:
    found: dict[Slot, Totals] = {}
    for each in children(data, "access-point-oper-data", "radio-oper-stats"):
        if (key := slot(each, "ap-mac", "slot-id")) is not None:
            found.setdefault(
                key,
                Totals(
                    tx_frames=counter(each, "tx-frame-count", bits=32),
                    retries=counter(each, "retry-count", bits=32),
                    failed=counter(each, "failed-count", bits=32),
                    tx_bytes=counter(each, "cumulative-tx-bytes"),
                    noise_dbm=integer(each, "noise-floor", least=-120, most=-30),
                    stuck_resets=counter(each, "ap-radio-stats", "num-radio-stuck-reset", bits=32),
                ),
            )
    return found


def profile(data: Element, name: str) -> int | None:
    """OBSS-PD level of an RF profile, in dBm: -82 where it is off. None: there is no such profile. Absent
    leafs have the model's defaults: off, and -62."""
    for each in children(data, "rf-cfg-data", "rf-profiles", "rf-profile"):
        if text(each, "name") == name:
            if not boolean(each, "he-obss-pd-enable"):
                return -82
            level = integer(each, "he-non-srg-obss-pd-max", least=-82, most=-62)
            return level if level is not None else -62
    return None


def slot(element: Element, mac_leaf: str, slot_leaf: str) -> Slot | None:
    address, number = mac(element, mac_leaf), integer(element, slot_leaf, least=0, most=255)
    return Slot(address, number) if address is not None and number is not None else None


def channel(element: Element | None, *path: str) -> int | None:
    """The leafs are called frequency and hold channel numbers; MHz are understood too."""
    number = integer(element, *path, least=1, most=7200)
    if number is None or number <= 233:
        return number
    try:
        return channel_of(number)[1]
    except ValueError:
        return None


def _radio(key: Slot, each: Element) -> Radio:
    phy, mode = at(each, "phy-ht-cfg", "cfg-data"), text(each, "radio-mode")
    kind = text(each, "radio-type") or ""
    band = _TYPE_BANDS.get(kind) or _BANDS.get(text(each, "current-active-band") or "")
    info = _band_info(each, band)
    levels = at(info, "phy-tx-pwr-lvl-cfg", "cfg-data")
    width = integer(phy, "chan-width", least=20, most=160)
    serves = mode is None or mode in _SERVING
    return Radio(
        key=key,
        type=kind,
        band=band,
        serves=serves,
        admin_up={"enabled": True, "disabled": False}.get(text(each, "admin-state") or ""),
        oper_up={"radio-up": True, "radio-down": False}.get(text(each, "oper-state") or ""),
        cac=boolean(each, "cac-active") is True,
        channel=channel(phy, "curr-freq") if serves else None,
        width_mhz=width if width in WIDTHS_MHZ else None,
        static=_static(phy, "phy-ht-cfg-config-type"),
        static_power=_static(at(info, "phy-tx-pwr-cfg", "cfg-data"), "phy-tx-power-config-type"),
        change_reason=text(phy, "rrm-channel-change-reason"),
        levels_dbm=_levels(levels),
        level=integer(info, "phy-tx-pwr-cfg", "cfg-data", "current-tx-power-level", least=1, most=8),
        tx_power_dbm=integer(levels, "curr-tx-power-in-dbm", least=-10, most=40),
        country=text(each, "station-cfg", "cfg-data", "country-string"),
        channels=_channels(each),
        bssids=tuple(
            (bssid, text(vap, "ssid"))
            for vap in children(each, "vap-oper-config")
            if (bssid := mac(vap, "bssid-mac")) is not None and bssid != "00:00:00:00:00:00"
        ),
        enabled_at=text(each, "radio-enable-time"),
    )


def _static(element: Element | None, leaf: str) -> bool | None:
    return {"customized": True, "config-auto": False}.get(text(element, leaf) or "")


def _band_info(each: Element, band: Band | None) -> Element | None:
    """Of the band that is served now: a radio for two bands has an entry, and powers, for each."""
    entries = list(children(each, "radio-band-info"))
    if len(entries) < 2:
        return entries[0] if entries else None
    wanted = integer(each, "current-band-id", least=0, most=255)
    if wanted is None and band is not None:
        wanted = _BAND_IDS[band]
    return next((entry for entry in entries if integer(entry, "band-id", least=0, most=255) == wanted), None)


def _levels(element: Element | None) -> tuple[int, ...]:
    """Falling. As many as are said to be supported; what follows, zeros and -1 seen there, is no power. Where
    their number is not told, the first that is not above 0 dBm ends them. None where even the highest is 0:
    such a list was not filled in."""
    supported = integer(element, "num-supp-power-levels", least=1, most=8)
    found: list[int] = []
    for number in range(1, (supported or 8) + 1):
        least = -10 if supported else 1
        level = integer(element, f"tx-power-level-{number}", least=least, most=40)
        if level is None or (found and level >= found[-1]):
            break
        found.append(level)
    return tuple(found) if found and found[0] > 0 else ()


def _channels(each: Element) -> frozenset[int] | None:
    listed = children(each, "chan-pwr-info", "data", "chan-pwr-list", "chan-pwr")
    numbers = {number for one in listed if (number := integer(one, "chan", least=1, most=233)) is not None}
    return frozenset(numbers) or None
