"""A site as problems of assignment, one for each band: who may be where, and what it is worth. Pure.

Every radio whose place is known takes part, so that the others reckon with it; those that are not the plan's
to move have one option, where they are.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from agent.change import Cause
from agent.planner import guards, legal
from agent.planner.channel import alone, outage
from agent.planner.site import staying
from agent.planner.site.heard import listened
from agent.planner.site.pairs import Placed, pairs_of, sent
from agent.planner.site.plan import Left
from agent.planner.site.problem import Member, Option, Problem
from agent.planner.surroundings import Surroundings, around, headed
from agent.view import RadioView, SiteView, values_of
from drivers.types import RadioState
from inventory.channels import Block
from inventory.model import Band, RadioKey

LEAST_WEIGHT: Final = 0.25
MOST_WEIGHT: Final = 4.0
USUAL_SHARE: Final = 0.1
USUAL_CLIENTS: Final = 3.0

LEAST_MHZ: Final = 1e-6  # where nothing is to be had at all, so that a logarithm exists

RETURN_S: Final = 60.0
"""A client that lost its AP is counted without air for so long: it looks around, and comes back some time."""

MOST_OUTAGE: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The problems of a site, and the radios that stay although somebody might expect otherwise."""

    problems: tuple[Problem, ...]
    left: tuple[Left, ...]


def graph(view: SiteView, zone: str | None = None, movable: Collection[RadioKey] | None = None) -> Graph:
    """All of a site. ``zone``: only radios of its APs may move. ``movable``: only these, whatever holds them
    at the moment; None: those that nothing holds."""
    problems: list[Problem] = []
    left: list[Left] = []
    heading = headed(view)
    for band in Band:
        placed: list[Placed] = []
        for key in sorted(view.radios):
            at = view.radios[key]
            if at.radio.band is band:
                found, why = _placed(view, at, heading.get(key), _held(view, at, zone, movable))
                placed += [found] if found else []
                left += [why] if why else []
        if placed:
            problems.append(_problem(view, band, placed))
    return Graph(problems=tuple(problems), left=tuple(left))


def _problem(view: SiteView, band: Band, placed: Sequence[Placed]) -> Problem:
    weights = _weights(view, placed)
    members = tuple(
        Member(key=each.at.key, options=each.options, now=each.now, weight=weight)
        for each, weight in zip(placed, weights, strict=True)
    )
    return Problem(band=band, members=members, pairs=pairs_of(view, band, placed))


# -- who may be where --------------------------------------------------------------------------------------


def _held(
    view: SiteView, at: RadioView, zone: str | None, movable: Collection[RadioKey] | None
) -> Left | None:
    if movable is None:
        return staying.why(view, at, zone)
    return None if at.key in movable else Left(radio=at.key, reason="not_asked_for")


def _placed(
    view: SiteView, at: RadioView, goal: Block | None, held: Left | None
) -> tuple[Placed | None, Left | None]:
    """A radio with its options; and why it is left where it is, if it is. ``goal``: where an open change
    takes it."""
    on = goal or whereabouts(at)
    if held is None and on is None and at.on_air:
        held = staying.unknown(at)
    if held is not None:
        return (_only(view, at, on) if on else None), held
    options = _options(view, at, on)
    if not options:
        return (_only(view, at, on) if on else None), staying.nowhere(view, at)
    known = tuple(each for each in options if each.evidence or each.block == on)
    now = next((index for index, each in enumerate(known) if each.block == on), None)
    if now is None:  # it must go somewhere, be it where nobody listened
        return Placed(at=at, options=options, now=None), None
    deaf = Left(radio=at.key, reason="nobody_listened_lately") if len(known) == 1 < len(options) else None
    return Placed(at=at, options=known, now=now), deaf


def whereabouts(at: RadioView) -> Block | None:
    """The block that it is on; None: it is silent, or it is not known."""
    silent = at.reading is None or at.reading.state in (RadioState.OFF, RadioState.NOP)
    return None if silent else at.block


