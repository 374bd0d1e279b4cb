"""What a storm is made of: made-up sites, faults of their devices, and signals that may be true or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from types import MappingProxyType

from plots import COUNTRIES, Plot, lawful_blocks
from stories import with_options

from drivers.signals import (
    AttackHeard,
    ChannelSwitched,
    InterferenceHeard,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioFault,
    RadioUp,
    RogueHeard,
    Signal,
)
from drivers.simulated.faults import Call, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import Setting, Values
from inventory import regulatory
from inventory.channels import Block, blocks
from inventory.model import Band, Mode, Placement, RadioKey, Site

WIDE = {Band.GHZ_2_4: (20, 40), Band.GHZ_5: (20, 40, 80, 160), Band.GHZ_6: (20, 80, 320)}
POLL_S = (10.0, 20.0, 40.0)


def plot_of(random: Random) -> Plot:
    """A site, most often one on which there can be radar."""
    while True:
        band = random.choice([Band.GHZ_5] * 8 + [Band.GHZ_2_4, Band.GHZ_6])
        widths = tuple(sorted(random.sample(WIDE[band], random.randint(1, len(WIDE[band])))))
        country = random.choice(COUNTRIES)
        placement = random.choice([Placement.INDOOR, Placement.INDOOR, Placement.OUTDOOR])
        if lawful_blocks(country, band, placement, widths):
            break
    aps = random.randint(2, 6)
    return Plot(
        country=country,
        band=band,
        aps=aps,
        widths=widths,
        listed=None,
        dfs=random.random() < 0.8,
        pinned=random.random() < 0.05,
        placement=placement,
        mode=random.choice([Mode.ACT] * 9 + [Mode.ADVISE]),
        undo_timer=random.random() < 0.5,
        inflight=random.choice([0.1, 0.5, 1.0]),
        spacing_m=random.choice([15.0, 120.0, 600.0]),
        starts=tuple(random.randint(0, 400) for _ in range(aps)),
        clients=random.randint(0, 3),
        seed=random.randint(0, 99),
    )


def site_of(plot: Plot, random: Random) -> Site:
    """The plot's site, whose devices have ears for everything."""
    site = with_options(
        plot.site(), spectrum_analyser=random.random() < 0.7, intrusion_detection=random.random() < 0.7
    )
    return replace(site, policy=replace(site.policy, poll_s=random.choice(POLL_S)))


class Faults:
    """Faults of every kind, each now and then, until ``over``."""

    def __init__(self, plot: Plot, random: Random) -> None:
        self.over = False
        self._random = random
        self._legal = lawful_blocks(plot.country, plot.band, plot.placement, plot.widths)
        self.plan = FaultPlan(tuple(self._lines()))

    def _lines(self) -> Iterator[Scripted]:
        for _ in range(self._random.randint(0, 10)):
            fault = Fault(
                self._random.choice(list(Kind)),
                after_s=self._random.choice([1.0, 8.0, 30.0]),
                values=self._values(),
            )
            operation = self._random.choice([Operation.APPLY] * 4 + list(Operation))
            device = self._random.choice([None, "ap1", "ap2"])
            yield Scripted(operation, self._chance(self._random.choice([0.01, 0.05, 0.3])), fault, device)

    def _chance(self, ratio: float) -> Callable[[Call], bool]:
        return lambda call: not self.over and self._random.random() < ratio

    def _values(self) -> Values:
        """Lawful ones: what a device does by itself is its own affair, what we send is ours."""
        where = self._random.choice(self._legal)
        return MappingProxyType(
            {
                Setting.CHANNEL: where.primary,
                Setting.WIDTH_MHZ: where.width_mhz,
                Setting.CENTER_MHZ: where.center_mhz,
            }
        )


class Signals:
    """Floods of what devices push; a device that says it may be wrong, or be lied to."""

    def __init__(self, site: Site, random: Random) -> None:
        self._random = random
        self._keys = list(site.radios)
        self._dfs = dfs_mhz(site)

    def flood(self, now_s: float, number: int) -> Iterator[tuple[RadioKey, Signal]]:
        """So many signals, of few kinds and radios."""
        kinds = self._random.sample(KINDS, 2)
        for _ in range(number):
            key = self._random.choice(self._keys)
            yield key, self._one(self._random.choice(kinds), key, now_s)

    def radar(self, now_s: float) -> tuple[RadioKey, RadarDetected] | None:
        """A report of radar, true or not: a device of that radio says so."""
        if not self._dfs:
            return None
        key, mhz = self._random.choice(self._keys), self._random.choice(self._dfs)
        return key, RadarDetected(at_s=now_s, device="", radio=key, mhz20=frozenset({mhz}), raw="storm")

    def _one(self, kind: type, key: RadioKey, now_s: float) -> Signal:
        over, nth = self._random.random() < 0.3, self._random.randrange(3)
        if kind is AttackHeard:
            return AttackHeard(
                at_s=now_s, device="", radio=key, what=f"attack {nth}", jamming=nth == 0, over=over
            )
        if kind is RogueHeard:
            bssid = f"0e:00:00:00:0{nth}:{self._random.randrange(2):02x}"
            return RogueHeard(at_s=now_s, device="", radio=key, bssid=bssid, impersonates=nth == 1, over=over)
        if kind is InterferenceHeard:
            duty = self._random.random()
            return InterferenceHeard(at_s=now_s, device="", radio=key, duty_ratio=duty, over=over)
        if kind is RadioFault:
            return RadioFault(at_s=now_s, device="", radio=key, what=f"fault {nth}", over=over)
        if kind is ChannelSwitched:
            return ChannelSwitched(at_s=now_s, device="", radio=key, channel=36)
        if kind is NopFinished:
            return NopFinished(at_s=now_s, device="", mhz20=frozenset(self._dfs[:1]))
        down = RadioDown(at_s=now_s, device="", radio=key)
        return down if over else RadioUp(at_s=now_s, device="", radio=key)


KINDS: list[type] = [
    AttackHeard,
    RogueHeard,
    InterferenceHeard,
    RadioFault,
    ChannelSwitched,
    NopFinished,
    RadioDown,
]


def dfs_mhz(site: Site) -> list[int]:
    """20 MHz channels of the site's band on which radar counts."""
    band = next(iter(site.radios.values())).band
    return [one.primary_mhz for one in blocks(band, 20) if _counts(site.country, one)]


def _counts(country: str, one: Block) -> bool:
    return regulatory.dfs_needed(country, one)
