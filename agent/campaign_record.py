"""A plan that is being carried out, as it is kept on disk: what is done of it, and what is not. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from agent.change import HELD_UP, REHEARSED, Actor, Cause, Change, State
from agent.moment import Deadline, Moment
from agent.planner.decision import Move
from agent.planner.site.plan import Plan, PlannedMove
from agent.planner.site.plan_json import from_plan, to_plan
from agent.planner.site.remainder import Remainder
from inventory.model import RadioKey


class Part(StrEnum):
    """Where one move of a campaign stands."""

    WAITS = "waits"  # not begun
    OPEN = "open"  # its change is under way
    MADE = "made"  # its change is kept
    SHOWN = "shown"  # its change was a rehearsal (mode dry_run)
    FAILED = "failed"  # its change came to nothing, or was taken back
    DROPPED = "dropped"  # not allowed, not possible or not worth it any more
    GOING_BACK = "going_back"  # made, and being taken back since others were not made
    TAKEN_BACK = "taken_back"
    STAYS = "stays"  # made, and could not be taken back


UNDER_WAY = frozenset({Part.OPEN, Part.GOING_BACK})
TRIES_MOST: Final = 3
"""So often it is tried to take a move back, and to make one that was held up when it was to be sent."""
LONGEST_S: Final = 86_400.0
"""What could not be begun by then is given up, and said so."""
LOST = frozenset({Part.FAILED, Part.DROPPED, Part.TAKEN_BACK})


@dataclass(slots=True, kw_only=True)
class Standing:
    """One move. ``change``: id of the last one that was to make it, so many of which were ``held_up`` before
    anything was sent; ``undo``: of the one that takes it back, the last of so many ``tries``."""

    part: Part = Part.WAITS
    change: str | None = None
    undo: str | None = None
    why: str = ""
    tries: int = 0
    held_up: int = 0

    def waits_again(self) -> None:
        """Nothing of its change was sent, and what stood in its way passes."""
        self.part, self.held_up = Part.WAITS, self.held_up + 1

    def goes_back(self, undo: str) -> None:
        """A change that takes the move back is under way."""
        self.part, self.undo, self.tries = Part.GOING_BACK, undo, self.tries + 1


@dataclass(slots=True, kw_only=True)
class Campaign:
    """``plan``: without the outlook of who does not move. ``until``: when the rest is given up; of records of
    before that was kept, by the wall clock alone. ``stopped``: why the rest is given up; empty: it goes on.
    ``steps``: how many were begun; ``steps_left``, ``waits_for``: as last looked at."""

    id: str
    site: str
    actor: Actor
    begun_utc_us: int
    plan: Plan
    standings: dict[RadioKey, Standing]
    until: Deadline
    stopped: str = ""
    steps: int = 0
    steps_left: int = 0
    waits_for: str = ""
    moves: Mapping[RadioKey, PlannedMove] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.moves = {move.radio: move for move in self.plan.moves}

    @property
    def by_person(self) -> bool:
        return self.actor.type == "operator"

    def those(self, *parts: Part) -> list[RadioKey]:
        return [key for key, each in self.standings.items() if each.part in parts]

    @property
    def left(self) -> int:
        """Moves that are neither made nor given up."""
        return len(self.those(Part.WAITS, *UNDER_WAY))

    def late_s(self, now: Moment) -> float:
        """For how long what is left should have been given up; negative: not yet."""
        return -self.until.left_s(now)

    def mark(self) -> tuple[object, ...]:
        """The same again, as long as nothing is to be kept anew."""
        parts = tuple((each.part, each.change, each.undo, each.why) for each in self.standings.values())
        return self.stopped, self.steps, parts

    def counts(self) -> dict[str, int]:
        return {
            str(part): number for part, number in Counter(s.part for s in self.standings.values()).items()
        }

    def to_text(self) -> str:
        told = {
            "id": self.id,
            "site": self.site,
            "actor": asdict(self.actor),
            "begun_utc_us": self.begun_utc_us,
            "plan": from_plan(self.plan),
            "standings": {key: asdict(each) for key, each in self.standings.items()},
            "until": asdict(self.until),
            "stopped": self.stopped,
            "steps": self.steps,
        }
        return json.dumps(told)

    @classmethod
    def of_text(cls, text: str) -> Campaign:
        """Of what `to_text` gave. KeyError, TypeError or ValueError: it is not that."""
        told: dict[str, Any] = json.loads(text)
        standings = {
            RadioKey(key): Standing(**{**each, "part": Part(each["part"])})
            for key, each in told.pop("standings").items()
        }
        plan, actor = to_plan(told.pop("plan")), Actor(**told.pop("actor"))
        over_us = told["begun_utc_us"] + round(LONGEST_S * 1e6)
        until = Deadline(**told.pop("until", {"utc_us": over_us, "boot_id": "", "boottime_us": 0}))
        return cls(**told, plan=plan, actor=actor, standings=standings, until=until)


def campaign(id: str, plan: Plan, actor: Actor, now: Moment) -> Campaign:
    """A plan that nothing is done of yet."""
    return Campaign(
        id=id,
        site=plan.site,
        actor=actor,
        begun_utc_us=now.utc_us,
        until=Deadline.after(now, LONGEST_S),
        plan=replace(plan, outlook=(), left=()),
        standings={move.radio: Standing() for move in plan.moves},
    )


def told_of(c: Campaign) -> dict[str, int | str]:
    """The plan as the audit keeps it: values in millionths of a nat."""
    plan = c.plan
    return {
        "plan": c.id,
        "moves": len(plan.moves),
        "radios": plan.radios,
        "value_now_micronats": round(plan.value_now * 1e6),
        "value_then_micronats": round(plan.value_then * 1e6),
        "bound_micronats": "not proven" if plan.bound is None else round(plan.bound * 1e6),
        "gain_ppm": round(plan.gain_ratio * 1e6),
        "confidence_ppm": round(plan.confidence * 1e6),
        "seed": plan.wishes.seed,
        "zone": plan.wishes.zone or "",
    }


def became(standing: Standing, change: Change | None) -> tuple[Part, str]:
    """What a change that is over makes of its move."""
    state = "" if change is None else str(change.state)
    kept = change is not None and change.state is State.COMMITTED
    if standing.part is Part.GOING_BACK:
        again = standing.tries < TRIES_MOST and change is not None and _tried_again(change)
        return (Part.TAKEN_BACK, "") if kept else (Part.MADE if again else Part.STAYS, state)
    if change is not None and change.verdict == REHEARSED:
        return Part.SHOWN, ""
    if change is not None and change.verdict == HELD_UP and standing.held_up < TRIES_MOST:
        return Part.WAITS, ""
    return (Part.MADE, "") if kept else (Part.FAILED, state)


def _tried_again(undo: Change) -> bool:
    """Whether it came to nothing and was neither judged nor refused by a person: its device was not reached,
    or went back by itself since the process that was to confirm had ended."""
    if undo.verdict == HELD_UP:
        return True
    ignored = undo.state is State.EXPIRED and undo.actor.type == "agent"
    return undo.came_to_nothing and undo.verdict is None and not ignored


def asked(c: Campaign, key: RadioKey, step: int) -> Move:
    """One move, made in this step, with its reasons."""
    move = c.moves[key]
    params: dict[str, int | str] = {
        "plan": c.id,
        "step": step,
        "gain_micronats": round(move.gain * 1e6),
        "from": str(move.before),
        "to": str(move.after),
        "why": " ".join(move.reasons),
    }
    return Move(
        radio=key,
        target=move.target,
        cause=Cause.SITE_PLAN,
        reason="site_plan",
        params=MappingProxyType(params),
    )


def waits_for(left: Remainder) -> str:
    """What the first of the moves that are held waits for, in words; empty: none is held."""
    if not left.held:
        return ""
    key, veto = next(iter(left.held.items()))
    return f"{key}: {veto.guard} {veto.reason}"
