"""WLSX-TRAP-MIB, HUAWEI-WLAN-AP-RADIO-MIB, the two RUCKUS-EVENT-MIBs, IF-MIB, IEEE802dot11-MIB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trap_cases import (
    BLOCK_52_40,
    CLIENT,
    GAP,
    LOBBY,
    MAC_SUFFIX,
    OTHER,
    R2,
    R5,
    ROGUE,
    Case,
    attack,
    cleared,
    controller,
    down,
    fault,
    interference,
    left,
    one_ap,
    radar,
    rogue,
    silent_controller,
    switched,
    up,
)

from drivers.notifications import Value
from drivers.signals import Signal

Values = Mapping[str, Value]
Signals = tuple[Signal, ...]

ARUBA = "1.3.6.1.4.1.14823.2.3.1.11.1.2"
ARUBA_VAR = "1.3.6.1.4.1.14823.2.3.1.11.1.1"


def aruba(
    name: str,
    number: int,
    values: Mapping[str, Value],
    *proven: Signal,
    unproven: tuple[Signal, ...] | None = None,
) -> list[Case]:
    """The same of a controller and of an Instant."""
    return [
        Case(
            name=f"{profile}: {name}",
            profile=profile,
            trap=f"{ARUBA}.{number}",
            values=values,
            proven=proven,
            unproven=unproven,
        )
        for profile in ("aruba-controller", "aruba-instant")
    ]


WHERE: dict[str, Value] = {f"{ARUBA_VAR}.1.0": LOBBY, f"{ARUBA_VAR}.56.0": 1}
AT_2: dict[str, Value] = {f"{ARUBA_VAR}.1.0": LOBBY, f"{ARUBA_VAR}.56.0": 0}
SEEN: dict[str, Value] = {
    **WHERE,
    f"{ARUBA_VAR}.5.0": ROGUE,
    f"{ARUBA_VAR}.6.0": b"FreeWifi",
    f"{ARUBA_VAR}.18.0": 52,
}
HEARD = rogue(ssid="FreeWifi", channel=52)
T1216 = f"{ARUBA}.1216"
AP_DOWN = (down(R2, "AP down"), down(reason="AP down"))


def moved(reason: int, old: int = 52, new: int = 100) -> dict[str, Value]:
    return {**WHERE, f"{ARUBA_VAR}.18.0": new, f"{ARUBA_VAR}.96.0": old, f"{ARUBA_VAR}.101.0": reason}


ARUBA_CASES = [
    *aruba("channel changed", 1216, moved(8), switched(100), unproven=GAP),
    *aruba(
        "channel changed because of radar",
        1216,
        moved(1),
        switched(100),
        radar(T1216, BLOCK_52_40),
        unproven=(*GAP, radar(T1216, BLOCK_52_40, proven=False)),
    ),
    *aruba("radar is over", 1216, moved(2, 36, 52), switched(52), cleared(5260), unproven=GAP),
    *aruba(
        "transmitter hung",
        1216,
        moved(3),
        switched(100),
        fault("the transmitter hung"),
        unproven=(*GAP, replace(fault("the transmitter hung"), authenticated=False)),
    ),
    *aruba("power changed", 1217, WHERE, *GAP, unproven=GAP),
    *aruba("interference", 1068, WHERE, interference("channel interference")),
    *aruba("interference on 2.4 GHz", 1068, AT_2, interference("channel interference", radio=R2)),
    *aruba("interference over", 1069, WHERE, interference("channel interference", over=True)),
    *aruba("unsecure AP", 1053, SEEN, replace(HEARD, on_wire=True)),
    *aruba("unsecure AP gone", 1054, SEEN, replace(HEARD, on_wire=True, over=True)),
    *aruba("impersonation", 1113, SEEN, replace(HEARD, impersonates=True)),
    *aruba("a neighbour", 1106, SEEN, *GAP, unproven=GAP),
    *(
        case
        for number in (1094, 1148, 1149)
        for case in aruba(f"disconnection {number}", number, WHERE, attack("disconnection of stations"))
    ),
    *(case for n in (1074, 1075, 1084) for case in aruba(f"threshold {n}", n, WHERE, *GAP, unproven=GAP)),
    *(
        case
        for number in (1040, 1257)
        for case in aruba(f"AP up {number}", number, {f"{ARUBA_VAR}.1.0": LOBBY}, up(R2), up(), unproven=GAP)
    ),
    *(
        case
        for number in (1041, 1258)
        for case in aruba(f"AP down {number}", number, {f"{ARUBA_VAR}.1.0": LOBBY}, *AP_DOWN, unproven=GAP)
    ),
    *aruba("another AP down", 1041, {f"{ARUBA_VAR}.1.0": OTHER}),
]

HUAWEI = "1.3.6.1.4.1.2011.6.139.16.1.1.1"
HUAWEI_VAR = "1.3.6.1.4.1.2011.6.139.16.1.1.2"
RADIO = "1.3.6.1.4.1.2011.6.139.16.1.2.1"
T1 = f"{HUAWEI}.1"
ON: dict[str, Value] = {f"{RADIO}.1.{MAC_SUFFIX}.1": LOBBY, f"{RADIO}.2.{MAC_SUFFIX}.1": 1}


def huawei(
    name: str,
    number: int,
    values: Mapping[str, Value],
    *proven: Signal,
    unproven: tuple[Signal, ...] | None = None,
    base: str = HUAWEI,
) -> Case:
    return Case(
        name=f"huawei: {name}",
        profile="huawei",
        trap=f"{base}.{number}",
        values=values,
        proven=proven,
        unproven=unproven,
    )


def cause(number: int) -> dict[str, Value]:
    return {**ON, f"{HUAWEI_VAR}.1.0": 100, f"{HUAWEI_VAR}.6.0": number, f"{HUAWEI_VAR}.27.0": 56}


HUAWEI_CASES = [
    huawei("channel calibrated", 1, cause(5), switched(100), unproven=GAP),
    huawei(
        "channel changed because of radar",
        1,
        cause(2),
        switched(100),
        radar(T1, BLOCK_52_40),
        unproven=(*GAP, radar(T1, BLOCK_52_40, proven=False)),
    ),
    *(huawei(f"trap {n}", n, ON, *GAP, unproven=GAP) for n in (2, 3, 5, 6, 7, 8, 9, 10, 16, 19)),
    huawei("not Wi-Fi", 11, ON, interference("no Wi-Fi device")),
    huawei("not Wi-Fi over", 12, ON, interference("no Wi-Fi device", over=True)),
    huawei("radio down", 13, {**ON, f"{HUAWEI_VAR}.25.0": b"fault"}, down(reason="fault"), unproven=GAP),
    huawei("radio up", 14, ON, up(), unproven=GAP),
    huawei(
        "rogue",
        15,
        {
            f"{HUAWEI_VAR}.18.0": 1,
            f"{HUAWEI_VAR}.19.0": LOBBY,
            f"{HUAWEI_VAR}.20.0": ROGUE,
            f"{HUAWEI_VAR}.21.0": b"FreeWifi",
            f"{HUAWEI_VAR}.23.0": -70,
            f"{HUAWEI_VAR}.24.0": 52,
        },
        rogue(ssid="FreeWifi", channel=52, signal_dbm=-70.0),
    ),
    *(huawei(f"15.1.1.{n}", n, {}, *GAP, unproven=GAP, base="1.3.6.1.4.1.2011.6.139.15.1.1") for n in (1, 3)),
]

ZD = "1.3.6.1.4.1.25053.2.2.1"
SZ = "1.3.6.1.4.1.25053.2.11.1"
ZD_AP: dict[str, Value] = {"1.3.6.1.4.1.25053.2.2.2.18.0": LOBBY.hex(":").encode()}
SZ_AP: dict[str, Value] = {"1.3.6.1.4.1.25053.2.11.2.23.0": LOBBY.hex(":").upper().encode()}
SZ_SEEN: dict[str, Value] = {
    **SZ_AP,
    "1.3.6.1.4.1.25053.2.11.2.45.0": ROGUE.hex(":").encode(),
    "1.3.6.1.4.1.25053.2.11.2.40.0": b"FreeWifi",
}


def zonedirector(name: str, number: int, values: Mapping[str, Value], *proven: Signal) -> Case:
    return Case(
        name=f"zonedirector: {name}",
        profile="ruckus-zonedirector",
        trap=f"{ZD}.{number}",
        values=values,
        proven=proven,
        unproven=GAP,
    )


def smartzone(
    name: str,
    number: int,
    values: Mapping[str, Value],
    *proven: Signal,
    unproven: tuple[Signal, ...] | None = None,
) -> Case:
    return Case(
        name=f"smartzone: {name}",
        profile="ruckus-smartzone",
        trap=f"{SZ}.{number}",
        values=values,
        proven=proven,
        unproven=unproven,
        where=silent_controller(),
    )


GONE = "AP disconnected"
SZ_ROGUE = rogue(R2, ssid="FreeWifi")
RUCKUS_CASES = [
    zonedirector("AP lost", 5, ZD_AP, down(R2, "AP lost"), down(R5, "AP lost")),
    *(zonedirector(f"trap {n}", n, ZD_AP, *GAP) for n in (6, 8, 11)),
    *(zonedirector(f"trap {n}", n, {}, *GAP) for n in (2, 3, 4, 26, 36)),
    smartzone("AP connected", 21, SZ_AP, up(R2), up(R5), unproven=GAP),
    smartzone("AP disconnected", 23, SZ_AP, down(R2, GONE), down(R5, GONE), unproven=GAP),
    *(smartzone(f"trap {n}", n, SZ_AP, *GAP, unproven=GAP) for n in (22, 24, 25)),
    smartzone("SSID spoofed", 50, SZ_SEEN, replace(SZ_ROGUE, impersonates=True)),
    smartzone("MAC spoofed", 51, SZ_SEEN, replace(SZ_ROGUE, impersonates=True)),
    smartzone("on our network", 52, SZ_SEEN, replace(SZ_ROGUE, on_wire=True)),
    smartzone("ad hoc", 53, SZ_SEEN, SZ_ROGUE),
    smartzone("rogue gone", 54, SZ_SEEN, rogue(R2, over=True)),
    smartzone("rogue", 59, SZ_SEEN, SZ_ROGUE),
]

LINK = "1.3.6.1.6.3.1.1.5"
IF_INDEX = "1.3.6.1.2.1.2.2.1.1"


def interface(
    profile: str,
    name: str,
    trap: str,
    values: Mapping[str, Value],
    *proven: Signal,
    unproven: tuple[Signal, ...] = GAP,
) -> Case:
    return Case(
        name=f"{profile}: {name}",
        profile=profile,
        trap=trap,
        values=values,
        proven=proven,
        unproven=unproven,
        where=one_ap(),
    )


LINK_CASES = [
    case
    for profile in ("aerohive", "mikrotik", "meraki", "ieee80211")
    for case in (
        interface(profile, "link down", f"{LINK}.3", {f"{IF_INDEX}.4": 4}, down(reason="link down")),
        interface(profile, "link up", f"{LINK}.4", {f"{IF_INDEX}.3": 3}, up(R2)),
        interface(profile, "link of a wired port", f"{LINK}.3", {f"{IF_INDEX}.1": 1}, unproven=()),
    )
]
DOT11 = "1.2.840.10036.1.6.0"
STATION = "1.2.840.10036.1.1.1"
DOT11_CASES = [
    interface(
        profile,
        name,
        f"{DOT11}.{number}",
        {f"{IF_INDEX}.4": 4, f"{STATION}.{column}.4": CLIENT},
        left(),
        unproven=(),
    )
    for profile in ("meraki", "ieee80211")
    for name, number, column in (("disassociated", 1, 16), ("deauthenticated", 2, 18))
]
SWITCH = "1.3.6.1.4.1.9.9.627.0.1"
WENT = "1.3.6.1.4.1.9.9.627.1.2.1.0"
AUTONOMOUS = [
    interface(
        "ieee80211",
        "radar where an autonomous Cisco AP was",
        SWITCH,
        {WENT: 5500},
        radar(SWITCH, BLOCK_52_40),
        unproven=(radar(SWITCH, BLOCK_52_40, proven=False),),
    ),
    interface("ieee80211", "radar, and a poll was faster", SWITCH, {WENT: 5260}, *GAP),
    interface("ieee80211", "back on its channel", "1.3.6.1.4.1.9.9.627.0.2", {}, *GAP),
]
STARTED = [
    Case(name=f"{profile}: started", profile=profile, trap=f"{LINK}.1", values={}, proven=GAP, unproven=GAP)
    for profile in ("airespace", "unifi")
]
TWO_ON_ONE = Case(
    name="aruba-controller: radar at an AP whose radio it does not name",
    profile="aruba-controller",
    trap=T1216,
    values={k: v for k, v in moved(1).items() if not k.startswith(f"{ARUBA_VAR}.56.")},
    proven=(*GAP, radar(T1216, BLOCK_52_40)),
    unproven=(*GAP, radar(T1216, BLOCK_52_40, proven=False)),
    where=controller(),
)

OTHERS = [
    *ARUBA_CASES,
    *HUAWEI_CASES,
    *RUCKUS_CASES,
    *LINK_CASES,
    *DOT11_CASES,
    *STARTED,
    *AUTONOMOUS,
    TWO_ON_ONE,
]
