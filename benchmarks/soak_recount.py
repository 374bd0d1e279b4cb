"""What a site's audit says of its changes: how many, why, with what end, and whether the budgets were kept.

Counted anew from the records alone, in the order of the chain; nothing of the agent's own guards is used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from inventory.model import Policy

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
RADAR, FAILURE, UNDO, PERSON, SECURITY = "DFS_RADAR", "HW_FAILURE", "UNDO", "OPERATOR", "SECURITY"
UNAVOIDABLE = frozenset({RADAR, FAILURE})
"""Changes that the law or a dead radio asks for: told, and no part of the churn."""
ROUTINE_NOT = frozenset({RADAR, FAILURE, UNDO, PERSON})
GIVEN_BACK = "the_dead_ap_is_back"
"""Why help ends. Where its token is used up that is a change of its own, for the same event."""
FLYING = frozenset({"APPLYING", "MONITORING", "ROLLING_BACK"})

Record = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Made:
    """One change. ``made_us``: UTC when it was written down. ``moved``: how often it moved its radio: once
    when it was sent, once more when it was taken back. ``avoidable``: neither the law, a dead radio nor a
    person asked for it; what gives back a change is as avoidable as that was."""

    id: str
    cause: str
    radio: str
    ap: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    made_us: int
    avoidable: bool
    sent_us: int | None = None
    event: str = ""
    given_back: bool = False
    state: str = "PLANNED"
    verdict: str = ""
    verdict_us: int | None = None

    @property
    def moved(self) -> int:
        return 0 if self.sent_us is None else 2 if self.state == "ROLLED_BACK" else 1

    @property
    def routine(self) -> bool:
        return self.cause not in ROUTINE_NOT

    @property
    def left(self) -> tuple[Any, ...]:
        return _place(self.old)

    @property
    def wanted(self) -> tuple[Any, ...]:
        return _place(self.new)


def _place(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        values.get("channel"),
        values.get("width_mhz"),
        values.get("center_mhz"),
        values.get("tx_power_dbm"),
    )


@dataclass(slots=True)
class Recount:
    """``aps``: of the site. ``breaches``: each a sentence. ``worst``: by budget, the most that was used."""

    policy: Policy
    aps: int
    made: dict[str, Made] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    worst: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    seq: int = 0
    _kinds: dict[str, str] = field(default_factory=dict)
    _sent: list[Made] = field(default_factory=list)
    _of_ap: defaultdict[str, list[Made]] = field(default_factory=lambda: defaultdict(list))

    def take(self, record: Record) -> None:
        """The next record of the chain; one that was taken before is passed over."""
        if record["seq"] <= self.seq:
            return
        self.seq = record["seq"]
        code, params = record["reason"]["code"], record["reason"]["params"]
        if code == "event.raised":
            self._kinds[record["event_id"]] = params["kind"]
            self.events[params["kind"]] += 1
        if record["kind"] == "decision" and record["change_id"] is None:
            self.decisions[code] += 1
        if record["change_id"] is not None and record["to_state"] is not None:
            self._step(record)

    def _step(self, record: Record) -> None:
        made = self.made.get(record["change_id"])
        if made is None:
            made = self.made[record["change_id"]] = self._new(record)
        made.state = record["to_state"]
        if made.state == "APPLYING" and made.sent_us is None:
            self._check(made, record["utc"])
            made.sent_us = record["utc"]
            self._sent.append(made)
            self._of_ap[made.ap].append(made)
        if made.state not in FLYING:
            made.verdict, made.verdict_us = record["reason"]["code"], record["utc"]

    def _new(self, record: Record) -> Made:
        undone = self.made.get(record["undo_of"] or "")
        event, back = record["event_id"] or "", record["reason"]["code"] == GIVEN_BACK
        cause = UNDO if record["undo_of"] or back else self._kinds.get(event, PERSON)
        needless = not back and cause not in UNAVOIDABLE and cause != PERSON
        return Made(
            id=record["change_id"],
            cause=cause,
            avoidable=undone.avoidable if undone else needless,
            event=event,
            given_back=back,
            radio=record["radio"],
            ap=record["ap"],
            old=record["old"],
            new=record["new"],
            made_us=record["utc"],
        )

    # -- budgets, each looked at when a change is sent -----------------------------------------------

    def _check(self, made: Made, now_us: int) -> None:
        for budget, used, limit in self._used(made):
            self.worst[budget] = max(self.worst[budget], used)
            if used > limit:
                self.breaches.append(f"{budget}: {used} of {limit} at {now_us} by {made.cause}, {made.id}")

    def _used(self, made: Made) -> Iterator[tuple[str, int, int]]:
        """Budget, what is used of it with this change, and its limit."""
        if made.cause == RADAR:
            return
        policy = self.policy
        flying = {each.ap for each in self._flying() if each.cause != RADAR} | {made.ap}
        yield "aps_in_flight", len(flying), max(1, int(self.aps * policy.max_inflight_ratio))
        yield "open_on_one_radio", 1 + sum(each.radio == made.radio for each in self._flying()), 1
        if made.routine:
            week = [each for each in self._sent if each.routine and _age(made, each) < 7 * DAY_US]
            yield "routine_a_week", 1 + len(week), max(1, int(policy.routine_per_ap_week * self.aps))
            if made.cause != SECURITY:
                yield "routine_of_an_ap", 1 + self._lately(made, policy.routine_interval_s), 1
        if made.cause == FAILURE:
            today = [each for each in self._of_ap[made.ap] if _like(each, made) and _age(made, each) < DAY_US]
            yield "failure_of_a_radio_a_day", 1 + len(today), policy.incident_per_radio_day
        if made.given_back:
            today = [each for each in self._of_ap[made.ap] if _same_help(each, made)]
            yield "help_given_back_a_day", 1 + len(today), policy.incident_per_radio_day
        if made.cause != UNDO:
            yield "to_where_it_was_taken_back", self._barred(made), 0

    def _flying(self) -> list[Made]:
        return [each for each in self._sent if each.state in FLYING]

    def _lately(self, made: Made, within_s: float) -> int:
        return sum(each.routine and _age(made, each) < within_s * 1e6 for each in self._of_ap[made.ap])

    def _barred(self, made: Made) -> int:
        back = [e for e in self._of_ap[made.ap] if e.radio == made.radio and e.state == "ROLLED_BACK"]
        bar_us = self.policy.bar_s * 1e6
        return sum(each.wanted == made.wanted and _age(made, each) < bar_us for each in back)

    # -- what is told ----------------------------------------------------------------------------------

    def sent(self, since_us: int = 0) -> list[Made]:
        """Changes that were sent to a device, oldest first."""
        return [each for each in self._sent if each.made_us >= since_us]

    def flaps(self) -> list[tuple[Made, Made]]:
        """A change that brought a radio back within a day to where another one, which held, had taken it
        from; radar and failures aside, and what was taken back as an undo aside."""
        found = []
        for of_ap in self._of_ap.values():
            for later in of_ap:
                before = [e for e in of_ap if e.radio == later.radio and e.made_us < later.made_us]
                for earlier in before:
                    if _flapped(earlier, later):
                        found.append((earlier, later))
        return found


def _age(made: Made, before: Made) -> int:
    """µs; 0 where the clock was set back in between."""
    return max(0, made.made_us - before.made_us)


def _like(each: Made, made: Made) -> bool:
    return each.radio == made.radio and each.cause == made.cause


def _same_help(each: Made, made: Made) -> bool:
    """Whether help for the same event was given back by the same radio within a day before."""
    back = each.given_back and (each.radio, each.event) == (made.radio, made.event)
    return back and _age(made, each) < DAY_US


def _flapped(earlier: Made, later: Made) -> bool:
    lasted = earlier.state in ("COMMITTED", "SUPERSEDED") and _age(later, earlier) < DAY_US
    chosen = earlier.routine and later.routine
    return lasted and chosen and later.wanted[:3] == earlier.left[:3] and later.wanted[:3] != later.left[:3]
