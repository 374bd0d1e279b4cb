"""What the guards look at: one radio, the values wanted, and why. Pure."""

from __future__ import annotations

from agent.change import HELD_UP, INCIDENTS, REHEARSED, Cause, Change, State
from agent.view import RadioView, SiteView, block_in_values
from drivers.types import Values
from inventory.model import Mode, RadioKey

UNTOUCHED = frozenset({State.PROPOSED, State.EXPIRED, State.PLANNED})
"""States of a change that was never sent."""


def routine(cause: Cause, *, by_person: bool) -> bool:
    """Whether the budgets for routine changes hold such a change, and count it: not what a person wants,
    moves of a plan too."""
    wanted = cause is Cause.SITE_PLAN and by_person
    return cause not in INCIDENTS and cause is not Cause.OPERATOR and not wanted


class Proposal:
    """``by_person``: a person asked for it (`agent.change.asked_by_person`), and not the agent. ``ignore``:
    the change that is being looked at."""

    __slots__ = ("by_person", "cause", "ignore", "key", "target", "view")

    def __init__(
        self,
        view: SiteView,
        key: RadioKey,
        target: Values,
        cause: Cause,
        ignore: str | None = None,
        *,
        by_person: bool = False,
    ) -> None:
        self.view, self.key, self.target, self.cause, self.ignore = view, key, target, cause, ignore
        self.by_person = by_person

    @property
    def at(self) -> RadioView:
        return self.view.radios[self.key]

    @property
    def urgent(self) -> bool:
        return self.cause is Cause.DFS_RADAR

    @property
    def others(self) -> list[Change]:
        """Changes of the site without the one being looked at."""
        return [c for c in self.view.changes if c.id != self.ignore]

    def mine(self) -> list[Change]:
        return [c for c in self.others if self.key in c.radios]

    @property
    def patient(self) -> bool:
        """Routine, and not the flight from a jammed channel, which has a limit of its own."""
        return self.cause not in INCIDENTS and self.cause not in (Cause.OPERATOR, Cause.SECURITY)

    @property
    def asked_now(self) -> bool:
        """A person asked for this very change. Who asks for a plan is not waiting for each of its moves."""
        return self.cause is Cause.OPERATOR or (self.by_person and self.cause is not Cause.SITE_PLAN)

    @property
    def taken_back(self) -> bool:
        """A person takes a change back, and asked for that now."""
        return self.by_person and self.cause is Cause.UNDO

    @property
    def budgeted(self) -> bool:
        return routine(self.cause, by_person=self.by_person)

    @property
    def place(self) -> object:
        """Where it leads."""
        return self.place_of(self.target)

    def place_of(self, values: Values) -> object:
        """Where settings lead: the block, or without one the settings themselves."""
        return block_in_values(self.at.radio, values) or dict(values)

    def age_us(self, change: Change) -> int:
        """Age of a change, µs; 0 where the wall clock was set back to before it: it counts in every
        budget."""
        return max(0, self.view.age_us(change))

    def is_rehearsal(self, change: Change) -> bool:
        """As long as the site is in mode dry_run; afterwards nothing of it counts."""
        return change.verdict == REHEARSED and self.view.site.policy.mode is Mode.DRY_RUN

    def counts(self, change: Change) -> bool:
        """Whether a change is held against a budget: it was sent, or would have been."""
        sent = change.state not in UNTOUCHED and change.verdict != HELD_UP
        return sent or self.is_rehearsal(change)
