"""What one radio finds around itself: who sends where, what was measured, what its clients can use. Pure.

Worked out once per decision; the candidates are then held against it (`agent/planner/channel.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median_low
from typing import Final

from agent.airtime import ChannelAir
from agent.change import Cause
from agent.planner.spectrum import heard_mask, mask_of
from agent.view import RadioView, SiteView, block_in_values
from drivers.types import NeighborReading
from inventory.channels import Block
from inventory.model import RadioKey

CCA_DBM: Final = -82.0
"""Preamble detection on the primary channel: half of the frames heard so loud are deferred to
(IEEE 802.11-2020 17.3.10.6)."""

CCA_SECONDARY_DBM: Final = -72.0
"""The same for a secondary channel (IEEE 802.11-2020 21.3.18.5.4)."""

CCA_SLOPE_DB: Final = 4.0
"""From 12 % to 88 % of the frames within 8 dB either side: fading, and receivers that differ."""

UNKNOWN_LOAD: Final = 0.3
"""Share of the air used by a BSS that says nothing of its load, where nothing was measured either; and what
an own AP is counted with at least, so that a quiet hour does not herd all onto one channel."""

IDLE_LOAD: Final = 0.01
"""Beacons alone."""

USUAL_SNR_DB: Final = 30.0
BEST_BITS: Final = 8.33  # per symbol: 1024-QAM 5/6 (IEEE 802.11ax)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What the BSSs heard on one piece of spectrum add up to.

    ``known`` and ``unknown``: contenders on a primary channel, by load told and by load assumed.
    ``silence``: chance that a secondary channel there is free of all of them.
    """

    mask: int
    known: float = 0.0
    unknown: float = 0.0
    silence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """One AP of the site that was heard.

    ``goes``: the spectrum it is on or heading to; ``sits``: where it is now. ``near`` and ``aside``, 0..1:
    how often its frames are deferred to on a primary and on a secondary channel. ``load``: what it counts
    with; ``tx``: what it was measured to send.
    """

    key: RadioKey
    signal_dbm: float
    sits: int
    goes: int
    near: float
    aside: float
    load: float
    tx: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Air of one channel, and the radio that measured it."""

    air: ChannelAir
    by: RadioView


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All that the score of a block is made of. ``able``: share of the clients that can use a width."""

    view: SiteView
    at: RadioView
    foreign: tuple[Sender, ...]
    own: tuple[Own, ...]
    ears: tuple[RadioView, ...]
    scanned: bool
    able: Mapping[int, float]
    snr_db: tuple[float, ...]
    radar_mhz: tuple[frozenset[int], ...] = ()
    _measured: dict[int, Measured | None] = field(default_factory=dict)

    def measured(self, mhz: int) -> Measured | None:
        """The freshest knowledge of one 20 MHz channel: this radio's own, else the nearest own AP's."""
        if mhz not in self._measured:
            self._measured[mhz] = next(self._measurements(mhz), None)
        return self._measured[mhz]

    def _measurements(self, mhz: int) -> Iterator[Measured]:
        limit_s = self.view.site.policy.evidence_s
        for ear in self.ears:
            air = ear.air.get(mhz)
            if air is not None and air.age_s <= limit_s:
                yield Measured(air=air, by=ear)


def around(view: SiteView, at: RadioView) -> Surroundings:
    """Look around from one radio."""
    own = _own(view, at)
    near = sorted(own, key=lambda each: -each.signal_dbm)
    loud = [view.radios[o.key] for o in near if o.signal_dbm >= view.site.policy.neighbour_dbm]
    return Surroundings(
        view=view,
        at=at,
        foreign=_foreign(view, at),
        own=own,
        ears=(at, *loud),
        scanned=_scanned(at, view.site.policy.evidence_s),
        able=_able(at),
        snr_db=_snr_db(at),
        radar_mhz=_radar_mhz(view, at),
    )


def _scanned(at: RadioView, limit_s: float) -> bool:
    """Whether it listened to the whole band lately; one BSS heard lately is a sign of it."""
    if at.scan_age_s is not None:
        return at.scan_age_s <= limit_s
    return any(True for _ in at.heard(limit_s))


# -- who sends ---------------------------------------------------------------------------------------------


def deferral(signal_dbm: float, cca_dbm: float = CCA_DBM) -> float:
    """How often frames heard at this level are deferred to, 0..1; half of them at ``cca_dbm``."""
    return _deferral(round(2 * (signal_dbm - cca_dbm)))


@lru_cache(maxsize=1024)
def _deferral(half_db: int) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, half_db / 2 / CCA_SLOPE_DB))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """One BSS of somebody else. ``told``: it states its load itself."""

    mask: int
    signal_dbm: float
    load: float
    told: bool


