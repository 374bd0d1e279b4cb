"""What a plan says of each radio: its change and its prospects; and how sure all of it is. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from agent.planner import legal
from agent.planner.site import staying
from agent.planner.site.build import whereabouts
from agent.planner.site.plan import Outlook, PlannedMove
from agent.planner.site.power import PowerMove
from agent.planner.site.problem import Problem, contention, crowding
from agent.planner.site.reasons import Stand, reasons
from agent.planner.site.solution import Solution
from agent.view import RadioView, SiteView, center_of
from drivers.types import Setting, Values
from inventory.channels import Block
from inventory.model import RadioKey

UNMEASURED: Final = 0.7
"""What a radio knows that hears whom there is, and not how much they send."""

ENOUGH_SCANS: Final = 3.0
"""With fewer, as after a start of the agent, a level may be off by 4 dB, and who is heard may pass by."""

LATELY: Final = 0.5
"""Part of `neighbour_age_s` that is left; with less of it, it is told that a radio listened long ago."""


class Told(NamedTuple):
    """One band before and after. ``then``: its problem at the powers planned. ``now``: for each of its radios
    the block that it sends on, None = it is silent."""

    solution: Solution
    then: Problem
    now: Sequence[Block | None]

    @property
    def before(self) -> list[Stand | None]:
        """None: it has no place now."""
        own = crowding(self.solution.problem, self.now)
        members = zip(self.solution.problem.members, own, strict=True)
        return [None if m.now is None else Stand(m.options[m.now], in_way) for m, in_way in members]

    @property
    def after(self) -> list[Stand]:
        members, end = self.then.members, self.solution.end
        own = contention(self.then, end)
        return [Stand(m.options[at], in_way) for m, at, in_way in zip(members, end, own, strict=True)]


def sending(view: SiteView, problem: Problem) -> list[Block | None]:
    """Where each radio of a band sends now, be it where it may not stay; None: it is silent."""
    return [
        whereabouts(view.radios[m.key]) if m.now is None else m.options[m.now].block for m in problem.members
    ]


class Worth(NamedTuple):
    """What the radios that have a place now are worth before and after, nats, and how many they are."""

    before: float
    after: float
    radios: int


def worth(told: Iterable[Told]) -> Worth:
    """Of all bands. Like with like: a radio that has no place now is in the way of others afterwards, and is
    not counted itself."""
    placed = [
        (member.weight * before.nats, member.weight * after.nats)
        for band in told
        for member, before, after in zip(band.then.members, band.before, band.after, strict=True)
        if before is not None
    ]
    return Worth(math.fsum(b for b, _ in placed), math.fsum(a for _, a in placed), len(placed))


def moves_of(view: SiteView, band: Told, powers: Mapping[RadioKey, PowerMove]) -> Iterator[PlannedMove]:
    """The band's changes, of channel, of power or of both; none has its step yet."""
    members, moves = band.solution.problem.members, band.solution.moves
    for index, (member, before, after) in enumerate(zip(members, band.before, band.after, strict=True)):
        power = powers.get(member.key)
        going = before is None or index in moves
        if going or power is not None:
            why = _why(view, member.key, before, after) if going else ()
            yield _move(view, member.key, Change(before, after, moves.get(index, 0.0), why, power))


class Change(NamedTuple):
    """What becomes of one radio. ``why``: it moves; empty: its power alone is another."""

    before: Stand | None
    after: Stand
    gain: float
    why: tuple[str, ...]
    power: PowerMove | None


def _why(view: SiteView, key: RadioKey, before: Stand | None, after: Stand) -> tuple[str, ...]:
    return (staying.must_go(view, view.radios[key]),) if before is None else reasons(before, after)


def _move(view: SiteView, key: RadioKey, change: Change) -> PlannedMove:
    at, power = view.radios[key], change.power
    block = change.after.option.block
    target = _target(view, at, block if change.why else None, power)
    return PlannedMove(
        radio=key,
        step=0,
        target=target,
        before=at.block if change.why else block,
        after=block,
        mhz_before=_mhz(change.before),
        mhz_after=_mhz(change.after),
        gain=change.gain + (power.gain if power else 0.0),
        cac_s=change.after.option.cac_s,
        reasons=(*change.why, *(power.reasons if power else ())),
        params=power.params if power else _limited(at, target),
    )


def _limited(at: RadioView, target: Values) -> dict[str, int | str]:
    """The power before and after where a move alone makes it another one: what the law or the site's file
    allows on that channel."""
    now, dbm = at.reading.tx_power_dbm if at.reading else None, target.get(Setting.TX_POWER_DBM)
    if now is None or dbm is None or int(now.value) == dbm:
        return {}
    return {"from_dbm": int(now.value), "to_dbm": dbm}


def _target(view: SiteView, at: RadioView, block: Block | None, power: PowerMove | None) -> Values:
    place = legal.moved_to(view, at, block) if block else {}
    return {**place, **(power.target if power else {})}


def _mhz(stand: Stand | None) -> float:
    return 0.0 if stand is None else math.exp(stand.nats)


def outlook(band: Told) -> list[Outlook]:
    """All radios of the band, moved or not."""
    return [
        Outlook(
            radio=member.key,
            before=before.option.block if before else None,
            after=after.option.block,
            mhz_before=_mhz(before),
            mhz_after=_mhz(after),
        )
        for member, before, after in zip(band.then.members, band.before, band.after, strict=True)
    ]


def confidence(view: SiteView, keys: Sequence[RadioKey]) -> float:
    """Mean over the radios: whom they hear, by its age within `neighbour_age_s`; less where that rests on
    fewer than `ENOUGH_SCANS`, and where the air of the channel in use was not measured, for then loads are
    assumed."""
    return fmean(_known(view, view.radios[key]) for key in keys) if keys else 0.0


def doubts(view: SiteView, keys: Iterable[RadioKey]) -> dict[str, int]:
    """What takes from the confidence, in codes, and at how many radios."""
    return dict(Counter(code for key in keys for code in _doubts(view, view.radios[key])))


def _doubts(view: SiteView, at: RadioView) -> Iterator[str]:
    if _fresh(view, at) < LATELY:
        yield "listened_long_ago"
    elif _settled(at) < 1.0:
        yield "few_scans"
    if not _measured(view, at):
        yield "air_not_measured"


def _known(view: SiteView, at: RadioView) -> float:
    return _fresh(view, at) * _settled(at) * (1.0 if _measured(view, at) else UNMEASURED)


def _fresh(view: SiteView, at: RadioView) -> float:
    """1 where it has just listened, 0 where that is `neighbour_age_s` ago or never was."""
    limit_s = view.site.policy.neighbour_age_s
    age_s = at.scanned_age_s
    if age_s is None:
        age_s = min((each.age_s for each in at.heard(limit_s)), default=limit_s)
    return max(0.0, 1.0 - age_s / limit_s)


def _settled(at: RadioView) -> float:
    """By how many scans its levels rest on; 1 where that is not told."""
    scans = max((each.scans for each in at.spread.values()), default=ENOUGH_SCANS)
    return min(1.0, scans / ENOUGH_SCANS)


def _measured(view: SiteView, at: RadioView) -> bool:
    """Whether it knows how busy the channel is that it is on."""
    mhz = center_of(at.radio.band, at.block.primary) if at.block else 0
    return at.measured(mhz, view.site.policy.neighbour_age_s) is not None
