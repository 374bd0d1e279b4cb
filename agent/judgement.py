"""What can be said of a change: a verdict, its reason and its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from agent.metric import Metric
from inventory.model import RadioKey


class Verdict(StrEnum):
    HELD = "HELD"
    WORSE = "WORSE"
    INEFFECTIVE = "INEFFECTIVE"
    TOO_EARLY = "TOO_EARLY"
    NO_DATA = "NO_DATA"


class Code(StrEnum):
    """Why the verdict is what it is; goes into the audit."""

    HELD = "held"
    RETRY = "retry_worse"
    PER = "per_worse"
    THROUGHPUT = "throughput_worse"
    NEIGHBOUR_RETRY = "neighbour_retry_worse"
    NEIGHBOUR_PER = "neighbour_per_worse"
    CLIENTS_LOST = "clients_lost"
    DISCONNECTS = "disconnects"
    CRITICAL_EVENT = "critical_event"
    NOT_RELIEVED = "not_relieved"
    WAITING = "waiting"  # for slots, or for the look at the clients
    EXTENDED = "extended"  # the first look was unclear
    NO_BASELINE = "no_baseline"
    TOO_FEW_SLOTS = "too_few_slots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What was measured: the median before, the median after, and what the controls did meanwhile (``c``)."""

    metric: Metric
    before: float
    after: float
    c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, its reason and its evidence. ``params``: integers (ratios in ppm) for the audit.

    ``next_look_at``: when there can be more to say, monotonic seconds; None when the verdict is final.
    ``sufferer``: the neighbour that got worse, if that is the reason.
    """

    verdict: Verdict
    code: Code
    params: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    effect: tuple[Effect, ...] = ()
    next_look_at: float | None = None
    sufferer: RadioKey | None = None

    @property
    def final(self) -> bool:
        return self.verdict in (Verdict.HELD, Verdict.WORSE, Verdict.INEFFECTIVE)
