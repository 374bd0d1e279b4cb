"""The terms of a block's score, each by itself and by hand (docs/decisions.md)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from rig import site_of
from unit.agent.planner.test_channel import NOW, bssid, heard, one, pending, view

from agent.airtime import ChannelAir
from agent.change import Cause, State
from agent.nop import Met
from agent.planner import legal, matrix
from agent.planner.channel import Candidate, assess, gain, rank
from agent.planner.decision import Move, NoChange
from agent.view import SiteView
from drivers.types import ClientReading, NeighborReading, Reported, Setting, SurveyReading
from inventory.channels import Block, block
from inventory.model import Band, RadioKey

THERE = block(Band.GHZ_5, 149, 20)
WIDE = block(Band.GHZ_5, 36, 40)
ONE, TWO = RadioKey("lab/ap1/r5"), RadioKey("lab/ap2/r5")


def air(busy: float, rx: float = 0.0, tx: float = 0.0, **said: object) -> ChannelAir:
    full = {"listened_ms": 10**9, "age_s": 20.0, **said}  # for so long that nothing assumed is left
    return ChannelAir(busy=busy, rx=rx, tx=tx, **full)  # type: ignore[arg-type]


def seen_by(
    *ears: NeighborReading, aps: int = 1, measured: dict[RadioKey, dict[int, ChannelAir]] | None = None
) -> SiteView:
    found = view(site_of(aps, channels=None, widths=(20, 40, 80)), ears)
    radios = {key: replace(at, air=(measured or {}).get(key, {})) for key, at in found.radios.items()}
    return replace(found, radios=radios)


def loaded(channel: int, dbm: float, load: float | None, number: int = 1, width: int = 20) -> NeighborReading:
    return replace(heard(channel, dbm, number, width), utilization_ratio=load)


def judged(seen: SiteView, where: Block, key: RadioKey = ONE) -> Candidate:
    return assess(seen, seen.radios[key], where)


def test_the_worked_example_of_the_docs() -> None:
    """Two neighbours on the primary channel, one beside it, an oven, and half of the clients at 20 MHz."""
    seen = seen_by(
        loaded(36, -60.0, 0.5, 1),  # heard always: 0.5
        loaded(36, -82.0, 0.4, 2),  # deferred to by half: 0.2
        loaded(40, -72.0, 0.4, 3),  # on the secondary channel, deferred to by half: it is free for 0.8
        measured={ONE: {5180: air(0.1)}},
    )
    clients = tuple(ClientReading(mac=f"c{n}", max_width_mhz=w) for n, w in enumerate((20, 40)))
    reading = seen.radios[ONE].reading
    assert reading is not None
    at = replace(seen.radios[ONE], reading=replace(reading, clients=clients))
    found = assess(replace(seen, radios={ONE: at}), at, WIDE)
    assert found.share == pytest.approx(0.9 / 1.7, abs=0.003)
    assert found.terms["usable_khz"] == pytest.approx(28_000, abs=20)
    assert found.score == pytest.approx(14.8, abs=0.1)
    assert found.terms["rate_ppm"] == 1_000_000
    there = assess(seen, at, THERE)
    assert there.score == 20.0
    assert gain(found, there) == pytest.approx(0.35, abs=0.01)
    radar = assess(seen, at, block(Band.GHZ_5, 100, 20))
    assert radar.score == pytest.approx(18.9, abs=0.05)
    assert gain(found, radar) == pytest.approx(0.28, abs=0.01)


def test_a_bss_on_the_primary_channel_costs_more_than_one_beside_it() -> None:
    clear = judged(seen_by(), WIDE)
    beside = judged(seen_by(loaded(40, -50.0, 0.5)), WIDE)
    on_it = judged(seen_by(loaded(36, -50.0, 0.5)), WIDE)
    assert on_it.score < beside.score < clear.score
    assert beside.share == clear.share


def test_load_counts_not_the_number() -> None:
    many_idle = judged(seen_by(*(loaded(149, -50.0, 0.01, n) for n in range(10))), THERE)
    one_busy = judged(seen_by(loaded(149, -50.0, 0.9)), THERE)
    assert many_idle.share > one_busy.share


def test_a_load_not_told_is_assumed_unless_the_channel_was_measured() -> None:
    silent = tuple(loaded(149, -50.0, None, n) for n in range(4))
    assert judged(seen_by(*silent), THERE).terms["foreign_ppm"] == pytest.approx(1_200_000, rel=0.01)
    quiet = seen_by(*silent, measured={ONE: {5745: air(0.1, rx=0.1)}})
    assert judged(quiet, THERE).terms["foreign_ppm"] == pytest.approx(100_000, rel=0.01)
    glance = seen_by(*silent, measured={ONE: {5745: air(0.1, rx=0.1, listened_ms=100)}})
    assert judged(glance, THERE).terms["foreign_ppm"] == pytest.approx(650_000, rel=0.01)


def test_frames_of_nobody_that_was_heard_count_too() -> None:
    seen = seen_by(measured={ONE: {5745: air(0.5, rx=0.5)}})
    assert judged(seen, THERE).share == pytest.approx(1 / 1.5)


def test_the_radios_own_frames_are_no_contention() -> None:
    seen = seen_by(measured={ONE: {5745: air(0.7, rx=0.1, tx=0.6)}})
    assert judged(seen, THERE).share == pytest.approx(1 / 1.1)


def test_what_is_not_wifi_takes_its_part_of_the_air() -> None:
    seen = seen_by(measured={ONE: {5745: air(0.75, rx=0.25)}})
    assert judged(seen, THERE).share == pytest.approx(0.5 / 1.25)


@pytest.mark.parametrize(
    ("dbm", "age_s", "used"), [(-40.0, 900.0, True), (-40.0, 901.0, False), (-83.0, 20.0, False)]
)
def test_a_near_own_aps_measurement_is_used_while_it_is_fresh(dbm: float, age_s: float, used: bool) -> None:
    seen = seen_by(aps=2, measured={TWO: {5745: air(0.6, age_s=age_s)}})
    ear = NeighborReading(bssid=bssid(TWO), channel=36, signal_dbm=dbm, width_mhz=20)
    seen = replace(seen, radios={**seen.radios, ONE: replace(seen.radios[ONE], neighbors=(ear,))})
    assert (judged(seen, THERE).terms["non_wifi_ppm"] == 600_000) is used


def test_its_own_measurement_goes_before_anothers() -> None:
    seen = seen_by(aps=2, measured={ONE: {5745: air(0.2)}, TWO: {5745: air(0.6)}})
    assert judged(seen, THERE).terms["non_wifi_ppm"] == 200_000


def test_another_ap_on_the_same_channel_hears_this_radio_and_no_stranger() -> None:
    seen = seen_by(aps=2, measured={TWO: {5180: air(0.5, rx=0.5)}})
    assert judged(seen, block(Band.GHZ_5, 36, 20)).terms["foreign_ppm"] == 0


def test_what_own_aps_were_measured_to_send_is_not_counted_twice() -> None:
    """The first AP decodes half of the air: all of it is what the second one sends."""
    here = block(Band.GHZ_5, 36, 20)
    seen = seen_by(aps=2, measured={ONE: {5180: air(0.5, rx=0.5)}, TWO: {5180: air(0.5, tx=0.5)}})
    terms = judged(seen, here).terms
    assert terms["own_ppm"] == pytest.approx(500_000, rel=0.01)
    assert terms["foreign_ppm"] == pytest.approx(0, abs=100)


def test_an_own_ap_does_not_receive_itself() -> None:
    """What it decoded beside its own sending is all somebody else's."""
    seen = seen_by(aps=2, measured={TWO: {5180: air(0.8, rx=0.4, tx=0.4)}})
    at = replace(seen.radios[ONE], reading=None)
    seen = replace(seen, radios={**seen.radios, ONE: at})
    terms = judged(seen, block(Band.GHZ_5, 36, 20)).terms
    assert terms["foreign_ppm"] == pytest.approx(400_000, rel=0.01)
    assert terms["own_ppm"] == pytest.approx(400_000, rel=0.01)


