"""Choice of channel for one radio, in the bandwidth that it can expect there. Pure.

    score = share x usable x rate                                                               (MHz)
    share = (1 - non_wifi) / (1 + foreign + own) x (1 - dfs)

The plan of a whole site is made of the same terms (`agent/planner/site`).

``share`` is the part of the air that the radio can expect: what no interferer takes, divided among those who
defer to each other; an own AP beside the primary channel counts by the width that it costs. ``usable`` is the
mean width: 20 MHz, and each doubling as often as strangers leave its secondary channels free and by as many
clients as can use it. ``rate`` is what a raised
noise floor leaves of the clients' data rate. Each BSS counts once, by how loud it is and how much it sends;
never once per 20 MHz channel, and never as a bare count. docs/decisions.md works one out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from agent.planner import legal
from agent.planner.overlap import often, on_primary, secondary_parts
from agent.planner.spectrum import channels_in, levels
from agent.planner.surroundings import Measured, Sender, Surroundings, around, rate_left, usual_noise_dbm
from agent.view import RadioView, SiteView
from inventory import regulatory
from inventory.channels import PREFERRED_SCANNING, Block, blocks, overlap_ratio
from inventory.model import Band, RadioKey

DFS_RISK: Final = 0.05
"""Share given up for the risk that radar takes the channel away; again for each time it did so lately."""

DFS_MOST: Final = 0.5

SAFE_CHANNELS: Final[Mapping[Band, tuple[int, ...]]] = MappingProxyType(
    {
        Band.GHZ_2_4: (1, 6, 11),
        Band.GHZ_5: (36, 40, 44, 48, 149, 153, 157, 161, 165),
        Band.GHZ_6: tuple(sorted(PREFERRED_SCANNING)),
    }
)
"""Where a radio goes that has nowhere else to go, at 20 MHz and where it is legal without a CAC: channels
that every client looks at, and on which few countries want radar detection. Each country that allows any
channel of a band without one allows one of these."""

LISTEN_S: Final = 0.1
"""Time of listening after which a measured load counts as much as an assumed one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One block and what speaks for it: ``share`` 0..1 of the air, ``score`` in MHz of expected bandwidth.

    ``terms`` are whole numbers, for the audit: ppm, or the unit in the name; ``clear_ppm`` is the share of
    the air in which the whole width can be used. ``evidence``: the band was scanned or the channel measured
    lately; without it a block is never preferred to the present one.
    """

    block: Block
    share: float
    score: float
    evidence: bool
    cac_s: float
    terms: Mapping[str, int]


def rank(view: SiteView, key: RadioKey) -> list[Candidate]:
    """All legal blocks for one radio, best first; the order is total, so it never depends on chance."""
    at = view.radios[key]
    return rank_in(around(view, at), legal.candidates(view, at))


def rank_in(here: Surroundings, found: Sequence[Block]) -> list[Candidate]:
    """These blocks, best first, in surroundings that are known already."""
    return sorted((assess_in(here, each) for each in found), key=lambda c: (-c.score, c.cac_s, c.block))


def assess(view: SiteView, at: RadioView, block: Block) -> Candidate:
    """What one block promises one radio, with its terms."""
    return assess_in(around(view, at), block)


def assess_in(here: Surroundings, block: Block) -> Candidate:
    """The same in surroundings that are known already."""
    found = alone(here, block)
    on_it, beside = _own(here, block)
    share = found.share(on_it + beside)
    return Candidate(
        block=block,
        share=share,
        score=share * found.usable_mhz * found.rate,
        evidence=found.evidence,
        cac_s=found.cac_s,
        terms={
            "share_ppm": _ppm(share),
            "clear_ppm": _ppm(found.share(on_it) * found.free * _silence(here, block)),
            "usable_khz": round(found.usable_mhz * 1e3),
            "rate_ppm": _ppm(found.rate),
            "foreign_ppm": _ppm(found.foreign),
            "own_ppm": _ppm(on_it + beside),
            "non_wifi_ppm": _ppm(found.non_wifi),
            "dfs_ppm": _ppm(found.dfs),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """What a block would be worth if none of the site's other APs were there. ``foreign``: strangers on the
    primary channel, as contenders that always send. ``non_wifi``, ``dfs``: shares given up, 0..1; ``radar``:
    that part of ``dfs`` that stays when the CAC is over. ``rate``: what is left of the clients' data rate.
    ``usable_mhz``: mean width; ``free``: how often all of it is."""

    foreign: float
    non_wifi: float
    dfs: float
    radar: float
    rate: float
    usable_mhz: float
    free: float
    evidence: bool
    cac_s: float

    def share(self, own: float) -> float:
        """Of the air, 0..1, with so many of our own in the way."""
        return (1.0 - self.non_wifi) / (1.0 + self.foreign + own) * (1.0 - self.dfs)


def alone(here: Surroundings, block: Block) -> Alone:
    """The terms of a block that do not depend on where the site's other APs are put."""
    parts = levels(block)
    primary = here.remembered(_primary, block.primary_mhz, parts[0][1])
    cac_s = legal.cac_s(here.view, here.at, block)
    usable_mhz, free = _widths(here, parts)
    radar = _radar(here, block)
    return Alone(
        foreign=primary.foreign,
        non_wifi=primary.non_wifi,
        dfs=min(DFS_MOST, radar + outage(here.view, cac_s)),
        radar=radar,
        rate=primary.rate,
        usable_mhz=usable_mhz,
        free=free,
        evidence=here.scanned or primary.measured,
        cac_s=cac_s,
    )


