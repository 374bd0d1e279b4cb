"""What the audit log tells of a store that was lost: its non-occupancy periods, its open changes, its pauses.
Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

from agent.change import LIVE, State
from agent.moment import WEEK_US, Deadline, Moment
from agent.nop import Nop
from inventory.model import RadioKey
from inventory.regulatory import NOP_S

_HEARD: Final = frozenset({"radar.heard", "radar.kept_in_memory"})

_MHZ: Final = re.compile(r"\b[0-9]{4}\b")
_FOR_S: Final = re.compile(r"([0-9]+(\.[0-9]+)?)?")
_SHAPE: Final[Mapping[str, tuple[type, ...]]] = {
    "utc": (int,),
    "site": (str,),
    "radio": (str, NoneType),
    "change_id": (str, NoneType),
    "to_state": (str, NoneType),
    "members": (list, NoneType),
    "old": (Mapping, NoneType),
    "reason": (Mapping,),
    "actor": (Mapping,),
}
_ACTOR: Final = frozenset({"type", "uid", "name"})
_END_UTC_US: Final = 253_402_300_800_000_000
"""The year 10000: a time that can't be written down is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRows:
    """``nops``: in full again. ``changes``: the last record of each change that was open, or waited for a
    person to release it, oldest first. ``counted``: changes of the last week, which no budget knows any
    more. ``pauses``: the record of each that was not ended, by scope. ``begins_utc_us``: of the first record,
    where the log does not go back to its beginning; None = it does."""

    nops: tuple[Nop, ...]
    changes: tuple[Mapping[str, Any], ...]
    counted: int
    pauses: Mapping[str, Mapping[str, Any]]
    begins_utc_us: int | None


def lost_rows(records: Iterable[Mapping[str, Any]], now: Moment, named: Mapping[str, RadioKey]) -> LostRows:
    """``records``: all of the log, in order, looked at one by one; what has not the shape of one is passed
    over, a person may have been at the file. ``named``: radios by their pseudonym.

    A period whose radar was heard within its time, or later than it is now by this wall clock, begins again
    in full: nobody knows what the clock did meanwhile. So does a pause with an end, unless that was more than
    a week ago.
    """
    found = _Found(now, named)
    for each in filter(_is_record, records):
        found.take(each)
    return found.rows()


class _Found:
    """What is known after some of the records: of each change and scope the last word only."""

    def __init__(self, now: Moment, named: Mapping[str, RadioKey]) -> None:
        self._now = now
        self._named = named
        self._nops: dict[tuple[str, int, RadioKey], Nop] = {}
        self._waiting: dict[str, Mapping[str, Any]] = {}  # changes that are open, or escalated
        self._lately: set[str] = set()  # changes of the last week
        self._told: set[str] = set()  # changes of a store that was lost before
        self._pauses: dict[str, Mapping[str, Any]] = {}
        self._first: Mapping[str, Any] | None = None

    def take(self, one: Mapping[str, Any]) -> None:
        self._first = self._first or one
        code, params = one["reason"].get("code"), one["reason"]["params"]
        if one["change_id"] is not None and one["to_state"] is not None:
            self._step(one)
        elif code in _HEARD:
            self._hear(one, str(params.get("mhz")))
        elif code == "change.released":
            self._waiting.pop(one["change_id"], None)
        elif code == "pause.begun" and _FOR_S.fullmatch(str(params.get("for_s"))):
            self._pauses[str(params.get("scope"))] = one
        elif code == "pause.ended":
            self._pauses.pop(str(params.get("scope")), None)
        elif code == "store.made_anew":
            self._told |= self._waiting.keys()
        elif code == "store.acknowledged":
            self._acknowledge()

    def _step(self, one: Mapping[str, Any]) -> None:
        id = one["change_id"]
        self._told.discard(id)
        self._waiting.pop(id, None)
        if one["to_state"] in LIVE or one["to_state"] == State.ESCALATED:
            self._waiting[id] = one
        if self._now.utc_us - one["utc"] <= WEEK_US:
            self._lately.add(id)

    def _hear(self, one: Mapping[str, Any], mhz20: str) -> None:
        if self._now.utc_us - one["utc"] >= NOP_S * 1e6:
            return
        site, by = one["site"], self._named.get(one["radio"] or "", RadioKey(one["site"]))
        for mhz in map(int, _MHZ.findall(mhz20)):
            until = Deadline.after(self._now, NOP_S)
            self._nops[site, mhz, by] = Nop(site=site, mhz20=mhz, deadline=until, by_radio=by)

    def _acknowledge(self) -> None:
        """A person knows of the changes that were lost with an earlier store."""
        for id in self._told:
            self._waiting.pop(id, None)
        self._told.clear()

    def rows(self) -> LostRows:
        return LostRows(
            nops=tuple(self._nops.values()),
            changes=tuple(self._waiting.values()),
            counted=len(self._lately),
            pauses={scope: one for scope, one in self._pauses.items() if not self._is_over(one)},
            begins_utc_us=None
            if self._first is None or self._first.get("seq", 1) == 1
            else self._first["utc"],
        )

    def _is_over(self, pause: Mapping[str, Any]) -> bool:
        for_s = pause["reason"]["params"]["for_s"]
        return for_s != "" and bool(pause["utc"] + float(for_s) * 1e6 < self._now.utc_us - WEEK_US)


def _is_record(one: Mapping[str, Any]) -> bool:
    """Whether it has the shape of an audit record, as far as it is looked at here."""
    if not all(isinstance(one.get(name, ...), kinds) for name, kinds in _SHAPE.items()):
        return False
    if not 0 <= one["utc"] < _END_UTC_US:
        return False
    return isinstance(one["reason"].get("params"), Mapping) and one["actor"].keys() == _ACTOR


def told(change: Mapping[str, Any], named: Mapping[str, RadioKey]) -> str:
    """One line about a change whose row is lost: its radios, its state, and what they had before."""
    radios = ",".join(named.get(member, member) for member in change["members"] or ())
    prior = " ".join(f"{key}={value}" for key, value in sorted((change["old"] or {}).items()))
    return f"{change['change_id']} on {radios}, {change['to_state']}, before it {prior}"
