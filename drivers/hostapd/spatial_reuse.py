"""OBSS-PD as hostapd 2.10 has it: two lines of its file, which `set` can change in memory. Pure.

hostapd tells neither of them, so what its file says is all that can be read. The kernel takes them only when
a BSS starts (NL80211_CMD_START_AP): `update_beacon` and `reload` change the beacon and nothing else.
Spatial Reuse element: IEEE 802.11-2021 (ax) 9.4.2.252; ranges: nl80211, 1 to 20 dB above -82 dBm.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import Final

from drivers.errors import Unsupported
from drivers.hostapd.render import Step, Tools, checked_ifname, off_and_on

_CONTROL: Final = "he_spr_sr_control"
_OFFSET: Final = "he_spr_non_srg_obss_pd_max_offset"
_DISALLOWED: Final = 1 << 1  # non-SRG OBSS-PD SR disallowed
_WITH_OFFSET: Final = 1 << 2  # non-SRG offset present
LEAST_DBM: Final = -82  # as sensitive as without spatial reuse
MOST_DBM: Final = -62


@dataclass(frozen=True, slots=True, kw_only=True)
class SpatialReuse:
    """``offset``: dB above -82 dBm, where the control octet says that there is one."""

    control: int
    offset: int = 0

    @property
    def obss_pd_dbm(self) -> int:
        """Of other networks' frames up to this level the radio may talk over them. Without an offset the
        standard's own limit holds."""
        if self.control & _DISALLOWED:
            return LEAST_DBM
        return LEAST_DBM + self.offset if self.control & _WITH_OFFSET else MOST_DBM

    def at(self, dbm: int) -> SpatialReuse:
        """The same with another level; what it says of PSR and SRG stays. Raises Unsupported outside its
        range: hostapd would say OK, the kernel refuse, and the radio stay off the air."""
        if not LEAST_DBM <= dbm <= MOST_DBM:
            raise Unsupported(f"an OBSS-PD level of {dbm} dBm is outside {LEAST_DBM} to {MOST_DBM}")
        if dbm == LEAST_DBM:
            return replace(self, control=self.control & ~_WITH_OFFSET | _DISALLOWED)
        return SpatialReuse(control=self.control & ~_DISALLOWED | _WITH_OFFSET, offset=dbm - LEAST_DBM)


def question(path: str) -> str:
    """The lines that matter, of a file that holds passphrases; fails where they could not be changed."""
    name = shlex.quote(path)
    return f"[ -w {name} ] && grep -E '^(interface|{_CONTROL}|{_OFFSET})=' {name}"


def of_file(text: str, ifname: str) -> SpatialReuse | None:
    """None: not this radio's file, or one that says nothing of spatial reuse (then nobody said how it was,
    and it could not be undone)."""
    values = dict(re.findall(r"^(\w+)=(.*?)\s*$", text, re.M))
    control, offset = (_number(values.get(name, "")) for name in (_CONTROL, _OFFSET))
    if values.get("interface") != ifname or not control:
        return None
    if control & _WITH_OFFSET and not control & _DISALLOWED and not 1 <= (offset or 0) <= 20:
        return None
    return SpatialReuse(control=control, offset=offset or 0)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,3}", text, re.ASCII) else None


def steps(tools: Tools, ifname: str, path: str, wanted: SpatialReuse) -> tuple[Step, ...]:
    """In memory, in the file, and off and on again: one step, so that it is never done by half because the
    connection was lost. The file is replaced as a whole and keeps its owner and mode."""
    values = (
        {_CONTROL: wanted.control, _OFFSET: wanted.offset} if wanted.offset else {_CONTROL: wanted.control}
    )
    told = (f'[ "$({tools.cli(ifname, "set", name, value)})" = OK ]' for name, value in values.items())
    lines = "\\n".join(f"{name}={value}" for name, value in values.items())
    edits = f"-e '/^{_OFFSET}=/d' " if wanted.offset else ""
    file = f'f=$(readlink -f {shlex.quote(path)}) && cp -p "$f" "$f.rrmd"'
    sed = f'sed {edits}-e \'s/^{_CONTROL}=.*/{lines}/\' "$f" >"$f.rrmd" && mv "$f.rrmd" "$f"'
    checked_ifname(ifname)
    return (Step(command=" && ".join((*told, file, sed, off_and_on(tools, ifname)))),)
