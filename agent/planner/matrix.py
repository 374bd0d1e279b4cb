"""Event -> decision. Pure: the same event and the same view give the same answer."""

from __future__ import annotations

from agent.change import Cause
from agent.events import Event, EventKind
from agent.planner import guards, legal
from agent.planner.channel import assess, emergency, gain, rank
from agent.planner.decision import Answer, Decision, Move, NoChange
from agent.view import SiteView, values_of
from inventory.channels import Block, blocks_of
from inventory.model import RadioKey

LEAVES = frozenset({EventKind.NON_WIFI_BURST, EventKind.SPECTRUM_SAT})
"""Kinds whose action is to leave the channel."""


def answer(view: SiteView, event: Event) -> tuple[Answer, ...]:
    """What is done about an open event, in order."""
    if event.kind in LEAVES and event.radio is not None:
        return (leave(view, event.radio, Cause(event.kind)),)
    return (NoChange(radio=event.radio, reason="no_action"),)


def over(view: SiteView, event: Event) -> tuple[Answer, ...]:
    """What is given back when an event has cleared."""
    return ()


def leave(view: SiteView, key: RadioKey, cause: Cause) -> Decision:
    """Take a radio away from interference: the best other legal block, if the gain pays for the change."""
    at = view.radios[key]
    ranked = rank(view, key)
    present = assess(view, at, at.block) if at.block else None
    elsewhere = [c for c in ranked if c.evidence and not (at.block and c.block.mhz20 & at.block.mhz20)]
    if not elsewhere:
        return NoChange(radio=key, reason="no_legal_candidate_with_evidence", candidates=tuple(ranked))
    best = elsewhere[0]
    won = gain(present, best)
    params: dict[str, int | str] = {
        "gain_ppm": round(won * 1e6),
        "to": str(best.block),
        "from": str(at.block),
    }
    if won < view.site.policy.min_gain_ratio:
        return NoChange(radio=key, reason="gain_too_small", params=params, candidates=tuple(ranked))
    return _guarded(
        view,
        Move(
            radio=key,
            target=legal.moved_to(view, at, best.block),
            cause=cause,
            reason="leave_interference",
            params=params,
            candidates=tuple(ranked),
        ),
    )


def escape(view: SiteView, key: RadioKey, *, silent: bool = False) -> Decision:
    """Take a radio off radar: the best legal block that is free at once; for one that is silent anyway also
    one that needs a CAC first."""
    block = emergency(view, key) or (_after_cac(view, key) if silent else None)
    if block is None:
        return NoChange(radio=key, reason="nowhere_legal_to_go")
    move = Move(
        radio=key,
        target=legal.moved_to(view, view.radios[key], block),
        cause=Cause.DFS_RADAR,
        reason="off_radar",
        params={"to": str(block), "from": str(view.radios[key].block)},
        candidates=tuple(rank(view, key)[:8]),
    )
    return _guarded(view, move)


def _after_cac(view: SiteView, key: RadioKey) -> Block | None:
    return next((candidate.block for candidate in rank(view, key)), None)


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
    return _guarded(view, move)


def _preferred(view: SiteView, key: RadioKey, found: tuple[Block, ...]) -> Block:
    """Of two blocks around one primary, a legal one."""
    at = view.radios[key]
    return next((b for b in found if legal.forbidden(view, at, b) is None), found[0])


def _guarded(view: SiteView, move: Move) -> Decision:
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
