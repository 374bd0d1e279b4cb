"""Shares of air time, of the channel in use and of each channel listened to, from two surveys. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.counters import Flaw, rise_of
from drivers.types import RadioReading, SurveyReading

SURVEY_SLACK = 0.01  # busy and active are read one after the other, so a full channel may read 100.5 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """Shares of air time, 0..1. None = not reported, or not usable (``flaws`` says why)."""

    tx_ms: int | None = None
    busy: float | None = None
    rx: float | None = None
    tx: float | None = None
    noise_dbm: float | None = None
    flaws: frozenset[Flaw] = frozenset()


def air_of(previous: RadioReading, current: RadioReading) -> Air:
    """Shares of air time of the channel in use, from a survey before and after on the same frequency."""
    before, after = _in_use(previous), _in_use(current)
    if before is None or after is None:
        return Air(noise_dbm=after.noise_dbm if after else None)
    if before.frequency_mhz != after.frequency_mhz:
        return Air(noise_dbm=after.noise_dbm, flaws=frozenset({Flaw.RETUNED}))
    return _between(before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAir:
    """What one radio measured of one 20 MHz channel between two surveys: shares of the time that it listened
    there, 0..1, and the noise floor. None = not reported, or not usable. ``listened_ms``: for how long.
    ``age_s``: since the later survey.
    """

    listened_ms: int | None = None
    busy: float | None = None
    rx: float | None = None
    tx: float | None = None
    noise_dbm: float | None = None
    age_s: float = 0.0

    @property
    def non_wifi(self) -> float | None:
        """Share that neither our frames nor decoded ones explain; None if busy or rx is not known."""
        if self.busy is None or self.rx is None:
            return None
        return max(0.0, self.busy - self.rx - (self.tx or 0.0))


def airs_of(
    before: Iterable[SurveyReading], after: Iterable[SurveyReading], age_s: float = 0.0
) -> dict[int, ChannelAir]:
    """By centre frequency in MHz: the channels that were listened to between two surveys.

    A channel whose counters did not move, or that started again at 0, tells nothing. ``age_s``: how old the
    device's own copy of the later survey was.
    """
    known = {entry.frequency_mhz: entry for entry in before}
    pairs = [
        (old, new)
        for new in after
        if (old := known.get(new.frequency_mhz)) is not None and old.active_ms != new.active_ms
    ]
    return {
        new.frequency_mhz: _channel_air(_between(old, new), listened_ms, age_s)
        for old, new in pairs
        if (listened_ms := rise_of(old.active_ms, new.active_ms, 64) or 0) > 0
    }


def _channel_air(air: Air, listened_ms: int, age_s: float) -> ChannelAir:
    return ChannelAir(
        listened_ms=listened_ms,
        busy=air.busy,
        rx=air.rx,
        tx=air.tx,
        noise_dbm=air.noise_dbm,
        age_s=age_s,
    )


def _between(before: SurveyReading, after: SurveyReading) -> Air:
    """Shares between two surveys of one frequency."""
    active = rise_of(before.active_ms, after.active_ms, 64)
    if active is None or active <= 0:
        flaws = {Flaw.SURVEY_RESET} if active is not None and active < 0 else set()
        return Air(noise_dbm=after.noise_dbm, flaws=frozenset(flaws))
    rises = [
        rise_of(before.busy_ms, after.busy_ms, 64),
        rise_of(before.rx_ms, after.rx_ms, 64),
        rise_of(before.tx_ms, after.tx_ms, 64),
    ]
    busy, rx, tx = (_air_share(rise, active) for rise in rises)
    garbage = any(
        rise is not None and share is None for rise, share in zip(rises, (busy, rx, tx), strict=True)
    )
    return Air(
        tx_ms=None if tx is None else rises[2],
        busy=busy,
        rx=rx,
        tx=tx,
        noise_dbm=after.noise_dbm,
        flaws=frozenset({Flaw.SURVEY_GARBAGE} if garbage else ()),
    )


def _air_share(part_ms: int | None, active_ms: int) -> float | None:
    """Share of the active time, 0..1; None when it is impossible."""
    if part_ms is None or part_ms < 0 or part_ms > active_ms * (1 + SURVEY_SLACK) + 1:
        return None
    return min(1.0, part_ms / active_ms)


def _in_use(reading: RadioReading) -> SurveyReading | None:
    return next((entry for entry in reading.survey or () if entry.in_use), None)


def counted_air(reading: RadioReading) -> tuple[int | None, ...] | None:
    """The counters of the channel in use: what moves when the device refreshes its survey."""
    used = _in_use(reading)
    if used is None:
        return None
    return used.frequency_mhz, used.active_ms, used.busy_ms, used.rx_ms, used.tx_ms
