"""Floors of radios whose levels follow from positions and powers, for tests of power and spatial reuse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from rig import site_of
from unit.agent.planner.test_channel import NOW
from unit.agent.planner.test_matrix import ALL_ABLE

from agent.planner.obss_pd import LEAST_DBM
from agent.planner.site.heard import MEASURED_SD_DB, Level, expected
from agent.planner.site.plan import Wishes
from agent.planner.site.power import PowerMove, PowerPlan, planned_power
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem
from agent.planner.site.reasons import OF_POWER
from agent.planner.surroundings import CCA_DBM
from agent.view import RadioView, SiteView
from drivers.types import (
    BssReading,
    Capabilities,
    ClientReading,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    Setting,
)
from inventory.channels import block
from inventory.model import Band, PlanPolicy, RadioKey, Site

PLAN = PlanPolicy()
WISHES = Wishes()
FAINTEST_DBM = -95.0
LOAD = 0.3
NEAR = (-45.0,) * 10
"""Clients that hear 20 dBm with -40 dBm."""


def key_of(n: int) -> RadioKey:
    """Of the n-th radio of a floor, from 0."""
    return RadioKey(f"lab/ap{n + 1}/r5")


def index_of(key: RadioKey) -> int:
    return int(key.split("/")[1].removeprefix("ap")) - 1


def bssid_of(n: int) -> str:
    return f"02:00:00:00:00:{n + 1:02x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Radios on a floor, each with how loud it hears its clients. What the radios hear of each other follows
    from positions and powers; what clients send does not depend on ours."""

    at_m: tuple[tuple[float, float], ...]
    power: tuple[int, ...]
    clients: tuple[tuple[float, ...], ...]
    channel: tuple[int, ...]
    level: tuple[int, ...] = ()
    strangers: tuple[NeighborReading, ...] = ()
    choices: tuple[int, ...] | None = None
    able: Capabilities = ALL_ABLE
    plan: PlanPolicy = PLAN
    radio: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def levels(self) -> tuple[int, ...]:
        return self.level or (LEAST_DBM,) * len(self.power)

    @property
    def site(self) -> Site:
        policy = replace(site_of().policy, plan=self.plan)
        return site_of(len(self.at_m), policy=policy, **self.radio)

    def hears_dbm(self, a: int, b: int) -> float:
        """50 dB at a metre, 30 dB more for each ten times the distance."""
        away_m = max(1.0, math.dist(self.at_m[a], self.at_m[b]))
        return self.power[b] - 50.0 - 30.0 * math.log10(away_m)

    def view(self) -> SiteView:
        site, size = self.site, range(len(self.at_m))
        return SiteView(
            site=site,
            now=NOW,
            radios={key_of(n): self._radio(site, n) for n in size},
            bssids={bssid_of(n): key_of(n) for n in size},
        )

    def _radio(self, site: Site, n: int) -> RadioView:
        return RadioView(
            radio=site.radios[key_of(n)],
            device=f"ap{n + 1}",
            reading=self._reading(n),
            neighbors=(*self._own(n), *self.strangers),
            scanned=True,
            scanned_age_s=10.0,
            capabilities=self.able,
        )

    def _own(self, n: int) -> tuple[NeighborReading, ...]:
        heard = {m: self.hears_dbm(n, m) for m in range(len(self.at_m)) if m != n}
        return tuple(
            NeighborReading(
                bssid=bssid_of(m), channel=self.channel[m], width_mhz=20, signal_dbm=dbm, age_s=10.0
            )
            for m, dbm in heard.items()
            if dbm >= FAINTEST_DBM
        )

    def _reading(self, n: int) -> RadioReading:
        where = block(Band.GHZ_5, self.channel[n], 20)
        signals = enumerate(self.clients[n])
        return RadioReading(
            key=key_of(n),
            at_s=NOW.monotonic_s - 5,
            state=RadioState.ON_AIR,
            band=Band.GHZ_5,
            channel=Reported(where.primary, "test"),
            width_mhz=Reported(20, "test"),
            center_mhz=Reported(where.center_mhz, "test"),
            tx_power_dbm=Reported(float(self.power[n]), "test"),
            obss_pd_dbm=Reported(self.levels[n], "test"),
            power_choices_dbm=self.choices,
            bss=(BssReading(bssid=bssid_of(n)),),
            clients=tuple(ClientReading(mac=f"c{n}-{m}", signal_dbm=dbm) for m, dbm in signals),
        )

    def problem(self) -> tuple[Problem, Choice]:
        """All of them on the channel that they have."""
        size = range(len(self.at_m))
        blocks = [block(Band.GHZ_5, channel, 20) for channel in self.channel]
        members = tuple(
            Member(key=key_of(n), options=(Option(block=blocks[n], worth=math.log(20.0)),), now=0)
            for n in size
        )
        pairs = tuple(
            Pair(a, b, self._cost(a, b), self._cost(b, a), 0.0, 0.0) for a in size for b in size if a < b
        )
        return Problem(band=Band.GHZ_5, members=members, pairs=pairs), (0,) * len(members)

    def _cost(self, a: int, b: int) -> float:
        return LOAD * expected(Level(self.hears_dbm(a, b), MEASURED_SD_DB), CCA_DBM)

    def planned(self, wishes: Wishes = WISHES, view: SiteView | None = None) -> PowerPlan:
        problem, choice = self.problem()
        plan = planned_power(view or self.view(), [problem], [choice], wishes)
        assert all(OF_POWER.issuperset(move.reasons) for move in plan.moves)
        return plan

    def after(self, moves: Sequence[PowerMove]) -> Floor:
        """When these are done."""
        power, level = list(self.power), list(self.levels)
        for move in moves:
            n = index_of(move.radio)
            power[n] = move.target.get(Setting.TX_POWER_DBM, power[n])
            level[n] = move.target.get(Setting.OBSS_PD_DBM, level[n])
        return replace(self, power=tuple(power), level=tuple(level))


def row(count: int, spacing_m: float, power: int = 20, **given: Any) -> Floor:
    """A row of radios on one channel, each with clients close by."""
    values: dict[str, Any] = {
        "at_m": tuple((spacing_m * n, 0.0) for n in range(count)),
        "power": (power,) * count,
        "clients": (NEAR,) * count,
        "channel": (36,) * count,
    }
    return Floor(**{**values, **given})


def rounds(floor: Floor, wishes: Wishes = WISHES, most: int = 40) -> list[Floor]:
    """The floor after each plan, until one changes nothing; there must be such a one."""
    found = [floor]
    while (moves := floor.planned(wishes).moves) and len(found) <= most:
        floor = floor.after(moves)
        found.append(floor)
    assert not moves, f"no end after {most} plans: {moves}"
    return found


def powers(plan: PowerPlan) -> dict[int, int]:
    """Targets by radio, from 0."""
    return _targets(plan, Setting.TX_POWER_DBM)


def reuse_levels(plan: PowerPlan) -> dict[int, int]:
    return _targets(plan, Setting.OBSS_PD_DBM)


def _targets(plan: PowerPlan, setting: Setting) -> dict[int, int]:
    return {index_of(each.radio): each.target[setting] for each in plan.moves if setting in each.target}


def why_left(plan: PowerPlan) -> dict[int, str]:
    return {index_of(each.radio): each.reason for each in plan.left}