def _options(view: SiteView, at: RadioView, on: Block | None) -> tuple[Option, ...]:
    here = around(view, at)
    return tuple(_option(here, block, on) for block in _offered(view, at, on))


def _only(view: SiteView, at: RadioView, on: Block) -> Placed:
    return Placed(at=at, options=(_option(around(view, at), on, on),), now=0)


def _offered(view: SiteView, at: RadioView, on: Block | None) -> list[Block]:
    """The legal blocks but for those that were rolled back lately; where it is comes with them if it is
    legal, be it off the raster."""
    found = legal.candidates(view, at)
    if any(at.key in change.radios for change in view.changes):
        found = [block for block in found if block == on or not _barred(view, at, block)]
    stays = on is not None and on not in found
    if stays and on is not None and not (legal.forbidden(view, at, on) or legal.listed(view, at, on)):
        found.append(on)
    return found


def _barred(view: SiteView, at: RadioView, block: Block) -> bool:
    """For anybody: what only the agent may not do again is left out when its plan is carried out."""
    proposal = guards.Proposal(view, at.key, values_of(block), Cause.SITE_PLAN, by_person=True)
    return guards.GUARDS["barred"](proposal) is not None


def _option(here: Surroundings, block: Block, on: Block | None) -> Option:
    """The block by the emergency choice's own terms, own radios left out; the CAC is paid once, by moving."""
    found = alone(here, block)
    stays = block == on
    worth = found.usable_mhz * found.rate * (1.0 - found.non_wifi) * (1.0 - found.radar)
    return Option(
        block=block,
        worth=math.log(max(LEAST_MHZ, worth)),
        foreign=found.foreign,
        move_cost=0.0 if stays else _silence(here, found.cac_s),
        cac_s=0.0 if stays else found.cac_s,
        evidence=found.evidence or listened(here.view, here.at),
        terms={
            "foreign_ppm": _ppm(found.foreign),
            "non_wifi_ppm": _ppm(found.non_wifi),
            "radar_ppm": _ppm(found.radar),
            "rate_ppm": _ppm(found.rate),
            "usable_khz": round(found.usable_mhz * 1e3),
        },
    )


def _silence(here: Surroundings, cac_s: float) -> float:
    """Nats that going there costs once: the silence of a CAC, and the time that clients take to come back
    where that or a device without CSA makes them leave; spread as in the emergency choice."""
    drops = cac_s > 0 or (here.at.capabilities is not None and here.at.capabilities.moves_drop)
    silent_s = cac_s + (RETURN_S if drops and _clients(here.at) else 0.0)
    return -math.log1p(-min(MOST_OUTAGE, outage(here.view, silent_s)))


def _clients(at: RadioView) -> int:
    return (at.reading.clients_here if at.reading else None) or 0


def _ppm(share: float) -> int:
    return round(share * 1e6)


# -- how much each counts ----------------------------------------------------------------------------------


def _weights(view: SiteView, placed: Sequence[Placed]) -> list[float]:
    """By own air time and by clients, each in parts of what is usual at the site; 1 on the average."""
    shares = _relative([sent(view, each.at) for each in placed], USUAL_SHARE)
    crowds = _relative([_crowd(each.at) for each in placed], USUAL_CLIENTS)
    raw = [
        min(MOST_WEIGHT, max(LEAST_WEIGHT, (share + crowd) / 2))
        for share, crowd in zip(shares, crowds, strict=True)
    ]
    usual = fmean(raw)
    return [each / usual for each in raw]


def _crowd(at: RadioView) -> float | None:
    """How many clients there are as a rule, or now; None: not reported."""
    if at.usual is not None:
        return at.usual.clients
    return at.reading.clients_here if at.reading else None


def _relative(told: Sequence[float | None], usual: float) -> list[float]:
    """Each in parts of the mean; 1 where it is not told. ``usual``: added to all, so that a quiet night, in
    which all have next to nothing, does not tell radios apart."""
    known = [each for each in told if each is not None]
    mean = fmean(known) if known else 0.0
    return [1.0 if each is None else (each + usual) / (mean + usual) for each in told]
