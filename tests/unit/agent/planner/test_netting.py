"""What takes a period back: one change per radio, and nothing of what was undone or is somebody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.agent.planner.test_guards import KEY, NOW, done

from agent.change import OVERTAKEN, Cause, Change, State
from agent.planner.netting import netted
from agent.view import values_of
from drivers.types import Setting, Values
from inventory.channels import block
from inventory.model import Band, RadioKey

OTHER = RadioKey("lab/ap2/r5")


def at(channel: int) -> Values:
    return values_of(block(Band.GHZ_5, channel, 20))


def moved(age_s: float, came: int, went: int, key: RadioKey = KEY, **more: object) -> Change:
    made = replace(done(age_s, Cause.OPERATOR, key), prior=at(came), target=at(went))
    return replace(made, **more)  # type: ignore[arg-type]


def ids(changes: list[Change], since_s: float = 7200.0) -> dict[RadioKey, tuple[tuple[str, ...], int]]:
    """Radio -> what is taken back, and to which channel."""
    found = netted(changes, NOW.utc_us - round(since_s * 1e6), NOW.utc_us)
    return {
        each.radio: (tuple(c.id for c in each.changes), each.to.get(Setting.CHANNEL, 0)) for each in found
    }


FIRST, SECOND = moved(3000.0, 36, 40), moved(2000.0, 40, 44)


def test_two_steps_are_taken_back_in_one() -> None:
    assert ids([FIRST, SECOND]) == {KEY: ((SECOND.id, FIRST.id), 36)}
    assert ids([FIRST, SECOND], since_s=2500.0) == {KEY: ((SECOND.id,), 40)}


def test_each_setting_goes_back_to_its_own_oldest_value() -> None:
    quieter = replace(
        moved(1000.0, 44, 44), prior={Setting.TX_POWER_DBM: 20}, target={Setting.TX_POWER_DBM: 14}
    )
    (found,) = netted([FIRST, quieter], 0, NOW.utc_us)
    assert found.whole.id == FIRST.id
    assert found.to == {**at(36), Setting.TX_POWER_DBM: 20}
    assert found.whole.target == {**at(40), Setting.TX_POWER_DBM: 14}


def test_the_radio_that_was_changed_last_goes_first() -> None:
    later = moved(500.0, 149, 153, OTHER)
    found = netted([FIRST, later], 0, NOW.utc_us)
    assert [each.radio for each in found] == [OTHER, KEY]


@pytest.mark.parametrize("state", [State.ROLLED_BACK, State.FAILED, State.EXPIRED, State.PROPOSED])
def test_what_is_not_in_force_is_left_out(state: State) -> None:
    assert ids([replace(FIRST, state=state)]) == {}


def test_what_was_undone_is_left_out_with_all_that_came_between() -> None:
    undo = moved(1000.0, 44, 36, undo_of=FIRST.id)
    assert ids([FIRST, SECOND, undo]) == {}
    after = moved(500.0, 36, 48)
    assert ids([FIRST, SECOND, undo, after]) == {KEY: ((after.id,), 36)}
    assert ids([FIRST, SECOND, replace(undo, undo_of=SECOND.id)]) == {KEY: ((FIRST.id,), 36)}
    failed = replace(undo, state=State.FAILED)
    assert ids([FIRST, SECOND, failed]) == {KEY: ((SECOND.id, FIRST.id), 36)}


def test_an_undo_that_was_undone_takes_nothing_back() -> None:
    undo = moved(1500.0, 44, 36, undo_of=FIRST.id)
    redo = moved(1000.0, 36, 44, undo_of=undo.id)
    assert ids([FIRST, SECOND, undo, redo]) == {KEY: ((SECOND.id, FIRST.id), 36)}
    assert ids([FIRST, SECOND, undo, redo, moved(500.0, 44, 36, undo_of=redo.id)]) == {}


def test_what_is_older_than_somebody_elses_or_radars_move_is_left_alone() -> None:
    theirs = moved(1000.0, 44, 48, state=State.SUPERSEDED, rev=3)
    assert ids([FIRST, SECOND, theirs]) == {}
    assert ids([FIRST, SECOND, replace(theirs, rev=1, verdict=OVERTAKEN)]) == {}
    radar = moved(1000.0, 44, 149, cause=Cause.DFS_RADAR)
    assert ids([FIRST, SECOND, radar]) == {}
    after = moved(500.0, 149, 153)
    assert ids([FIRST, radar, after]) == {KEY: ((after.id,), 149)}


def test_what_radar_ended_before_anything_was_sent_hides_nothing() -> None:
    unsent = moved(1000.0, 44, 60, state=State.SUPERSEDED, rev=1)
    assert ids([FIRST, SECOND, unsent]) == {KEY: ((SECOND.id, FIRST.id), 36)}


def louder(age_s: float, came: int, went: int, undo_of: str | None = None) -> Change:
    values = {Setting.TX_POWER_DBM: came}, {Setting.TX_POWER_DBM: went}
    return replace(moved(age_s, 36, 36), prior=values[0], target=values[1], undo_of=undo_of)


@pytest.mark.parametrize("since_s", [7200.0, 2500.0])
def test_an_undo_hides_nothing_of_other_settings(since_s: float) -> None:
    """Power was lent, within the period or before it, and given back; the move in between is still there."""
    lent, back = louder(3000.0, 17, 20), louder(1000.0, 20, 17, undo_of=louder(3000.0, 17, 20).id)
    assert ids([lent, SECOND, back], since_s) == {KEY: ((SECOND.id,), 40)}


def test_of_what_was_undone_in_part_the_rest_is_taken_back() -> None:
    power = {Setting.TX_POWER_DBM: 17}
    both = replace(SECOND, prior={**SECOND.prior, **power}, target={**SECOND.target, **power})
    lent, back = louder(3000.0, 17, 20), louder(1000.0, 20, 17, undo_of=louder(3000.0, 17, 20).id)
    (found,) = netted([lent, both, back], 0, NOW.utc_us)
    assert (found.to, found.whole.target) == (at(40), at(44))


def test_an_undo_hides_all_of_what_it_takes_back_whatever_it_had_to_write() -> None:
    woken = replace(SECOND, prior={Setting.ENABLED: 0}, target={**SECOND.target, Setting.ENABLED: 1})
    silent = moved(1000.0, 44, 44, prior={Setting.ENABLED: 1}, target={Setting.ENABLED: 0}, undo_of=woken.id)
    assert ids([FIRST, woken, silent]) == {KEY: ((FIRST.id,), 36)}


def test_what_was_there_when_it_was_asked_counts_though_the_clock_was_set_back() -> None:
    ahead = moved(-1800.0, 36, 40)
    assert ids([ahead]) == {}, "made since"
    (found,) = netted([ahead], NOW.utc_us, NOW.utc_us, {ahead.id})
    assert found.changes == (ahead,)
