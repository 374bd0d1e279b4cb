"""What a simulated device says of itself: who it is and what it can do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drivers.simulated.options import UNDO_TIMER_S, Options
from drivers.simulated.world import World
from drivers.types import Action, Capabilities, DeviceInfo, RadioInfo, Setting, Table
from inventory.model import Radio, RadioKey

CAPABILITIES = Capabilities(
    tables=frozenset(Table),
    settings=MappingProxyType(dict.fromkeys(Setting, "radio")),
    widths_mhz=(20, 40, 80, 160, 320),
    undo_timer_s=UNDO_TIMER_S,
    signals=True,
    signal_ways=("the simulated world",),
    rx_time_trusted=True,
    actions=frozenset({Action.RESTART, Action.STEER}),
    obss_pd_acts=True,
)
"""The most that the family can do."""


def capabilities(options: Options) -> Capabilities:
    """What this device declares."""
    return replace(
        CAPABILITIES,
        refresh_s=MappingProxyType(dict(options.refresh)),
        undo_timer_s=UNDO_TIMER_S if options.undo_timer else None,
        actions=frozenset(options.actions),
        obss_pd_acts=options.obss_pd_acts,
    )


def device_info(name: str, world: World, radios: Mapping[RadioKey, Radio], options: Options) -> DeviceInfo:
    """``radios``: those of the device that the world has."""
    return DeviceInfo(
        vendor="simulated",
        model="simulated",
        version="1",
        identity=f"simulated:{name}",
        radios={key: _radio_info(world, key, radio) for key, radio in radios.items()},
        capabilities=capabilities(options),
    )


def _radio_info(world: World, key: RadioKey, radio: Radio) -> RadioInfo:
    found = world.radio(key)
    name = radio.ifname or key.rsplit("/", 1)[1]
    return RadioInfo(key=key, name=name, band=found.radio.band, bssids=(found.bssid,))
