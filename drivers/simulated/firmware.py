"""What an AP does by itself: channel switches, availability checks, fleeing from radar, rebooting. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from random import Random

from drivers.signals import (
    CacFinished,
    CacStarted,
    ChannelSwitched,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioUp,
)
from drivers.simulated.agenda import Agenda
from drivers.simulated.clients import Crowd, Emit
from drivers.simulated.dfs import CSA_S, refuge, usable
from drivers.simulated.radio import SimRadio, block_values
from drivers.types import RadioState, Setting, Values
from inventory.channels import Block, block
from inventory.regulatory import max_power_dbm

BOOT_S = 40.0
RESTART_S = 3.0
REBOOT = "reboot"
OBSS_PD_DBM = range(-82, -61)
_BLOCK = (Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ)


class NotPossible(ValueError):
    """The device refuses and has done nothing; the text is its own words."""


class Firmware:
    """``retuned``: told of a radio that now shares the air differently."""

    def __init__(
        self,
        country: str,
        agenda: Agenda,
        crowd: Crowd,
        random: Random,
        emit: Emit,
        retuned: Callable[[SimRadio], None],
    ) -> None:
        self._country = country
        self._agenda = agenda
        self._crowd = crowd
        self._random = random
        self._emit = emit
        self._retuned = retuned
        self._undo: dict[str, tuple[SimRadio, Values]] = {}
        self._handles = count(1)

    # settings

    def configure(self, radio: SimRadio, values: Values, now_s: float) -> None:
        """Write settings. Raises NotPossible, with nothing done."""
        self._check_powered(radio)
        target = self.target(radio, values)
        moves = not values.keys().isdisjoint(_BLOCK)
        self._check_level(radio, target, values)
        if moves or values.get(Setting.ENABLED):
            self._check_block(radio, target)
        radio.configured.update(values)
        if moves:
            radio.configured.update(block_values(target))
        self._set_level(radio, values, now_s)
        if radio.state is RadioState.STARTING or radio.broken or not (moves or Setting.ENABLED in values):
            return
        enabled = values.get(Setting.ENABLED, int(radio.state is not RadioState.OFF))
        self._set_block(radio, target, bool(enabled), now_s)

    @staticmethod
    def _check_powered(radio: SimRadio) -> None:
        if not radio.powered:
            raise NotPossible("the AP has no power")

    def power_limit_dbm(self, where: Block, radio: SimRadio) -> int:
        """The most that the law allows there; 0 where the block itself is not legal."""
        try:
            return max_power_dbm(self._country, where, radio.radio)
        except ValueError:
            return 0

    @staticmethod
    def target(radio: SimRadio, values: Values) -> Block:
        """The block that the radio would have with these settings. Raises NotPossible."""
        if values.keys().isdisjoint(_BLOCK):
            return radio.bound_for
        channel = values.get(Setting.CHANNEL, radio.bound_for.primary)
        width = values.get(Setting.WIDTH_MHZ, radio.bound_for.width_mhz)
        try:
            return block(radio.radio.band, channel, width, values.get(Setting.CENTER_MHZ))
        except ValueError as error:
            raise NotPossible(str(error)) from error

    def _check_block(self, radio: SimRadio, target: Block) -> None:
        if radio.on_air and target == radio.block:
            return
        if not usable(self._country, target, radio.radio, radio.allowed_mhz):
            raise NotPossible(f"channel {target} is disabled")
        if radio.memory.barred(target):
            raise NotPossible(f"channel {target} is unavailable: radar was detected")

    def _check_level(self, radio: SimRadio, target: Block, values: Values) -> None:
        power = values.get(Setting.TX_POWER_DBM)
        if power is not None and not 0 <= power <= self.power_limit_dbm(target, radio):
            raise NotPossible(f"tx power {power} dBm is out of range")
        obss_pd = values.get(Setting.OBSS_PD_DBM)
        if obss_pd is not None and obss_pd not in OBSS_PD_DBM:
            raise NotPossible(f"OBSS PD {obss_pd} dBm is out of range")
        if values.get(Setting.ENABLED, 1) not in (0, 1):
            raise NotPossible("enabled is 0 or 1")

    def _set_level(self, radio: SimRadio, values: Values, now_s: float) -> None:
        before = radio.power_dbm, radio.obss_pd_dbm
        radio.tx_power_dbm = values.get(Setting.TX_POWER_DBM, radio.tx_power_dbm)
        radio.obss_pd_dbm = values.get(Setting.OBSS_PD_DBM, radio.obss_pd_dbm)
        if before != (radio.power_dbm, radio.obss_pd_dbm):
            self._retuned(radio)
            self._crowd.power_changed(radio, now_s)

    def _set_block(self, radio: SimRadio, target: Block, enabled: bool, now_s: float) -> None:
        if not enabled:
            if radio.state is not RadioState.OFF:
                self.silence(radio, RadioState.OFF, now_s)
                self._emit(radio.key, RadioDown(at_s=now_s, device="", radio=radio.key, reason="disabled"))
            radio.block = target
        elif not radio.on_air:
            if target != radio.block or radio.state is not RadioState.CAC:
                self.enter(radio, target, now_s)
        elif target != radio.bound_for:
            self._switch(radio, target, now_s)

    # channels

    def _switch(self, radio: SimRadio, target: Block, now_s: float) -> None:
        """By CSA where the radio may transmit at once; else it leaves its clients and listens first."""
        if target == radio.block:
            radio.begin()  # the switch under way is called off
        elif radio.memory.cac_s(target) > 0:
            self.enter(radio, target, now_s)
        else:
            deed = radio.begin()
            radio.heading = target
            self._agenda.add(now_s + CSA_S, partial(self._switched, radio, target, deed))

    def _switched(self, radio: SimRadio, target: Block, deed: int, now_s: float) -> None:
        if deed != radio.deed:
            return
        radio.begin()
        self._tune(radio, target, now_s)
        self._emit(radio.key, _switch_signal(radio, now_s))

    def enter(self, radio: SimRadio, target: Block, now_s: float) -> None:
        """Start there from silence, with the availability check if one is due."""
        if radio.state is RadioState.CAC:
            self._emit(radio.key, CacFinished(at_s=now_s, device="", radio=radio.key, success=False))
        cac_s = radio.memory.cac_s(target)
        if cac_s <= 0:
            self._go_on_air(radio, target, now_s)
            return
        deed = self.silence(radio, RadioState.CAC, now_s)
        radio.cac_end_s = now_s + cac_s
        self._tune(radio, target, now_s)
        self._emit(radio.key, CacStarted(at_s=now_s, device="", radio=radio.key, cac_s=cac_s))
        self._agenda.add(now_s + cac_s, partial(self._cac_over, radio, deed))

    def _cac_over(self, radio: SimRadio, deed: int, now_s: float) -> None:
        if deed != radio.deed:
            return
        radio.memory.checked(radio.block)
        self._emit(radio.key, CacFinished(at_s=now_s, device="", radio=radio.key, success=True))
        self._go_on_air(radio, radio.block, now_s)

    def _go_on_air(self, radio: SimRadio, target: Block, now_s: float) -> None:
        radio.begin()
        radio.state, radio.cac_end_s = RadioState.ON_AIR, None
        self._tune(radio, target, now_s)
        self._emit(radio.key, RadioUp(at_s=now_s, device="", radio=radio.key))
        self._crowd.radio_up(radio, now_s)

    def _tune(self, radio: SimRadio, target: Block, now_s: float) -> None:
        radio.block = target
        radio.memory.left_for(target)
        self._retuned(radio)
        self._crowd.regrade(radio, now_s)

    def silence(self, radio: SimRadio, state: RadioState, now_s: float) -> int:
        """Off air, into this state; returns its deed."""
        deed = radio.begin()
        radio.state, radio.cac_end_s = state, None
        radio.stuck &= state not in (RadioState.OFF, RadioState.STARTING)
        self._crowd.drop(radio, now_s)
        self._retuned(radio)
        return deed

    # radar

    def radar(self, radio: SimRadio, mhz20: frozenset[int], now_s: float) -> None:
        """The radio heard radar on these channels of its block (it listens in CAC too)."""
        end_s = radio.memory.hit(mhz20, now_s)
        self._agenda.add(end_s, partial(self._nop_over, radio))
        self._emit(
            radio.key, RadarDetected(at_s=now_s, device="", mhz20=mhz20, radio=radio.key, raw="simulated")
        )
        if not radio.stubborn:
            self._flee(radio, now_s)

    def _flee(self, radio: SimRadio, now_s: float) -> None:
        target = self._refuge(radio)
        if target is None:
            if radio.state is RadioState.CAC:
                self._emit(radio.key, CacFinished(at_s=now_s, device="", radio=radio.key, success=False))
            self.silence(radio, RadioState.NOP, now_s)
            self._emit(radio.key, RadioDown(at_s=now_s, device="", radio=radio.key, reason="no channel"))
        elif radio.on_air:
            self._switch(radio, target, now_s)
        else:
            self.enter(radio, target, now_s)
            self._emit(radio.key, _switch_signal(radio, now_s))

    def _refuge(self, radio: SimRadio) -> Block | None:
        if radio.nowhere:
            return None
        return refuge(radio.memory, radio.block, radio.radio, radio.allowed_mhz, self._random)

    def _nop_over(self, radio: SimRadio, now_s: float) -> None:
        freed = radio.memory.expire(now_s)
        if not freed:
            return
        self._emit(radio.key, NopFinished(at_s=now_s, device="", mhz20=freed))
        if radio.state is RadioState.NOP and not radio.memory.barred(radio.block):
            self.enter(radio, radio.block, now_s)

    # the device's own undo timer

    def arm_undo(self, radio: SimRadio, prior: Values, after_s: float, now_s: float) -> str:
        """A radio has one such timer: arming it again replaces what it would have done."""
        self._forget_undo(radio)
        handle = f"undo-{next(self._handles)}"
        self._undo[handle] = (radio, prior)
        self._agenda.add(now_s + after_s, partial(self._undo_now, handle))
        return handle

    def _forget_undo(self, radio: SimRadio) -> None:
        self._undo = {name: each for name, each in self._undo.items() if each[0] is not radio}

    def disarm(self, handle: str) -> bool:
        """True when it was still armed."""
        return self._undo.pop(handle, None) is not None

    def undo_now(self, handle: str, now_s: float) -> bool:
        """True when it was still armed; goes back to what was before, if that is possible."""
        if handle not in self._undo:
            return False
        self._undo_now(handle, now_s)
        return True

    def _undo_now(self, handle: str, now_s: float) -> None:
        if handle not in self._undo:
            return
        radio, prior = self._undo.pop(handle)
        try:
            self.configure(radio, prior, now_s)
        except NotPossible:
            self._emit(
                radio.key,
                RadioDown(at_s=now_s, device="", radio=radio.key, reason="undo timer: prior not possible"),
            )

    # off and on

    def restart(self, radio: SimRadio, now_s: float) -> None:
        """Dead hardware stays dead. Raises NotPossible for a radio that is off on purpose, or starting."""
        self._check_powered(radio)
        if radio.state is RadioState.STARTING or not radio.configured.get(Setting.ENABLED, 1):
            raise NotPossible("the radio is not in use")
        deed = self.silence(radio, RadioState.OFF, now_s)
        self._emit(radio.key, RadioDown(at_s=now_s, device="", radio=radio.key, reason="restart"))
        self._agenda.add(now_s + RESTART_S, partial(self._restarted, radio, deed))

    def _restarted(self, radio: SimRadio, deed: int, now_s: float) -> None:
        if deed == radio.deed:
            self.start(radio, radio.block, now_s)

    def start(self, radio: SimRadio, target: Block, now_s: float) -> None:
        """From off, unless hardware or power fail it; onto radar's channels only after their non-occupancy
        period."""
        if radio.broken or not radio.powered:
            return
        if radio.memory.barred(target):
            radio.block = target
            radio.state = RadioState.NOP
            return
        self.enter(radio, target, now_s)

    def power_off(self, radios: Iterable[SimRadio], now_s: float) -> None:
        """The current is gone, and with it the undo timers."""
        for radio in radios:
            self._forget_undo(radio)
            self.silence(radio, RadioState.OFF, now_s)
            radio.powered = False

    def reboot(self, radios: Iterable[SimRadio], now_s: float) -> None:
        """All that was not in the startup configuration is lost: settings, undo timers, radar memory."""
        for radio in tuple(radios):
            self._forget_undo(radio)
            deed = self.silence(radio, RadioState.STARTING, now_s)
            radio.traffic.settle(now_s)
            radio.traffic.reset()
            radio.memory.forget()
            radio.powered = True
            radio.configured = dict(radio.startup)
            self._emit(radio.key, RadioDown(at_s=now_s, device="", radio=radio.key, reason=REBOOT))
            self._agenda.add(now_s + BOOT_S, partial(self._booted, radio, deed))

    def _booted(self, radio: SimRadio, deed: int, now_s: float) -> None:
        if deed != radio.deed:
            return
        self._set_level(radio, radio.configured, now_s)
        target = self.target(radio, radio.configured)
        radio.state = RadioState.OFF
        if radio.configured.get(Setting.ENABLED, 1):
            self.start(radio, target, now_s)
        else:
            radio.block = target


def _switch_signal(radio: SimRadio, now_s: float) -> ChannelSwitched:
    return ChannelSwitched(
        at_s=now_s,
        device="",
        radio=radio.key,
        channel=radio.block.primary,
        width_mhz=radio.block.width_mhz,
        center_mhz=radio.block.center_mhz,
    )
