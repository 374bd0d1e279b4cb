"""Made-up sites for the channel plan: buildings full of radios of one band, as installers leave them. Seeded.

Radios hang in rooms of equal size on at most five storeys, in buildings of at most 200 radios. Who hears whom
is log-distance path loss with walls and floors (`drivers.simulated.propagation`) and shadowing; strangers
live among them, and here and there something that is no Wi-Fi. An option is worth what the score of the
emergency choice makes of it (`agent.planner.channel`), so that the problems look like those of a real site.
Going somewhere costs nothing here: the value alone is compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final, NamedTuple

from agent.planner.channel import DFS_MOST, DFS_RISK
from agent.planner.overlap import on_primary
from agent.planner.site.problem import Member, Option, Pair, Problem
from agent.planner.spectrum import channels_in, levels, mask_of
from agent.planner.surroundings import CCA_SECONDARY_DBM, UNKNOWN_LOAD, deferral
from drivers.simulated.propagation import NOISE_DBM, Position, Propagation, Rooms, first_metre_db
from inventory import regulatory
from inventory.channels import PREFERRED_SCANNING, Block, blocks, channels
from inventory.model import Band, Policy, Radio, radio_key

ROOM_M: Final = 12.0
STOREY_M: Final = 4.0
STOREYS: Final = 5
PER_STOREY: Final = 20
"""Of a small building; a large one has no more storeys but larger ones."""
PER_BUILDING: Final = 200
STREET_M: Final = 40.0
SHADOWING_DB: Final = 5.0
"""Standard deviation, of a path; the two ways of a path differ by what powers and receivers differ."""
UNLIKE_DB: Final = 2.0
HEARD_DBM: Final = -94.0
"""Beacons fainter than this are not decoded."""
EARSHOT_M: Final = 60.0
"""Further away than this nobody is heard through the walls between."""

POWER_DBM: Final[Mapping[Band, float]] = MappingProxyType(
    {Band.GHZ_2_4: 14.0, Band.GHZ_5: 17.0, Band.GHZ_6: 15.0}
)
MHZ: Final[Mapping[Band, float]] = MappingProxyType(
    {Band.GHZ_2_4: 2437.0, Band.GHZ_5: 5500.0, Band.GHZ_6: 6200.0}
)
STRANGERS: Final[Mapping[Band, float]] = MappingProxyType(
    {Band.GHZ_2_4: 0.8, Band.GHZ_5: 0.5, Band.GHZ_6: 0.15}
)
"""Other people's BSSs for each radio of the site."""
STRANGE_WIDTHS: Final[Mapping[Band, tuple[int, ...]]] = MappingProxyType(
    {Band.GHZ_2_4: (20,), Band.GHZ_5: (20, 40, 80), Band.GHZ_6: (80, 160)}
)
OVENS: Final = 0.05
"""Sources that are no Wi-Fi for each radio of the site."""
OVEN_M: Final = 20.0

