"""What a decision is given to look at: one site at one instant. Pure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations
from types import MappingProxyType
from typing import Final, NamedTuple, overload

from agent.airs import Airs
from agent.airtime import ChannelAir
from agent.change import Change, State
from agent.crowd import Crowd, Usual
from agent.levels import USUAL_SD_DB, Levels, Spread
from agent.moment import Moment
from agent.nop import Met
from agent.pace import BELIEVED, Pace
from drivers.types import (
    Action,
    Capabilities,
    NeighborReading,
    RadioReading,
    RadioState,
    Setting,
    Values,
)
from inventory.channels import Block, block, channel_of
from inventory.model import Band, Radio, RadioKey, Site, ap_of

CHANNEL_SETTINGS = (Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ)


class Heard(Sequence[NeighborReading]):
    """BSSs heard within ``keep_s`` of ``now_s``, with their age then.

    ``last``: by BSSID, when each was read and what was read; never changed afterwards. Ages are worked out
    when somebody asks: a site has tens of thousands of entries, and a decision looks at one radio's.
    """

    __slots__ = ("_aged", "_keep_s", "_last", "_now_s")

    def __init__(
        self, last: Mapping[str, tuple[float, NeighborReading]], now_s: float, keep_s: float
    ) -> None:
        self._last, self._now_s, self._keep_s = last, now_s, keep_s
        self._aged: tuple[NeighborReading, ...] | None = None

    def levels(self, bssids: Collection[str], limit_s: float) -> list[float]:
        """Signal in dBm of those of ``bssids`` that were heard within ``limit_s``."""
        oldest_s = min(limit_s, self._keep_s)
        found = [self._last[bssid] for bssid in bssids if bssid in self._last]
        return [heard.signal_dbm for at_s, heard in found if self._age_s(at_s, heard) <= oldest_s]

    def within(self, limit_s: float) -> Iterator[NeighborReading]:
        """Those heard within ``limit_s``, as they were read: ``age_s`` is that of then."""
        oldest_s = min(limit_s, self._keep_s) - self._now_s
        return (heard for at_s, heard in self._last.values() if heard.age_s - at_s <= oldest_s)

    def of(self, bssids: Collection[str]) -> list[NeighborReading]:
        """The entries of ``bssids``, with their age."""
        found = [self._last[bssid] for bssid in bssids if bssid in self._last]
        aged = [(heard, self._age_s(at_s, heard)) for at_s, heard in found]
        return [replace(heard, age_s=age_s) for heard, age_s in aged if age_s <= self._keep_s]

    def _age_s(self, at_s: float, heard: NeighborReading) -> float:
        return heard.age_s + self._now_s - at_s

    def _all(self) -> tuple[NeighborReading, ...]:
        if self._aged is None:
            aged = ((heard, self._age_s(at_s, heard)) for at_s, heard in self._last.values())
            self._aged = tuple(replace(heard, age_s=age_s) for heard, age_s in aged if age_s <= self._keep_s)
        return self._aged

    def __iter__(self) -> Iterator[NeighborReading]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> NeighborReading: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NeighborReading]: ...
    def __getitem__(self, index: int | slice) -> NeighborReading | Sequence[NeighborReading]:
        return self._all()[index]


class Aired(Mapping[int, ChannelAir]):
    """What one radio measured of the air, by centre of the 20 MHz channel in MHz, with its age at ``now_s``.

    ``last``: when each was measured and what; never changed afterwards. Ages are worked out when asked for.
    """

    __slots__ = ("_last", "_now_s")

    def __init__(self, last: Mapping[int, tuple[float, ChannelAir]], now_s: float) -> None:
        self._last, self._now_s = last, now_s

    def __getitem__(self, mhz: int) -> ChannelAir:
        at_s, air = self._last[mhz]
        return replace(air, age_s=air.age_s + self._now_s - at_s)

    def within(self, mhz: int, limit_s: float) -> ChannelAir | None:
        """What was measured of one channel within ``limit_s``, with the age that it had then."""
        found = self._last.get(mhz)
        if found is None or found[1].age_s + self._now_s - found[0] > limit_s:
            return None
        return found[1]

    def __iter__(self) -> Iterator[int]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioView:
    """One radio as last seen. ``reading`` None: never read, or lost; ``neighbors``: what it heard, whose
    entries know their age; ``scanned``: it reported lately whom it hears, be it nobody; ``scanned_age_s``:
    how long ago that was, None = never; ``air``: what it measured of each 20 MHz channel, by centre in MHz;
    ``capabilities`` None: its device was never opened. ``level_pool``, ``air_pool``, ``crowd``: what is
    pooled over its scans, for plans (`agent.planner.pooling`). ``spread``: by BSSID, how sure a pooled level
    is, empty where what was heard last stands; ``usual``: what its clients are like as a rule, None: as
    now."""

    radio: Radio
    device: str
    reading: RadioReading | None = None
    neighbors: Sequence[NeighborReading] = ()
    scanned: bool = False
    scanned_age_s: float | None = None
    air: Mapping[int, ChannelAir] = field(default_factory=lambda: MappingProxyType({}))
    capabilities: Capabilities | None = None
    level_pool: Levels | None = None
    air_pool: Airs | None = None
    crowd: Crowd | None = None
    spread: Mapping[str, Spread] = field(default_factory=lambda: MappingProxyType({}))
    usual: Usual | None = None

    @property
    def key(self) -> RadioKey:
        return self.radio.key

    @property
    def block(self) -> Block | None:
        """What it occupies; None when it is not known or makes no sense."""
        return block_of(self.reading)

    @property
    def on_air(self) -> bool:
        return self.reading is not None and self.reading.state is RadioState.ON_AIR

    def heard(self, limit_s: float) -> Iterable[NeighborReading]:
        """BSSs heard within ``limit_s``; the age that they state may be that of when they were read."""
        if isinstance(self.neighbors, Heard):
            return self.neighbors.within(limit_s)
        return (each for each in self.neighbors if each.age_s <= limit_s)

    def measured(self, mhz: int, limit_s: float) -> ChannelAir | None:
        """What it measured of one 20 MHz channel within ``limit_s``; the age stated may be that of then."""
        if isinstance(self.air, Aired):
            return self.air.within(mhz, limit_s)
        found = self.air.get(mhz)
        return found if found is not None and found.age_s <= limit_s else None

    def levels(self, bssids: Collection[str], limit_s: float) -> list[float]:
        """Signal in dBm of those of ``bssids`` that it heard within ``limit_s``."""
        if isinstance(self.neighbors, Heard):
            return self.neighbors.levels(bssids, limit_s)
        return [each.signal_dbm for each in self.neighbors if each.bssid in bssids and each.age_s <= limit_s]

    def heard_of(self, bssids: Collection[str]) -> Sequence[NeighborReading]:
        """Those of ``bssids`` that it heard, with their age."""
        if isinstance(self.neighbors, Heard):
            return self.neighbors.of(bssids)
        return [each for each in self.neighbors if each.bssid in bssids]

    def spread_db(self, bssid: str) -> float:
        """Standard deviation of one scan's level of this BSS around its mean, in dB."""
        found = self.spread.get(bssid)
        return USUAL_SD_DB if found is None else found.sd_db

    def presence(self, bssid: str) -> float:
        """In which part of the scans it was heard, 0..1; 1 where what was heard last stands."""
        found = self.spread.get(bssid)
        return 1.0 if found is None else found.presence


