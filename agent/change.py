"""The change table: what a change may become, and nothing else may become of it.

A change is an edit of one scope from prior to target values. `TABLE` is the whole truth about its life:
(state, trigger) -> state. `docs/changes.md` draws it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from agent.moment import Deadline
from drivers.types import ConfigState, Edit, ScopeRef, Setting, Values
from inventory.model import Policy, RadioKey


class State(StrEnum):
    PROPOSED = "PROPOSED"  # advise mode: a person must approve
    EXPIRED = "EXPIRED"  # not approved or not started in time; nothing was sent
    PLANNED = "PLANNED"  # stored with its token; nothing was sent
    APPLYING = "APPLYING"  # may have been sent
    MONITORING = "MONITORING"  # acknowledged by read-back; the counters decide
    COMMITTED = "COMMITTED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    FAILED = "FAILED"  # the device refused; it still has the prior values
    SUPERSEDED = "SUPERSEDED"  # someone else (a person, radar) changed it: hands off
    ESCALATED = "ESCALATED"  # a person must act


class Trigger(StrEnum):
    APPROVE = "approve"
    EXPIRE = "expire"
    START = "start"
    ACKED = "acked"
    REFUSED = "refused"
    DOUBT = "doubt"  # sent, and the read-back disagrees or never came
    HELD = "held"
    WORSE = "worse"
    NO_DATA = "no_data"
    SUPERSEDED = "superseded"
    UNDO = "undo"  # a person
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"
    DEADLINE = "deadline"


S, T = State, Trigger

TABLE: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (S.PROPOSED, T.APPROVE): S.PLANNED,
        (S.PROPOSED, T.EXPIRE): S.EXPIRED,
        (S.PROPOSED, T.UNDO): S.EXPIRED,
        (S.PROPOSED, T.DEADLINE): S.EXPIRED,
        (S.PROPOSED, T.SUPERSEDED): S.SUPERSEDED,
        (S.PLANNED, T.START): S.APPLYING,
        (S.PLANNED, T.REFUSED): S.FAILED,  # a guard said no at the last moment
        (S.PLANNED, T.EXPIRE): S.EXPIRED,
        (S.PLANNED, T.DEADLINE): S.EXPIRED,
        (S.PLANNED, T.UNDO): S.EXPIRED,
        (S.PLANNED, T.SUPERSEDED): S.SUPERSEDED,
        (S.APPLYING, T.ACKED): S.MONITORING,
        (S.APPLYING, T.REFUSED): S.FAILED,
        (S.APPLYING, T.DOUBT): S.ROLLING_BACK,
        (S.APPLYING, T.DEADLINE): S.ROLLING_BACK,
        (S.APPLYING, T.UNDO): S.ROLLING_BACK,
        (S.APPLYING, T.EXPIRE): S.ESCALATED,  # its token can no longer be used: no automatic undo
        (S.APPLYING, T.UNDONE): S.ROLLED_BACK,  # the device's own timer took it back
        (S.APPLYING, T.SUPERSEDED): S.SUPERSEDED,
        (S.MONITORING, T.HELD): S.COMMITTED,
        (S.MONITORING, T.WORSE): S.ROLLING_BACK,
        (S.MONITORING, T.NO_DATA): S.MONITORING,  # once; the deadline is extended
        (S.MONITORING, T.UNDO): S.ROLLING_BACK,
        (S.MONITORING, T.UNDONE): S.ROLLED_BACK,  # the device's own timer took it back
        (S.MONITORING, T.SUPERSEDED): S.SUPERSEDED,
        (S.MONITORING, T.DEADLINE): S.ESCALATED,
        (S.ROLLING_BACK, T.UNDONE): S.ROLLED_BACK,
        (S.ROLLING_BACK, T.UNDO_FAILED): S.ROLLING_BACK,  # bounded by rollback_attempts
        (S.ROLLING_BACK, T.SUPERSEDED): S.SUPERSEDED,
        (S.ROLLING_BACK, T.DEADLINE): S.ESCALATED,
    }
)

FINAL = frozenset({S.EXPIRED, S.COMMITTED, S.ROLLED_BACK, S.FAILED, S.SUPERSEDED, S.ESCALATED})
LIVE = frozenset(State) - FINAL
IN_FLIGHT = frozenset({S.APPLYING, S.MONITORING, S.ROLLING_BACK})
WITHOUT_EFFECT = frozenset({S.PROPOSED, S.EXPIRED, S.FAILED, S.ROLLED_BACK})

Order = tuple[int, int]


TOKEN_S = 7 * 86_400.0
"""How long the agent may use a token by itself; a person may undo later than that."""


class IllegalTransition(Exception):
    """The table has no such step: a bug in the caller, never repaired by trying again."""


def next_state(state: State, trigger: Trigger) -> State:
    """The state after `trigger`. Raises IllegalTransition when the table has none."""
    try:
        return TABLE[state, trigger]
    except KeyError:
        raise IllegalTransition(f"{state} has no step for {trigger}") from None


class Cause(StrEnum):
    """Why a change exists: the kind of event, a plan of the site, a person, or the taking back of another
    change."""

    DFS_RADAR = "DFS_RADAR"
    NON_WIFI_BURST = "NON_WIFI_BURST"
    SPECTRUM_SAT = "SPECTRUM_SAT"
    DENSITY_SPIKE = "DENSITY_SPIKE"
    HW_FAILURE = "HW_FAILURE"
    SECURITY = "SECURITY"
    EMERGENCY_QOE = "EMERGENCY_QOE"
    SITE_PLAN = "SITE_PLAN"
    OPERATOR = "OPERATOR"
    UNDO = "UNDO"


INCIDENTS = frozenset({Cause.DFS_RADAR, Cause.HW_FAILURE, Cause.UNDO})
"""Causes that have a budget of their own (3 per radio and day), outside the routine one."""


REHEARSED = "DRY_RUN"
"""Verdict of a change that went as far as the write, at a site in mode dry_run."""

REJECTED = "REJECTED"
"""Verdict of a proposal that a person said no to."""

HELD_UP = "HELD_UP"
"""Verdict of a change of which nothing was sent for a reason that passes: a pause, a device that could not be
read."""

OVERTAKEN = "OVERTAKEN"
"""Verdict of a change of which nothing was sent, since somebody else had set the radio just then."""

HALF_DONE = "plan_half_done"
"""Why a move of a plan is taken back: others are not made. Code of the undo's reason."""

