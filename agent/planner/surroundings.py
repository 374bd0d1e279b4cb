"""What one radio finds around itself: who sends where, what was measured, what its clients can use. Pure.

Worked out once per decision; the candidates are then held against it (`agent/planner/channel.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nsmallest
from statistics import median_low
from typing import Any, Final, NamedTuple, TypeVar

from agent.airtime import ChannelAir
from agent.crowd import WIDTHS_MHZ
from agent.moment import WEEK_US
from agent.planner.spectrum import heard_mask, levels, mask_of, seat
from agent.view import RadioView, SiteView, Spot, block_in_values
from drivers.types import NeighborReading
from inventory.channels import Block
from inventory.model import Band, RadioKey

T = TypeVar("T")

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

EARS: Final = 8
"""So many of the nearest own APs are asked what they measured; one further away hears another place."""

USUAL_SNR_DB: Final = 30.0
BEST_BITS: Final = 8.33  # per symbol: 1024-QAM 5/6 (IEEE 802.11ax)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What the BSSs heard on one piece of spectrum, with one ``primary`` channel (a mask; 0: none that
    exists), add up to.

    ``known`` and ``unknown``: contenders on a primary channel, by load told and by load assumed; ``faint``:
    our own as secondary channels hear them. ``silence``: chance that a secondary channel there is free of
    them.
    """

    mask: int
    primary: int = 0
    known: float = 0.0
    unknown: float = 0.0
    faint: float = 0.0
    silence: float = 1.0


class Own(NamedTuple):
    """One AP of the site that was heard: how loud, the spectrum that it ``sits`` on now, its ``primary``
    channel in it, and the share of the air there that its frames take from this radio (``tx``; 0 where it was
    not measured)."""

    signal_dbm: float
    sits: int
    primary: int
    tx: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Air of one channel, and the radio that measured it."""

    air: ChannelAir
    by: RadioView


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All that the score of a block is made of.

    ``foreign``: other people's BSSs. ``ours``: the site's, where they are or are heading to, with what they
    are planned to send; ``sitting``: where they are now, with what they were measured to send; each of them
    in ``own``. ``able``: share of the clients that can use a width.
    """

    view: SiteView
    at: RadioView
    foreign: tuple[Sender, ...]
    ours: tuple[Sender, ...]
    sitting: tuple[Sender, ...]
    own: Mapping[RadioKey, Own]
    ears: tuple[RadioView, ...]
    scanned: bool
    able: Mapping[int, float]
    snr_db: tuple[float, ...]
    radar: tuple[tuple[frozenset[int], float], ...] = ()
    _measured: dict[int, Measured | None] = field(default_factory=dict)
    _remembered: dict[Any, Any] = field(default_factory=dict)

    def remembered(self, asked: Callable[[Surroundings, int, int], T], a: int, b: int) -> T:
        """The answer to a question about this place, worked out once: blocks share their parts."""
        key = asked, a, b
        if key not in self._remembered:
            self._remembered[key] = asked(self, a, b)
        found: T = self._remembered[key]
        return found

    def measured(self, mhz: int) -> Measured | None:
        """The freshest knowledge of one 20 MHz channel: this radio's own, else the nearest own AP's."""
        if mhz not in self._measured:
            self._measured[mhz] = next(self._measurements(mhz), None)
        return self._measured[mhz]

    def _measurements(self, mhz: int) -> Iterator[Measured]:
        limit_s = self.view.site.policy.evidence_s
        for ear in self.ears:
            if air := ear.measured(mhz, limit_s):
                yield Measured(air=air, by=ear)


def around(view: SiteView, at: RadioView) -> Surroundings:
    """Look around from one radio."""
    loudest = _loudest(view, at)
    band, least_dbm = at.radio.band, view.site.policy.neighbour_dbm
    spot, oldest_s = view.spots(), view.now.monotonic_s - view.site.policy.evidence_s
    own = {key: _one(band, heard, spot(key), oldest_s) for key, heard in loudest.items()}
    loud = [key for key, each in own.items() if each.signal_dbm >= least_dbm]
    ears = nsmallest(EARS, loud, key=lambda key: (-own[key].signal_dbm, key))
    return Surroundings(
        view=view,
        at=at,
        foreign=_foreign(view, at),
        ours=_ours(view, own),
        sitting=_sitting(own.values()),
        own=own,
        ears=(at, *(view.radios[key] for key in ears)),
        scanned=_scanned(at, view.site.policy.evidence_s),
        able=_able(at),
        snr_db=snr_db(at),
        radar=_radar(view),
    )


def _scanned(at: RadioView, limit_s: float) -> bool:
    """Whether it listened to the whole band lately; one BSS heard lately is a sign of it."""
    if at.scanned_age_s is not None:
        return at.scanned_age_s <= limit_s
    return any(True for _ in at.heard(limit_s))


# -- who sends ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def deferral(signal_dbm: float, cca_dbm: float = CCA_DBM) -> float:
    """How often frames heard at this level are deferred to, 0..1; half of them at ``cca_dbm``."""
    above = max(-60.0, min(60.0, (signal_dbm - cca_dbm) / CCA_SLOPE_DB))
    return 1.0 / (1.0 + math.exp(-above))


