"""What is done about each kind of event, action by action in the order of the table in docs/decisions.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from rig import site_of
from unit.agent.planner.test_channel import ABLE, NOW, bssid, heard, pending, view

from agent.airtime import ChannelAir
from agent.change import Cause, Change, State
from agent.events import Event, EventKind
from agent.planner import matrix
from agent.planner.decision import Answer, Deed, Move, NoChange, TakeBack
from agent.view import RadioView, SiteView
from drivers.types import (
    Action,
    BssReading,
    Capabilities,
    ClientReading,
    NeighborReading,
    RadioState,
    Reported,
    Setting,
)
from inventory.model import Mode, Policy, RadioKey, Site

K = EventKind
ALL_ABLE = replace(
    ABLE,
    settings=MappingProxyType(dict.fromkeys(Setting, "radio")),
    actions=frozenset(Action),
    obss_pd_acts=True,
)


def event(kind: EventKind, radio: RadioKey | None, **said: object) -> Event:
    evidence = {name: value for name, value in said.items() if name not in ("severity", "confidence_ppm")}
    confidence = said.get("confidence_ppm", 1_000_000)
    assert isinstance(confidence, int)
    return Event(
        id="event-1",
        site="lab",
        kind=kind,
        key=str(radio),
        radio=radio,
        severity=str(said.get("severity", "major")),
        confidence_ppm=confidence,
        raised_utc_us=NOW.utc_us,
        evidence=evidence,
    )


def site(aps: int = 3, **policy: object) -> Site:
    changed: Policy = replace(site_of().policy, **policy)  # type: ignore[arg-type]
    return site_of(aps, policy=changed, channels=(36, 40, 44, 48, 149), widths=(20, 40))


def seen_by(of: Site, ears: tuple[NeighborReading, ...] = (), able: Capabilities = ALL_ABLE) -> SiteView:
    """All radios on 36, with clients of their own, hearing each other and these BSSs."""
    found = view(of, ears)
    radios = {key: served(replace(at, capabilities=able)) for key, at in found.radios.items()}
    return replace(found, radios=radios)


def served(at: RadioView, clients: int = 4) -> RadioView:
    assert at.reading is not None
    mine = bssid(at.key)
    reading = replace(
        at.reading,
        bss=(BssReading(bssid=mine, ssid="office"),),
        tx_power_dbm=Reported(17.0, "test"),
        obss_pd_dbm=Reported(-82, "test"),
        clients=tuple(
            ClientReading(mac=f"c{n}", bssid=mine, signal_dbm=-50.0 - n, max_width_mhz=80)
            for n in range(clients)
        ),
    )
    return replace(at, reading=reading)


def changed(seen: SiteView, key: RadioKey, **said: object) -> SiteView:
    """The site with one radio's view changed."""
    at = replace(seen.radios[key], **said)  # type: ignore[arg-type]
    return replace(seen, radios={**seen.radios, key: at})


def said(seen: SiteView, key: RadioKey, **told: object) -> SiteView:
    """The site with one radio's reading changed."""
    reading = seen.radios[key].reading
    assert reading is not None
    return changed(seen, key, reading=replace(reading, **told))  # type: ignore[arg-type]


def kinds(answers: tuple[Answer, ...]) -> list[str]:
    return [type(each).__name__ for each in answers]


def reasons(answers: tuple[Answer, ...]) -> list[str]:
    return [each.reason for each in answers]


def past(key: RadioKey, age_s: float, **said: object) -> Change:
    change = replace(pending(key, {Setting.CHANNEL: 36}), state=State.COMMITTED, cause=Cause.SPECTRUM_SAT)
    made = NOW.utc_us - round(age_s * 1e6)
    return replace(change, created_utc_us=made, **said)  # type: ignore[arg-type]


ONE, TWO, THREE = (RadioKey(f"lab/ap{n}/r5") for n in (1, 2, 3))
CROWD = tuple(heard(36, -50.0, n) for n in range(1, 6))


def test_a_proposal_is_withdrawn_when_its_event_is_over() -> None:
    over = event(EventKind.SPECTRUM_SAT, ONE)
    proposed = replace(pending(ONE, {Setting.CHANNEL: 149}), state=State.PROPOSED, event_id=over.id)
    others = (
        replace(proposed, id="of another event", event_id="other"),
        replace(proposed, id="approved", state=State.MONITORING),
    )
    seen = replace(seen_by(site()), changes=(proposed, *others))
    (withdrawn,) = matrix.over(seen, over)
    assert isinstance(withdrawn, TakeBack)
    assert withdrawn.change_id == proposed.id


