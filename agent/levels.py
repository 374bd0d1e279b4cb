"""How loud one radio hears each BSS, pooled over its scans: a mean that forgets slowly, and how sure it is.
Pure.

    weight of a scan = 2^(-age / half-life)
    level, sd        = weighted mean and standard deviation in dB
    presence         = scans in which it was heard / scans made since it was heard first, both weighted

One scan tells the level to 3 or 4 dB, and misses a BSS now and then; a plan that rests on it would differ
from the next scan's. What really changed is believed at the second scan: a level off by `SURE_SD`
deviations, a channel or a load that is another, a BSS that is new or no longer there. The first such scan is
held out of the mean until the next one agrees with it or does not.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from drivers.types import NeighborReading

HALF_LIFE_S: Final = 6 * 3600.0
"""Of a level: a site changes in hours (doors, people, furniture), the noise of a scan in seconds."""

LOAD_HALF_LIFE_S: Final = 24 * 3600.0
"""Of a load, which has the rhythm of the day: a plan shall hold for all of it."""

USUAL_SD_DB: Final = 4.0
"""Of one scan's level, before there are enough scans to tell: as if `USUAL_SCANS` had shown it."""

USUAL_SCANS: Final = 2.0

SURE_SD: Final = 3.0
"""So many standard deviations off, twice in a row on the same side, is another level: by chance once in half
a million scans."""

LOAD_JUMP: Final = 0.4
"""A BSS load so far from its mean, twice in a row, is another load; the swing of a day is mostly less."""

GONE_CHANCE: Final = 0.003
"""A BSS that is there would be missed so often in a row with this chance at most: it is gone."""

MOST_PRESENCE: Final = 0.95
"""What is taken of the presence for that: who was always heard is gone after two scans without it."""

YOUNG: Final = 0.5
"""How far a BSS counts that was heard in the last scan for the first time, and in no other: a phone that
passes by, or a new neighbour."""

MOST: Final = 128
"""So many entries of a radio, the loudest; all others together are a few percent of the air."""

SAME_S: Final = 1.0
"""Two tables that put the last frame of a BSS within this tell of the same frame."""

NEVER: Final = math.nan


class Entry(NamedTuple):
    """One BSS, all numbers as of the pool's last scan. ``scans``: in which it was heard, ``made``: since it
    was heard first, both weighted. ``held_dbm``, ``held_load``: of the last scan, if it was off; NaN = it
    was not. ``load`` NaN: never told. ``missed``: scans in a row. ``young``: 1 = heard once, in a scan that
    was not the first. ``width_mhz``, ``center_mhz``: 0 = not told."""

    scans: float
    made: float
    dbm: float
    variance: float
    held_dbm: float
    load: float
    load_scans: float
    held_load: float
    missed: float
    young: float
    channel: float
    width_mhz: float
    center_mhz: float

    @property
    def where(self) -> tuple[int, int, int]:
        """Channel, width and centre: not that of one stray scan."""
        return int(self.channel), int(self.width_mhz), int(self.center_mhz)

    @property
    def presence(self) -> float:
        """How far it counts, 0..1."""
        return min(1.0, self.scans / self.made) * (YOUNG if self.young else 1.0)

    @property
    def sd_db(self) -> float:
        """Of one scan's level around the mean."""
        told = self.scans * self.variance + USUAL_SCANS * USUAL_SD_DB**2
        return math.sqrt(told / (self.scans + USUAL_SCANS))


WIDTH: Final = len(Entry._fields)


class Spread(NamedTuple):
    """How sure a pooled level is. ``sd_db``: of one scan around the mean, in dB; ``scans``: how many it
    rests on, each weighted by its age; ``presence``: in which part of the scans it was heard, 0..1."""

    sd_db: float
    scans: float
    presence: float


class Levels:
    """The pool of one radio; never changed, a scan makes a new one. Kept as one array, since a site has a
    hundred thousand entries: 60 bytes each. ``at_s``: of the last scan; ``scans``: that were made,
    weighted."""

    __slots__ = ("_bssids", "_numbers", "at_s", "scans")

    def __init__(self, entries: Mapping[str, Entry], at_s: float, scans: float) -> None:
        self._bssids = tuple(entries)
        self._numbers = array("f", [number for entry in entries.values() for number in entry])
        self.at_s, self.scans = at_s, scans

    def __len__(self) -> int:
        return len(self._bssids)

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        return zip(self._bssids, self._entries(), strict=True)

    def _entries(self) -> Iterator[Entry]:
        return (Entry(*self._numbers[at : at + WIDTH]) for at in range(0, len(self._numbers), WIDTH))

    def with_scan(
        self,
        before: Mapping[str, tuple[float, NeighborReading]],
        scan: Iterable[NeighborReading],
        at_s: float,
    ) -> Levels:
        """With one more scan. ``before``: by BSSID, when the table before told of it and what: an entry whose
        last frame is the same is not heard again, and a table without any new frame is no scan."""
        heard = {each.bssid: each for each in scan}
        fresh = {bssid: each for bssid, each in heard.items() if not _same(before.get(bssid), each, at_s)}
        if heard and not fresh:
            return self
        found = dict(self._aged(at_s, before, fresh))
        for bssid, each in fresh.items():
            if bssid not in found:
                found[bssid] = first(each, young=self.scans > 0)
        scans = self.scans * _left(at_s - self.at_s, HALF_LIFE_S) + 1.0
        return Levels(found if len(found) <= MOST else _loudest(found), at_s, scans)

    def _aged(
        self,
        at_s: float,
        before: Mapping[str, tuple[float, NeighborReading]],
        fresh: Mapping[str, NeighborReading],
    ) -> Iterator[tuple[str, Entry]]:
        """Those known before the scan that are still there."""
        left, load_left = (_left(at_s - self.at_s, half_s) for half_s in (HALF_LIFE_S, LOAD_HALF_LIFE_S))
        for bssid, entry in self:
            older = entry._replace(
                scans=entry.scans * left, made=entry.made * left, load_scans=entry.load_scans * load_left
            )
            if (each := fresh.get(bssid)) is not None:
                last = before.get(bssid)
                yield bssid, again(older, each, last[1] if last else None)
            elif not _gone(missed := older._replace(made=older.made + 1.0, missed=older.missed + 1.0)):
                yield bssid, missed


