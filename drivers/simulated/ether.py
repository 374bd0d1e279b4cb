"""Who presses on whom, and the rates that follow. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from drivers.simulated.airtime import (
    DISTURB_DBM,
    ENERGY_DBM,
    SENSE_DBM,
    Foreign,
    Interferer,
    Pressure,
    coupling,
    listening,
    milliwatts,
    rates,
    stuck,
)
from drivers.simulated.day import Day
from drivers.simulated.hearing import WORTH_DB, Hearing
from drivers.simulated.propagation import NOISE_DBM
from drivers.simulated.radio import SimRadio
from drivers.simulated.traffic import SILENT, Rates
from drivers.types import NeighborReading, RadioState
from inventory.channels import Block, block, channel_of
from inventory.model import RadioKey

Coupling = tuple[SimRadio, float, float, float]
"""A peer; how much of its air time is waited for; how much of it disturbs; at which power, mW."""

Place = tuple[int, int, int]
"""A block, quicker to look up: centre, width, primary."""

Noticed = Callable[[SimRadio, Mapping[str, Interferer]], None]
"""Told when a radio hears other things that are not Wi-Fi than before; those of before are still in it."""


class Ether:
    """The medium. What changes is marked dirty, and `flush` gives the radios concerned their new rates
    before time goes on."""

    def __init__(self, hearing: Hearing, day: Day, noticed: Noticed) -> None:
        self.radios: dict[RadioKey, SimRadio] = {}
        self.foreign: dict[str, Foreign] = {}
        self.interferers: dict[str, Interferer] = {}
        self.hearing = hearing
        self._day = day
        self._noticed = noticed
        self._foreign: dict[RadioKey, dict[str, float]] = {}  # the signal of each that is heard at all, dBm
        self._noise: dict[RadioKey, dict[str, float]] = {}
        self._floors: dict[RadioKey, dict[int, float]] = {}
        self._couplings: dict[RadioKey, dict[Place, list[Coupling]]] = {}
        self._steady: dict[RadioKey, dict[Place, Pressure]] = {}
        self._dirty: dict[RadioKey, SimRadio] = {}

    # what there is

    def add_radio(self, radio: SimRadio) -> None:
        self.hearing.add_radio(radio)
        self.radios[radio.key] = radio
        self._foreign[radio.key], self._noise[radio.key] = {}, {}
        for bssid, each in self.foreign.items():
            if each.block.band is radio.radio.band:
                self._hear(radio, bssid, each, self._foreign[radio.key])
        for name, source in self.interferers.items():
            self._hear(radio, name, source, self._noise[radio.key])
        self.retuned(radio)

    def add_foreign(self, foreign: Foreign) -> None:
        """One of the same BSSID is replaced."""
        self.foreign[foreign.bssid] = foreign
        for key, radio in self.radios.items():
            if radio.radio.band is foreign.block.band:
                self._hear(radio, foreign.bssid, foreign, self._foreign[key])
        self._pressed(foreign.bssid, self._foreign)

    def remove_foreign(self, bssid: str) -> Foreign:
        self._pressed(bssid, self._foreign, forget=True)
        return self.foreign.pop(bssid)

    def add_interferer(self, name: str, source: Interferer) -> None:
        self.interferers[name] = source
        for key, radio in self.radios.items():
            self._hear(radio, name, source, self._noise[key])
        self._pressed(name, self._noise)

    def remove_interferer(self, name: str) -> None:
        self._pressed(name, self._noise, forget=True)
        del self.interferers[name]

    def _hear(
        self, radio: SimRadio, name: str, source: Foreign | Interferer, heard: dict[str, float]
    ) -> None:
        loss = self.hearing.loss_db(source.position, radio.position, radio.radio.band)
        if loss <= WORTH_DB:
            heard[name] = source.tx_power_dbm - loss

    def _pressed(self, name: str, heard: dict[RadioKey, dict[str, float]], *, forget: bool = False) -> None:
        for key, sources in heard.items():
            if name not in sources:
                continue
            if forget:
                del sources[name]
            self._floors.pop(key, None)
            self._steady.pop(key, None)
            self._dirty[key] = self.radios[key]

    # what is heard

    def neighbors(self, radio: SimRadio, floor_dbm: float = -95.0) -> tuple[NeighborReading, ...]:
        """BSSs that a scan finds, loudest first, our own site's and others'."""
        ours = (
            _neighbor(other.bssid, other.ssid, other.block, other.eirp_dbm - loss, other.traffic.rates.busy)
            for loss, other in self.hearing.of[radio.key]
            if other.on_air
        )
        theirs = (
            _neighbor(bssid, each.ssid, each.block, rssi_dbm, each.busy_ratio)
            for bssid, rssi_dbm in self._foreign[radio.key].items()
            for each in (self.foreign[bssid],)
        )
        found = [each for each in (*ours, *theirs) if each.signal_dbm >= floor_dbm]
        return tuple(sorted(found, key=lambda each: (-each.signal_dbm, each.bssid)))

    def loudest(self, bssid: str) -> tuple[SimRadio, float] | None:
        """Who on air hears this foreign BSS best, and its signal there; None: nobody."""
        heard = [
            (rssi_dbm, key)
            for key, sources in self._foreign.items()
            if (rssi_dbm := sources.get(bssid)) is not None and self.radios[key].on_air
            if rssi_dbm >= DISTURB_DBM
        ]
        return (self.radios[max(heard)[1]], max(heard)[0]) if heard else None

    def noise_dbm(self, radio: SimRadio, mhz: int) -> float:
        """Noise floor of a 20 MHz channel; what is not Wi-Fi raises it."""
        floors = self._floors.setdefault(radio.key, {})
        if mhz not in floors:
            floors[mhz] = self._floor_dbm(radio, block(*channel_of(mhz), 20))
        return floors[mhz]

    def _floor_dbm(self, radio: SimRadio, where: Block) -> float:
        power_mw = milliwatts(NOISE_DBM)
        for name, rssi_dbm in self._noise[radio.key].items():
            source = self.interferers[name]
            power_mw += milliwatts(rssi_dbm) * source.covers(where) * source.duty_ratio
        return round(10 * math.log10(power_mw), 1)

    def pressure(self, radio: SimRadio, where: Block) -> Pressure:
        """What would press on the radio on this block, now."""
        place = _place(where)
        couplings = self._couplings.setdefault(radio.key, {})
        if place not in couplings:
            couplings[place] = self._coupled(radio, where)
        steady = self._steady.setdefault(radio.key, {})
        if place not in steady:
            steady[place] = self._steady_on(radio, where)
        return _with_peers(steady[place], couplings[place])

    # rates

    def retuned(self, radio: SimRadio) -> None:
        """It changed block, power or state: its own rates may change, and those of all within earshot."""
        self._uncouple(radio)
        for _, other in self.hearing.of[radio.key]:
            self._uncouple(other)

    def _uncouple(self, radio: SimRadio) -> None:
        self._couplings.pop(radio.key, None)
        self._steady.pop(radio.key, None)
        self._dirty[radio.key] = radio

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
            self._hears(radio, {})
            return SILENT
        pressure = self._pressure(radio)
        if radio.state is RadioState.CAC:
            return listening(pressure)
        if radio.stuck:
            return stuck(pressure)
        return rates(radio.traffic.demand, self._day.ratio, pressure, radio.noise.factor * radio.spoil)

    def _pressure(self, radio: SimRadio) -> Pressure:
        if _place(radio.block) not in self._steady.get(radio.key, ()):
            self._hears(radio, self._recognised(radio, radio.block))
        return self.pressure(radio, radio.block)

    def _hears(self, radio: SimRadio, heard: Mapping[str, Interferer]) -> None:
        if heard.keys() != radio.hearing.keys():
            self._noticed(radio, heard)
            radio.hearing = heard

    def _recognised(self, radio: SimRadio, where: Block) -> Mapping[str, Interferer]:
        return {
            name: self.interferers[name]
            for name, rssi_dbm in self._noise[radio.key].items()
            if rssi_dbm >= ENERGY_DBM and self.interferers[name].covers(where) > 0
        }

    def _coupled(self, radio: SimRadio, where: Block) -> list[Coupling]:
        """Peers of this site with an effect on the radio there."""
        sense = max(SENSE_DBM, radio.obss_pd_dbm)
        found = (
            (other, *coupling(where, other.block, rssi_dbm := other.eirp_dbm - loss, sense), rssi_dbm)
            for loss, other in self.hearing.of[radio.key]
            if other.on_air
        )
        return [
            (other, waits, disturbs, milliwatts(rssi_dbm))
            for other, waits, disturbs, rssi_dbm in found
            if waits or disturbs
        ]

    def _steady_on(self, radio: SimRadio, where: Block) -> Pressure:
        """What presses from outside the site: does not change by itself."""
        sensed = hidden = hidden_mw = noise = 0.0
        sense = max(SENSE_DBM, radio.obss_pd_dbm)
        for bssid, rssi_dbm in self._foreign[radio.key].items():
            each = self.foreign[bssid]
            waits, disturbs = coupling(where, each.block, rssi_dbm, sense)
            sensed += waits * each.busy_ratio
            hidden += disturbs * each.busy_ratio
            hidden_mw += disturbs * each.busy_ratio * milliwatts(rssi_dbm)
        for name, rssi_dbm in self._noise[radio.key].items():
            source = self.interferers[name]
            share = source.covers(where)
            if share <= 0 or rssi_dbm < DISTURB_DBM:
                continue
            duty = source.duty_ratio * min(1.0, 2 * share)
            if rssi_dbm >= ENERGY_DBM:
                noise += duty
            else:
                hidden += duty
                hidden_mw += duty * milliwatts(rssi_dbm)
        sensed = min(1.0, sensed)
        return Pressure(
            sensed=sensed, foreign=sensed, hidden=hidden, hidden_mw=hidden_mw, noise=min(1.0, noise)
        )


def _place(where: Block) -> Place:
    return where.center_mhz, where.width_mhz, where.primary


def _with_peers(steady: Pressure, peers: list[Coupling]) -> Pressure:
    sensed, rivals, hidden, hidden_mw = steady.sensed, 0.0, steady.hidden, steady.hidden_mw
    for other, waits, disturbs, power_mw in peers:
        there = other.traffic.rates
        if waits:
            sensed += waits * there.tx
            rivals += waits * min(1.0, there.wanted)
        else:
            hidden += disturbs * there.tx
            hidden_mw += disturbs * there.tx * power_mw
    return Pressure(
        sensed=min(1.0, sensed),
        foreign=steady.foreign,
        hidden=hidden,
        hidden_mw=hidden_mw,
        noise=steady.noise,
        rivals=rivals,
    )


def _neighbor(
    bssid: str, ssid: str | None, where: Block, rssi_dbm: float, busy_ratio: float
) -> NeighborReading:
    return NeighborReading(
        bssid=bssid,
        channel=where.primary,
        signal_dbm=round(rssi_dbm, 1),
        width_mhz=where.width_mhz,
        center_mhz=where.center_mhz,
        utilization_ratio=round(busy_ratio, 3),
        ssid=ssid,
    )
