"""Choice of channel for one radio, in the bandwidth that it can expect there. Pure.

    score = share x usable x rate                                                               (MHz)
    share = (1 - non_wifi) / (1 + foreign + own) x (1 - dfs)

``share`` is the part of the air that the radio can expect on the primary channel: what no interferer takes,
divided among those who defer to each other. ``usable`` is the mean width: 20 MHz, and each doubling as
often as its secondary channels are free and by as many clients as can use it. ``rate`` is what a raised
noise floor leaves of the clients' data rate. Each BSS counts once, by how loud it is and how much it sends;
never once per 20 MHz channel, and never as a bare count. docs/decisions.md works one out by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.planner import legal
from agent.planner.spectrum import channels_in, levels
from agent.planner.surroundings import Measured, Surroundings, around, rate_left, usual_noise_dbm
from agent.view import RadioView, SiteView
from inventory import regulatory
from inventory.channels import Block, blocks, overlap_ratio
from inventory.model import RadioKey

DFS_RISK: Final = 0.05
"""Share given up for the risk that radar takes the channel away; again for each time it did so lately."""

DFS_MOST: Final = 0.5

PARTIAL: Final = 2.0
"""Stations that overlap in part (2.4 GHz) can't decode each other: they collide instead of deferring, and
both lose. Costs so much more than the overlap says."""

LISTEN_S: Final = 0.1
"""Time of listening after which a measured load counts as much as an assumed one."""

PRIMARY_SLOTS: Final = 4  # of 5 MHz


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
    parts = levels(block)
    primary = here.remembered(_primary, block.primary_mhz, parts[0][1])
    cac_s = legal.cac_s(here.view, here.at, block)
    dfs = _dfs(here, block, cac_s)
    share = primary.share * (1.0 - dfs)
    usable_mhz, clear = _widths(here, parts)
    return Candidate(
        block=block,
        share=share,
        score=share * usable_mhz * primary.rate,
        evidence=here.scanned or primary.measured,
        cac_s=cac_s,
        terms={
            "share_ppm": _ppm(share),
            "clear_ppm": _ppm(share * clear),
            "usable_khz": round(usable_mhz * 1e3),
            "rate_ppm": _ppm(primary.rate),
            "foreign_ppm": _ppm(primary.foreign),
            "own_ppm": _ppm(primary.own),
            "non_wifi_ppm": _ppm(primary.non_wifi),
            "dfs_ppm": _ppm(dfs),
        },
    )


def emergency(
    view: SiteView, key: RadioKey, avoid: Block | None = None, ranked: Sequence[Candidate] | None = None
) -> Block | None:
    """The best legal block that is free at once (no CAC), narrower if need be; then the site's safe
    channel; None when nothing is legal, and the radio must be silent. Nothing that overlaps ``avoid``.

    ``ranked``: what `rank` says, if that was asked already.
    """
    best = _free_at_once(rank(view, key) if ranked is None else ranked, avoid)
    return best or _free_at_once(_any_legal(view, key), avoid)


def _free_at_once(found: Sequence[Candidate], avoid: Block | None) -> Block | None:
    for each in found:
        if each.cac_s == 0.0 and not (avoid and overlap_ratio(each.block, avoid) > 0):
            return each.block
    return None


def _any_legal(view: SiteView, key: RadioKey) -> list[Candidate]:
    """Blocks outside the site's lists, for emergencies: the safe channel first, else whatever is legal."""
    at = view.radios[key]
    safe = view.site.policy.safe_channels.get(at.radio.band)
    all20 = [b for b in blocks(at.radio.band, 20) if legal.forbidden(view, at, b) is None]
    here = around(view, at)
    found = [assess_in(here, block) for block in all20]
    return sorted(found, key=lambda c: (c.block.primary != safe, -c.score, c.block))


def gain(now: Candidate | None, then: Candidate) -> float:
    """Relative gain in score; a radio with no present block gains all."""
    return then.score / now.score - 1.0 if now and now.score > 0 else 1.0


# -- terms -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Primary:
    """The terms of one 20 MHz channel as a primary channel."""

    foreign: float
    own: float
    non_wifi: float
    rate: float
    measured: bool

    @property
    def share(self) -> float:
        return (1.0 - self.non_wifi) / (1.0 + self.foreign + self.own)


def _primary(here: Surroundings, mhz: int, at: int) -> _Primary:
    """``at``: the spectrum of the channel."""
    measured = here.measured(mhz)
    return _Primary(
        foreign=_foreign(here, mhz, at, measured),
        own=sum(_overlap(each.mask, at) * each.known for each in here.ours if each.mask & at),
        non_wifi=_non_wifi(measured),
        rate=rate_left(here.snr_db, _lost_db(measured)),
        measured=measured is not None,
    )


def _foreign(here: Surroundings, mhz: int, at: int, measured: Measured | None) -> float:
    """Contenders on the primary channel who are not ours: by what was heard of each, and where the channel
    was measured by what was decoded there, the more the longer it was listened to."""
    near = [(each, _overlap(each.mask, at)) for each in here.foreign if each.mask & at]
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


def _overlap(theirs: int, primary: int) -> float:
    """Weight of an overlap with the primary channel: 1 when it is covered, more than its part else."""
    part = (theirs & primary).bit_count() / PRIMARY_SLOTS
    return part if part in (0.0, 1.0) else part * PARTIAL


def _widths(here: Surroundings, parts: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Mean width in MHz, and how often the whole block is free but for its primary channel.

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
    """Chance that one secondary part is free; who reaches into what lies ``within`` was counted there."""
    free = 1.0
    for each in (*here.foreign, *here.ours):
        if each.mask & part and not each.mask & within:
            free *= each.silence
    hit = max((_non_wifi(here.measured(mhz)) for mhz in channels_in(here.at.radio.band, part)), default=0.0)
    return free * (1.0 - hit)


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


def _dfs(here: Surroundings, block: Block, cac_s: float) -> float:
    """Share given up on a channel with radar detection: the risk, more where radar was met lately, and the
    silence of the CAC spread over the time between two routine changes."""
    if not regulatory.dfs_needed(here.view.site.country, block):
        return 0.0
    met = sum(bool(block.mhz20 & mhz20) for mhz20 in here.radar_mhz)
    outage = cac_s / here.view.site.policy.routine_interval_s
    return min(DFS_MOST, DFS_RISK * (1 + met) + outage)


def _ppm(share: float) -> int:
    return round(share * 1e6)
