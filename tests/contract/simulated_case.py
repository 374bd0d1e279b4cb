"""What the contract needs of the simulated driver: a small world, and edits that it can carry out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from contract.suite import Case

from drivers.base import Device, DeviceContext
from drivers.simulated import worlds
from drivers.simulated.driver import family
from drivers.simulated.world import World
from drivers.types import ScopeRef, Setting, Values
from inventory.channels import block
from inventory.model import Band, DeviceConfig, Radio, RadioKey

NAME = "contract"
RADIO = Radio(key=RadioKey("north/ap1/r5"), band=Band.GHZ_5)
SCOPE = ScopeRef(kind="radio", name=RADIO.key, members=(RADIO.key,))


def channel(primary: int) -> Values:
    where = block(Band.GHZ_5, primary, 20)
    return {Setting.CHANNEL: primary, Setting.WIDTH_MHZ: 20, Setting.CENTER_MHZ: where.center_mhz}


CHANGES: dict[str, tuple[Values, Values]] = {
    "csa": (channel(36), channel(149)),
    "cac": (channel(36), channel(52)),
    "power": ({Setting.TX_POWER_DBM: 17}, {Setting.TX_POWER_DBM: 11}),
    "obss_pd": ({Setting.OBSS_PD_DBM: -82}, {Setting.OBSS_PD_DBM: -72}),
    "off": ({Setting.ENABLED: 1}, {Setting.ENABLED: 0}),
}
"""What is written -> values before, values after."""


def simulated_case(name: str = "power", **options: bool) -> Case:
    """Power is in force at once: the only one of them that needs no simulated time to be quick."""
    before, change = CHANGES[name]
    worlds.forget(NAME)
    silent = not options.get("obss_pd_acts", True)
    return Case(
        name="simulated",
        sent=lambda: SENT,
        make=lambda: make(options),
        scope=SCOPE,
        change=change,
        before=before,
        as_configured=frozenset({Setting.OBSS_PD_DBM}) if silent else frozenset(),
        pushes=dict.fromkeys(family.capabilities.signal_ways, left),
        elsewhere=dict.fromkeys(Setting, "another case of tests/contract/test_simulated.py"),
    )


@contextmanager
def left() -> Iterator[None]:
    """All clients leave the radio."""
    worlds.get(NAME).world.drop_clients(RADIO.key)
    yield


def make(options: Mapping[str, bool]) -> Device:
    """In the running loop, whose clock the world gets."""
    clock = asyncio.get_running_loop().time
    try:
        worlds.get(NAME)
    except KeyError:
        worlds.register(NAME, small_world(clock()))
    checked = family.check_options({"world": NAME, **options})
    config = DeviceConfig(id="ap1", driver="simulated", address="", options=checked)
    return family.device(DeviceContext(config=config, radios=(RADIO,), secret=None, clock=clock))


SENT: list[str] = []
"""What was written to the small world, value by value."""


class Recorded(World):
    """Keeps what it is told, as a plan writes it."""

    def configure(self, key: RadioKey, values: Values) -> None:
        SENT.extend(f"set {key} {name} {value}" for name, value in sorted(values.items()))
        super().configure(key, values)


def small_world(start_s: float) -> World:
    world = Recorded(1, "US", start_s=start_s, start_hour=9)
    world.add_radio(RADIO, block(Band.GHZ_5, 36, 20), position=(0.0, 0.0, 3.0))
    world.add_clients(3, stays=True)
    return world
