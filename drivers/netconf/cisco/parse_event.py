"""Notifications of a C9800: rogues, and clients that leave. Pure. Source: Cisco-IOS-XE-wireless-events-oper
of IOS-XE 26.1.1, which has none of radar, of channel changes or of radios going down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from drivers.netconf.cisco.parse import Slot, slot
from drivers.netconf.parse_xml import at, integer, mac, name, text, tree

_LEFT: Final = "wsa-cl-event-deleted"  # "delete-in-progress" is told before it, of the same client
_ROGUES: Final = {
    "potential-honeypot-detected": (True, False),
    "potential-honeypot-cleared": (True, True),
    "ap-impersonation-detected": (True, False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    radio: Slot
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rogue:
    """``impersonates``: it bears our SSID (a honeypot) or the address of one of our APs."""

    radio: Slot
    bssid: str
    ssid: str | None
    channel: int | None
    impersonates: bool
    over: bool


def event(notification: str) -> Left | Rogue | None:
    """None: an event that is none of these. Raises Garbage for what is no XML."""
    root = tree(notification)
    for each in root:
        if name(each) == "wsa-client-event":
            return _left(each)
        if name(each) == "rogue-events":
            return _rogue(each)
    return None


def _left(each: Element) -> Left | None:
    """None: it has not left."""
    radio, client = slot(each, "wtp-mac", "ms-ap-slot-id"), mac(each, "client-mac")
    if radio is None or client is None or text(each, "client-event") != _LEFT:
        return None
    return Left(radio=radio, mac=client)


def _rogue(each: Element) -> Rogue | None:
    reporter, bssid = at(each, "reporting-ap"), mac(each, "rogue-mac-address")
    radio = slot(reporter, "mac-address", "slot-id") if reporter is not None else None
    for kind, (impersonates, over) in _ROGUES.items():
        if (told := at(each, kind)) is not None and radio is not None and bssid is not None:
            return Rogue(
                radio=radio,
                bssid=mac(told, "impersonating-src-mac") or bssid,
                ssid=text(told, "ssid"),
                channel=integer(told, "channel", least=1, most=233),
                impersonates=impersonates,
                over=over,
            )
    return None
