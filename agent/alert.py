"""What a person must look at: kept for `rrmd status`, and handed to whoever carries it further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from agent.change import Change
from agent.clock import Clock
from inventory.model import RadioKey

log = structlog.get_logger()

KEPT = 200
AGAIN_S: Final = (900.0, 3600.0, 86_400.0)
"""From one alert about a change that waits for a person to the next; the last one again and again."""
LOOK_S: Final = 30.0
ESCALATED: Final = "a change could be neither kept nor taken back: look at the radio"

REFUSED: Final = "the new configuration is refused"
"""How that alert begins; a good configuration withdraws it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person must look at. ``again``: how often the same was said before, until now in vain."""

    utc_us: int
    site: str
    text: str
    radio: RadioKey | None = None
    change_id: str | None = None
    again: int = 0


class Alerts:
    """The newest alerts, and the ways out (``sinks``: syslog, a webhook), each of which must not block.

    ``again_s``: waits between the alerts about an escalated change, as long as nobody has acknowledged it;
    empty: said once.
    """

    def __init__(self, clock: Clock, again_s: Sequence[float] = AGAIN_S) -> None:
        self._clock = clock
        self.again_s = again_s
        self.kept: list[Alert] = []
        self.sinks: list[Callable[[Alert], None]] = []
        self._said: dict[str, tuple[int, float]] = {}  # escalated change -> how often, and when last

    def tell(self, site: str, text: str, radio: RadioKey | None) -> None:
        """Tell a person, until the next restart at most (`withdraw`)."""
        alert = Alert(utc_us=self._clock.now().utc_us, site=site, text=text, radio=radio)
        self.kept.append(alert)
        del self.kept[:-KEPT]
        self._hand_on(alert)

    def withdraw(self, site: str, begins: str) -> None:
        """What began so is over: it is not shown any more."""
        self.kept = [each for each in self.kept if each.site != site or not each.text.startswith(begins)]

    def escalated(self, change: Change) -> None:
        """A change waits for a person; it is kept as long as the store says so, not here."""
        times, _ = self._said.get(change.id, (0, 0.0))
        now = self._clock.now()
        self._said[change.id] = (times + 1, now.monotonic_s)
        radio = next(iter(change.radios), None)
        self._hand_on(
            Alert(
                utc_us=now.utc_us,
                site=change.site,
                text=ESCALATED,
                radio=radio,
                change_id=change.id,
                again=times,
            )
        )

    async def remind(self, waiting: Callable[[], Iterable[Change]]) -> None:
        """For ever: say again what nobody has acknowledged; what an earlier process said, at once."""
        while True:
            self.look(waiting())
            await asyncio.sleep(LOOK_S)

    def look(self, waiting: Iterable[Change]) -> None:
        """Say again what is due of these escalated changes; all others are over."""
        changes = {change.id: change for change in waiting}
        self._said = {id: said for id, said in self._said.items() if id in changes}
        for id, change in changes.items():
            if self._is_due(id):
                self.escalated(change)

    def _is_due(self, change_id: str) -> bool:
        if change_id not in self._said:
            return True
        times, last_s = self._said[change_id]
        if not self.again_s:
            return False
        return self._clock.monotonic() - last_s >= self.again_s[min(times, len(self.again_s)) - 1]

    def _hand_on(self, alert: Alert) -> None:
        log.error(
            "alert.raised",
            site=alert.site,
            text=alert.text,
            radio=alert.radio,
            change=alert.change_id,
            again=alert.again,
        )
        for sink in self.sinks:
            try:
                sink(alert)
            except Exception:  # one way out that fails must cost neither the others nor who raised the alert
                log.exception("alert.not_handed_on", site=alert.site)