def test_every_kind_has_an_answer_and_nothing_to_give_back_but_power() -> None:
    for kind in EventKind:
        answers = matrix.answer(seen_by(site(), CROWD), event(kind, ONE, what="rogue"))
        assert answers, kind
        assert matrix.over(seen_by(site()), event(kind, ONE)) == ()


@pytest.mark.parametrize("kind", list(EventKind))
def test_an_event_of_the_site_moves_no_radio(kind: EventKind) -> None:
    answers = matrix.answer(seen_by(site(), CROWD), event(kind, None, what="site_loss"))
    assert answers
    assert not {"Move", "TakeBack"} & set(kinds(answers))


# -- NON_WIFI_BURST ------------------------------------------------------------------------------------------


def test_interference_is_left_for_a_better_channel() -> None:
    seen = hit(seen_by(site()), {5180: 0.8})
    (move,) = matrix.answer(seen, event(K.NON_WIFI_BURST, ONE))
    assert isinstance(move, Move)
    assert (move.cause, move.target[Setting.CHANNEL] != 36) == (Cause.NON_WIFI_BURST, True)


@pytest.mark.parametrize("scope", ["band", "rf_profile", "device"])
def test_a_channel_that_is_not_the_radios_own_is_left_alone(scope: str) -> None:
    """What one edit would move with it nobody looked at: no change, and the reason says so."""
    able = replace(ALL_ABLE, settings=MappingProxyType({**ALL_ABLE.settings, Setting.CHANNEL: scope}))
    for kind in (K.NON_WIFI_BURST, K.DFS_RADAR):
        seen = hit(seen_by(site(), able=able), {5180: 0.8})
        (none,) = matrix.answer(seen, event(kind, ONE))
        assert isinstance(none, NoChange)
        assert [(veto.guard, veto.reason) for veto in none.vetoes] == [
            ("capability", "scope_not_single_radio")
        ]
        assert none.vetoes[0].params == {"setting": "channel", "scope": scope}


def test_a_doubtful_burst_moves_nothing_and_calls_nobody() -> None:
    seen = hit(seen_by(site()), {5180: 0.8})
    doubtful = event(K.NON_WIFI_BURST, ONE, confidence_ppm=799_999)
    assert reasons(matrix.answer(seen, doubtful)) == ["low_confidence"]
    severe = matrix.answer(seen, replace(doubtful, severity="critical"))
    assert kinds(severe) == ["Deed", "NoChange"]


def test_where_all_channels_are_hit_nothing_is_changed() -> None:
    everywhere = dict.fromkeys((5180, 5200, 5220, 5240, 5745), 0.8)
    (none,) = matrix.answer(hit(seen_by(site()), everywhere), event(K.NON_WIFI_BURST, ONE))
    assert isinstance(none, NoChange)
    assert none.reason == "all_candidates_hit"


def hit(seen: SiteView, duty: Mapping[int, float], key: RadioKey = ONE) -> SiteView:
    """The site with one radio having measured so much on these channels that is not Wi-Fi."""
    measured = {
        mhz: ChannelAir(listened_ms=30_000, busy=share, rx=0.0, tx=0.0, age_s=20.0)
        for mhz, share in duty.items()
    }
    return changed(seen, key, air=measured)


# -- SPECTRUM_SAT --------------------------------------------------------------------------------------------


def test_own_load_is_told_and_steered_and_moves_nothing() -> None:
    seen = changed(seen_by(site()), TWO, reading=served(seen_by(site()).radios[TWO], 1).reading)
    answers = matrix.answer(seen, event(K.SPECTRUM_SAT, ONE, own_ppm=600_000, foreign_ppm=500_000))
    assert kinds(answers) == ["Deed", "Deed"]
    alert, hint = answers
    assert isinstance(alert, Deed)
    assert isinstance(hint, Deed)
    assert (alert.request, bool(alert.text)) == (None, True)
    assert hint.request is not None
    assert (hint.request.action, hint.request.clients) == (Action.STEER, ("c3",)), "the weakest, a quarter"
    assert hint.request.to_bssids == (bssid(TWO),), "the other one has as many clients"


def test_own_load_without_a_way_to_steer_is_told_and_the_next_action_tried() -> None:
    dumb = seen_by(site(), CROWD, replace(ALL_ABLE, actions=frozenset()))
    answers = matrix.answer(dumb, event(K.SPECTRUM_SAT, ONE, own_ppm=500_000, foreign_ppm=400_000))
    assert kinds(answers) == ["Deed", "Move"]
    answers = matrix.answer(dumb, event(K.SPECTRUM_SAT, ONE, own_ppm=500_000, foreign_ppm=399_999))
    assert reasons(answers)[:2] == ["alert_spectrum_sat", "device_cannot_steer"]
    assert "Move" not in kinds(answers)


