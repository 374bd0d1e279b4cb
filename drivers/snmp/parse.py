"""Tables of one answer -> what is read of one radio. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from drivers.errors import Garbage
from drivers.snmp import profile as words
from drivers.snmp.parse_answer import Answer, Row
from drivers.snmp.parse_radio import Located, text_of
from drivers.snmp.parse_status import WIDTHS_MHZ, OtherBand, Request, status, whole
from drivers.snmp.parse_value import Result, mac_of, within
from drivers.snmp.source import Part
from drivers.types import (
    ClientReading,
    Counters,
    Gauges,
    NeighborReading,
    RadioReading,
    Reported,
    SurveyReading,
    Table,
)
from inventory.channels import block, channels, frequency_mhz
from inventory.model import Band, RadioKey

_OF_CLIENTS: Final = ("tx_frames", "tx_retries", "tx_failed", "tx_bytes")
_TOTALS: Final = (*_OF_CLIENTS, "disconnects")
_TIMES: Final = ("active_ms", "busy_ms", "rx_ms", "tx_ms")
_RATIO: Final = (0.0, 1.0)
_NOISE_DBM: Final = (-120.0, -30.0)
_BOUNDS: Final = {"noise_dbm": (_NOISE_DBM, "noise in dBm")}
_SIGNAL_DBM: Final = (-120.0, 0.0)
_SECONDS: Final = (0.0, float(2**32))
_CLIENTS: Final = 10_000
_LETTERS: Final = re.compile(rb"[A-Za-z0-9 _.-]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A row of which nothing was used. ``section``: of the profile."""

    section: str
    row: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read of one radio. ``reading`` None: its own row was refused, or, without a refusal, it is no
    radio of the band that was given for it."""

    reading: RadioReading | None
    refusals: tuple[Refusal, ...] = ()


def read(answer: Answer, radio: Located, key: RadioKey, band: Band, request: Request) -> Read:
    """``band``: of the inventory, where the device does not tell. A counters row that can't be right is left
    out alone; where the radio's own row is nonsense, there is no reading."""
    refused: list[Refusal] = []
    try:
        reading = status(answer, radio, key, radio.band or band, request)
    except OtherBand:
        return Read(reading=None)
    except Garbage as error:
        why = Refusal(section="status", row=radio.row.suffix, why=str(error))
        return Read(reading=None, refusals=(why,))
    try:
        counters = _counters(answer, radio.row, request) if Table.COUNTERS in request.tables else None
    except Garbage as error:
        counters = None
        refused.append(Refusal(section="counters", row=radio.row.suffix, why=str(error)))
    reading = replace(reading, counters=counters)
    if Table.CLIENTS in request.tables:
        reading = _with_clients(answer, radio.row, reading, refused)
    if Table.NEIGHBORS in request.tables:
        reading = replace(reading, neighbors=_neighbors(answer, radio.row, reading.band, refused))
    if Table.SURVEY in request.tables:
        reading = _with_air(answer, radio.row, reading, refused)
    if Table.STATUS not in request.tables:
        reading = _bare(reading)
    return Read(reading=reading, refusals=tuple(refused))


def _bare(reading: RadioReading) -> RadioReading:
    """Without what belongs to a table that nobody asked for."""
    return replace(
        reading,
        channel=None,
        width_mhz=None,
        center_mhz=None,
        tx_power_dbm=None,
        country=None,
        bss=None,
        allowed_mhz=None,
        nop_mhz=None,
        power_choices_dbm=None,
    )


def _counters(answer: Answer, row: Row, request: Request) -> Counters | None:
    """None where the row has none of them."""
    section = answer.profile.counters
    if section is None:
        return None
    _no_text(answer, row, section)
    told: dict[str, int | None] = {}
    rows: set[str] = set()
    for name in _TOTALS:
        if found := answer.summands(getattr(section, name), row):
            told[name] = _sum(found.values(), section.bits)
            rows |= found.keys()
    if not told:
        return None
    return Counters(**told, width_bits=section.bits, epoch=_epoch(request.epoch, row, rows))


