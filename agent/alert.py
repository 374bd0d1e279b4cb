"""What a person must look at: kept for `rrmd status`, and handed to whoever carries it further."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from agent.clock import Clock
from inventory.model import RadioKey

log = structlog.get_logger()

KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person must look at."""

    utc_us: int
    site: str
    text: str
    radio: RadioKey | None = None
    change_id: str | None = None


class Alerts:
    """The newest alerts, and the ways out (``sinks``: syslog, a webhook), each of which must not block."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.kept: list[Alert] = []
        self.sinks: list[Callable[[Alert], None]] = []

    def tell(self, site: str, text: str, radio: RadioKey | None) -> None:
        """Tell a person, until the next restart at least."""
        alert = Alert(utc_us=self._clock.now().utc_us, site=site, text=text, radio=radio)
        self.kept.append(alert)
        del self.kept[:-KEPT]
        self._hand_on(alert)

    def escalated(self, site: str, radio: RadioKey | None, change_id: str) -> None:
        """A change waits for a person; it is kept as long as the store says so, not here."""
        text = "a change could be neither kept nor taken back: look at the radio"
        self._hand_on(
            Alert(utc_us=self._clock.now().utc_us, site=site, text=text, radio=radio, change_id=change_id)
        )

    def _hand_on(self, alert: Alert) -> None:
        log.error("alert.raised", site=alert.site, text=alert.text, radio=alert.radio, change=alert.change_id)
        for sink in self.sinks:
            try:
                sink(alert)
            except Exception:  # one way out that fails must cost neither the others nor who raised the alert
                log.exception("alert.not_handed_on", site=alert.site)
