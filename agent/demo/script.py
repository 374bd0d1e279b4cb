"""What happens at the school, and when. The agent knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.demo.school import key
from drivers.simulated.world import World
from inventory.channels import blocks
from inventory.model import Band

HOUR_S = 3600.0

RADAR, MICROWAVE, WORSE, DEAD, CROWD = "radar", "microwave", "worse", "dead_ap", "crowd"

RADAR_AT = key("lobby", "r5")
MICROWAVE_AT = key("canteen", "r2")
WORSE_AT = key("class-2", "r5")
DEAD_AP = "demo/lab-2"
CROWD_AT = key("hall", "r5")

OVEN = "oven"
VIDEO_WALL = "02:fe:00:00:00:01"
GROUPS, GROUP = 3, 16
SPOILS = 4.0
"""How many times the retries are where the hidden sender is."""


def _nothing(world: World) -> None:
    """Only said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that happens ``at_s`` seconds after two o'clock. ``opens``: the story that begins with it."""

    at_s: float
    where: str
    text: str
    do: Callable[[World], None] = _nothing
    opens: str | None = None


def minutes(minute: float) -> float:
    return 60.0 * minute


def _oven_on(world: World) -> None:
    """It sends in every other half of the mains cycle, over the upper half of the band."""
    place = world.radio(MICROWAVE_AT).position
    world.add_interferer(OVEN, 2450.0, 2480.0, place, tx_power_dbm=20, duty_ratio=0.5)


def _video_wall_on(world: World) -> None:
    """It fills the channel; and wherever else the radio goes, a sender that no scan shows disturbs it."""
    here = world.radio(WORSE_AT)
    world.add_foreign(VIDEO_WALL, here.block, here.position, tx_power_dbm=10, busy_ratio=0.85)
    for width in (20, 40):
        for there in blocks(Band.GHZ_5, width):
            if not there.mhz20 & here.block.mhz20:
                world.spoil(WORSE_AT, there, SPOILS)


def _visitors(world: World) -> None:
    """They come together, and leave group by group."""
    place = world.radio(CROWD_AT).position
    for number in range(GROUPS):
        until_s = world.now_s + minutes(7 + 3 * number)
        world.people.add_crowd(place, GROUP, world.now_s, until_s, mbps=0.4)


ACTS = (
    Act(at_s=0.0, where="school", text="lessons have begun: people in every room, nothing unusual"),
    Act(
        at_s=minutes(6),
        where="lobby",
        text="a weather radar sweeps over channel 52, where its 5 GHz radio is",
        do=lambda world: world.radar(RADAR_AT),
        opens=RADAR,
    ),
    Act(
        at_s=minutes(12),
        where="canteen",
        text="a microwave oven runs, over the upper half of the 2.4 GHz band",
        do=_oven_on,
        opens=MICROWAVE,
    ),
    Act(
        at_s=minutes(20),
        where="canteen",
        text="the oven has done its work",
        do=lambda world: world.remove_interferer(OVEN),
    ),
    Act(
        at_s=minutes(21),
        where="class-2",
        text=(
            "a guest's video wall fills the 5 GHz channel; and on every other one a sender that no scan "
            "shows would disturb this room"
        ),
        do=_video_wall_on,
        opens=WORSE,
    ),
    Act(
        at_s=minutes(30),
        where="class-2",
        text="the guest packs up",
        do=lambda world: world.remove_foreign(VIDEO_WALL),
    ),
    Act(
        at_s=minutes(32),
        where="lab-2",
        text="a breaker trips: the AP is dead",
        do=lambda world: world.hardware.kill_ap(DEAD_AP),
        opens=DEAD,
    ),
    Act(
        at_s=minutes(41),
        where="lab-2",
        text="the breaker is back in: the AP boots",
        do=lambda world: world.hardware.revive_ap(DEAD_AP),
    ),
    Act(
        at_s=minutes(44),
        where="hall",
        text=f"a concert begins: {GROUPS * GROUP} visitors with phones, expected by nobody",
        do=_visitors,
        opens=CROWD,
    ),
    Act(at_s=minutes(51), where="hall", text="the first visitors leave, then more and more of them"),
)
