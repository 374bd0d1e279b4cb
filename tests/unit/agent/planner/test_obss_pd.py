"""OBSS-PD: a step at a time, with the power that 802.11ax demands in return."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from rig import site_of
from unit.agent.planner.test_channel import NOW, heard
from unit.agent.planner.test_matrix import ALL_ABLE, ONE, changed, said, seen_by

from agent.change import Cause
from agent.planner import obss_pd
from agent.planner.decision import Move, NoChange
from agent.planner.surroundings import around
from agent.view import SiteView
from drivers.types import NeighborReading, Reported, Setting

NOON = NOW.utc.hour * 60 + NOW.utc.minute
SLOW = replace(ALL_ABLE, obss_pd_acts=False)
FAINT = tuple(heard(36, -79.0, n) for n in range(1, 60))


def at_level(level: int | None = -82, dbm: float | None = 15.0, **radio: Any) -> SiteView:
    """A lonely radio between sixty faint BSSs."""
    seen = seen_by(site_of(1, channels=(36, 149), widths=(20,), **radio), FAINT)
    seen = said(seen, ONE, tx_power_dbm=None if dbm is None else Reported(dbm, "test"))
    return said(seen, ONE, obss_pd_dbm=None if level is None else Reported(level, "test"))


def raised(seen: SiteView) -> Move | NoChange:
    return obss_pd.raised(seen, ONE, Cause.SPECTRUM_SAT)


def reason(seen: SiteView) -> str:
    return raised(seen).reason


@pytest.mark.parametrize(("level", "dbm"), [(-82, 21), (-79, 18), (-72, 11), (-62, 1)])
def test_the_power_that_goes_with_a_level(level: int, dbm: int) -> None:
    assert obss_pd.most_power_dbm(level) == dbm


@pytest.mark.parametrize(
    ("level", "dbm", "target"),
    [
        (-82, 15.0, {Setting.OBSS_PD_DBM: -79}),
        (-82, 18.0, {Setting.OBSS_PD_DBM: -79}),
        (-82, 20.0, {Setting.OBSS_PD_DBM: -79, Setting.TX_POWER_DBM: 18}),
        (-79, 18.0, {Setting.OBSS_PD_DBM: -76, Setting.TX_POWER_DBM: 15}),
        (-90, 15.0, {Setting.OBSS_PD_DBM: -79}),
    ],
)
def test_one_step_and_the_power_in_the_same_move(level: int, dbm: float, target: dict[Setting, int]) -> None:
    decision = raised(at_level(level, dbm))
    assert isinstance(decision, Move), decision
    assert dict(decision.target) == target


def test_never_beyond_the_policys_limit() -> None:
    site = site_of(1, policy=replace(site_of().policy, obss_pd_most_dbm=-78))
    assert raised(replace(at_level(-79, 10.0), site=site)).params["to_dbm"] == -78
    assert reason(replace(at_level(-78, 10.0), site=site)) == "obss_pd_at_its_limit"
    assert reason(at_level(-62, 1.0)) == "obss_pd_at_its_limit"


def test_not_where_nothing_is_won() -> None:
    assert reason(changed(at_level(), ONE, neighbors=(heard(36, -50.0),))) == "gain_too_small"
    assert reason(changed(at_level(), ONE, neighbors=())) == "gain_too_small"
    elsewhere = tuple(heard(149, -79.0, n) for n in range(60))
    assert reason(changed(at_level(), ONE, neighbors=elsewhere)) == "gain_too_small"


def test_power_that_is_lost_is_set_against_what_is_won() -> None:
    gentle, dear = raised(at_level(-70, 9.0)), raised(at_level(-70, 20.0))
    won, less = gentle.params["gain_ppm"], dear.params["gain_ppm"]
    assert isinstance(won, int)
    assert isinstance(less, int)
    assert less < won


@pytest.mark.parametrize("crowd", [FAINT, FAINT[:4]])
def test_what_is_ignored_already_is_not_counted_again(crowd: tuple[NeighborReading, ...]) -> None:
    """Two steps are worth what one of both is."""
    seen = changed(at_level(), ONE, neighbors=crowd)
    here, block = around(seen, seen.radios[ONE]), seen.radios[ONE].block
    assert block is not None
    first, second, both = (
        1.0 + obss_pd.gain(here, block, low, high, 0) for low, high in ((-82, -79), (-79, -76), (-82, -76))
    )
    assert first * second == pytest.approx(both)
    assert min(first, second) > 1.02


def test_not_below_the_power_that_the_site_wants() -> None:
    assert reason(at_level(-82, 20.0, power_dbm=(19, 23))) == "power_would_be_too_low"


@pytest.mark.parametrize(
    ("level", "dbm"), [(None, 15.0), (-82, None)], ids=["level not reported", "power not reported"]
)
def test_what_is_not_reported_can_not_be_undone(level: int | None, dbm: float | None) -> None:
    assert reason(at_level(level, dbm)) == "obss_pd_or_power_not_reported"


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ("", "device_cannot_set_obss_pd"),
        ("rf_profile", "obss_pd_moves_other_radios_too"),
        ("band", "obss_pd_moves_other_radios_too"),
        ("radio", "defer_less_to_faint_bsss"),
    ],
)
def test_only_where_the_setting_is_the_radios_own(scope: str, why: str) -> None:
    scopes: dict[Setting, str] = dict.fromkeys(set(Setting) - {Setting.OBSS_PD_DBM}, "radio")
    scopes |= {Setting.OBSS_PD_DBM: scope} if scope else {}
    able = replace(ALL_ABLE, settings=MappingProxyType(scopes))
    assert reason(changed(at_level(), ONE, capabilities=able)) == why


def test_a_radio_that_can_not_lower_its_power_keeps_its_level() -> None:
    scopes: dict[Setting, str] = dict.fromkeys(set(Setting) - {Setting.TX_POWER_DBM}, "radio")
    able = replace(ALL_ABLE, settings=MappingProxyType(scopes))
    assert reason(changed(at_level(-82, 20.0), ONE, capabilities=able)) == "device_cannot_lower_its_power"
    assert isinstance(raised(changed(at_level(-82, 15.0), ONE, capabilities=able)), Move)


@pytest.mark.parametrize(
    ("hours", "moved"), [((), False), (((NOON + 5, NOON + 9),), False), (((NOON - 5, NOON + 5),), True)]
)
def test_a_level_that_does_not_act_at_once_waits_for_quiet_hours(
    hours: tuple[tuple[int, int], ...], moved: bool
) -> None:
    site = site_of(1, policy=replace(site_of().policy, quiet_hours=hours))
    slow = changed(at_level(), ONE, capabilities=SLOW)
    decision = raised(replace(slow, site=site))
    assert isinstance(decision, Move) is moved
    assert decision.params.get("readback") == ("configured" if moved else None)


def test_a_level_that_acts_at_once_promises_no_less_than_in_force() -> None:
    assert "readback" not in raised(at_level()).params


def test_a_restart_that_would_take_a_cac_is_not_begun() -> None:
    """It could not be undone without another one."""
    site = site_of(1, policy=replace(site_of().policy, quiet_hours=((NOON - 5, NOON + 5),)))
    dfs = said(at_level(), ONE, channel=Reported(52, "test"), center_mhz=Reported(5260, "test"))
    dfs = replace(dfs, site=site)
    assert reason(changed(dfs, ONE, capabilities=SLOW)) == "obss_pd_would_need_a_cac"
    assert reason(changed(dfs, ONE, capabilities=ALL_ABLE)) != "obss_pd_would_need_a_cac"


def test_a_radio_on_a_barred_channel_is_left_to_the_radar_rules() -> None:
    assert reason(replace(at_level(), barred_mhz=frozenset({5180}))) == "channel_not_allowed_now"


def test_a_channel_that_is_not_known_moves_nothing() -> None:
    assert reason(said(at_level(), ONE, channel=None)) == "channel_not_known"