AS_CONFIGURED = "read_back_as_configured"
"""Key of a change's reason: names of the settings that its device tells as configured only."""

RELIEVES = "relieves"
"""Key of a change's reason: ids of the escalated changes whose radios it was given."""

TOKENLESS = "without_its_token"
"""Key of an undo's reason: the token of what it takes back was used before, and is not good again whatever
becomes of it."""

CANDIDATES = "candidates"
"""Key of a change's reason: where else the radio could have gone, with scores and terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who wanted it: ``type`` agent, operator or device; ``uid`` of the control socket's peer."""

    type: str = "agent"
    uid: int | None = None
    name: str = "rrmd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the change table.

    ``prior``: the values before, as `known` from the device just before the row was written.
    ``baseline``: JSON of the monitor's baseline, frozen with the token; None = too little data.
    ``rev`` rises with each update; an update names the one it saw. ``attempts`` counts tries at rollback.
    ``rollback_to``: where a rollback goes when ``prior`` has become illegal; None = to ``prior``.
    ``extended``: NO_DATA has already extended the monitoring. ``acked_at``: when the ack was recorded.
    ``nth``: of the site's changes, counted as they were made; 0 = by a version that did not count.
    ``undo_until``: when the device's own undo timer ends, if one was armed; unless it is confirmed the device
    goes back by then, so until then nothing is proven.
    """

    id: str
    site: str
    device: str
    scope: ScopeRef
    target: Values
    prior: Values
    cause: Cause
    state: State
    deadline: Deadline
    actor: Actor = Actor()
    drill: bool = False
    event_id: str | None = None
    undo_of: str | None = None
    baseline: Mapping[str, Any] | None = None
    reason: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    silent_s: float = 0.0
    verdict: str | None = None
    attempts: int = 0
    rollback_to: Values | None = None
    extended: bool = False
    created_utc_us: int = 0
    acked_at: Deadline | None = None
    undo_until: Deadline | None = None
    token_sha256: str | None = None
    rev: int = 0
    nth: int = field(default=0, compare=False)

    @property
    def order(self) -> Order:
        """Rises as changes of a site are made, however the wall clock was set meanwhile."""
        return self.nth, self.created_utc_us

    @property
    def radios(self) -> tuple[RadioKey, ...]:
        return self.scope.members

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def by_person(self) -> bool:
        """See `asked_by_person`."""
        return asked_by_person(self.actor, self.reason.get("code"))

    @property
    def as_configured(self) -> frozenset[Setting]:
        """Settings whose value in force the device can't tell: what it has configured is all the proof."""
        return frozenset(Setting(name) for name in self.reason.get(AS_CONFIGURED, ()))

    @property
    def relieves(self) -> tuple[str, ...]:
        """Escalated changes that this one deals with; they wait for a person again when it comes to
        nothing."""
        return tuple(self.reason.get(RELIEVES, ()))

    @property
    def has_token(self) -> bool:
        """Whether this undo was made with the token of the change that it takes back."""
        return self.undo_of is not None and not self.reason.get(TOKENLESS, False)

    @property
    def came_to_nothing(self) -> bool:
        """Whether nothing of it is left on the device, and radar is not why."""
        return self.verdict == OVERTAKEN or self.state in (State.EXPIRED, State.FAILED, State.ROLLED_BACK)

    @property
    def brief(self) -> Change:
        """Without the candidates that it was weighed against, most of what it takes: the store has them."""
        if CANDIDATES not in self.reason:
            return self
        kept = {name: told for name, told in self.reason.items() if name != CANDIDATES}
        return replace(self, reason=MappingProxyType(kept))

    def known(self, have: ConfigState) -> Values:
        """What the device has, for every judgement of this change: ack, drift, conflict, undo."""
        return have.known(self.as_configured)

    def edit(self) -> Edit:
        """The edit that makes it so, guarded by the prior values."""
        return Edit(change_id=self.id, scope=self.scope, set=self.target, expect=self.prior)


