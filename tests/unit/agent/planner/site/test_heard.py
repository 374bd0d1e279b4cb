"""Levels between the site's own radios: what was heard, what follows from it, and what is not known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.agent.planner.site.small import Ap, key, mutual, pair_of, view

from agent.levels import Spread
from agent.planner.site.heard import (
    DISTANT_SD_DB,
    MEASURED_SD_DB,
    MISSED_DBM,
    RECEIVER_SD_DB,
    RECIPROCAL_SD_DB,
    Level,
    at_distance,
    expected,
    measured,
    returned,
)
from agent.planner.surroundings import CCA_DBM, UNKNOWN_LOAD, deferral
from drivers.types import Reported
from inventory.model import Band, radio_key


def integral(dbm: float, sd_db: float) -> float:
    """Mean of the deferral over a normal error, the long way."""
    steps = [(n + 0.5) / 100 - 5 for n in range(1000)]
    density = [math.exp(-0.5 * z * z) for z in steps]
    return sum(d * deferral(dbm + sd_db * z) for d, z in zip(density, steps, strict=True)) / sum(density)


@pytest.mark.parametrize("sd_db", [0.5, 4.0, 9.0])
@pytest.mark.parametrize("dbm", [-100.0, -88.0, -82.0, -74.0, -50.0])
def test_an_uncertain_level_is_deferred_to_by_its_mean(dbm: float, sd_db: float) -> None:
    assert expected(Level(dbm, sd_db), CCA_DBM) == pytest.approx(integral(dbm, sd_db), abs=0.02)


def test_a_level_that_is_sure_is_deferred_to_as_ever() -> None:
    assert expected(Level(-80.0, 0.0), CCA_DBM) == pytest.approx(deferral(-80.0))


@given(st.floats(-120, 0), st.floats(0, 20))
def test_deferral_is_a_share(dbm: float, sd_db: float) -> None:
    assert 0.0 <= expected(Level(dbm, sd_db), CCA_DBM) <= 1.0


def test_the_way_back_is_louder_by_the_difference_of_the_powers() -> None:
    back = returned(Level(-70.0, MEASURED_SD_DB), sent_dbm=14.0, answered_dbm=20.0, listened=False)
    assert back == Level(-64.0, RECIPROCAL_SD_DB)


def test_who_listened_and_reported_nothing_hears_little() -> None:
    back = returned(Level(-60.0, MEASURED_SD_DB), sent_dbm=20.0, answered_dbm=20.0, listened=True)
    assert back.dbm == MISSED_DBM


def test_the_more_scans_the_surer_a_level_and_who_is_seldom_heard_counts_seldom() -> None:
    seen = view({"a": Ap(hears={"b": -70.0}), "b": Ap()})
    at, b = seen.radios[key("a")], seen.radios[key("a")].neighbors[0]
    assert measured(at, b) == Level(-70.0, MEASURED_SD_DB)
    many = replace(at, spread={b.bssid: Spread(sd_db=4.0, scans=16.0, presence=0.5)})
    assert measured(many, b).sd_db == pytest.approx(math.hypot(RECEIVER_SD_DB, 1.0))
    assert expected(measured(many, b), CCA_DBM) < 0.5


def test_distance_and_ceilings_make_fainter() -> None:
    near = at_distance(Band.GHZ_5, (0, 0, 3), (10, 0, 3), 20.0)
    far = at_distance(Band.GHZ_5, (0, 0, 3), (40, 0, 3), 20.0)
    above = at_distance(Band.GHZ_5, (0, 0, 3), (10, 0, 6), 20.0)
    assert near.dbm == pytest.approx(20.0 - 47.26 - 33.0, abs=0.1)  # free space to 1 m, then 33 dB a decade
    assert near.dbm > above.dbm > far.dbm - 15.0
    assert near.sd_db == DISTANT_SD_DB


# -- pairs -------------------------------------------------------------------------------------------------


def test_a_pair_heard_both_ways_counts_as_measured_each_way() -> None:
    seen = view({"a": Ap(hears={"b": -60.0}), "b": Ap(hears={"a": -82.0})})
    pair = pair_of(seen)
    assert pair is not None
    assert pair.primary_ab == pytest.approx(UNKNOWN_LOAD * expected(Level(-60, MEASURED_SD_DB), CCA_DBM))
    assert pair.primary_ba == pytest.approx(UNKNOWN_LOAD / 2, abs=0.001)
    assert pair.secondary_ab < pair.primary_ab


def test_a_pair_heard_one_way_is_there_both_ways() -> None:
    def powered(dbm: float) -> dict[str, object]:
        return {"tx_power_dbm": Reported(dbm, "test")}

    even = view({"a": Ap(hears={"b": -80.0}, said=powered(20)), "b": Ap(scanned=False, said=powered(20))})
    weak = view({"a": Ap(hears={"b": -80.0}, said=powered(20)), "b": Ap(scanned=False, said=powered(8))})
    one, other = pair_of(even), pair_of(weak)
    assert one is not None
    assert other is not None
    assert one.primary_ba > 0.1
    assert other.primary_ba > one.primary_ba  # what we hear of a weak one, it hears of us the louder


def test_a_pair_of_whom_one_listened_and_heard_nothing_is_no_pair() -> None:
    assert pair_of(view({"a": Ap(), "b": Ap(scanned=False)})) is None


def test_a_pair_of_whom_nobody_listened_is_unknown_and_not_nothing() -> None:
    pair = pair_of(view({"a": Ap(scanned=False), "b": Ap(scanned=False)}))
    assert pair is not None
    assert pair.primary_ab == pytest.approx(0.5 * UNKNOWN_LOAD)


@pytest.mark.parametrize(("away_m", "there"), [(10.0, True), (2000.0, False)])
def test_an_unknown_pair_is_judged_by_its_distance(away_m: float, there: bool) -> None:
    a = Ap(scanned=False, position_m=(0.0, 0.0, 3.0))
    pair = pair_of(view({"a": a, "b": replace(a, position_m=(away_m, 0.0, 3.0))}))
    assert (pair is not None) is there
    if pair is not None:
        assert pair.primary_ab > 0.9 * UNKNOWN_LOAD


def test_own_aps_are_known_by_their_bssids_whatever_they_are_called() -> None:
    """One more BSSID of b, of whatever vendor: the loudest counts, and counts once."""
    seen = view({"a": Ap(hears={"b": -70.0}), "b": Ap(hears={"a": -70.0})})
    at = seen.radios[key("a")]
    second = replace(at.neighbors[0], bssid="f0:00:00:00:00:01", signal_dbm=-50.0)
    radios = {**seen.radios, key("a"): replace(at, neighbors=(*at.neighbors, second))}
    stranger = replace(seen, radios=radios)
    ours = replace(stranger, bssids={**seen.bssids, second.bssid: key("b")})
    louder, same = pair_of(ours), pair_of(stranger)
    assert louder is not None
    assert same is not None
    assert louder.primary_ab > same.primary_ab
    assert louder.primary_ba == same.primary_ba


def test_two_radios_of_one_ap_are_in_each_others_way_whatever_they_report() -> None:
    seen = view({"a": Ap()})
    at = seen.radios[key("a")]
    assert at.reading is not None
    second = radio_key("lab", "a", "s")
    twin = replace(at, radio=replace(at.radio, key=second), reading=replace(at.reading, key=second, bss=None))
    pair = pair_of(replace(seen, radios={at.key: at, second: twin}))
    assert pair is not None
    assert pair.primary_ab == pytest.approx(UNKNOWN_LOAD, rel=0.01)


def test_a_busy_neighbour_takes_more_than_a_quiet_one() -> None:
    near = mutual("a", "b")
    pair = pair_of(view({"a": Ap(hears=near["a"], tx=0.05), "b": Ap(hears=near["b"], tx=0.8)}))
    assert pair is not None
    assert pair.primary_ab == pytest.approx(0.8, abs=0.01)
    assert pair.primary_ba == pytest.approx(UNKNOWN_LOAD, abs=0.01)
