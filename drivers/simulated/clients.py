"""The people's devices: they come, attach to the strongest AP, roam, walk about, and go. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from functools import partial
from random import Random

from drivers.signals import ClientLeft, Signal
from drivers.simulated.agenda import Agenda
from drivers.simulated.airtime import LEVEL_DB
from drivers.simulated.day import Day
from drivers.simulated.propagation import Position
from drivers.simulated.radio import SimRadio
from drivers.simulated.station import Station
from drivers.simulated.traffic import Reach, Tally
from inventory.model import Band, RadioKey

AUDIBLE_DBM = -85.0
WELL_DBM = -72.0  # a client follows a hint only to a radio that it hears so well
FOLLOW_RATIO = 0.6  # of the clients that are given a hint, and could
HIGH_BAND_BONUS_DB = 8.0  # clients prefer 5 and 6 GHz
ROAM_GAIN_DB = 10.0
REJOIN_S = (1.0, 4.0)
STAY_S = 2400.0  # mean
AWAY_S = 1200.0  # mean, in the busiest hour
PAUSE_S = 600.0  # mean, between two walks
DEMAND_MBPS = 0.3  # median
DEMAND_SIGMA = 0.8
SPREAD_M = 12.0

Emit = Callable[[RadioKey, Signal], None]
Dirty = Callable[[SimRadio], None]


class Crowd:
    """All clients of the world. Each present one is attached to one radio, or waits for one.

    ``place``: tells a client what it hears where it now is. ``unplace``: one is gone for good.
    """

    def __init__(
        self,
        agenda: Agenda,
        random: Random,
        emit: Emit,
        dirty: Dirty,
        day: Day,
        place: Callable[[Station], None],
        unplace: Callable[[Station], None],
    ) -> None:
        self.stations: dict[str, Station] = {}
        self._agenda = agenda
        self._random = random
        self._emit = emit
        self._dirty = dirty
        self._day = day
        self._place = place
        self._unplace = unplace

    # coming and going

    def add(self, station: Station, now_s: float) -> None:
        """A client that comes and goes, or (``stays``) is there all the time."""
        self.stations[station.mac] = station
        self._place(station)
        if station.stays or self._random.random() < STAY_S / (STAY_S + self._away_s(now_s)):
            self._come(station, now_s)
        else:
            self._later(self._away_s(now_s), now_s, partial(self._come, station))

    def visit(self, station: Station, from_s: float, until_s: float) -> None:
        """A client that is there once, between these times."""
        self.stations[station.mac] = station
        station.stays = True
        self._place(station)
        self._agenda.add(from_s, partial(self._come, station))
        self._agenda.add(until_s, partial(self._leave_for_good, station))

    def invent(self, around: Position) -> tuple[Position, float]:
        """A place near an AP, and a demand in Mbit/s."""
        distance = SPREAD_M * math.sqrt(self._random.random())
        angle = self._random.uniform(0, 2 * math.pi)
        x, y, z = around
        place = (x + distance * math.cos(angle), y + distance * math.sin(angle), max(1.0, z - 2.0))
        return place, DEMAND_MBPS * math.exp(self._random.gauss(0, DEMAND_SIGMA))

    def _away_s(self, now_s: float) -> float:
        """People are away for longer at night."""
        return AWAY_S / self._day.ratio_at(now_s)

    def _come(self, station: Station, now_s: float) -> None:
        station.came(now_s, self._day.weighed_s(now_s))
        self.attach(station, now_s)
        if not station.stays:
            self._later(STAY_S, now_s, partial(self._go, station))
        if len(station.walk) > 1:
            self._later(PAUSE_S, now_s, partial(self._walk, station, station.visits))

    def _go(self, station: Station, now_s: float) -> None:
        self._leave(station, now_s)
        self._later(self._away_s(now_s), now_s, partial(self._come, station))

    def _leave(self, station: Station, now_s: float) -> None:
        station.went(now_s, self._day.weighed_s(now_s))
        self.detach(station, now_s)

    def _leave_for_good(self, station: Station, now_s: float) -> None:
        self._leave(station, now_s)
        self._unplace(station)

    def _walk(self, station: Station, visit: int, now_s: float) -> None:
        """To another of its places; whom it no longer hears well it leaves for somebody better."""
        if visit != station.visits or not station.present:
            return
        station.position = self._random.choice([each for each in station.walk if each != station.position])
        self._place(station)
        self._reconsider(station, now_s)
        self._later(PAUSE_S, now_s, partial(self._walk, station, visit))

    def _reconsider(self, station: Station, now_s: float) -> None:
        here = station.at
        if here is None:
            self.attach(station, now_s)
            return
        best = self._best(station)
        if station.rssi_dbm(here) < AUDIBLE_DBM:
            self.detach(station, now_s, roamed=best is not None)
            self.attach(station, now_s)
        elif best is not None and self._gains(station, best):
            self._go_to(station, best, now_s)
        else:
            self.regrade(here, now_s)

    def _later(self, mean_s: float, now_s: float, action: Callable[[float], None]) -> None:
        self._agenda.add(now_s + self._random.expovariate(1 / mean_s), action)

    # attaching

    def attach(self, station: Station, now_s: float) -> None:
        """To the strongest radio that it hears; without one it waits."""
        if station.at is None and station.present and (radio := self._best(station)) is not None:
            self._attach_to(station, radio, now_s)

    def _attach_to(self, station: Station, radio: SimRadio, now_s: float) -> None:
        radio.traffic.settle(now_s)
        station.at, station.since_s, station.had = radio, now_s, Tally()
        radio.stations[station.mac] = station
        self._grade(station, radio)
        self._weigh(radio)

    def detach(self, station: Station, now_s: float, *, roamed: bool = False) -> None:
        radio = station.at
        if radio is None:
            return
        radio.traffic.settle(now_s)
        station.fold()
        station.delivered_bytes += station.had.bytes
        station.had = Tally()
        del radio.stations[station.mac]
        station.at = None
        radio.traffic.disconnects += not roamed
        self._weigh(radio)
        self._emit(radio.key, ClientLeft(at_s=now_s, device="", radio=radio.key, mac=station.mac))

    def _weigh(self, radio: SimRadio) -> None:
        parts: dict[Reach, list[float]] = {}
        for each in radio.stations.values():
            parts.setdefault(each.reach, []).append(each.demand_mbps)
        radio.traffic.demand = {reach: math.fsum(mbps) for reach, mbps in parts.items()}
        self._dirty(radio)

    def regrade(self, radio: SimRadio, now_s: float) -> None:
        """The radio has another width or power: its clients are reached in another way."""
        if radio.stations:
            radio.traffic.settle(now_s)
            for station in radio.stations.values():
                station.fold()
                self._grade(station, radio)
            self._weigh(radio)

    @staticmethod
    def _grade(station: Station, radio: SimRadio) -> None:
        """How the radio reaches it now; its lane is counted from here on."""
        station.loss_db = next(loss for loss, each in station.losses if each is radio)
        level = LEVEL_DB * round((radio.eirp_dbm - station.loss_db) / LEVEL_DB)
        station.reach = level, min(radio.block.width_mhz, station.width_in(radio.radio.band))
        station.start = radio.traffic.lanes.setdefault(station.reach, Tally()).copy()

    def _best(self, station: Station) -> SimRadio | None:
        audible = [
            (each.eirp_dbm - loss + _bonus_db(each), each.key, each)
            for loss, each in station.losses
            if each.on_air and each.eirp_dbm - loss >= AUDIBLE_DBM and station.can_use(each.radio.band)
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
        self.regrade(radio, now_s)

    def hint(self, radio: SimRadio, macs: Collection[str], to_bssids: Collection[str], now_s: float) -> None:
        """A BSS-transition hint to these clients of the radio (none named: to all): some of those that hear
        another radio well go there. ``to_bssids``: where to (none: the client chooses)."""
        for station in list(radio.stations.values()):
            if (macs and station.mac not in macs) or self._random.random() >= FOLLOW_RATIO:
                continue
            target = self._elsewhere(station, radio, to_bssids)
            if target is not None:
                when_s = now_s + self._random.uniform(*REJOIN_S)
                self._agenda.add(when_s, partial(self._follow, station, radio, target))

    def _elsewhere(self, station: Station, here: SimRadio, to_bssids: Collection[str]) -> SimRadio | None:
        heard = [
            (each.eirp_dbm - loss, each.key, each)
            for loss, each in station.losses
            if each is not here and each.on_air and station.can_use(each.radio.band)
            if each.eirp_dbm - loss >= WELL_DBM and (not to_bssids or each.bssid in to_bssids)
        ]
        return max(heard)[2] if heard else None

    def _follow(self, station: Station, here: SimRadio, target: SimRadio, now_s: float) -> None:
        if station.at is here and target.on_air:
            self._go_to(station, target, now_s)

    def _rejoin(self, stations: Iterable[Station], now_s: float) -> None:
        for station in stations:
            self._agenda.add(now_s + self._random.uniform(*REJOIN_S), partial(self.attach, station))

    def _gains(self, station: Station, radio: SimRadio) -> bool:
        here = station.at
        if here is None or not radio.on_air or not station.can_use(radio.radio.band):
            return False
        there_dbm = station.rssi_dbm(radio)
        if there_dbm < AUDIBLE_DBM:
            return False
        gain = there_dbm + _bonus_db(radio) - station.rssi_dbm(here) - _bonus_db(here)
        return gain >= ROAM_GAIN_DB

    def _roam(self, station: Station, now_s: float) -> None:
        best = self._best(station)
        if best is not None and best is not station.at and self._gains(station, best):
            self._go_to(station, best, now_s)

    def _go_to(self, station: Station, radio: SimRadio, now_s: float) -> None:
        self.detach(station, now_s, roamed=True)
        self._attach_to(station, radio, now_s)


def _bonus_db(radio: SimRadio) -> float:
    return 0.0 if radio.radio.band is Band.GHZ_2_4 else HIGH_BAND_BONUS_DB
