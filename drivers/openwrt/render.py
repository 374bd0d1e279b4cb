"""Edits -> ubus calls and, where there is a shell, one line of `uci`. Pure. Every name and number is checked.

Arguments of `switch_chan` and what the omission of one does: OpenWrt `src/ap/ubus.c`, recorded on 24.10
(without `bcn_count` the switch is not announced; 20 MHz without `sec_channel_offset` gives 40). Arguments of
`switch_channel`: OpenWrt main, `hostapd.uc`. Names of options: the schema of `wifi-device`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from drivers.errors import Unsupported
from drivers.hostapd.render import Modes, checked_ifname, secondary
from drivers.openwrt.ubus import Call
from inventory.channels import Block
from inventory.model import Band

CONFIG: Final = "wireless"
LEAST_BEACONS: Final = 5  # a client that sleeps through three beacons still hears of the switch
MOST_BEACONS: Final = 255  # a byte on the device: 300 became 44
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")  # of a UCI section or option
_VALUE: Final = re.compile(r"[A-Za-z0-9+_.-]{1,32}")
_HTMODE: Final = re.compile(r"(NOHT|HT|VHT|HE|EHT)(?:\d{2,3}(?:[+-]|\+80|-[12])?)?", re.ASCII)
_OPER_CHWIDTH: Final = MappingProxyType({20: 0, 40: 0, 80: 1, 160: 2, 320: 3})  # as hostapd.uc: 40 << n
_SWITCH_CHAN_MHZ: Final = frozenset({20, 40, 80, 160})

UciValue = str | tuple[str, ...]  # an option, or a list


def text(call: Call) -> str:
    """As a person would type it."""
    args = f" '{json.dumps(dict(call.args))}'" if call.args else ""
    return f"ubus call {call}{args}"


def switch_chan(ifname: str, block: Block, modes: Modes, beacons: int) -> Call:
    """Announce for so many beacons, then go. It can say neither EHT nor 320 MHz: clients would lose both."""
    if modes.eht or block.width_mhz not in _SWITCH_CHAN_MHZ:
        raise Unsupported(f"switch_chan can't announce {block}{' with EHT' if modes.eht else ''}")
    args = {
        "freq": block.primary_mhz,
        "bcn_count": checked_beacons(beacons),
        "bandwidth": block.width_mhz,
        "center_freq1": block.center_mhz,
        "center_freq2": 0,
        "sec_channel_offset": secondary(block),
        "ht": modes.ht,
        "vht": modes.vht,
        "he": modes.he,
        "block_tx": False,
        "force": False,  # on a refusal it would throw out all clients
    }
    return Call(object=f"hostapd.{checked_ifname(ifname)}", method="switch_chan", args=MappingProxyType(args))


def switch_channel(phy: str, radio: int | None, block: Block, beacons: int) -> Call:
    """The same by `hostapd.uc`, which says again all that the BSS speaks, EHT too."""
    args = {
        "phy": checked_ifname(phy),
        **({} if radio is None else {"radio": radio}),
        "frequency": block.primary_mhz,
        "center_freq1": block.center_mhz,
        "center_freq2": 0,
        "sec_channel": secondary(block),
        "oper_chwidth": _OPER_CHWIDTH[block.width_mhz],
        "csa_count": checked_beacons(beacons),
    }
    return Call(object="hostapd", method="switch_channel", args=MappingProxyType(args))


def checked_beacons(count: int) -> int:
    if not LEAST_BEACONS <= count <= MOST_BEACONS:
        raise Unsupported(f"a switch is announced for {LEAST_BEACONS} to {MOST_BEACONS} beacons, not {count}")
    return count


def modes_of(htmode: str, band: Band) -> Modes:
    """What a BSS with this `htmode` speaks: each includes the older ones of its band. 11g and 11a: none."""
    level = ("NOHT", "HT", "VHT", "HE", "EHT").index(_kind(htmode))
    return Modes(
        ht=level >= 1 and band is not Band.GHZ_6,
        vht=level >= 2 and band is Band.GHZ_5,
        he=level >= 3,
        eht=level >= 4,
    )


def htmode(now: str, block: Block) -> str:
    """The same kind of BSS in another width. Raises Unsupported where the kind ends before it.

    2.4 GHz: HT40+ and HT40- say on which side the other half lies; a bare 40 leaves it to OpenWrt, which
    takes the upper side below channel 7 (`hostapd.uc`).
    """
    kind, width = _kind(now), block.width_mhz
    if width > {"NOHT": 20, "HT": 40, "VHT": 160, "HE": 160, "EHT": 320}[kind]:
        raise Unsupported(f"a {kind} radio is never {width} MHz wide")
    if kind == "NOHT":
        return now
    if block.band is not Band.GHZ_2_4 or width != 40:
        return f"{kind}{width}"
    if kind == "HT":
        return f"HT40{'+' if secondary(block) > 0 else '-'}"
    if (secondary(block) > 0) is not (block.primary < 7):
        raise Unsupported(f"OpenWrt itself chooses where the other half of {block.primary}/40 lies")
    return f"{kind}40"


def _kind(htmode: str) -> str:
    found = _HTMODE.fullmatch(htmode)
    if found is None:
        raise Unsupported(f"{htmode[:20]!r} is no htmode")
    return found[1]


def uci_set(section: str, values: Mapping[str, UciValue]) -> Call:
    """Stage options and lists; lists replace what was there."""
    plain = {
        _name(option): _value(value) if isinstance(value, str) else [_value(each) for each in value]
        for option, value in values.items()
    }
    args = {"config": CONFIG, "section": _name(section), "values": plain}
    return Call(object="uci", method="set", args=MappingProxyType(args))


def uci_delete(section: str, options: Iterable[str]) -> Call:
    args = {"config": CONFIG, "section": _name(section), "options": [_name(each) for each in options]}
    return Call(object="uci", method="delete", args=MappingProxyType(args))


def uci_apply(timeout_s: int) -> Call:
    """Always with rollback: a plain apply would delete somebody else's pending rollback, without a word."""
    args = {"rollback": True, "timeout": timeout_s}
    return Call(object="uci", method="apply", args=MappingProxyType(args))


