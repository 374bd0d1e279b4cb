"""The school of the demo: its site file, and the simulated world that its APs stand in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import inventory
from drivers.simulated.driver import family
from drivers.simulated.world import World
from inventory.channels import Block, block
from inventory.loader import load
from inventory.model import Band, RadioKey, Site, radio_key

WORLD = "demo"
FILE = Path(inventory.__file__).parent / "sites" / "demo.yaml"

START_UTC = datetime(2026, 3, 3, 14, 0, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
"""A Tuesday, two in the afternoon at the school: the busiest time of the day is near."""
START_HOUR = 14.0

ROOM_M = 18.0
WALL_DB = 8.0
ROW = 4
CLIENTS_PER_AP = 8
OLD_EVERY = 3
"""Every third one's device has 2.4 GHz only."""
POWER_DBM = {Band.GHZ_2_4: 14, Band.GHZ_5: 17}

PLAN_2_4 = (1, 11, 1, 6, 6, 1, 6, 11, 11, 6, 11, 1)
PLAN_5 = (52, 36, 157, 44, 149, 60, 44, 36, 36, 157, 149, 52)
"""What the APs of the file are on at first, in its order: no two neighbours on one channel."""


def site() -> Site:
    """The site, as `rrmd check` and the daemon would read it."""
    return load(FILE, {"simulated": family.check_options})


def key(ap: str, radio: str) -> RadioKey:
    return radio_key(WORLD, ap, radio)


def world(of: Site, seed: int) -> World:
    """The site's radios on air, with walls between the rooms and people in each of them."""
    made = World(seed, of.country, start_hour=START_HOUR)
    for number in range(1, ROW):
        edge = (number - 0.5) * ROOM_M
        made.add_wall((edge, -ROOM_M), (edge, 3 * ROOM_M), WALL_DB)
    for number in (1, 2):
        edge = (number - 0.5) * ROOM_M
        made.add_wall((-ROOM_M, edge), (ROW * ROOM_M, edge), WALL_DB)
    for number, ap in enumerate(of.aps.values()):
        for radio in ap.radios:
            made.add_radio(
                radio,
                _first(radio.band, number),
                position=ap.position_m or (0.0, 0.0, 3.0),
                tx_power_dbm=POWER_DBM[radio.band],
            )
    made.people.settle(made.places(), CLIENTS_PER_AP, stays=True, old_every=OLD_EVERY)
    return made


def _first(band: Band, number: int) -> Block:
    if band is Band.GHZ_2_4:
        return block(band, PLAN_2_4[number], 20)
    return block(band, PLAN_5[number], 40)
