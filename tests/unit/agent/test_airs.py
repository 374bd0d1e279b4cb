"""The pool of air: means by how long was listened, and a real change within two rounds."""

from __future__ import annotations

import math

import pytest

from agent import airs
from agent.airs import ROUND_S, Airs, Entry
from agent.airtime import ChannelAir

HERE, THERE = 5180, 5745


def air(busy: float, tx: float | None = 0.0, seconds: float = 300.0, noise_dbm: float = -95.0) -> ChannelAir:
    return ChannelAir(
        listened_ms=round(seconds * 1e3), busy=busy, rx=busy - (tx or 0.0), tx=tx, noise_dbm=noise_dbm
    )


class Ear:
    def __init__(self) -> None:
        self.pool = Airs({}, 0.0)
        self.at_s = 0.0

    def round(self, here: ChannelAir, there: ChannelAir | None = None, used: int = HERE) -> None:
        self.at_s += ROUND_S
        self.pool = self.pool.with_survey({HERE: here, **({THERE: there} if there else {})}, used, self.at_s)

    def of(self, mhz: int = HERE) -> Entry:
        return dict(self.pool)[mhz]


def test_surveys_within_a_round_are_one_sample_weighted_by_listening() -> None:
    pool = airs.EMPTY
    for at_s, busy, seconds in ((0.0, 0.2, 30.0), (100.0, 0.5, 90.0), (200.0, 0.5, 60.0)):
        pool = pool.with_survey({HERE: air(busy, seconds=seconds)}, HERE, at_s)
    assert dict(pool)[HERE].rounds == 0.0
    pool = pool.with_survey({HERE: air(0.5, seconds=60.0)}, HERE, 300.0)
    entry = dict(pool)[HERE]
    assert entry.rounds == 1.0
    assert entry.seconds == pytest.approx(240.0)
    assert entry.busy == pytest.approx((30 * 0.2 + 210 * 0.5) / 240)
    assert entry.heard_s == 300.0


def test_a_tenth_of_a_second_hardly_moves_what_five_minutes_told() -> None:
    ear = Ear()
    ear.round(air(0.2))
    ear.round(air(0.4, seconds=0.1))
    assert ear.of().busy == pytest.approx(0.2, abs=0.001)


def test_what_changed_in_two_rounds_is_believed_and_one_round_is_not() -> None:
    ear = Ear()
    for _ in range(20):
        ear.round(air(0.1))
    ear.round(air(0.8))
    assert ear.of().busy == pytest.approx(0.1, abs=0.01)
    ear.round(air(0.7))
    assert ear.of().busy == pytest.approx(0.7)
    assert ear.of().rounds == 1.0


def test_a_channel_that_jumps_about_is_no_news_however_far() -> None:
    ear = Ear()
    for nth in range(60):
        ear.round(air(0.1), air(1.0 if nth % 3 == 0 else 0.0, seconds=0.1))
    before = ear.of(THERE).rounds
    ear.round(air(0.1), air(1.0, seconds=0.1))
    ear.round(air(0.1), air(1.0, seconds=0.1))
    assert ear.of(THERE).rounds > before


def test_own_traffic_is_no_change_of_the_channel_and_goes_with_the_radio() -> None:
    ear = Ear()
    for _ in range(10):
        ear.round(air(0.2, tx=0.1))
    ear.round(air(0.9, tx=0.8))
    ear.round(air(0.9, tx=0.8))
    assert ear.of().rounds > 10
    assert ear.pool.own_tx == pytest.approx((10 * 0.1 + 2 * 0.8) / 12, abs=0.02)


def test_what_is_not_told_stays_unknown() -> None:
    ear = Ear()
    ear.round(ChannelAir(listened_ms=1000, busy=0.5))
    assert ear.of().busy == pytest.approx(0.5, abs=0.001)
    assert math.isnan(ear.of().noise_dbm)


def test_channels_can_be_forgotten_one_by_one() -> None:
    ear = Ear()
    ear.round(air(0.2), air(0.3))
    assert [mhz for mhz, _ in ear.pool.without({HERE})] == [THERE]