def test_totals_since_boot_decide_nothing() -> None:
    """A survey alone, however busy it says the channel was since the AP was started."""
    seen = seen_by()
    reading = seen.radios[ONE].reading
    assert reading is not None
    full = SurveyReading(frequency_mhz=5745, active_ms=10**9, busy_ms=10**9, rx_ms=0, tx_ms=0)
    at = replace(seen.radios[ONE], reading=replace(reading, survey=(full,)))
    assert assess(seen, at, THERE).share == 1.0


def test_a_raised_noise_floor_costs_data_rate() -> None:
    usual = {mhz: air(0.0, noise_dbm=-95.0) for mhz in (5180, 5200, 5220)}
    found = [
        judged(seen_by(measured={ONE: {**usual, 5745: air(0.0, noise_dbm=noise)}}), THERE)
        for noise in (-100.0, -95.0, -89.0, -75.0)
    ]
    rates = [each.terms["rate_ppm"] for each in found]
    assert rates[:2] == [1_000_000, 1_000_000]
    assert 1_000_000 > rates[2] > rates[3] > 0
    assert [each.score for each in found] == pytest.approx([20.0 * rate / 1e6 for rate in rates])


def test_a_wider_block_helps_only_those_who_can_use_it() -> None:
    seen = seen_by()
    reading = seen.radios[ONE].reading
    assert reading is not None

    def usable(*widths: int | None) -> int:
        clients = tuple(ClientReading(mac=f"c{n}", max_width_mhz=w) for n, w in enumerate(widths))
        at = replace(seen.radios[ONE], reading=replace(reading, clients=clients))
        return assess(seen, at, block(Band.GHZ_5, 36, 80)).terms["usable_khz"]

    assert usable() == usable(None) == usable(80, None) == 80_000
    assert usable(20) == usable(20, None) == 20_000
    assert usable(20, 40, 80, 160) == 20_000 + 15_000 + 20_000


