"""All detectors: whatever they are given, they never raise, and nothing gives no event."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sights import ME, NEXT, NOW_S, heard_as, history, reading, sight_of, view_of

from agent.counters import Flaw
from agent.detectors.sight import Finding, Presence, Sight
from agent.detectors.table import DETECTORS, SITE_DETECTORS
from agent.events import EventKind
from agent.observation import Observation
from drivers.signals import (
    AttackHeard,
    InterferenceHeard,
    RadioDown,
    RadioFault,
    RadioUp,
    RogueHeard,
    Signal,
)
from drivers.types import RadioState

OPEN = frozenset(
    {
        ME,
        f"{ME}:dead",
        f"{ME}:unreachable",
        f"{ME}:stuck",
        f"{ME}:radio_down",
        f"{ME}:resets",
        f"{ME}:fault",
        f"flood:{ME}",
        f"jamming:{ME}",
        f"attack:{ME}",
        "rogue:0a:00:00:00:00:66",
        "site_loss",
        "",
        ":",
    }
)
SEVERITIES = {"minor", "major", "critical"}


def all_findings(sight: Sight, open_keys: frozenset[str] = frozenset()) -> list[Finding]:
    found = [f for detector in DETECTORS.values() for f in detector(sight, open_keys)]
    return [*found, *(f for each in SITE_DETECTORS.values() for f in each({sight.key: sight}, open_keys))]


def test_every_kind_has_its_detector() -> None:
    assert set(DETECTORS) == set(EventKind) - {EventKind.DFS_RADAR}
    assert set(SITE_DETECTORS) <= set(DETECTORS)


def test_nothing_gives_nothing() -> None:
    blank = Observation(key=ME, at_s=NOW_S - 1.0, span_s=30.0)
    for observations in ((), history(), (blank,), (blank,) * 70):
        assert all_findings(sight_of(observations)) == []
    assert all_findings(sight_of((), view_of(readings={ME: None}, capabilities=None))) == []


ratio = st.none() | st.floats(0, 1)
count = st.none() | st.integers(0, 100_000)
macs = st.none() | st.frozensets(st.sampled_from([f"m{n}" for n in range(40)]))
observation: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "at_s": st.floats(NOW_S - 5000, NOW_S),
        "span_s": st.floats(0.001, 4000),
        "state": st.sampled_from(RadioState),
        "channel": st.sampled_from([None, 36, 44, 149]),
        "width_mhz": st.sampled_from([None, 20, 40]),
        "frames": count,
        "retries": count,
        "failed": count,
        "bytes": count,
        "tx_airtime_ms": count,
        "busy_ratio": ratio,
        "rx_ratio": ratio,
        "tx_ratio": ratio,
        "noise_dbm": st.none() | st.floats(-120, 0),
        "client_count": st.none() | st.integers(0, 300),
        "gone": macs,
        "disconnects": count,
        "hardware_resets": st.none() | st.integers(0, 9),
        "flaws": st.frozensets(st.sampled_from(Flaw), max_size=2),
    },
)
at_s = st.floats(NOW_S - 2000, NOW_S)
common = {"device": st.just("ap1"), "radio": st.sampled_from([ME, NEXT]), "at_s": at_s}
flags = {"over": st.booleans(), "authenticated": st.booleans()}
signal: st.SearchStrategy[Signal] = st.one_of(
    st.builds(InterferenceHeard, **common, **flags, duty_ratio=ratio),
    st.builds(
        RogueHeard, **common, **flags, bssid=st.just("0a:00:00:00:00:66"), channel=st.none() | st.integers()
    ),
    st.builds(AttackHeard, **common, **flags, what=st.text(max_size=80), jamming=st.booleans()),
    st.builds(RadioFault, **common, **flags, what=st.text(max_size=80)),
    st.builds(RadioDown, **common),
    st.builds(RadioUp, **common),
)
neighbour = st.builds(
    heard_as,
    st.sampled_from([ME, NEXT, "0a:00:00:00:00:66"]),
    signal_dbm=st.floats(-120, 0),
    age_s=st.floats(0, 2000),
    channel=st.integers(-5, 300),
    width_mhz=st.sampled_from([None, 20, 40, 17]),
    center_mhz=st.none() | st.integers(0, 7000),
    ssid=st.sampled_from([None, "", "corp"]),
)
mine = st.none() | st.builds(
    reading, at_s=at_s, state=st.sampled_from(RadioState), channel=st.sampled_from([36, 44])
)
loss = st.fixed_dictionaries(
    {
        "missed": st.integers(0, 9),
        "answers_otherwise": st.sampled_from([None, True, False]),
        "lost_at_s": st.none() | at_s,
        "usual_clients": st.none() | st.floats(0, 100),
    }
)


@settings(max_examples=100, deadline=None)
@given(
    newest=st.lists(observation, max_size=6),
    signals=st.lists(signal, max_size=4),
    heard=st.lists(neighbour, max_size=4),
    at=mine,
    scanned=st.none() | st.floats(0, 2000),
    given_loss=loss,
    is_open=st.booleans(),
)
def test_whatever_they_see_they_never_raise(
    newest: list[dict[str, Any]],
    signals: list[Signal],
    heard: list[Any],
    at: Any,
    scanned: float | None,
    given_loss: dict[str, Any],
    is_open: bool,
) -> None:
    view = view_of(readings={ME: at}, heard={ME: heard, NEXT: heard}, scanned_age_s=scanned)
    past = history(count=40, newest=newest)
    sight = sight_of(past, view, signals=signals, histories={NEXT: past, ME: past}, **given_loss)
    open_keys = OPEN if is_open else frozenset()
    found = all_findings(sight, open_keys)
    assert found == all_findings(sight, open_keys)
    for finding in found:
        assert finding.kind in DETECTORS
        assert finding.presence is Presence.THERE or finding.key in open_keys
        assert 0 <= finding.confidence_ppm <= 1_000_000
        assert finding.severity in SEVERITIES
        assert all(isinstance(value, (int, str)) for value in finding.evidence.values())
        assert "m1" not in str(finding.evidence.values())  # no client's address
    assert len({(f.kind, f.key) for f in found}) == len(found)


@settings(max_examples=50, deadline=None)
@given(
    missing=st.sets(
        st.sampled_from(
            sorted(
                f.name
                for f in fields(Observation)
                if f.name not in {"key", "at_s", "span_s", "state", "flaws", "told"}
            )
        )
    ),
    is_open=st.booleans(),
)
def test_a_quiet_radio_that_reports_less_has_no_event_either(missing: set[str], is_open: bool) -> None:
    newest: list[dict[str, Any]] = [dict.fromkeys(missing)] * 70
    found = all_findings(sight_of(history(newest=newest)), OPEN if is_open else frozenset())
    assert [f for f in found if f.presence is Presence.THERE] == []
