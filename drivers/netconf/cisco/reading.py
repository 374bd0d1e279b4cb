"""What a C9800 told of one radio -> a reading and a configuration. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from drivers.netconf.cisco.parse import Radio, Slot, Totals
from drivers.netconf.cisco.parse_rrm import Load, Neighbor
from drivers.netconf.spectrum import mhz20
from drivers.types import (
    BssReading,
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
from inventory.channels import blocks_of, channels, frequency_mhz
from inventory.model import Band, RadioKey

T = TypeVar("T")
OWNER: Final = "cisco rrm"
REFRESH_S: Final = 180.0  # of an AP's statistics as they are shipped; RRM's load may be renewed more often
_OPER: Final = "radio-oper-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One answer of the controller, of all the radios that it was asked for."""

    radios: Mapping[Slot, Radio]
    totals: Mapping[Slot, Totals]
    loads: Mapping[Slot, Load]
    neighbors: Mapping[Slot, tuple[Neighbor, ...]]


def reading(
    key: RadioKey,
    band: Band,
    radio: Radio,
    answers: Answers,
    tables: frozenset[Table],
    at_s: float,
    *,
    owns: bool,
) -> RadioReading:
    """``owns``: the controller's own RRM counts as the radio's owner, unless it says that a person has set
    both channel and power: what it does not tell is not ours to take."""
    totals, load = answers.totals.get(radio.key), answers.loads.get(radio.key)
    heard = answers.neighbors.get(radio.key)
    counted = Table.COUNTERS in tables and totals is not None
    return RadioReading(
        key=key,
        at_s=at_s,
        state=_state(radio),
        band=band,
        channel=_reported(radio.channel, "phy-ht-cfg/curr-freq"),
        width_mhz=_reported(radio.width_mhz, "phy-ht-cfg/chan-width"),
        tx_power_dbm=_power(radio),
        country=_reported(radio.country, "country-string"),
        bss=tuple(BssReading(bssid=bssid, ssid=ssid) for bssid, ssid in radio.bssids) or None,
        client_count=load.stations if load and Table.CLIENTS in tables else None,
        counters=_counters(radio, totals) if counted and totals else None,
        hardware_resets=totals.stuck_resets if counted and totals else None,
        gauges=_gauges(radio, totals, load) if Table.SURVEY in tables else None,
        neighbors=_neighbors(band, heard) if heard is not None and Table.NEIGHBORS in tables else None,
        allowed_mhz=_allowed(band, radio.channels),
        power_choices_dbm=tuple(sorted(radio.levels_dbm)) or None,
        fresh_s=REFRESH_S if tables - {Table.STATUS} else 0.0,
        managed_by=OWNER if owns and not (radio.static and radio.static_power) else None,
    )


def config(ref: ScopeRef, radio: Radio) -> ConfigState:
    """Channel, width and power are configured only as far as a person, or we, have set them. In CAC a radio
    is silent: neither on, nor on the channel yet."""
    power = said.value if (said := _power(radio)) is not None else None
    place = {Setting.CHANNEL: radio.channel, Setting.WIDTH_MHZ: radio.width_mhz}
    dbm = {Setting.TX_POWER_DBM: round(power) if power is not None else None}
    on = {Setting.ENABLED: int(radio.oper_up) if radio.oper_up is not None else None}
    admin = {Setting.ENABLED: int(radio.admin_up) if radio.admin_up is not None else None}
    set_ = {**(place if radio.static else {}), **(dbm if radio.static_power else {}), **admin}
    state = _state(radio)
    now = dbm if state is RadioState.CAC else {**place, **dbm, **on}
    return ConfigState(scope=ref, configured=_told(set_), in_force=_told(now), state=state)


def profile_config(ref: ScopeRef, dbm: int) -> ConfigState:
    """What an RF profile says. Nothing tells whether a radio does it."""
    return ConfigState(scope=ref, configured={Setting.OBSS_PD_DBM: dbm}, in_force={})


def occupied(radio: Radio) -> frozenset[int]:
    """Its 20 MHz channels, in MHz."""
    return mhz20(radio.band, radio.channel, radio.width_mhz)


def _told(values: Mapping[Setting, int | None]) -> Values:
    return {setting: value for setting, value in values.items() if value is not None}


def _reported(value: T | None, leaf: str) -> Reported[T] | None:
    return Reported(value, f"{_OPER}/{leaf}") if value is not None else None


def _state(radio: Radio) -> RadioState:
    if radio.admin_up is False:
        return RadioState.OFF
    if radio.cac:
        return RadioState.CAC
    return RadioState.OFF if radio.oper_up is False or not radio.serves else RadioState.ON_AIR


def _power(radio: Radio) -> Reported[float] | None:
    """Levels are no dBm: the radio's own list says what each is; it decides where both are told, because it
    is what can be set."""
    if radio.level is not None and radio.level <= len(radio.levels_dbm):
        return _reported(float(radio.levels_dbm[radio.level - 1]), "current-tx-power-level")
    dbm = float(radio.tx_power_dbm) if radio.tx_power_dbm is not None else None
    return _reported(dbm, "curr-tx-power-in-dbm")


def _counters(radio: Radio, totals: Totals) -> Counters:
    """Frames that needed a repeat count once, however many it took."""
    return Counters(
        tx_frames=totals.tx_frames,
        tx_retries=totals.retries,
        tx_failed=totals.failed,
        tx_bytes=totals.tx_bytes,
        width_bits=32,
        epoch=f"{radio.enabled_at} {totals.stuck_resets}",
    )


def _gauges(radio: Radio, totals: Totals | None, load: Load | None) -> Gauges | None:
    noise = load.noise_dbm.get(radio.channel) if load and radio.channel is not None else None
    noise = noise if noise is not None or totals is None else totals.noise_dbm
    ratios = (load.busy, load.rx, load.tx, load.non_wifi) if load else (None,) * 4
    if noise is None and ratios == (None,) * 4:
        return None
    busy, rx, tx, non_wifi = ratios
    return Gauges(busy_ratio=busy, rx_ratio=rx, tx_ratio=tx, non_wifi_ratio=non_wifi, noise_dbm=noise)


def _neighbors(band: Band, heard: tuple[Neighbor, ...]) -> tuple[NeighborReading, ...]:
    """Radios of the same RF group: others are rogues to the controller, and not in this table."""
    return tuple(
        NeighborReading(
            bssid=each.bssid,
            channel=each.channel,
            signal_dbm=each.signal_dbm,
            width_mhz=each.width_mhz,
            center_mhz=_center(band, each),
        )
        for each in heard
        if each.channel in channels(band)
    )


def _center(band: Band, each: Neighbor) -> int | None:
    if each.width_mhz is None:
        return None
    if each.width_mhz == 40 and each.center_mhz_offset is not None:
        return frequency_mhz(band, each.channel) + each.center_mhz_offset
    found = blocks_of(band, each.channel, each.width_mhz)
    return found[0].center_mhz if len(found) == 1 else None


def _allowed(band: Band, numbers: frozenset[int] | None) -> frozenset[int] | None:
    if numbers is None:
        return None
    return frozenset(frequency_mhz(band, each) for each in numbers if each in channels(band)) or None