def emergency(
    view: SiteView, key: RadioKey, avoid: Block | None = None, ranked: Sequence[Candidate] | None = None
) -> Block | None:
    """The best legal block that is free at once (no CAC), narrower if need be; then a safe channel: the
    site's own, else the best of `SAFE_CHANNELS` that is legal there; None when none is, and the radio must be
    silent: never just any. Nothing that overlaps ``avoid``.

    ``ranked``: what `rank` says, if that was asked already.
    """
    best = _free_at_once(rank(view, key) if ranked is None else ranked, avoid)
    return best or _free_at_once(_safe(view, key), avoid)


def _free_at_once(found: Sequence[Candidate], avoid: Block | None) -> Block | None:
    for each in found:
        if each.cac_s == 0.0 and not (avoid and overlap_ratio(each.block, avoid) > 0):
            return each.block
    return None


def _safe(view: SiteView, key: RadioKey) -> list[Candidate]:
    """Where an emergency may go outside the site's lists: its safe channel first."""
    at = view.radios[key]
    wanted = view.site.policy.safe_channels.get(at.radio.band)
    safe = {wanted, *SAFE_CHANNELS[at.radio.band]}
    lawful = [
        block
        for block in blocks(at.radio.band, 20)
        if block.primary in safe and legal.forbidden(view, at, block) is None
    ]
    here = around(view, at)
    found = [assess_in(here, block) for block in lawful]
    return sorted(found, key=lambda c: (c.block.primary != wanted, -c.score, c.block))


def gain(now: Candidate | None, then: Candidate) -> float:
    """Relative gain in score; a radio with no present block gains all."""
    return then.score / now.score - 1.0 if now and now.score > 0 else 1.0


# -- terms -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Primary:
    """The terms of one 20 MHz channel as a primary channel."""

    foreign: float
    non_wifi: float
    rate: float
    measured: bool


def _primary(here: Surroundings, mhz: int, at: int) -> _Primary:
    """``at``: the spectrum of the channel."""
    measured = here.measured(mhz)
    return _Primary(
        foreign=_foreign(here, mhz, at, measured),
        non_wifi=_non_wifi(measured),
        rate=rate_left(here.snr_db, _lost_db(measured)),
        measured=measured is not None,
    )


def _own(here: Surroundings, block: Block) -> tuple[float, float]:
    """Own APs in the way, as contenders that always send: on the primary channel, and beside it, where each
    counts by the width that it costs (`agent.planner.overlap`)."""
    primary = levels(block)[0][1]
    beside, within = 0.0, primary
    for added, lost in secondary_parts(block):
        beside += lost * here.remembered(_own_beside, added, within)
        within |= added
    return here.remembered(_own_on, primary, 0), beside


def _own_on(here: Surroundings, primary: int, _: int) -> float:
    near = (each for each in here.ours if each.mask & primary)
    return sum(on_primary(each.mask, each.primary, primary) * each.known for each in near)


def _own_beside(here: Surroundings, added: int, within: int) -> float:
    near = (each for each in here.ours if each.mask & added and not each.mask & within)
    return sum(often(each.primary, added) * each.faint for each in near)


