"""openconfig-access-points 1.2.0 -> values. Pure. The model's own words are in openconfig-wifi-phy.yang and
openconfig-wifi-mac.yang of github.com/openconfig/public."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element

from drivers.netconf.parse_xml import (
    at,
    boolean,
    children,
    counter,
    identity,
    integer,
    mac,
    name,
    percent,
    text,
)
from inventory.channels import channels
from inventory.model import Band

WIDTHS_MHZ: Final = (20, 40, 80, 160, 320)
_BANDS: Final = {
    "FREQ_2GHZ": (Band.GHZ_2_4,),
    "FREQ_5GHZ": (Band.GHZ_5,),
    "FREQ_6GHZ": (Band.GHZ_6,),
    "FREQ_2_5_GHZ": (Band.GHZ_2_4, Band.GHZ_5),
    "FREQ_5_6_GHZ": (Band.GHZ_5, Band.GHZ_6),
    "FREQ_2_6_GHZ": (Band.GHZ_2_4, Band.GHZ_6),
    "FREQ_2_5_6_GHZ": tuple(Band),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leafs:
    """What the containers `config` and `state` of a radio have in common. ``old_width``: the width stands in
    `channel-width`, which `channel-bandwidth` has replaced. ``dca``, ``dtp``: the device chooses its channel,
    its power itself."""

    channel: int | None
    width_mhz: int | None
    old_width: bool
    tx_power_dbm: int | None
    enabled: bool | None
    dca: bool | None
    dtp: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What only `state` has. ``dfs_hit_ns``: when radar was last heard, since 1970; ``allowed``: primary
    channels."""

    busy: float | None
    rx: float | None
    tx: float | None
    noise: float | None
    noise_dbm: int | None
    dfs_hit_ns: int | None
    change_reason: str | None
    allowed: frozenset[int] | None
    color: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    bssid: str
    channel: int
    signal_dbm: int
    ssid: str | None
    last_seen_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApRadio:
    """One radio. ``frequency``: the identity that is part of its key. ``band`` None: it is not clear which.
    ``state`` None: the device tells nothing of what is in force."""

    id: int
    frequency: str
    band: Band | None
    config: Leafs
    state: Leafs | None
    told: Told | None
    neighbors: tuple[Heard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bssid:
    radio: int
    bssid: str
    ssid: str | None
    clients: int | None
    tx_frames: int | None
    tx_retries: int | None
    tx_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """``band``: where it is connected, as far as it is told."""

    mac: str
    band: Band | None
    signal_dbm: int | None
    tx_frames: int | None
    tx_retries: int | None
    tx_bytes: int | None
    connected_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ap:
    """``now_s``: its own clock, seconds since 1970. ``boot_ns``: when its counters began."""

    hostname: str
    mac: str | None
    radios: tuple[ApRadio, ...]
    bssids: tuple[Bssid, ...]
    stations: tuple[Station, ...]
    software: str | None
    boot_ns: int | None
    now_s: float | None


def access_points(data: Element) -> tuple[Ap, ...]:
    """All that are named, each name once: of one that is there twice the first."""
    macs = _macs(data)
    found: dict[str, Ap] = {}
    for each in children(data, "access-points", "access-point"):
        if hostname := text(each, "hostname"):
            found.setdefault(hostname, _ap(hostname, each, macs.get(hostname)))
    return tuple(found.values())


def _macs(data: Element) -> dict[str, str]:
    """Of the Ethernet ports, by hostname."""
    told: dict[str, str] = {}
    for each in children(data, "provision-aps", "provision-ap"):
        hostname = text(each, "state", "hostname") or text(each, "config", "hostname")
        if hostname and (address := mac(each, "mac")):
            told[hostname] = address
    return told


def _ap(hostname: str, element: Element, address: str | None) -> Ap:
    ssids = list(children(element, "ssids", "ssid"))
    system = at(element, "system", "state")
    return Ap(
        hostname=hostname,
        mac=address,
        radios=_radios(element),
        bssids=tuple(found for ssid in ssids for found in _bssids(ssid)),
        stations=tuple(found for ssid in ssids for found in _stations(ssid)),
        software=text(system, "software-version"),
        boot_ns=counter(system, "boot-time"),
        now_s=_seconds(text(system, "current-datetime")),
    )


def _seconds(words: str | None) -> float | None:
    """Of a yang:date-and-time, since 1970; None: there is none, or it does not say its zone."""
    try:
        moment = datetime.fromisoformat(words) if words else None
        return moment.timestamp() if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _radios(element: Element) -> tuple[ApRadio, ...]:
    found: dict[tuple[int, str], ApRadio] = {}
    for each in children(element, "radios", "radio"):
        number, frequency = integer(each, "id", least=0, most=255), identity(each, "operating-frequency")
        if number is not None and frequency is not None:
            found.setdefault((number, frequency), _radio(number, frequency, each))
    return tuple(found.values())


def _radio(number: int, frequency: str, element: Element) -> ApRadio:
    config, state = _leafs(at(element, "config")), at(element, "state")
    force = _leafs(state) if state is not None and len(state) else None
    bands = _BANDS.get(frequency, ())
    return ApRadio(
        id=number,
        frequency=frequency,
        band=_band(bands, (force or config).channel),
        config=config,
        state=force,
        told=_told(state) if state is not None and force else None,
        neighbors=tuple(
            heard
            for each in children(element, "neighbors", "neighbor", "state")
            if (heard := _heard(each)) is not None
        ),
    )


def _band(bands: tuple[Band, ...], channel: int | None) -> Band | None:
    """Of a radio that can be in several bands the one that its channel is in, if that is just one."""
    possible = bands if len(bands) == 1 else tuple(band for band in bands if channel in channels(band))
    return possible[0] if len(possible) == 1 else None


def _leafs(element: Element | None) -> Leafs:
    new = integer(element, "channel-bandwidth", least=20, most=320)
    old = integer(element, "channel-width", least=20, most=255)
    width = new if new is not None else old
    return Leafs(
        channel=integer(element, "channel", least=1, most=233),
        width_mhz=width if width in WIDTHS_MHZ else None,
        old_width=new is None and old is not None,
        tx_power_dbm=integer(element, "transmit-power", least=-10, most=40),
        enabled=boolean(element, "enabled"),
        dca=boolean(element, "dca"),
        dtp=boolean(element, "dtp"),
    )


def _told(state: Element) -> Told:
    return Told(
        busy=percent(state, "total-channel-utilization"),
        rx=percent(state, "rx-dot11-channel-utilization"),
        tx=percent(state, "tx-dot11-channel-utilization"),
        noise=percent(state, "rx-noise-channel-utilization"),
        noise_dbm=integer(state, "counters", "noise-floor", least=-120, most=-30),
        dfs_hit_ns=counter(state, "dfs-hit-time") or None,  # 0, 1970, is "never"
        change_reason=identity(state, "channel-change-reason"),
        allowed=_allowed(state),
        color=integer(state, "bss-color-id", least=1, most=63),
    )


def _allowed(state: Element) -> frozenset[int] | None:
    """Channels that both regulation and hardware allow; None: neither is told."""
    lists = [_channels(state, "allowed-regulatory-channels"), _channels(state, "supported-channels")]
    given = [each for each in lists if each]
    return frozenset.intersection(*given) if given else None


def _channels(state: Element, leaf: str) -> frozenset[int]:
    each = (integer(found, least=1, most=233) for found in state if name(found) == leaf)
    return frozenset(channel for channel in each if channel is not None)


def _heard(state: Element) -> Heard | None:
    """None without an address, a channel and a level: it can be weighed by nobody."""
    bssid, signal = mac(state, "bssid"), integer(state, "rssi", least=-120, most=-1)
    primary = integer(state, "primary-channel", least=1, most=233)
    channel = primary or integer(state, "channel", least=1, most=233)
    if bssid is None or signal is None or channel is None:
        return None
    return Heard(
        bssid=bssid,
        channel=channel,
        signal_dbm=signal,
        ssid=text(state, "ssid"),
        last_seen_ns=counter(state, "last-seen"),
    )


def _bssids(ssid: Element) -> list[Bssid]:
    found = []
    for state in children(ssid, "bssids", "bssid", "state"):
        radio, bssid = integer(state, "radio-id", least=0, most=255), mac(state, "bssid")
        if radio is not None and bssid is not None:
            numbers = at(state, "counters")
            found.append(
                Bssid(
                    radio=radio,
                    bssid=bssid,
                    ssid=text(ssid, "name"),
                    clients=integer(state, "num-associated-clients", least=0, most=255),
                    tx_frames=counter(numbers, "tx-total-frames"),
                    tx_retries=counter(numbers, "tx-retries"),
                    tx_bytes=counter(numbers, "tx-bytes-data"),
                )
            )
    return found


def _stations(ssid: Element) -> list[Station]:
    found = []
    for each in children(ssid, "clients", "client"):
        if (address := mac(each, "mac") or mac(each, "state", "mac")) is not None:
            numbers, rf = at(each, "state", "counters"), at(each, "client-rf", "state")
            frequency = integer(rf, "frequency", least=0, most=255)
            found.append(
                Station(
                    mac=address,
                    band={2: Band.GHZ_2_4, 5: Band.GHZ_5, 6: Band.GHZ_6}.get(frequency or 0),
                    signal_dbm=integer(rf, "rssi", least=-120, most=-1),
                    tx_frames=counter(numbers, "tx-total"),
                    tx_retries=counter(numbers, "tx-retries"),
                    tx_bytes=counter(numbers, "tx-bytes"),
                    connected_ns=counter(each, "client-connection", "state", "connection-time"),
                )
            )
    return found