def test_foreign_load_is_left() -> None:
    (move,) = matrix.answer(seen_by(site(), CROWD), event(K.SPECTRUM_SAT, ONE, foreign_ppm=400_000))
    assert isinstance(move, Move)
    assert move.reason == "leave_interference"
    gained = move.params["gain_ppm"]
    assert isinstance(gained, int)
    assert gained >= 300_000


def test_overlapped_secondary_channels_are_given_up() -> None:
    of = site()
    seen = seen_by(of, tuple(heard(40, -50.0, n) for n in range(1, 6)))
    seen = said(seen, ONE, width_mhz=Reported(40, "test"), center_mhz=Reported(5190, "test"))
    (move,) = matrix.answer(seen, event(K.SPECTRUM_SAT, ONE, foreign_ppm=100_000))
    assert isinstance(move, Move)
    assert move.reason == "give_up_overlapped_secondary_channels"
    assert (move.target[Setting.CHANNEL], move.target[Setting.WIDTH_MHZ]) == (36, 20)


def test_obss_pd_is_the_last_resort() -> None:
    faint = tuple(heard(36, -81.0, n) for n in range(1, 30))
    (move,) = matrix.answer(alone(faint), event(K.SPECTRUM_SAT, ONE))
    assert isinstance(move, Move)
    assert dict(move.target) == {Setting.OBSS_PD_DBM: -79}


def alone(ears: tuple[NeighborReading, ...]) -> SiteView:
    """One radio that knows only itself and these BSSs, with little power."""
    seen = seen_by(site(1), ears)
    return said(seen, ONE, tx_power_dbm=Reported(15.0, "test"))


def test_nothing_that_pays_is_told_action_by_action() -> None:
    quiet = ChannelAir(listened_ms=30_000, busy=0.1, rx=0.1, tx=0.0)
    seen = changed(alone((heard(44, -90.0),)), ONE, air={5180: quiet})
    answers = matrix.answer(seen, event(K.SPECTRUM_SAT, ONE, foreign_ppm=900_000))
    assert kinds(answers) == ["NoChange"] * 3
    assert reasons(answers) == ["gain_too_small", "as_narrow_as_can_be", "gain_too_small"]


# -- DENSITY_SPIKE -------------------------------------------------------------------------------------------


def test_a_crowd_is_spread_by_hints() -> None:
    seen = changed(seen_by(site()), TWO, reading=served(seen_by(site()).radios[TWO], 0).reading)
    (hint,) = matrix.answer(seen, event(K.DENSITY_SPIKE, ONE))
    assert isinstance(hint, Deed)
    assert hint.reason == "steer_clients"


@pytest.mark.parametrize(
    ("hours", "last"),
    [((), "site_names_no_quiet_hours"), (((0, 1),), "only_in_quiet_hours")],
)
def test_a_crowd_changes_channels_only_in_quiet_hours(hours: tuple[tuple[int, int], ...], last: str) -> None:
    seen = seen_by(site(quiet_hours=hours), CROWD, replace(ALL_ABLE, actions=frozenset()))
    answers = matrix.answer(seen, event(K.DENSITY_SPIKE, ONE))
    assert reasons(answers) == ["device_cannot_steer", last]
    quiet = seen_by(site(quiet_hours=((0, 1439),)), CROWD, replace(ALL_ABLE, actions=frozenset()))
    (move,) = matrix.answer(quiet, event(K.DENSITY_SPIKE, ONE))
    assert isinstance(move, Move)
    assert move.cause is Cause.DENSITY_SPIKE


# -- HW_FAILURE ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["radio_down", "stuck", "fault", "resets"])
def test_a_failed_radio_is_told_and_restarted_once_an_hour(what: str) -> None:
    seen, failed = seen_by(site()), event(K.HW_FAILURE, ONE, what=what)
    alert, restart = matrix.answer(seen, failed)
    assert isinstance(alert, Deed)
    assert what in alert.text
    assert isinstance(restart, Deed)
    assert restart.request is not None
    assert (restart.request.action, restart.request.radio) == (Action.RESTART, ONE)
    lately = replace(seen, deeds={(ONE, Action.RESTART): 3599.0})
    assert reasons(matrix.answer(lately, failed))[1:] == ["restarted_lately"]
    long_ago = replace(seen, deeds={(ONE, Action.RESTART): 3600.0, (TWO, Action.RESTART): 1.0})
    assert kinds(matrix.answer(long_ago, failed)) == ["Deed", "Deed"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"reading": None}, "device_does_not_answer"),
        ({"capabilities": replace(ALL_ABLE, actions=frozenset())}, "device_cannot_restart_a_radio"),
    ],
)
def test_a_radio_that_cannot_be_restarted_is_only_told(spoil: dict[str, object], reason: str) -> None:
    seen = changed(seen_by(site()), ONE, **spoil)
    assert reasons(matrix.answer(seen, event(K.HW_FAILURE, ONE, what="stuck")))[1:] == [reason]