def strangers(view: SiteView, at: RadioView) -> Iterator[Stranger]:
    """Other people's BSSs as this radio heard them."""
    band = at.radio.band
    for each in at.heard(view.site.policy.neighbour_age_s):
        if each.bssid in view.bssids:
            continue
        load = each.utilization_ratio
        yield Stranger(
            mask=heard_mask(band, each.channel, each.width_mhz, each.center_mhz),
            signal_dbm=each.signal_dbm,
            load=UNKNOWN_LOAD if load is None else max(IDLE_LOAD, min(1.0, load)),
            told=load is not None,
        )


def _foreign(view: SiteView, at: RadioView) -> tuple[Sender, ...]:
    """Other people's BSSs, those on one piece of spectrum together."""
    found: dict[int, list[float]] = {}
    for each in strangers(view, at):
        sums = found.setdefault(each.mask, [0.0, 0.0, 1.0])
        sums[not each.told] += deferral(each.signal_dbm) * each.load
        sums[2] *= 1.0 - deferral(each.signal_dbm, CCA_SECONDARY_DBM) * each.load
    return tuple(Sender(mask=m, known=k, unknown=u, silence=s) for m, (k, u, s) in found.items() if m)


def _own(view: SiteView, at: RadioView) -> tuple[Own, ...]:
    """The site's own APs, each once and by its loudest BSS."""
    loudest: dict[RadioKey, NeighborReading] = {}
    for each in at.heard(view.site.policy.neighbour_age_s):
        key = view.bssids.get(each.bssid)
        if key is None or key == at.key:
            continue
        if key not in loudest or each.signal_dbm > loudest[key].signal_dbm:
            loudest[key] = each
    headed = _headed(view)
    return tuple(_one(view, at, key, each, headed.get(key)) for key, each in loudest.items())


def _one(view: SiteView, at: RadioView, key: RadioKey, heard: NeighborReading, goal: Block | None) -> Own:
    other = view.radios[key]
    said = heard_mask(at.radio.band, heard.channel, heard.width_mhz, heard.center_mhz)
    sits = mask_of(other.block) if other.block else said
    air = other.air.get(other.block.primary_mhz) if other.block else None
    fresh = air is not None and air.age_s <= view.site.policy.evidence_s
    tx = (air.tx if fresh and air else None) or 0.0
    return Own(
        key=key,
        signal_dbm=heard.signal_dbm,
        sits=sits,
        goes=mask_of(goal) if goal else sits,
        near=deferral(heard.signal_dbm),
        aside=deferral(heard.signal_dbm, CCA_SECONDARY_DBM),
        load=max(UNKNOWN_LOAD, tx),
        tx=tx,
    )


def _headed(view: SiteView) -> dict[RadioKey, Block]:
    """Where open changes take their radios: not to be forgotten, or all APs herd onto one channel."""
    found: dict[RadioKey, Block] = {}
    for change in view.changes:
        if change.final:
            continue
        for key in change.radios:
            goal = block_in_values(view.radios[key].radio, change.target) if key in view.radios else None
            if goal is not None:
                found.setdefault(key, goal)
    return found


# -- clients and history -----------------------------------------------------------------------------------


def _able(at: RadioView) -> Mapping[int, float]:
    """Share of the clients that can use each width, 1 where none says what it can."""
    clients = (at.reading.clients if at.reading else None) or ()
    told = [each.max_width_mhz for each in clients if each.max_width_mhz is not None]
    widths = (40, 80, 160, 320)
    return {width: sum(t >= width for t in told) / len(told) if told else 1.0 for width in widths}


def usual_noise_dbm(at: RadioView) -> float | None:
    """The noise floor that this radio usually has, over the channels that it measured; None: not known."""
    told = [air.noise_dbm for air in at.air.values() if air.noise_dbm is not None]
    return median_low(told) if told else None


def _snr_db(at: RadioView) -> tuple[float, ...]:
    """Signal to noise of the clients, by what the AP hears of them, in dB; one usual value if not known."""
    noise = usual_noise_dbm(at)
    clients = (at.reading.clients if at.reading else None) or ()
    signals = [each.signal_dbm for each in clients if each.signal_dbm is not None]
    if noise is None or not signals:
        return (USUAL_SNR_DB,)
    return tuple(max(1.0, signal - noise) for signal in signals)


def rate_left(snr_db: Sequence[float], lost_db: float) -> float:
    """What is left of the clients' data rate, 0..1, when all of them lose so many dB (Shannon's bound, up to
    the best modulation)."""
    if lost_db <= 0:
        return 1.0
    before = sum(_bits(snr) for snr in snr_db)
    return sum(_bits(snr - lost_db) for snr in snr_db) / before


def _bits(snr_db: float) -> float:
    return min(BEST_BITS, math.log2(1.0 + 10.0 ** (snr_db / 10.0)))


def _radar_mhz(view: SiteView, at: RadioView) -> tuple[frozenset[int], ...]:
    """Where radar was met at this site within the last week: the blocks that were left because of it."""
    left = [
        block_in_values(at.radio, change.prior)
        for change in view.changes
        if change.cause is Cause.DFS_RADAR and not change.drill
    ]
    return tuple(block.mhz20 for block in left if block is not None)