class Spot(NamedTuple):
    """Where a radio says that it is, and the share of the air there that its own frames were measured to
    take, at ``tx_s`` (monotonic); ``tx`` None: not measured."""

    channel: int
    width_mhz: int
    center_mhz: int | None
    tx: float | None = None
    tx_s: float = 0.0


class Radios(Mapping[RadioKey, RadioView]):
    """Radios that can be looked at briefly: a decision looks so at a thousand, and at few as a whole."""

    @abstractmethod
    def spot(self, key: RadioKey) -> Spot | None:
        """Where one of them is; None: it does not say."""


def spot_of(said: RadioReading | None, air: Mapping[int, tuple[float, ChannelAir]]) -> Spot | None:
    """Where a radio is by its reading, and by what was measured of each channel and when."""
    if said is None or said.channel is None or said.width_mhz is None:
        return None
    channel, center = said.channel.value, said.center_mhz.value if said.center_mhz else None
    at_s, there = air.get(center_of(said.band, channel), NEVER)
    return Spot(channel, said.width_mhz.value, center, there.tx, at_s - there.age_s)


NEVER: Final = (0.0, ChannelAir())
"""Of a channel that was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """A site at one instant.

    ``barred_mhz``: 20 MHz channels in a non-occupancy period anywhere at the site. ``changes``: all open
    ones, those of the last week and those for an event that lasts, newest first. ``paused``: scopes (site,
    site/ap, radio keys). ``observing_only``: why the agent may not write now (store or audit lost), None = it
    may; ``hands_off``: why not even for radar.
    ``radar``: where it was met within a week. ``deeds``: seconds since an action was last done to a radio;
    absent = not within a day. ``pace``: how far the wall clock is to be believed.
    ``bssids``: which radio sends each of the site's BSSs; ``ssids``: what they are called. ``channels``: the
    primary channel of each radio whose reading tells it, for quick looks at many.
    """

    site: Site
    now: Moment
    radios: Mapping[RadioKey, RadioView]
    barred_mhz: frozenset[int] = frozenset()
    changes: tuple[Change, ...] = ()
    paused: frozenset[str] = frozenset()
    observing_only: str | None = None
    hands_off: str | None = None
    bssids: Mapping[str, RadioKey] = field(default_factory=lambda: MappingProxyType({}))
    ssids: frozenset[str] = frozenset()
    radar: tuple[Met, ...] = ()
    deeds: Mapping[tuple[RadioKey, Action], float] = field(default_factory=lambda: MappingProxyType({}))
    channels: Mapping[RadioKey, int] = field(default_factory=lambda: MappingProxyType({}))
    pace: Pace = BELIEVED

    def age_us(self, change: Change) -> int:
        """How long ago a change was made, µs; negative where the wall clock was set back to before it."""
        return self.pace.age_us(self.now.utc_us, change.created_utc_us)

    def begun(self, ids: Collection[str] | None = None) -> SiteView:
        """The same with what is only planned (of these changes; None: of all) as if it were in flight: of two
        that are asked for together the second must reckon with the first."""
        changes = tuple(
            replace(each, state=State.APPLYING)
            if each.state is State.PLANNED and (ids is None or each.id in ids)
            else each
            for each in self.changes
        )
        return replace(self, changes=changes)

    def spots(self) -> Callable[[RadioKey], Spot | None]:
        """What tells where a radio is; None: it does not say."""
        radios, now_s = self.radios, self.now.monotonic_s
        if isinstance(radios, Radios):
            return radios.spot
        return lambda key: spot_of(
            radios[key].reading, {mhz: (now_s, air) for mhz, air in radios[key].air.items()}
        )

    def neighbours(self, key: RadioKey) -> frozenset[RadioKey]:
        """RF neighbours of the same band: heard by either at `neighbour_dbm` or more, or never measured,
        which is: neither has scanned within `neighbour_age_s`."""
        sent_by = self._sent_by()
        return frozenset(other for other in self.radios if self._are_near(key, other, sent_by))

    def neighbours_among(self, keys: Collection[RadioKey]) -> Mapping[RadioKey, frozenset[RadioKey]]:
        """For each of ``keys`` its RF neighbours among them; for many, in one look at what each heard."""
        found: dict[RadioKey, set[RadioKey]] = {key: set() for key in keys}
        heard = self._loudest_among(found.keys())
        near = [pair for pair, dbm in heard.items() if dbm >= self.site.policy.neighbour_dbm]
        deaf = sorted(key for key in found if not self.radios[key].scanned)
        near += [pair for pair in combinations(deaf, 2) if pair not in heard]
        for one, other in near:
            if self._can_meet(one, other):
                found[one].add(other)
                found[other].add(one)
        return {key: frozenset(near) for key, near in found.items()}

    def _loudest_among(self, keys: Collection[RadioKey]) -> Mapping[tuple[RadioKey, RadioKey], float]:
        """Level of the louder way, of each pair of which one heard the other; sorted pairs."""
        found: dict[tuple[RadioKey, RadioKey], float] = {}
        for key in keys:
            for each in self.radios[key].heard(self.site.policy.neighbour_age_s):
                other = self.bssids.get(each.bssid)
                if other in keys and other is not None and other != key:
                    pair = min(key, other), max(key, other)
                    found[pair] = max(each.signal_dbm, found.get(pair, each.signal_dbm))
        return found

    def _can_meet(self, one: RadioKey, other: RadioKey) -> bool:
        return self.radios[one].radio.band is self.radios[other].radio.band and ap_of(one) != ap_of(other)

    def _are_near(self, one: RadioKey, other: RadioKey, sent_by: Mapping[RadioKey, Collection[str]]) -> bool:
        if not self._can_meet(one, other):
            return False
        a, b = self.radios[one], self.radios[other]
        return self._near(a, b, sent_by.get(one, ()), sent_by.get(other, ()))

    def _near(self, a: RadioView, b: RadioView, from_a: Collection[str], from_b: Collection[str]) -> bool:
        limit_s = self.site.policy.neighbour_age_s
        heard = [*a.levels(from_b, limit_s), *b.levels(from_a, limit_s)]
        if not heard:
            return not (a.scanned or b.scanned)
        return max(heard) >= self.site.policy.neighbour_dbm

    def _sent_by(self) -> Mapping[RadioKey, Collection[str]]:
        """BSSIDs of each radio."""
        found: dict[RadioKey, list[str]] = {}
        for bssid, key in self.bssids.items():
            found.setdefault(key, []).append(bssid)
        return found


def block_of(reading: RadioReading | None) -> Block | None:
    """The block a reading states; None when a part is missing or the parts contradict each other."""
    if reading is None or reading.channel is None or reading.width_mhz is None:
        return None
    center = reading.center_mhz.value if reading.center_mhz else None
    return block_in(reading.band, reading.channel.value, reading.width_mhz.value, center)


def block_in(band: Band, channel: int | None, width_mhz: int | None, center_mhz: int | None) -> Block | None:
    if channel is None or width_mhz is None:
        return None
    try:
        return block(band, channel, width_mhz, center_mhz)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def center_of(band: Band, channel: int) -> int:
    """Centre of a 20 MHz channel in MHz, 0 where the band has none of that number."""
    found = block_in(band, channel, 20, None)
    return found.center_mhz if found else 0


def block_in_values(radio: Radio, values: Values) -> Block | None:
    """The block that settings describe; None when they name no channel, or one that does not exist."""
    return block_in(
        radio.band,
        values.get(Setting.CHANNEL),
        values.get(Setting.WIDTH_MHZ),
        values.get(Setting.CENTER_MHZ),
    )


def block20(mhz: int) -> Block | None:
    """The 20 MHz block with this centre; None when there is no such channel."""
    try:
        band, channel = channel_of(mhz)
    except ValueError:
        return None
    return block_in(band, channel, 20, None)


def reported(reading: RadioReading) -> Values:
    """The settings that a reading tells, rounded to what can be set; one that it does not tell is absent."""
    told = {
        Setting.CHANNEL: reading.channel,
        Setting.WIDTH_MHZ: reading.width_mhz,
        Setting.CENTER_MHZ: reading.center_mhz,
        Setting.TX_POWER_DBM: reading.tx_power_dbm,
        Setting.OBSS_PD_DBM: reading.obss_pd_dbm,
    }
    return {setting: round(each.value) for setting, each in told.items() if each is not None}


def shows(reading: RadioReading, wanted: Values) -> bool:
    """Whether a reading agrees with these settings; one that it does not report is taken as wanted."""
    have = reported(reading)
    return all(have.get(setting, value) == value for setting, value in wanted.items())


def values_of(block: Block) -> dict[Setting, int]:
    return {
        Setting.CHANNEL: block.primary,
        Setting.WIDTH_MHZ: block.width_mhz,
        Setting.CENTER_MHZ: block.center_mhz,
    }
