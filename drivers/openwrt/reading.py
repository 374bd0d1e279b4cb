"""Answers of one poll -> what is read of one radio. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from drivers.hostapd.parse_phy import Dfs
from drivers.openwrt import parse_iwinfo, spatial_reuse
from drivers.openwrt.asked import Answers
from drivers.openwrt.find import Found
from drivers.openwrt.standing import Base
from drivers.types import (
    BssReading,
    ClientReading,
    Gauges,
    RadioReading,
    RadioState,
    Reported,
    SurveyReading,
    Table,
)


def reading(
    found: Found, here: Base, answers: Answers, tables: frozenset[Table], at_s: float
) -> RadioReading:
    """Raises Missing, Garbage: then there is no reading of this radio."""
    result = RadioReading(
        key=found.key,
        at_s=at_s,
        state=here.state,
        band=found.band,
        uplink=here.radio.uplink,
        managed_by="OpenWrt ACS" if here.radio.automatic else None,
        cac_left_s=_cac_left(here),
    )
    if Table.STATUS in tables:
        result = _with_status(result, here, found)
    if Table.SURVEY in tables:
        result = _with_survey(result, here, found, answers)
    if Table.CLIENTS in tables:
        result = replace(result, clients=_clients(found, here, answers))
    return result


def _cac_left(here: Base) -> float | None:
    if here.state is not RadioState.CAC:
        return None
    if here.local.cli is not None:
        return here.local.cli.cac_left_s
    return here.status.cac_left_s if here.status is not None else None


def _with_status(empty: RadioReading, here: Base, found: Found) -> RadioReading:
    place, info = here.place, here.info
    power = info.tx_power_dbm if info is not None else None
    reuse = spatial_reuse.of_section(here.section)
    country = (info.country if info is not None else None) or here.radio.country
    return replace(
        empty,
        channel=Reported(place.channel, place.source) if place else None,
        width_mhz=_reported(place.width_mhz, place.source) if place else None,
        center_mhz=_reported(place.center_mhz, place.source) if place else None,
        tx_power_dbm=Reported(power, "iwinfo.info") if place and power is not None else None,
        obss_pd_dbm=Reported(reuse.obss_pd_dbm, "uci") if reuse is not None else None,
        country=Reported(country, "iwinfo.info") if country else None,
        bss=_bss(here),
        nop_mhz=_where(here, Dfs.UNAVAILABLE),
        cac_done_mhz=_where(here, Dfs.AVAILABLE),
    )


def _reported(value: int | None, source: str) -> Reported[int] | None:
    return Reported(value, source) if value is not None else None


def _where(here: Base, state: Dfs) -> frozenset[int] | None:
    channels = here.local.channels
    return None if channels is None else frozenset(m for m, each in channels.items() if each.dfs is state)


def _bss(here: Base) -> tuple[BssReading, ...] | None:
    told = tuple(
        BssReading(bssid=each.bssid, ssid=each.ssid) for each in here.bss.values() if each.bssid is not None
    )
    return told or None


def _with_survey(empty: RadioReading, here: Base, found: Found, answers: Answers) -> RadioReading:
    """Where the driver counts nothing, hostapd's own channel utilisation is all there is."""
    now = here.info.frequency_mhz if here.info is not None and here.state is RadioState.ON_AIR else None
    answer = answers.get("iwinfo", "survey", device=found.ifname)
    asked = here.state is RadioState.ON_AIR or (answer is not None and answer.error is None)
    rows = _survey(found, answers, now) if asked else None
    busy = here.status.busy_ratio if here.status is not None else None
    counted = any(row.in_use for row in rows or ())
    gauges = Gauges(busy_ratio=busy) if busy is not None and not counted else None
    return replace(empty, survey=rows, gauges=gauges)


def _survey(found: Found, answers: Answers, now_mhz: int | None) -> tuple[SurveyReading, ...] | None:
    return parse_iwinfo.survey(_device(answers, "survey", found.ifname), found.band, now_mhz)


def _clients(found: Found, here: Base, answers: Answers) -> tuple[ClientReading, ...]:
    if here.state is not RadioState.ON_AIR:
        return ()
    return tuple(
        client
        for name in found.bss
        if (status := here.bss.get(name)) is not None
        for client in parse_iwinfo.clients(_device(answers, "assoclist", name), status.bssid)
    )


def _device(answers: Answers, method: str, ifname: str) -> Mapping[str, Any]:
    return answers.data("iwinfo", method, device=ifname)
