"""What one radio measured of each 20 MHz channel, pooled over the day: weighted by how long it listened.
Pure.

    weight = seconds listened x 2^(-age / half-life)

A tenth of a second on a channel says little, five minutes on the own one say much; both say something of that
moment only. What happens between two scans is one round; a round that is far off is held out until the next
one agrees with it, and then the pool of that channel starts again.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from agent.airtime import ChannelAir
from agent.levels import LOAD_HALF_LIFE_S, NEVER, SURE_SD

ROUND_S: Final = 300.0
"""As long as between two scans."""

JUMP: Final = 0.3
"""Others' share of the air so far from its mean, and by `SURE_SD` deviations, twice in a row, is another
air."""

SURE_S: Final = 1.0
"""A shorter look at a channel may find it busy or idle by chance."""


class Entry(NamedTuple):
    """One channel. ``seconds``: listened, weighted; ``rounds``: the same of the rounds. ``busy``, ``rx``,
    ``tx``: means, 0..1, ``noise_dbm`` too; NaN = not told. ``variance``: of others' share from round to
    round; ``held``: that of the last round, if it was off. ``heard_s``: when it was listened to last,
    monotonic. ``now_...``: of the round that is not over."""

    seconds: float = 0.0
    rounds: float = 0.0
    busy: float = NEVER
    rx: float = NEVER
    tx: float = NEVER
    noise_dbm: float = NEVER
    variance: float = 0.0
    held: float = NEVER
    heard_s: float = 0.0
    now_seconds: float = 0.0
    now_busy: float = NEVER
    now_rx: float = NEVER
    now_tx: float = NEVER
    now_noise_dbm: float = NEVER


WIDTH: Final = len(Entry._fields)


class Airs:
    """The pool of one radio; never changed. ``own_tx``: share of the air that its own frames took, on
    whatever channel it was, NaN = not measured; it belongs to its clients and not to a channel."""

    __slots__ = ("_mhz", "_numbers", "begun_s", "own_seconds", "own_tx")

    def __init__(
        self,
        entries: Mapping[int, Entry],
        begun_s: float | None = None,
        own_tx: float = NEVER,
        own_seconds: float = 0.0,
    ) -> None:
        self._mhz = tuple(entries)
        self._numbers = array("f", [number for entry in entries.values() for number in entry])
        self.begun_s, self.own_tx, self.own_seconds = begun_s, own_tx, own_seconds

    def __iter__(self) -> Iterator[tuple[int, Entry]]:
        return zip(self._mhz, self._entries(), strict=True)

    def _entries(self) -> Iterator[Entry]:
        return (Entry(*self._numbers[at : at + WIDTH]) for at in range(0, len(self._numbers), WIDTH))

    def with_survey(self, measured: Mapping[int, ChannelAir], used_mhz: int | None, at_s: float) -> Airs:
        """With what was measured since the survey before. ``used_mhz``: the channel that the radio is on."""
        if not measured:
            return self
        begun_s = at_s if self.begun_s is None else self.begun_s
        entries = dict(self)
        for mhz, air in measured.items():
            entries[mhz] = _listened(entries.get(mhz, Entry()), air, at_s)
        if at_s - begun_s < ROUND_S:
            return Airs(entries, begun_s, self.own_tx, self.own_seconds)
        left = float(0.5 ** ((at_s - begun_s) / LOAD_HALF_LIFE_S))
        used = entries.get(used_mhz) if used_mhz is not None else None
        seconds = self.own_seconds * left
        own_tx, own_seconds = self.own_tx, seconds
        if used is not None and not math.isnan(used.now_tx):
            own_tx, own_seconds = (
                _mean(own_tx, seconds, used.now_tx, used.now_seconds),
                seconds + used.now_seconds,
            )
        return Airs({mhz: _closed(each, left) for mhz, each in entries.items()}, at_s, own_tx, own_seconds)

    def without(self, mhz20: Collection[int]) -> Airs:
        """Of these channels nothing is known: somebody of the own site left or came, and what was measured
        before was another air."""
        kept = {mhz: entry for mhz, entry in self if mhz not in mhz20}
        return Airs(kept, self.begun_s, self.own_tx, self.own_seconds)


EMPTY: Final = Airs({})


def _listened(entry: Entry, air: ChannelAir, at_s: float) -> Entry:
    """One survey more in the round that is not over."""
    seconds, more = entry.now_seconds, (air.listened_ms or 0) / 1e3
    if more <= 0:
        return entry
    return entry._replace(
        heard_s=at_s - air.age_s,
        now_seconds=seconds + more,
        now_busy=_mean(entry.now_busy, seconds, _told(air.busy), more),
        now_rx=_mean(entry.now_rx, seconds, _told(air.rx), more),
        now_tx=_mean(entry.now_tx, seconds, _told(air.tx), more),
        now_noise_dbm=_mean(entry.now_noise_dbm, seconds, _told(air.noise_dbm), more),
    )


def _told(value: float | None) -> float:
    return NEVER if value is None else value


def _mean(old: float, old_weight: float, new: float, new_weight: float) -> float:
    """Of two, one of which may be unknown."""
    if math.isnan(new):
        return old
    if math.isnan(old):
        return new
    return old + (new - old) * new_weight / (old_weight + new_weight)


def _closed(entry: Entry, left: float) -> Entry:
    """The round is over. ``left``: what is left of the weights from before."""
    older = entry._replace(seconds=entry.seconds * left, rounds=entry.rounds * left)
    if entry.now_seconds <= 0:
        return older
    off = _others(entry.now_busy, entry.now_rx, entry.now_tx) - _others(entry.busy, entry.rx, entry.tx)
    far = abs(off) > max(JUMP, SURE_SD * math.sqrt(entry.variance))  # NaN: never
    if far and not entry.held * off > 0.0:
        return _begun(_held(older, off, entry.now_seconds))
    if far:
        older = Entry(heard_s=entry.heard_s)  # twice in a row on the same side
    return _begun(_taken(older, entry, 0.0 if far or math.isnan(off) else off))


def _held(older: Entry, off: float, seconds: float) -> Entry:
    """Out of the mean until the next round. A short look may be far off by chance: that much is learnt."""
    if seconds >= SURE_S:
        return older._replace(held=off)
    share = 1.0 / (older.rounds + 1.0)
    return older._replace(held=off, variance=(1.0 - share) * (older.variance + share * off * off))


def _others(busy: float, rx: float, tx: float) -> float:
    """Share of the air that is not our own frames'."""
    if math.isnan(busy):
        return rx
    return busy - (0.0 if math.isnan(tx) else tx)


def _taken(older: Entry, now: Entry, off: float) -> Entry:
    rounds, share = older.rounds + 1.0, 1.0 / (older.rounds + 1.0)
    return older._replace(
        seconds=older.seconds + now.now_seconds,
        rounds=rounds,
        busy=_mean(older.busy, older.seconds, now.now_busy, now.now_seconds),
        rx=_mean(older.rx, older.seconds, now.now_rx, now.now_seconds),
        tx=_mean(older.tx, older.seconds, now.now_tx, now.now_seconds),
        noise_dbm=_mean(older.noise_dbm, older.seconds, now.now_noise_dbm, now.now_seconds),
        variance=(1.0 - share) * (older.variance + share * off * off),
        held=NEVER,
    )


def _begun(entry: Entry) -> Entry:
    return entry._replace(now_seconds=0.0, now_busy=NEVER, now_rx=NEVER, now_tx=NEVER, now_noise_dbm=NEVER)
