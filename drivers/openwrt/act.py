"""Actions of an OpenWrt radio -> ubus calls. Pure.

`bss_transition_request` is a hint; `del_client` throws a client out and is never used for steering. Source:
OpenWrt `src/ap/ubus.c`; Neighbor Report element: IEEE 802.11-2020 9.4.2.36.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from drivers.errors import Refused, Unsupported
from drivers.hostapd import parse_neighbor
from drivers.hostapd.parse import MAC
from drivers.hostapd.parse_neighbor import Target
from drivers.hostapd.render import checked_ifname
from drivers.openwrt.ubus import Call
from drivers.types import ActionRequest, ConfigState, RadioState, Setting

_MOST_TARGETS: Final = 16  # an action frame holds about 60
_VALID_BEACONS: Final = 100  # about 10 s in which the client may think about it
_PREFERENCE: Final = "0301"  # subelement: BSS transition candidate preference, one octet


def may_restart(ifname: str, have: ConfigState) -> None:
    """Raises Refused where a restart would only keep the radio silent, or switch on what is to be off."""
    if have.state is RadioState.NOP:
        raise Refused(f"{ifname} waits out a non-occupancy period: a restart would keep it silent")
    if have.configured.get(Setting.ENABLED) == 0:
        raise Refused(f"{ifname} is switched off")


def here(clients: Mapping[str, Iterable[str]], request: ActionRequest) -> dict[str, str]:
    """Of the clients that are to be steered those that are here, each with its interface.

    ``clients``: stations by interface. Raises Refused when there is nobody to ask.
    """
    wanted = {_mac(client) for client in request.clients}
    found = {mac.lower(): ifname for ifname, macs in clients.items() for mac in macs if mac.lower() in wanted}
    if not found:
        raise Refused(f"of {len(wanted)} clients none is here")
    return found


def steer(found: Mapping[str, str], request: ActionRequest, known: Mapping[str, Target]) -> tuple[Call, ...]:
    """A BSS-transition request to each of these clients; nobody is threatened with disassociation.

    ``known``: APs of which a Neighbor Report element can be made, by BSSID; others are left out.
    """
    targets = [known[mac] for mac in map(_mac, request.to_bssids) if mac in known][:_MOST_TARGETS]
    neighbors = [_element(target, rank) for rank, target in enumerate(targets)]
    return tuple(_request(ifname, mac, neighbors) for mac, ifname in found.items())


def _request(ifname: str, mac: str, neighbors: list[str]) -> Call:
    args: dict[str, Any] = {
        "addr": mac,
        "disassociation_imminent": False,
        "disassociation_timer": 0,
        "validity_period": _VALID_BEACONS,
        "neighbors": neighbors,
        "abridged": True,  # the client should prefer these to all others
        "dialog_token": 1,
    }
    name = f"hostapd.{checked_ifname(ifname)}"
    return Call(object=name, method="bss_transition_request", args=MappingProxyType(args))


def _element(target: Target, rank: int) -> str:
    """Hexadecimal, without element id and length. The first of the list is the best (255 is the highest)."""
    body = (
        bytes.fromhex(target.bssid.replace(":", ""))
        + target.info.to_bytes(4, "little")
        + bytes((target.op_class, target.channel, target.phy_type))
    )
    return f"{body.hex()}{_PREFERENCE}{255 - rank:02x}"


def targets(own: Mapping[str, int], listed: object) -> dict[str, Target]:
    """APs that a client can be pointed to. ``own``: BSSIDs of this AP and their channels in MHz; ``listed``:
    the answer of `rrm_nr_list`."""
    known = {bssid.lower(): parse_neighbor.heard(bssid, mhz) for bssid, mhz in own.items()}
    entries = listed.get("list") if isinstance(listed, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, list) and len(entry) == 3 and all(isinstance(each, str) for each in entry):
            known |= parse_neighbor.listed(f"{entry[0]} x nr={entry[2]}")
    return known


def _mac(client: str) -> str:
    if not re.fullmatch(MAC, client):
        raise Unsupported(f"{client!r} is no client's address")
    return client.lower()
