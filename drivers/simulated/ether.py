"""Who hears whom, and the rates that follow. Pure."""

from __future__ import annotations

import math

from drivers.simulated.airtime import (
    SENSE_DBM,
    Foreign,
    Interferer,
    Pressure,
    coupling,
    rates,
    retry_ratio,
)
from drivers.simulated.clients import Station
from drivers.simulated.propagation import NOISE_DBM, Position, Propagation, Wall
from drivers.simulated.radio import SimRadio
from drivers.simulated.traffic import SILENT, Rates
from drivers.types import NeighborReading, RadioState
from inventory.channels import Block
from inventory.model import Band, RadioKey

BAND_MHZ = {Band.GHZ_2_4: 2440.0, Band.GHZ_5: 5500.0, Band.GHZ_6: 6400.0}
"""One frequency for each band's path loss: within a band it differs by less than 2 dB."""

WORTH_DB = 118.0
"""More loss than this and nobody hears anybody at any legal power."""

Couplings = list[tuple[SimRadio, float, float]]


class Ether:
    """The medium. What changes is marked dirty, and `flush` gives the radios concerned their new rates
    before time goes on."""

    def __init__(self, propagation: Propagation) -> None:
        self.radios: dict[RadioKey, SimRadio] = {}
        self.foreign: dict[str, Foreign] = {}
        self.interferers: dict[str, Interferer] = {}
        self.day_ratio = 1.0
        self._propagation = propagation
        self._losses: dict[RadioKey, list[tuple[float, SimRadio]]] = {}
        self._couplings: dict[RadioKey, Couplings] = {}
        self._steady: dict[RadioKey, Pressure] = {}
        self._dirty: dict[RadioKey, SimRadio] = {}

    # what there is

    def add_radio(self, radio: SimRadio) -> None:
        mine = self._losses[radio.key] = []
        for other in self.radios.values():
            loss = self._loss_db(radio.position, other.position, radio.radio.band)
            if other.radio.band is radio.radio.band and loss <= WORTH_DB:
                mine.append((loss, other))
                self._losses[other.key].append((loss, radio))
        self.radios[radio.key] = radio
        self.retuned(radio.radio.band)

    def add_wall(self, wall: Wall) -> None:
        """Walls come before radios and clients: their path losses are worked out once."""
        if self.radios:
            raise ValueError("add walls before the radios")
        walls = (*self._propagation.walls, wall)
        self._propagation = Propagation(exponent=self._propagation.exponent, walls=walls)

    def place(self, station: Station) -> None:
        """Work out what the client can hear."""
        for radio in self.radios.values():
            self.hear(station, radio)

    def hear(self, station: Station, radio: SimRadio) -> None:
        """A radio is new to the client."""
        loss = self._loss_db(station.position, radio.position, radio.radio.band)
        if loss <= WORTH_DB:
            station.losses.append((loss, radio))

    def _loss_db(self, a: Position, b: Position, band: Band) -> float:
        return self._propagation.loss_db(a, b, BAND_MHZ[band])

    # what is heard

    def neighbors(self, radio: SimRadio, floor_dbm: float = -95.0) -> tuple[NeighborReading, ...]:
        """BSSs that a scan finds, loudest first, our own site's and others'."""
        ours = (
            _neighbor(other.bssid, other.block, other.eirp_dbm - loss, other.traffic.rates.busy)
            for loss, other in self._losses[radio.key]
            if other.on_air
        )
        theirs = (
            _neighbor(each.bssid, each.block, self._rssi_of(each, radio), each.busy_ratio)
            for each in self.foreign.values()
            if each.block.band is radio.radio.band
        )
        found = [each for each in (*ours, *theirs) if each.signal_dbm >= floor_dbm]
        return tuple(sorted(found, key=lambda each: (-each.signal_dbm, each.bssid)))

    def noise_dbm(self, radio: SimRadio, where: Block) -> float:
        """Noise floor; what is not Wi-Fi raises it."""
        power_mw: float = 10 ** (NOISE_DBM / 10)
        for each in self.interferers.values():
            if (share := each.covers(where)) > 0:
                rssi = self._rssi_of(each, radio) + 10 * math.log10(share * each.duty_ratio)
                power_mw += 10 ** (rssi / 10)
        return round(10 * math.log10(power_mw), 1)

    def pressure(self, radio: SimRadio, where: Block) -> Pressure:
        """What would press on the radio on this block, now."""
        return self._with_peers(self._steady_on(radio, where), self._coupled(radio, where))

    def _rssi_of(self, source: Foreign | Interferer, radio: SimRadio) -> float:
        return source.tx_power_dbm - self._loss_db(source.position, radio.position, radio.radio.band)

    # rates

    def retuned(self, band: Band) -> None:
        """Somebody of this band changed block, power or state: everyone's rates may change."""
        for key, radio in self.radios.items():
            if radio.radio.band is band:
                self._couplings.pop(key, None)
                self._steady.pop(key, None)
                self._dirty[key] = radio

    def surroundings_changed(self) -> None:
        for band in Band:
            self.retuned(band)

    def dirty(self, radio: SimRadio) -> None:
        """This radio's own demand changed."""
        self._dirty[radio.key] = radio

    def all_dirty(self) -> None:
        self._dirty.update(self.radios)

    def flush(self, now_s: float) -> None:
        """Count up to now with the old rates, then set the new ones."""
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, {}
        for radio in dirty.values():
            traffic = radio.traffic
            traffic.settle(now_s)
            traffic.rates = self._rates(radio)
            traffic.mhz = radio.block.primary_mhz if radio.listening else None

    def _rates(self, radio: SimRadio) -> Rates:
        if not radio.listening:
            return SILENT
        pressure = self._pressure(radio)
        if radio.state is RadioState.CAC:
            return Rates(busy=min(1.0, pressure.sensed + pressure.noise), rx=min(1.0, pressure.sensed))
        retries = retry_ratio(pressure, radio.noise.factor, radio.spoil)
        return rates(radio.traffic.demand * self.day_ratio, radio.block.width_mhz, pressure, retries)

    def _pressure(self, radio: SimRadio) -> Pressure:
        key = radio.key
        if key not in self._couplings:
            self._couplings[key] = self._coupled(radio, radio.block)
            self._steady[key] = self._steady_on(radio, radio.block)
        return self._with_peers(self._steady[key], self._couplings[key])

    @staticmethod
    def _with_peers(steady: Pressure, peers: Couplings) -> Pressure:
        sensed, hidden = steady.sensed, steady.hidden
        for other, waits, disturbs in peers:
            tx = other.traffic.rates.tx
            sensed += waits * tx
            hidden += disturbs * tx
        return Pressure(sensed=min(1.0, sensed), hidden=min(1.0, hidden), noise=steady.noise)

    def _coupled(self, radio: SimRadio, where: Block) -> Couplings:
        """Peers of this site with an effect on the radio there."""
        sense = max(SENSE_DBM, radio.obss_pd_dbm)
        found = (
            (other, *coupling(where, other.block, other.eirp_dbm - loss, sense))
            for loss, other in self._losses[radio.key]
            if other.on_air
        )
        return [each for each in found if each[1] or each[2]]

    def _steady_on(self, radio: SimRadio, where: Block) -> Pressure:
        """What presses from outside the site: does not change by itself."""
        sensed = hidden = noise = 0.0
        for each in self.foreign.values():
            if each.block.band is where.band:
                waits, disturbs = coupling(where, each.block, self._rssi_of(each, radio))
                sensed += waits * each.busy_ratio
                hidden += disturbs * each.busy_ratio
        for interferer in self.interferers.values():
            share = interferer.covers(where)
            if share > 0 and self._rssi_of(interferer, radio) >= SENSE_DBM:
                noise += interferer.duty_ratio * min(1.0, 2 * share)
        return Pressure(sensed=min(1.0, sensed), hidden=min(1.0, hidden), noise=min(1.0, noise))


def _neighbor(bssid: str, where: Block, rssi_dbm: float, busy_ratio: float) -> NeighborReading:
    return NeighborReading(
        bssid=bssid,
        channel=where.primary,
        signal_dbm=round(rssi_dbm, 1),
        width_mhz=where.width_mhz,
        center_mhz=where.center_mhz,
        utilization_ratio=round(busy_ratio, 3),
    )
