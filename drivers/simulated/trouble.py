"""A day of all kinds of trouble, the same for the same seed whatever anybody does about it. Pure.

`a_day` says what will happen; `arm` makes it happen. A quiet day is one of which nothing is armed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from random import Random
from types import MappingProxyType

from drivers.simulated.propagation import Position
from drivers.simulated.world import World
from inventory.channels import block
from inventory.model import Band, RadioKey, ap_of

HOUR_S = 3600.0
MEALS_H = ((7.0, 8.5), (12.0, 13.5), (18.0, 20.0))
RADAR_MHZ = (5260, 5280, 5300, 5320, 5500, 5580)
JAMMED_MHZ = ((2402.0, 2482.0), (5170.0, 5250.0), (5250.0, 5330.0))
LOADED = ((Band.GHZ_2_4, (1, 6, 11)), (Band.GHZ_5, (36, 44, 52, 149, 157)))
CROWD = 60
RESETS = 4
RESET_EVERY_S = 420.0


class Trouble(StrEnum):
    RADAR = "radar"
    MICROWAVE = "microwave"
    DEAD_AP = "dead_ap"
    CUT_MANAGEMENT = "cut_management"
    DEAD_RADIO = "dead_radio"
    CRASHED_RADIO = "crashed_radio"
    STUCK_RADIO = "stuck_radio"
    RESETTING_RADIO = "resetting_radio"
    LOADED_NEIGHBOUR = "loaded_neighbour"
    CROWD = "crowd"
    JAMMER = "jammer"
    ROGUE = "rogue"
    IMPOSTOR = "impostor"
    FLOOD = "flood"


PER_100_APS: Mapping[Trouble, float] = MappingProxyType(
    {
        Trouble.RADAR: 6,
        Trouble.MICROWAVE: 40,
        Trouble.DEAD_AP: 2,
        Trouble.CUT_MANAGEMENT: 2,
        Trouble.DEAD_RADIO: 1,
        Trouble.CRASHED_RADIO: 2,
        Trouble.STUCK_RADIO: 3,
        Trouble.RESETTING_RADIO: 1,
        Trouble.LOADED_NEIGHBOUR: 8,
        Trouble.CROWD: 3,
        Trouble.JAMMER: 1,
        Trouble.ROGUE: 1,
        Trouble.IMPOSTOR: 1,
        Trouble.FLOOD: 1,
    }
)
"""How many there are in a day."""

LASTS_S: Mapping[Trouble, tuple[float, float]] = MappingProxyType(
    {
        Trouble.RADAR: (0.0, 0.0),
        Trouble.MICROWAVE: (120.0, 480.0),
        Trouble.DEAD_AP: (HOUR_S, 6 * HOUR_S),
        Trouble.CUT_MANAGEMENT: (600.0, HOUR_S),
        Trouble.DEAD_RADIO: (HOUR_S, 4 * HOUR_S),
        Trouble.CRASHED_RADIO: (2 * HOUR_S, 6 * HOUR_S),
        Trouble.STUCK_RADIO: (2 * HOUR_S, 6 * HOUR_S),
        Trouble.RESETTING_RADIO: (RESETS * RESET_EVERY_S, RESETS * RESET_EVERY_S),
        Trouble.LOADED_NEIGHBOUR: (2 * HOUR_S, 8 * HOUR_S),
        Trouble.CROWD: (HOUR_S, 1.5 * HOUR_S),
        Trouble.JAMMER: (1200.0, HOUR_S),
        Trouble.ROGUE: (HOUR_S, 3 * HOUR_S),
        Trouble.IMPOSTOR: (1800.0, 2 * HOUR_S),
        Trouble.FLOOD: (180.0, 600.0),
    }
)
"""From, to; where nobody restarts it, that is how long a crashed or stuck radio waits for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """``number``: which one of its kind, and what its choices are made of."""

    trouble: Trouble
    at_s: float
    until_s: float
    radio: RadioKey
    place: Position
    number: int

    @property
    def name(self) -> str:
        return f"{self.trouble}-{self.number}"

    @property
    def bssid(self) -> str:
        """Of a network that somebody brings."""
        kind = list(Trouble).index(self.trouble)
        return f"0e:00:00:{kind:02x}:{self.number >> 8:02x}:{self.number & 255:02x}"


def a_day(world: World, seed: int, *, hours: float = 24.0) -> tuple[Incident, ...]:
    """What will happen in the next hours, in order of time; as often as the number of APs makes likely."""
    random = Random(f"{seed}/trouble")  # noqa: S311  a repeatable story is the point
    found = [each for trouble in Trouble for each in _of(trouble, world, random, hours)]
    return tuple(sorted(found, key=lambda each: (each.at_s, each.name)))


def arm(world: World, incidents: Iterable[Incident]) -> None:
    """Let them happen."""
    for each in incidents:
        begin, end = _DEEDS[each.trouble]
        world.at(each.at_s, partial(begin, world, each))
        if end is not None:
            world.at(each.until_s, partial(end, world, each))


def _of(trouble: Trouble, world: World, random: Random, hours: float) -> Iterator[Incident]:
    keys = [key for key in world.radio_keys() if _concerns(trouble, world, key)]
    aps = len(world.places())
    share = PER_100_APS[trouble] * aps / 100 * hours / 24
    number = int(share) + (random.random() < share % 1)
    for nth in range(number if keys else 0):
        key = random.choice(keys)
        x, y, z = world.radio(key).position
        at_s = _when(trouble, world, random, hours)
        yield Incident(
            trouble=trouble,
            at_s=at_s,
            until_s=at_s + random.uniform(*LASTS_S[trouble]),
            radio=key,
            place=(x + random.uniform(-6, 6), y + random.uniform(-6, 6), z - 2.0),
            number=nth,
        )


