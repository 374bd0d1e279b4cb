"""What OpenConfig told of one radio -> a reading, a configuration, radar. Pure."""

from __future__ import annotations

from typing import Final, TypeVar

from drivers.netconf.openconfig.parse import Ap, ApRadio, Heard, Leafs, Station
from drivers.netconf.spectrum import mhz20
from drivers.types import (
    BssReading,
    ClientReading,
    ConfigState,
    Counters,
    Gauges,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    ScopeRef,
    Setting,
    Table,
    Values,
)
from inventory.channels import channels, frequency_mhz
from inventory.model import Band, RadioKey

T = TypeVar("T")
_STATE: Final = "openconfig radio/state"
_DFS: Final = "DFS"  # identity of openconfig-wifi-types: why the device changed its channel


def reading(
    key: RadioKey, band: Band, ap: Ap, radio: ApRadio, tables: frozenset[Table], at_s: float, *, owns: bool
) -> RadioReading:
    """``owns``: the device's own channel control counts as its owner."""
    told, force = radio.told, radio.state
    return RadioReading(
        key=key,
        at_s=at_s,
        state=_state(radio),
        band=band,
        channel=_reported(force.channel if force else None, "channel"),
        width_mhz=_reported(force.width_mhz if force else None, _width_leaf(force)),
        tx_power_dbm=_reported(
            float(force.tx_power_dbm) if force and force.tx_power_dbm is not None else None, "transmit-power"
        ),
        bss=_bss(ap, radio) if tables & {Table.CLIENTS, Table.COUNTERS} else None,
        clients=_clients(band, ap, radio) if Table.CLIENTS in tables else None,
        client_count=_count(ap, radio) if Table.CLIENTS in tables else None,
        counters=_counters(ap, radio) if Table.COUNTERS in tables else None,
        gauges=_gauges(radio) if Table.SURVEY in tables else None,
        neighbors=_neighbors(band, ap, radio) if Table.NEIGHBORS in tables else None,
        allowed_mhz=_allowed(band, told.allowed) if told and told.allowed else None,
        managed_by=_owner(radio) if owns else None,
    )


def config(ref: ScopeRef, radio: ApRadio) -> ConfigState:
    return ConfigState(
        scope=ref,
        configured=_values(radio.config),
        in_force=_values(radio.state) if radio.state else {},
        state=_state(radio),
    )


def radar_mhz(before: ApRadio | None, now: ApRadio) -> frozenset[int] | None:
    """20 MHz channels where radar was heard since ``before``; None: it was not. There is no notification of
    it: `dfs-hit-time` is newer, or the channel has changed and DFS is said to be why. The device says not
    where: on all that the radio occupied before, and on nothing in particular if that is not known."""
    if before is None or before.told is None or now.told is None:
        return None
    hit = now.told.dfs_hit_ns is not None and now.told.dfs_hit_ns != before.told.dfs_hit_ns
    moved = now.told.change_reason == _DFS and (
        before.told.change_reason != _DFS or _channel(now) != _channel(before)
    )
    return occupied(before) if hit or moved else None


def occupied(radio: ApRadio) -> frozenset[int]:
    """Its 20 MHz channels, in MHz."""
    force = radio.state
    return mhz20(radio.band, force.channel, force.width_mhz) if force is not None else frozenset()


def _channel(radio: ApRadio) -> int | None:
    return radio.state.channel if radio.state else None


def _reported(value: T | None, leaf: str) -> Reported[T] | None:
    return Reported(value, f"{_STATE}/{leaf}") if value is not None else None


def _width_leaf(force: Leafs | None) -> str:
    return "channel-width" if force is not None and force.old_width else "channel-bandwidth"


def _state(radio: ApRadio) -> RadioState:
    """The model knows neither a CAC nor a non-occupancy period."""
    leafs = radio.state or radio.config
    enabled = leafs.enabled if leafs.enabled is not None else radio.config.enabled
    return RadioState.OFF if enabled is False else RadioState.ON_AIR


def _values(leafs: Leafs) -> Values:
    told = {
        Setting.CHANNEL: leafs.channel,
        Setting.WIDTH_MHZ: leafs.width_mhz,
        Setting.TX_POWER_DBM: leafs.tx_power_dbm,
        Setting.ENABLED: int(leafs.enabled) if leafs.enabled is not None else None,
    }
    return {setting: value for setting, value in told.items() if value is not None}


