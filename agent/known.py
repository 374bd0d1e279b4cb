"""What is known of the radios of a site at one instant, as a decision is given it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from agent.airs import Airs
from agent.airtime import ChannelAir
from agent.crowd import Crowd
from agent.levels import Levels
from agent.moment import Moment
from agent.view import Aired, Heard, Radios, RadioView, Spot
from drivers.types import Capabilities, NeighborReading, RadioReading
from inventory.model import RadioKey, Site


class Known(NamedTuple):
    """What is known of a radio at one instant; its parts are replaced as a whole, never changed. ``spot``:
    what `agent.view.spot_of` says of it, since a decision looks at it for a thousand."""

    device: str
    reading: RadioReading | None
    neighbors: Mapping[str, tuple[float, NeighborReading]]
    scanned_at_s: float | None
    air: Mapping[int, tuple[float, ChannelAir]]
    capabilities: Capabilities | None
    level_pool: Levels
    air_pool: Airs
    crowd: Crowd
    spot: Spot | None


class Board:
    """What is known of each radio of a site now: kept up to date one by one, since a poll tells of one device
    and every look at the site wants all."""

    __slots__ = ("_channels", "_known")

    def __init__(self, known: Mapping[RadioKey, Known]) -> None:
        self._known: dict[RadioKey, Known] = {}
        self._channels: dict[RadioKey, int] = {}
        for key, each in known.items():
            self.put(key, each)

    def put(self, key: RadioKey, known: Known) -> None:
        """From now on; what was handed out stays as it was."""
        self._known[key] = known
        told = known.reading.channel if known.reading is not None else None
        channel = told.value if told is not None else None
        if channel == self._channels.get(key):
            return
        others = {other: at for other, at in self._channels.items() if other != key}
        self._channels = others if channel is None else {**others, key: channel}

    def views(self, site: Site, now: Moment) -> Views:
        return Views(site, self._known.copy(), now)

    @property
    def channels(self) -> Mapping[RadioKey, int]:
        """The primary channel of each radio whose reading tells it; never changed afterwards."""
        return self._channels


class Views(Radios):
    """The radios of a site as known at one instant, each made when somebody looks at it: a decision looks at
    few of a thousand."""

    __slots__ = ("_known", "_made", "_now", "_site")

    def __init__(self, site: Site, known: Mapping[RadioKey, Known], now: Moment) -> None:
        self._site, self._known, self._now = site, known, now
        self._made: dict[RadioKey, RadioView] = {}

    def __getitem__(self, key: RadioKey) -> RadioView:
        if key not in self._made:
            self._made[key] = self._make(key, self._known[key])
        return self._made[key]

    def __iter__(self) -> Iterator[RadioKey]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def spot(self, key: RadioKey) -> Spot | None:
        """Where one of them is, without making the whole look."""
        return self._known[key].spot

    def _make(self, key: RadioKey, known: Known) -> RadioView:
        now_s, keep_s = self._now.monotonic_s, self._site.policy.neighbour_age_s
        scanned_age_s = None if known.scanned_at_s is None else now_s - known.scanned_at_s
        return RadioView(
            radio=self._site.radios[key],
            device=known.device,
            reading=known.reading,
            neighbors=Heard(known.neighbors, now_s, keep_s),
            scanned=scanned_age_s is not None and scanned_age_s <= keep_s,
            scanned_age_s=scanned_age_s,
            air=Aired(known.air, now_s),
            capabilities=known.capabilities,
            level_pool=known.level_pool,
            air_pool=known.air_pool,
            crowd=known.crowd,
        )
