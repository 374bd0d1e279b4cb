"""Puts before the detectors what is known of a radio or a site, and hands on what they find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import structlog

from agent.detectors.sight import Finding, Sight
from agent.detectors.table import DETECTORS, SITE_DETECTORS
from agent.events import EventKind
from agent.memory import Histories, Memory
from agent.usual import Hour, Usual
from agent.view import SiteView
from drivers.signals import Signal
from inventory.model import RadioKey

log = structlog.get_logger()

SITE_LOOK_S = 10.0

OpenKeys = Callable[[EventKind], Collection[str]]
"""Keys of the open events of a kind at the site being looked at, asked anew for each detector."""


class Lookout:
    """``failed``: how often each kind's detector or decision failed, which is a bug."""

    def __init__(self, memory: Memory, usual: Usual) -> None:
        self._memory = memory
        self._usual = usual
        self._histories = Histories(memory)
        self._site_looks: dict[str, float] = {}
        self._hours: list[Hour] = []
        self.failed: Counter[str] = Counter()

    def radio(self, view: SiteView, key: RadioKey, open_keys: OpenKeys) -> Iterator[Finding]:
        """What is found about one radio; nothing when it has left meanwhile."""
        if key not in view.radios or key not in self._memory.radios:
            return
        self._count_clients(view, key)
        sight = self._sight(view, key)
        for kind, detector in DETECTORS.items():
            yield from self._asked(kind, detector, sight, open_keys(kind))

    def site(self, view: SiteView, open_keys: OpenKeys) -> Iterator[Finding]:
        """What is found about the site as a whole, each `SITE_LOOK_S`; of use only while a device is lost or
        such an event is open."""
        site, now_s = view.site.id, view.now.monotonic_s
        lost = any(name.startswith(f"{site}/") for name in self._memory.lost)
        known = any(open_keys(kind) for kind in SITE_DETECTORS)
        if not (lost or known) or now_s - self._site_looks.get(site, float("-inf")) < SITE_LOOK_S:
            return
        self._site_looks[site] = now_s
        sights = {key: self._sight(view, key) for key in view.radios if key in self._memory.radios}
        for kind, detector in SITE_DETECTORS.items():
            yield from self._asked(kind, detector, sights, open_keys(kind))

    def ended_hours(self) -> list[Hour]:
        """Hours whose numbers of clients are complete, each handed out once."""
        hours, self._hours = self._hours, []
        return hours

    def _asked(
        self, kind: EventKind, ask: Callable[..., Sequence[Finding]], *given: Any
    ) -> Sequence[Finding]:
        """What a detector says; one that fails is a bug that must not end the daemon."""
        try:
            return ask(*given)
        except Exception:  # a detector is pure: nothing is left half done
            self.failed[str(kind)] += 1
            times = self.failed[str(kind)]
            if times & (times - 1) == 0:  # the first time, the second, the fourth: a bug fails at every poll
                log.exception("detector.failed", kind=str(kind), times=times)
            return ()

    def _sight(self, view: SiteView, key: RadioKey) -> Sight:
        known = self._memory.radios[key]
        contact = self._memory.contact(view.site.id, known.device)
        return Sight(
            view=view,
            key=key,
            observations=known.history.observations,
            signals=self._words(view, key),
            usual_clients=self._usual.clients(key, view.now.utc_us),
            missed=contact.missed,
            answers_otherwise=contact.otherwise,
            lost_at_s=contact.lost_at_s,
            histories=self._histories,
        )

    def _words(self, view: SiteView, key: RadioKey) -> tuple[Signal, ...]:
        """What was pushed about the radio lately: a word that nobody takes back does not count for ever."""
        since_s = view.now.monotonic_s - view.site.policy.detect.forget_s
        return tuple(signal for signal in self._memory.radios[key].signals if signal.at_s >= since_s)

    def _count_clients(self, view: SiteView, key: RadioKey) -> None:
        reading = view.radios[key].reading
        if reading is None or reading.clients_here is None:
            return
        if (ended := self._usual.count(key, view.now.utc_us, reading.clients_here)) is not None:
            self._hours.append(ended)
