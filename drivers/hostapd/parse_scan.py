"""BSSs that a radio heard: `iw dev X scan` and `scan dump`. Pure."""

from __future__ import annotations

import re

from drivers.errors import Garbage
from drivers.hostapd.parse import MAC, number, ssid
from drivers.types import NeighborReading
from inventory.channels import channel_of, frequency_mhz
from inventory.model import Band


def neighbors(text: str, wanted: Band) -> tuple[NeighborReading, ...]:
    """Every BSS of the band with a known frequency and signal, as heard last."""
    first, *parts = re.split(rf"^BSS (?={MAC})", text, flags=re.M)
    if first.strip():
        raise Garbage(f"iw scan begins with {first.strip()[:80]!r}")
    found: dict[str, NeighborReading] = {}
    for part in parts:
        each = _neighbor(part, wanted)
        if each is not None and (each.bssid not in found or each.age_s < found[each.bssid].age_s):
            found[each.bssid] = each
    return tuple(found.values())


def _neighbor(part: str, wanted: Band) -> NeighborReading | None:
    frequency = _number(part, r"^\tfreq: (\d{4,5})")
    signal = re.search(r"^\tsignal: (-?\d{1,3}(?:\.\d+)?) dBm", part, re.M | re.ASCII)
    name = re.search(r"^\tSSID: (.*)$", part, re.M)
    mac = re.match(MAC, part)
    if frequency is None or signal is None or mac is None or not _exists(frequency):
        return None
    if not -120 <= float(signal[1]) < 0:
        return None
    band, channel = channel_of(frequency)
    if band is not wanted:
        return None
    block = _six_ghz(part) if band is Band.GHZ_6 else _vht(part) or _ht(part, frequency)
    used = _number(part, r"channel utili[sz]ation: (\d{1,3})/255")
    age_ms = _number(part, r"^\tlast seen: (\d{1,9}) ms ago")
    return NeighborReading(
        bssid=mac[0].lower(),
        channel=channel,
        signal_dbm=float(signal[1]),
        width_mhz=block[0] if block else None,
        center_mhz=block[1] if block else None,
        utilization_ratio=used / 255 if used is not None and used <= 255 else None,
        age_s=(age_ms or 0) / 1000,
        ssid=ssid(name[1]) if name else None,
    )


def _exists(frequency: int) -> bool:
    try:
        channel_of(frequency)
    except ValueError:
        return False
    return True


def _ht(part: str, frequency: int) -> tuple[int, int] | None:
    found = re.search(r"secondary channel offset: (above|below|no secondary)", part)
    if found is None:
        return None
    shift = {"above": 10, "below": -10}.get(found[1], 0)
    return 40 if shift else 20, frequency + shift


def _vht(part: str) -> tuple[int, int] | None:
    """None when the BSS is 20 or 40 MHz wide. 80+80 MHz counts as the 80 MHz that hold the primary.

    IEEE 802.11-2020 table 11-23: width 1 and a second segment 8 channels off is 160 MHz around it.
    """
    body = re.search(r"^\tVHT operation:\n((?:\t\t.*\n?)*)", part, re.M)
    if body is None:
        return None
    width, first, second = (
        _number(body[1], rf"\* {name}: (\d{{1,3}})")
        for name in ("channel width", "center freq segment 1", "center freq segment 2")
    )
    if width not in (1, 2, 3) or not first:
        return None
    if width == 2 or (second and abs(second - first) == 8):
        return _centred(Band.GHZ_5, 160, second if width == 1 and second else first)
    return _centred(Band.GHZ_5, 80, first)


def _six_ghz(part: str) -> tuple[int, int] | None:
    """From the 6 GHz Operation Information; 160 MHz where both segments are given (802.11ax 9.4.2.249)."""
    body = re.search(r"6 GHz Operation Information.*\n((?:\t\t.*\n?)*)", part)
    if body is None:
        return None
    width = _number(body[1], r"(?i)channel width: (\d{2,3})")
    first = _number(body[1], r"(?i)center frequency segment 0: (\d{1,3})")
    second = _number(body[1], r"(?i)center frequency segment 1: (\d{1,3})")
    if width is None or not first:
        return None
    if second and abs(second - first) == 8:
        return _centred(Band.GHZ_6, 160, second)
    return _centred(Band.GHZ_6, width, first) if width in (20, 40, 80, 160) else None


def _centred(band: Band, width: int, channel: int) -> tuple[int, int]:
    start = frequency_mhz(band, 36 if band is Band.GHZ_5 else 1)
    return width, start + 5 * (channel - (36 if band is Band.GHZ_5 else 1))


def _number(text: str, pattern: str) -> int | None:
    found = re.search(pattern, text, re.M | re.ASCII)
    return number(found[1]) if found else None
