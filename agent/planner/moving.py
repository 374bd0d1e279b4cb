"""One radio's way to another channel, and the guards that every change must pass. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agent.change import Cause
from agent.planner import guards, legal
from agent.planner.channel import Candidate, assess, assess_in, emergency, gain, rank, rank_in
from agent.planner.decision import Decision, Move, NoChange
from agent.planner.surroundings import around
from agent.view import RadioView, SiteView, values_of
from inventory.channels import Block, blocks_of
from inventory.model import RadioKey


def leave(view: SiteView, key: RadioKey, cause: Cause, *, least_gain: float | None = None) -> Decision:
    """Take a radio away from interference: the best other legal block, if the gain pays for the change.

    It never gets wider by it: that takes air from others, and is nothing to decide in an incident. A block
    that a guard bars for itself (rolled back lately, a CAC outside quiet hours) makes way for the next best.
    ``least_gain``: relative, -1 = whatever it costs; None = the policy's.
    """
    at = view.radios[key]
    here = around(view, at)
    ranked = tuple(rank_in(here, legal.candidates(view, at)))
    present = assess_in(here, at.block) if at.block else None
    elsewhere = [c for c in ranked if c.evidence and _is_elsewhere(at.block, c.block)]
    if not elsewhere:
        return NoChange(radio=key, reason="no_legal_candidate_with_evidence", candidates=ranked)
    best = next((c for c in elsewhere if not _barred(view, at, c, cause)), elsewhere[0])
    won = gain(present, best)
    params: dict[str, int | str] = {"gain_ppm": _ppm(won), "to": str(best.block), "from": str(at.block)}
    shown = _shown(best, present, ranked)
    if won < (view.site.policy.min_gain_ratio if least_gain is None else least_gain):
        return NoChange(radio=key, reason="gain_too_small", params=params, candidates=shown)
    return guarded(
        view,
        Move(
            radio=key,
            target=legal.moved_to(view, at, best.block),
            cause=cause,
            reason="leave_interference",
            params=params,
            candidates=shown,
        ),
    )


def _shown(best: Candidate, present: Candidate | None, ranked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The one chosen and the present one first: only so many are kept with a change."""
    first = (best, present) if present else (best,)
    blocks = {each.block for each in first}
    return (*first, *(each for each in ranked if each.block not in blocks))


def _is_elsewhere(here: Block | None, block: Block) -> bool:
    return here is None or (block.width_mhz <= here.width_mhz and not block.mhz20 & here.mhz20)


def _barred(view: SiteView, at: RadioView, candidate: Candidate, cause: Cause) -> bool:
    """Whether a guard bars this very block, and would let another one through."""
    proposal = guards.Proposal(view, at.key, legal.moved_to(view, at, candidate.block), cause)
    return any(guards.GUARDS[name](proposal) for name in ("barred", "quiet_hours"))


def escape(view: SiteView, key: RadioKey, *, silent: bool = False) -> Decision:
    """Take a radio off radar: the best legal block that is free at once; for one that is silent anyway also
    one that needs a CAC first."""
    ranked = rank(view, key)
    after_cac = ranked[0].block if silent and ranked else None
    block = emergency(view, key, ranked=ranked) or after_cac
    if block is None:
        return NoChange(radio=key, reason="nowhere_legal_to_go")
    move = Move(
        radio=key,
        target=legal.moved_to(view, view.radios[key], block),
        cause=Cause.DFS_RADAR,
        reason="off_radar",
        params={"to": str(block), "from": str(view.radios[key].block)},
        candidates=tuple(ranked[:8]),
    )
    return guarded(view, move)


def requested(view: SiteView, key: RadioKey, channel: int, width_mhz: int | None, cause: Cause) -> Decision:
    """A move that a person named; the width stays as it is unless named."""
    at = view.radios[key]
    width = width_mhz or (at.block.width_mhz if at.block else at.radio.widths_mhz[0])
    found = blocks_of(at.radio.band, channel, width)
    if not found:
        return NoChange(radio=key, reason="no_such_block", params={"channel": channel, "width_mhz": width})
    block = _preferred(view, key, found)
    lawful = legal.forbidden(view, at, block) is None
    move = Move(
        radio=key,
        target=legal.moved_to(view, at, block) if lawful else values_of(block),
        cause=cause,
        reason="requested",
        params={"to": str(block), "from": str(at.block)},
        candidates=(assess(view, at, block),),
    )
    return guarded(view, move)


def _preferred(view: SiteView, key: RadioKey, found: tuple[Block, ...]) -> Block:
    """Of two blocks around one primary, a legal one."""
    at = view.radios[key]
    return next((b for b in found if legal.forbidden(view, at, b) is None), found[0])


def guarded(view: SiteView, move: Move) -> Decision:
    """The move, or why a guard holds it."""
    vetoes = guards.vetoes(guards.Proposal(view, move.radio, move.target, move.cause))
    if not vetoes:
        return move
    return NoChange(
        radio=move.radio,
        reason="vetoed",
        target=move.target,
        params={**move.params, "guard": vetoes[0].guard, "why": vetoes[0].reason},
        candidates=move.candidates,
        vetoes=tuple(vetoes),
    )


def _ppm(ratio: float) -> int:
    return round(ratio * 1e6)
