"""A starting site file, made of what a sweep found: in mode observe, and a comment for each doubt. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from agent.discovered import BAND_IDS, legal_id
from drivers.snmp.heard import Heard
from drivers.types import DeviceInfo, FoundAp, FoundRadio

_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NAME_LENGTH: Final = 255
_PLAIN: Final = re.compile(r"[a-z][a-z0-9-]*")
_NO_TEXT: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_IFNAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,15}")
PORT: Final = 161  # of SNMP
_SHOWN: Final = 200  # characters of a device's own words in a comment


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the site file says beside the devices."""

    site: str
    country: str
    timezone: str
    credential: str
    port: int = PORT


@dataclass(slots=True)
class Draft:
    """Lines of ``devices`` and ``aps`` so far, and the ids that are taken."""

    devices: list[str] = field(default_factory=list)
    aps: list[str] = field(default_factory=list)
    device_ids: set[str] = field(default_factory=set)
    ap_ids: set[str] = field(default_factory=set)


def first_inventory(
    known: Iterable[tuple[Heard, DeviceInfo]], unknown: Iterable[Heard], said: Iterable[str], place: Place
) -> str | None:
    """The file's text; None when there is no AP to write. ``said``: comments for its top."""
    draft = Draft()
    for heard, info in known:
        _add(draft, heard, info, place)
    if not draft.ap_ids:
        return None
    lines = [
        *(f"# {_comment(each)}" for each in said),
        "version: 1",
        site_line(place),
        "policy: {mode: observe}",
    ]
    lines += ["devices:", *draft.devices] if draft.device_ids else draft.devices
    lines += ["aps:", *draft.aps, *_unknown_lines(unknown)]
    return "\n".join(lines) + "\n"


def site_line(place: Place) -> str:
    words = (
        f"id: {_text(place.site)}",
        f"country: {_text(place.country)}",
        f"timezone: {_text(place.timezone)}",
    )
    return f"site: {{{', '.join(words)}}}"


def _unknown_lines(unknown: Iterable[Heard]) -> Iterator[str]:
    title = "# Answered, and no profile knows it (docs/snmp.md says how one is written):"
    for each in unknown:
        if title:
            yield title
        title = ""
        yield f"#   {each.address}  {each.sys_object_id}  {_comment(each.sys_descr)}"


def _add(draft: Draft, heard: Heard, info: DeviceInfo, place: Place) -> None:
    """One that answers for itself is its own device; a controller stands under ``devices``."""
    note = f"  # {_comment(' '.join(filter(None, (info.vendor, info.model, info.version))))}"
    if len(info.found) == 1:
        _add_ap(draft, info.found[0], [note, *_reach(heard, place, "    ")], heard.sys_name or heard.address)
        return
    name = legal_id(heard.sys_name or heard.address, draft.device_ids | draft.ap_ids)
    there = Draft(ap_ids=draft.ap_ids, device_ids=draft.device_ids | {name})
    matched: set[tuple[str, str]] = set()
    for ap in info.found:
        match = _match(ap)
        if match is None or match in matched:
            there.aps.append(f"  # {_comment(ap.name or 'an AP')}: neither a MAC nor a name of its own")
            continue
        matched.add(match)
        kind, value = match
        reach = [f"    device: {_id(name)}", f"    match: {{{kind}: {_text(value)}}}"]
        _add_ap(there, ap, [f"  # {_comment(ap.model)}", *reach] if ap.model else reach, ap.name or value)
    if any(line.startswith("    radios:") for line in there.aps):
        draft.device_ids.add(name)
        draft.devices += [note, f"  {_id(name)}:", *_reach(heard, place, "    ")]
    else:
        draft.devices.append(f"  # {heard.address}: tells of no AP with radios")
    draft.aps += there.aps


def _reach(heard: Heard, place: Place, indent: str) -> list[str]:
    host = f"[{heard.address}]" if ":" in heard.address else heard.address
    address = host if place.port == PORT else f"{host}:{place.port}"
    return [
        f"{indent}driver: snmp",
        f"{indent}address: {_text(address)}",
        f"{indent}credential: {_text(place.credential)}",
        f"{indent}profile: {heard.profile}",
    ]


def _add_ap(draft: Draft, ap: FoundAp, lines: list[str], called: str) -> None:
    notes = [line for line in lines if line.startswith("  #")]
    radios, doubts = _radios(ap.radios)
    if not radios:
        draft.aps += [*notes, f"  # {_comment(called)}: tells of no radio with its band", *doubts]
        return
    name = legal_id(ap.name or called, draft.ap_ids | draft.device_ids)
    draft.ap_ids.add(name)
    keys = [line for line in lines if not line.startswith("  #")]
    draft.aps += [*notes, f"  {_id(name)}:", *keys, "    radios:", *radios, *doubts]


def _radios(found: Iterable[FoundRadio]) -> tuple[list[str], list[str]]:
    """Lines of the radios, and comments for those that can't be written."""
    lines: dict[str, str] = {}
    doubts: list[str] = []
    radios = list(found)
    for each in radios:
        own_name = sum(other.name == each.name for other in radios) == 1
        named = own_name and _IFNAME.fullmatch(each.name) is not None
        alone = sum(other.band is each.band for other in radios) == 1
        if each.band is None or not (named or alone):
            doubts.append(f"      # radio {_comment(each.name)}: its band, or a name of its own, is not told")
            continue
        own = legal_id(BAND_IDS[each.band], lines)
        ifname = f", ifname: {_text(each.name)}" if named else ""
        lines[own] = f"      {own}: {{band: {_text(each.band)}{ifname}}}"
    return list(lines.values()), doubts


def _match(ap: FoundAp) -> tuple[str, str] | None:
    if ap.mac is not None and _MAC.fullmatch(ap.mac):
        return "mac", ap.mac
    legal = ap.name is not None and ap.name.isprintable() and 0 < len(ap.name) <= _NAME_LENGTH
    return ("name", ap.name) if legal and ap.name is not None else None


def _text(value: str) -> str:
    """In double quotes, as JSON and YAML both read them."""
    return json.dumps(str(value), ensure_ascii=False)


def _id(name: str) -> str:
    """Plain where every YAML tool takes it for text."""
    return name if _PLAIN.fullmatch(name) and name not in _NO_TEXT else _text(name)


def _comment(value: str) -> str:
    """A device's own words, on one line and without what could end it."""
    plain = "".join(letter if letter.isprintable() else " " for letter in value)
    return " ".join(plain.split())[:_SHOWN]
