"""The people's devices: they come, attach to the strongest AP, roam, and go. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from drivers.simulated.agenda import Agenda
from drivers.simulated.propagation import Position
from drivers.simulated.traffic import Tally
from drivers.types import ClientLeft, Signal
from inventory.model import Band, RadioKey

if TYPE_CHECKING:
    from drivers.simulated.radio import SimRadio

AUDIBLE_DBM = -85.0
HIGH_BAND_BONUS_DB = 8.0  # clients prefer 5 and 6 GHz
ROAM_GAIN_DB = 10.0
REJOIN_S = (1.0, 4.0)
STAY_S = 2400.0  # mean
AWAY_S = 1200.0  # mean
DEMAND_MBPS = 0.3  # median
DEMAND_SIGMA = 0.8
SPREAD_M = 12.0

Emit = Callable[[RadioKey, Signal], None]
Dirty = Callable[["SimRadio"], None]


@dataclass(slots=True, kw_only=True, eq=False)
class Station:
    """One client. ``losses``: path loss to each radio that it could hear, dB. ``at`` None: not attached."""

    mac: str
    position: Position
    demand_mbps: float
    stays: bool = False
    present: bool = False
    losses: list[tuple[float, SimRadio]] = field(default_factory=list)
    at: SimRadio | None = None
    since_s: float = 0.0
    start: Tally = field(default_factory=Tally)
    loss_db: float = 0.0  # to the radio that it is attached to

    def rssi_dbm(self, radio: SimRadio) -> float:
        """At the client; -inf where it hears nothing."""
        return next((radio.eirp_dbm - loss for loss, each in self.losses if each is radio), -math.inf)


class Crowd:
    """All clients of the world. Each present one is attached to one radio, or waits for one."""

    def __init__(self, agenda: Agenda, random: Random, emit: Emit, dirty: Dirty) -> None:
        self.stations: dict[str, Station] = {}
        self._agenda = agenda
        self._random = random
        self._emit = emit
        self._dirty = dirty

    # coming and going

    def add(self, station: Station, now_s: float) -> None:
        """A client that comes and goes, or (``stays``) is there all the time."""
        self.stations[station.mac] = station
        if station.stays or self._random.random() < STAY_S / (STAY_S + AWAY_S):
            self._come(station, now_s)
        else:
            self._later(AWAY_S, now_s, partial(self._come, station))

    def invent(self, around: Position) -> tuple[Position, float]:
        """A place near an AP, and a demand in Mbit/s."""
        distance = SPREAD_M * math.sqrt(self._random.random())
        angle = self._random.uniform(0, 2 * math.pi)
        x, y, _ = around
        place = (x + distance * math.cos(angle), y + distance * math.sin(angle), 1.0)
        return place, DEMAND_MBPS * math.exp(self._random.gauss(0, DEMAND_SIGMA))

    def _come(self, station: Station, now_s: float) -> None:
        station.present = True
        self.attach(station, now_s)
        if not station.stays:
            self._later(STAY_S, now_s, partial(self._go, station))

    def _go(self, station: Station, now_s: float) -> None:
        station.present = False
        self.detach(station, now_s)
        self._later(AWAY_S, now_s, partial(self._come, station))

    def _later(self, mean_s: float, now_s: float, action: Callable[[float], None]) -> None:
        self._agenda.add(now_s + self._random.expovariate(1 / mean_s), action)

    # attaching

    def attach(self, station: Station, now_s: float) -> None:
        """To the strongest radio that it hears; without one it waits."""
        if station.at is not None or not station.present:
            return
        radio = self._best(station)
        if radio is None:
            return
        radio.traffic.settle(now_s)
        station.at, station.since_s, station.start = radio, now_s, radio.traffic.unit.copy()
        station.loss_db = next(loss for loss, each in station.losses if each is radio)
        radio.stations[station.mac] = station
        self._weigh(radio)

    def detach(self, station: Station, now_s: float, *, roamed: bool = False) -> None:
        radio = station.at
        if radio is None:
            return
        radio.traffic.settle(now_s)
        del radio.stations[station.mac]
        station.at = None
        radio.traffic.disconnects += not roamed
        self._weigh(radio)
        self._emit(radio.key, ClientLeft(at_s=now_s, device="", radio=radio.key, mac=station.mac))

    def _weigh(self, radio: SimRadio) -> None:
        radio.traffic.demand = math.fsum(each.demand_mbps for each in radio.stations.values())
        self._dirty(radio)

    def _best(self, station: Station) -> SimRadio | None:
        audible = [
            (each.eirp_dbm - loss + _bonus_db(each), each.key, each)
            for loss, each in station.losses
            if each.on_air and each.eirp_dbm - loss >= AUDIBLE_DBM
        ]
        return max(audible)[2] if audible else None

    # what radios do to them

    def drop(self, radio: SimRadio, now_s: float, ratio: float = 1.0) -> None:
        """The radio loses this share of its clients; they look for another one after some seconds."""
        losing = list(radio.stations.values())[: math.ceil(ratio * len(radio.stations))]
        for station in losing:
            self.detach(station, now_s)
        self._rejoin(losing, now_s)

    def radio_up(self, radio: SimRadio, now_s: float) -> None:
        """A radio is on air again: who waits attaches, who is much better off with it roams."""
        self._rejoin((each for each in self.stations.values() if each.present and each.at is None), now_s)
        for station in self.stations.values():
            if station.at is not None and station.at is not radio and self._gains(station, radio):
                self._agenda.add(now_s + self._random.uniform(*REJOIN_S), partial(self._roam, station))

    def power_changed(self, radio: SimRadio, now_s: float) -> None:
        """Who no longer hears the radio leaves it."""
        lost = [each for each in radio.stations.values() if each.rssi_dbm(radio) < AUDIBLE_DBM]
        for station in lost:
            self.detach(station, now_s)
        self._rejoin(lost, now_s)

    def _rejoin(self, stations: Iterable[Station], now_s: float) -> None:
        for station in stations:
            self._agenda.add(now_s + self._random.uniform(*REJOIN_S), partial(self.attach, station))

    def _gains(self, station: Station, radio: SimRadio) -> bool:
        here = station.at
        if here is None or not radio.on_air or station.rssi_dbm(radio) < AUDIBLE_DBM:
            return False
        gain = station.rssi_dbm(radio) + _bonus_db(radio) - station.rssi_dbm(here) - _bonus_db(here)
        return gain >= ROAM_GAIN_DB

    def _roam(self, station: Station, now_s: float) -> None:
        best = self._best(station)
        if best is not None and best is not station.at and self._gains(station, best):
            self.detach(station, now_s, roamed=True)
            self.attach(station, now_s)


def _bonus_db(radio: SimRadio) -> float:
    return 0.0 if radio.radio.band is Band.GHZ_2_4 else HIGH_BAND_BONUS_DB
