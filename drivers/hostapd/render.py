"""Edits -> shell commands. Pure. Every word is quoted, every name and number checked.

Arguments of chan_switch: hostapd 2.10 `hostapd_parse_csa_settings`, `hostapd_ctrl_check_freq_params`. Left
out, `ht vht he` are switched off (clients with them drop) and the width falls to 20 MHz.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.errors import Unsupported
from drivers.hostapd.parse import Status
from inventory.channels import Block, blocks_of

_IFNAME: Final = re.compile(r"(?!-)(?!\.{1,2}$)[A-Za-z0-9_.:@-]{1,15}")
_CHWIDTH: Final = {20: 0, 40: 0, 80: 1, 160: 2}
MARK: Final = "@@rrmd"
LATE: Final = 75  # exit status: the command reached the device after its time
STOPPED: Final = 76  # exit status: a step was not answered with OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """How the two programs are called on this device."""

    hostapd_cli: str = "hostapd_cli"
    iw: str = "iw"
    ctrl_dir: str = "/var/run/hostapd"
    sudo: bool = False
    config_file: str | None = None

    def file_of(self, ifname: str) -> str | None:
        """hostapd's own file for this interface."""
        return self.config_file.replace("{ifname}", checked_ifname(ifname)) if self.config_file else None

    @property
    def version(self) -> str:
        return self._line(self.hostapd_cli, "-v")

    def cli(self, ifname: str, *words: str | int) -> str:
        return self._line(self.hostapd_cli, "-p", self.ctrl_dir, "-i", checked_ifname(ifname), *words)

    def iw_line(self, *words: str | int) -> str:
        return self._line(self.iw, *words)

    def _line(self, *words: str | int) -> str:
        return shlex.join([*(("sudo", "-n") if self.sudo else ()), *map(str, words)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """What the BSS speaks; a switch must say it again."""

    ht: bool = True
    vht: bool = False
    he: bool = False
    eht: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(name for name in ("ht", "vht", "he", "eht") if getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command; ``optional``: it may be refused without harm (disabling what is disabled)."""

    command: str
    optional: bool = False


def modes_of(status: Status) -> Modes:
    return Modes(ht=status.ht, vht=status.vht, he=status.he, eht=status.eht)


def checked_ifname(name: str) -> str:
    if not _IFNAME.fullmatch(name):
        raise Unsupported(f"{name!r} is no interface name")
    return name


def secondary(block: Block) -> int:
    """+1 or -1: where the other half of the primary's 40 MHz lies; 0 at 20 MHz."""
    if block.width_mhz == 20:
        return 0
    if block.width_mhz == 40:
        return 1 if block.center_mhz > block.primary_mhz else -1
    return secondary(blocks_of(block.band, block.primary, 40)[0])


def chan_switch(tools: Tools, ifname: str, block: Block, modes: Modes, count: int) -> Step:
    """Announce for ``count`` beacons, then go. To a DFS channel without CAC hostapd restarts instead."""
    if not 1 <= count <= 255:
        raise Unsupported(f"a switch is announced for 1 to 255 beacons, not {count}")
    words = (
        f"sec_channel_offset={secondary(block)}",
        f"center_freq1={block.center_mhz}",
        f"bandwidth={block.width_mhz}",
        *modes.words,
    )
    return Step(command=tools.cli(ifname, "chan_switch", count, block.primary_mhz, *words))


def tx_power(tools: Tools, ifname: str, dbm: int) -> Step:
    """Whole dBm: hwsim and others refuse fractions. Above the channel's limit the kernel clips in silence."""
    if not 0 <= dbm <= 40:
        raise Unsupported(f"a transmit power of {dbm} dBm is outside 0 to 40")
    return Step(command=tools.iw_line("dev", checked_ifname(ifname), "set", "txpower", "fixed", dbm * 100))


def disable(tools: Tools, ifname: str) -> Step:
    return Step(command=tools.cli(ifname, "disable"))


def enable(tools: Tools, ifname: str) -> Step:
    return Step(command=tools.cli(ifname, "enable"))


def off_and_on(tools: Tools, ifname: str) -> str:
    """One command: a connection that is lost between two would leave the radio off. Also for a radio that is
    off: after a start that failed, `enable` alone says FAIL."""
    off, on = tools.cli(ifname, "disable"), tools.cli(ifname, "enable")
    return f"{{ {off} >/dev/null; {on}; }}"


def restart(tools: Tools, ifname: str, block: Block, modes: Modes) -> tuple[Step, ...]:
    """Off, on another channel, and on: the way for a radio that does not beacon."""
    off = Step(command=tools.cli(ifname, "disable"), optional=True)
    values = {"channel": block.primary, **_widths(block, modes)}
    settings = (Step(command=tools.cli(ifname, "set", name, value)) for name, value in values.items())
    return (off, *settings, enable(tools, ifname))


def _widths(block: Block, modes: Modes) -> dict[str, str | int]:
    if block.width_mhz not in _CHWIDTH:
        raise Unsupported(f"this hostapd cannot be told to be {block.width_mhz} MHz wide")
    wide = _CHWIDTH[block.width_mhz]
    center = block.primary + (block.center_mhz - block.primary_mhz) // 5 if wide else 0
    ht40 = {1: "[HT40+]", -1: "[HT40-]", 0: "[]"}[secondary(block)]
    values: dict[str, str | int] = {"ht_capab": ht40} if modes.ht else {}
    for name in ("vht", "he", "eht"):
        if getattr(modes, name):
            values |= {f"{name}_oper_chwidth": wide, f"{name}_oper_centr_freq_seg0_idx": center}
    return values


def reads(commands: Mapping[str, str]) -> str:
    """One shell command that runs them all, one answer's failure being no other's; see parse.sections."""
    parts = (
        f"echo '{MARK} {name}'; {command} 2>&1; printf '\\n{MARK}= %d\\n' $?"
        for name, command in commands.items()
    )
    return "; ".join(parts)


def writes(steps: Sequence[Step], latest_uptime_s: int) -> str:
    """The steps in order, up to the first that is refused; nothing at all once the device has been up for
    longer than ``latest_uptime_s``: what the network delivers too late must not be done."""
    late = f'read -r u _ </proc/uptime; [ "${{u%%.*}}" -le {latest_uptime_s:d} ] || exit {LATE}'
    return "; ".join([late, *(_checked(number, step) for number, step in enumerate(steps))])


def _checked(number: int, step: Step) -> str:
    run = f"o=$({step.command} 2>&1); s=$?; printf '{MARK} {number:d}\\n%s\\n{MARK}= %d\\n' \"$o\" $s"
    if step.optional:
        return run
    return f"{run}; case $s:$o in 0:|0:OK) ;; *) exit {STOPPED};; esac"