def test_a_radio_silent_by_radar_rules_is_not_restarted() -> None:
    seen = said(seen_by(site()), ONE, state=RadioState.NOP)
    answers = matrix.answer(seen, event(K.HW_FAILURE, ONE, what="radio_down"))
    assert reasons(answers)[1:] == ["silent_because_of_radar_rules"]


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.ADVISE])
def test_actions_without_an_undo_are_done_in_act_mode_only(mode: Mode) -> None:
    seen = seen_by(site(mode=mode))
    answers = matrix.answer(seen, event(K.HW_FAILURE, ONE, what="stuck"))
    assert (kinds(answers), answers[1].reason) == (["Deed", "NoChange"], "vetoed")
    assert isinstance(answers[1], NoChange)
    assert answers[1].vetoes[0].guard == "mode"


def test_a_radio_is_not_restarted_onto_a_barred_channel() -> None:
    seen = replace(seen_by(site()), barred_mhz=frozenset({5180}))
    (_, none) = matrix.answer(seen, event(K.HW_FAILURE, ONE, what="stuck"))
    assert isinstance(none, NoChange)
    assert none.params["guard"] == "nop"


def test_an_unreachable_ap_is_only_told() -> None:
    answers = matrix.answer(dead(), event(K.HW_FAILURE, ONE, what="unreachable"))
    assert reasons(answers) == ["alert_hw_failure", "unreachable_is_not_dead"]


def dead(aps: int = 4) -> SiteView:
    """The first AP is gone; the others heard it at -40 dBm, and nothing since."""
    return changed(seen_by(site(aps)), ONE, reading=None)


def test_neighbours_of_a_dead_ap_raise_their_power_one_after_the_other() -> None:
    answers = matrix.answer(dead(), event(K.HW_FAILURE, ONE, what="dead"))
    moves = [each for each in answers if isinstance(each, Move)]
    held = [each for each in answers if isinstance(each, NoChange)]
    assert [(m.radio, dict(m.target), m.cause) for m in moves] == [
        (TWO, {Setting.TX_POWER_DBM: 20}, Cause.HW_FAILURE)
    ]
    assert {each.params["guard"] for each in held} == {"neighbours"}, "they hear each other"


def test_one_neighbour_alone_does_not_prove_a_death() -> None:
    answers = matrix.answer(dead(2), event(K.HW_FAILURE, ONE, what="dead"))
    assert reasons(answers) == ["alert_hw_failure", "too_few_neighbours_heard_it"]


def test_nobody_helps_while_many_aps_are_lost() -> None:
    seen = dead(6)
    for key in (TWO, THREE):
        seen = changed(seen, key, reading=None)
    answers = matrix.answer(seen, event(K.HW_FAILURE, ONE, what="dead"))
    assert not [each for each in answers if isinstance(each, Move)]
    assert {each.params["guard"] for each in answers[1:] if isinstance(each, NoChange)} == {"site_loss"}


def test_a_lost_site_is_told_once_and_left_alone() -> None:
    answers = matrix.answer(dead(), event(K.HW_FAILURE, None, what="site_loss"))
    assert reasons(answers) == ["alert_hw_failure", "hands_off"]


# -- SECURITY ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["rogue", "impersonation", "flood", "attack"])
def test_nothing_is_done_to_others_but_to_tell(what: str) -> None:
    answers = matrix.answer(seen_by(site(), CROWD), event(K.SECURITY, ONE, what=what))
    assert kinds(answers) == ["Deed"]
    assert isinstance(answers[0], Deed)
    assert answers[0].request is None


def test_a_jammed_channel_is_left_at_most_once_in_half_an_hour() -> None:
    seen, jammed = seen_by(site()), event(K.SECURITY, ONE, what="jamming")
    alert, move = matrix.answer(seen, jammed)
    assert isinstance(alert, Deed)
    assert isinstance(move, Move)
    assert (move.cause, move.target[Setting.CHANNEL] != 36) == (Cause.SECURITY, True)
    lately = replace(seen, changes=(past(ONE, 1799.0, cause=Cause.SECURITY),))
    assert reasons(matrix.answer(lately, jammed)) == ["alert_security", "left_a_jammed_channel_lately"]
    ahead = replace(seen, changes=(past(ONE, -1e8, cause=Cause.SECURITY),))
    assert "left_a_jammed_channel_lately" not in reasons(matrix.answer(ahead, jammed))
    other = replace(seen, changes=(past(TWO, 1799.0, cause=Cause.SECURITY),))
    assert "left_a_jammed_channel_lately" not in reasons(matrix.answer(other, jammed))


