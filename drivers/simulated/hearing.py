"""Who is within earshot of whom: path losses, worked out once for each pair of places. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

from drivers.simulated.propagation import Position, Propagation, Wall, first_metre_db
from drivers.simulated.radio import SimRadio
from drivers.simulated.station import Station
from inventory.model import Band, RadioKey

BAND_MHZ = {Band.GHZ_2_4: 2440.0, Band.GHZ_5: 5500.0, Band.GHZ_6: 6400.0}
"""One frequency for each band's path loss: within a band it differs by less than 2 dB."""

FIRST_METRE_DB = {band: first_metre_db(mhz) for band, mhz in BAND_MHZ.items()}

WORTH_DB = 118.0
"""More loss than this and nobody hears anybody at any legal power."""

CELL_M = 40.0
STOREY_M = 4.0
"""A client looks for APs in its own cell and those around it, and beyond only when there is none."""

Cell = tuple[int, int, int]

Losses = list[tuple[float, SimRadio]]


class Hearing:
    """``of``: by radio, the others of its band that it could hear, with the loss in dB."""

    def __init__(self, propagation: Propagation) -> None:
        self._propagation = propagation
        self._cells: dict[Cell, list[SimRadio]] = {}
        self._radios: list[SimRadio] = []
        self._places: dict[Position, Losses] = {}
        self.of: dict[RadioKey, Losses] = {}

    def add_wall(self, wall: Wall) -> None:
        if self._radios:
            raise ValueError("add walls before the radios")
        before = self._propagation
        self._propagation = Propagation(
            exponent=before.exponent, walls=(*before.walls, wall), rooms=before.rooms
        )

    def add_radio(self, radio: SimRadio) -> None:
        mine = self.of[radio.key] = []
        for other in self._radios:
            if other.radio.band is not radio.radio.band:
                continue
            loss = self.loss_db(radio.position, other.position, radio.radio.band)
            if loss <= WORTH_DB:
                mine.append((loss, other))
                self.of[other.key].append((loss, radio))
        self._radios.append(radio)
        self._cells.setdefault(_cell(radio.position), []).append(radio)
        for position, losses in self._places.items():
            self._hear(position, radio, losses)

    def place(self, station: Station) -> None:
        """What the client can hear where it is now."""
        if station.position not in self._places:
            self._places[station.position] = self._heard_at(station.position)
        station.losses = self._places[station.position]

    def unplace(self, station: Station) -> None:
        """The client is gone for good: a fortnight's visitors fill no memory."""
        self._places.pop(station.position, None)
        station.losses = []

    def _heard_at(self, position: Position) -> Losses:
        """An AP's radios hang at one place: what lies between is worked out once for all of them."""
        beyond: dict[Position, float] = {}
        losses: Losses = []
        for radio in self._near(position):
            there = radio.position
            if there not in beyond:
                beyond[there] = self._propagation.beyond_db(position, there)
            loss = FIRST_METRE_DB[radio.radio.band] + beyond[there]
            if loss <= WORTH_DB:
                losses.append((loss, radio))
        return losses

    def loss_db(self, a: Position, b: Position, band: Band) -> float:
        return FIRST_METRE_DB[band] + self._propagation.beyond_db(a, b)

    def _hear(self, position: Position, radio: SimRadio, losses: Losses) -> None:
        loss = self.loss_db(position, radio.position, radio.radio.band)
        if loss <= WORTH_DB:
            losses.append((loss, radio))

    def _near(self, position: Position) -> list[SimRadio]:
        found = [radio for cell in _around(_cell(position)) for radio in self._cells.get(cell, ())]
        return found or self._radios


def _cell(position: Position) -> Cell:
    x, y, z = position
    return math.floor(x / CELL_M), math.floor(y / CELL_M), math.floor(z / STOREY_M)


def _around(cell: Cell) -> Iterator[Cell]:
    x, y, z = cell
    return product(range(x - 2, x + 3), range(y - 2, y + 3), range(z - 1, z + 2))
