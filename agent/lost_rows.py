"""What the audit log tells of a store that was lost: its non-occupancy periods, its open changes, its pauses.
Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

from agent.change import LIVE, State
from agent.moment import Deadline, Moment
from agent.nop import Nop
from inventory.model import RadioKey
from inventory.regulatory import NOP_S

"""How far back budgets count, and how long a change can be open."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRows:
    """``nops``: in full again. ``changes``: the last record of each change that was open, or waited for a
    person to release it, oldest first. ``counted``: changes of the last week, which no budget knows any
    more. ``pauses``: the record of each that was not ended, by scope."""

    nops: tuple[Nop, ...]
    changes: tuple[Mapping[str, Any], ...]
    counted: int
    pauses: Mapping[str, Mapping[str, Any]]


def lost_rows(records: Iterable[Mapping[str, Any]], now: Moment, named: Mapping[str, RadioKey]) -> LostRows:
    """``records``: those of the last week, in order; what has not the shape of one is passed over, a person
    may have been at the file. ``named``: radios by their pseudonym.

    A period whose radar was heard within its time, or later than it is now by this wall clock, begins again
    in full: nobody knows what the clock did meanwhile.
    """
    last: dict[str, Mapping[str, Any]] = {}
    pauses: dict[str, Mapping[str, Any]] = {}
    nops: dict[tuple[str, int, RadioKey], Nop] = {}
    released: set[str] = set()
    for each in filter(_is_record, records):
        code, params = each["reason"].get("code"), each["reason"]["params"]
        if each["change_id"] is not None and each["to_state"] is not None:
            last[each["change_id"]] = each
        elif code in _HEARD and now.utc_us - each["utc"] < NOP_S * 1e6:
            by = named.get(each["radio"] or "", RadioKey(each["site"]))
            for mhz in map(int, _MHZ.findall(str(params.get("mhz")))):
                until = Deadline.after(now, NOP_S)
                nops[each["site"], mhz, by] = Nop(site=each["site"], mhz20=mhz, deadline=until, by_radio=by)
        elif code == "change.released":
            released.add(each["change_id"])
        elif code == "pause.begun" and _FOR_S.fullmatch(str(params.get("for_s"))):
            pauses[str(params.get("scope"))] = each
        elif code == "pause.ended":
            pauses.pop(str(params.get("scope")), None)
    waiting = {id for id, each in last.items() if each["to_state"] == State.ESCALATED} - released
    return LostRows(
        nops=tuple(nops.values()),
        changes=tuple(each for id, each in last.items() if each["to_state"] in LIVE or id in waiting),
        counted=len(last),
        pauses=pauses,
    )


def _is_record(one: Mapping[str, Any]) -> bool:
    """Whether it has the shape of an audit record, as far as it is looked at here."""
    if not all(isinstance(one.get(name, ...), kinds) for name, kinds in _SHAPE.items()):
        return False
    return isinstance(one["reason"].get("params"), Mapping) and one["actor"].keys() == _ACTOR


def told(change: Mapping[str, Any], named: Mapping[str, RadioKey]) -> str:
    """One line about a change whose row is lost: its radios, its state, and what they had before."""
    radios = ",".join(named.get(member, member) for member in change["members"] or ())
    prior = " ".join(f"{key}={value}" for key, value in sorted((change["old"] or {}).items()))
    return f"{change['change_id']} on {radios}, {change['to_state']}, before it {prior}"