def test_radar_that_was_met_makes_a_channel_dearer_for_a_week() -> None:
    dfs, wide, other = block(Band.GHZ_5, 100, 20), block(Band.GHZ_5, 104, 80), block(Band.GHZ_5, 52, 20)
    never = seen_by()
    day_us, now_us = 86_400_000_000, never.now.utc_us

    def risk(at: Block, *days_ago: float) -> int:
        """More than where it was never met, ppm of the air."""
        met = tuple(Met(utc_us=now_us - round(ago * day_us), mhz20=dfs.mhz20) for ago in days_ago)
        dearer = judged(replace(never, radar=met), at).terms["dfs_ppm"]
        return dearer - judged(never, at).terms["dfs_ppm"]

    assert risk(dfs, 0.0) == risk(wide, 0.0) == 50_000, "every block that holds the channel"
    assert risk(other, 0.0) == 0
    assert risk(dfs, 3.5) == 25_000
    assert risk(dfs, 7.0) == 0
    assert risk(dfs, 0.0, 3.5) == 75_000


@pytest.mark.parametrize("age_s", [900.0, 901.0])
def test_a_scan_is_evidence_for_a_while_even_if_nobody_was_heard(age_s: float) -> None:
    seen = seen_by()
    at = replace(seen.radios[ONE], scanned=True, scanned_age_s=age_s)
    assert assess(seen, at, THERE).evidence is (age_s <= 900.0)


def test_a_measurement_is_evidence_for_its_channel_only() -> None:
    seen = seen_by(measured={ONE: {5745: air(0.0)}})
    assert judged(seen, THERE).evidence
    assert not judged(seen, block(Band.GHZ_5, 44, 20)).evidence


# -- 2.4 GHz -------------------------------------------------------------------------------------------------


def band24(raster: tuple[int, ...], listed: tuple[int, ...] | None = None, country: str = "DE") -> SiteView:
    policy = replace(site_of().policy, channels_2_4=raster)
    site = site_of(1, band=Band.GHZ_2_4, country=country, policy=policy, channels=listed, widths=(20, 40))
    found = view(site_of(1))
    (key,) = site.radios
    at = replace(next(iter(found.radios.values())), radio=site.radios[key], reading=None)
    return replace(found, site=site, radios={key: at}, bssids={})


@pytest.mark.parametrize(
    ("raster", "listed", "country", "wanted"),
    [
        ((1, 6, 11), None, "DE", {1, 6, 11}),
        ((1, 5, 9, 13), None, "DE", {1, 5, 9, 13}),
        ((1, 5, 9, 13), None, "US", {1, 5, 9}),
        ((1, 6, 11), (3, 8), "DE", {3, 8}),
    ],
)
def test_primaries_of_2_4_ghz_are_those_of_the_site(
    raster: tuple[int, ...], listed: tuple[int, ...] | None, country: str, wanted: set[int]
) -> None:
    seen = band24(raster, listed, country)
    (at,) = seen.radios.values()
    assert {found.primary for found in legal.candidates(seen, at)} == wanted


def test_a_partial_overlap_costs_more_than_its_part() -> None:
    seen = band24((1, 6, 11))
    (at,) = seen.radios.values()

    def foreign(channel: int) -> int:
        ear = NeighborReading(bssid="0a:01", channel=channel, signal_dbm=-50.0, utilization_ratio=0.4)
        return assess(seen, replace(at, neighbors=(ear,)), block(Band.GHZ_2_4, 6, 20)).terms["foreign_ppm"]

    whole = foreign(6)
    assert foreign(7) == pytest.approx(1.5 * whole, rel=1e-3)
    assert foreign(8) == pytest.approx(1.0 * whole, rel=1e-3)
    assert foreign(9) == pytest.approx(0.5 * whole, rel=1e-3)
    assert foreign(10) == 0, "1, 5, 9 and 13 are 20 MHz apart"


