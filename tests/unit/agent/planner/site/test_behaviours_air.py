"""What a plan makes of strangers, radar detection, clients and interference."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from unit.agent.planner.site.small import (
    ABLE,
    NOW,
    Ap,
    after,
    at,
    members,
    moves_of,
    mutual,
    options_of,
    view,
)

from agent.airtime import ChannelAir
from agent.nop import Met
from drivers.types import ClientReading
from inventory.channels import blocks
from inventory.model import Band

CROWD = tuple((f"{channel}/20", -45.0, 0.9) for channel in (36, 40, 44, 48, 149, 153, 157, 161, 165))


def test_a_wide_weak_bss_counts_once_by_its_power() -> None:
    wide, narrow = (("36/80", -82.0, 0.5),), (("36/20", -82.0, 0.5),)
    with_wide = options_of(view({"a": Ap(on="36/80", widths=(80,), strangers=wide)}), "a")[at("36/80")]
    with_narrow = options_of(view({"a": Ap(on="36/80", widths=(80,), strangers=narrow)}), "a")[at("36/80")]
    assert with_wide.foreign == pytest.approx(with_narrow.foreign, abs=1e-6)
    assert with_wide.foreign == pytest.approx(0.25, abs=0.01)


def test_a_wide_weak_bss_is_better_company_than_a_narrow_strong_one() -> None:
    strangers = (("36/80", -86.0, 0.5), ("149/20", -50.0, 0.5))
    seen = view({"a": Ap(on="149/20", channels=(36, 149), strangers=strangers)})
    assert moves_of(seen)["a"].after == at("36/20")


def test_radar_channels_are_used_when_they_pay() -> None:
    move = moves_of(view({"a": Ap(on="36/20", strangers=CROWD)}))["a"]
    assert move.after.primary in range(52, 145)
    assert move.cac_s == 60.0


def test_radar_channels_are_left_alone_when_they_do_not() -> None:
    quiet = tuple(each for each in CROWD if each[0] != "149/20")
    assert moves_of(view({"a": Ap(on="36/20", strangers=quiet)}))["a"].after == at("149/20")


def test_6_ghz_is_used_over_its_whole_width() -> None:
    near = mutual("a", "b", "c")
    aps = {name: Ap(on="5/80", band=Band.GHZ_6, widths=(20, 40, 80, 160), hears=near[name]) for name in near}
    found = [move.after for move in moves_of(view(aps)).values()]
    assert all(block.width_mhz == 160 for block in found)
    assert len(set(after(view(aps)).values())) == 3


def test_the_ten_minutes_of_the_weather_band_are_costed() -> None:
    found = options_of(view({"a": Ap(widths=(20, 80))}, country="DE"), "a")
    weather, other = found[at("120/20")], found[at("100/20")]
    assert (weather.cac_s, other.cac_s) == (600.0, 60.0)
    assert weather.move_cost == pytest.approx(-math.log1p(-600 / (4 * 3600)), rel=0.01)
    assert other.move_cost == pytest.approx(-math.log1p(-60 / (4 * 3600)), rel=0.01)
    assert weather.worth == pytest.approx(other.worth)  # once it is there it is as good
    assert found[at("116/80")].cac_s == 600.0  # a part of it lies there


def test_of_two_equal_radar_channels_the_one_outside_the_weather_band_is_taken() -> None:
    here = Ap(on="36/20", channels=(36, 100, 120), strangers=(("36/20", -45.0, 0.9),))
    assert moves_of(view({"a": here}, country="DE"))["a"].after == at("100/20")


def test_the_weather_band_is_used_when_even_that_pays() -> None:
    here = Ap(on="36/20", channels=(36, 100, 120), strangers=(("36/20", -45.0, 0.9), ("100/20", -45.0, 0.9)))
    assert moves_of(view({"a": here}, country="DE"))["a"].after == at("120/20")


def test_a_channel_where_radar_was_met_lately_is_worth_less_each_time() -> None:
    met = Met(mhz20=at("100/20").mhz20, utc_us=NOW.utc_us)
    never, once, twice = (
        options_of(view({"a": Ap(on="36/20")}, radar=(met,) * times), "a")[at("100/20")].worth
        for times in range(3)
    )
    assert never > once > twice
    assert twice == pytest.approx(math.log(20.0 * 0.85))


def test_a_radio_that_is_on_a_radar_channel_pays_no_second_check_for_staying() -> None:
    found = options_of(view({"a": Ap(on="100/20")}), "a")
    here = found[at("100/20")]
    assert (here.move_cost, here.cac_s) == (0.0, 0.0)
    assert here.worth == pytest.approx(math.log(20.0 * 0.95))


@pytest.mark.parametrize(
    ("drops", "clients", "costs"), [(True, 3, True), (True, 0, False), (False, 3, False)]
)
def test_clients_that_a_move_would_drop_are_costed(drops: bool, clients: int, costs: bool) -> None:
    here = Ap(on="36/20", able=replace(ABLE, moves_drop=drops), said={"client_count": clients})
    found = options_of(view({"a": here}), "a")
    assert (found[at("149/20")].move_cost > 0) is costs
    assert found[at("36/20")].move_cost == 0.0
    with_check = options_of(view({"a": replace(here, on="149/20")}), "a")[at("100/20")]
    assert with_check.move_cost == pytest.approx(-math.log1p(-(60 + 60 * (clients > 0)) / 14400), rel=0.01)


def test_interference_that_is_no_wifi_is_left() -> None:
    oven = {5180: ChannelAir(busy=0.7, rx=0.0, tx=0.0, listened_ms=10**9, age_s=60.0)}
    move = moves_of(view({"a": Ap(on="36/20", channels=(36, 149), air=oven)}))["a"]
    assert move.after == at("149/20")
    assert move.reasons == ("away_from_interference",)


def test_clients_that_can_not_use_the_width_make_it_worthless() -> None:
    old = tuple(ClientReading(mac=f"c{n}", max_width_mhz=20) for n in range(4))
    found = options_of(view({"a": Ap(on="36/20", widths=(20, 80), said={"clients": old})}), "a")
    assert found[at("36/80")].worth == pytest.approx(found[at("36/20")].worth)


def test_alone_a_radio_is_given_all_of_the_width() -> None:
    here = Ap(on="36/20", channels=(36, 40, 44, 48), widths=(20, 40, 80))
    move = moves_of(view({"a": here}))["a"]
    assert move.after.width_mhz == 80
    assert move.reasons == ("wider",)


def test_a_radio_that_can_not_use_its_width_leaves_it_to_others() -> None:
    """Channel and width are one choice: the clients of a are old, those of b are not."""
    old = tuple(ClientReading(mac=f"c{n}", max_width_mhz=20) for n in range(4))
    near = mutual("a", "b")
    wide = Ap(on="36/80", channels=(36, 40, 44, 48), widths=(20, 40, 80), tx=0.9)
    aps = {"a": replace(wide, hears=near["a"], said={"clients": old}), "b": replace(wide, hears=near["b"])}
    found = {name: at(block) for name, block in after(view(aps)).items()}
    assert found["a"].width_mhz == 20 < found["b"].width_mhz
    assert not found["a"].mhz20 & found["b"].mhz20


def test_a_radio_with_more_to_send_weighs_more() -> None:
    seen = view({"a": Ap(tx=0.6), "b": Ap(tx=0.1), "c": Ap(tx=0.1)})
    a, b, c = (each.weight for each in members(seen))
    assert a > b == c
    assert (a + b + c) / 3 == pytest.approx(1.0)


def test_no_weight_is_beyond_all_measure() -> None:
    """One has nearly all clients and sends nearly all that is sent."""
    crowd = Ap(tx=0.9, said={"client_count": 5000})
    aps = {"a": crowd} | {f"b{number}": Ap(tx=0.001, said={"client_count": 0}) for number in range(49)}
    found = [each.weight for each in members(view(aps))]
    assert 5.0 < max(found) / min(found) <= 16.0
    assert sum(found) / len(found) == pytest.approx(1.0)


def test_all_blocks_of_the_band_are_weighed() -> None:
    seen = view({"a": Ap(widths=(20, 40, 80, 160))}, country="US")
    found = options_of(seen, "a")
    everything = {block for width in (20, 40, 80, 160) for block in blocks(Band.GHZ_5, width)}
    assert set(found) <= everything
    assert {block.width_mhz for block in found} == {20, 40, 80, 160}