def deadline_s(state: State, policy: Policy, silent_s: float, refresh_s: float = 0.0) -> float:
    """How long a change may stay in a live state, in seconds.

    ``silent_s``: how long the radio may be quiet because of the edit (CSA, CAC). ``refresh_s``: the
    device's own refresh interval; a slot is never shorter.
    """
    write_and_ack = policy.apply_timeout_s + policy.ack_timeout_s + silent_s
    if state is S.PROPOSED:
        return policy.advise_expiry_s
    if state is S.PLANNED:
        return policy.apply_timeout_s + policy.ack_timeout_s
    if state is S.APPLYING:
        return write_and_ack
    if state is S.MONITORING:
        return silent_s + policy.monitor.settle_s + _verdict_s(policy, refresh_s) + policy.ack_timeout_s
    return policy.rollback_attempts * write_and_ack + rollback_wait_s(policy.rollback_attempts, policy)


def _verdict_s(policy: Policy, refresh_s: float) -> float:
    """Seconds within which there is a verdict or never: all slots, and one more for their phase."""
    slots_s = (policy.monitor.max_slots + 1) * max(policy.monitor.slot_s, refresh_s)
    return max(policy.monitor.no_data_s, slots_s)


def rollback_wait_s(attempts: int, policy: Policy) -> float:
    """Seconds waited in all before the rollback attempt after so many failed ones; doubles each time."""
    return policy.rollback_backoff_s * float(2**attempts - 1)


def backoff_s(attempts: int, policy: Policy) -> float:
    """Seconds from a failed rollback attempt (the ``attempts``-th) to the next one."""
    return policy.rollback_backoff_s * float(2 ** max(0, attempts - 1))


def asked_by_person(actor: Actor, code: str | None) -> bool:
    """Whether a person asked for a change of this reason. Half a plan goes back in the name of whoever began
    the plan, and nobody asks for it then."""
    return actor.type == "operator" and code != HALF_DONE


def agrees(want: Values, have: Values) -> bool:
    """True when every wanted setting is reported with the wanted value; a missing one is no agreement."""
    return all(have.get(setting) == value for setting, value in want.items())


def token_hash(token: str) -> str:
    """What the store and the audit keep of a rollback token."""
    return hashlib.sha256(token.encode()).hexdigest()


def last_ones(changes: Iterable[Change]) -> set[str]:
    """Ids of what says how each radio was left: its newest change that took effect, and the newest that did
    not."""
    found, seen = set[str](), set[tuple[RadioKey, bool]]()
    for change in sorted(changes, key=lambda each: each.order, reverse=True):
        kinds = {(key, change.state in WITHOUT_EFFECT) for key in change.radios}
        if not kinds <= seen:
            found.add(change.id)
        seen |= kinds
    return found
