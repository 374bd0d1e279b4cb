"""Which simulated worlds there are, by name: registered by a test, or made of a site's inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drivers.simulated.faults import NO_FAULTS, FaultPlan, Faults
from drivers.simulated.options import Options
from drivers.simulated.propagation import Position
from drivers.simulated.pump import Pump
from drivers.simulated.world import World
from inventory.channels import Block
from inventory.model import Radio, ap_of
from inventory.regulatory import allowed_blocks, dfs_needed, max_power_dbm

GRID_M = 15.0
GRID_ROW = 10
TX_POWER_DBM = 17


@dataclass(slots=True)
class Stage:
    """A world, what goes wrong in it, and what makes it go on. ``grows``: devices bring their radios."""

    world: World
    faults: Faults
    pump: Pump
    grows: bool = False


_stages: dict[str, Stage] = {}


def register(name: str, world: World, faults: FaultPlan = NO_FAULTS, *, grows: bool = False) -> Stage:
    """Devices with option ``world: name`` live here from now on. ValueError when the name is taken."""
    if name in _stages:
        raise ValueError(f"there is a simulated world {name!r} already")
    _stages[name] = stage = Stage(world, Faults(faults), Pump(world), grows)
    return stage


def get(name: str) -> Stage:
    """KeyError when there is none."""
    return _stages[name]


def forget(name: str) -> None:
    _stages.pop(name, None)


@contextmanager
def registered(name: str, world: World, faults: FaultPlan = NO_FAULTS) -> Iterator[Stage]:
    """A world for the length of a test."""
    try:
        yield register(name, world, faults)
    finally:
        forget(name)


def stage_for(options: Options, radios: Iterable[Radio], now_s: float) -> Stage:
    """The stage of this name; made of the inventory when nobody registered one."""
    if options.world not in _stages:
        world = World(options.seed, options.country, start_s=now_s, start_hour=options.start_hour)
        register(options.world, world, grows=True)
    stage = _stages[options.world]
    if stage.grows:
        _settle_in(stage.world, options, radios)
    return stage


def _settle_in(world: World, options: Options, radios: Iterable[Radio]) -> None:
    """The device's APs, with clients around each new one."""
    known = {ap_of(key) for key in world.radio_keys()}
    places: dict[str, Position] = {}
    for radio in radios:
        if world.has(radio.key):
            continue
        ap = ap_of(radio.key)
        place = places.setdefault(ap, _place(options, ap, len(known)))
        known.add(ap)
        where = _first_block(world, radio)
        power = min(TX_POWER_DBM, max_power_dbm(world.country, where, radio))
        world.add_radio(radio, where, position=place, tx_power_dbm=power)
    for place in places.values():
        world.add_clients_around(place, options.clients_per_ap)


def _place(options: Options, ap: str, index: int) -> Position:
    row, column = divmod(index, GRID_ROW)
    return options.positions_m.get(ap.split("/")[-1], (GRID_M * column, GRID_M * row, 3.0))


def _first_block(world: World, radio: Radio) -> Block:
    """Where it starts: one of the legal ones, without DFS if there is such a one. ValueError: none."""
    legal = allowed_blocks(world.country, radio, min(radio.widths_mhz))
    if not legal:
        raise ValueError(f"{radio.key}: no channel of the site file is legal in {world.country}")
    easy = [each for each in legal if not dfs_needed(world.country, each)] or list(legal)
    if radio.channels is None and radio.band.value == "2.4":
        easy = [each for each in easy if each.primary in (1, 6, 11)]
    return easy[len(world.radio_keys()) % len(easy)]
