"""A request to take a period back, as it is kept on disk, and what is left of it by the changes there are."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from agent.change import Actor, Change, State
from agent.moment import Deadline
from agent.planner.netting import Netted, netted
from drivers.types import Values
from inventory.model import RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What becomes of one radio. ``state``: would_undo, going_back (an open change), waits, begun, refused,
    nothing_to_do, left_alone (somebody else changed it since). ``undo``: the change that does it."""

    radio: RadioKey
    changes: tuple[str, ...]
    to: Mapping[str, int]
    state: str
    why: str = ""
    undo: str | None = None


@dataclass(slots=True, kw_only=True)
class Request:
    """Of one site. ``ahead``: changes that were made before it was asked, though by the wall clock later.
    ``settled``: radios that are dealt with, and how. Of this process alone: ``rows``, how far it is;
    ``stray_s``, since when an open change of a radio is carried by nobody; ``held_up``, how often an undo of
    a radio was before anything was sent; ``looked``, the first round is over."""

    site: str
    since_us: int
    asked_us: int
    until: Deadline
    actor: Actor
    ahead: tuple[str, ...] = ()
    settled: dict[RadioKey, str] = field(default_factory=dict)
    rows: dict[RadioKey, Row] = field(default_factory=dict)
    stray_s: dict[RadioKey, float] = field(default_factory=dict)
    held_up: Counter[RadioKey] = field(default_factory=Counter)
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    def to_text(self) -> str:
        told = {"site": self.site, "since_us": self.since_us, "asked_us": self.asked_us}
        kept = {"until": asdict(self.until), "actor": asdict(self.actor), "ahead": self.ahead}
        return json.dumps(told | kept | {"settled": self.settled})

    @classmethod
    def of_text(cls, text: str) -> Request:
        """Of what `to_text` gave. KeyError, TypeError or ValueError: it is not that."""
        told = json.loads(text)
        until, actor = Deadline(**told.pop("until")), Actor(**told.pop("actor"))
        return cls(**told | {"until": until, "actor": actor, "ahead": tuple(told["ahead"])})


def key_of(site: str) -> str:
    """The name of the text that the store keeps of a site's request."""
    return f"undo/{site}"


def ahead_of(made: Iterable[Change], now_us: int) -> tuple[str, ...]:
    """Those whose time is still to come: the wall clock was set back since."""
    return tuple(change.id for change in made if change.created_utc_us > now_us)


def left_of(made: Iterable[Change], request: Request) -> list[Netted]:
    found = netted(made, request.since_us, request.asked_us, request.ahead)
    return [each for each in found if each.radio not in request.settled]


def moved_since(each: Netted, made: Iterable[Change], have: Values) -> str:
    """That somebody else set the radio since, and to what; empty: nobody did. See `somebody_elses`."""
    found = somebody_elses(each, made, have)
    told = " ".join(f"{setting}={value}" for setting, value in found.items())
    return f"somebody else changed it since: it is on {told}" if found else ""


def somebody_elses(each: Netted, made: Iterable[Change], have: Values) -> Values:
    """What the radio has that is neither what our changes left there nor what it would go back to: somebody
    else set it since. Empty: nothing, and where a change is escalated, of which nobody knows what it left.

    ``made``: all changes of the site since then, in any order; ``have``: absent what is not told.
    """
    if any(change.state is State.ESCALATED for change in each.changes):
        return {}
    left = dict(each.whole.target)
    mine = sorted((change for change in made if each.radio in change.radios), key=lambda each: each.order)
    for change in mine:
        left |= _left_there(change)
    late = [change.target for change in mine if _may_have_landed(change)]
    known = (left, each.whole.target, each.whole.prior, *late)
    return {
        setting: have[setting]
        for setting in each.whole.target
        if setting in have and all(values.get(setting) != have[setting] for values in known)
    }


def _left_there(change: Change) -> Values:
    """Where a change left its radio, as far as that is not where it was before."""
    if change.state is State.COMMITTED:
        return change.target
    return change.rollback_to or {} if change.state is State.ROLLED_BACK else {}


def _may_have_landed(change: Change) -> bool:
    """An undo that was given up unproven, and stays if it took effect after all (agent/late_writes.py); or
    one of which nobody knows what it left."""
    unproven = change.state is State.ROLLED_BACK and change.acked_at is None
    return change.undo_of is not None and (unproven or change.state is State.ESCALATED)


def undos_of(made: Iterable[Change], request: Request) -> list[Change]:
    """Of each radio whose undo was begun the last one. ``made``: newest first."""
    last = dict[RadioKey, Change]()
    for change in made:
        if change.undo_of is not None and request.settled.get(change.radios[0]) == "begun":
            last.setdefault(change.radios[0], change)
    return list(last.values())


def row_of(each: Netted, state: str, why: str = "", undo: str | None = None) -> Row:
    return Row(
        radio=each.radio,
        changes=tuple(change.id for change in each.changes),
        to={str(setting): value for setting, value in each.to.items()},
        state=state,
        why=why,
        undo=undo,
    )