def _foreign(here: Surroundings, mhz: int, at: int, measured: Measured | None) -> float:
    """Contenders on the primary channel who are not ours: by what was heard of each, and where the channel
    was measured by what was decoded there, the more the longer it was listened to."""
    near = [(each, on_primary(each.mask, each.primary, at)) for each in here.foreign if each.mask & at]
    known = sum(part * each.known for each, part in near)
    heard = known + sum(part * each.unknown for each, part in near)
    rx = _foreign_rx(here, mhz, at, measured)
    if rx is None or measured is None:
        return heard
    listened_s = (measured.air.listened_ms or 0) / 1e3
    trust = listened_s / (listened_s + LISTEN_S)
    return trust * max(known, rx) + (1.0 - trust) * heard


def _foreign_rx(here: Surroundings, mhz: int, at: int, measured: Measured | None) -> float | None:
    """Share of the air in which frames were decoded that none of our own APs sent; None: not measured.

    Another AP where this radio works hears mostly this radio: that says nothing of strangers.
    """
    if measured is None or measured.air.rx is None:
        return None
    mine = here.at.block.mhz20 if here.at.block else frozenset[int]()
    if measured.by.key != here.at.key and mhz in mine:
        return None
    ours = sum(each.known for each in here.sitting if each.mask & at)
    if (by := here.own.get(measured.by.key)) and by.sits & at:
        ours -= by.tx  # nobody receives itself
    return max(0.0, measured.air.rx - ours)


def _widths(here: Surroundings, parts: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Mean width in MHz, and how often strangers leave the whole block free but for its primary channel.

    20 MHz are always there; each doubling counts by how often all secondary channels up to it are free, and
    by the share of clients that can use it.
    """
    (width, within), *wider = parts
    usable, free = float(width), 1.0
    for double, reach in wider:
        free *= here.remembered(_free, reach & ~within, within)
        usable += (double - width) * free * here.able[double]
        width, within = double, reach
    return usable, free


def _free(here: Surroundings, part: int, within: int) -> float:
    """Chance that one secondary part is free of strangers and of what is no Wi-Fi; who reaches into what lies
    ``within`` was counted there."""
    hit = max((_non_wifi(here.measured(mhz)) for mhz in channels_in(here.at.radio.band, part)), default=0.0)
    return _silent(here.foreign, part, within) * (1.0 - hit)


def _silence(here: Surroundings, block: Block) -> float:
    """How often our own leave all secondary channels free."""
    silence, within = 1.0, levels(block)[0][1]
    for added, _ in secondary_parts(block):
        silence *= here.remembered(_own_silent, added, within)
        within |= added
    return silence


def _own_silent(here: Surroundings, part: int, within: int) -> float:
    return _silent(here.ours, part, within)


def _silent(senders: Sequence[Sender], part: int, within: int) -> float:
    near = (each.silence for each in senders if each.mask & part and not each.mask & within)
    return math.prod(near)


def _non_wifi(measured: Measured | None) -> float:
    """Share of the air that neither our frames nor anyone's explain; 0 where it is not known."""
    found = measured.air.non_wifi if measured else None
    return min(0.95, found or 0.0)


def _lost_db(measured: Measured | None) -> float:
    """How far the noise floor there is above what is usual for the radio that measured it."""
    if measured is None or measured.air.noise_dbm is None:
        return 0.0
    usual = usual_noise_dbm(measured.by)
    return 0.0 if usual is None else max(0.0, measured.air.noise_dbm - usual)


def _radar(here: Surroundings, block: Block) -> float:
    """Share given up for the risk on a channel with radar detection; more where radar was met lately."""
    if not regulatory.dfs_needed(here.view.site.country, block):
        return 0.0
    met = sum(weight for mhz20, weight in here.radar if block.mhz20 & mhz20)
    return min(DFS_MOST, DFS_RISK * (1 + met))


def outage(view: SiteView, silent_s: float) -> float:
    """Share of the air that so much silence costs, spread over the time between two routine changes."""
    between_s = max(silent_s, view.site.policy.routine_interval_s)  # 0: the next change may follow at once
    return silent_s / between_s if silent_s else 0.0


def _ppm(share: float) -> int:
    return round(share * 1e6)
