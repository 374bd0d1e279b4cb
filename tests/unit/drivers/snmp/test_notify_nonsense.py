"""Traps of a proven sender whose firmware writes nonsense: a reason to poll at most, never an error."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from trap_cases import AT_S, DEVICE, R2, R5, Case, controller
from trap_cases_cisco import CISCO
from trap_cases_others import OTHERS

from drivers.notifications import Notification, Value
from drivers.signals import Gap, NopFinished
from drivers.snmp.load import shipped
from drivers.snmp.notify import Rules

RULES = {name: Rules(profile) for name, profile in shipped().items()}
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([0, 1, 2, 5, 36, 52, 100, 177]),
    st.binary(max_size=40),
    st.binary(min_size=6, max_size=6),
    st.sampled_from(["1.3.6.1", "192.0.2.1", "0.0"]),
    st.sampled_from([b"nan", b"inf", b"-1e999", b"00:17:df:a1:b2:c0"]),
)


@st.composite
def nonsense(draw: st.DrawFn) -> tuple[Case, dict[str, Value]]:
    """The variables of a known trap, each with another value, some gone, some with another index."""
    case = draw(st.sampled_from([*CISCO, *OTHERS]))
    values: dict[str, Value] = {}
    for oid, value in case.values.items():
        fate = draw(st.integers(0, 4))
        if fate == 0:
            continue
        name = oid.rpartition(".")[0] + draw(st.sampled_from([".0", ".4294967295", ".1.2.3"]))
        values[name if fate == 1 else oid] = draw(VALUES) if fate < 4 else value
    return case, values


@settings(max_examples=800, deadline=None)
@given(nonsense())
def test_nonsense_is_never_an_error_nor_about_a_radio_that_is_not_there(
    made: tuple[Case, dict[str, Value]],
) -> None:
    case, values = made
    note = Notification(at_s=AT_S, source="192.0.2.1", trap=case.trap, varbinds=values, authenticated=True)
    for signal in RULES[case.profile].signals(note, DEVICE, controller()):
        assert (signal.device, signal.at_s) == (DEVICE, AT_S)
        if not isinstance(signal, Gap | NopFinished):
            assert signal.radio in (R2, R5)
