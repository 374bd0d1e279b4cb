"""One of the people's devices: where it is, what it hears, and what it was served. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.simulated.propagation import Position
from drivers.simulated.traffic import Reach, Tally
from inventory.model import Band

if TYPE_CHECKING:
    from drivers.simulated.radio import SimRadio

MAX_WIDTH_2_4_MHZ = 40


@dataclass(slots=True, kw_only=True, eq=False)
class Station:
    """One client. ``losses``: path loss to each radio that it could hear, dB. ``at`` None: not attached.

    ``walk``: the places that it goes to, if more than one. ``only``: the one band that it has (None: all).
    ``visits``: how often it came. ``had``: its own counters since it attached, up to when ``start`` was taken
    of its lane. ``delivered_bytes``: of earlier associations. ``present_s``, ``weighed_s``: seconds of
    earlier visits, plain, and weighed by the demand of the hour (`Day`).
    """

    mac: str
    position: Position
    demand_mbps: float
    stays: bool = False
    max_width_mhz: int = 80
    only: Band | None = None
    walk: tuple[Position, ...] = ()
    present: bool = False
    visits: int = 0
    losses: list[tuple[float, SimRadio]] = field(default_factory=list)
    at: SimRadio | None = None
    since_s: float = 0.0
    reach: Reach = (0, 20)
    start: Tally = field(default_factory=Tally)
    had: Tally = field(default_factory=Tally)
    loss_db: float = 0.0  # to the radio that it is attached to
    came_s: float = 0.0
    came_weighed_s: float = 0.0
    present_s: float = 0.0
    weighed_s: float = 0.0
    delivered_bytes: float = 0.0

    def came(self, now_s: float, weighed_s: float) -> None:
        if not self.present:
            self.present, self.came_s, self.came_weighed_s = True, now_s, weighed_s
            self.visits += 1

    def went(self, now_s: float, weighed_s: float) -> None:
        if self.present:
            self.present = False
            self.present_s += now_s - self.came_s
            self.weighed_s += weighed_s - self.came_weighed_s

    def can_use(self, band: Band) -> bool:
        return self.only is None or self.only is band

    def width_in(self, band: Band) -> int:
        """The widest channel, MHz, that it can use there."""
        most = MAX_WIDTH_2_4_MHZ if band is Band.GHZ_2_4 else self.max_width_mhz
        return min(self.max_width_mhz, most)

    def rssi_dbm(self, radio: SimRadio) -> float:
        """At the client; -inf where it hears nothing."""
        return next((radio.eirp_dbm - loss for loss, each in self.losses if each is radio), -math.inf)

    def grown(self) -> Tally:
        """What it had since ``start``; the radio's counters must be settled."""
        grown = Tally()
        if self.at is not None:
            grown.add_tally(self.at.traffic.lanes[self.reach].since(self.start), self.demand_mbps)
        return grown

    def fold(self) -> None:
        """Put what it had into its own counters, before it is reached in another way."""
        if self.at is not None and self.reach in self.at.traffic.lanes:
            self.had.add_tally(self.grown())
            self.start = self.at.traffic.lanes[self.reach].copy()
