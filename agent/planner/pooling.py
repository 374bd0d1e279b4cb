"""A site as plans see it: what its radios heard and measured, as means over their scans. Pure.

An incident is decided on what was measured last; a plan that should hold for days rests on the pools
(`agent.levels`, `agent.airs`), else it would be another one after each scan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from agent.airs import Airs, Entry
from agent.airtime import ChannelAir
from agent.crowd import Crowd, together, usual
from agent.levels import Levels, Spread
from agent.view import RadioView, SiteView
from drivers.types import NeighborReading
from inventory.model import Band, RadioKey

WARM_S: Final = 900.0
"""Before that long has been listened a mean is the last scan, and nothing is planned by itself."""


def pooled(view: SiteView) -> SiteView:
    """The same site with means in place of the last scans and surveys; a view that holds no pools (one that
    was read from a snapshot) stays as it is."""
    return replace(view, radios=_Pooled(view))


def crowds(view: SiteView) -> Mapping[Band, Crowd]:
    """The clients of all radios of a band together, of whom the site knows how they are over the day."""
    found: dict[Band, list[Crowd]] = {}
    for at in view.radios.values():
        if at.crowd is not None:
            found.setdefault(at.radio.band, []).append(at.crowd)
    return {band: together(each) for band, each in found.items()}


class _Pooled(Mapping[RadioKey, RadioView]):
    """The radios, each made when somebody looks at it."""

    def __init__(self, view: SiteView) -> None:
        self._view = view
        self._crowds = crowds(view)
        self._made: dict[RadioKey, RadioView] = {}

    def __getitem__(self, key: RadioKey) -> RadioView:
        if key not in self._made:
            at = self._view.radios[key]
            self._made[key] = pooled_radio(at, self._view.now.monotonic_s, self._crowds.get(at.radio.band))
        return self._made[key]

    def __iter__(self) -> Iterator[RadioKey]:
        return iter(self._view.radios)

    def __len__(self) -> int:
        return len(self._view.radios)


def pooled_radio(at: RadioView, now_s: float, crowd: Crowd | None = None) -> RadioView:
    """One radio with means in place of what it heard and measured last. ``now_s``: monotonic, of the view;
    ``crowd``: the clients of its band at the whole site, None: no more is known than of its own."""
    if at.level_pool is not None and at.level_pool.scans > 0:
        at = _heard(at, at.level_pool)
    if at.air_pool is not None:
        at = replace(at, air=MappingProxyType(_measured(at, at.air_pool, now_s)))
    if at.crowd is not None:
        at = replace(at, usual=usual(at.crowd, crowd or at.crowd))
    return replace(at, level_pool=None, air_pool=None, crowd=None)


def _heard(at: RadioView, levels: Levels) -> RadioView:
    pool = dict(levels)
    last = {each.bssid: each for each in at.heard_of(pool.keys())}
    known = {bssid: entry for bssid, entry in pool.items() if bssid in last}
    means = (_mean(last[bssid], entry.dbm, entry.load, entry.where) for bssid, entry in known.items())
    spread = {bssid: _spread(entry.sd_db, entry.scans, entry.presence) for bssid, entry in known.items()}
    return replace(at, neighbors=tuple(means), spread=MappingProxyType(spread))


def _spread(sd_db: float, scans: float, presence: float) -> Spread:
    return Spread(round(sd_db, 1), round(scans, 1), round(presence, 3))


def _mean(last: NeighborReading, dbm: float, load: float, where: tuple[int, int, int]) -> NeighborReading:
    channel, width_mhz, center_mhz = where
    return replace(
        last,
        channel=channel,
        width_mhz=width_mhz or None,
        center_mhz=center_mhz or None,
        signal_dbm=round(dbm, 1),
        utilization_ratio=_known(load),
    )


def _measured(at: RadioView, airs: Airs, now_s: float) -> dict[int, ChannelAir]:
    """By channel: the mean, or what was measured last where no round is over."""
    found = dict(at.air) | {mhz: _air(entry, now_s) for mhz, entry in airs if entry.rounds > 0}
    used = at.block.primary_mhz if at.block else None
    if used in found and not math.isnan(airs.own_tx):
        found[used] = _sending(found[used], airs.own_tx)
    return found


def _air(entry: Entry, now_s: float) -> ChannelAir:
    return ChannelAir(
        listened_ms=round(entry.seconds * 1e3),
        busy=_known(entry.busy),
        rx=_known(entry.rx),
        tx=_known(entry.tx),
        noise_dbm=_known(entry.noise_dbm),
        age_s=max(0.0, now_s - entry.heard_s),
    )


def _sending(air: ChannelAir, own_tx: float) -> ChannelAir:
    """The air of the channel in use, with what the radio itself sends wherever it is."""
    busy = None if air.busy is None else min(1.0, max(0.0, air.busy - (air.tx or 0.0) + own_tx))
    return replace(air, busy=busy, tx=own_tx)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
