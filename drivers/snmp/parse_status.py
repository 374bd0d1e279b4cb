"""The radio's own row -> where it is, how loud, in which state, and who owns it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

from drivers.errors import Garbage
from drivers.snmp.parse_answer import Answer, Row
from drivers.snmp.parse_radio import Located, text_of
from drivers.snmp.parse_value import number, within
from drivers.snmp.profile import Radar
from drivers.snmp.source import Source
from drivers.types import BssReading, RadioReading, RadioState, Reported, Table
from inventory.channels import block, channels, frequency_mhz
from inventory.model import Band, RadioKey

T = TypeVar("T")
NOP_S: Final = 1800.0
POWER_DBM: Final = (-10.0, 40.0)
WIDTHS_MHZ: Final = frozenset({20, 40, 80, 160, 320})
NARROW_MHZ: Final = frozenset({5, 10})
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a reading is made for. ``take_over``: the agent may take radios that the vendor's RRM manages."""

    tables: frozenset[Table]
    at_s: float
    epoch: str = ""
    take_over: bool = False


class OtherBand(Garbage):
    """The radio is on a channel that the band given for it does not have, and its own is not known."""


def status(answer: Answer, radio: Located, key: RadioKey, band: Band, request: Request) -> RadioReading:
    words, row = answer.profile.status, radio.row
    channel = whole(answer, words.channel, row)
    if channel is not None and channel.value not in channels(band):
        raise (OtherBand if radio.unlisted else Garbage)(f"{band} GHz has no channel {channel.value}")
    width = _width(answer, row)
    choices = power_choices(answer, row)
    country = _country(answer, row)
    return RadioReading(
        key=key,
        at_s=request.at_s,
        state=_state(answer, row, channel),
        band=band,
        channel=channel,
        width_mhz=width,
        center_mhz=_center(answer, row, band, channel, width),
        tx_power_dbm=_power(answer, row, choices),
        country=country,
        bss=None if radio.bssid is None else (BssReading(bssid=radio.bssid),),
        allowed_mhz=_allowed(answer, row, band),
        nop_mhz=_nop(answer, row, band),
        power_choices_dbm=choices,
        uplink=answer.first(words.uplink, row) is not None,
        managed_by=None if request.take_over else _owner(answer, row),
        fresh_s=max((answer.profile.refresh_s.get(table, 0.0) for table in request.tables), default=0.0),
    )


def whole(answer: Answer, sources: tuple[Source, ...], row: Row) -> Reported[int] | None:
    found = answer.found(sources, row)
    if found is None:
        return None
    value = number(found[0])
    if value is None or value != int(value):
        raise Garbage(f"{value} is no whole number")
    return _reported(answer, int(value), found[1])


def _reported(answer: Answer, value: T, source: str) -> Reported[T]:
    return Reported(value, source, answer.profile.refresh_s.get(Table.STATUS, 0.0))


def _width(answer: Answer, row: Row) -> Reported[int] | None:
    """5 and 10 MHz are real and not of the band plan: not reported."""
    told = whole(answer, answer.profile.status.width_mhz, row)
    if told is None or told.value in NARROW_MHZ:
        return None
    if told.value not in WIDTHS_MHZ:
        raise Garbage(f"{told.value} MHz is no width")
    return told


def _country(answer: Answer, row: Row) -> Reported[str] | None:
    """Two letters; whatever else a device says there is left out."""
    found = answer.found(answer.profile.status.country, row)
    text = "" if found is None else text_of(found[0])[:2].upper()
    return None if found is None or not _COUNTRY.fullmatch(text) else _reported(answer, text, found[1])


def _state(answer: Answer, row: Row, channel: Reported[int] | None) -> RadioState:
    """Where it is not told, a radio with a channel is taken to be on air."""
    told = answer.first(answer.profile.status.state, row)
    if told is None:
        return RadioState.ON_AIR if channel is not None else RadioState.OFF
    try:
        return RadioState(str(told))
    except ValueError:
        raise Garbage(f"{told!r} is no state of a radio") from None


def _center(
    answer: Answer, row: Row, band: Band, channel: Reported[int] | None, width: Reported[int] | None
) -> Reported[int] | None:
    """As told, else what the band plan leaves open: 40 MHz at 2.4 GHz and 320 MHz have two centres."""
    told = whole(answer, answer.profile.status.center_mhz, row)
    if channel is None or width is None:
        return None
    try:
        center = block(band, channel.value, width.value, told.value if told is not None else None).center_mhz
    except ValueError as error:
        if told is not None:
            raise Garbage(str(error)) from error
        return None
    return _reported(answer, center, (told or width).source)


def power_choices(answer: Answer, row: Row) -> tuple[int, ...] | None:
    """dBm, loudest first: the place of each, from 1, is the level that sets it.

    What does not fall ends the list, as does what no radio sends with (below -10 dBm), and so does a last -1,
    with which firmware fills it up: it may be a power too on some models, but none that is certain.
    """
    told = answer.first(answer.profile.status.power_choices_dbm, row)
    return None if told is None else _falling(str(told))


@lru_cache(maxsize=1024)
def _falling(text: str) -> tuple[int, ...] | None:
    numbers = [int(each) for each in re.findall(r"-?\d{1,3}", text)]
    if any(each > POWER_DBM[1] for each in numbers):
        return None
    falling = [each for each in numbers[:1] if each >= POWER_DBM[0]]
    for each in numbers[1:]:
        if not falling or each >= falling[-1] or each < POWER_DBM[0]:
            break
        falling.append(each)
    if falling[-1:] == [-1]:
        falling.pop()
    return tuple(falling) or None


def _power(answer: Answer, row: Row, choices: tuple[int, ...] | None) -> Reported[float] | None:
    status = answer.profile.status
    told = answer.found(status.tx_power_dbm, row)
    if told is not None and (dbm := within(told[0], POWER_DBM, "power in dBm")) is not None:
        return _reported(answer, float(dbm), told[1])
    level = whole(answer, status.power_level, row)
    if level is None or choices is None or not 1 <= level.value <= len(choices):
        return None
    return _reported(answer, float(choices[level.value - 1]), level.source)


def _allowed(answer: Answer, row: Row, band: Band) -> frozenset[int] | None:
    told = answer.first(answer.profile.status.channels, row)
    return None if told is None else _listed(band, str(told))


@lru_cache(maxsize=1024)
def _listed(band: Band, text: str) -> frozenset[int] | None:
    numbers = {int(each) for each in re.findall(r"\d{1,3}", text)}
    return frozenset(frequency_mhz(band, each) for each in numbers & set(channels(band))) or None


def _nop(answer: Answer, row: Row, band: Band) -> frozenset[int] | None:
    """20 MHz channels on which radar was heard less than 30 minutes ago; None: the device keeps no such
    rows."""
    section = answer.profile.radar
    if section is None or not answer.rows(section.table):
        return None
    return frozenset(
        frequency_mhz(band, channel)
        for each in answer.joined(section.table, row)
        if (channel := _radar_on(answer, section, each)) in channels(band) and channel is not None
    )


def _radar_on(answer: Answer, section: Radar, row: Row) -> int | None:
    """The channel of a row that still counts. One that can't be read bars nothing."""
    try:
        channel, ago_s = whole(answer, section.channel, row), number(answer.first(section.ago_s, row))
    except Garbage:
        return None
    return channel.value if channel is not None and (ago_s is None or ago_s < NOP_S) else None


def _owner(answer: Answer, row: Row) -> str | None:
    return answer.profile.owner if answer.first(answer.profile.status.managed, row) is not None else None
