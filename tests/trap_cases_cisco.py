"""AIRESPACE-WIRELESS-MIB, CISCO-LWAPP-AP-MIB, CISCO-LWAPP-SI-MIB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trap_cases import (
    BLOCK_52_40,
    BLOCK_100_40,
    CLIENT,
    GAP,
    LOBBY,
    MAC_SUFFIX,
    OTHER,
    R2,
    ROGUE,
    Case,
    attack,
    cleared,
    controller,
    down,
    fault,
    interference,
    left,
    radar,
    rogue,
    switched,
    up,
)

from drivers.notifications import Value
from drivers.signals import Signal
from inventory.channels import block
from inventory.model import Band

BASE = "1.3.6.1.4.1.14179.2.6.3"
VAR = "1.3.6.1.4.1.14179.2.6.2"
AP_MAC = "1.3.6.1.4.1.14179.2.2.1.1.1"
AP_NAME = "1.3.6.1.4.1.14179.2.2.1.1.3"
SLOT = "1.3.6.1.4.1.14179.2.2.2.1.1"
CHANNEL = "1.3.6.1.4.1.14179.2.2.2.1.4"
LWAPP = "1.3.6.1.4.1.9.9.513"
LWAPP_NAME = f"{LWAPP}.1.1.1.1.5"
SI = f"{LWAPP}.1.6.1"
CLEAR = f"{SI}.3.1.0"


def at(slot: int = 1, mac: bytes = LOBBY) -> dict[str, Value]:
    """bsnAPDot3MacAddress and bsnAPIfSlotId, as instances of their tables."""
    suffix = ".".join(map(str, mac))
    return {f"{AP_MAC}.{suffix}": mac, f"{SLOT}.{suffix}.{slot}": slot, f"{AP_NAME}.{suffix}": b"Lobby AP"}


def variable(slot: int = 1) -> dict[str, Value]:
    """The same as variables of traps alone."""
    return {f"{VAR}.20.0": LOBBY, f"{VAR}.22.0": slot}


def airespace(
    name: str,
    number: int,
    values: Mapping[str, Value],
    *proven: Signal,
    unproven: tuple[Signal, ...] | None = None,
) -> Case:
    return Case(
        name=f"airespace: {name}",
        profile="airespace",
        trap=f"{BASE}.{number}",
        values=values,
        proven=proven,
        unproven=unproven,
    )


def on(channel: int) -> dict[str, Value]:
    return {**at(), f"{CHANNEL}.{MAC_SUFFIX}.1": channel}


def changed(reasons: int, old: int, new: int) -> dict[str, Value]:
    return {**variable(), f"{VAR}.23.0": new, f"{VAR}.83.0": old, f"{VAR}.84.0": bytes((reasons,))}


def both_down(reason: str) -> tuple[Signal, ...]:
    return down(R2, reason), down(reason=reason)


SIGNATURE = {**at(), f"{VAR}.56.0": b"Deauth flood"}
HEARD_BY: dict[str, Value] = {
    "1.3.6.1.4.1.14179.2.1.7.1.1.2.17.34.51.68.85": ROGUE,
    "1.3.6.1.4.1.14179.2.1.8.1.1.2.17.34.51.68.85": LOBBY,
    "1.3.6.1.4.1.14179.2.1.8.1.2.2.17.34.51.68.85": 1,
}
ROGUE_AP: dict[str, Value] = {
    **HEARD_BY,
    "1.3.6.1.4.1.14179.2.1.8.1.6.2.17.34.51.68.85": b"FreeWifi",
    "1.3.6.1.4.1.14179.2.1.8.1.5.2.17.34.51.68.85": 52,
    "1.3.6.1.4.1.14179.2.1.8.1.7.2.17.34.51.68.85": -61,
    f"{VAR}.40.0": 0,
}
SEEN_ROGUE = rogue(ssid="FreeWifi", channel=52, signal_dbm=-61.0)
CLASS = "1.3.6.1.4.1.14179.2.1.7.1.25.2.17.34.51.68.85"
STATION: dict[str, Value] = {f"{VAR}.35.0": LOBBY, f"{VAR}.36.0": 1, f"{VAR}.37.0": 4, f"{VAR}.34.0": CLIENT}
T81, T16 = f"{BASE}.81", f"{BASE}.16"

AIRESPACE = [
    airespace(
        "radar on the radio's channel hits its whole width",
        81,
        on(52),
        radar(T81, BLOCK_52_40),
        unproven=(radar(T81, BLOCK_52_40, proven=False),),
    ),
    airespace("radar on a channel that it has left already", 81, on(100), radar(T81, BLOCK_100_40)),
    airespace("radar at an AP that is not in the inventory", 81, {**at(1, OTHER), f"{CHANNEL}.1": 52}),
    airespace("radar on a channel that is none", 81, on(7), *GAP),
    airespace("radar on the 2.4 GHz radio can't be", 81, {**at(0), f"{CHANNEL}.{MAC_SUFFIX}.0": 52}, *GAP),
    airespace(
        "radar, MAC and slot in the index alone",
        81,
        {f"{CHANNEL}.{MAC_SUFFIX}.1": 56},
        radar(T81, BLOCK_52_40),
    ),
    airespace("radar, and nothing says where", 81, {f"{CHANNEL}.0": 52}, *GAP),
    airespace("radar cleared", 82, on(52), cleared(5260), unproven=()),
    airespace("channel changed", 16, changed(0x10, 52, 100), switched(100), unproven=GAP),
    airespace(
        "channel changed because of radar",
        16,
        changed(0x04, 52, 100),
        switched(100),
        radar(T16, BLOCK_52_40),
        unproven=(*GAP, radar(T16, BLOCK_52_40, proven=False)),
    ),
    airespace("radio down", 10, {**at(), f"{VAR}.70.0": 1}, down(reason="radio failure"), unproven=GAP),
    airespace("radio up", 9, {**at(), f"{VAR}.70.0": 0}, up(), unproven=GAP),
    airespace(
        "AP down",
        6,
        {f"{AP_MAC}.{MAC_SUFFIX}": LOBBY},
        *both_down("AP down"),
        unproven=GAP,
    ),
    airespace(
        "AP left the controller",
        8,
        {f"{VAR}.20.0": LOBBY},
        *both_down("AP left the controller"),
        unproven=GAP,
    ),
    airespace("AP of nobody down", 6, {f"{AP_MAC}.0.23.223.255.255.255": OTHER}),
    *(airespace(f"limit {n} passed", n, at(), *GAP, unproven=GAP) for n in (11, 12, 13, 37, 38, 39, 15)),
    *(airespace(f"coverage {n}", n, variable(), *GAP, unproven=GAP) for n in (14, 40)),
    airespace("does not transmit", 71, at(), fault("the radio does not transmit")),
    airespace("transmits again", 72, at(), fault("the radio does not transmit", over=True)),
    airespace("does not receive", 73, at(0), fault("the radio does not receive", radio=R2)),
    airespace("receives again", 74, at(), fault("the radio does not receive", over=True)),
    airespace("core dump", 84, at(), fault("the radio's firmware crashed")),
    airespace("contained", 62, {**at(), f"{VAR}.45.0": 0}, attack("contained by another's network")),
    airespace("signature", 70, {**SIGNATURE, f"{VAR}.45.0": 0}, attack("Deauth flood")),
    airespace("signature over", 70, {**SIGNATURE, f"{VAR}.45.0": 1}, attack("Deauth flood", over=True)),
    airespace("impersonation", 75, {f"{VAR}.58.0": ROGUE, **at()}, rogue(impersonates=True)),
    airespace("NAV", 55, variable(), attack("virtual carrier sense attack", jamming=True)),
    airespace("disassociated", 1, STATION, left(), unproven=()),
    airespace("deauthenticated", 2, STATION, left(), unproven=()),
    airespace("rogue", 36, ROGUE_AP, SEEN_ROGUE),
    airespace("malicious rogue", 36, {**ROGUE_AP, CLASS: 2}, SEEN_ROGUE),
    airespace("friendly AP", 36, {**ROGUE_AP, CLASS: 1}),
    airespace(
        "rogue on the wire",
        36,
        {**ROGUE_AP, f"{VAR}.40.0": 1},
        replace(SEEN_ROGUE, on_wire=True),
    ),
    airespace("rogue gone", 41, HEARD_BY, rogue(over=True)),
    airespace("rogue on the wire, heard by nobody", 59, HEARD_BY, *GAP, unproven=GAP),
]


def lwapp(
    name: str,
    number: int,
    values: Mapping[str, Value],
    *proven: Signal,
    unproven: tuple[Signal, ...] | None = None,
    base: str = f"{LWAPP}.0",
) -> Case:
    return Case(
        name=f"lwapp: {name}",
        profile="airespace",
        trap=f"{base}.{number}",
        values=values,
        proven=proven,
        unproven=unproven,
    )


IN_INDEX: dict[str, Value] = {
    f"{LWAPP_NAME}.{MAC_SUFFIX}": b"Lobby AP",
    f"{LWAPP}.1.2.1.1.1.{MAC_SUFFIX}.1": 1,
}
COUNTED: dict[str, Value] = {
    f"{LWAPP_NAME}.6.{MAC_SUFFIX}": b"Lobby AP",
    f"{LWAPP}.1.2.1.1.1.6.{MAC_SUFFIX}.1": 1,
}
SEEN: dict[str, Value] = {
    **IN_INDEX,
    f"{LWAPP}.3.2.0": ROGUE,
    f"{LWAPP}.3.13.0": 52,
    f"{LWAPP}.3.14.0": -70,
    f"{LWAPP}.3.4.0": b"FreeWifi",
}
HEARD = rogue(ssid="FreeWifi", channel=52, signal_dbm=-70.0)

LWAPP_AP = [
    lwapp("radio down", 11, {**IN_INDEX, f"{LWAPP}.3.9.0": b"DFS"}, down(reason="DFS"), unproven=GAP),
    lwapp("radio down, MAC with its length", 11, COUNTED, down(), unproven=GAP),
    lwapp("radio up", 10, IN_INDEX, up(), unproven=GAP),
    lwapp("channel changed", 25, {**IN_INDEX, f"{LWAPP}.3.30.0": 44}, switched(44), unproven=GAP),
    lwapp("radio stuck", 34, IN_INDEX, fault("radio stuck")),
    lwapp("AP joined", 4, {f"{LWAPP_NAME}.{MAC_SUFFIX}": b"Lobby AP"}, up(R2), up(), unproven=GAP),
    lwapp("AP crashed", 2, {f"{LWAPP_NAME}.{MAC_SUFFIX}": b"Lobby AP"}, *GAP, unproven=GAP),
    lwapp("AP booted", 27, {f"{LWAPP_NAME}.{MAC_SUFFIX}": b"Lobby AP"}, *GAP, unproven=GAP),
    lwapp("rogue", 19, {**SEEN, f"{LWAPP}.3.18.0": 2}, HEARD),
    lwapp("rogue on the wire", 19, {**SEEN, f"{LWAPP}.3.18.0": 1}, replace(HEARD, on_wire=True)),
    lwapp("friendly", 19, {**SEEN, f"{LWAPP}.3.12.0": 1}),
    *(lwapp(f"rogue {n}", n, SEEN, HEARD) for n in (17, 20)),
    *(lwapp(f"rogue gone {n}", n, SEEN, rogue(over=True)) for n in (7, 18, 21)),
    lwapp("rogue at its own channel", 6, {**SEEN, f"{LWAPP}.3.3.0": 48}, rogue(ssid="FreeWifi", channel=48)),
    *(
        lwapp(f"CleanAir {n}", n, {**IN_INDEX, CLEAR: 2}, interference(what), base=f"{SI}.0")
        for n, what in ((1, "air quality low"), (2, "interferer"), (5, "air quality low"))
    ),
    lwapp("CleanAir over", 2, {**IN_INDEX, CLEAR: 1}, interference("interferer", over=True), base=f"{SI}.0"),
    lwapp("sensor crash", 3, IN_INDEX, *GAP, unproven=GAP, base=f"{SI}.0"),
]

FASTER = Case(
    name="airespace: a poll saw the new channel before the trap told of radar on the old one",
    profile="airespace",
    trap=T81,
    values=on(52),
    proven=(radar(T81, BLOCK_52_40),),
    where=controller(on_5=block(Band.GHZ_5, 100, 40)),
)

NO_BLOCK = Case(
    name="airespace: radar on a channel that no block of the radio's width holds",
    profile="airespace",
    trap=T81,
    values=on(132),
    proven=(radar(T81, block(Band.GHZ_5, 132, 80).mhz20),),
    where=controller(on_5=block(Band.GHZ_5, 36, 160)),
)

LEFT_DFS = Case(
    name="airespace: radar, and the channel is already the one after it",
    profile="airespace",
    trap=T81,
    values=on(36),
    proven=(radar(T81, BLOCK_52_40),),
)

NO_DFS = Case(
    name="airespace: radar on a channel that needs no DFS, and the radio is on none that does",
    profile="airespace",
    trap=T81,
    values=on(157),
    proven=GAP,
    where=controller(on_5=block(Band.GHZ_5, 36, 40)),
)

CISCO = [*AIRESPACE, *LWAPP_AP, FASTER, NO_BLOCK, LEFT_DFS, NO_DFS]
