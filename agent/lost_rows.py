"""What the audit log tells of a store that was lost: its non-occupancy periods, its open changes, its pauses.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent.change import LIVE
from agent.moment import Deadline, Moment
from agent.nop import Nop
from inventory.model import RadioKey
from inventory.regulatory import NOP_S

WEEK_US: Final = 7 * 86_400_000_000
"""How far back budgets count, and how long a change can be open."""
_HEARD: Final = frozenset({"radar.heard", "radar.kept_in_memory"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRows:
    """``nops``: in full again. ``changes``: the last record of each change that was open, oldest first.
    ``counted``: changes of the last week, which no budget knows any more. ``pauses``: the record of each
    that was not ended, by scope."""

    nops: tuple[Nop, ...]
    changes: tuple[Mapping[str, Any], ...]
    counted: int
    pauses: Mapping[str, Mapping[str, Any]]


def lost_rows(records: Iterable[Mapping[str, Any]], now: Moment, named: Mapping[str, RadioKey]) -> LostRows:
    """``records``: those of the last week, in order. ``named``: radios by their pseudonym.

    A period whose radar was heard within its time, or later than it is now by this wall clock, begins again
    in full: nobody knows what the clock did meanwhile.
    """
    last: dict[str, Mapping[str, Any]] = {}
    pauses: dict[str, Mapping[str, Any]] = {}
    nops: dict[tuple[str, int, RadioKey], Nop] = {}
    for each in records:
        code, params = each["reason"]["code"], each["reason"]["params"]
        if each["change_id"] is not None and each["to_state"] is not None:
            last[each["change_id"]] = each
        elif code in _HEARD and now.utc_us - each["utc"] < NOP_S * 1e6:
            by = named.get(each["radio"] or "", RadioKey(each["site"]))
            for mhz in map(int, str(params["mhz"]).split()):
                until = Deadline.after(now, NOP_S)
                nops[each["site"], mhz, by] = Nop(site=each["site"], mhz20=mhz, deadline=until, by_radio=by)
        elif code == "pause.begun":
            pauses[params["scope"]] = each
        elif code == "pause.ended":
            pauses.pop(params["scope"], None)
    return LostRows(
        nops=tuple(nops.values()),
        changes=tuple(each for each in last.values() if each["to_state"] in LIVE),
        counted=len(last),
        pauses=pauses,
    )


def told(change: Mapping[str, Any], named: Mapping[str, RadioKey]) -> str:
    """One line about a change whose row is lost: its radios, its state, and what they had before."""
    radios = ",".join(named.get(member, member) for member in change["members"] or ())
    prior = " ".join(f"{key}={value}" for key, value in sorted((change["old"] or {}).items()))
    return f"{change['change_id']} on {radios}, {change['to_state']}, before it {prior}"
