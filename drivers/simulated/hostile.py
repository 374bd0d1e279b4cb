"""Who means harm: rogue APs, impostors, deauthentication floods, jammers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from drivers.signals import AttackHeard, InterferenceHeard, RogueHeard, Signal
from drivers.simulated.airtime import Foreign, Interferer
from drivers.simulated.clients import Crowd, Emit
from drivers.simulated.ether import Ether
from drivers.simulated.propagation import Position
from drivers.simulated.radio import SimRadio
from inventory.channels import Block
from inventory.model import RadioKey

if TYPE_CHECKING:
    from drivers.simulated.world import World

JAMMER = "jammer"
FLOOD = "deauthentication flood"
FLOOD_STEP_S = 2.0


class Hostile:
    """``add_rogue`` and ``impersonate`` end with ``remove``."""

    def __init__(self, world: World, crowd: Crowd, ether: Ether, emit: Emit) -> None:
        self._world = world
        self._crowd = crowd
        self._ether = ether
        self._emit = emit
        self._floods: dict[RadioKey, float] = {}  # until when

    def add_rogue(
        self,
        bssid: str,
        where: Block,
        position: Position,
        *,
        ssid: str = "simulated",
        tx_power_dbm: float = 20,
        busy_ratio: float = 0.05,
    ) -> None:
        """Somebody's AP that bears our SSID."""
        self._world.catch_up()
        self._ether.add_foreign(Foreign(bssid, where, position, tx_power_dbm, busy_ratio, ssid))
        self._tell(bssid, over=False)

    def impersonate(self, key: RadioKey, where: Block, position: Position) -> str:
        """Somebody bears the BSSID and the SSID of this radio, on another channel; returns the BSSID."""
        radio = self._world.radio(key)
        self.add_rogue(radio.bssid, where, position, ssid=radio.ssid)
        return radio.bssid

    def remove(self, bssid: str) -> None:
        """Nothing happens when it is not there any more."""
        self._world.catch_up()
        if bssid not in self._ether.foreign:
            return
        self._tell(bssid, over=True)
        self._ether.remove_foreign(bssid)

    def _tell(self, bssid: str, *, over: bool) -> None:
        """By the radio that hears it best."""
        heard, foreign = self._ether.loudest(bssid), self._ether.foreign[bssid]
        if heard is None:
            return
        radio, signal_dbm = heard
        ours = {each for other in self._ether.radios.values() for each in (other.ssid, other.bssid)}
        signal = RogueHeard(
            at_s=self._world.now_s,
            device="",
            radio=radio.key,
            bssid=bssid,
            ssid=foreign.ssid,
            channel=foreign.block.primary,
            signal_dbm=round(signal_dbm, 1),
            impersonates=not ours.isdisjoint({bssid, foreign.ssid}),
            over=over,
        )
        self._emit(radio.key, signal)

    def flood(self, key: RadioKey, until_s: float) -> None:
        """The clients of this radio are thrown out again and again by forged frames."""
        self._world.catch_up()
        now_s = self._world.now_s
        begins = self._floods.get(key, now_s) <= now_s
        self._floods[key] = until_s
        if begins:
            self._emit(key, AttackHeard(at_s=now_s, device="", radio=key, what=FLOOD))
            self._throw_out(key)

    def _throw_out(self, key: RadioKey) -> None:
        now_s = self._world.now_s
        if now_s >= self._floods[key]:
            self._emit(key, AttackHeard(at_s=now_s, device="", radio=key, what=FLOOD, over=True))
            return
        self._crowd.drop(self._world.radio(key), now_s)
        self._world.at(min(now_s + FLOOD_STEP_S, self._floods[key]), lambda: self._throw_out(key))

    def add_jammer(
        self,
        name: str,
        low_mhz: float,
        high_mhz: float,
        position: Position,
        *,
        tx_power_dbm: float = 27,
        duty_ratio: float = 0.97,
    ) -> None:
        """Noise all over these frequencies; ends with `World.remove_interferer`."""
        self._world.add_interferer(
            name,
            low_mhz,
            high_mhz,
            position,
            tx_power_dbm=tx_power_dbm,
            duty_ratio=duty_ratio,
            what=JAMMER,
        )


Heard = Mapping[str, Interferer]


def noticed(radio: SimRadio, heard: Heard, now_s: float) -> Iterator[Signal]:
    """What a device with a spectrum analyser says when its radio hears other things than before."""
    for name in sorted(heard.keys() - radio.hearing.keys()):
        yield from _told(radio.key, heard[name], now_s, over=False)
    for name in sorted(radio.hearing.keys() - heard.keys()):
        yield from _told(radio.key, radio.hearing[name], now_s, over=True)


def _told(key: RadioKey, source: Interferer, now_s: float, *, over: bool) -> Iterator[Signal]:
    duty = None if over else source.duty_ratio
    yield InterferenceHeard(at_s=now_s, device="", radio=key, duty_ratio=duty, what=source.what, over=over)
    if source.what == JAMMER:
        yield AttackHeard(at_s=now_s, device="", radio=key, what=JAMMER, jamming=True, over=over)
