"""Traps as the vendors' MIBs define them, and the signals that each must become.

Written by hand from the objects of each notification; no recording of a real trap is known. The device is one
that answers for the APs `lobby` (in the inventory) and others (not in it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.notifications import Notification, Value
from drivers.signals import (
    AttackHeard,
    ChannelSwitched,
    ClientLeft,
    Gap,
    InterferenceHeard,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioFault,
    RadioUp,
    RogueHeard,
    Signal,
)
from drivers.snmp.notify_where import Whereabouts
from drivers.snmp.parse_answer import Row
from drivers.snmp.parse_radio import Located
from inventory.channels import Block, block
from inventory.model import Band, RadioKey

AT_S = 100.0
DEVICE = "wlc"
R2, R5 = RadioKey("lab/lobby/r2"), RadioKey("lab/lobby/r5")
LOBBY = bytes.fromhex("0017dfa1b2c0")
OTHER = bytes.fromhex("0017dfffffff")
ROGUE = bytes.fromhex("021122334455")
ROGUE_TEXT = "02:11:22:33:44:55"
CLIENT = bytes.fromhex("0a0b0c0d0e0f")
MAC_SUFFIX = ".".join(map(str, LOBBY))
BLOCK_52_40 = frozenset({5260, 5280})
BLOCK_100_40 = frozenset({5500, 5520})


@dataclass(frozen=True, kw_only=True)
class Case:
    """``proven``: what it becomes with SNMPv3; ``unproven``: without, None = the same, marked as unproven."""

    name: str
    profile: str
    trap: str
    values: Mapping[str, Value]
    proven: tuple[Signal, ...]
    unproven: tuple[Signal, ...] | None = None
    where: Whereabouts = field(default_factory=lambda: controller())

    def notification(self, *, authenticated: bool) -> Notification:
        return Notification(
            at_s=AT_S,
            source="192.0.2.1",
            trap=self.trap,
            varbinds=self.values,
            authenticated=authenticated,
        )


def controller(slots: tuple[int, int] = (0, 1), on_5: Block | None = None) -> Whereabouts:
    """``slots``: what the controller calls the radios of 2.4 and of 5 GHz."""
    mac = LOBBY.hex(":")
    found = [
        (key, band, Located(row=_row(mac, slot), name=str(slot), ap_mac=mac, ap_name="Lobby AP", band=band))
        for key, band, slot in ((R2, Band.GHZ_2_4, slots[0]), (R5, Band.GHZ_5, slots[1]))
    ]
    on_air = {R2: block(Band.GHZ_2_4, 6, 20), R5: on_5 or block(Band.GHZ_5, 52, 40)}
    return Whereabouts.of(found, on_air, one_ap=False)


def _row(mac: str, slot: int) -> Row:
    return Row(table="radio", suffix="", parts={"ap": mac, "slot": slot, "radio": slot})


def one_ap(names: tuple[int, int] = (1, 2)) -> Whereabouts:
    """A device that is itself the AP; its radios are rows of a table by ifIndex."""
    found = [
        (key, band, Located(row=Row(table="radio", suffix=str(n), parts={"if": n}), name=str(n), band=band))
        for key, band, n in ((R2, Band.GHZ_2_4, names[0]), (R5, Band.GHZ_5, names[1]))
    ]
    on_air = {R2: block(Band.GHZ_2_4, 6, 20), R5: block(Band.GHZ_5, 52, 40)}
    return Whereabouts.of(found, on_air, one_ap=True)


GAP = (Gap(at_s=AT_S, device=DEVICE),)


def radar(trap: str, mhz20: frozenset[int], radio: RadioKey | None = R5, *, proven: bool = True) -> Signal:
    return RadarDetected(
        at_s=AT_S, device=DEVICE, mhz20=mhz20, radio=radio, authenticated=proven, raw=f"trap {trap}"
    )


def cleared(*mhz: int) -> Signal:
    return NopFinished(at_s=AT_S, device=DEVICE, mhz20=frozenset(mhz))


def switched(channel: int, radio: RadioKey = R5) -> Signal:
    return ChannelSwitched(at_s=AT_S, device=DEVICE, radio=radio, channel=channel)


def down(radio: RadioKey = R5, reason: str = "") -> Signal:
    return RadioDown(at_s=AT_S, device=DEVICE, radio=radio, reason=reason)


def up(radio: RadioKey = R5) -> Signal:
    return RadioUp(at_s=AT_S, device=DEVICE, radio=radio)


def left(radio: RadioKey = R5) -> Signal:
    return ClientLeft(at_s=AT_S, device=DEVICE, radio=radio, mac=CLIENT.hex(":"))


def interference(what: str = "", *, over: bool = False, radio: RadioKey = R5) -> Signal:
    return InterferenceHeard(at_s=AT_S, device=DEVICE, radio=radio, what=what, over=over)


def attack(what: str, *, jamming: bool = False, over: bool = False, radio: RadioKey = R5) -> Signal:
    return AttackHeard(at_s=AT_S, device=DEVICE, radio=radio, what=what, jamming=jamming, over=over)


def fault(what: str, *, over: bool = False, radio: RadioKey = R5) -> Signal:
    return RadioFault(at_s=AT_S, device=DEVICE, radio=radio, what=what, over=over)


def rogue(radio: RadioKey = R5, **more: object) -> RogueHeard:
    return RogueHeard(at_s=AT_S, device=DEVICE, radio=radio, bssid=ROGUE_TEXT, **more)  # type: ignore[arg-type]  # tests say what they mean
