"""Who shares the air with whom, and what that makes of a radio's demand. Pure.

Radios that sense each other share time. What a radio does not wait for disturbs it: the power sum of those
transmissions, weighted by their air time, lowers the rate that its clients are served at, and a frame that
one of them hits is lost the more often the louder it is beside the client's own signal. All retries carry the
same AR(1) unrest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from drivers.simulated.propagation import NOISE_DBM
from drivers.simulated.traffic import Rates, Reach
from inventory.channels import Block, overlap_ratio

SENSE_DBM = -82.0
"""Preamble detection (IEEE 802.11-2020 17.3.10.6): louder ones are waited for."""

ENERGY_DBM = -62.0
"""Energy detection of what is not Wi-Fi (the same clause: 20 dB above preamble detection)."""

DISTURB_DBM = -92.0
"""Quieter than this does nothing."""

LEVEL_DB = 3
"""Signals are told apart in steps of this."""

RETRY_BASE = 0.06
MOST_RETRIES = 3.0  # per frame
MOST_CLASHES = 0.75
FAILED_PER_RETRY = 0.05
BEACON_SHARE = 0.01
FRAME_BYTES = 1200
MBPS_PER_MHZ = 3.2  # what comes out of a MHz of bandwidth with a good signal, overhead included
GOOD_SINR_DB = 32.0  # the highest rates need no more
LEAST_EFFICIENCY = 0.03  # of that: the lowest rate
WEAK_SNR_DB = 7.0  # below it the lowest rate fails too
CLASH_SIR_DB = 18.0  # a frame that is this much louder than what hits it is lost half of the time
SLOPE_DB = 3.0
MAX_SHARE = 0.95
LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Foreign:
    """Somebody else's BSS, or one that pretends to be ours."""

    bssid: str
    block: Block
    position: tuple[float, float, float]
    tx_power_dbm: float
    busy_ratio: float
    ssid: str | None = None


@dataclass(frozen=True, slots=True)
class Interferer:
    """Not Wi-Fi: nobody can decode it. ``what``: the name that a spectrum analyser has for it."""

    low_mhz: float
    high_mhz: float
    position: tuple[float, float, float]
    tx_power_dbm: float
    duty_ratio: float
    what: str = ""

    def covers(self, where: Block) -> float:
        """Share of the block's spectrum, 0..1."""
        shared = min(self.high_mhz, where.high_mhz) - max(self.low_mhz, where.low_mhz)
        return max(0.0, shared) / where.width_mhz


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """What presses on a radio from outside, as shares of time.

    ``sensed``: waited for, decodable; ``foreign``: what of it is others' networks. ``hidden``: the sum of
    what is not waited for and loud enough to disturb, so it may exceed 1; ``hidden_mw``: the power sum of it,
    each weighted by its air time. ``noise``: sensed, not Wi-Fi. ``rivals``: the air time that our own radios
    among those sensed would like to have.
    """

    sensed: float = 0.0
    foreign: float = 0.0
    hidden: float = 0.0
    hidden_mw: float = 0.0
    noise: float = 0.0
    rivals: float = 0.0


def coupling(
    mine: Block, theirs: Block, rssi_dbm: float, sense_dbm: float = SENSE_DBM
) -> tuple[float, float]:
    """How much of their air time I must wait for, and how much only disturbs me; both 0..1."""
    if rssi_dbm < DISTURB_DBM:
        return 0.0, 0.0
    overlap = overlap_ratio(mine, theirs)
    if rssi_dbm >= sense_dbm:
        return (1.0 if mine.primary_mhz in theirs.mhz20 else overlap), 0.0
    return 0.0, overlap


def milliwatts(dbm: float) -> float:
    return float(10 ** (dbm / 10))


_THERMAL_MW_PER_MHZ = milliwatts(NOISE_DBM) / 20


def efficiency(reach: Reach, pressure: Pressure) -> float:
    """What comes out of the air time with this signal, 0..1 of the best: the rate follows the mean SINR, by
    Shannon's formula."""
    level_dbm, width_mhz = reach
    noise_mw = _THERMAL_MW_PER_MHZ * width_mhz + pressure.hidden_mw
    return max(LEAST_EFFICIENCY, min(1.0, math.log2(1 + milliwatts(level_dbm) / noise_mw) / _BEST))


