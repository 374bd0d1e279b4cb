"""What a decision is given to look at: one site at one instant. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.change import LIVE, Change
from agent.moment import Moment
from drivers.types import Capabilities, NeighborReading, RadioReading, RadioState, Setting, Values
from inventory.channels import Block, block, channel_of
from inventory.model import Band, Radio, RadioKey, Site, ap_of

CHANNEL_SETTINGS = (Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ)


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioView:
    """One radio as last seen. ``reading`` None: never read, or lost; ``neighbors``: the last scan, whose
    entries know their age; ``capabilities`` None: its device was never opened."""

    radio: Radio
    device: str
    reading: RadioReading | None = None
    neighbors: tuple[NeighborReading, ...] = ()
    capabilities: Capabilities | None = None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """A site at one instant.

    ``barred_mhz``: 20 MHz channels in a non-occupancy period anywhere at the site. ``changes``: all open
    ones and those of the last week, newest first. ``paused``: scopes (site, site/ap, radio keys).
    ``observing_only``: why the agent may not write now (store or audit lost), None = it may.
    """

    site: Site
    now: Moment
    radios: Mapping[RadioKey, RadioView]
    barred_mhz: frozenset[int] = frozenset()
    changes: tuple[Change, ...] = ()
    paused: frozenset[str] = frozenset()
    observing_only: str | None = None
    bssids: Mapping[str, RadioKey] = field(default_factory=lambda: MappingProxyType({}))

    def open_change(self, key: RadioKey) -> Change | None:
        return next((c for c in self.changes if c.state in LIVE and key in c.radios), None)

    def neighbours(self, key: RadioKey) -> frozenset[RadioKey]:
        """RF neighbours of the same band: heard by either at `neighbour_dbm` or more, or never measured."""
        mine = self.radios[key]
        return frozenset(
            other
            for other, view in self.radios.items()
            if other != key
            and ap_of(other) != ap_of(key)
            and view.radio.band is mine.radio.band
            and self._near(mine, view)
        )

    def _near(self, a: RadioView, b: RadioView) -> bool:
        heard = [*self._levels(a, b), *self._levels(b, a)]
        if not heard:
            return not (a.neighbors and b.neighbors)  # never measured counts as near
        return max(heard) >= self.site.policy.neighbour_dbm

    def _levels(self, listener: RadioView, talker: RadioView) -> list[float]:
        limit_s = self.site.policy.neighbour_age_s
        return [
            heard.signal_dbm
            for heard in listener.neighbors
            if self.bssids.get(heard.bssid) == talker.key and heard.age_s <= limit_s
        ]


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


def values_of(block: Block) -> dict[Setting, int]:
    return {
        Setting.CHANNEL: block.primary,
        Setting.WIDTH_MHZ: block.width_mhz,
        Setting.CENTER_MHZ: block.center_mhz,
    }
