"""Who is there in numbers: settled people, crowds; and what everybody wanted and got. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.simulated.clients import DEMAND_MBPS, Crowd
from drivers.simulated.propagation import Position
from drivers.simulated.station import Station
from drivers.simulated.traffic import Tally
from inventory.model import Band, RadioKey

if TYPE_CHECKING:
    from drivers.simulated.world import World

WIDTHS_MHZ = (80, 80, 160, 80, 40, 80, 160, 20)
"""What clients can use, in turn: most of today's take 80 MHz."""

CROWD_MBPS = 1.0
ARRIVE_S = 180.0  # within so many seconds the crowd is there, and gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One client, since the world began. ``wanted_bytes`` counts only while it was present."""

    present_s: float
    wanted_bytes: float
    delivered_bytes: float

    def since(self, before: Served | None) -> Served:
        """From then to now; None: it was not known then."""
        if before is None:
            return self
        return Served(
            present_s=self.present_s - before.present_s,
            wanted_bytes=self.wanted_bytes - before.wanted_bytes,
            delivered_bytes=self.delivered_bytes - before.delivered_bytes,
        )

    @property
    def mbps(self) -> float | None:
        """Delivered, while present; None: never present."""
        return self.delivered_bytes * 8e-6 / self.present_s if self.present_s > 0 else None

    @property
    def ratio(self) -> float | None:
        """Delivered of what it wanted, 0..1; None: it wanted nothing."""
        return self.delivered_bytes / self.wanted_bytes if self.wanted_bytes > 0 else None


class People:
    """``settle``: who lives there. ``add_crowd``: who comes once, together."""

    def __init__(self, world: World, crowd: Crowd) -> None:
        self._world = world
        self._crowd = crowd

    def settle(
        self,
        places: Sequence[Position],
        number: int,
        *,
        stays: bool = False,
        mbps: float = DEMAND_MBPS,
        old_every: int = 0,
        walk_every: int = 0,
    ) -> None:
        """So many around each place. ``mbps``: what the median wants. ``old_every``: every nth has 2.4 GHz
        only. ``walk_every``: every nth goes to and fro between its place and the next ones of the list."""
        for at, place in enumerate(places):
            for _ in range(number):
                nth = len(self._crowd.stations)
                position, demand = self._crowd.invent(place)
                walks = walk_every and nth % walk_every == 0
                near = places[at + 1 : at + 3] if walks else ()
                self._world.add_client(
                    _mac(nth),
                    position,
                    demand * mbps / DEMAND_MBPS,
                    stays=stays,
                    max_width_mhz=WIDTHS_MHZ[nth % len(WIDTHS_MHZ)],
                    only=Band.GHZ_2_4 if old_every and nth % old_every == 0 else None,
                    walk=(position, *(self._crowd.invent(each)[0] for each in near)),
                )

    def add_crowd(
        self, place: Position, number: int, from_s: float, until_s: float, *, mbps: float = CROWD_MBPS
    ) -> None:
        """So many arrive around the place within minutes of the first time, and leave again likewise.
        ``mbps``: what each wants in the busiest hour."""
        self._world.catch_up()
        for nth in range(number):
            late_s = ARRIVE_S * nth / number
            mac = len(self._crowd.stations)
            station = Station(
                mac=_mac(mac),
                position=self._crowd.invent(place)[0],
                demand_mbps=mbps,
                max_width_mhz=WIDTHS_MHZ[mac % len(WIDTHS_MHZ)],
            )
            self._crowd.visit(station, max(from_s, self._world.now_s) + late_s, until_s + late_s)

    def served(self) -> Mapping[str, Served]:
        """What every client wanted and got so far, by MAC. The difference of two is what was between."""
        self._world.catch_up()
        return {mac: self._served(each) for mac, each in self._crowd.stations.items()}

    def sent(self) -> Mapping[RadioKey, Tally]:
        """Frames, retries and bytes of every radio so far, whatever its own counters were reset to."""
        self._world.catch_up()
        world = self._world
        return {key: world.radio(key).traffic.ever(world.now_s) for key in world.radio_keys()}

    def _served(self, station: Station) -> Served:
        now_s = self._world.now_s
        present_s, weighed_s = station.present_s, station.weighed_s
        if station.present:
            present_s += now_s - station.came_s
            weighed_s += self._world.day.weighed_s(now_s) - station.came_weighed_s
        if station.at is not None:
            station.at.traffic.settle(now_s)
        return Served(
            present_s=present_s,
            wanted_bytes=weighed_s * station.demand_mbps * 1e6 / 8,
            delivered_bytes=station.delivered_bytes + station.had.bytes + station.grown().bytes,
        )


def _mac(number: int) -> str:
    return f"06:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
