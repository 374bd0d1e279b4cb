"""A simulated radio as its device reports it. Pure."""

from __future__ import annotations

from drivers.simulated.radio import SimRadio
from drivers.simulated.station import Station
from drivers.simulated.traffic import Survey, Tally
from drivers.simulated.world import World
from drivers.types import (
    BssReading,
    ClientReading,
    Counters,
    RadioReading,
    Reported,
    SurveyReading,
    Table,
)
from inventory.model import RadioKey

SOURCE = "simulated"


def read_radio(world: World, key: RadioKey, tables: frozenset[Table], now_s: float) -> RadioReading:
    """What the device says of one radio, at ``now_s``; the world must have been advanced to it."""
    radio = world.radio(key)
    radio.traffic.settle(now_s)
    if Table.NEIGHBORS in tables:
        world.scan(key)
    where = radio.block
    return RadioReading(
        key=key,
        at_s=now_s,
        state=radio.state,
        band=where.band,
        channel=Reported(where.primary, SOURCE),
        width_mhz=Reported(where.width_mhz, SOURCE),
        center_mhz=Reported(where.center_mhz, SOURCE),
        tx_power_dbm=Reported(float(radio.power_dbm), SOURCE),
        obss_pd_dbm=Reported(radio.obss_pd_dbm, SOURCE),
        country=Reported(world.country, SOURCE),
        bss=(BssReading(bssid=radio.bssid, ssid=radio.ssid),),
        clients=_clients(radio, now_s) if Table.CLIENTS in tables else None,
        counters=_counters(radio) if Table.COUNTERS in tables else None,
        survey=_survey(world, radio) if Table.SURVEY in tables else None,
        neighbors=world.ether.neighbors(radio) if Table.NEIGHBORS in tables else None,
        nop_mhz=frozenset(radio.memory.nop),
        cac_done_mhz=frozenset(radio.memory.credit),
        allowed_mhz=radio.legal_mhz,
        cac_left_s=None if radio.cac_end_s is None else radio.cac_end_s - now_s,
        hardware_resets=radio.hardware_resets,
        uplink=radio.uplink,
        managed_by=radio.managed_by,
    )


def _clients(radio: SimRadio, now_s: float) -> tuple[ClientReading, ...]:
    eirp_dbm, lanes = radio.eirp_dbm, radio.traffic.lanes
    return tuple(_client(radio, each, lanes[each.reach], eirp_dbm, now_s) for each in radio.stations.values())


def _client(radio: SimRadio, station: Station, lane: Tally, eirp_dbm: float, now_s: float) -> ClientReading:
    """Written out: in a large world most of the time goes here."""
    had, start, weight = station.had, station.start, station.demand_mbps
    return ClientReading(
        mac=station.mac,
        bssid=radio.bssid,
        signal_dbm=round(eirp_dbm - station.loss_db, 1),
        tx_frames=int(had.frames + (lane.frames - start.frames) * weight),
        tx_retries=int(had.retries + (lane.retries - start.retries) * weight),
        tx_failed=int(had.failed + (lane.failed - start.failed) * weight),
        tx_bytes=int(had.bytes + (lane.bytes - start.bytes) * weight),
        connected_s=now_s - station.since_s,
        max_width_mhz=station.width_in(radio.radio.band),
    )


def _counters(radio: SimRadio) -> Counters:
    total = radio.traffic.total
    return Counters(
        tx_frames=int(total.frames),
        tx_retries=int(total.retries),
        tx_failed=int(total.failed),
        tx_bytes=int(total.bytes),
        disconnects=radio.traffic.disconnects,
        epoch=str(radio.traffic.epoch),
    )


def _survey(world: World, radio: SimRadio) -> tuple[SurveyReading, ...]:
    noise_dbm, used = world.ether.noise_dbm, radio.traffic.mhz
    return tuple(
        _channel(mhz, survey, in_use=mhz == used, noise_dbm=noise_dbm(radio, mhz))
        for mhz, survey in radio.traffic.surveys.items()
    )


def _channel(mhz: int, survey: Survey, *, in_use: bool, noise_dbm: float) -> SurveyReading:
    """As it was told before, where nothing is new: between two scans only the channel in use is."""
    told, same = survey.told, survey.told_ms == survey.active_ms
    if told is not None and same and told.in_use is in_use and told.noise_dbm == noise_dbm:
        return told
    survey.told_ms = survey.active_ms
    survey.told = SurveyReading(
        frequency_mhz=mhz,
        in_use=in_use,
        noise_dbm=noise_dbm,
        active_ms=int(survey.active_ms),
        busy_ms=int(survey.busy_ms),
        rx_ms=int(survey.rx_ms),
        tx_ms=int(survey.tx_ms),
    )
    return survey.told
