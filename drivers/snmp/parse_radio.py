"""Which rows of an answer are radios, and of which AP. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from drivers.errors import Garbage
from drivers.snmp.parse_answer import Answer, Row
from drivers.snmp.parse_value import Result, mac_of
from drivers.snmp.profile import Aps
from drivers.snmp.source import Source
from drivers.types import FoundAp, FoundRadio
from inventory.channels import channels
from inventory.model import Band

ApTold = tuple[str | None, str | None, str | None]
"""MAC, name and model of an AP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A radio on the device. ``ap_mac`` None: the device is one AP, or does not tell; ``band`` None: not
    told. ``unlisted``: it names a band for which the dialect has no word."""

    row: Row
    name: str
    ap_mac: str | None = None
    ap_name: str | None = None
    ap_model: str | None = None
    band: Band | None = None
    unlisted: bool = False
    bssid: str | None = None


def located(answer: Answer) -> tuple[Located, ...]:
    """All radios that the device has; a row of which not even the name can be read is none. A BSSID that it
    gives for two of them is the AP's address: no radio is known by it."""
    aps: dict[str, ApTold] = {}
    found = []
    seen: set[tuple[str | None, Result]] = set()
    for row in _rows(answer):
        one = _located(answer, row, aps)
        if one is None or _is_twin(answer, one, seen):
            continue
        found.append(one)
    sends = Counter(one.bssid for one in found if one.bssid is not None)
    shared = {bssid for bssid, radios in sends.items() if radios > 1}
    return tuple(replace(one, bssid=None) if one.bssid in shared else one for one in found)


def _rows(answer: Answer) -> Iterator[Row]:
    radios = answer.profile.radios
    rows = {row.suffix: row for row in answer.rows(radios.table)}
    for name in radios.also:
        for row in answer.rows(name):
            rows.setdefault(row.suffix, Row(table=radios.table, suffix=row.suffix, parts=row.parts))
    return (row for row in rows.values() if not radios.where or answer.holds(radios.where, row))


def _located(answer: Answer, row: Row, aps: dict[str, ApTold]) -> Located | None:
    radios = answer.profile.radios
    try:
        name = answer.first(radios.name, row)
        mac, ap_name, model = _ap(answer, row, aps)
        unlisted = False if (band := _told_band(answer, row)) else _is_unlisted(answer, row)
    except Garbage:
        return None
    if name is None:
        return None
    return Located(
        row=row,
        name=text_of(name),
        ap_mac=mac,
        ap_name=ap_name,
        ap_model=model,
        band=band or (None if unlisted else _band_of_channel(answer, row)),
        unlisted=unlisted,
        bssid=_bssid(answer, row),
    )


def _bssid(answer: Answer, row: Row) -> str | None:
    try:
        told = answer.first(answer.profile.radios.bssid, row)
        return None if told is None else mac_of(str(told))
    except Garbage:
        return None


def _ap(answer: Answer, row: Row, aps: dict[str, ApTold]) -> ApTold:
    """MAC, name and model of the AP that a radio's row belongs to."""
    section = answer.profile.aps
    if section is None:
        return None, None, None
    at = next(iter(answer.joined(section.table, row)), None)
    if at is None:
        return _bare_mac(answer, row), None, None
    if at.suffix not in aps:
        aps[at.suffix] = _told(answer, at, section)
    return aps[at.suffix]


def _bare_mac(answer: Answer, row: Row) -> str | None:
    """Of an AP whose own row did not answer: its part of the radio's index, where that is its MAC."""
    section = answer.profile.aps
    part = next((each.part for each in section.mac if each.part is not None), None) if section else None
    value = row.parts.get(part) if part is not None else None
    return None if value is None else str(value)


def text_of(value: Result) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _told_band(answer: Answer, row: Row) -> Band | None:
    told = answer.first(answer.profile.radios.band, row)
    try:
        return None if told is None else Band(text_of(told))
    except ValueError:
        raise Garbage(f"{told!r} is no band") from None


def _is_unlisted(answer: Answer, row: Row) -> bool:
    """True where the device says a band for which no source has a word: 6 GHz in a MIB that is older. Its
    channel numbers are those of 5 GHz, so that a guess would be wrong."""
    return any(
        source.map is not None and answer.first((_of_any_word(source),), row) is not None
        for source in answer.profile.radios.band
    )


@lru_cache(maxsize=256)
def _of_any_word(source: Source) -> Source:
    return source.model_copy(update={"map": {"*": 1}})


def _band_of_channel(answer: Answer, row: Row) -> Band | None:
    """Where the device tells no band (a 6 GHz radio must be told: the numbers are the same)."""
    try:
        channel = answer.first(answer.profile.status.channel, row)
    except Garbage:  # it will cost the radio its reading
        return None
    return next((band for band in (Band.GHZ_2_4, Band.GHZ_5) if channel in channels(band)), None)


def _is_twin(answer: Answer, one: Located, seen: set[tuple[str | None, Result]]) -> bool:
    """True for a further row of a radio that was found already."""
    try:
        value = answer.first(answer.profile.radios.merge, one.row)
    except Garbage:
        return False
    if value is None:
        return False
    same = (one.ap_mac, value)
    known = same in seen
    seen.add(same)
    return known


def found_aps(
    answer: Answer,
    radios: tuple[Located, ...],
    own_mac: str | None,
    own_name: str | None,
    own_model: str | None,
) -> tuple[FoundAp, ...]:
    """The APs that a device answers for, each with its radios; one that is an AP itself is its only one. Of
    some an AP's row is all that there is: of those that are away, or where a controller tells no radios."""
    groups: dict[ApTold, list[FoundRadio]] = {ap: [] for ap in _told_aps(answer)}
    for one in radios:
        alone = one.ap_mac is None and one.ap_name is None
        ap = (own_mac, own_name, own_model) if alone else (one.ap_mac, one.ap_name, one.ap_model)
        groups.setdefault(ap, []).append(FoundRadio(name=one.name, band=one.band))
    return tuple(
        FoundAp(mac=mac, name=name, model=model, radios=tuple(found))
        for (mac, name, model), found in groups.items()
    )


def _told_aps(answer: Answer) -> Iterator[ApTold]:
    section = answer.profile.aps
    if section is None:
        return
    for row in answer.rows(section.table):
        try:
            ap = _told(answer, row, section)
        except Garbage:
            continue
        if ap[:2] != (None, None):
            yield ap


def _told(answer: Answer, row: Row, section: Aps) -> ApTold:
    """What the AP's own row says."""
    told = [answer.first(sources, row) for sources in (section.mac, section.name, section.model)]
    mac, name, model = (None if each is None else text_of(each) for each in told)
    return mac, name, model
