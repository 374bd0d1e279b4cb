"""How still the plan of a site stands while nothing changes, and how soon it follows when something does.

``python -m benchmarks.plan_stability [--aps 60] [--hours 24] [--seeds 3] [--every 12] [--json]``

A building of dual-band APs, people who come and go, strangers with the load of the hour, hotspots that pass
by, and scans that are noisy (`benchmarks.noisy_scans`). After every so many scans the site is planned and the
plan is carried out at once, which is more than the agent would do. The first plans put in order what the
installer left; all moves after them are flicker. Beside it the same with plans that rest on the last scan
alone. Then something really happens, and the plans after each scan are held against the one after two hours:
how much of what that one gains do they gain?
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Final

from agent.memory import Memory
from agent.moment import Moment
from agent.planner.pooling import pooled
from agent.planner.site.build import graph
from agent.planner.site.plan import Plan, Wishes
from agent.planner.site.planning import planned
from agent.planner.site.problem import objective
from agent.view import SiteView
from benchmarks.noisy_scans import Ears
from drivers.simulated.airtime import Foreign
from drivers.simulated.campus import Campus, campus
from drivers.simulated.identity import CAPABILITIES
from drivers.types import Setting, Snapshot
from inventory.channels import Block, blocks
from inventory.model import Band, Mode, Policy, RadioKey

ROUND_S: Final = 300.0
WARM_UP_ROUNDS: Final = 2
CLIENTS_PER_AP: Final = 4
PASSERS_PER_AP_HOUR: Final = 0.1
"""Hotspots in pockets, for 5 to 30 minutes."""
STAYS_S: Final = (300.0, 1800.0)
SETTLES: Final = 4
TARGET: Final = 0.2
"""Moves per AP and day."""
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


# -- nothing changes ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """``first``: moves of the first plan, ``later``: of each one after it, ``seconds``: of processor time for
    each plan. ``per_ap_day``: the later ones."""

    aps: int
    hours: float
    first: int
    later: tuple[int, ...]
    seconds: float

    @property
    def per_ap_day(self) -> float:
        return sum(self.later) / self.aps * 24.0 / self.hours


def day(site: Site, hours: float, every: int) -> Day:
    """So many hours, planned after every so many scans."""
    for _ in range(WARM_UP_ROUNDS):
        site.scan()
    began = time.process_time()
    first = site.settle()
    seconds = [time.process_time() - began]
    later = []
    for nth in range(1, round(hours * 3600.0 / ROUND_S) + 1):
        site.scan()
        if nth % every == 0:
            began = time.process_time()
            plan = site.plan()
            seconds.append(time.process_time() - began)
            later.append(len(plan.moves))
            site.apply(plan)
    return Day(
        aps=len(site.campus.site.aps),
        hours=hours,
        first=first,
        later=tuple(later),
        seconds=statistics.median(seconds),
    )


# -- something changes -------------------------------------------------------------------------------------

LONG_ROUNDS: Final = 24
LOOKS: Final = 3
NEW: Final = "0c:00:00:00:00:01"


def _near(site: Site) -> tuple[RadioKey, tuple[float, float, float], Block]:
    key = RadioKey(f"{site.campus.site.id}/ap{len(site.campus.site.aps) // 2}/r5")
    radio = site.campus.world.radio(key)
    x, y, z = radio.position
    return key, (x + 4.0, y + 2.0, z - 1.0), radio.block


def _faint(site: Site) -> None:
    """A stranger who whispers, on the channel of the AP."""
    _, (x, y, z), where = _near(site)
    site.campus.world.add_foreign(NEW, where, (x + 9.0, y, z), tx_power_dbm=0.0, busy_ratio=0.05)


def _loud(site: Site) -> None:
    """The same is next door, with much to send."""
    _, place, _ = _near(site)
    known = site.campus.world.ether.foreign[NEW]
    site.campus.world.add_foreign(NEW, known.block, place, tx_power_dbm=20.0, busy_ratio=0.6)


def _wide(site: Site) -> None:
    """A network of 80 MHz comes up in the next room, on the channel of the AP."""
    _, place, where = _near(site)
    wide = next(each for each in blocks(where.band, 80) if each.primary == where.primary)
    site.campus.world.add_foreign(NEW, wide, place, tx_power_dbm=20.0, busy_ratio=0.6)


def _off(site: Site) -> None:
    site.campus.world.set_externally(_near(site)[0], {Setting.ENABLED: 0})


def _added(site: Site) -> None:
    """An AP goes on air where the factory set it: on the channel of one that it hears best."""
    world = site.campus.world
    key, _, _ = _near(site)
    _, other = min(world.ether.hearing.of[key], key=lambda each: each[0])
    at = other.block
    values = {Setting.CHANNEL: at.primary, Setting.WIDTH_MHZ: at.width_mhz, Setting.CENTER_MHZ: at.center_mhz}
    world.set_externally(key, {Setting.ENABLED: 1, **values})


def _nothing(_site: Site) -> None:
    pass


STORIES: Final[dict[str, tuple[Callable[[Site], None], Callable[[Site], None]]]] = {
    "a stranger goes loud": (_faint, _loud),
    "a network of 80 MHz comes up": (_nothing, _wide),
    "an AP is added": (_off, _added),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """``moves``: of the plans after the first, second, ... scan; ``shares``: of the gain of the plan that is
    made two hours later, by what is known then; ``gain_nats``: that gain."""

    story: str
    moves: tuple[int, ...]
    shares: tuple[float, ...]
    gain_nats: float


def reaction(aps: int, seed: int, story: str, long: int = LONG_ROUNDS) -> Reaction:
    """Nothing is carried out after the change, so that all plans start from the same state. ``long``: so many
    scans before it, and until all is known of it."""
    site, (before, change) = built(aps, seed), STORIES[story]
    for _ in range(WARM_UP_ROUNDS):
        site.scan()
    site.settle()
    before(site)
    for _ in range(long):
        site.scan()
    site.settle()
    change(site)
    plans = []
    for _ in range(LOOKS):
        site.scan()
        plans.append(site.plan())
    for _ in range(long):
        site.scan()
    known, last = pooled(site.memory.view(site.campus.site, site.now)), site.plan()
    best = _gain(known, last)
    return Reaction(
        story=story,
        moves=tuple(len(plan.moves) for plan in plans),
        shares=tuple(round(_gain(known, plan) / best, 3) if best > 0 else 1.0 for plan in plans),
        gain_nats=round(best, 3),
    )


def _gain(view: SiteView, plan: Plan) -> float:
    """What a plan brings by what is known in this view, nats."""
    goals, gain = {move.radio: move.after for move in plan.moves}, 0.0
    for problem in graph(view).problems:
        start = problem.start()
        if start is None:
            raise ValueError(f"somebody has no place in {problem.band} GHz")
        choice = list(start)
        for index, member in enumerate(problem.members):
            if (goal := goals.get(member.key)) is not None:
                choice[index] = [option.block for option in member.options].index(goal)
        gain += objective(problem, tuple(choice)) - objective(problem, start)
    return gain


# -- told --------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan_stability", description=__doc__)
    parser.add_argument("--aps", type=int, default=60)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=12, help="scans from one plan to the next")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[dict[str, object]]] = {"days": [], "reactions": []}
    for seed in range(1, options.seeds + 1):
        for last_scan in (False, True):
            one = day(built(options.aps, seed, last_scan=last_scan), options.hours, options.every)
            rests_on = "last scan" if last_scan else "pools"
            row = {"seed": seed, "rests_on": rests_on, "per_ap_day": round(one.per_ap_day, 3), **asdict(one)}
            found["days"].append(row)
            if not options.json:
                print(
                    f"seed {seed}, {rests_on:9}: {one.per_ap_day:6.3f} moves per AP and day "
                    f"({sum(one.later)} in {len(one.later)} plans of {one.seconds:.2f} s of processor time, "
                    f"after {one.first} to begin with)",
                    flush=True,
                )
        for story in STORIES:
            told = reaction(options.aps, seed, story)
            found["reactions"].append({"seed": seed, **asdict(told)})
            if not options.json:
                shares = ", ".join(f"{100 * share:.0f}" for share in told.shares)
                print(
                    f"seed {seed}, {story:28}: after 1, 2, 3 scans {shares} % of the gain of "
                    f"{told.gain_nats:.2f} nats, in {', '.join(map(str, told.moves))} moves",
                    flush=True,
                )
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(_summary(found))


def _summary(found: dict[str, list[dict[str, object]]]) -> str:
    lines = []
    for rests_on in ("pools", "last scan"):
        rates = [float(str(row["per_ap_day"])) for row in found["days"] if row["rests_on"] == rests_on]
        lines.append(
            f"{rests_on}: {statistics.median(rates):.3f} moves per AP and day "
            f"({min(rates):.3f} to {max(rates):.3f} over {len(rates)} seeds); to reach: {TARGET}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
