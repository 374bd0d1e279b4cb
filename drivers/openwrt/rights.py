"""What may be done with a radio, from what the AP has and what our user may."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from drivers.openwrt.plan import SETTINGS, Ways
from drivers.openwrt.ubus import Ubus
from drivers.placing import WHERE
from drivers.types import Action, Setting

_UCI: Final = ("get", "set", "apply", "confirm", "rollback", "revert")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Of one radio. ``deletes``: options of UCI, which only spatial reuse needs."""

    ways: Ways
    steers: bool = False
    deletes: bool = True

    @property
    def settings(self) -> frozenset[Setting]:
        if self.ways.uci:
            return SETTINGS if self.deletes else SETTINGS - {Setting.OBSS_PD_DBM}
        return WHERE if self.ways.plain or self.ways.eht else frozenset()

    @property
    def actions(self) -> frozenset[Action]:
        able = {Action.RESTART: self.ways.uci, Action.STEER: self.steers}
        return frozenset(action for action, possible in able.items() if possible)


def rights(ubus: Ubus, ifname: str, uc: Set[str], own: Set[str]) -> Rights:
    """``uc``: methods of `hostapd`; ``own``: of `hostapd.<ifname>`, which is absent while the radio is
    silent: then it is taken for one like all others."""
    name = f"hostapd.{ifname}"

    def has(method: str) -> bool:
        return (not own or method in own) and ubus.may(name, method)

    ways = Ways(
        eht="switch_channel" in uc and ubus.may("hostapd", "switch_channel"),
        plain=has("switch_chan"),
        uci=all(ubus.may("uci", method) for method in _UCI),
        shell=ubus.is_shell,
    )
    return Rights(ways=ways, steers=has("bss_transition_request"), deletes=ubus.may("uci", "delete"))


def signal_ways(ubus: Ubus) -> tuple[str, ...]:
    """In words; empty: nothing may be listened to."""
    events = "ubus subscribe" if ubus.is_shell else "server-sent events of ubus"
    told = {events: ubus.may("hostapd.x", ":subscribe"), "system log": ubus.may("log", "read")}
    return tuple(words for words, possible in told.items() if possible)