def _sum(summands: Iterable[Result], bits: int) -> int:
    """Of counters of so many bits; it wraps when they do, as one counter of that width would."""
    whole: int = 2**bits
    return sum(_total(each, whole - 1) or 0 for each in summands) % whole


def _epoch(epoch: str, row: Row, summed: Set[str]) -> str:
    """A total of other rows than before (a VAP that came or went) is a new beginning too."""
    return epoch if summed == {row.suffix} else " ".join((epoch, *sorted(summed)))


def _totals(
    answer: Answer, row: Row, section: Part, names: tuple[str, ...], bits: int = 64
) -> dict[str, int | None]:
    """Only those that the dialect has."""
    return {
        name: _total(answer.first(sources, row), 2**bits - 1)
        for name in names
        if (sources := getattr(section, name))
    }


def _total(value: Result | None, most: int) -> int | None:
    told = within(value, (0, most), "total")
    if told is not None and told != int(told):
        raise Garbage(f"{told:g} is no whole total")
    return None if told is None else int(told)


def _no_text(answer: Answer, row: Row, section: words.Counters) -> None:
    """Raises Garbage where counters are letters, or one is more than the other that contains it."""
    found = [answer.number_at(column, row) for column in section.letters]
    lettered = [each for each in found if each is not None and _LETTERS.fullmatch((each % 2**32).to_bytes(4))]
    if len(lettered) >= 3:
        raise Garbage(f"{len(lettered)} of {len(found)} counters are letters")
    for part, all_of_it in section.at_most.items():
        less, more = answer.number_at(part, row), answer.number_at(all_of_it, row)
        if less is not None and more is not None and less > more:
            raise Garbage(f"{less} in column {part}, and of that and more only {more} in {all_of_it}")


def _with_clients(answer: Answer, row: Row, reading: RadioReading, refused: list[Refusal]) -> RadioReading:
    section = answer.profile.clients
    if section is None:
        return reading
    try:
        count = _total(answer.first(section.count, row), _CLIENTS)
    except Garbage as error:
        count = None
        refused.append(Refusal(section="clients", row=row.suffix, why=str(error)))
    if section.table is None or not answer.rows(section.table):
        return replace(reading, client_count=count)
    clients = []
    for each in answer.joined(section.table, row):
        try:
            clients.append(_client(answer, each, section))
        except Garbage as error:
            refused.append(Refusal(section="clients", row=each.suffix, why=str(error)))
    told = tuple(each for each in clients if each is not None)
    return replace(reading, client_count=len(told) if count is None else count, clients=told)


def _client(answer: Answer, row: Row, section: words.Clients) -> ClientReading | None:
    mac = answer.first(section.mac, row)
    if mac is None:
        return None
    bssid = answer.first(section.bssid, row)
    return ClientReading(
        mac=_address(mac),
        bssid=None if bssid is None else _address(bssid),
        signal_dbm=within(answer.first(section.signal_dbm, row), _SIGNAL_DBM, "signal in dBm"),
        connected_s=within(answer.first(section.connected_s, row), _SECONDS, "time in seconds"),
        **_totals(answer, row, section, _OF_CLIENTS),
    )


def _address(value: Result) -> str:
    return mac_of(str(value))


def _neighbors(
    answer: Answer, row: Row, band: Band, refused: list[Refusal]
) -> tuple[NeighborReading, ...] | None:
    """None where the device has no such table."""
    sections = answer.profile.neighbors
    if not any(answer.rows(section.table) for section in sections):
        return None
    heard: dict[str, NeighborReading] = {}
    for section in sections:
        for each in answer.joined(section.table, row):
            try:
                one = _neighbor(answer, each, section, band)
            except Garbage as error:
                refused.append(Refusal(section="neighbors", row=each.suffix, why=str(error)))
                continue
            if one is not None:
                heard.setdefault(one.bssid, one)
    return tuple(heard.values())


