"""A narrower channel for a radio whose secondary channels others use. Pure."""

from __future__ import annotations

from agent.change import Cause
from agent.planner import legal
from agent.planner.channel import Candidate, assess_in
from agent.planner.decision import Decision, Move, NoChange
from agent.planner.spectrum import levels
from agent.planner.surroundings import Surroundings, around
from agent.view import SiteView
from inventory.channels import Block, blocks_of
from inventory.model import RadioKey


def narrower(view: SiteView, key: RadioKey, cause: Cause) -> Decision:
    """The same primary at half the width, where the other half is too often taken to be worth having.

    It pays when the share of the air in which the whole width can be used grows by `min_gain_ratio`, and
    half the width so much more often is no less bandwidth than all of it: the lost half was free less than
    half of the time.
    """
    at = view.radios[key]
    if at.block is None:
        return NoChange(radio=key, reason="channel_not_known")
    half = _half(at.block)
    if half is None:
        return NoChange(radio=key, reason="as_narrow_as_can_be")
    here = around(view, at)
    if not overlapped(here, at.block, half):
        return NoChange(radio=key, reason="secondary_channels_are_free")
    wide, narrow = assess_in(here, at.block), assess_in(here, half)
    won = clear_gain(wide, narrow)
    params: dict[str, int | str] = {"gain_ppm": round(won * 1e6), "to": str(half), "from": str(at.block)}
    if won < view.site.policy.min_gain_ratio or _mhz(narrow) < _mhz(wide):
        return NoChange(radio=key, reason="gain_too_small", params=params, candidates=(narrow, wide))
    return Move(
        radio=key,
        target=legal.moved_to(view, at, half),
        cause=cause,
        reason="give_up_overlapped_secondary_channels",
        params=params,
        candidates=(narrow, wide),
    )


def overlapped(here: Surroundings, block: Block, half: Block) -> bool:
    """Whether anybody was heard, or something measured, on the half that would be given up."""
    *_, (_, within), (_, whole) = levels(block)
    given_up = whole & ~within
    others = (*here.foreign, *here.ours)
    if any(each.mask & given_up and not each.mask & within for each in others):
        return True
    airs = [here.measured(mhz) for mhz in block.mhz20 - half.mhz20]
    return any(found is not None and found.air.non_wifi for found in airs)


def clear_gain(wide: Candidate, narrow: Candidate) -> float:
    """How much more often the whole width can be used; 1.0 = twice as often."""
    return narrow.terms["clear_ppm"] / max(1, wide.terms["clear_ppm"]) - 1.0


def _mhz(candidate: Candidate) -> float:
    return candidate.block.width_mhz * candidate.terms["clear_ppm"]


def _half(block: Block) -> Block | None:
    halves = blocks_of(block.band, block.primary, block.width_mhz // 2)
    return next((half for half in halves if half.mhz20 <= block.mhz20), None)