def _concerns(trouble: Trouble, world: World, key: RadioKey) -> bool:
    """Ovens stand near anybody, but it is the 2.4 GHz radio that hears them; radar is heard at 5 GHz."""
    band = world.radio(key).radio.band
    if trouble is Trouble.MICROWAVE:
        return band is Band.GHZ_2_4
    return trouble is not Trouble.RADAR or band is Band.GHZ_5


def _when(trouble: Trouble, world: World, random: Random, hours: float) -> float:
    """At any time; ovens at meals, crowds in working hours."""
    if trouble is Trouble.MICROWAVE:
        span = random.choice(MEALS_H)
    elif trouble is Trouble.CROWD:
        span = (9.0, 17.0)
    else:
        return world.now_s + random.uniform(0.0, hours * HOUR_S)
    wait_h = (random.uniform(*span) - world.day.hour(world.now_s)) % 24
    return world.now_s + wait_h * HOUR_S


# what each does


def _radar(world: World, each: Incident) -> None:
    world.radar(RADAR_MHZ[each.number % len(RADAR_MHZ)])


def _oven_on(world: World, each: Incident) -> None:
    world.add_microwave(each.name, each.place, world.now_s, each.until_s)


def _kill(world: World, each: Incident) -> None:
    world.hardware.kill_ap(ap_of(each.radio))


def _revive(world: World, each: Incident) -> None:
    if not world.radio(each.radio).powered:  # else another incident was over first
        world.hardware.revive_ap(ap_of(each.radio))


def _cut(world: World, each: Incident) -> None:
    world.hardware.cut_management(ap_of(each.radio))


def _restore(world: World, each: Incident) -> None:
    world.hardware.restore_management(ap_of(each.radio))


def _break(world: World, each: Incident) -> None:
    world.hardware.break_radio(each.radio)


def _mend(world: World, each: Incident) -> None:
    world.hardware.mend_radio(each.radio)


def _crash(world: World, each: Incident) -> None:
    world.hardware.crash_radio(each.radio)


def _stick(world: World, each: Incident) -> None:
    world.hardware.stick(each.radio)


def _help(world: World, each: Incident) -> None:
    """A person restarts what nobody restarted before."""
    world.hardware.help_radio(each.radio)


def _reset(world: World, each: Incident) -> None:
    for nth in range(RESETS):
        world.at(world.now_s + nth * RESET_EVERY_S, partial(world.hardware.reset, each.radio))


def _load(world: World, each: Incident) -> None:
    band, channels = LOADED[each.number % len(LOADED)]
    where = block(band, channels[each.number // len(LOADED) % len(channels)], 20)
    world.add_foreign(each.bssid, where, each.place, busy_ratio=0.35 + 0.05 * (each.number % 6))


def _unload(world: World, each: Incident) -> None:
    world.remove_foreign(each.bssid)


def _crowd(world: World, each: Incident) -> None:
    world.people.add_crowd(each.place, CROWD, each.at_s, each.until_s)


def _jam(world: World, each: Incident) -> None:
    low_mhz, high_mhz = JAMMED_MHZ[each.number % len(JAMMED_MHZ)]
    world.hostile.add_jammer(each.name, low_mhz, high_mhz, each.place)


def _unjam(world: World, each: Incident) -> None:
    world.remove_interferer(each.name)


def _rogue(world: World, each: Incident) -> None:
    radio = world.radio(each.radio)
    world.hostile.add_rogue(each.bssid, radio.block, each.place, ssid=radio.ssid)


def _unrogue(world: World, each: Incident) -> None:
    world.hostile.remove(each.bssid)


def _impersonate(world: World, each: Incident) -> None:
    channel = 11 if world.radio(each.radio).radio.band is Band.GHZ_2_4 else 161
    world.hostile.impersonate(each.radio, block(world.radio(each.radio).radio.band, channel, 20), each.place)


def _unmask(world: World, each: Incident) -> None:
    world.hostile.remove(world.radio(each.radio).bssid)


def _flood(world: World, each: Incident) -> None:
    world.hostile.flood(each.radio, each.until_s)


Deed = Callable[[World, Incident], None]

_DEEDS: Mapping[Trouble, tuple[Deed, Deed | None]] = MappingProxyType(
    {
        Trouble.RADAR: (_radar, None),
        Trouble.MICROWAVE: (_oven_on, None),
        Trouble.DEAD_AP: (_kill, _revive),
        Trouble.CUT_MANAGEMENT: (_cut, _restore),
        Trouble.DEAD_RADIO: (_break, _mend),
        Trouble.CRASHED_RADIO: (_crash, _help),
        Trouble.STUCK_RADIO: (_stick, _help),
        Trouble.RESETTING_RADIO: (_reset, None),
        Trouble.LOADED_NEIGHBOUR: (_load, _unload),
        Trouble.CROWD: (_crowd, None),
        Trouble.JAMMER: (_jam, _unjam),
        Trouble.ROGUE: (_rogue, _unrogue),
        Trouble.IMPOSTOR: (_impersonate, _unmask),
        Trouble.FLOOD: (_flood, None),
    }
)