FORGOTTEN: Final = 0.3
"""Of the radios are where the factory set them."""
PINNED: Final = 0.03
NO_DFS: Final = 0.1
"""Of the 5 GHz radios can't detect radar, and stay out of DFS channels."""
RASTER: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType({"US": (1, 6, 11), "DE": (1, 5, 9, 13)})
OFTEN_S: Final = Policy().routine_interval_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Which site. ``widths_mhz``: one, or several when widths are chosen with the channels."""

    radios: int
    band: Band
    widths_mhz: tuple[int, ...]
    country: str = "US"
    seed: int = 1

    @property
    def name(self) -> str:
        widths = "-".join(str(width) for width in self.widths_mhz)
        return f"{self.band}ghz-{widths}-{self.country}-{self.radios}-seed{self.seed}"


class Own(NamedTuple):
    """One radio of the site that was heard. ``load``: share of the air that its frames take, 0..1."""

    member: int
    signal_dbm: float
    load: float


class Stranger(NamedTuple):
    """Somebody else's BSS that was heard. ``load``: share of the air, 0..1."""

    block: Block
    signal_dbm: float
    load: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """What one radio hears. ``non_wifi``: share of the air by the MHz of a channel, where there is any;
    ``noise_dbm``: of every channel. ``load``: share of the air that its own frames take, 0..1."""

    band: Band
    own: tuple[Own, ...]
    strangers: tuple[Stranger, ...]
    non_wifi: Mapping[int, float]
    noise_dbm: Mapping[int, float]
    load: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A site as a problem, and what its radios hear: all that the other solvers go by."""

    kind: Kind
    problem: Problem
    ears: tuple[Ear, ...]


def made(kind: Kind) -> Made:
    """The site of that kind; the same each time."""
    random = Random(f"{kind.seed}/{kind.radios}/{kind.band}")
    places = [_hung(place, random) for place in _rooms(kind.radios)]
    loads = [min(0.95, max(UNKNOWN_LOAD, random.lognormvariate(math.log(0.4), 0.5))) for _ in places]
    own = _heard_own(kind.band, places, loads, random)
    strange = _strangers(kind, places, random)
    ovens = _ovens(kind.band, places, random)
    ears = tuple(
        Ear(
            band=kind.band,
            own=tuple(own[index]),
            strangers=tuple(_heard_strange(kind.band, place, strange, random)),
            non_wifi=_non_wifi(place, ovens),
            noise_dbm={mhz: NOISE_DBM + random.gauss(0.0, 0.7) for mhz in _mhz20(kind.band)},
            load=loads[index],
        )
        for index, place in enumerate(places)
    )
    members = tuple(_members(kind, ears, Random(f"{kind.name}/installer")))
    return Made(
        kind=kind,
        problem=Problem(band=kind.band, members=members, pairs=tuple(_pairs(ears))),
        ears=ears,
    )


# -- the building ------------------------------------------------------------------------------------------


def _rooms(radios: int) -> Iterator[Position]:
    """Middles of rooms: building by building, storey by storey, row by row."""
    size = min(radios, PER_BUILDING)
    storeys = min(STOREYS, math.ceil(size / PER_STOREY))
    per_storey = math.ceil(size / storeys)
    columns = math.ceil(math.sqrt(per_storey * 1.6))
    for nth in range(radios):
        building, within = divmod(nth, PER_BUILDING)
        storey, at = divmod(within, per_storey)
        row, column = divmod(at, columns)
        west = building * (ROOM_M * columns + STREET_M) // ROOM_M * ROOM_M
        yield west + ROOM_M * column, ROOM_M * row, STOREY_M * storey + 3.0


def _hung(place: Position, random: Random) -> Position:
    x, y, z = place
    return x + random.uniform(-4.0, 4.0), y + random.uniform(-4.0, 4.0), z


_AIR: Final = Propagation(exponent=3.0, rooms=Rooms(room_m=ROOM_M, storey_m=STOREY_M))


def _heard_own(band: Band, places: list[Position], loads: list[float], random: Random) -> list[list[Own]]:
    """For each radio the others of the site that it decodes."""
    sent = [POWER_DBM[band] + random.gauss(0.0, UNLIKE_DB) for _ in places]
    ears_db = [random.gauss(0.0, UNLIKE_DB) for _ in places]
    heard: list[list[Own]] = [[] for _ in places]
    for a, place in enumerate(places):
        for b in range(a + 1, len(places)):
            if math.dist(place, places[b]) > EARSHOT_M:
                continue
            loss_db = _loss_db(band, place, places[b], random)
            for hearer, sender in ((a, b), (b, a)):
                dbm = round(sent[sender] - loss_db + ears_db[hearer], 1)
                if dbm >= HEARD_DBM:
                    heard[hearer].append(Own(sender, dbm, loads[sender]))
    return heard


def _loss_db(band: Band, a: Position, b: Position, random: Random) -> float:
    return first_metre_db(MHZ[band]) + _AIR.beyond_db(a, b) + random.gauss(0.0, SHADOWING_DB)


def _mhz20(band: Band) -> tuple[int, ...]:
    return tuple(each.center_mhz for each in blocks(band, 20))


# -- the others --------------------------------------------------------------------------------------------


class _Living(NamedTuple):
    place: Position
    block: Block
    power_dbm: float
    load: float


def _strangers(kind: Kind, places: list[Position], random: Random) -> list[_Living]:
    found = []
    for _ in range(round(STRANGERS[kind.band] * len(places))):
        x, y, z = random.choice(places)
        width = random.choice(STRANGE_WIDTHS[kind.band])
        legal = _lawful(kind.band, kind.country, width)
        found.append(
            _Living(
                (x + random.uniform(-30, 30), y + random.uniform(-30, 30), z),
                random.choice(legal),
                POWER_DBM[kind.band] + random.uniform(-4, 3),
                random.choice((0.02, 0.1, 0.3, 0.5)),
            )
        )
    return found


def _heard_strange(band: Band, place: Position, strange: list[_Living], random: Random) -> Iterator[Stranger]:
    for each in strange:
        if math.dist(place, each.place) <= EARSHOT_M:
            dbm = round(each.power_dbm - _loss_db(band, place, each.place, random), 1)
            if dbm >= HEARD_DBM:
                yield Stranger(each.block, dbm, each.load)


class _Oven(NamedTuple):
    place: Position
    mhz20: frozenset[int]
    duty: float


def _ovens(band: Band, places: list[Position], random: Random) -> list[_Oven]:
    """Microwave ovens, cameras, bridges of no known make: each on some 40 to 80 MHz of the band."""
    width = 40 if band is Band.GHZ_2_4 else 80
    return [
        _Oven(random.choice(places), random.choice(blocks(band, width)).mhz20, random.uniform(0.1, 0.6))
        for _ in range(round(OVENS * len(places)))
    ]


def _non_wifi(place: Position, ovens: list[_Oven]) -> dict[int, float]:
    """By the MHz of every channel that an oven within earshot reaches into."""
    found: dict[int, float] = {}
    for oven in ovens:
        away_m = math.dist(place, oven.place)
        if away_m < OVEN_M:
            low, high = min(oven.mhz20) - 10, max(oven.mhz20) + 10
            for mhz in _reached(low, high):
                found[mhz] = max(found.get(mhz, 0.0), oven.duty * (1.0 - away_m / OVEN_M))
    return found


def _reached(low_mhz: int, high_mhz: int) -> Iterator[int]:
    for band in Band:
        yield from (mhz for mhz in _mhz20(band) if low_mhz < mhz + 10 and mhz - 10 < high_mhz)


# -- the problem -------------------------------------------------------------------------------------------


def _lawful(band: Band, country: str, width_mhz: int, dfs: bool = True) -> tuple[Block, ...]:
    """Blocks as `agent.planner.legal.candidates` would list them."""
    radio = Radio(key=radio_key("site", "ap", "r"), band=band, widths_mhz=(width_mhz,), dfs=dfs)
    primaries: frozenset[int] = frozenset(channels(band))
    if band is Band.GHZ_2_4:
        primaries = frozenset(RASTER[country])
    elif band is Band.GHZ_6:
        primaries = PREFERRED_SCANNING
    found = regulatory.allowed_blocks(country, radio, width_mhz)
    return tuple(each for each in found if each.primary in primaries)


def _members(kind: Kind, ears: tuple[Ear, ...], random: Random) -> Iterator[Member]:
    mean = sum(ear.load for ear in ears) / len(ears)
    radar = _radar(kind, random)
    turn = _turn(kind)
    for nth, ear in enumerate(ears):
        dfs = kind.band is not Band.GHZ_5 or random.random() >= NO_DFS
        lawful = [each for width in kind.widths_mhz for each in _lawful(kind.band, kind.country, width, dfs)]
        able = _able(random)
        options = tuple(_option(kind, ear, each, able, radar) for each in lawful)
        wanted = turn[0] if random.random() < FORGOTTEN else turn[nth % len(turn)]
        now = lawful.index(wanted) if wanted in lawful else 0
        if random.random() < PINNED:
            options, now = (options[now],), 0
        yield Member(
            key=radio_key("site", f"ap{nth + 1}", "r"),
            options=options,
            now=now,
            weight=min(2.0, max(0.5, ear.load / mean)),
        )


def _turn(kind: Kind) -> list[Block]:
    """What the installer sets in turn, the factory's own first: one block of the usual width after the
    other, by its first primary; he stops before he is through, and begins again."""
    usual = 40 if 40 in kind.widths_mhz and kind.band is Band.GHZ_5 else kind.widths_mhz[-1]
    first: dict[int, Block] = {}
    for each in _lawful(kind.band, kind.country, usual):
        first.setdefault(each.center_mhz, each)
    found = list(first.values())
    return found[: max(4, len(found) * 2 // 3)]


def _able(random: Random) -> Mapping[int, float]:
    """Share of the clients that can use a width."""
    at_40, at_80 = random.uniform(0.85, 1.0), random.uniform(0.6, 1.0)
    return {40: at_40, 80: at_40 * at_80, 160: at_40 * at_80 * 0.4, 320: at_40 * at_80 * 0.1}


def _radar(kind: Kind, random: Random) -> frozenset[int]:
    """Channels on which radar was met at this site within the last week."""
    dfs = [each for each in blocks(kind.band, 20) if regulatory.dfs_needed(kind.country, each)]
    return frozenset(each.center_mhz for each in random.sample(dfs, min(2, len(dfs))))


def _option(kind: Kind, ear: Ear, block: Block, able: Mapping[int, float], radar: frozenset[int]) -> Option:
    parts = levels(block)
    primary = parts[0][1]
    foreign = sum(
        on_primary(mask_of(each.block), levels(each.block)[0][1], primary)
        * deferral(each.signal_dbm)
        * each.load
        for each in ear.strangers
        if mask_of(each.block) & primary
    )
    free = 1.0 - ear.non_wifi.get(block.primary_mhz, 0.0)
    cac_s = regulatory.cac_s(kind.country, block)
    dfs = min(DFS_MOST, DFS_RISK * (1 + bool(block.mhz20 & radar)) + cac_s / OFTEN_S) if cac_s else 0.0
    usable_mhz = _usable_mhz(ear, parts, able, kind.band)
    return Option(block=block, worth=math.log(free * (1.0 - dfs) * usable_mhz), foreign=foreign, cac_s=cac_s)


def _usable_mhz(ear: Ear, parts: tuple[tuple[int, int], ...], able: Mapping[int, float], band: Band) -> float:
    """Mean width, as `agent.planner.channel` has it."""
    (width, within), *wider = parts
    usable, free = float(width), 1.0
    for double, reach in wider:
        part = reach & ~within
        for each in ear.strangers:
            if mask_of(each.block) & part and not mask_of(each.block) & within:
                free *= 1.0 - deferral(each.signal_dbm, CCA_SECONDARY_DBM) * each.load
        free *= 1.0 - max((ear.non_wifi.get(mhz, 0.0) for mhz in channels_in(band, part)), default=0.0)
        usable += (double - width) * free * able[double]
        width, within = double, reach
    return usable


def _pairs(ears: tuple[Ear, ...]) -> Iterator[Pair]:
    """Two that hear each other, or one the other; what is not heard at all is far away."""
    heard = [{each.member: each.signal_dbm for each in ear.own} for ear in ears]
    for a, near in enumerate(heard):
        for b in sorted(near):
            if b > a or a not in heard[b]:
                yield _pair(ears, heard, min(a, b), max(a, b))


def _pair(ears: tuple[Ear, ...], heard: list[dict[int, float]], a: int, b: int) -> Pair:
    at_a, at_b = heard[a].get(b), heard[b].get(a)
    return Pair(
        a,
        b,
        _taken(at_a, ears[b].load),
        _taken(at_b, ears[a].load),
        _taken(at_a, ears[b].load, CCA_SECONDARY_DBM),
        _taken(at_b, ears[a].load, CCA_SECONDARY_DBM),
    )


def _taken(dbm: float | None, load: float, cca_dbm: float | None = None) -> float:
    if dbm is None:
        return 0.0
    return load * (deferral(dbm) if cca_dbm is None else deferral(dbm, cca_dbm))
