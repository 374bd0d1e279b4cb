"""What is known of a setting: in force before configured, and configured only where no more is promised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.types import ConfigState, ScopeRef, Setting, Values
from inventory.model import RadioKey

KEY = RadioKey("lab/ap1/r5")
SCOPE = ScopeRef(kind="radio", name=KEY, members=(KEY,))
VALUES = st.dictionaries(st.sampled_from(Setting), st.integers(-90, 6000))
NAMES = st.frozensets(st.sampled_from(Setting))


def state(configured: Values, in_force: Values) -> ConfigState:
    return ConfigState(scope=SCOPE, configured=configured, in_force=in_force)


@given(VALUES, VALUES, NAMES)
def test_a_setting_in_force_is_always_judged_by_that(
    configured: Values, in_force: Values, only: frozenset[Setting]
) -> None:
    known = state(configured, in_force).known(only)
    assert {name: known[name] for name in in_force} == in_force


@given(VALUES, VALUES, NAMES)
def test_what_is_configured_counts_for_the_named_settings_only(
    configured: Values, in_force: Values, only: frozenset[Setting]
) -> None:
    known = state(configured, in_force).known(only)
    assert known.keys() - in_force.keys() == (configured.keys() & only) - in_force.keys()
    assert all(known[name] == configured[name] for name in known.keys() - in_force.keys())


def test_a_channel_that_a_silent_radio_would_use_proves_nothing() -> None:
    silent = state({Setting.CHANNEL: 52, Setting.OBSS_PD_DBM: -79}, {Setting.ENABLED: 0})
    assert silent.known({Setting.OBSS_PD_DBM}) == {Setting.OBSS_PD_DBM: -79, Setting.ENABLED: 0}
    assert silent.known(frozenset()) == silent.in_force