APPLY_S: Final = 30
"""Of an apply that is confirmed at once: how long the device would wait for that."""

UCI_CONFIRM: Final = Call(object="uci", method="confirm")
UCI_ROLLBACK: Final = Call(object="uci", method="rollback")
UCI_REVERT: Final = Call(object="uci", method="revert", args=MappingProxyType({"config": CONFIG}))

BOUNCE_S: Final = 60
"""How long a radio that is being restarted would stay off, did the agent die just then."""
OFF: Final = MappingProxyType({"disabled": "1"})


def record(section: str, values: Mapping[str, UciValue]) -> str:
    """One shell line that writes the values into UCI and reloads nothing.

    It stages in a directory of its own: what somebody else has staged with `uci set` and not committed is
    neither committed nor lost.
    """
    words = []
    for option, value in values.items():
        path = f"{CONFIG}.{_name(section)}.{_name(option)}"
        if isinstance(value, str):
            words.append(_uci("set", f"{path}={_value(value)}"))
        else:
            words.append(f"{{ {_uci('-q', 'delete', path)} || true; }}")
            words += [_uci("add_list", f"{path}={_value(each)}") for each in value]
    return " && ".join((*words, _uci("commit", CONFIG)))


def _uci(*words: str) -> str:
    return shlex.join(["uci", "-t", _STAGING, *words])


_STAGING: Final = "/tmp/.uci-rrmd"  # noqa: S108 -- RAM, as OpenWrt's own /tmp/.uci; root's alone


def tx_power(ifname: str, dbm: int) -> str:
    """One shell line; the kernel clips in silence what the channel does not allow."""
    return shlex.join(["iw", "dev", checked_ifname(ifname), "set", "txpower", "fixed", str(dbm * 100)])


def radio_restart(section: str) -> str:
    """One shell line: this radio off and on again, the others untouched."""
    return shlex.join(["wifi", "up", _name(section)])


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise Unsupported(f"{text[:40]!r} is no name of UCI")
    return text


def _value(text: str) -> str:
    if not _VALUE.fullmatch(text):
        raise Unsupported(f"{text[:40]!r} is nothing that rrmd writes into UCI")
    return text
