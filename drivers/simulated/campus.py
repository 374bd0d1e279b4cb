"""A building of any size, with its site and its world: dual-band APs, as installers leave them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from drivers.simulated.options import check_options
from drivers.simulated.propagation import Position, Rooms
from drivers.simulated.world import World
from inventory.channels import block
from inventory.model import AccessPoint, Band, DeviceConfig, Policy, Radio, Site, radio_key

ROOM_M = 15.0
COLUMNS = 10
PER_STOREY = 50
STOREY_M = 4.0
MOUNTED_M = 3.0  # above the floor

CHANNELS: Mapping[Band, tuple[int, ...]] = MappingProxyType(
    {Band.GHZ_2_4: (1, 6, 11), Band.GHZ_5: (36, 44, 52, 60, 149, 157)}
)
"""What the installer sets in turn, from one AP to the next."""

FACTORY: Mapping[Band, int] = MappingProxyType({Band.GHZ_2_4: 6, Band.GHZ_5: 36})
WIDTH_MHZ: Mapping[Band, int] = MappingProxyType({Band.GHZ_2_4: 20, Band.GHZ_5: 40})
POWER_DBM: Mapping[Band, int] = MappingProxyType({Band.GHZ_2_4: 14, Band.GHZ_5: 17})

CLIENTS_PER_AP = 15
CLIENT_MBPS = 2.0  # median, in the busiest hour
OLD_EVERY = 5
WALK_EVERY = 4
NEIGHBOURS_PER_AP = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Campus:
    site: Site
    world: World


def campus(
    aps: int,
    seed: int,
    *,
    name: str = "campus",
    country: str = "US",
    policy: Policy | None = None,
    start_s: float = 0.0,
    start_hour: float = 0.0,
    clients_per_ap: int = CLIENTS_PER_AP,
    client_mbps: float = CLIENT_MBPS,
    forgotten_ratio: float = 0.3,
    options: Mapping[str, object] = MappingProxyType({}),
) -> Campus:
    """So many APs, each with a 2.4 and a 5 GHz radio and a device of its own. ``name``: of the site, and of
    the world that its devices live in (`drivers.simulated.worlds.register`). ``client_mbps``: what the median
    client wants in the busiest hour. ``forgotten_ratio``: of the radios are still where the factory set them.
    ``options``: more of the devices' options."""
    site = _site(aps, name, country, policy or Policy(), {**options, "world": name, "country": country})
    world = World(
        seed,
        country,
        start_s=start_s,
        start_hour=start_hour,
        rooms=Rooms(room_m=ROOM_M, storey_m=STOREY_M),
    )
    _install(world, site, forgotten_ratio, Random(f"{seed}/installer"))  # noqa: S311  repeatable on purpose
    _neighbours(world, Random(f"{seed}/neighbours"))  # noqa: S311  likewise
    world.people.settle(
        world.places(),
        clients_per_ap,
        mbps=client_mbps,
        old_every=OLD_EVERY,
        walk_every=WALK_EVERY,
    )
    return Campus(site=site, world=world)


def place(nth: int) -> Position:
    """Where the nth AP hangs: row by row, storey by storey."""
    storey, at = divmod(nth, PER_STOREY)
    row, column = divmod(at, COLUMNS)
    return ROOM_M * column, ROOM_M * row, STOREY_M * storey + MOUNTED_M


def _site(aps: int, name: str, country: str, policy: Policy, options: Mapping[str, object]) -> Site:
    names = [f"ap{nth}" for nth in range(1, aps + 1)]
    checked = check_options(options)
    return Site(
        id=name,
        country=country,
        timezone="UTC",
        policy=policy,
        devices=MappingProxyType(
            {ap: DeviceConfig(id=ap, driver="simulated", address=ap, options=checked) for ap in names}
        ),
        aps=MappingProxyType(
            {
                ap: AccessPoint(id=ap, device=ap, position_m=place(nth), radios=_radios(name, ap))
                for nth, ap in enumerate(names)
            }
        ),
    )


def _radios(site: str, ap: str) -> tuple[Radio, ...]:
    return (
        Radio(key=radio_key(site, ap, "r2"), band=Band.GHZ_2_4, widths_mhz=(20,)),
        Radio(key=radio_key(site, ap, "r5"), band=Band.GHZ_5, widths_mhz=(20, 40, 80)),
    )


def _install(world: World, site: Site, forgotten_ratio: float, random: Random) -> None:
    for nth, ap in enumerate(site.aps.values()):
        for radio in ap.radios:
            turn = CHANNELS[radio.band]
            forgotten = random.random() < forgotten_ratio
            channel = FACTORY[radio.band] if forgotten else turn[nth % len(turn)]
            where = block(radio.band, channel, WIDTH_MHZ[radio.band])
            world.add_radio(
                radio, where, position=place(nth), tx_power_dbm=POWER_DBM[radio.band], ssid=site.id
            )


def _neighbours(world: World, random: Random) -> None:
    """Other people's networks, in the building and around it."""
    places = world.places()
    for nth in range(round(NEIGHBOURS_PER_AP * len(places))):
        x, y, z = random.choice(places)
        band = random.choice((Band.GHZ_2_4, Band.GHZ_5))
        where = block(band, random.choice(CHANNELS[band]), WIDTH_MHZ[band])
        position = x + random.uniform(-30, 30), y + random.uniform(-30, 30), z
        world.add_foreign(
            f"0a:00:00:00:{nth >> 8:02x}:{nth & 255:02x}",
            where,
            position,
            tx_power_dbm=random.uniform(12, 20),
            busy_ratio=random.uniform(0.02, 0.15),
        )
