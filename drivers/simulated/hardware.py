"""What breaks in an AP, and what heals it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.signals import RadioDown, RadioFault
from drivers.simulated.clients import Crowd, Emit
from drivers.simulated.ether import Ether
from drivers.simulated.firmware import Firmware
from drivers.types import RadioState, Setting
from inventory.model import RadioKey, ap_of

if TYPE_CHECKING:
    from drivers.simulated.world import World

FAULT = "hardware fault"
RESET = "hardware reset"


class Hardware:
    """``unreachable``: ``site/ap`` of APs whose management does not answer."""

    def __init__(self, world: World, firmware: Firmware, crowd: Crowd, ether: Ether, emit: Emit) -> None:
        self.unreachable: set[str] = set()
        self._world = world
        self._firmware = firmware
        self._crowd = crowd
        self._ether = ether
        self._emit = emit

    def answers(self, key: RadioKey) -> bool:
        """Whether the management of the radio's AP does."""
        return ap_of(key) not in self.unreachable

    # whole APs

    def kill_ap(self, ap: str) -> None:
        """``site/ap`` loses its power: off air, and nobody answers."""
        self._world.catch_up()
        self.unreachable.add(ap)
        self._firmware.power_off(self._world.of_ap(ap), self._world.now_s)

    def revive_ap(self, ap: str) -> None:
        """It has power again: it boots."""
        self._world.catch_up()
        self._firmware.reboot(self._world.of_ap(ap), self._world.now_s)
        self.unreachable.discard(ap)

    def cut_management(self, ap: str) -> None:
        """Nobody answers, but its radios serve on."""
        self._world.catch_up()
        self.unreachable.add(ap)

    def restore_management(self, ap: str) -> None:
        self._world.catch_up()
        if all(radio.powered for radio in self._world.of_ap(ap)):
            self.unreachable.discard(ap)

    # single radios

    def break_radio(self, key: RadioKey) -> None:
        """The radio goes down and no restart helps, until it is mended."""
        self._world.catch_up()
        self._world.radio(key).broken = True
        self._go_down(key)

    def mend_radio(self, key: RadioKey) -> None:
        self._world.catch_up()
        radio, now_s = self._world.radio(key), self._world.now_s
        radio.broken = False
        self._emit(key, RadioFault(at_s=now_s, device="", radio=key, what=FAULT, over=True))
        if radio.state is RadioState.OFF and radio.configured.get(Setting.ENABLED, 1):
            self._firmware.start(radio, radio.block, now_s)

    def crash_radio(self, key: RadioKey) -> None:
        """The radio goes down by a fault of its software: a restart brings it back."""
        self._world.catch_up()
        self._go_down(key)

    def help_radio(self, key: RadioKey) -> None:
        """A person restarts it, if it is stuck or down for no good reason."""
        self._world.catch_up()
        radio = self._world.radio(key)
        down = radio.state is RadioState.OFF and radio.configured.get(Setting.ENABLED, 1)
        if radio.powered and (radio.stuck or down):
            self._firmware.restart(radio, self._world.now_s)

    def _go_down(self, key: RadioKey) -> None:
        radio, now_s = self._world.radio(key), self._world.now_s
        self._firmware.silence(radio, RadioState.OFF, now_s)
        self._emit(key, RadioDown(at_s=now_s, device="", radio=key, reason=FAULT))
        self._emit(key, RadioFault(at_s=now_s, device="", radio=key, what=FAULT))

    def stick(self, key: RadioKey) -> None:
        """Its transmit queue stands still: clients stay attached, beacons go out, frames do not."""
        self._world.catch_up()
        self._world.radio(key).stuck = True
        self._ether.dirty(self._world.radio(key))

    def unstick(self, key: RadioKey) -> None:
        """By itself, without a restart."""
        self._world.catch_up()
        self._world.radio(key).stuck = False
        self._ether.dirty(self._world.radio(key))

    def reset(self, key: RadioKey) -> None:
        """The chip is restarted by its own driver: clients drop, its reset counter rises."""
        self._world.catch_up()
        radio, now_s = self._world.radio(key), self._world.now_s
        radio.hardware_resets += 1
        self._crowd.drop(radio, now_s)
        self._emit(key, RadioFault(at_s=now_s, device="", radio=key, what=RESET))