def _neighbor(answer: Answer, row: Row, section: words.Neighbors, band: Band) -> NeighborReading | None:
    """None for a row that lacks what a neighbour is made of, or is of another band."""
    bssid = answer.first(section.bssid, row)
    signal = within(answer.first(section.signal_dbm, row), _SIGNAL_DBM, "signal in dBm")
    channel = whole(answer, section.channel, row)
    if bssid is None or signal is None or channel is None or channel.value not in channels(band):
        return None
    width = whole(answer, section.width_mhz, row)
    if width is not None and width.value not in WIDTHS_MHZ:
        width = None
    ssid = answer.first(section.ssid, row)
    return NeighborReading(
        bssid=_address(bssid),
        channel=channel.value,
        signal_dbm=signal,
        width_mhz=None if width is None else width.value,
        center_mhz=_heard_center(band, channel.value, width),
        age_s=within(answer.first(section.age_s, row), _SECONDS, "age in seconds") or 0.0,
        ssid=None if ssid is None else text_of(ssid),
    )


def _heard_center(band: Band, channel: int, width: Reported[int] | None) -> int | None:
    try:
        return None if width is None else block(band, channel, width.value).center_mhz
    except ValueError:
        return None


def _with_air(answer: Answer, row: Row, reading: RadioReading, refused: list[Refusal]) -> RadioReading:
    """Survey and gauges. The noise of the channel in use is the radio's, where it has no other."""
    survey = _survey(answer, row, reading, refused)
    try:
        gauges = _gauges(answer, row)
    except Garbage as error:
        gauges = None
        refused.append(Refusal(section="gauges", row=row.suffix, why=str(error)))
    own = next((each.noise_dbm for each in survey or () if each.in_use), None)
    if own is not None and (gauges is None or gauges.noise_dbm is None):
        gauges = replace(gauges or Gauges(), noise_dbm=own)
    return replace(reading, survey=survey, gauges=gauges)


def _gauges(answer: Answer, row: Row) -> Gauges | None:
    section = answer.profile.gauges
    if section is None:
        return None
    told: Mapping[str, float | None] = {
        name: within(answer.first(getattr(section, name), row), *_BOUNDS.get(name, (_RATIO, "ratio")))
        for name in words.Gauges.model_fields
    }
    return Gauges(**told) if any(value is not None for value in told.values()) else None


def _survey(
    answer: Answer, row: Row, reading: RadioReading, refused: list[Refusal]
) -> tuple[SurveyReading, ...] | None:
    section = answer.profile.survey
    if section is None:
        return None
    rows = []
    for each in answer.joined(section.table, row):
        try:
            rows.append(_channel_air(answer, each, section, reading))
        except Garbage as error:
            refused.append(Refusal(section="survey", row=each.suffix, why=str(error)))
    return tuple(_told(rows)) or None


def _told(rows: Iterable[SurveyReading | None]) -> Iterable[SurveyReading]:
    return (row for row in rows if row is not None)


def _channel_air(
    answer: Answer, row: Row, section: words.Survey, reading: RadioReading
) -> SurveyReading | None:
    """None for a channel of another band."""
    channel = within(answer.first(section.channel, row), (0, 255), "channel")
    if channel is None or channel not in channels(reading.band):
        return None
    in_use = reading.channel is not None and reading.channel.value == channel
    noise_dbm = within(answer.first(section.noise_dbm, row), _NOISE_DBM, "noise in dBm")
    times = _totals(answer, row, section, _TIMES)
    return _air(reading.band, int(channel), in_use, noise_dbm, tuple(times.get(name) for name in _TIMES))


@lru_cache(maxsize=4096)  # a campus has ten thousand rows, and few that differ
def _air(
    band: Band, channel: int, in_use: bool, noise_dbm: float | None, times: tuple[int | None, ...]
) -> SurveyReading:
    active_ms, busy_ms, rx_ms, tx_ms = times
    return SurveyReading(
        frequency_mhz=frequency_mhz(band, channel),
        in_use=in_use,
        noise_dbm=noise_dbm,
        active_ms=active_ms,
        busy_ms=busy_ms,
        rx_ms=rx_ms,
        tx_ms=tx_ms,
    )
