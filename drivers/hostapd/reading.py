"""Answers of one poll -> what is read of one radio. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from drivers.errors import Garbage
from drivers.hostapd import parse, parse_phy, parse_scan, parse_station, spatial_reuse
from drivers.hostapd.parse import Interface, Section, Status
from drivers.hostapd.parse_phy import Dfs, PhyChannel
from drivers.hostapd.render import Tools
from drivers.hostapd.spatial_reuse import SpatialReuse
from drivers.types import (
    Absence,
    BssReading,
    ClientReading,
    ConfigState,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    ScopeRef,
    Setting,
    SurveyReading,
    Table,
    Values,
)
from inventory.channels import channel_of
from inventory.model import Band, RadioKey

T = TypeVar("T")
_STARTING: Final = frozenset({"UNINITIALIZED", "COUNTRY_UPDATE", "ACS", "HT_SCAN"})
_UPLINKS: Final = frozenset({"managed", "mesh point", "WDS"})
_REFUSED: Final = re.compile(r"not permitted|Permission denied|password is required|not supported|busy", re.I)


class Missing(Exception):
    """This part of the answer is not there; never leaves the driver."""

    def __init__(self, why: Absence, text: str = "") -> None:
        super().__init__(text)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A radio of the inventory as it was found on the device. ``bss``: interfaces of its BSSs."""

    key: RadioKey
    band: Band
    ifname: str
    phy: int
    bss: tuple[str, ...]

    def is_where(self, before: Found | None) -> bool:
        """The same interface of the same phy; it may have other BSSs."""
        return before is not None and (self.ifname, self.phy) == (before.ifname, before.phy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Channels (MHz) that a radio may leave its own for, to listen, and for how long in all."""

    mhz: Mapping[RadioKey, tuple[int, ...]]
    limit_s: int


NO_LOOK: Final = Look(mhz={}, limit_s=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every reading rests on. ``status`` None: hostapd does not answer for this interface."""

    interface: Interface
    status: Status | None
    channels: Mapping[int, PhyChannel]
    state: RadioState
    country: str | None
    uplink: bool
    reuse: SpatialReuse | None = None


def commands(
    tools: Tools,
    radios: Iterable[Found],
    tables: frozenset[Table],
    look: Look,
) -> dict[str, str]:
    """All that is asked in one poll, by the name of its answer."""
    radios = tuple(radios)
    asked = {"dev": tools.iw_line("dev"), "reg": tools.iw_line("reg", "get")}
    for radio in radios:
        asked[f"status:{radio.ifname}"] = tools.cli(radio.ifname, "status")
        asked[f"channels:{radio.phy}"] = tools.iw_line("phy", f"phy{radio.phy}", "channels")
        if (path := tools.file_of(radio.ifname)) is not None:
            asked[f"file:{radio.ifname}"] = spatial_reuse.question(path)
        if Table.SURVEY in tables:
            asked[f"survey:{radio.ifname}"] = tools.iw_line("dev", radio.ifname, "survey", "dump")
        if Table.CLIENTS in tables:
            for name in radio.bss:
                asked[f"stations:{name}"] = tools.iw_line("dev", name, "station", "dump")
                asked[f"abilities:{name}"] = tools.cli(name, "all_sta")
        if Table.NEIGHBORS in tables:
            asked[f"scan:{radio.ifname}"] = _scan(tools, radio, look)
    return asked


def _scan(tools: Tools, radio: Found, look: Look) -> str:
    """What was heard lately; before it, where there are channels to look at, the radio goes and looks.

    Only its own band: all channels of the guest's phy took 13.8 s in which its clients got nothing. And for a
    limited time: under steady traffic the kernel puts off each next channel, for ever.
    """
    dump = tools.iw_line("dev", radio.ifname, "scan", "dump")
    mhz = look.mhz.get(radio.key, ())
    if not mhz:
        return dump
    scan = tools.iw_line("dev", radio.ifname, "scan", "freq", *mhz, "ap-force")
    abort = tools.iw_line("dev", radio.ifname, "scan", "abort")
    limited = f"{scan} & p=$!; {{ sleep {look.limit_s:d}; kill $p; }} & k=$!; wait $p; kill $k; {abort}"
    return f"{{ {limited}; }} >/dev/null 2>&1; {dump}"


def section(answers: Mapping[str, Section], name: str) -> str:
    """Text of one answer. Raises Missing with the reason."""
    answer = answers.get(name)
    if answer is None:
        raise Missing(Absence.GARBAGE, f"no answer to {name}")
    if answer.status == 0:
        return answer.text
    if "No such device" in answer.text:
        raise Missing(Absence.ABSENT, answer.text)
    raise Missing(Absence.REFUSED if _REFUSED.search(answer.text) else Absence.GARBAGE, answer.text)


def base(radio: Found, answers: Mapping[str, Section]) -> Base:
    """Raises Missing, Garbage."""
    listed = parse.interfaces(section(answers, "dev"))
    interface = next((each for each in listed if each.name == radio.ifname), None)
    if interface is None:
        raise Missing(Absence.ABSENT, f"no interface {radio.ifname}")
    status = _status(answers[f"status:{radio.ifname}"]) if f"status:{radio.ifname}" in answers else None
    channels = parse_phy.channels(section(answers, f"channels:{radio.phy}"))
    countries = parse.countries(section(answers, "reg"))
    return Base(
        interface=interface,
        status=status,
        channels={mhz: each for mhz, each in channels.items() if band_of(mhz) is radio.band},
        state=_state(interface, status, channels),
        country=countries.get(radio.phy, countries.get(None)),
        uplink=any(each.phy == radio.phy and _is_uplink(each) for each in listed),
        reuse=_reuse(radio, answers),
    )


def _reuse(radio: Found, answers: Mapping[str, Section]) -> SpatialReuse | None:
    file = answers.get(f"file:{radio.ifname}")
    return spatial_reuse.of_file(file.text, radio.ifname) if file is not None and file.status == 0 else None


def _status(answer: Section) -> Status | None:
    """None: hostapd runs no such interface (any more)."""
    if answer.status == 0:
        return parse.status(answer.text)
    if "Permission denied" in answer.text or "password is required" in answer.text:
        raise Missing(Absence.REFUSED, answer.text)
    return None


def band_of(mhz: int) -> Band | None:
    """None: no 20 MHz channel has this centre."""
    try:
        return channel_of(mhz)[0]
    except ValueError:
        return None


def _is_uplink(interface: Interface) -> bool:
    return interface.kind in _UPLINKS and interface.frequency_mhz is not None


def _state(interface: Interface, status: Status | None, channels: Mapping[int, PhyChannel]) -> RadioState:
    """From the kernel whether it beacons, from hostapd why not."""
    if status is None or status.state == "ENABLED":
        beacons = interface.ssid is not None and interface.frequency_mhz is not None
        return RadioState.ON_AIR if beacons else RadioState.OFF  # hostapd says ENABLED of a link that is down
    if status.state == "DFS":
        return RadioState.NOP if status.cac_left_s is None else RadioState.CAC
    if status.state in _STARTING:
        return RadioState.STARTING
    return RadioState.NOP if _blocked(status, channels) else RadioState.OFF


def _blocked(status: Status, channels: Mapping[int, PhyChannel]) -> bool:
    """True when radar was heard on the channel that hostapd is set to."""
    values = _configured(status)
    center, width = values.get(Setting.CENTER_MHZ), values.get(Setting.WIDTH_MHZ, 20)
    if center is None:
        return False
    parts = range(center - width // 2 + 10, center + width // 2, 20)
    return any(mhz in channels and channels[mhz].dfs is Dfs.UNAVAILABLE for mhz in parts)


def _configured(status: Status) -> dict[Setting, int]:
    """Where hostapd believes that it is, or would start."""
    frequency, width = status.frequency_mhz, status.width_mhz
    if frequency is None or band_of(frequency) is None:
        return {}
    channel = channel_of(frequency)[1]
    values = {Setting.CHANNEL: channel}
    if width is not None:
        shift = 10 * (status.secondary or 0) if width == 40 else 0
        center = 5 * ((status.center_channel or channel) - channel) if width > 40 else shift
        values |= {Setting.WIDTH_MHZ: width, Setting.CENTER_MHZ: frequency + center}
    return values


def config(found: Base, scope: ScopeRef) -> ConfigState:
    """In force is what the kernel says; configured is what hostapd believes."""
    configured: Values = _configured(found.status) if found.status else {}
    if found.reuse is not None:
        configured = {**configured, Setting.OBSS_PD_DBM: found.reuse.obss_pd_dbm}
    on = found.status is not None and found.status.state != "DISABLED"
    return ConfigState(
        scope=scope,
        configured={**configured, Setting.ENABLED: int(on)},
        in_force=_in_force(found),
        state=found.state,
    )


def _in_force(found: Base) -> Values:
    """A radio that is silent is on no channel; one that is only silent for a while is neither on nor off."""
    interface = found.interface
    values: dict[Setting, int] = {}
    if interface.tx_power_dbm is not None:
        values[Setting.TX_POWER_DBM] = round(interface.tx_power_dbm)
    if found.state in (RadioState.OFF, RadioState.NOP):
        values[Setting.ENABLED] = 0
    place = _place(interface)
    if found.state is RadioState.ON_AIR and place is not None:
        names = (Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ, Setting.ENABLED)
        values |= zip(names, (*place, 1), strict=True)
    return values


def _place(interface: Interface) -> tuple[int, int, int] | None:
    """(channel, width, centre); a width that is not told is 20 MHz without HT."""
    frequency = interface.frequency_mhz
    if frequency is None or band_of(frequency) is None:
        return None
    return channel_of(frequency)[1], interface.width_mhz or 20, interface.center_mhz or frequency


def occupied(found: Base) -> frozenset[int] | None:
    """Centres of the 20 MHz channels that the radio is on or listens to; None: it is on no channel."""
    place = _place(found.interface)
    if place is None:
        return None
    _, width, center = place
    return frozenset(range(center - width // 2 + 10, center + width // 2, 20))


def own_channels(found: Base) -> tuple[int, ...]:
    """Centres in MHz on which the radio may be, rising."""
    return tuple(sorted(mhz for mhz, each in found.channels.items() if each.allowed))


def reading(
    radio: Found, answers: Mapping[str, Section], tables: frozenset[Table], at_s: float
) -> tuple[RadioReading, Base]:
    """Raises Missing, Garbage: then there is no reading of this radio."""
    found = base(radio, answers)
    result = _empty(radio, found, at_s)
    if Table.STATUS in tables:
        result = _with_status(result, radio, found)
    if Table.SURVEY in tables:
        result = replace(result, survey=_survey(radio, found, answers))
    if Table.CLIENTS in tables:
        result = replace(result, clients=_clients(radio, found, answers))
    if Table.NEIGHBORS in tables:
        result = replace(result, neighbors=_neighbors(radio, answers))
    return result, found


def _empty(radio: Found, found: Base, at_s: float) -> RadioReading:
    left_s = found.status.cac_left_s if found.status and found.state is RadioState.CAC else None
    return RadioReading(
        key=radio.key, at_s=at_s, state=found.state, band=radio.band, uplink=found.uplink, cac_left_s=left_s
    )


def _with_status(empty: RadioReading, radio: Found, found: Base) -> RadioReading:
    place = _place(found.interface)
    channel, width, center = place if place else (None, None, None)
    return replace(
        empty,
        channel=_reported(channel),
        width_mhz=_reported(width),
        center_mhz=_reported(center),
        tx_power_dbm=_reported(found.interface.tx_power_dbm),
        obss_pd_dbm=Reported(found.reuse.obss_pd_dbm, "hostapd.conf") if found.reuse else None,
        country=Reported(found.country, "iw.reg") if found.country else None,
        bss=_bss(found),
        nop_mhz=_where(found, lambda each: each.dfs is Dfs.UNAVAILABLE),
        cac_done_mhz=_where(found, lambda each: each.dfs is Dfs.AVAILABLE),
        allowed_mhz=_where(found, lambda each: each.allowed),
    )


def _reported(value: T | None) -> Reported[T] | None:
    return None if value is None else Reported(value, "iw.dev")


def _where(found: Base, wanted: Callable[[PhyChannel], bool]) -> frozenset[int]:
    return frozenset(mhz for mhz, each in found.channels.items() if wanted(each))


def _bss(found: Base) -> tuple[BssReading, ...] | None:
    if found.status is None:
        return None
    ssids = found.status.ssids
    return tuple(
        BssReading(bssid=bssid.lower(), ssid=ssids.get(name)) for name, bssid in found.status.bssids.items()
    )


def _survey(radio: Found, found: Base, answers: Mapping[str, Section]) -> tuple[SurveyReading, ...] | None:
    """Of this band, None when there is nothing. Where no channel is marked, the radio's own is in use."""
    rows = parse.survey(section(answers, f"survey:{radio.ifname}"))
    marked = any(row.in_use for row in rows)
    mine = (row for row in rows if band_of(row.frequency_mhz) is radio.band)
    now = found.interface.frequency_mhz
    return tuple(row if marked else replace(row, in_use=row.frequency_mhz == now) for row in mine) or None


def _clients(radio: Found, found: Base, answers: Mapping[str, Section]) -> tuple[ClientReading, ...]:
    if found.state is not RadioState.ON_AIR:
        return ()
    bssids = found.status.bssids if found.status else {}
    return tuple(
        replace(client, bssid=bssids.get(name, "").lower() or None, max_width_mhz=widths.get(client.mac))
        for name in radio.bss
        for widths in (_client_widths(radio, name, answers),)
        for client in parse.stations(section(answers, f"stations:{name}"))
    )


def _client_widths(radio: Found, name: str, answers: Mapping[str, Section]) -> dict[str, int | None]:
    """By address; empty where hostapd does not answer."""
    answer = answers.get(f"abilities:{name}")
    told = parse_station.stations(answer.text) if answer and answer.status == 0 else {}
    return {mac: station.max_width_mhz(radio.band) for mac, station in told.items()}


def _neighbors(radio: Found, answers: Mapping[str, Section]) -> tuple[NeighborReading, ...] | None:
    """None when the radio would not look now (busy, starting)."""
    try:
        return parse_scan.neighbors(section(answers, f"scan:{radio.ifname}"), radio.band)
    except Missing:
        return None


def absence(error: Missing | Garbage) -> Absence:
    return error.why if isinstance(error, Missing) else Absence.GARBAGE