_BEST = math.log2(1 + milliwatts(GOOD_SINR_DB))


def retry_ratio(reach: Reach, pressure: Pressure, luck: float = 1.0) -> float:
    """Retries per transmitted frame. ``luck``: a factor on them."""
    level_dbm, width_mhz = reach
    thermal_mw = _THERMAL_MW_PER_MHZ * width_mhz
    weak = _step(WEAK_SNR_DB - level_dbm + 10 * math.log10(thermal_mw))
    usual = RETRY_BASE * (1 + 1.5 * pressure.sensed) * (1 + 4 * pressure.noise) + weak
    return min(MOST_RETRIES, (usual + _clashes(level_dbm, thermal_mw, pressure)) * luck)


def _clashes(level_dbm: int, thermal_mw: float, pressure: Pressure) -> float:
    """Retries because of what was not waited for: it is on air at the same time, and loud enough to spoil
    the frame."""
    if pressure.hidden <= 0:
        return 0.0
    disturber_mw = thermal_mw + pressure.hidden_mw / pressure.hidden
    lost = _step(CLASH_SIR_DB - level_dbm + 10 * math.log10(disturber_mw))
    chance = min(MOST_CLASHES, pressure.hidden * lost)
    return chance / (1 - chance)


def _step(db: float) -> float:
    """0 far below 0 dB, 1 far above."""
    return 1 / (1 + math.exp(-db / SLOPE_DB))


def rates(demand: Mapping[Reach, float], day_ratio: float, pressure: Pressure, luck: float) -> Rates:
    """What a radio on air does with its clients' demand (Mbit/s in the busiest hour), given what presses on
    it. ``luck``: the factor on all its retries."""
    retries = {reach: retry_ratio(reach, pressure, luck) for reach in demand}
    wanted = day_ratio * math.fsum(
        mbps * (1 + retries[reach]) / (MBPS_PER_MHZ * reach[1] * efficiency(reach, pressure))
        for reach, mbps in demand.items()
    )
    had = _share(wanted, pressure)
    total = math.fsum(demand.values())
    bytes_s = total * day_ratio * had / wanted * 1e6 / 8 if wanted > 0 else 0.0
    mean = _mean(demand, retries) if wanted > 0 else RETRY_BASE
    return _sending(had, wanted, bytes_s, mean, retries, pressure)


def _mean(demand: Mapping[Reach, float], retries: Mapping[Reach, float]) -> float:
    """By frames, which are as the demand is."""
    return math.fsum(mbps * retries[reach] for reach, mbps in demand.items()) / math.fsum(demand.values())


def _sending(
    had: float,
    wanted: float,
    bytes_s: float,
    retries: float,
    by_reach: Mapping[Reach, float],
    pressure: Pressure,
) -> Rates:
    tx = min(1.0, had + BEACON_SHARE)
    rx = max(0.0, min(pressure.sensed, 1.0 - tx - pressure.noise))
    return Rates(
        frames=bytes_s / FRAME_BYTES,
        bytes=bytes_s,
        retry_ratio=retries,
        failed_ratio=retries * FAILED_PER_RETRY,
        busy=min(1.0, tx + rx + pressure.noise),
        rx=rx,
        tx=tx,
        wanted=wanted + BEACON_SHARE,
        retries=by_reach,
    )


def _share(wanted: float, pressure: Pressure) -> float:
    """Air time that the radio gets: all that it wants, or, of what others leave, its part in proportion to
    what it and its rivals want."""
    room = max(LEAST_SHARE, MAX_SHARE - pressure.foreign - pressure.noise)
    claim = min(1.0, wanted)
    if wanted + pressure.rivals <= room or wanted <= 0:
        return wanted
    return min(wanted, room * claim / (claim + pressure.rivals))


def stuck(pressure: Pressure) -> Rates:
    """A radio whose transmit queue is stuck: beacons, and nothing else."""
    return _sending(0.0, 0.0, 0.0, 0.0, {}, pressure)


def listening(pressure: Pressure) -> Rates:
    """A radio that hears and does not transmit."""
    sensed = min(1.0, pressure.sensed)
    return Rates(busy=min(1.0, sensed + pressure.noise), rx=sensed)
