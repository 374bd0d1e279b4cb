"""Requests in the words of openconfig-access-points. Pure.

Two traps: an identityref's prefix must be the module's own for some servers, whatever prefix the document
binds (yuma123 refuses another at the commit), and `config/hostname` refers to /provision-aps, so that an AP
that is not there yet can't be made by its radios alone; only radios that were read are edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.netconf.render import element, leaf
from drivers.types import Setting, Table, Values

NAMESPACE: Final = "http://openconfig.net/yang/wifi/access-points"
PROVISION: Final = "http://openconfig.net/yang/ap-manager"
WIFI_TYPES: Final = "http://openconfig.net/yang/wifi/wifi-types"
_LEAFS: Final = {
    Setting.CHANNEL: "channel",
    Setting.WIDTH_MHZ: "channel-bandwidth",
    Setting.TX_POWER_DBM: "transmit-power",
    Setting.ENABLED: "enabled",
}
_OWNED: Final = {Setting.CHANNEL: "dca", Setting.WIDTH_MHZ: "dca", Setting.TX_POWER_DBM: "dtp"}


def found() -> str:
    """Filter for what there is: every AP with its radios, and who they are."""
    system = element(
        "system",
        element(
            "state",
            *(element(each) for each in ("current-datetime", "boot-time", "software-version")),
        ),
    )
    return _radios("config", "state", more=system) + element("provision-aps", xmlns=PROVISION)


def asked(tables: frozenset[Table]) -> str:
    """Filter for these tables; the radios' own leafs are always among them."""
    system = element("system", element("state", element("current-datetime"), element("boot-time")))
    ssids = ""
    if tables & {Table.CLIENTS, Table.COUNTERS}:
        clients = (element("clients"),) if Table.CLIENTS in tables else ()
        ssids = element("ssids", element("ssid", element("name"), element("bssids"), *clients))
    neighbors = ("neighbors",) if Table.NEIGHBORS in tables else ()
    return _radios("config", "state", *neighbors, more=ssids + system)


def _radios(*parts: str, more: str) -> str:
    keys = (element("id"), element("operating-frequency"))
    radio = element("radio", *keys, *(element(part) for part in parts))
    return element(
        "access-points",
        element("access-point", element("hostname"), element("radios", radio), more),
        xmlns=NAMESPACE,
    )


def edit(
    hostname: str, number: int, frequency: str, values: Values, *, old_width: bool, take_over: bool
) -> str:
    """The configuration that gives one radio these values. ``take_over``: what the device would choose by
    itself, it leaves alone from now on."""
    leafs = {_LEAFS[setting]: value for setting, value in sorted(values.items())}
    if old_width and "channel-bandwidth" in leafs:
        leafs["channel-width"] = leafs.pop("channel-bandwidth")
    words = [leaf(name, _boolean(value) if name == "enabled" else value) for name, value in leafs.items()]
    if take_over:
        words += [leaf(name, "false") for name in sorted({_OWNED[each] for each in values if each in _OWNED})]
    keys = (
        leaf("id", number),
        leaf("operating-frequency", f"oc-wifi-types:{frequency}", **{"xmlns:oc-wifi-types": WIFI_TYPES}),
    )
    radio = element("radio", *keys, element("config", *words))
    return element(
        "access-points",
        element("access-point", leaf("hostname", hostname), element("radios", radio)),
        xmlns=NAMESPACE,
    )


def _boolean(value: int) -> str:
    return "true" if value else "false"


def settings() -> Mapping[Setting, str]:
    return dict.fromkeys(_LEAFS, "radio")
