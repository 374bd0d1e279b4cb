"""One simulated radio: what it is set to, what it does, what it has counted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from drivers.simulated.airtime import Interferer
from drivers.simulated.dfs import RadarMemory
from drivers.simulated.noise import LogNoise
from drivers.simulated.propagation import Position
from drivers.simulated.station import Station
from drivers.simulated.traffic import Traffic
from drivers.types import RadioState, Setting
from inventory.channels import Block
from inventory.model import Radio, RadioKey

ON_AIR = RadioState.ON_AIR
OBSS_PD_MIN_DBM = -82
POWER_REF_DBM = 21
"""TXPWRref of an AP with up to two spatial streams; 25 dBm with more."""


@dataclass(slots=True, kw_only=True, eq=False)
class SimRadio:
    """``block``: in force; when silent, where it would go on air. ``configured``: what was last written, by
    whomever; after a reboot ``startup`` counts.

    ``allowed_mhz``: what the device has at all, None: all; ``legal_mhz``: what of it the country allows.
    ``stubborn``: stays when it hears radar. ``nowhere``: finds no other channel by itself then, though it
    can be sent to one. ``spoiled``: block (None: any) -> factor on retries.

    ``tx_power_dbm`` is what was set; with a raised OBSS-PD level the device transmits with less
    (`power_dbm`). ``broken``: dead hardware, no restart helps. ``stuck``: its transmit queue stands still.
    ``hearing``: what it hears that is not Wi-Fi, by name.

    ``deed``: rises with whatever the radio begins, so that the end of something older is void.
    ``heading``: the block that a switch under way ends on.
    """

    radio: Radio
    position: Position
    bssid: str
    ssid: str
    block: Block
    tx_power_dbm: int
    obss_pd_dbm: int
    traffic: Traffic
    noise: LogNoise
    memory: RadarMemory
    state: RadioState = ON_AIR
    configured: dict[Setting, int] = field(default_factory=dict)
    startup: dict[Setting, int] = field(default_factory=dict)
    allowed_mhz: frozenset[int] | None = None
    legal_mhz: frozenset[int] = frozenset()
    stubborn: bool = False
    nowhere: bool = False
    managed_by: str | None = None
    uplink: bool = False
    power_ref_dbm: int = POWER_REF_DBM
    powered: bool = True
    broken: bool = False
    stuck: bool = False
    hardware_resets: int = 0
    hearing: Mapping[str, Interferer] = field(default_factory=lambda: MappingProxyType({}))
    deed: int = 0
    heading: Block | None = None
    cac_end_s: float | None = None
    spoiled: dict[Block | None, float] = field(default_factory=dict)
    stations: dict[str, Station] = field(default_factory=dict)

    @property
    def key(self) -> RadioKey:
        return self.radio.key

    @property
    def bound_for(self) -> Block:
        """Where it will be when what is under way is over."""
        return self.heading or self.block

    @property
    def on_air(self) -> bool:
        return self.state is ON_AIR

    @property
    def listening(self) -> bool:
        """Tuned to its block, transmitting or not."""
        return self.state in (ON_AIR, RadioState.CAC)

    @property
    def power_dbm(self) -> int:
        """In force: IEEE 802.11ax 26.10.2.4 lets a radio use a level above the lowest one only with as much
        less power, counted from a reference."""
        if self.obss_pd_dbm <= OBSS_PD_MIN_DBM:
            return self.tx_power_dbm
        return min(self.tx_power_dbm, self.power_ref_dbm - (self.obss_pd_dbm - OBSS_PD_MIN_DBM))

    @property
    def eirp_dbm(self) -> float:
        return self.power_dbm + self.radio.antenna_gain_dbi

    @property
    def spoil(self) -> float:
        return self.spoiled.get(None, 1.0) * self.spoiled.get(self.block, 1.0)

    def begin(self) -> int:
        """Something new begins: whatever was under way is void."""
        self.deed += 1
        self.heading = None
        return self.deed

    def in_force(self) -> dict[Setting, int]:
        return {
            **block_values(self.block),
            Setting.TX_POWER_DBM: self.power_dbm,
            Setting.OBSS_PD_DBM: self.obss_pd_dbm,
            Setting.ENABLED: int(self.state not in (RadioState.OFF, RadioState.NOP)),
        }


def block_values(where: Block) -> dict[Setting, int]:
    return {
        Setting.CHANNEL: where.primary,
        Setting.WIDTH_MHZ: where.width_mhz,
        Setting.CENTER_MHZ: where.center_mhz,
    }
