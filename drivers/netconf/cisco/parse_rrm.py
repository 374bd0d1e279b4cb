"""What a C9800's own RRM measures: load, noise, neighbours, radar, interferers. Pure. Source:
Cisco-IOS-XE-wireless-rrm-oper of IOS-XE 26.1.1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from drivers.netconf.cisco.parse import Slot, slot
from drivers.netconf.parse_xml import at, boolean, children, integer, mac, percent, text

_NEVER: Final = "1970-"  # the epoch stands for "never"
_INTERFERERS: Final = {
    "bt": "Bluetooth",
    "bti": "Bluetooth discovery",
    "mwave": "microwave oven",
    "fh": "frequency hopper",
    "gtdd": "time-division transmitter",
    "jam": "jammer",
    "wform": "continuous transmitter",
    "dect": "DECT phone",
    "video": "video camera",
    "zigbee": "Zigbee",
    "wifi-iq": "inverted Wi-Fi",
    "wifi-chan": "Wi-Fi on no channel",
    "wifi-sup-g": "Super G",
    "radar": "radar",
    "canopy": "Canopy bridge",
    "xbox": "Xbox",
    "wmxm": "mobile WiMAX",
    "wmxf": "fixed WiMAX",
    "exalt": "Exalt bridge",
    "ibeacon": "iBeacon",
    "aci": "adjacent channel",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Ratios 0..1. What the device says of more than 100 % is not used: it was seen live. ``noise_dbm``: by
    channel. ``stations``: how many clients."""

    busy: float | None
    rx: float | None
    tx: float | None
    non_wifi: float | None
    stations: int | None
    noise_dbm: dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbor:
    bssid: str
    channel: int
    signal_dbm: int
    width_mhz: int | None
    center_mhz_offset: int | None  # of a 40 MHz block, from its primary


@dataclass(frozen=True, slots=True)
class RadarHit:
    channel: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interferer:
    """``slot`` is not told: ``ap`` is the radio MAC of the AP that hears it, ``channels`` those it is on."""

    id: str
    ap: str
    channels: frozenset[int]
    duty_ratio: float | None
    what: str
    jams: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What must be asked for, again and again."""

    radar: Mapping[Slot, frozenset[RadarHit]]
    interferers: Mapping[str, Interferer]


def seen(data: Element) -> Seen:
    return Seen(radar=radar(data), interferers=interferers(data))


def loads(data: Element) -> dict[Slot, Load]:
    """The list is shorter than that of radios: those that only listen have none."""
    found: dict[Slot, Load] = {}
    for each in children(data, "rrm-oper-data", "rrm-measurement"):
        if (key := slot(each, "wtp-mac", "radio-slot-id")) is not None:
            load = at(each, "load")
            found.setdefault(
                key,
                Load(
                    busy=percent(load, "cca-util-percentage"),
                    rx=percent(load, "rx-util-percentage"),
                    tx=percent(load, "tx-util-percentage"),
                    non_wifi=percent(load, "non-wifi-inter"),
                    stations=integer(load, "stations", least=0, most=10_000),
                    noise_dbm=_noise(each),
                ),
            )
    return found


def _noise(each: Element) -> dict[int, int]:
    found: dict[int, int] = {}
    for one in children(each, "noise", "noise", "noise-data"):
        number = integer(one, "chan", least=1, most=233)
        dbm = integer(one, "noise", least=-120, most=-30)
        if number is not None and dbm is not None:
            found[number] = dbm
    return found


def neighbors(data: Element) -> dict[Slot, tuple[Neighbor, ...]]:
    found: dict[Slot, tuple[Neighbor, ...]] = {}
    for each in children(data, "rrm-oper-data", "ap-auto-rf-dot11-data"):
        if (key := slot(each, "wtp-mac", "radio-slot-id")) is not None:
            path = ("neighbor-radio-info", "neighbor-radio-list", "neighbor-radio-info")
            heard = (_neighbor(one) for one in children(each, *path))
            found.setdefault(key, tuple(one for one in heard if one is not None))
    return found


def _neighbor(each: Element) -> Neighbor | None:
    bssid, number = mac(each, "neighbor-radio-mac"), integer(each, "channel", least=1, most=233)
    signal = integer(each, "rssi", least=-120, most=-1)
    if bssid is None or number is None or signal is None:
        return None
    words = text(each, "chan-width") or ""
    width = re.fullmatch(r"radio-neighbor-chan-width-(20|40|80|160|320)-mhz(-above|-below)?", words)
    return Neighbor(
        bssid=bssid,
        channel=number,
        signal_dbm=signal,
        width_mhz=int(width[1]) if width else None,
        center_mhz_offset={"-above": 10, "-below": -10}.get(width[2] or "") if width else None,
    )


def radar(data: Element) -> dict[Slot, frozenset[RadarHit]]:
    """Of each radio, when it heard radar and on which channels; the epoch, 1970, is "never"."""
    found: dict[Slot, frozenset[RadarHit]] = {}
    for each in children(data, "rrm-oper-data", "ap-dot11-radar-data"):
        if (key := slot(each, "wtp-mac", "radio-slot-id")) is not None:
            hits = (_hit(one) for one in children(each, "radar-info", "radar-info"))
            found.setdefault(key, frozenset(hit for hit in hits if hit is not None))
    return found


def _hit(each: Element) -> RadarHit | None:
    number, moment = (
        integer(each, "channel-number", least=1, most=233),
        text(each, "radar-detected-timestamp"),
    )
    if number is None or moment is None or moment.startswith(_NEVER):
        return None
    return RadarHit(number, moment)


def interferers(data: Element) -> dict[str, Interferer]:
    """What CleanAir recognised, by its own id of the device."""
    found: dict[str, Interferer] = {}
    for each in children(data, "rrm-oper-data", "spectrum-device-table"):
        told = at(each, "idr-data")
        device, ap = mac(each, "device-id"), mac(told, "detecting-ap-mac")
        kind = (text(told, "class-type-enum") or "").removeprefix("pmac-dev-").removeprefix("id-")
        if device is not None and ap is not None and kind in _INTERFERERS:
            found.setdefault(
                device,
                Interferer(
                    id=device,
                    ap=ap,
                    channels=_listed(text(told, "affected-channel-list")),
                    duty_ratio=percent(told, "util") if boolean(told, "is-persistent") else None,
                    what=_INTERFERERS[kind],
                    jams=kind == "jam",
                ),
            )
    return found


def _listed(words: str | None) -> frozenset[int]:
    numbers = (int(number) for number in re.findall(r"(?<!\d)\d{1,3}(?!\d)", words or "", re.ASCII))
    return frozenset(number for number in numbers if 1 <= number <= 233)