def _owner(radio: ApRadio) -> str | None:
    """Who chooses channel or power. Both leafs are true by default: what is told nowhere is true."""
    control = {"dca": _flag(radio, "dca"), "dtp": _flag(radio, "dtp")}
    owners = [name for name, on in control.items() if on]
    return f"openconfig {' and '.join(owners)}" if owners else None


def _flag(radio: ApRadio, leaf: str) -> bool:
    told = [getattr(each, leaf) for each in (radio.state, radio.config) if each is not None]
    return next((value for value in told if value is not None), True)


def _bss(ap: Ap, radio: ApRadio) -> tuple[BssReading, ...] | None:
    here = (each for each in ap.bssids if each.radio == radio.id)
    return tuple(BssReading(bssid=each.bssid, ssid=each.ssid) for each in here) or None


def _clients(band: Band, ap: Ap, radio: ApRadio) -> tuple[ClientReading, ...] | None:
    """The model puts a client under its SSID and tells its band, not its radio. None: it can't be said of all
    of them whether they are here."""
    alone = [each for each in ap.radios if each.band is band] == [radio]
    if not alone or any(each.band is None for each in ap.stations) or not ap.stations:
        return None
    return tuple(_client(each, ap.now_s) for each in ap.stations if each.band is band)


def _client(station: Station, now_s: float | None) -> ClientReading:
    since_s = station.connected_ns / 1e9 if station.connected_ns else None
    here_s = now_s - since_s if now_s is not None and since_s is not None else None
    return ClientReading(
        mac=station.mac,
        signal_dbm=station.signal_dbm,
        tx_frames=station.tx_frames,
        tx_retries=station.tx_retries,
        tx_bytes=station.tx_bytes,
        connected_s=here_s if here_s is not None and here_s >= 0 else None,
    )


def _count(ap: Ap, radio: ApRadio) -> int | None:
    """All of its BSSs together; None when one does not count."""
    return _sum([each.clients for each in ap.bssids if each.radio == radio.id])


def _counters(ap: Ap, radio: ApRadio) -> Counters | None:
    """The model counts for each BSS and has no counter of frames given up. A BSS that comes or goes would
    make a jump: they start again at 0 for us whenever the set of them changes."""
    here = sorted((each for each in ap.bssids if each.radio == radio.id), key=lambda each: each.bssid)
    if not here:
        return None
    return Counters(
        tx_frames=_sum([each.tx_frames for each in here]),
        tx_retries=_sum([each.tx_retries for each in here]),
        tx_bytes=_sum([each.tx_bytes for each in here]),
        epoch=" ".join([str(ap.boot_ns), *(each.bssid for each in here)]),
    )


def _sum(numbers: list[int | None]) -> int | None:
    told = [number for number in numbers if number is not None]
    return sum(told) if numbers and len(told) == len(numbers) else None


def _gauges(radio: ApRadio) -> Gauges | None:
    told = radio.told
    if told is None or (told.busy, told.rx, told.tx, told.noise, told.noise_dbm) == (None,) * 5:
        return None
    return Gauges(
        busy_ratio=told.busy,
        rx_ratio=told.rx,
        tx_ratio=told.tx,
        non_wifi_ratio=told.noise,
        noise_dbm=told.noise_dbm,
    )


def _neighbors(band: Band, ap: Ap, radio: ApRadio) -> tuple[NeighborReading, ...] | None:
    """Those on channels of the radio's own band: the list does not say which band a channel is of."""
    if radio.state is None:
        return None
    return tuple(
        NeighborReading(
            bssid=each.bssid,
            channel=each.channel,
            signal_dbm=each.signal_dbm,
            ssid=each.ssid,
            age_s=_age_s(each, ap.now_s),
        )
        for each in radio.neighbors
        if each.channel in channels(band)
    )


def _age_s(heard: Heard, now_s: float | None) -> float:
    """0 where the device's clock is not told, or behind its own table."""
    if now_s is None or heard.last_seen_ns is None:
        return 0.0
    return max(0.0, now_s - heard.last_seen_ns / 1e9)


def _allowed(band: Band, numbers: frozenset[int]) -> frozenset[int]:
    return frozenset(frequency_mhz(band, number) for number in numbers if number in channels(band))
