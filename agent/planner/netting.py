"""What takes the changes of a period back, radio by radio. Pure.

One change per radio, straight to where it was before the first of them: each step back by itself would cost
clients an outage more, and lead through places that were left for a reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from agent.change import OVERTAKEN, Cause, Change, Order, State
from agent.view import CHANNEL_SETTINGS
from drivers.types import Setting, Values
from inventory.model import RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Netted:
    """``whole``: the oldest change of the period on the radio, with the prior values and the targets of all
    of them. ``changes``: what is taken back, newest first; ``still_open``: those that are not final."""

    radio: RadioKey
    whole: Change
    changes: tuple[Change, ...]

    @property
    def still_open(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if not change.final)

    @property
    def to(self) -> Values:
        return self.whole.prior


def netted(
    changes: Iterable[Change], since_us: int, until_us: int, ahead: Collection[str] = ()
) -> tuple[Netted, ...]:
    """What is to be taken back of the changes made in [since, until], the radio that was changed last first.

    ``changes``: all of the site since then, undos too. ``ahead``: ids of those that were there when it was
    asked though their time is later: the wall clock was set back since. Left out: what is not in force, what
    was undone, and on each radio all from before somebody else or radar moved it.
    """
    by_radio: dict[RadioKey, list[Change]] = {}
    for change in sorted(changes, key=lambda each: (each.order, each.id), reverse=True):
        by_radio.setdefault(change.radios[0], []).append(change)

    def asked_for(change: Change) -> bool:
        return since_us <= change.created_utc_us and (change.created_utc_us <= until_us or change.id in ahead)

    found = [_net(radio, [c for c in standing(mine) if asked_for(c)]) for radio, mine in by_radio.items()]
    kept = [each for each in found if each is not None]
    return tuple(sorted(kept, key=lambda each: each.changes[0].order, reverse=True))


def standing(mine: Sequence[Change]) -> list[Change]:
    """Changes that are in force or may be, newest first, each with those of its settings that are; an undo is
    none of them. ``mine``: all of one radio, newest first."""
    made = {change.id: change.order for change in mine}
    kept: list[Change] = []
    undone_from: dict[Setting, Order] = {}  # by setting: what was made since then is undone already
    for change in mine:
        if _somebody_elses(change) or (change.cause is Cause.DFS_RADAR and _lasts(change)):
            break
        left = _left(change, undone_from) if _lasts(change) else None
        if left is None or (left.undo_of is not None and left.state is State.ESCALATED):
            continue  # of an escalated undo nobody knows whether it took anything back
        if left.undo_of is not None:  # one that was itself undone takes nothing back
            begun = made.get(left.undo_of, (0, 0))  # not among them: older than all of them
            for part in _parts(left.target):
                undone_from[part] = min(begun, undone_from.get(part, begun))
        else:
            kept.append(left)
    return kept


def _left(change: Change, undone_from: Mapping[Setting, Order]) -> Change | None:
    """The change with those of its settings that were not undone; None: all were."""
    gone = {part for part, begun in undone_from.items() if change.order >= begun}
    if gone.isdisjoint(_parts(change.target)):
        return change
    target = {setting: value for setting, value in change.target.items() if _part(setting) not in gone}
    prior = {setting: value for setting, value in change.prior.items() if _part(setting) not in gone}
    return replace(change, target=target, prior=prior) if prior else None


def _parts(values: Values) -> set[Setting]:
    return {_part(setting) for setting in values}


def _part(setting: Setting) -> Setting:
    """What is undone with it: primary channel, width and centre are one place."""
    return Setting.CHANNEL if setting in CHANNEL_SETTINGS else setting


def _somebody_elses(change: Change) -> bool:
    """Whether somebody else's values were found in its place. Radar ends changes too of which nothing was
    sent: those took no step before their last."""
    return change.state is State.SUPERSEDED and (change.rev > 1 or change.verdict == OVERTAKEN)


def _lasts(change: Change) -> bool:
    live = not change.final and change.state is not State.PROPOSED
    return live or change.state in (State.COMMITTED, State.ESCALATED)


def _net(radio: RadioKey, mine: Sequence[Change]) -> Netted | None:
    if not mine:
        return None
    prior = _over(change.prior for change in mine)
    target = _over(change.target for change in reversed(mine))
    return Netted(radio=radio, whole=replace(mine[-1], prior=prior, target=target), changes=tuple(mine))


def _over(values: Iterable[Values]) -> Mapping[Setting, int]:
    """Each setting as the last of these has it."""
    found: dict[Setting, int] = {}
    for each in values:
        found.update(each)
    return MappingProxyType(found)
