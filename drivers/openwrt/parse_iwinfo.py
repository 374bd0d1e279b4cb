"""What `iwinfo` answers over ubus: the kernel's view of an interface. Pure.

`info` tells channel, SSID and BSSID of a silent radio (CAC, NOP) too: alone it is no proof of service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.errors import Garbage
from drivers.hostapd.parse import MAC
from drivers.openwrt.parse_hostapd import frequency, whole
from drivers.openwrt.parse_wireless import width_of
from drivers.types import ClientReading, NeighborReading, SurveyReading
from inventory.channels import channel_of
from inventory.channels import frequency_mhz as mhz_of
from inventory.model import Band

_MOST: Final = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """``width_mhz`` and ``center_mhz``: of the whole block, None where it is not told."""

    phy: str | None = None
    frequency_mhz: int | None = None
    width_mhz: int | None = None
    center_mhz: int | None = None
    tx_power_dbm: float | None = None
    country: str | None = None
    htmodes: tuple[str, ...] = ()


def info(said: Mapping[str, Any]) -> Info:
    """Fields that make no sense are None; nothing here is needed."""
    phy, country, modes = said.get("phy"), said.get("country"), said.get("htmodes")
    mhz, htmode, power = frequency(said.get("frequency")), said.get("htmode"), said.get("txpower")
    return Info(
        phy=phy if isinstance(phy, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", phy) else None,
        frequency_mhz=mhz,
        width_mhz=width_of(htmode) if isinstance(htmode, str) else None,
        center_mhz=_centre(mhz, said.get("center_chan1")),
        tx_power_dbm=_dbm(power, -30, 60),
        country=country if isinstance(country, str) and re.fullmatch(r"[A-Z]{2}", country) else None,
        htmodes=tuple(each for each in modes if isinstance(each, str)) if isinstance(modes, list) else (),
    )


def _centre(mhz: int | None, channel: object) -> int | None:
    """``center_chan1`` is a channel number; of no channel it would be one (42, 155), so it is counted from
    the primary."""
    center = whole(channel, 255)
    if mhz is None or not center:
        return None
    shift = 5 * (center - channel_of(mhz)[1])
    return mhz + shift if abs(shift) <= 150 else None


def _dbm(value: object, least: int, most: int) -> float | None:
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    return float(number) if number is not None and least <= number <= most else None


def clients(said: Mapping[str, Any], bssid: str | None) -> tuple[ClientReading, ...]:
    """Stations of one BSS. hostapd's own get_clients has neither retries nor failures, and its rates changed
    their unit between releases."""
    return tuple(
        ClientReading(
            mac=row["mac"].lower(),
            bssid=bssid,
            signal_dbm=_dbm(row.get("signal"), -128, -1),
            connected_s=whole(row.get("connected_time"), 2**31),
            **_sent(row.get("tx")),
        )
        for row in _rows(said, "assoclist")
        if isinstance(row.get("mac"), str) and re.fullmatch(MAC, row["mac"])
    )


def _sent(tx: object) -> dict[str, int | None]:
    if not isinstance(tx, dict):
        return {}
    names = {"tx_frames": "packets", "tx_retries": "retries", "tx_failed": "failed", "tx_bytes": "bytes"}
    return {ours: whole(tx.get(theirs), _MOST) for ours, theirs in names.items()}


def survey(said: Mapping[str, Any], band: Band, in_use_mhz: int | None) -> tuple[SurveyReading, ...] | None:
    """Channels of the band that were listened to; None: none. Of a channel that is told twice the row that
    was longer there counts."""
    found: dict[int, SurveyReading] = {}
    for row in _rows(said, "survey"):
        mhz = frequency(row.get("mhz"))
        if mhz is None or channel_of(mhz)[0] is not band:
            continue
        each = _surveyed(row, mhz, in_use_mhz)
        rival = found.get(mhz)
        if each is not None and (rival is None or (each.active_ms or 0) > (rival.active_ms or 0)):
            found[mhz] = each
    return tuple(found.values()) or None


def _surveyed(row: Mapping[str, Any], mhz: int, in_use_mhz: int | None) -> SurveyReading | None:
    """None: the radio never listened there. A part that is longer than the whole is garbage (mwlwifi counts
    1.4e19 ms of receiving)."""
    active = whole(row.get("active_time"), _MOST)
    if not active:
        return None
    return SurveyReading(
        frequency_mhz=mhz,
        in_use=mhz == in_use_mhz,
        noise_dbm=noise(row.get("noise")),
        active_ms=active,
        busy_ms=whole(row.get("busy_time"), active),
        rx_ms=whole(row.get("rx_time"), active),
        tx_ms=whole(row.get("tx_time"), active),
    )


def noise(value: object) -> float | None:
    """dBm. rpcd prints the signed byte unsigned: 170 is -86; 0 is nothing measured."""
    number = value if isinstance(value, int) and not isinstance(value, bool) else 0
    if 128 <= number <= 255:
        return float(number - 256)
    return float(number) if -128 <= number < 0 else None


def allowed(said: Mapping[str, Any], band: Band) -> frozenset[int] | None:
    """Centres in MHz of the 20 MHz channels that may be transmitted on; None: no list of this band."""
    rows = [row for row in _rows(said, "freqlist") if _in_band(row, band)]
    return frozenset(row["mhz"] for row in rows if row.get("restricted") is not True) if rows else None


def _in_band(row: Mapping[str, Any], band: Band) -> bool:
    mhz = frequency(row.get("mhz"))
    return mhz is not None and channel_of(mhz)[0] is band


def powers(said: Mapping[str, Any]) -> tuple[int, ...] | None:
    """dBm that can be set on the channel of now, rising; None: no list, or one of nothing but zeros."""
    told = {_dbm(row.get("dbm"), -10, 40) for row in _rows(said, "txpowerlist")}
    found = sorted(int(each) for each in told if each is not None)
    return tuple(found) if found and found[-1] > 0 else None


def neighbors(said: Mapping[str, Any], band: Band) -> tuple[NeighborReading, ...]:
    """BSSs of the band that a scan heard, each once, as loud as it was heard."""
    found: dict[str, NeighborReading] = {}
    for row in _rows(said, "scan"):
        each = _neighbor(row, band)
        if each is not None and (each.bssid not in found or each.signal_dbm > found[each.bssid].signal_dbm):
            found[each.bssid] = each
    return tuple(found.values())


def _neighbor(row: Mapping[str, Any], band: Band) -> NeighborReading | None:
    mac, ssid, signal = row.get("bssid"), row.get("ssid"), _dbm(row.get("signal"), -128, -1)
    mhz = frequency(row.get("mhz")) or _mhz(band, row.get("channel"))
    if not isinstance(mac, str) or not re.fullmatch(MAC, mac) or signal is None or mhz is None:
        return None
    if channel_of(mhz)[0] is not band:
        return None
    width, center = _block(row, band, mhz)
    return NeighborReading(
        bssid=mac.lower(),
        channel=channel_of(mhz)[1],
        signal_dbm=signal,
        width_mhz=width,
        center_mhz=center,
        ssid=ssid if isinstance(ssid, str) and ssid else None,
    )


def _mhz(band: Band, channel: object) -> int | None:
    """Before 23.05 a scan tells no MHz."""
    try:
        return mhz_of(band, whole(channel, 255) or 0)
    except ValueError:
        return None


def _block(row: Mapping[str, Any], band: Band, mhz: int) -> tuple[int | None, int | None]:
    """(width, centre) that the BSS announces, (None, None): it is not told."""
    vht = row.get("vht_operation")
    if isinstance(vht, dict) and (width := whole(vht.get("channel_width"), 160)) in (80, 160):
        first, second = whole(vht.get("center_freq_1"), 255) or 0, whole(vht.get("center_freq_2"), 255) or 0
        if second and abs(second - first) == 8:  # IEEE 802.11-2020 table 11-23
            return 160, _centre(mhz, second)
        return width, _centre(mhz, first)
    ht = row.get("ht_operation")
    if not isinstance(ht, dict):
        return None, None
    shift = {"above": 10, "below": -10}.get(str(ht.get("secondary_channel_offset")), 0)
    return (40, mhz + shift) if shift else (20, mhz)


def _rows(said: Mapping[str, Any], what: str) -> Iterator[Mapping[str, Any]]:
    rows = said.get("results")
    if not isinstance(rows, list):
        raise Garbage(f"iwinfo {what}: an answer without results")
    return (row for row in rows if isinstance(row, dict))
