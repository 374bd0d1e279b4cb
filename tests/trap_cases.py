"""Traps as the vendors' MIBs define them, and the signals that each must become.

Written by hand from the objects of each notification; no recording of a real trap is known. The device is one
that answers for the APs `lobby` (in the inventory) and others (not in it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
from drivers.snmp.parse_index import PartValue
from drivers.snmp.parse_radio import Located
from inventory.channels import Block, block
from inventory.model import AccessPoint, Band, Radio, RadioKey

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
    return Whereabouts.of([AP], controller_rows(slots), on_air(on_5), one_ap=False)


def controller_rows(slots: tuple[int, int]) -> Mapping[RadioKey, Located]:
    mac = LOBBY.hex(":")
    return {
        key: Located(
            row=_row({"ap": mac, "slot": slot, "radio": slot}), name=str(slot), ap_mac=mac, ap_name="Lobby AP"
        )
        for key, slot in zip((R2, R5), slots, strict=True)
    }


def silent_controller() -> Whereabouts:
    """One whose MIB tells nothing of its radios."""
    return Whereabouts.of([AP], {}, {}, one_ap=False)


def one_ap(on_5: Block | None = None) -> Whereabouts:
    """A device that is itself the AP; its radios are interfaces."""
    found = {key: Located(row=_row({"interface": n}), name=f"wlan{n}") for key, n in ((R2, 3), (R5, 4))}
    return Whereabouts.of([replace(AP, match={})], found, on_air(on_5), one_ap=True)


AP = AccessPoint(
    id="lobby",
    device=DEVICE,
    match={"mac": "00-17-DF-A1-B2-C0"},
    radios=(Radio(key=R2, band=Band.GHZ_2_4), Radio(key=R5, band=Band.GHZ_5)),
)


def _row(parts: Mapping[str, PartValue]) -> Row:
    return Row(table="radio", suffix="", parts=parts)


def on_air(on_5: Block | None) -> Mapping[RadioKey, Block]:
    return {R2: block(Band.GHZ_2_4, 6, 20), R5: on_5 or block(Band.GHZ_5, 52, 40)}


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


def fault(what: str, *, over: bool = False, radio: RadioKey = R5) -> RadioFault:
    return RadioFault(at_s=AT_S, device=DEVICE, radio=radio, what=what, over=over)


def rogue(radio: RadioKey = R5, **more: object) -> RogueHeard:
    return RogueHeard(at_s=AT_S, device=DEVICE, radio=radio, bssid=ROGUE_TEXT, **more)  # type: ignore[arg-type]  # tests say what they mean
