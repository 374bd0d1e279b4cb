"""Each guard that looks at what a radio says of itself: taken out of the table, one of these goes red."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rig import site_of
from unit.agent.planner.test_guards import KEY, done, view

from agent.change import Cause, State
from agent.planner import guards
from agent.view import RadioView, SiteView, values_of
from drivers.types import Reported
from inventory.channels import block
from inventory.model import Band, Mode

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
    for scope in ("lab", "lab/ap1", KEY):
        seen = replace(view(site_of(2)), paused=frozenset({scope}))
        assert "pause" in names(seen)
        assert "pause" not in names(seen, Cause.DFS_RADAR)


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


def test_a_target_that_was_taken_back_is_barred_for_a_while() -> None:
    back = replace(done(3600.0, Cause.NON_WIFI_BURST), state=State.ROLLED_BACK, target=TARGET)
    assert "barred" in names(view(site_of(2), back))
    assert "barred" not in names(view(site_of(2), replace(back, state=State.COMMITTED)))
    assert "barred" not in names(view(site_of(2), back), Cause.OPERATOR), "a person may insist"
