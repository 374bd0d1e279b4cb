"""What goes wrong with a site in a fortnight, drawn from a seed: devices that answer badly or not at all, and
what befalls the machine that the agent runs on."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from types import MappingProxyType

from drivers.simulated import trouble
from drivers.simulated.faults import Call, Fault, FaultPlan, Kind, Operation
from drivers.simulated.world import World
from drivers.types import Setting
from inventory.channels import block
from inventory.model import Band

HOUR_S, DAY_S = 3600.0, 86_400.0
FREEZES_S = 1800.0
"""A device whose counters stand still does so for that long."""
PASSING_S = 1200.0
PASSING = ((Band.GHZ_2_4, (1, 6, 11)), (Band.GHZ_5, (36, 44, 149)))
SCALE = 1 << 32

READS = ((Kind.TIMEOUT, 2e-3), (Kind.PARTIAL, 5e-4), (Kind.GARBAGE, 2e-4), (Kind.DISCONNECT, 2e-4))
RARE_READS = ((Kind.COUNTER_RESET, 1e-4), (Kind.REBOOT, 1e-5), (Kind.HANG, 1e-5))
WRITES = (
    (Kind.TIMEOUT, 0.02),
    (Kind.TIMEOUT_DONE, 0.02),
    (Kind.REFUSED, 0.02),
    (Kind.NOT_DONE, 0.01),
    (Kind.DONE_LATE, 0.01),
    (Kind.DISCONNECT_DONE, 0.01),
    (Kind.DONE_WRONG, 0.005),
)
READ_BACKS = ((Kind.TIMEOUT, 0.01), (Kind.GARBAGE, 0.005), (Kind.WRONG_READBACK, 0.005))
CONFIRMS = ((Kind.TIMEOUT, 0.02), (Kind.TIMEOUT_DONE, 0.02))
RATIOS: Mapping[Operation, tuple[tuple[Kind, float], ...]] = MappingProxyType(
    {
        Operation.READ: (*READS, *RARE_READS),
        Operation.APPLY: WRITES,
        Operation.READ_CONFIG: READ_BACKS,
        Operation.CONFIRM: CONFIRMS,
        Operation.CANCEL: CONFIRMS,
    }
)
"""Per call. What is not named does not go wrong."""
FROZEN_RATIO = 0.002
"""Of half-hours of a device."""
WRONG = MappingProxyType({Setting.TX_POWER_DBM: 9})


@dataclass(frozen=True, slots=True)
class Weather(FaultPlan):
    """A plan that is drawn: the same call of the same device has the same fault whenever it comes."""

    seed: int = 0

    def of(self, call: Call) -> Fault | None:
        if call.operation is Operation.READ and self._frozen(call):
            return Fault(Kind.FROZEN)
        drawn = _drawn(f"{self.seed}/{call.device}/{call.operation}/{call.nth}")
        for kind, ratio in RATIOS.get(call.operation, ()):
            if drawn < ratio:
                return Fault(kind, after_s=40.0, values=WRONG)
            drawn -= ratio
        return None

    def _frozen(self, call: Call) -> bool:
        return _drawn(f"{self.seed}/{call.device}/frozen/{call.at_s // FREEZES_S}") < FROZEN_RATIO


def _drawn(name: str) -> float:
    """0..1, the same for the same name."""
    return zlib.crc32(name.encode()) / SCALE


def arm_day(world: World, seed: int, day: int) -> None:
    """One day of all kinds of trouble, and of people who walk by with a hotspot: each has an address that
    was never heard before."""
    incidents = trouble.a_day(world, seed * 1000 + day)
    trouble.arm(world, (replace(each, number=each.number + 100 * day) for each in incidents))
    random = Random(f"{seed}/{day}/passing")
    for nth in range(len(world.places())):
        _pass_by(world, f"{day:02x}:{nth >> 8:02x}:{nth & 255:02x}", random)


def _pass_by(world: World, tail: str, random: Random) -> None:
    x, y, z = random.choice(world.places())
    band, channels = random.choice(PASSING)
    bssid, where = f"0e:ff:ff:{tail}", block(band, random.choice(channels), 20)
    at_s = world.now_s + random.uniform(0.0, DAY_S - PASSING_S)
    place = (x + random.uniform(-10, 10), y + random.uniform(-10, 10), z)
    world.at(at_s, partial(world.add_foreign, bssid, where, place, tx_power_dbm=15, busy_ratio=0.02))
    world.at(at_s + PASSING_S, partial(world.remove_foreign, bssid))


Deeds = list[tuple[float, str, float]]
"""When, what, and how much or how long."""


def machine_deeds(days: int, seed: int) -> Deeds:
    """What befalls the agent and its machine. ``kill`` and ``restart`` on the first two days: the rest is one
    long life. ``clock``: the wall clock is set, in seconds. ``disk``: lost for so many. ``remove``,
    ``return``: an AP leaves the site file, and comes back."""
    random = Random(f"{seed}/machine")
    found: Deeds = [(0.4 * DAY_S, "kill", 0.0), (1.5 * DAY_S, "restart", 0.0)]
    for day in range(days):
        found.append((day * DAY_S + random.uniform(0, DAY_S), "clock", random.uniform(-2.0, 2.0)))
        if day % 5 == 3:
            found.append((day * DAY_S + random.uniform(0, DAY_S), "disk", 60.0))
        if day % 5 == 2:
            found += [(day * DAY_S + 9 * HOUR_S, "remove", 0.0), (day * DAY_S + 15 * HOUR_S, "return", 0.0)]
        if day % 7 == 4:
            found.append((day * DAY_S + 2 * HOUR_S, "clock", 3600.0))
        if day % 7 == 5:
            found.append((day * DAY_S + 2 * HOUR_S, "clock", -3600.0))
    return sorted(found)
