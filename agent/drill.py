"""Drills: what would be done about an event that a person made up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from agent.change import Cause, Change
from agent.events import Event, EventKind
from agent.moment import Moment
from agent.planner import matrix
from agent.planner.decision import Answer, Decision, Move
from agent.view import SiteView
from drivers.types import Edit, Effects
from inventory.channels import Block
from inventory.model import RadioKey, site_of

MADE_UP: Mapping[EventKind, Mapping[str, int | str]] = MappingProxyType(
    {
        EventKind.NON_WIFI_BURST: {"duty_ppm": 800_000, "busy_ppm": 900_000, "untrusted": 0},
        EventKind.SPECTRUM_SAT: {
            "busy_ppm": 900_000,
            "own_ppm": 100_000,
            "foreign_ppm": 800_000,
            "non_wifi_ppm": 0,
        },
        EventKind.DENSITY_SPIKE: {"clients": 80, "usual": 10, "capacity": 100},
        EventKind.HW_FAILURE: {"what": "stuck"},
        EventKind.SECURITY: {"what": "jamming"},
        EventKind.EMERGENCY_QOE: {
            "what": "retry",
            "busy_ppm": 900_000,
            "own_ppm": 100_000,
            "foreign_ppm": 800_000,
            "non_wifi_ppm": 0,
        },
    }
)
"""What a detector would have measured in the plainest case of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """What a drill shows: the answers, what the first move would send and do, and the change if it was acted
    upon.

    ``begun``: it was acted upon; a radar drill has no change of its own unless the AP must be forced.
    """

    event: Event
    answers: tuple[Answer, ...]
    edit: Edit | None = None
    effects: Effects | None = None
    change: Change | None = None
    begun: bool = False
    note: str = ""

    @property
    def decision(self) -> Answer:
        """The answer that counts: the first move, else the first answer."""
        return next((each for each in self.answers if isinstance(each, Move)), self.answers[0])


def event(id: str, now: Moment, kind: EventKind, key: RadioKey) -> Event:
    """A made-up event: marked as a drill, and over at once."""
    return Event(
        id=id,
        site=site_of(key),
        kind=kind,
        key=f"drill:{key}:{now.utc_us}",
        radio=key,
        severity="drill",
        confidence_ppm=1_000_000,
        raised_utc_us=now.utc_us,
        cleared_utc_us=now.utc_us,
        drill=True,
        evidence=MADE_UP.get(kind, MappingProxyType({})),
    )


def answers(
    view: SiteView, event: Event, key: RadioKey, channel: int | None, width_mhz: int | None
) -> tuple[Answer, ...]:
    """The answers to a made-up event; a named channel makes it a person's request."""
    if channel is not None:
        return (matrix.requested(view, key, channel, width_mhz, Cause.OPERATOR),)
    return matrix.answer(view, event)


def radar(view: SiteView, key: RadioKey, here: Block) -> Decision:
    """Where the radio would be sent if there were radar on the block that it occupies."""
    return matrix.escape(replace(view, barred_mhz=view.barred_mhz | here.mhz20), key)