# -- decisions -----------------------------------------------------------------------------------------------


def test_an_incident_makes_no_radio_wider() -> None:
    site, key = one(widths=(20, 40, 80))
    decision = matrix.leave(view(site, (heard(36, -40.0, 1), heard(36, -40.0, 2))), key, Cause.SPECTRUM_SAT)
    assert isinstance(decision, Move)
    assert decision.target[Setting.WIDTH_MHZ] == 20
    assert rank(view(site), key)[0].block.width_mhz == 80, "though a wide one would score best"


def test_a_barred_block_makes_way_for_the_next_best() -> None:
    site, key = one(channels=(36, 44, 149), widths=(20,))
    crowded = view(site, (heard(36, -40.0, 1), heard(36, -40.0, 2)))
    first = matrix.leave(crowded, key, Cause.SPECTRUM_SAT)
    assert isinstance(first, Move)
    five_h_us = 5 * 3_600_000_000
    back = replace(pending(key, first.target), state=State.ROLLED_BACK, cause=Cause.OPERATOR)
    back = replace(back, created_utc_us=NOW.utc_us - 3_600_000_000)
    second = matrix.leave(replace(crowded, changes=(back,)), key, Cause.SPECTRUM_SAT)
    assert isinstance(second, Move)
    assert second.target[Setting.CHANNEL] != first.target[Setting.CHANNEL]
    forgotten = replace(back, created_utc_us=NOW.utc_us - five_h_us)
    again = matrix.leave(replace(crowded, changes=(forgotten,)), key, Cause.SPECTRUM_SAT)
    assert isinstance(again, Move)
    assert again.target == first.target


def test_the_one_taken_and_the_present_one_are_told_first() -> None:
    site, key = one(widths=(20, 40, 80))
    decision = matrix.leave(view(site, (heard(36, -40.0),)), key, Cause.SPECTRUM_SAT)
    first, second, *_ = decision.candidates
    assert (str(first.block), str(second.block)) == (decision.params["to"], decision.params["from"])
    assert len({each.block for each in decision.candidates}) == len(decision.candidates)


def test_without_evidence_nothing_is_preferred() -> None:
    site, key = one(channels=(36, 149), widths=(20,))
    old = replace(heard(36, -40.0), age_s=901.0)
    found = view(site, (old,))
    at = replace(found.radios[key], scanned_age_s=901.0)
    decision = matrix.leave(replace(found, radios={key: at}), key, Cause.SPECTRUM_SAT)
    assert isinstance(decision, NoChange)
    assert decision.reason == "no_legal_candidate_with_evidence"


def test_terms_are_whole_numbers_with_their_unit() -> None:
    terms = judged(seen_by(heard(149, -70.0)), THERE).terms
    assert isinstance(terms, dict | MappingProxyType)
    assert all(isinstance(value, int) for value in terms.values())
    assert {name.rpartition("_")[2] for name in terms} == {"ppm", "khz"}


def test_the_width_that_the_device_reports_is_what_it_occupies() -> None:
    """An own AP heard at 20 MHz that says of itself that it is 40 MHz wide."""
    seen = seen_by(aps=2)
    reading = seen.radios[TWO].reading
    assert reading is not None
    wide = replace(reading, width_mhz=Reported(40, "test"), center_mhz=Reported(5190, "test"))
    seen = replace(seen, radios={**seen.radios, TWO: replace(seen.radios[TWO], reading=wide)})
    assert judged(seen, block(Band.GHZ_5, 40, 20)).terms["own_ppm"] > 0


@pytest.mark.parametrize(("interval_s", "ppm"), [(14400.0, 54_167), (60.0, 500_000), (0.0, 500_000)])
def test_a_site_may_change_its_aps_as_often_as_it_likes(interval_s: float, ppm: int) -> None:
    """A minute of silence between two changes that follow each other at once is all of the time there is."""
    seen = seen_by()
    policy = replace(seen.site.policy, routine_interval_s=interval_s)
    hasty = replace(seen, site=replace(seen.site, policy=policy))
    assert judged(hasty, block(Band.GHZ_5, 100, 20)).terms["dfs_ppm"] == ppm
    assert judged(hasty, THERE).terms["dfs_ppm"] == 0
