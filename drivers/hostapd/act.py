"""Actions of a hostapd radio -> commands. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from drivers.errors import Garbage, Refused, Unsupported
from drivers.hostapd import parse_neighbor, parse_scan, parse_station
from drivers.hostapd.parse import MAC, Section
from drivers.hostapd.parse_neighbor import Target
from drivers.hostapd.reading import Base, Found
from drivers.hostapd.render import Step, Tools, off_and_on
from drivers.types import ActionRequest, RadioState
from inventory.channels import frequency_mhz
from inventory.model import Band

NOBODY: Final = (
    "00:00:00:00:00:00"  # no station: hostapd answers FAIL if it knows the command, and sends nothing
)
_MOST_TARGETS: Final = 16  # an action frame holds about 60


def probe(tools: Tools, found: Found) -> str:
    """A request to nobody."""
    return tools.cli(found.ifname, "bss_tm_req", NOBODY, "pref=1")


def can_steer(answer: str) -> bool:
    """What hostapd said to a request to `NOBODY`: True when it was built with WNM."""
    return answer.strip() == "FAIL"


def restart(tools: Tools, found: Found, state: RadioState) -> tuple[Step, ...]:
    """Off and on. Raises Refused where that would only keep the radio silent."""
    if state is RadioState.NOP:
        raise Refused(f"{found.ifname} waits out a non-occupancy period: a restart would keep it silent")
    return (Step(command=off_and_on(tools, found.ifname)),)


def questions(tools: Tools, found: Found, request: ActionRequest) -> dict[str, str]:
    """What must be known before clients can be steered: who is here, and on what channel the targets are."""
    asked = {f"stations:{name}": tools.cli(name, "all_sta") for name in found.bss}
    if request.to_bssids:
        asked["list"] = tools.cli(found.ifname, "show_neighbor")
        asked["heard"] = tools.iw_line("dev", found.ifname, "scan", "dump")
    return asked


def steer(
    tools: Tools,
    found: Found,
    request: ActionRequest,
    answers: Mapping[str, Section],
    own: Mapping[str, int],
) -> tuple[Step, ...]:
    """A BSS-transition request to each of these clients that is here and understands one.

    ``own``: the device's own BSSIDs and their channels in MHz. Nobody is threatened with disassociation: a
    client that stays loses nothing. Raises Refused when there is nobody to ask.
    """
    words = _neighbors(request, answers, own)
    wanted = {_mac(client) for client in request.clients}
    steps = tuple(
        Step(command=tools.cli(ifname, "bss_tm_req", mac, *words))
        for ifname in found.bss
        for mac, station in parse_station.stations(_text(answers, f"stations:{ifname}")).items()
        if mac in wanted and station.associated and station.bss_transition
    )
    if not steps:
        raise Refused(f"of {len(wanted)} clients none is here and understands a BSS-transition request")
    return steps


def _neighbors(
    request: ActionRequest, answers: Mapping[str, Section], own: Mapping[str, int]
) -> tuple[str, ...]:
    """`pref=1`: the request has a list, though it may be empty; wpa_supplicant ignores one that has none."""
    known = {**_heard(answers), **{bssid: parse_neighbor.heard(bssid, mhz) for bssid, mhz in own.items()}}
    known |= parse_neighbor.listed(_text(answers, "list"))
    targets = [known[bssid] for bssid in map(_mac, request.to_bssids) if bssid in known]
    words = (_neighbor(target, rank) for rank, target in enumerate(targets[:_MOST_TARGETS]))
    return ("pref=1", "abridged=1", *words) if targets else ("pref=1",)


def _heard(answers: Mapping[str, Section]) -> dict[str, Target]:
    text, found = _text(answers, "heard"), dict[str, Target]()
    with suppress(Garbage):  # then nothing was heard
        for band in Band:
            for each in parse_scan.neighbors(text, band):
                found[each.bssid] = parse_neighbor.heard(each.bssid, frequency_mhz(band, each.channel))
    return found


def own_bssids(bases: Iterable[Base]) -> dict[str, int]:
    """BSSIDs of the device's radios that are on air, and their primary channels in MHz."""
    return {
        bssid.lower(): base.interface.frequency_mhz
        for base in bases
        if base.status is not None and base.interface.frequency_mhz is not None
        for bssid in base.status.bssids.values()
    }


def _text(answers: Mapping[str, Section], name: str) -> str:
    answer = answers.get(name)
    return answer.text if answer is not None and answer.status == 0 else ""


def _mac(client: str) -> str:
    if not re.fullmatch(MAC, client):
        raise Unsupported(f"{client!r} is no client's address")
    return client.lower()


def _neighbor(target: Target, rank: int) -> str:
    """With the candidate preference subelement: the first of the list is the best (255 is the highest)."""
    values = (target.bssid, f"0x{target.info:08x}", target.op_class, target.channel, target.phy_type)
    return f"neighbor={','.join(map(str, values))},0301{255 - rank:02x}"