EMPTY: Final = Levels({}, 0.0, 0.0)


def _left(after_s: float, half_life_s: float) -> float:
    return float(0.5 ** (max(0.0, after_s) / half_life_s))


def _same(before: tuple[float, NeighborReading] | None, now: NeighborReading, at_s: float) -> bool:
    """Whether the table tells of a frame that was known already."""
    if before is None:
        return False
    read_s, last = before
    return at_s - now.age_s <= read_s - last.age_s + SAME_S


def _gone(entry: Entry) -> bool:
    """By chance it would hardly be missed so often in a row; how often it is heard, the scans before tell."""
    heard = min(MOST_PRESENCE, entry.scans / max(entry.scans, entry.made - entry.missed))
    return math.pow(1.0 - heard, entry.missed) <= GONE_CHANCE


def _loudest(found: Mapping[str, Entry]) -> dict[str, Entry]:
    """Those heard more than once first: who makes up addresses shall not push the others out."""
    order = sorted(found.items(), key=lambda each: (each[1].young, -each[1].dbm))
    return dict(order[:MOST])


# -- one BSS -----------------------------------------------------------------------------------------------


def first(heard: NeighborReading, *, young: bool) -> Entry:
    """Heard for the first time. ``young``: scans before did not find it."""
    load = heard.utilization_ratio
    return Entry(
        scans=1.0,
        made=1.0,
        dbm=heard.signal_dbm,
        variance=0.0,
        held_dbm=NEVER,
        load=NEVER if load is None else load,
        load_scans=0.0 if load is None else 1.0,
        held_load=NEVER,
        missed=0.0,
        young=float(young),
        channel=heard.channel,
        width_mhz=heard.width_mhz or 0,
        center_mhz=heard.center_mhz or 0,
    )


def again(entry: Entry, heard: NeighborReading, last: NeighborReading | None) -> Entry:
    """Heard once more. ``last``: how the time before. A move takes no level with it, which belongs to the two
    places; it takes the load and the channel."""
    where = _where(heard)
    if where != entry.where and last is not None and _where(last) == where:
        load = heard.utilization_ratio
        channel, width_mhz, center_mhz = where
        entry = entry._replace(
            load=NEVER if load is None else load,
            load_scans=0.0,
            held_load=NEVER,
            channel=channel,
            width_mhz=width_mhz,
            center_mhz=center_mhz,
        )
    entry = entry._replace(scans=entry.scans + 1.0, made=entry.made + 1.0, missed=0.0, young=0.0)
    return _loaded(_levelled(entry, heard.signal_dbm), heard.utilization_ratio)


def _where(heard: NeighborReading) -> tuple[int, int, int]:
    return heard.channel, heard.width_mhz or 0, heard.center_mhz or 0


def _levelled(entry: Entry, dbm: float) -> Entry:
    """Its level with one more scan, which is counted in already."""
    off = dbm - entry.dbm
    if abs(off) <= SURE_SD * entry.sd_db:
        share = 1.0 / entry.scans
        return entry._replace(
            dbm=entry.dbm + share * off,
            variance=(1.0 - share) * (entry.variance + share * off * off),
            held_dbm=NEVER,
        )
    if (entry.held_dbm - entry.dbm) * off > 0.0:  # never true of NaN
        mean = (entry.held_dbm + dbm) / 2.0
        return entry._replace(scans=2.0, made=2.0, dbm=mean, variance=(dbm - mean) ** 2, held_dbm=NEVER)
    return entry._replace(held_dbm=dbm)


def _loaded(entry: Entry, load: float | None) -> Entry:
    if load is None:
        return entry
    off = load - entry.load
    if abs(off) > LOAD_JUMP and not (entry.held_load - entry.load) * off > 0.0:
        return entry._replace(held_load=load)
    if abs(off) > LOAD_JUMP:
        return entry._replace(load=(entry.held_load + load) / 2.0, load_scans=2.0, held_load=NEVER)
    scans = entry.load_scans + 1.0
    known = load if math.isnan(off) else entry.load + off / scans
    return entry._replace(load=known, load_scans=scans, held_load=NEVER)
