"""Watches what is sent and what is on air, all the time and through all lives of an agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.change import Change, State, Trigger, agrees
from drivers.signals import RadarDetected, Signal
from drivers.simulated.dfs import dfs_parts
from drivers.simulated.radio import SimRadio
from drivers.simulated.world import World
from drivers.types import Edit, RadioState, Setting, Values
from inventory.channels import Block, block
from inventory.model import RadioKey, Site
from inventory.regulatory import NOP_S, cac_s, dfs_region, refusal

MOVES = frozenset({Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ})


class Judge:
    """``offences``: what must never be, in words.

    Whoever begins to transmit must do so on a legal block, without radar in the last half hour, and after the
    availability check where one is due. What is sent to a device must not be barred by a period that is in
    the store. An ack or an undo in the store must be true of the radio at that moment.
    """

    def __init__(self, world: World, site: Site) -> None:
        self.offences: list[str] = []
        self._world = world
        self._site = site
        self._heard: dict[int, float] = {}  # 20 MHz channel -> end of its non-occupancy period
        self._stored: dict[int, float] = {}  # those that an agent has put on disk
        self._last: dict[RadioKey, tuple[RadioState, Block]] = {}
        self._checked: dict[RadioKey, set[int]] = {}
        self._cac_since: dict[RadioKey, float] = {}
        for key in world.radio_keys():
            radio = world.radio(key)
            self._last[key] = (radio.state, radio.block)
            self._checked[key] = set(dfs_parts(world.country, radio.block))
        self._told = world._firmware._retuned
        world._firmware._retuned = self._retuned
        world.watch(self._signal)

    # what is on air

    def _signal(self, _key: RadioKey, signal: Signal) -> None:
        if isinstance(signal, RadarDetected):
            self._heard |= dict.fromkeys(signal.mhz20, self._world.now_s + NOP_S)
            for checked in self._checked.values():
                checked -= signal.mhz20

    def _retuned(self, radio: SimRadio) -> None:
        self._told(radio)
        now_s, here = self._world.now_s, (radio.state, radio.block)
        before, self._last[radio.key] = self._last[radio.key], here
        if here == before:
            return
        if radio.state is RadioState.CAC:
            self._cac_since[radio.key] = now_s
        elif radio.state is RadioState.ON_AIR:
            self._begins(radio, now_s)

    def _begins(self, radio: SimRadio, now_s: float) -> None:
        country, where = self._world.country, radio.block
        if (why := refusal(country, where, radio.radio)) is not None:
            self._offence(f"{radio.key} transmits on {where}: {why}")
        if barred := [mhz for mhz in where.mhz20 if self._heard.get(mhz, 0.0) > now_s]:
            self._offence(f"{radio.key} transmits on {where}: radar was heard on {barred}")
        parts, checked = dfs_parts(country, where), self._checked[radio.key]
        since_s = self._cac_since.pop(radio.key, now_s)
        if not parts <= checked and now_s - since_s < cac_s(country, where) - 1e-6:
            self._offence(f"{radio.key} transmits on {where} after a check of {now_s - since_s} s")
        checked |= parts
        if dfs_region(country) != "ETSI":
            checked &= where.mhz20

    # what is sent, and what is said

    def store(self, store: Any) -> Any:
        """The store, whose bars and transitions are looked at."""
        bar, transition = store.bar, store.transition

        def barred(nops: Any, *args: Any, **kwargs: Any) -> None:
            bar(nops, *args, **kwargs)
            self._stored |= {nop.mhz20: self._world.now_s + NOP_S for nop in nops}

        def stepped(change: Change, trigger: Trigger, **kwargs: Any) -> Change:
            after: Change = transition(change, trigger, **kwargs)
            self._stepped(change, trigger, after)
            return after

        store.bar, store.transition = barred, stepped
        return store

    def device(self, device: Any) -> Any:
        """The device, whose writes are looked at."""
        apply: Callable[..., Any] = device.apply

        async def applied(edit: Edit, undo_after_s: float | None) -> Any:
            self._sent(edit)
            return await apply(edit, undo_after_s)

        device.apply = applied
        return device

    def _sent(self, edit: Edit) -> None:
        key = edit.scope.members[0]
        radio = self._world.radio(key)
        if edit.set.keys().isdisjoint(MOVES) and not edit.set.get(Setting.ENABLED):
            return
        have = {**radio.in_force(), **edit.set}
        try:
            where = block(
                radio.radio.band,
                have[Setting.CHANNEL],
                have[Setting.WIDTH_MHZ],
                edit.set.get(Setting.CENTER_MHZ),
            )
        except ValueError as error:
            self._offence(f"{key} was sent {dict(edit.set)}: {error}")
            return
        if (why := refusal(self._world.country, where, radio.radio)) is not None:
            self._offence(f"{key} was sent to {where}: {why}")
        if barred := [mhz for mhz in where.mhz20 if self._stored.get(mhz, 0.0) > self._world.now_s]:
            self._offence(f"{key} was sent to {where}: the store bars {barred}")

    def _stepped(self, change: Change, trigger: Trigger, after: Change) -> None:
        said: Values | None = None
        if trigger is Trigger.ACKED:
            said = change.target
        elif trigger is Trigger.UNDONE and after.state is State.ROLLED_BACK:
            said = change.rollback_to or change.prior
        if said is None:
            return
        radio = self._world.radio(change.radios[0])
        have = {**radio.in_force(), **{s: radio.configured[s] for s in change.as_configured}}
        if not agrees(said, have):
            self._offence(f"{change.id} {trigger}: the store says {dict(said)}, the radio has {have}")

    def _offence(self, text: str) -> None:
        self.offences.append(f"at {self._world.now_s:.2f} s: {text}")
