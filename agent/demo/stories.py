"""What each story should come to, against what is in the audit, the store and the world itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.demo.script import (
    CROWD,
    CROWD_AT,
    DEAD,
    DEAD_AP,
    MICROWAVE,
    MICROWAVE_AT,
    RADAR,
    RADAR_AT,
    WORSE,
    WORSE_AT,
)
from agent.demo.wording import words
from agent.nop import Nop
from inventory.channels import Block
from inventory.model import RadioKey, ap_of
from inventory.regulatory import NOP_S

LEAVE_S = 10.0
"""What the law gives a radio to leave a channel with radar (47 CFR 15.407 (h)(2)(iii), EN 301 893 4.2.6)."""

MOST_DB = 6
"""What a neighbour of a dead AP may add to its power."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Where a radio really was, from this second on. ``block`` None: not on air."""

    at_us: int
    radio: RadioKey
    block: Block | None
    power_dbm: int


@dataclass(slots=True, kw_only=True)
class Hour:
    """What there is to judge the hour by.

    ``records``: the audit, with the radios' real names. ``begun``: when each story began, UTC µs. ``nops``:
    the store's, just after each radar. ``spent``: SHA-256 of the tokens that the store calls used.
    ``end_us``: when it was over.
    """

    records: list[Record] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    begun: dict[str, int] = field(default_factory=dict)
    nops: list[Nop] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)
    end_us: int = 0

    def since(self, story: str) -> Iterator[Record]:
        """The records since a story began."""
        begun = self.begun.get(story)
        return (r for r in self.records if begun is not None and r["utc"] >= begun)

    def of(self, story: str, radio: RadioKey) -> list[Record]:
        return [r for r in self.since(story) if r["radio"] == radio]

    def was(self, radio: RadioKey, at_us: int) -> Stay | None:
        """Where it was then."""
        return next((s for s in reversed(self.stays) if s.radio == radio and s.at_us <= at_us), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``got``: what was found, one part for each part of ``expected``."""

    name: str
    expected: str
    got: str
    ok: bool


Part = tuple[str, bool]
"""What was found, and whether it is as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    name: str
    title: str
    expected: str
    parts: Callable[[Hour], Iterator[Part]]

    def outcome(self, hour: Hour) -> Outcome:
        parts = list(self.parts(hour))
        got = "; ".join(text for text, _ in parts)
        return Outcome(
            name=self.name, expected=self.expected, got=got, ok=bool(parts) and all(ok for _, ok in parts)
        )


def judged(hour: Hour) -> list[Outcome]:
    """Each story's outcome, in the order in which they began."""
    return [story.outcome(hour) for story in STORIES]


# -- radar ---------------------------------------------------------------------------------------------


def _radar(hour: Hour) -> Iterator[Part]:
    begun = hour.begun.get(RADAR)
    before = hour.was(RADAR_AT, (begun or 0) - 1)
    if begun is None or before is None or before.block is None:
        yield "there was no radar", False
        return
    hit = before.block.primary_mhz
    later = (s for s in hour.stays if s.radio == RADAR_AT and s.at_us >= begun)
    gone = next((s for s in later if not _on(s, hit)), None)
    after_s = (gone.at_us - begun) / 1e6 if gone else None
    yield (
        (f"off after {after_s:.0f} s" if gone else "still on it"),
        after_s is not None and after_s <= LEAVE_S,
    )
    ends_s = [(nop.deadline.utc_us - begun) / 1e6 for nop in hour.nops if nop.mhz20 == hit]
    barred_s = max(ends_s, default=0.0)
    yield f"barred for {barred_s / 60:.0f} min", abs(barred_s - NOP_S) <= LEAVE_S
    landed = sorted({s.radio for s in _landings(hour, hit) if begun < s.at_us < begun + NOP_S * 1e6})
    yield ", ".join(landed) + " landed there" if landed else "no radio landed there", not landed


def _on(stay: Stay, mhz: int) -> bool:
    return stay.block is not None and mhz in stay.block.mhz20


def _landings(hour: Hour, mhz: int) -> Iterator[Stay]:
    """Stays on this channel of radios that were elsewhere before."""
    was: dict[RadioKey, Stay] = {}
    for stay in hour.stays:
        known = was.get(stay.radio)
        if _on(stay, mhz) and known is not None and not _on(known, mhz):
            yield stay
        was[stay.radio] = stay


# -- a change that does harm ---------------------------------------------------------------------------


def _worse(hour: Hour) -> Iterator[Part]:
    records = hour.of(WORSE, WORSE_AT)
    moved = next((r for r in records if r["to_state"] == "MONITORING"), None)
    if moved is None:
        yield "nothing was changed", False
        return
    steps = [r for r in records if r["change_id"] == moved["change_id"]]
    worse = next((r for r in steps if r["to_state"] == "ROLLING_BACK"), None)
    yield f"verdict {'WORSE' if worse else 'HELD or none'}", worse is not None
    back = next((r for r in steps if r["to_state"] == "ROLLED_BACK"), None)
    yield ("rolled back" if back else "not rolled back"), back is not None
    last = hour.was(WORSE_AT, back["utc"] + 2_000_000) if back else None
    home = last is not None and last.block is not None and last.block.primary == moved["old"]["channel"]
    yield ("on its old channel again" if home else "not on its old channel"), home
    used = moved["token_sha256"] in hour.spent
    yield ("token used" if used else "token not used"), used


# -- a microwave oven ----------------------------------------------------------------------------------


def _microwave(hour: Hour) -> Iterator[Part]:
    yield _seen(hour, MICROWAVE, "NON_WIFI_BURST", {MICROWAVE_AT})
    records = hour.of(MICROWAVE, MICROWAVE_AT)
    moved = next((r for r in records if r["to_state"] == "MONITORING"), None)
    if moved is None:
        yield "not moved", False
        return
    left = moved["new"]["channel"] != moved["old"]["channel"]
    yield f"moved from channel {moved['old']['channel']} to {moved['new']['channel']}", left
    end = next((r for r in records if r["change_id"] == moved["change_id"] and r["result"]), None)
    yield _verdict(end), _held(end)


def _seen(hour: Hour, story: str, kind: str, radios: Collection[RadioKey], what: str | None = None) -> Part:
    """Whether an event of this kind was raised about one of these radios, and after how long."""
    for record in hour.since(story):
        params = record["reason"]["params"]
        if record["reason"]["code"] != "event.raised" or params["kind"] != kind:
            continue
        if record["radio"] in radios and (what is None or _evidence(record, "what") == what):
            return f"{kind} after {(record['utc'] - hour.begun[story]) / 1e6:.0f} s", True
    return f"no {kind}", False


def _verdict(end: Record | None) -> str:
    if end is None:
        return "no verdict"
    return "HELD" if _held(end) else f"{end['to_state']}: {words(end['reason']['code'])}"


def _evidence(record: Record, name: str) -> object:
    return next((item["value"] for item in record["evidence"] if item["field"] == name), None)


def _held(end: Record | None) -> bool:
    return end is not None and end["to_state"] == "COMMITTED" and end["reason"]["code"] == "held"


# -- an AP that dies and comes back --------------------------------------------------------------------


def _dead(hour: Hour) -> Iterator[Part]:
    begun = hour.begun.get(DEAD, 0)
    dead = {stay.radio for stay in hour.stays if ap_of(stay.radio) == DEAD_AP}
    yield _seen(hour, DEAD, "HW_FAILURE", dead, "dead")
    others = {stay.radio for stay in hour.stays} - dead
    before = {key: stay.power_dbm for key in others if (stay := hour.was(key, begun))}
    most = {key: max(_powers(hour, key, begun), default=before[key]) - before[key] for key in before}
    helpers = {key: db for key, db in most.items() if db > 0}
    told = ", ".join(f"{key.split('/')[1]} +{db} dB" for key, db in sorted(helpers.items()))
    yield told or "no neighbour raised its power", bool(helpers) and max(helpers.values()) <= MOST_DB
    after = {key: hour.was(key, hour.end_us) for key in helpers}
    kept = [key for key, stay in after.items() if stay is None or stay.power_dbm != before[key]]
    given = "all given back" if not kept else f"not given back by {', '.join(sorted(kept))}"
    yield given, bool(helpers) and not kept


def _powers(hour: Hour, key: RadioKey, since_us: int) -> Iterator[int]:
    return (stay.power_dbm for stay in hour.stays if stay.radio == key and stay.at_us >= since_us)


# -- a crowd -------------------------------------------------------------------------------------------


def _crowd(hour: Hour) -> Iterator[Part]:
    yield _seen(hour, CROWD, "DENSITY_SPIKE", {CROWD_AT})
    records = hour.of(CROWD, CROWD_AT)
    hints = [r["reason"]["params"]["clients"] for r in records if r["result"] == "done"]
    yield f"hints to {sum(hints)} clients", bool(hints)
    changed = [r for r in records if r["to_state"]]
    yield ("changed" if changed else "nothing changed"), not changed
    over = [r for r in records if r["reason"]["code"] == "event.cleared"]
    yield ("cleared when they had gone" if over else "not cleared"), bool(over)


STORIES = (
    Story(
        name=RADAR,
        title="A radar on a channel that is in use",
        expected="off the channel within 10 s; barred for 30 min; no radio lands there",
        parts=_radar,
    ),
    Story(
        name=MICROWAVE,
        title="A microwave oven",
        expected="NON_WIFI_BURST; moved out of its way; the move HELD",
        parts=_microwave,
    ),
    Story(
        name=WORSE,
        title="A change that makes things worse",
        expected="verdict WORSE; rolled back; on its old channel again; token used",
        parts=_worse,
    ),
    Story(
        name=DEAD,
        title="An AP dies, and comes back",
        expected="HW_FAILURE; its neighbours help with at most 6 dB; all given back",
        parts=_dead,
    ),
    Story(
        name=CROWD,
        title="A crowd",
        expected="DENSITY_SPIKE; hints to some clients; nothing changed in a busy hour; cleared",
        parts=_crowd,
    ),
)