# -- EMERGENCY_QOE -------------------------------------------------------------------------------------------


def test_the_open_change_of_a_suffering_radio_is_taken_back() -> None:
    seen = replace(seen_by(site()), changes=(past(ONE, 9e9, state=State.MONITORING, id="open"),))
    (back,) = matrix.answer(seen, event(K.EMERGENCY_QOE, ONE))
    assert isinstance(back, TakeBack)
    assert (back.radio, back.change_id) == (ONE, "open")


@pytest.mark.parametrize(
    ("change", "taken_back"),
    [
        (past(ONE, 3599.0), True),
        (past(ONE, 3600.0), False),
        (past(TWO, 60.0), False),
        (past(ONE, 60.0, state=State.ROLLED_BACK), False),
        (past(ONE, 60.0, cause=Cause.UNDO, undo_of="x"), False),
        (past(ONE, 60.0, cause=Cause.DFS_RADAR), False),
        (past(ONE, 60.0, state=State.PROPOSED), False),
    ],
)
def test_only_the_last_young_change_of_that_radio_is_taken_back(change: Change, taken_back: bool) -> None:
    seen = replace(seen_by(site()), changes=(change,))
    answers = matrix.answer(seen, event(K.EMERGENCY_QOE, ONE))
    assert ("TakeBack" in kinds(answers)) is taken_back


@pytest.mark.parametrize(
    ("target", "taken_back"),
    [
        ({Setting.CHANNEL: 36, Setting.TX_POWER_DBM: 17}, True),
        ({Setting.CHANNEL: 149}, False),
        ({Setting.CHANNEL: 36, Setting.TX_POWER_DBM: 14}, False),
        ({Setting.ENABLED: 1}, True),
    ],
    ids=["in force", "moved since", "another power since", "not told"],
)
def test_a_change_that_somebody_has_replaced_since_is_not_to_blame(
    target: Mapping[Setting, int], taken_back: bool
) -> None:
    """The radio reports channel 36 and 17 dBm."""
    seen = replace(seen_by(site()), changes=(past(ONE, 60.0, target=target),))
    answers = matrix.answer(seen, event(K.EMERGENCY_QOE, ONE))
    assert ("TakeBack" in kinds(answers)) is taken_back
    still_open = replace(seen, changes=(past(ONE, 60.0, target=target, state=State.MONITORING),))
    assert kinds(matrix.answer(still_open, event(K.EMERGENCY_QOE, ONE))) == ["TakeBack"]


def test_a_change_before_an_undo_is_not_to_blame() -> None:
    undo, before = past(ONE, 60.0, cause=Cause.UNDO, id="u"), past(ONE, 900.0, id="b")
    seen = replace(seen_by(site()), changes=(undo, before))
    assert "TakeBack" not in kinds(matrix.answer(seen, event(K.EMERGENCY_QOE, ONE)))


def test_what_is_being_taken_back_is_waited_for() -> None:
    seen = replace(seen_by(site()), changes=(past(ONE, 60.0, state=State.ROLLING_BACK),))
    assert reasons(matrix.answer(seen, event(K.EMERGENCY_QOE, ONE))) == ["being_taken_back"]


def test_without_a_change_to_blame_it_is_treated_as_saturated() -> None:
    (move,) = matrix.answer(seen_by(site(), CROWD), event(K.EMERGENCY_QOE, ONE, foreign_ppm=500_000))
    assert isinstance(move, Move)
    assert move.cause is Cause.EMERGENCY_QOE


@pytest.mark.parametrize(("kind", "what"), [(K.HW_FAILURE, "fault"), (K.SECURITY, "jamming")])
def test_what_anyone_could_have_said_moves_no_radio(kind: EventKind, what: str) -> None:
    seen = seen_by(site())
    assert any(
        isinstance(each, (Move, Deed)) and each.reason in ("restart_radio", "leave_interference")
        for each in matrix.answer(seen, event(kind, ONE, what=what))
    )
    forged = event(kind, ONE, what=what, severity="minor", confidence_ppm=500_000)
    answers = matrix.answer(seen, forged)
    assert kinds(answers) == ["Deed", "NoChange"]
    assert reasons(answers)[1] == "low_confidence"
