"""A site whose radios scan noisily, with the agent's memory of it: chance and change in it, and its plans.

A building of dual-band APs, people who come and go, strangers with the load of the hour, hotspots that pass
by, and scans that are noisy (`benchmarks.noisy_scans`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from agent.memory import Memory
from agent.moment import Moment
from agent.planner.site.plan import Plan, Wishes
from agent.planner.site.planning import planned
from agent.view import SiteView
from benchmarks.noisy_scans import Ears
from drivers.simulated.airtime import Foreign
from drivers.simulated.campus import Campus, campus
from drivers.simulated.identity import CAPABILITIES
from drivers.types import Snapshot
from inventory.channels import blocks
from inventory.model import Band, Mode, Policy

ROUND_S: Final = 300.0
WARM_UP_ROUNDS: Final = 2
CLIENTS_PER_AP: Final = 4
PASSERS_PER_AP_HOUR: Final = 0.1
"""Hotspots in pockets, for 5 to 30 minutes."""
STAYS_S: Final = (300.0, 1800.0)
SETTLES: Final = 4
WISHES: Final = Wishes(least_gain=0.1, power=False, obss_pd=False, exact=False)
BOOT: Final = "benchmark"


@dataclass(slots=True)
class Site:
    """A site with the agent's memory of it. ``last_scan``: plans rest on that alone."""

    campus: Campus
    memory: Memory
    ears: Ears
    random: Random
    last_scan: bool = False
    rounds: int = 0
    passers: int = 0
    strangers: dict[str, Foreign] = field(default_factory=dict)

    @property
    def now(self) -> Moment:
        now_s = self.campus.world.now_s
        return Moment(
            monotonic_s=now_s, utc_us=round(now_s * 1e6), boot_id=BOOT, boottime_us=round(now_s * 1e6)
        )

    def scan(self) -> None:
        """Five minutes later everybody has scanned once more."""
        world = self.campus.world
        self._busy()
        self._passes_by()
        world.advance(world.now_s + ROUND_S)
        readings = {key: self.ears.read(key, world.now_s) for key in world.radio_keys()}
        self.memory.see(Snapshot(at_s=world.now_s, readings=readings))
        self.rounds += 1

    def plan(self) -> Plan:
        view = self.memory.view(self.campus.site, self.now)
        return planned(without_pools(view) if self.last_scan else view, WISHES, never)

    def apply(self, plan: Plan) -> None:
        for move in plan.moves:
            self.campus.world.configure(move.radio, move.target)

    def settle(self) -> int:
        """Planned until nothing is left to move, which one plan should do; how many moves it took."""
        moves = 0
        for _ in range(SETTLES):
            plan = self.plan()
            self.apply(plan)
            moves += len(plan.moves)
            self.scan()
            if not plan.moves:
                break
        return moves

    def _busy(self) -> None:
        """Other people want more by day than by night, too."""
        world = self.campus.world
        for each in self.strangers.values():
            world.ether.add_foreign(
                replace(each, busy_ratio=min(1.0, 2.0 * each.busy_ratio * world.day.ratio))
            )

    def _passes_by(self) -> None:
        world, random = self.campus.world, self.random
        if random.random() >= PASSERS_PER_AP_HOUR * len(self.campus.site.aps) * ROUND_S / 3600.0:
            return
        self.passers += 1
        bssid = f"0e:00:00:00:{self.passers >> 8:02x}:{self.passers & 255:02x}"
        x, y, z = random.choice(world.places())
        band = random.choice((Band.GHZ_2_4, Band.GHZ_5))
        where = random.choice(
            [each for each in blocks(band, 20) if each.primary in (1, 6, 11, 36, 44, 149, 157)]
        )
        world.add_foreign(bssid, where, (x + 5.0, y + 3.0, z - 1.0), tx_power_dbm=15.0, busy_ratio=0.05)
        world.at(world.now_s + random.uniform(*STAYS_S), lambda: world.remove_foreign(bssid))


def without_pools(view: SiteView) -> SiteView:
    """The site as the last scans and surveys tell of it."""
    radios = {key: replace(at, level_pool=None, air_pool=None, crowd=None) for key, at in view.radios.items()}
    return replace(view, radios=radios)


def never() -> bool:
    return False


def built(aps: int, seed: int, *, last_scan: bool = False) -> Site:
    """At midnight, nobody has scanned yet."""
    found = campus(aps, seed, policy=Policy(mode=Mode.ACT), clients_per_ap=CLIENTS_PER_AP)
    memory = Memory({found.site.id: found.site})
    for known in memory.radios.values():
        known.capabilities = CAPABILITIES
    ears = Ears(found.world, Random(f"{seed}/ears"))
    site = Site(found, memory, ears, Random(f"{seed}/passers"), last_scan)
    site.strangers = dict(found.world.ether.foreign)
    return site
