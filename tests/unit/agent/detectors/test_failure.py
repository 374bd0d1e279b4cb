"""HW_FAILURE of one radio: down, stuck, restarting, faulty; and what only looks like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sights import (
    ME,
    NEXT,
    NOW_S,
    STEP_S,
    change_of,
    history,
    quiet,
    reading,
    sight_of,
    there,
    times,
    told,
    view_of,
)

from agent.change import State
from agent.counters import Flaw
from agent.detectors.failure import failure
from agent.detectors.sight import Finding, Presence, Sight
from agent.observation import Observation
from drivers.signals import RadioDown, RadioFault, RadioUp
from drivers.types import Action, RadioReading, RadioState, Setting

DOWN, STUCK, RESETS, FAULT = (f"{ME}:{what}" for what in ("radio_down", "stuck", "resets", "fault"))
OFF = {Setting.ENABLED: 0}
ON = {Setting.ENABLED: 1}


def look(
    observations: Sequence[Observation],
    mine: RadioReading | None = None,
    open_keys: Sequence[str] = (),
    signals: Sequence[Any] = (),
    sight: dict[str, Any] | None = None,
    **view: Any,
) -> Sequence[Finding]:
    readings = {ME: mine if mine is not None else reading()}
    given: Sight = sight_of(
        observations, view_of(readings=readings, **view), signals=signals, **(sight or {})
    )
    return failure(given, frozenset(open_keys))


def test_an_ordinary_radio_has_no_failure() -> None:
    assert look(history()) == []
    assert look(()) == []


# -- down ------------------------------------------------------------------------------------------------


def gone_off(ago_s: float, state: RadioState = RadioState.OFF) -> list[Observation]:
    """A radio that was on air until ``ago_s`` ago."""
    before = [replace(each, at_s=each.at_s - ago_s) for each in history()]
    return [*before[:-1], replace(before[-1], state=state, flaws=frozenset({Flaw.OFF_AIR}))]


def test_a_radio_that_is_off_and_nobody_ordered_it() -> None:
    finding = there(look(gone_off(120.0), reading(state=RadioState.OFF)))
    assert (finding.key, finding.severity, finding.radio) == (DOWN, "critical", ME)
    assert finding.evidence == {"what": "radio_down", "state": "off"}
    assert look(gone_off(60.0), reading(state=RadioState.OFF)) == []


def test_off_without_any_counter_is_known_later() -> None:
    """A radio that is off may report no table at all, so there is no observation of it."""
    quiet_for = [replace(each, at_s=each.at_s - 240.0) for each in history()]
    assert look(quiet_for, reading(state=RadioState.OFF)) == []
    quiet_for = [replace(each, at_s=each.at_s - 300.0) for each in history()]
    assert there(look(quiet_for, reading(state=RadioState.OFF))).key == DOWN


def test_the_devices_word_says_when() -> None:
    quiet_for = [replace(each, at_s=each.at_s - 120.0) for each in history()]
    down = RadioDown(at_s=NOW_S - 100.0, device="ap1", radio=ME)
    assert there(look(quiet_for, reading(state=RadioState.OFF), signals=[down])).key == DOWN


@pytest.mark.parametrize("state", [RadioState.CAC, RadioState.NOP])
def test_silence_that_the_law_orders_is_no_failure(state: RadioState) -> None:
    assert look(gone_off(1200.0, state), reading(state=state)) == []


def test_starting_takes_a_while() -> None:
    assert look(gone_off(500.0, RadioState.STARTING), reading(state=RadioState.STARTING)) == []
    finding = there(look(gone_off(700.0, RadioState.STARTING), reading(state=RadioState.STARTING)))
    assert finding.evidence["state"] == "starting"


def test_a_radio_that_was_never_on_air_did_not_fail() -> None:
    never = [quiet(n, state=RadioState.OFF) for n in (20, 10)]
    assert look(never, reading(state=RadioState.OFF)) == []
    assert look((), reading(state=RadioState.OFF)) == []


@pytest.mark.parametrize(
    ("state", "target", "prior", "raised"),
    [
        (State.COMMITTED, OFF, ON, False),
        (State.COMMITTED, ON, OFF, True),
        (State.ROLLED_BACK, ON, OFF, False),
        (State.ROLLED_BACK, OFF, ON, True),
        (State.APPLYING, {Setting.CHANNEL: 44}, {Setting.CHANNEL: 36}, False),
        (State.COMMITTED, {Setting.CHANNEL: 44}, {Setting.CHANNEL: 36}, True),
        (State.FAILED, OFF, ON, True),
    ],
)
def test_what_we_ordered_is_no_failure(
    state: State, target: dict[Setting, int], prior: dict[Setting, int], raised: bool
) -> None:
    change = change_of(ME, state, target=target, prior=prior)
    assert bool(look(gone_off(120.0), reading(state=RadioState.OFF), changes=(change,))) is raised


def test_a_radio_that_its_device_no_longer_tells_of() -> None:
    before = [replace(each, at_s=each.at_s - 300.0) for each in history()]
    finding = there(look(before, reading(at_s=NOW_S - 300.0)))
    assert finding.evidence["state"] == "absent"
    assert look(before, reading(at_s=NOW_S - 250.0)) == []


def test_a_radio_that_went_after_its_first_poll_failed_too() -> None:
    finding = there(look((), reading(at_s=NOW_S - 300.0)))
    assert finding.evidence["state"] == "absent"
    assert look((), reading(at_s=NOW_S - 250.0)) == []


def test_a_device_that_does_not_answer_is_another_matter() -> None:
    before = [replace(each, at_s=each.at_s - 300.0) for each in history()]
    assert look(before, reading(at_s=NOW_S - 300.0), sight={"missed": 1}) == ()
    assert look(gone_off(900.0), reading(state=RadioState.OFF), sight={"lost_at_s": NOW_S - 600.0}) == ()


def test_on_air_again() -> None:
    assert told(look(history(), open_keys=[DOWN])) == [(DOWN, Presence.OVER)]


# -- stuck -----------------------------------------------------------------------------------------------

NOTHING: dict[str, Any] = {"frames": 0, "retries": 0, "failed": 0, "bytes": 0, "tx_ratio": 0.01}


def test_clients_and_air_and_not_a_frame() -> None:
    finding = there(look(history(newest=times(3, **NOTHING))))
    assert (finding.key, finding.severity) == (STUCK, "critical")
    assert finding.evidence == {"what": "stuck", "clients": 8, "samples": 3}
    assert look(history(newest=times(2, **NOTHING))) == []


@pytest.mark.parametrize(
    "newest",
    [
        times(3, **NOTHING, client_count=0),
        times(3, **NOTHING, client_count=None),
        times(3, **{**NOTHING, "busy_ratio": None}),  # the device has renewed nothing
        times(3, **{**NOTHING, "tx_ratio": 0.15}),  # something is sent: the counter stands still
        times(3, **{**NOTHING, "frames": None}),
        [NOTHING, {**NOTHING, "flaws": frozenset({Flaw.RESET})}, NOTHING],
        [{**NOTHING, "channel": 44}, NOTHING, NOTHING],
    ],
)
def test_what_only_looks_stuck(newest: list[dict[str, Any]]) -> None:
    assert look(history(newest=newest)) == []


def test_tables_that_refresh_late_are_not_stuck() -> None:
    """Survey every 30 s, frames every 150 s: four samples in five have no frame."""
    late = [replace(each, **NOTHING) if n % 5 else each for n, each in enumerate(history())]
    for end in range(60, 70):
        shifted = [replace(each, at_s=each.at_s + (69 - end) * STEP_S) for each in late[: end + 1]]
        assert look(shifted) == []


def test_a_radio_that_never_sends_much_is_not_stuck() -> None:
    idle = [replace(each, frames=20, retries=1) for each in history()]
    assert look([*idle[:-3], *(replace(each, **NOTHING) for each in idle[-3:])]) == []
    assert look(history(count=3, newest=times(3, **NOTHING))) == []


def test_it_sends_again() -> None:
    assert told(look(history(), open_keys=[STUCK])) == [(STUCK, Presence.OVER)]
    assert look(history(newest=[{}, NOTHING]), open_keys=[STUCK]) == []


# -- resets ----------------------------------------------------------------------------------------------


def test_a_chip_that_restarts_again_and_again() -> None:
    one = {"hardware_resets": 1}
    none = {"hardware_resets": 0}
    finding = there(look(history(newest=[one, *times(8, **none), one, *times(8, **none), one])))
    assert (finding.key, finding.severity, finding.evidence["resets"]) == (RESETS, "critical", 3)
    assert there(look(history(newest=times(1, hardware_resets=5)))).evidence["resets"] == 5
    assert look(history(newest=[one, *times(8, **none), one])) == []


def test_totals_that_start_again_count_where_the_device_does_not_count() -> None:
    reset = {"flaws": frozenset({Flaw.RESET}), "frames": None}
    newest = [reset, *times(8), reset, *times(8), reset]
    assert there(look(history(newest=newest))).evidence["resets"] == 3
    counted = history(newest=[{**each, "hardware_resets": 0} for each in newest])
    assert look(counted) == []


def test_resets_of_our_own_making_do_not_count() -> None:
    reset = {"flaws": frozenset({Flaw.RESET}), "frames": None}
    newest = [reset, *times(20), reset, *times(20), reset]
    ours = change_of(
        ME, State.COMMITTED, ago_s=60.0, target={Setting.CHANNEL: 36}, prior={Setting.CHANNEL: 44}
    )
    assert look(history(newest=newest), changes=(ours,)) == []
    assert look(history(newest=newest), deeds={(ME, Action.RESTART): 60.0}) == []
    assert there(look(history(newest=newest), deeds={(ME, Action.RESTART): 3000.0}))


def test_no_reset_for_half_an_hour_is_over() -> None:
    early = [{"hardware_resets": 5}, *times(65)]
    assert told(look(history(newest=early), open_keys=[RESETS])) == [(RESETS, Presence.OVER)]
    assert there(look(history(newest=[{"hardware_resets": 5}, *times(50)]), open_keys=[RESETS]))
    assert look(history(count=20), open_keys=[RESETS]) == []


# -- fault -----------------------------------------------------------------------------------------------


def fault(ago_s: float = 60.0, **given: Any) -> RadioFault:
    return RadioFault(at_s=NOW_S - ago_s, device="ap1", radio=ME, what="firmware crashed", **given)


def test_the_device_says_that_it_is_faulty() -> None:
    finding = there(look(history(), signals=[fault()]))
    assert (finding.key, finding.severity) == (FAULT, "critical")
    assert finding.evidence == {"what": "fault", "told": "firmware crashed"}
    assert look(history(), signals=[fault(), fault(10.0, over=True)]) == []
    assert told(look(history(), open_keys=[FAULT], signals=[fault(), fault(10.0, over=True)])) == [
        (FAULT, Presence.OVER)
    ]


def test_anyone_could_have_said_it() -> None:
    finding = there(look(history(), signals=[fault(authenticated=False)]))
    assert (finding.severity, finding.confidence_ppm) == ("minor", 500_000)
    words = [fault(), fault(10.0, over=True, authenticated=False)]
    assert there(look(history(), signals=words, open_keys=[FAULT])).severity == "critical"


def test_it_works_after_a_restart() -> None:
    assert told(
        look(history(), open_keys=[FAULT], signals=[fault(300.0)], deeds={(ME, Action.RESTART): 200.0})
    ) == [(FAULT, Presence.OVER)]
    up = RadioUp(at_s=NOW_S - 200.0, device="ap1", radio=ME)
    assert told(look(history(), open_keys=[FAULT], signals=[fault(300.0), up])) == [(FAULT, Presence.OVER)]
    assert there(
        look(history(), open_keys=[FAULT], signals=[fault(300.0)], deeds={(ME, Action.RESTART): 400.0})
    )
    assert there(
        look(history(), open_keys=[FAULT], signals=[fault(300.0)], deeds={(ME, Action.RESTART): 50.0})
    )


def test_a_signal_about_another_radio() -> None:
    assert look(history(), signals=[replace(fault(), radio=NEXT)]) == []
