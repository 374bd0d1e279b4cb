"""What ubus notifies and what the log says -> the events of hostapd. Pure.

Source: OpenWrt `src/ap/ubus.c` and `600-ubus_support.patch`; recorded on 24.10. Lines of the log are
hostapd's own, so they, and the radar that ubus tells, go through hostapd's parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from drivers.errors import Garbage
from drivers.hostapd import parse_event
from drivers.hostapd.parse import MAC
from drivers.hostapd.parse_event import Event, EventKind
from inventory.channels import channel_of

_LEFT: Final = frozenset({"disassoc", "deauth", "local-deauth", "inactive-deauth"})
_CAME: Final = frozenset({"assoc", "sta-authorized"})
_LOGGED: Final = re.compile(
    r"hostapd(?:\[\d{1,8}\])?: ([A-Za-z0-9_.@-]{1,15}): ((?:DFS|AP|CTRL|INTERFACE)-.*)", re.ASCII
)


def of_log(line: str) -> Event | None:
    """A line of `logread`, or a message of `log read`; None: it is no event of hostapd.

    Raises Garbage for one that lacks what it must say: the caller should poll.
    """
    found = _LOGGED.search(line)
    return parse_event.event(f"IFNAME={found[1]} {found[2]}") if found else None


def of_ubus(ifname: str, kind: str, data: Mapping[str, Any]) -> Event | None:
    """A notification of the object `hostapd.<ifname>`; None: it says nothing about radios.

    Raises Garbage for radar or a switch whose frequency is not one: the caller should poll.
    """
    if kind == "channel-switch":
        return _switched(ifname, data)
    if kind == "radar-detected":
        return _radar(ifname, data)
    mac = data.get("address")
    if kind not in _LEFT | _CAME or not isinstance(mac, str) or not re.fullmatch(MAC, mac):
        return None
    told = EventKind.CLIENT_LEFT if kind in _LEFT else EventKind.CLIENT_CAME
    return Event(kind=told, ifname=ifname, mac=mac.lower(), raw=f"{kind} {mac}")


def _switched(ifname: str, data: Mapping[str, Any]) -> Event:
    """It tells the primary alone. An object that serves several interfaces names the one that moved."""
    frequency = _number(data, "freq")
    try:
        channel_of(frequency)
    except ValueError as error:
        raise Garbage(f"channel-switch: {error}") from error
    return Event(
        kind=EventKind.SWITCHED,
        ifname=ifname,
        frequency_mhz=frequency,
        mhz20=frozenset({frequency}),
        raw=f"channel-switch freq={frequency}",
    )


def _radar(ifname: str, data: Mapping[str, Any]) -> Event | None:
    """``width`` is hostapd's `enum chan_width`, which its own lines bear as ``chan_width``."""
    words = (
        f"freq={_number(data, 'frequency')}",
        f"chan_width={_number(data, 'width')}",
        f"cf1={_number(data, 'center1')}",
        f"cf2={_number(data, 'center2')}",
    )
    return parse_event.event(f"IFNAME={ifname} {EventKind.RADAR} {' '.join(words)}")


def _number(data: Mapping[str, Any], name: str) -> int:
    """0 where it is absent or no number: then it means nothing to hostapd's parser either."""
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 100_000 else 0
