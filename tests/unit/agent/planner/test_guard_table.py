"""Each guard that looks at what a radio says of itself: taken out of the table, one of these goes red."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import pytest
from rig import site_of
from unit.agent.planner.test_guards import ABLE, KEY, NOON, done, view

from agent.change import HALF_DONE, REHEARSED, REJECTED, Actor, Cause, Change, State
from agent.planner import guards
from agent.view import RadioView, SiteView, values_of
from drivers.types import Reported, Setting, Values
from inventory.channels import block
from inventory.model import Band, Mode, RadioKey
from inventory.windows import window

TARGET = values_of(block(Band.GHZ_5, 149, 20))


def names(seen: SiteView, cause: Cause = Cause.SPECTRUM_SAT) -> set[str]:
    return {veto.guard for veto in guards.vetoes(guards.Proposal(seen, KEY, TARGET, cause))}


def told(**said: object) -> SiteView:
    """The site, with the radio saying this of itself."""
    seen = view(site_of(2))
    mine = seen.radios[KEY]
    assert mine.reading is not None
    reading = replace(mine.reading, **said)  # type: ignore[arg-type]
    return replace(seen, radios={**seen.radios, KEY: replace(mine, reading=reading)})


def lost(view_: RadioView) -> RadioView:
    return replace(view_, reading=None)


def test_a_plain_move_meets_no_guard() -> None:
    assert names(view(site_of(2))) == set()


@pytest.mark.parametrize(
    ("said", "guard"),
    [
        ({"country": Reported("DE", "test")}, "country"),
        ({"uplink": True}, "uplink"),
        ({"managed_by": "acs"}, "owner"),
        ({"at_s": 0.0}, "stale"),
    ],
)
def test_what_a_radio_says_of_itself(said: dict[str, object], guard: str) -> None:
    assert guard in names(told(**said))


def test_radar_does_not_touch_what_carries_an_uplink_or_is_owned() -> None:
    assert "uplink" in names(told(uplink=True), Cause.DFS_RADAR)
    assert "owner" in names(told(managed_by="acs"), Cause.DFS_RADAR)


def test_a_pause_holds_everything_but_radar() -> None:
    for scope in ("*", "lab", "lab/ap1", KEY):
        seen = replace(view(site_of(2)), paused=frozenset({scope}))
        assert "pause" in names(seen)
        assert "pause" not in names(seen, Cause.DFS_RADAR)


def test_a_pause_does_not_hold_what_a_person_takes_back() -> None:
    seen = replace(view(site_of(2)), paused=frozenset({"*"}))
    for cause, by_person, held in (
        (Cause.UNDO, True, False),
        (Cause.UNDO, False, True),
        (Cause.OPERATOR, True, True),
    ):
        asked = guards.Proposal(seen, KEY, TARGET, cause, by_person=by_person)
        assert (guards.paused(asked) is not None) is held


def test_lost_aps_do_not_hold_what_a_person_takes_back() -> None:
    """The changes may be why they are lost."""
    assert "site_loss" not in asked(many_lost(), Cause.UNDO)
    assert "site_loss" in asked(many_lost(), Cause.OPERATOR)
    assert "site_loss" in names(many_lost(), Cause.UNDO)


def test_people_at_work_hold_the_agent_and_nobody_else() -> None:
    seen = policy(maintenance=(window("00:00-24:00"),))
    assert "maintenance" in names(seen, Cause.HW_FAILURE)
    assert "maintenance" not in names(seen, Cause.DFS_RADAR)
    asked = guards.Proposal(seen, KEY, TARGET, Cause.OPERATOR, by_person=True)
    assert guards.vetoes(asked) == []


def test_change_hours_hold_routine_changes_only() -> None:
    seen = policy(change_hours=(window("2020-01-01 00:00-24:00"),))
    held = {cause for cause in Cause if "change_hours" in names(seen, cause)}
    routine = {Cause.NON_WIFI_BURST, Cause.SPECTRUM_SAT, Cause.DENSITY_SPIKE, Cause.EMERGENCY_QOE}
    assert held == routine | {Cause.SITE_PLAN}


PERSON = Actor(type="operator", uid=1000, name="ann")


def asked(seen: SiteView, cause: Cause) -> set[str]:
    """What holds a change that a person wants."""
    return {v.guard for v in guards.vetoes(guards.Proposal(seen, KEY, TARGET, cause, by_person=True))}


def test_who_starts_a_plan_does_not_wait_for_each_of_its_moves() -> None:
    """The hours hold it, as they hold the agent; the budgets for what the agent does by itself do not."""
    never = (window("2020-01-01 00:00-24:00"),)
    always = (window("00:00-24:00"),)
    assert asked(policy(change_hours=never), Cause.SITE_PLAN) == {"change_hours"}
    assert asked(policy(maintenance=always), Cause.SITE_PLAN) == {"maintenance"}
    assert asked(policy(maintenance=always), Cause.OPERATOR) == set()
    assert asked(policy(routine_per_ap_week=0.0), Cause.SITE_PLAN) == set()
    assert "routine_budget" in names(policy(routine_per_ap_week=0.0), Cause.SITE_PLAN)


def test_moves_of_a_plan_that_a_person_started_are_not_the_agents_routine() -> None:
    own = done(60.0, Cause.SITE_PLAN)
    wanted = replace(own, actor=PERSON)
    seen = view(site_of(2))
    assert names(replace(seen, changes=(own,))) == {"routine_interval"}
    assert names(replace(seen, changes=(wanted,))) == set()
    assert asked(replace(seen, changes=(own,)), Cause.SITE_PLAN) == set()


def test_what_a_dry_run_shows_counts_in_its_own_budgets_only() -> None:
    in_mode = after_dry_run(KEY, target=WEATHER)
    assert names(in_mode) == {"routine_interval"}
    acting = replace(in_mode.site, policy=replace(in_mode.site.policy, mode=Mode.ACT))
    assert names(replace(in_mode, site=acting)) == set()
    incident = after_dry_run(KEY, target=WEATHER, cause=Cause.HW_FAILURE)
    assert "incident_budget" in names(incident, Cause.HW_FAILURE)
    assert "incident_budget" not in names(replace(incident, site=acting), Cause.HW_FAILURE)


def test_a_dry_run_leaves_radar_to_the_ap() -> None:
    assert names(policy(mode=Mode.DRY_RUN)) == set()
    assert "mode" in names(policy(mode=Mode.DRY_RUN), Cause.DFS_RADAR)


def test_no_routine_change_is_what_a_budget_of_zero_means() -> None:
    assert "routine_budget" in names(policy(routine_per_ap_week=0.0))


def test_observe_writes_nothing_not_even_for_radar() -> None:
    site = site_of(2, policy=replace(site_of().policy, mode=Mode.OBSERVE))
    assert "mode" in names(view(site))
    assert "mode" in names(view(site), Cause.DFS_RADAR)


def test_many_lost_aps_are_something_bigger() -> None:
    seen = view(site_of(10))
    gone = list(seen.radios)[5:8]
    less = {key: lost(each) if key in gone else each for key, each in seen.radios.items()}
    assert "site_loss" in names(replace(seen, radios=less))
    assert "site_loss" not in names(view(site_of(10)))


def test_an_ap_rests_between_two_changes() -> None:
    assert "cooldown" in names(view(site_of(2), done(5.0, Cause.OPERATOR)))
    assert "cooldown" not in names(view(site_of(2), done(15.0, Cause.OPERATOR)))
    assert "cooldown" not in names(view(site_of(2), done(5.0, Cause.OPERATOR)), Cause.DFS_RADAR)
    lately = view(site_of(2), done(5.0, Cause.OPERATOR))
    asked = guards.Proposal(lately, KEY, TARGET, Cause.UNDO, by_person=True)
    assert "cooldown" not in {veto.guard for veto in guards.vetoes(asked)}
    assert "cooldown" in names(lately, Cause.UNDO)


def test_a_target_that_was_taken_back_is_barred_for_a_while() -> None:
    back = replace(done(3600.0, Cause.NON_WIFI_BURST), state=State.ROLLED_BACK, target=TARGET)
    assert "barred" in names(view(site_of(2), back))
    assert "barred" not in names(view(site_of(2), replace(back, state=State.COMMITTED)))
    assert "barred" not in names(view(site_of(2), back), Cause.OPERATOR), "a person may insist"


def undone_by(actor: Actor, age_s: float = 3600.0, **said: object) -> tuple[Change, Change]:
    """A change of the agent to the target, and an undo of it that was kept; newest first."""
    made = replace(done(age_s + 900.0, Cause.HW_FAILURE), target=TARGET, id="made")
    undo = replace(done(age_s, Cause.UNDO), actor=actor, prior=TARGET, target=made.prior, undo_of="made")
    return replace(undo, **said), made  # type: ignore[arg-type]


def barring(
    changes: tuple[Change, ...], cause: Cause = Cause.SPECTRUM_SAT, *, by_person: bool = False
) -> str:
    """Why the target is barred; empty: it is not."""
    proposal = guards.Proposal(view(site_of(2), *changes), KEY, TARGET, cause, by_person=by_person)
    veto = guards.barred(proposal)
    return veto.reason if veto else ""


def test_what_a_person_took_back_the_agent_does_not_do_again_for_a_while() -> None:
    assert barring(undone_by(PERSON)) == "undone_lately"
    assert barring(undone_by(PERSON, 4 * 3600.0)) == ""
    assert barring(undone_by(Actor())) == "", "what the agent gave back it may do again"
    assert barring(undone_by(PERSON)[:1]) == "undone_lately", "what it took back is not known any more"
    elsewhere = values_of(block(Band.GHZ_5, 157, 20))
    assert barring(undone_by(PERSON, prior=elsewhere)) == "undone_lately", "somebody had moved it since"


def test_what_a_person_took_back_binds_no_person() -> None:
    for cause, by_person in ((Cause.OPERATOR, False), (Cause.UNDO, False), (Cause.SITE_PLAN, True)):
        assert barring(undone_by(PERSON), cause, by_person=by_person) == ""
    assert barring(undone_by(PERSON), Cause.SITE_PLAN) == "undone_lately"


def test_half_a_plan_that_went_back_is_nothing_that_a_person_took_back() -> None:
    assert barring(undone_by(PERSON, reason={"code": HALF_DONE})) == ""


@pytest.mark.parametrize(
    ("state", "why"),
    [(State.MONITORING, "undone_lately"), (State.FAILED, ""), (State.ESCALATED, "")],
)
def test_only_an_undo_that_stands_bars(state: State, why: str) -> None:
    assert barring(undone_by(PERSON, state=state)) == why


def test_an_undo_that_came_to_nothing_bars_where_somebody_made_it_by_hand() -> None:
    """The radio of these tests is on 36."""
    there = undone_by(PERSON, state=State.ROLLED_BACK)
    assert barring(there) == "undone_lately"
    elsewhere = values_of(block(Band.GHZ_5, 48, 20))
    assert barring(undone_by(PERSON, state=State.ROLLED_BACK, target=elsewhere)) == ""


def test_an_undo_that_was_taken_back_bars_no_more() -> None:
    undo, made = undone_by(PERSON)
    again = replace(undo, id="again", undo_of=undo.id, prior=undo.target, target=TARGET)
    assert barring((again, undo, made)) == ""


# -- each guard alone ----------------------------------------------------------------------------------------

DFS = values_of(block(Band.GHZ_5, 52, 20))
WEATHER = values_of(block(Band.GHZ_5, 124, 20))
OTHER = RadioKey("lab/ap2/r5")


def policy(**said: object) -> SiteView:
    return view(site_of(2, policy=replace(site_of().policy, **said)))  # type: ignore[arg-type]


def able(settings: set[Setting], scope: str = "radio") -> SiteView:
    seen = view(site_of(2))
    less = replace(ABLE, settings=MappingProxyType(dict.fromkeys(settings, scope)))
    return replace(seen, radios={**seen.radios, KEY: replace(seen.radios[KEY], capabilities=less)})


def after(*changes: Change, aps: int = 2) -> SiteView:
    return view(site_of(aps), *changes)


def after_dry_run(key: RadioKey, *, target: Values, cause: Cause = Cause.SPECTRUM_SAT) -> SiteView:
    """In mode dry_run, half a minute after this was shown."""
    shown = replace(done(30.0, cause, key), state=State.EXPIRED, verdict=REHEARSED, target=target)
    site = site_of(2, policy=replace(site_of().policy, mode=Mode.DRY_RUN))
    return view(site, shown)


def many_lost() -> SiteView:
    seen = view(site_of(10))
    gone = list(seen.radios)[5:8]
    return replace(seen, radios={k: lost(v) if k in gone else v for k, v in seen.radios.items()})


def elsewhere(n: int, state: State, cause: Cause = Cause.OPERATOR) -> Change:
    return replace(done(60.0, cause, RadioKey(f"lab/ap{n}/r5")), state=state)


def deaf(seen: SiteView) -> SiteView:
    """Everybody scanned, and nobody hears anybody."""
    return replace(seen, radios={key: replace(each, scanned=True) for key, each in seen.radios.items()})


ALONE: dict[str, tuple[str, str, Callable[[], SiteView], Values]] = {
    "observe": ("mode", "observe", lambda: policy(mode=Mode.OBSERVE), TARGET),
    "not allowed to write": (
        "mode",
        "observing_only",
        lambda: replace(view(site_of(2)), observing_only="store lost"),
        TARGET,
    ),
    "paused": ("pause", "paused", lambda: replace(view(site_of(2)), paused=frozenset({KEY})), TARGET),
    "pinned": ("pinned", "pinned_in_the_site_file", lambda: view(site_of(2, pinned=True)), TARGET),
    "stale": ("stale", "reading_too_old", lambda: told(at_s=0.0), TARGET),
    "can't set": ("capability", "device_cannot_set", lambda: able({Setting.TX_POWER_DBM}), TARGET),
    "a setting of more than the radio": (
        "capability",
        "scope_not_single_radio",
        lambda: able(set(Setting), "rf_profile"),
        TARGET,
    ),
    "the law": ("regulatory", "no_rule", lambda: view(site_of(2, country="AU")), WEATHER),
    "the device's list": (
        "device_list",
        "not_on_the_devices_list",
        lambda: told(allowed_mhz=frozenset({5180})),
        TARGET,
    ),
    "radar": (
        "nop",
        "in_non_occupancy_period",
        lambda: replace(view(site_of(2)), barred_mhz=frozenset({5745})),
        TARGET,
    ),
    "site's list": ("allowed_list", "channel_not_listed", lambda: view(site_of(2, channels=(36,))), TARGET),
    "site's DFS": ("allowed_list", "no_dfs_wanted", lambda: view(site_of(2, dfs=False)), DFS),
    "country": ("country", "country_mismatch", lambda: told(country=Reported("DE", "test")), TARGET),
    "uplink": ("uplink", "carries_a_mesh_or_wds_uplink", lambda: told(uplink=True), TARGET),
    "vendor RRM": ("owner", "managed_by", lambda: told(managed_by="acs"), TARGET),
    "there already": (
        "same",
        "already_there",
        lambda: view(site_of(2)),
        values_of(block(Band.GHZ_5, 36, 20)),
    ),
    "open change": (
        "open_change",
        "open_change",
        lambda: after(replace(done(60.0, Cause.OPERATOR), state=State.PLANNED)),
        TARGET,
    ),
    "neighbour": (
        "neighbours",
        "neighbour_in_flight",
        lambda: after(elsewhere(2, State.MONITORING), aps=20),
        TARGET,
    ),
    "flight": (
        "in_flight",
        "too_many_in_flight",
        lambda: deaf(after(elsewhere(2, State.MONITORING))),
        TARGET,
    ),
    "cooldown": ("cooldown", "cooldown", lambda: after(done(5.0, Cause.OPERATOR)), TARGET),
    "quiet hours": (
        "quiet_hours",
        "cac_outside_quiet_hours",
        lambda: policy(quiet_hours=((NOON + 10, NOON + 20),)),
        DFS,
    ),
    "maintenance": (
        "maintenance",
        "people_at_work",
        lambda: policy(maintenance=(window("00:00-24:00"),)),
        TARGET,
    ),
    "change hours": (
        "change_hours",
        "outside_change_hours",
        lambda: policy(change_hours=(window("2020-01-01 00:00-24:00"),)),
        TARGET,
    ),
    "shown in a dry run": (
        "dry_run",
        "shown_lately",
        lambda: after_dry_run(KEY, target=TARGET, cause=Cause.OPERATOR),
        TARGET,
    ),
    "rejected": (
        "barred",
        "rejected_lately",
        lambda: after(
            replace(done(3600.0, Cause.OPERATOR), state=State.EXPIRED, verdict=REJECTED, target=TARGET)
        ),
        TARGET,
    ),
    "interval": ("routine_interval", "changed_lately", lambda: after(done(60.0, Cause.SECURITY)), TARGET),
    "budget": (
        "routine_budget",
        "budget_spent",
        lambda: after(*(done(3 * 86_400.0 + n, Cause.SECURITY, OTHER) for n in range(2))),
        TARGET,
    ),
    "barred": (
        "barred",
        "rolled_back_lately",
        lambda: after(replace(done(3600.0, Cause.OPERATOR), state=State.ROLLED_BACK, target=TARGET)),
        TARGET,
    ),
    "site lost": ("site_loss", "many_aps_lost", many_lost, TARGET),
}


@pytest.mark.parametrize("case", ALONE)
def test_each_guard_objects_alone_and_says_why(case: str) -> None:
    guard, reason, seen, target = ALONE[case]
    found = guards.vetoes(guards.Proposal(seen(), KEY, target, Cause.SPECTRUM_SAT))
    assert [(veto.guard, veto.reason) for veto in found] == [(guard, reason)]


def test_the_incident_budget_objects_alone() -> None:
    once = after(done(500.0, Cause.HW_FAILURE))
    (veto,) = guards.vetoes(guards.Proposal(once, KEY, TARGET, Cause.HW_FAILURE))
    assert (veto.guard, veto.reason) == ("incident_budget", "waiting")


def test_a_jammed_channel_is_left_sooner_than_a_routine_change_comes() -> None:
    lately = after(done(1900.0, Cause.SPECTRUM_SAT))
    assert names(lately) == {"routine_interval"}
    assert names(lately, Cause.SECURITY) == set()


def test_every_guard_of_the_table_has_its_case() -> None:
    told_of = {guard for guard, _, _, _ in ALONE.values()} | {"incident_budget"}
    assert guards.GUARDS.keys() <= told_of
    assert guards.GUARDS.keys() >= guards.PATIENCE
    assert set(guards.DEEDS) <= guards.GUARDS.keys()


def test_how_many_lost_aps_are_too_many_is_the_sites_to_say() -> None:
    seen = many_lost()
    patient = replace(seen.site.policy, detect=replace(seen.site.policy.detect, loss_aps=4))
    assert "site_loss" not in names(replace(seen, site=replace(seen.site, policy=patient)))
    bold = replace(seen.site.policy, detect=replace(seen.site.policy.detect, loss_ratio=0.31))
    assert "site_loss" not in names(replace(seen, site=replace(seen.site, policy=bold)))


@pytest.mark.parametrize(
    ("seen", "guard"),
    [
        (told(uplink=True), "uplink"),
        (told(managed_by="acs"), "owner"),
        (told(at_s=0.0), "stale"),
        (policy(mode=Mode.OBSERVE), "mode"),
        (policy(mode=Mode.ADVISE), "mode"),
        (many_lost(), "site_loss"),
        (policy(maintenance=(window("00:00-24:00"),)), "maintenance"),
        (replace(view(site_of(2)), barred_mhz=frozenset({5180})), "nop"),
        (after(replace(done(60.0, Cause.OPERATOR), state=State.MONITORING)), "open_change"),
    ],
)
def test_an_action_without_an_undo_asks_its_guards(seen: SiteView, guard: str) -> None:
    found = guards.deed_vetoes(guards.Proposal(seen, KEY, {Setting.ENABLED: 1}, Cause.HW_FAILURE))
    assert [veto.guard for veto in found] == [guard]


def test_an_action_on_a_sound_radio_meets_no_guard() -> None:
    on = guards.Proposal(view(site_of(2)), KEY, {Setting.ENABLED: 1}, Cause.HW_FAILURE)
    assert guards.deed_vetoes(on) == []
