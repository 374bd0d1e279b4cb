"""Guards of patience: budgets, waits and quiet hours; and the power that goes with every move."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from rig import site_of

from agent.change import HELD_UP, Actor, Cause, Change, State
from agent.moment import Deadline, Moment
from agent.planner import guards, legal
from agent.view import RadioView, SiteView, values_of
from drivers.types import Capabilities, RadioReading, RadioState, Reported, ScopeRef, Setting, Table
from inventory.channels import Block, block
from inventory.model import Band, Policy, RadioKey, Site

NOW = Moment(monotonic_s=1e6, utc_us=1_772_000_000_000_000, boot_id="boot-1", boottime_us=10**12)
NOON = NOW.utc.hour * 60 + NOW.utc.minute
ABLE = Capabilities(
    tables=frozenset(Table), settings=MappingProxyType(dict.fromkeys(Setting, "radio")), widths_mhz=(20, 40)
)
KEY = RadioKey("lab/ap1/r5")
DAY_S = 86_400.0


def view(
    site: Site,
    *changes: Change,
    channel: int = 36,
    power_dbm: float = 20.0,
    choices: tuple[int, ...] | None = None,
) -> SiteView:
    where = block(Band.GHZ_5, channel, 20)
    radios = {
        key: RadioView(
            radio=radio,
            device=key.split("/")[1],
            capabilities=ABLE,
            reading=RadioReading(
                key=key,
                at_s=NOW.monotonic_s,
                state=RadioState.ON_AIR,
                band=radio.band,
                channel=Reported(channel, "test"),
                width_mhz=Reported(20, "test"),
                center_mhz=Reported(where.center_mhz, "test"),
                tx_power_dbm=Reported(power_dbm, "test"),
                power_choices_dbm=choices,
            ),
        )
        for key, radio in site.radios.items()
    }
    return SiteView(site=site, now=NOW, radios=radios, changes=changes)


def done(age_s: float, cause: Cause, key: RadioKey = KEY) -> Change:
    return Change(
        id=f"{cause}-{age_s}-{key}",
        site="lab",
        device="ap1",
        scope=ScopeRef(kind="radio", name=key, members=(key,)),
        target=values_of(block(Band.GHZ_5, 44, 20)),
        prior=values_of(block(Band.GHZ_5, 36, 20)),
        cause=cause,
        state=State.COMMITTED,
        deadline=Deadline.after(NOW, 0.0),
        created_utc_us=NOW.utc_us - round(age_s * 1e6),
    )


def names(seen: SiteView, cause: Cause, where: Block | None = None) -> set[str]:
    target = values_of(where or block(Band.GHZ_5, 149, 20))
    return {veto.guard for veto in guards.vetoes(guards.Proposal(seen, KEY, target, cause))}


def test_incident_changes_wait_longer_each_time() -> None:
    site = site_of(2)
    once = done(500.0, Cause.HW_FAILURE)
    twice = (done(900.0, Cause.HW_FAILURE), done(40_000.0, Cause.HW_FAILURE))
    assert "incident_budget" in names(view(site, once), Cause.HW_FAILURE)
    assert "incident_budget" not in names(view(site, replace_age(once, 700.0)), Cause.HW_FAILURE)
    assert "incident_budget" in names(view(site, *twice), Cause.HW_FAILURE), "1200 s after the second"


def test_three_incident_changes_a_day_are_enough() -> None:
    changes = [done(20_000.0 + n, Cause.HW_FAILURE) for n in range(3)]
    assert "incident_budget" in names(view(site_of(2), *changes), Cause.HW_FAILURE)


def test_what_was_held_up_before_anything_was_sent_counts_in_no_budget() -> None:
    failed = replace(done(10.0, Cause.SPECTRUM_SAT), state=State.FAILED)
    assert "routine_interval" in names(view(site_of(2), failed), Cause.SPECTRUM_SAT)
    held_up = replace(failed, verdict=HELD_UP)
    assert "routine_interval" not in names(view(site_of(2), held_up), Cause.SPECTRUM_SAT)


def test_routine_changes_have_a_budget_for_the_whole_site() -> None:
    site = site_of(2)  # 1.4 per AP and week: two
    keys = list(site.radios)
    week = [done(3 * DAY_S, Cause.SPECTRUM_SAT, keys[0]), done(4 * DAY_S, Cause.SPECTRUM_SAT, keys[1])]
    assert "routine_budget" in names(view(site, *week), Cause.SPECTRUM_SAT)
    assert "routine_budget" not in names(view(site, week[0]), Cause.SPECTRUM_SAT)
    assert "routine_budget" not in names(view(site, *week), Cause.OPERATOR)
    assert "routine_budget" not in names(view(site, *week), Cause.HW_FAILURE)


def test_a_routine_change_that_the_agent_took_back_counts_twice_in_the_week() -> None:
    site = site_of(2)
    key = next(iter(site.radios))
    made = done(4 * DAY_S, Cause.SPECTRUM_SAT, key)
    back = replace(done(3 * DAY_S, Cause.UNDO, key), undo_of=made.id, id="back")
    assert "routine_budget" in names(view(site, made, back), Cause.SPECTRUM_SAT)
    by_person = replace(back, actor=Actor(type="operator", uid=0, name="root"))
    assert "routine_budget" not in names(view(site, made, by_person), Cause.SPECTRUM_SAT)
    help_ = done(4 * DAY_S, Cause.HW_FAILURE, key)
    assert "routine_budget" not in names(
        view(site, made, help_, replace(back, undo_of=help_.id)), Cause.SPECTRUM_SAT
    )


@pytest.mark.parametrize(
    ("hours", "channel", "held"),
    [
        ((), 52, False),
        (((NOON - 5, NOON + 5),), 52, False),
        (((NOON + 10, NOON + 20),), 52, True),
        (((NOON + 10, NOON + 20),), 149, False),
    ],
)
def test_a_routine_cac_waits_for_quiet_hours(
    hours: tuple[tuple[int, int], ...], channel: int, held: bool
) -> None:
    site = site_of(2, policy=replace(site_of().policy, quiet_hours=hours))
    where = block(Band.GHZ_5, channel, 20)
    assert ("quiet_hours" in names(view(site), Cause.SPECTRUM_SAT, where)) is held
    assert "quiet_hours" not in names(view(site), Cause.OPERATOR, where)


@pytest.mark.parametrize(("minute", "inside"), [(1430, True), (10, True), (40, False), (1380, False)])
def test_quiet_hours_may_cross_midnight(minute: int, inside: bool) -> None:
    day = NOW.utc.replace(hour=minute // 60, minute=minute % 60)
    assert guards.in_quiet_hours(day, "UTC", ((1410, 30),)) is inside


def test_a_move_names_its_power_so_that_the_ap_does_not_raise_it() -> None:
    """Left to itself an AP takes all that its table allows on the new channel."""
    site = site_of(2)
    seen = view(site, power_dbm=17.0)
    there = block(Band.GHZ_5, 149, 20)
    assert legal.moved_to(seen, seen.radios[KEY], there)[Setting.TX_POWER_DBM] == 17


def test_a_move_lowers_the_power_to_what_is_lawful_there() -> None:
    site = site_of(2, country="DE", antenna_gain_dbi=4.0)
    seen = view(site, channel=100, power_dbm=22.0)
    there = block(Band.GHZ_5, 36, 20)  # 23 dBm EIRP
    assert legal.moved_to(seen, seen.radios[KEY], there)[Setting.TX_POWER_DBM] == 19


def test_a_move_names_a_power_that_the_radio_can_be_set_to() -> None:
    """Cisco's levels: a few powers, not the same for each radio."""
    site = site_of(2, country="DE", antenna_gain_dbi=4.0)
    seen = view(site, channel=100, power_dbm=22.0, choices=(23, 20, 17, 14))
    there = block(Band.GHZ_5, 36, 20)  # 23 dBm EIRP: 19 at most
    assert legal.moved_to(seen, seen.radios[KEY], there)[Setting.TX_POWER_DBM] == 17


@pytest.mark.parametrize(
    ("dbm", "cause", "held"),
    [(17, Cause.OPERATOR, False), (16, Cause.OPERATOR, True), (16, Cause.UNDO, False)],
)
def test_a_power_that_is_no_choice_of_the_radio(dbm: int, cause: Cause, held: bool) -> None:
    seen = view(site_of(2), power_dbm=14.0, choices=(20, 17, 14))
    proposal = guards.Proposal(seen, KEY, {Setting.TX_POWER_DBM: dbm}, cause)
    found = {veto.reason: veto.params for veto in guards.vetoes(proposal)}
    assert ("power_not_a_choice" in found) is held
    assert not held or found["power_not_a_choice"] == {"dbm": 16, "nearest_dbm": 17}


def replace_age(change: Change, age_s: float) -> Change:
    return replace(change, created_utc_us=NOW.utc_us - round(age_s * 1e6))


def test_the_policy_has_the_budgets_of_the_design() -> None:
    policy = Policy()
    assert (policy.incident_per_radio_day, policy.routine_per_ap_week) == (3, 1.4)
