"""What is left of a plan once a part of it is done: still allowed, still worth it, and what comes next. Pure.

Asked before each step, with the radios where they really are. A move goes on as long as it brings half of
what it had to bring to be planned at all: readings are never twice the same, and a plan that is given up for
less would leave a site half planned.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.change import Cause, Change, State
from agent.planner import guards, legal
from agent.planner.legal import Veto
from agent.planner.site.build import graph
from agent.planner.site.gains import Gains, kept
from agent.planner.site.order import SLACK, Step, Way, ordered, standing
from agent.planner.site.plan import PlannedMove
from agent.planner.site.problem import Choice, Problem
from agent.planner.site.telling import sending
from agent.view import SiteView
from inventory.channels import Block
from inventory.model import RadioKey

CAUSE: Final = Cause.SITE_PLAN

GOES_ON: Final = 0.5
"""Part of the least gain of a plan with which a move that was begun on goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """``step``: radios to move now; empty while everything waits. ``steps``: how many there are still, None =
    not looked at, since everything waits.
    ``held``: what each of the others waits for. ``dropped``: moves that are not made any more, and why.
    ``back``: radios that have moved, and had better go back now that others do not move."""

    step: tuple[RadioKey, ...]
    steps: int | None
    held: Mapping[RadioKey, Veto]
    dropped: Mapping[RadioKey, Veto]
    back: tuple[RadioKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a plan is. ``todo``: moves that are not begun. ``made``: where radios were that have moved.
    ``lost``: radios that were to move and do not. ``locked``: those of which nothing can be begun now, and
    why. ``by_person``: who asked for the plan.
    ``rehearsal``: nothing is really moved, so what it brings can't be judged on the way."""

    todo: Sequence[PlannedMove]
    made: Mapping[RadioKey, Block]
    lost: Collection[RadioKey]
    locked: Mapping[RadioKey, Veto]
    by_person: bool
    rehearsal: bool
    least_gain: float


def remainder(view: SiteView, progress: Progress) -> Remainder:
    """What is left to do. ``view``: with what is open counted as begun."""
    vetoes = {move.radio: _veto(view, move, progress) for move in progress.todo}
    held = {key: veto for key, veto in vetoes.items() if veto and _waits(key, veto, progress)}
    dropped = {key: veto for key, veto in vetoes.items() if veto and key not in held}
    if len(held) == len(progress.todo) > 0 and not progress.lost:
        return Remainder(step=(), steps=None, held=held, dropped={}, back=())
    moves = [move for move in progress.todo if move.radio not in dropped]
    movable = {*(move.radio for move in moves if not _stays(move)), *progress.made}
    problems = graph(_may_go_back(view, progress), movable=movable).problems if movable else ()
    ways = [_way(view, problem, moves, progress, dropped) for problem in problems]
    lost = {*progress.lost, *_not_moved(progress.todo, dropped)}
    dropped |= _of_no_use(view, moves, lost)
    left = [move.radio for move in moves if move.radio not in dropped]
    back = _back(ways, progress) if lost else ()
    return _next(view, ways, left, held, dropped, back)


def _may_go_back(view: SiteView, progress: Progress) -> SiteView:
    """The view in which an undo that came to nothing, and was not judged, bars no way back."""
    left = tuple(c for c in view.changes if not (c.radios[0] in progress.made and _went_back_unjudged(c)))
    return view if len(left) == len(view.changes) else replace(view, changes=left)


def _went_back_unjudged(change: Change) -> bool:
    undone = change.cause is Cause.UNDO and change.state is State.ROLLED_BACK
    return undone and change.verdict is None


def _stays(move: PlannedMove) -> bool:
    """Whether it is of power or OBSS-PD alone."""
    return move.before == move.after


def _veto(view: SiteView, move: PlannedMove, progress: Progress) -> Veto | None:
    """The objection that does not pass, if there is one; else one that does."""
    if move.radio not in view.radios:
        return Veto(guard="gone", reason="not_configured_any_more")
    if _stays(move) and view.radios[move.radio].block != move.after:
        return Veto(guard="gone", reason="moved_meanwhile")
    proposal = guards.Proposal(view, move.radio, move.target, CAUSE, by_person=progress.by_person)
    objections = sorted(guards.vetoes(proposal), key=guards.passes)
    if objections and not guards.passes(objections[0]):
        return objections[0]
    return progress.locked.get(move.radio) or next(iter(objections), None)


def _waits(key: RadioKey, veto: Veto, progress: Progress) -> bool:
    return guards.passes(veto) or veto is progress.locked.get(key)


# -- worth it ----------------------------------------------------------------------------------------------


def _way(
    view: SiteView,
    problem: Problem,
    moves: Sequence[PlannedMove],
    progress: Progress,
    dropped: dict[RadioKey, Veto],
) -> Way:
    """One band with the moves that are left; those that are not worth it any more are dropped."""
    wanted = {move.radio: move.after for move in moves if not _stays(move)}
    choice = list[int]()
    for member in problem.members:
        to = wanted.get(member.key)
        blocks = [option.block for option in member.options]
        if to is not None and to not in blocks:
            dropped[member.key] = _not_offered(view, member.key, to)
        choice.append(blocks.index(to) if to in blocks else member.now or 0)
    if progress.rehearsal:
        return Way(problem, tuple(choice))
    worth, _ = kept(problem, tuple(choice), GOES_ON * math.log1p(progress.least_gain))
    for member, asked, at in zip(problem.members, choice, worth, strict=True):
        if at != asked:
            dropped[member.key] = Veto(guard="gain", reason="not_worth_it_any_more")
    return Way(problem, worth)


def _not_offered(view: SiteView, key: RadioKey, to: Block) -> Veto:
    veto = legal.forbidden(view, view.radios[key], to) or legal.listed(view, view.radios[key], to)
    return veto or Veto(guard="evidence", reason="nobody_listened_there_lately")


def _not_moved(todo: Iterable[PlannedMove], dropped: Mapping[RadioKey, Veto]) -> list[RadioKey]:
    """Of what is dropped the moves onto another channel than the radio is on."""
    gone = [move for move in todo if move.radio in dropped and not _stays(move)]
    return [move.radio for move in gone if dropped[move.radio].reason != "already_there"]


def _of_no_use(
    view: SiteView, moves: Iterable[PlannedMove], lost: Collection[RadioKey]
) -> dict[RadioKey, Veto]:
    """Powers and OBSS-PD levels of a band in which somebody does not move: they were planned for the
    channels as they would be then."""
    bands = {view.radios[key].radio.band for key in lost if key in view.radios}
    why = Veto(guard="gain", reason="channels_came_otherwise")
    return {move.radio: why for move in moves if _stays(move) and view.radios[move.radio].radio.band in bands}


def _back(ways: Sequence[Way], progress: Progress) -> tuple[RadioKey, ...]:
    """Radios that have moved and had better be where they were, as things will be: what going back brings
    must be worth a move."""
    least, found = math.log1p(progress.least_gain), list[RadioKey]()
    for way in ways:
        gains = Gains(way.problem, way.choice)
        while best := _best_back(way.problem, gains, progress.made, found, least):
            member, option = best
            gains.put(member, option)
            found.append(way.problem.members[member].key)
    return tuple(found)


def _best_back(
    problem: Problem, gains: Gains, made: Mapping[RadioKey, Block], done: Collection[RadioKey], least: float
) -> tuple[int, int] | None:
    ranked = list[tuple[float, int, int]]()
    for index, member in enumerate(problem.members):
        prior = None if member.key in done else made.get(member.key)
        for option, each in enumerate(member.options):
            if each.block == prior and option != gains.choice[index]:
                ranked.append((gains.of(index, option) - each.move_cost, -index, option))
    gain, member_at, option = max(ranked, default=(0.0, 0, 0))
    return (-member_at, option) if gain >= least else None


# -- what comes next ---------------------------------------------------------------------------------------


def _next(
    view: SiteView,
    ways: Sequence[Way],
    left: Sequence[RadioKey],
    held: Mapping[RadioKey, Veto],
    dropped: Mapping[RadioKey, Veto],
    back: tuple[RadioKey, ...],
) -> Remainder:
    """The first step of those that need not wait. A ring is not opened while a part of it waits."""
    steps = _steps(view, ways, left)
    free = [key for key in left if key not in held]
    first = _steps(view, ways, free)[:1] if len(free) < len(left) else steps[:1]
    waits = bool(first) and len(free) < len(left) and first[0].change < -SLACK
    return Remainder(
        step=first[0].radios if first and not waits and not back else (),
        steps=len(steps),
        held={key: veto for key, veto in held.items() if key in left},
        dropped=dropped,
        back=back,
    )


def _steps(view: SiteView, ways: Sequence[Way], keys: Collection[RadioKey]) -> tuple[Step, ...]:
    """These moves alone, in order."""
    chosen = set(keys)
    there = [way._replace(problem=standing(way.problem, sending(view, way.problem))) for way in ways]
    parts = [way._replace(choice=_only(way, chosen)) for way in there]
    near, most_aps = view.neighbours_among(sorted(chosen)), guards.in_flight_limit(view.site)
    found = (
        Step(tuple(key for key in step.radios if key in chosen), step.change)  # not who has no place yet
        for step in ordered(parts, near, most_aps, also=sorted(chosen))
    )
    return tuple(step for step in found if step.radios)


def _only(way: Way, chosen: Collection[RadioKey]) -> Choice:
    return tuple(
        to if member.key in chosen or member.now is None else member.now
        for member, to in zip(way.problem.members, way.choice, strict=True)
    )
