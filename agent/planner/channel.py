"""Choice of channel for one radio, in expected airtime share. Pure.

The share that a radio can expect on a block is ``quiet / (1 + contenders)``: what other devices leave of
the air, divided among those who defer to each other. Each BSS that was heard counts once, by its signal
and by how much of the block it covers; never once per 20 MHz channel, and never as a bare count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.planner import legal
from agent.view import RadioView, SiteView, block_in, block_in_values
from drivers.types import NeighborReading, RadioReading, SurveyReading
from inventory import regulatory
from inventory.channels import Block, blocks, frequency_mhz, overlap_ratio
from inventory.model import Band, RadioKey

CCA_DBM = -82.0
"""Preamble detection level: a BSS heard at it is deferred to (802.11-2020 17.3.10.6)."""

DEFAULT_UTILIZATION = 0.3
"""Air time of a BSS that says nothing of its load."""

DFS_COST = 0.05
"""Share given up for the risk that radar takes the channel away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One block and what speaks for it: ``share`` 0..1 of the air, per MHz of width in ``score``.

    ``terms`` are in ppm and whole numbers, for the audit. ``evidence``: something was really heard or
    measured there lately; without it a block is never preferred to the present one.
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
    found = [assess(view, at, block) for block in legal.candidates(view, at)]
    return sorted(found, key=lambda c: (-c.score, c.cac_s, c.block))


def assess(view: SiteView, at: RadioView, block: Block) -> Candidate:
    """Expected share of one block for one radio, with its terms."""
    heard = _heard(view, at)
    contention = sum(_weight(block, each) for each in heard)
    survey = _survey(at.reading, block)
    noise_share = _non_wifi_ratio(survey)
    dfs = DFS_COST if regulatory.dfs_needed(view.site.country, block) else 0.0
    share = (1.0 - noise_share) / (1.0 + contention) * (1.0 - dfs)
    return Candidate(
        block=block,
        share=share,
        score=share * block.width_mhz**0.5,
        evidence=survey is not None or any(e.age_s <= view.site.policy.evidence_s for e in at.neighbors),
        cac_s=legal.cac_s(view, at, block),
        terms={
            "share_ppm": round(share * 1e6),
            "contention_ppm": round(contention * 1e6),
            "non_wifi_ppm": round(noise_share * 1e6),
            "dfs_ppm": round(dfs * 1e6),
            "width_mhz": block.width_mhz,
        },
    )


def emergency(view: SiteView, key: RadioKey, avoid: Block | None = None) -> Block | None:
    """The best legal block that is free at once (no CAC), narrower if need be; then the site's safe
    channel; None when nothing is legal, and the radio must be silent. Nothing that overlaps ``avoid``."""
    for found in (rank, _any_legal):
        for each in found(view, key):
            if each.cac_s == 0.0 and not (avoid and overlap_ratio(each.block, avoid) > 0):
                return each.block
    return None


def _any_legal(view: SiteView, key: RadioKey) -> list[Candidate]:
    """Blocks outside the site's lists, for emergencies: the safe channel first, else whatever is legal."""
    at = view.radios[key]
    safe = view.site.policy.safe_channels.get(at.radio.band)
    all20 = [b for b in blocks(at.radio.band, 20) if legal.forbidden(view, at, b) is None]
    found = [assess(view, at, block) for block in all20]
    return sorted(found, key=lambda c: (c.block.primary != safe, -c.score, c.block))


def gain(now: Candidate | None, then: Candidate) -> float:
    """Relative gain in score; a radio with no present block gains all."""
    return then.score / now.score - 1.0 if now and now.score > 0 else 1.0


def _heard(view: SiteView, at: RadioView) -> Sequence[NeighborReading]:
    """What this radio heard, own APs at the channel that they are on (or going to) now."""
    return [_moved(view, each) for each in at.neighbors if each.age_s <= view.site.policy.neighbour_age_s]


def _moved(view: SiteView, heard: NeighborReading) -> NeighborReading:
    own = view.bssids.get(heard.bssid)
    if own is None:
        return heard
    present = _bound_for(view, own) or view.radios[own].block
    if present is None:
        return heard
    return NeighborReading(
        bssid=heard.bssid,
        channel=present.primary,
        signal_dbm=heard.signal_dbm,
        width_mhz=present.width_mhz,
        center_mhz=present.center_mhz,
        utilization_ratio=heard.utilization_ratio,
        age_s=heard.age_s,
    )


def _bound_for(view: SiteView, key: RadioKey) -> Block | None:
    """Where an open change takes the radio: not to be forgotten, or all APs herd onto one channel."""
    change = view.open_change(key)
    return block_in_values(view.radios[key].radio, change.target) if change else None


def _weight(block: Block, heard: NeighborReading) -> float:
    """How much of a contender one BSS is, 0..about 2: overlap x loudness x load."""
    theirs = _their_block(block.band, heard)
    if theirs is None:
        return 0.0
    overlap = max(overlap_ratio(block, theirs), overlap_ratio(theirs, block))
    load = DEFAULT_UTILIZATION if heard.utilization_ratio is None else heard.utilization_ratio
    partial = 1.5 if block.band is Band.GHZ_2_4 and 0 < overlap < 1 else 1.0  # collide without deferring
    return overlap * partial * _loudness(heard.signal_dbm) * (0.25 + load)


def _their_block(band: Band, heard: NeighborReading) -> Block | None:
    whole = block_in(band, heard.channel, heard.width_mhz or 20, heard.center_mhz)
    return whole or block_in(band, heard.channel, 20, None)


def _loudness(signal_dbm: float) -> float:
    """0 at 10 dB below the preamble detection level, 1 at it, up to 2 at 20 dB above: a weaker frame is
    deferred to less often and harms less when it collides."""
    return min(2.0, max(0.0, (signal_dbm - CCA_DBM + 10.0) / 10.0))


def _survey(reading: RadioReading | None, block: Block) -> SurveyReading | None:
    if reading is None or reading.survey is None:
        return None
    mhz = frequency_mhz(block.band, block.primary)
    return next((s for s in reading.survey if s.frequency_mhz == mhz and s.active_ms), None)


def _non_wifi_ratio(survey: SurveyReading | None) -> float:
    """Share of the air that neither our frames nor anyone's explain; 0 when not known."""
    if survey is None or not survey.active_ms or survey.busy_ms is None or survey.rx_ms is None:
        return 0.0
    rest = survey.busy_ms - survey.rx_ms - (survey.tx_ms or 0)
    return min(0.95, max(0.0, rest / survey.active_ms))