class Stranger(NamedTuple):
    """One BSS of somebody else. ``told``: it states its load itself."""

    mask: int
    primary: int
    signal_dbm: float
    load: float
    told: bool


def strangers(view: SiteView, at: RadioView) -> Iterator[Stranger]:
    """Other people's BSSs as this radio heard them."""
    band, ours = at.radio.band, view.bssids
    for each in at.heard(view.site.policy.neighbour_age_s):
        if each.bssid not in ours:
            told = each.utilization_ratio
            load = UNKNOWN_LOAD if told is None else max(IDLE_LOAD, min(1.0, told))
            where, primary = seat(band, each.channel, each.width_mhz, each.center_mhz)
            there = load * at.presence(each.bssid)
            yield Stranger(where, primary, each.signal_dbm, there, told is not None)


def _foreign(view: SiteView, at: RadioView) -> tuple[Sender, ...]:
    """Other people's BSSs, those on one piece of spectrum together."""
    found: dict[tuple[int, int], list[float]] = {}
    for mask, primary, dbm, load, told in strangers(view, at):
        sums = found.setdefault((mask, primary), [0.0, 0.0, 1.0])
        sums[not told] += deferral(dbm) * load
        sums[2] *= 1.0 - deferral(dbm, CCA_SECONDARY_DBM) * load
    return tuple(
        Sender(mask=mask, primary=primary, known=known, unknown=unknown, silence=silence)
        for (mask, primary), (known, unknown, silence) in found.items()
        if mask
    )


def _loudest(view: SiteView, at: RadioView) -> dict[RadioKey, NeighborReading]:
    """The site's own radios, each once and by its loudest BSS."""
    found: dict[RadioKey, NeighborReading] = {}
    mine = at.key
    for each in at.heard(view.site.policy.neighbour_age_s):
        key = view.bssids.get(each.bssid)
        if key is None or key == mine:
            continue
        if key not in found or each.signal_dbm > found[key].signal_dbm:
            found[key] = each
    return found


def _one(band: Band, heard: NeighborReading, said: Spot | None, oldest_s: float) -> Own:
    """``said``: where it says that it is; what it measured of its own frames counts from ``oldest_s`` on."""
    dbm = heard.signal_dbm
    if said is None:
        return Own(dbm, *seat(band, heard.channel, heard.width_mhz, heard.center_mhz), 0.0)
    sits, primary = seat(band, said.channel, said.width_mhz, said.center_mhz)
    if not sits:
        sits = heard_mask(band, heard.channel, heard.width_mhz, heard.center_mhz)
    tx = deferral(dbm) * said.tx if said.tx and said.tx_s >= oldest_s else 0.0
    return Own(dbm, sits, primary, tx)


def _ours(view: SiteView, own: Mapping[RadioKey, Own]) -> tuple[Sender, ...]:
    """The site's own radios where they are or are heading to, those on one piece of spectrum together."""
    heading, found = headed(view), dict[tuple[int, int], list[float]]()
    for key, each in own.items():
        goal = heading.get(key)
        where = (mask_of(goal), levels(goal)[0][1]) if goal else (each.sits, each.primary)
        sums = found.setdefault(where, [0.0, 0.0, 1.0])
        known, faint = _expected(each.signal_dbm)
        sums[0] += max(known, each.tx)
        sums[1] += faint
        sums[2] *= 1.0 - faint
    return tuple(
        Sender(mask=mask, primary=primary, known=known, faint=faint, silence=silence)
        for (mask, primary), (known, faint, silence) in found.items()
        if mask
    )


@lru_cache(maxsize=1024)
def _expected(signal_dbm: float) -> tuple[float, float]:
    """What an own AP heard at this level costs, as a contender that always sends, on the primary channel and
    beside it."""
    return deferral(signal_dbm) * UNKNOWN_LOAD, deferral(signal_dbm, CCA_SECONDARY_DBM) * UNKNOWN_LOAD


def _sitting(own: Iterable[Own]) -> tuple[Sender, ...]:
    found: dict[int, float] = {}
    for each in own:
        found[each.sits] = found.get(each.sits, 0.0) + each.tx
    return tuple(Sender(mask=mask, known=tx) for mask, tx in found.items())


def headed(view: SiteView) -> dict[RadioKey, Block]:
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
    if at.usual is not None:
        return dict(zip(WIDTHS_MHZ, at.usual.able, strict=True))
    clients = (at.reading.clients if at.reading else None) or ()
    told = [each.max_width_mhz for each in clients if each.max_width_mhz is not None]
    return {width: sum(t >= width for t in told) / len(told) if told else 1.0 for width in WIDTHS_MHZ}


def usual_noise_dbm(at: RadioView) -> float | None:
    """The noise floor that this radio usually has, over the channels that it measured; None: not known."""
    told = [air.noise_dbm for air in at.air.values() if air.noise_dbm is not None]
    return median_low(told) if told else None


def snr_db(at: RadioView) -> tuple[float, ...]:
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


def _radar(view: SiteView) -> tuple[tuple[frozenset[int], float], ...]:
    """Where radar was met at this site, and how much it counts still: 1 at once, nothing after a week."""
    now_us = view.now.utc_us
    return tuple((met.mhz20, 1.0 - min(1.0, abs(now_us - met.utc_us) / WEEK_US)) for met in view.radar)
