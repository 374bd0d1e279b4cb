"""Who shares the air with whom, and what that makes of a radio's demand. Pure.

A deliberately plain model: radios that sense each other share time, radios that only disturb each other
cause retries, and all retries carry the same AR(1) unrest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from drivers.simulated.traffic import Rates
from inventory.channels import Block, overlap_ratio

SENSE_DBM = -82.0
"""Preamble detection (IEEE 802.11-2020 17.3.10.6): louder ones are waited for."""

DISTURB_DBM = -92.0
"""Quieter than this does nothing."""

RETRY_BASE = 0.06
FAILED_PER_RETRY = 0.05
BEACON_SHARE = 0.01
FRAME_BYTES = 1200
MBPS_PER_MHZ = 3.2  # what comes out of a MHz of bandwidth, overhead included
MAX_SHARE = 0.95
NIGHT_RATIO = 0.2  # the quietest hour has a fifth of the busiest one's demand


def daily_ratio(hour: float) -> float:
    """Demand at this hour of the day, 0.2 (at 3) to 1 (at 15); log-sinusoidal."""
    depth = (1 + math.cos(2 * math.pi * (hour - 3) / 24)) / 2
    return math.exp(depth * math.log(NIGHT_RATIO))


@dataclass(frozen=True, slots=True)
class Foreign:
    """Somebody else's BSS."""

    bssid: str
    block: Block
    position: tuple[float, float, float]
    tx_power_dbm: float
    busy_ratio: float


@dataclass(frozen=True, slots=True)
class Interferer:
    """Not Wi-Fi: nobody can decode it."""

    low_mhz: float
    high_mhz: float
    position: tuple[float, float, float]
    tx_power_dbm: float
    duty_ratio: float

    def covers(self, where: Block) -> float:
        """Share of the block's spectrum, 0..1."""
        shared = min(self.high_mhz, where.high_mhz) - max(self.low_mhz, where.low_mhz)
        return max(0.0, shared) / where.width_mhz


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """What presses on a radio from outside, as shares of time.

    ``sensed``: waited for, decodable. ``hidden``: too quiet to wait for, loud enough to disturb.
    ``noise``: sensed, not Wi-Fi.
    """

    sensed: float = 0.0
    hidden: float = 0.0
    noise: float = 0.0


def coupling(
    mine: Block, theirs: Block, rssi_dbm: float, sense_dbm: float = SENSE_DBM
) -> tuple[float, float]:
    """How much of their air time I must wait for, and how much only disturbs me; both 0..1."""
    overlap = overlap_ratio(mine, theirs)
    if rssi_dbm >= sense_dbm:
        return (1.0 if mine.primary_mhz in theirs.mhz20 else overlap), 0.0
    return 0.0, (overlap if rssi_dbm >= DISTURB_DBM else 0.0)


def retry_ratio(pressure: Pressure, unrest: float, spoil: float = 1.0) -> float:
    """Retries per transmitted frame."""
    crowd = 1 + 1.5 * pressure.sensed + 3 * pressure.hidden
    return min(0.95, RETRY_BASE * crowd * (1 + 4 * pressure.noise) * unrest * spoil)


def rates(demand_mbps: float, width_mhz: int, pressure: Pressure, retries: float) -> Rates:
    """What a radio on air does with this demand, given what presses on it."""
    others = min(MAX_SHARE, pressure.sensed + pressure.noise)
    wanted = demand_mbps * (1 + retries) / (MBPS_PER_MHZ * width_mhz)
    had = min(wanted, max(0.02, MAX_SHARE - others))
    served_mbps = demand_mbps * had / wanted if wanted > 0 else 0.0
    tx = min(1.0, had + BEACON_SHARE)
    bytes_s = served_mbps * 1e6 / 8
    return Rates(
        frames=bytes_s / FRAME_BYTES,
        bytes=bytes_s,
        retry_ratio=retries,
        failed_ratio=retries * FAILED_PER_RETRY,
        busy=min(1.0, tx + others),
        rx=min(pressure.sensed, 1.0 - tx),
        tx=tx,
    )
