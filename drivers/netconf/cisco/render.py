"""Requests in the words of Cisco IOS-XE 26.1.1's wireless models. Pure.

All commands name the AP by its radio MAC. Their `band` follows what the radio is, not the band it serves.
"""

from __future__ import annotations

from typing import Final

from drivers.errors import Unsupported
from drivers.netconf.cisco.parse import Slot
from drivers.netconf.render import element, leaf
from drivers.types import Table

_NS: Final = "http://cisco.com/ns/yang/Cisco-IOS-XE-wireless-"
AP_OPER: Final = f"{_NS}access-point-oper"
RRM_OPER: Final = f"{_NS}rrm-oper"
RF_CFG: Final = f"{_NS}rf-cfg"
COMMANDS: Final = f"{_NS}access-point-cfg-rpc"
CISCO_IA: Final = "http://cisco.com/yang/cisco-ia"
_BANDS: Final = {
    "radio-80211bg": (1, "band-2-dot-4-ghz"),
    "radio-80211a": (2, "band-5-ghz"),
    "radio-80211abgn": (3, "band-dualband-radio"),
    "radio-80211-6ghz": (4, "band-6-ghz"),
    "radio-80211-xor-5-6ghz": (5, "band-dualband-radio-5-6ghz"),
    "radio-80211-xor-24-6ghz": (6, "band-dualband-radio-24-6ghz"),
}
_RADIO: Final = (
    "radio-type",
    "admin-state",
    "oper-state",
    "radio-mode",
    "current-band-id",
    "current-active-band",
    "station-cfg",
    "phy-ht-cfg",
    "chan-pwr-info",
    "radio-band-info",
    "vap-oper-config",
    "radio-enable-time",
    "cac-active",
)


def found() -> str:
    """Filter for all APs and radios there are."""
    ap = element(
        "capwap-data",
        element("wtp-mac"),
        element("name"),
        element(
            "device-detail",
            element("static-info", element("board-data", element("wtp-enet-mac")), element("ap-models")),
            element("wtp-version", element("sw-version")),
        ),
        element("tag-info", element("resolved-tag-info", element("resolved-rf-tag"))),
    )
    return element("access-point-oper-data", ap, _radio(None), xmlns=AP_OPER)


def asked(tables: frozenset[Table], only: Slot | None = None) -> str:
    """Filter for these tables; what a radio is on is always among them. ``only``: of one radio."""
    parts = [_radio(only)]
    if tables & {Table.COUNTERS, Table.SURVEY}:
        keys = _keys(only, "ap-mac", "slot-id")
        names = ("tx-frame-count", "retry-count", "failed-count", "cumulative-tx-bytes", "noise-floor")
        leafs = [element(each) for each in (*names, "ap-radio-stats")]
        parts.append(element("radio-oper-stats", *keys, *leafs))
    words = element("access-point-oper-data", *parts, xmlns=AP_OPER)
    rrm = []
    keys = _keys(only, "wtp-mac", "radio-slot-id")
    if tables & {Table.SURVEY, Table.CLIENTS}:
        rrm.append(element("rrm-measurement", *keys, element("load"), element("noise")))
    if Table.NEIGHBORS in tables:
        rrm.append(element("ap-auto-rf-dot11-data", *keys, element("neighbor-radio-info")))
    return words + (element("rrm-oper-data", *rrm, xmlns=RRM_OPER) if rrm else "")


def watched() -> str:
    """Filter for what no notification tells: radar, and what CleanAir recognised."""
    return element(
        "rrm-oper-data",
        element("ap-dot11-radar-data"),
        element("spectrum-device-table"),
        xmlns=RRM_OPER,
    )


def profile(name: str) -> str:
    leafs = (element("he-obss-pd-enable"), element("he-non-srg-obss-pd-max"))
    one = element("rf-profile", leaf("name", name), *leafs)
    return element("rf-cfg-data", element("rf-profiles", one), xmlns=RF_CFG)


def set_profile(name: str, dbm: int) -> str:
    """OBSS-PD of an RF profile: -82 dBm, the least, is off."""
    level = [leaf("he-non-srg-obss-pd-max", dbm)] if dbm != -82 else []
    words = (leaf("he-obss-pd-enable", "true" if level else "false"), *level)
    one = element("rf-profile", leaf("name", name), *words)
    return element("rf-cfg-data", element("rf-profiles", one), xmlns=RF_CFG)


def set_channel(radio: Slot, kind: str, channel: int) -> str:
    """Also ends the controller's own choice for this radio: the channel is static from now on."""
    return _command("set-ap-slot-phy-ht-chan", radio, _band(kind)[1], leaf("chan", channel))


def set_width(radio: Slot, kind: str, width_mhz: int) -> str:
    label = leaf("chan-width", f"chan-width-{width_mhz}mhz")
    return _command("set-slot-chan-width-label", radio, _band(kind)[1], label)


def set_static_power(radio: Slot, kind: str) -> str:
    """A level is taken only by a radio whose power is customized."""
    return _command("set-ap-slot-tx-power-customize", radio, _band(kind)[0], leaf("mode", "customized"))


def set_level(radio: Slot, kind: str, level: int) -> str:
    return _command("set-ap-slot-tx-power-level", radio, _band(kind)[0], leaf("tx-power-level", level))


def set_admin(radio: Slot, kind: str, *, up: bool) -> str:
    mode = leaf("mode", f"admin-state-{'enabled' if up else 'disabled'}")
    return _command("set-ap-slot-admin-state", radio, _band(kind)[0], mode)


def save() -> str:
    """What runs outlives a restart."""
    return element("save-config", xmlns=CISCO_IA)


def _radio(only: Slot | None) -> str:
    return element(
        "radio-oper-data",
        *_keys(only, "wtp-mac", "radio-slot-id"),
        *(element(each) for each in _RADIO),
    )


def _keys(only: Slot | None, mac_leaf: str, slot_leaf: str) -> tuple[str, str]:
    if only is None:
        return element(mac_leaf), element(slot_leaf)
    return leaf(mac_leaf, only.mac), leaf(slot_leaf, only.slot)


def _band(kind: str) -> tuple[int, str]:
    if kind not in _BANDS:
        raise Unsupported(f"a radio of type {kind!r} cannot be set")
    return _BANDS[kind]


def _command(name: str, radio: Slot, band: object, value: str) -> str:
    """Leafs in the order of the model."""
    words = (value, leaf("slot-id", radio.slot), leaf("band", band), leaf("mac-addr", radio.mac))
    return element(name, *words, xmlns=COMMANDS)
