"""What a detector is given to look at, and what it says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from agent.events import EventKind
from agent.observation import Observation
from agent.view import RadioView, SiteView
from drivers.signals import Signal
from inventory.model import DetectPolicy, RadioKey

REFRESHES = 3
"""A device that refreshes slowly is not stale before so many of its own intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One radio at one instant.

    ``observations``: oldest first, each of them fresh data of the device. ``signals``: what was pushed about
    the radio within `DetectPolicy.forget_s`, oldest first, unauthenticated ones included. ``usual_clients``:
    the median of the same weekday hour, None where there is no such history yet. ``missed``: polls in a row
    that its device did not answer. ``answers_otherwise``: whether a second way of asking, tried since, got an
    answer; None = not tried. ``lost_at_s``: monotonic seconds of the last answer before the device was lost,
    None = it is not lost. ``histories``: observations of the site's radios, oldest first, looked up only
    when one of them is asked for; without it there are no controls. ``at``: the radio itself. ``refresh_s``:
    the slowest of the device's own refresh intervals, 0 when it declares none. ``patience_s``: data older
    than this is no data. Both in seconds. ``is_read``: it was read lately enough to decide on.
    """

    view: SiteView
    key: RadioKey
    observations: Sequence[Observation] = ()
    signals: Sequence[Signal] = ()
    usual_clients: float | None = None
    missed: int = 0
    answers_otherwise: bool | None = None
    lost_at_s: float | None = None
    histories: Mapping[RadioKey, Sequence[Observation]] = field(default_factory=lambda: MappingProxyType({}))
    at: RadioView = field(init=False, repr=False, compare=False)
    refresh_s: float = field(init=False, repr=False, compare=False)
    patience_s: float = field(init=False, repr=False, compare=False)
    now_s: float = field(init=False, repr=False, compare=False)
    is_read: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Once: each detector asks for them again and again."""
        at = self.view.radios[self.key]
        slowest_s = max(at.capabilities.refresh_s.values(), default=0.0) if at.capabilities else 0.0
        object.__setattr__(self, "at", at)
        object.__setattr__(self, "refresh_s", slowest_s)
        patience_s, now_s = (
            max(self.view.site.policy.stale_s, REFRESHES * slowest_s),
            self.view.now.monotonic_s,
        )
        object.__setattr__(self, "patience_s", patience_s)
        object.__setattr__(self, "now_s", now_s)
        is_read = at.reading is not None and now_s - at.reading.at_s <= patience_s
        object.__setattr__(self, "is_read", is_read)

    @property
    def policy(self) -> DetectPolicy:
        return self.view.site.policy.detect


class Presence(StrEnum):
    THERE = "there"
    OVER = "over"  # below the clearing level, for long enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is there, or over. What lies between the two levels, or can't be told, is not a finding:
    an open event stays open, and none is raised.

    ``key`` de-duplicates within site and kind. ``severity``: minor, major or critical (a critical one undoes
    an open change of its radio). ``evidence``: whole numbers (ratios in ppm) and words, for the audit and for
    the planner.
    """

    kind: EventKind
    key: str
    presence: Presence
    radio: RadioKey | None = None
    severity: str = "major"
    confidence_ppm: int = 1_000_000
    evidence: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))


Detector = Callable[[Sight, Collection[str]], Sequence[Finding]]
"""(one radio, keys of the open events of this detector's kind) -> findings."""

SiteDetector = Callable[[Mapping[RadioKey, Sight], Collection[str]], Sequence[Finding]]
"""(all radios of one site, open keys) -> findings that concern the site as a whole."""
