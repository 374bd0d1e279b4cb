"""DENSITY_SPIKE: against the usual of the hour, and against what a radio can serve."""

from __future__ import annotations

import pytest
from sights import ME, history, over, sight_of, there, times

from agent.counters import Flaw
from agent.detectors.density import density

KEY = frozenset({ME})


@pytest.mark.parametrize(
    ("clients", "usual", "raised"),
    [
        (24, 12.0, True),
        (23, 12.0, False),
        (19, 2.0, False),  # ten times the usual, but few
        (20, 2.0, True),
        (20, 0.0, True),
        (60, None, False),  # nothing is usual yet
        (100, None, True),
        (100, 90.0, True),  # full, though hardly more than usual
    ],
)
def test_raised(clients: int, usual: float | None, raised: bool) -> None:
    found = density(sight_of(history(newest=times(3, client_count=clients)), usual_clients=usual), ())
    assert bool(found) is raised
    if raised:
        finding = there(found)
        assert (finding.severity, finding.evidence["clients"]) == ("minor", clients)
        assert finding.evidence.get("usual") == (None if usual is None else usual)
        assert finding.evidence["capacity"] == 100


def test_a_moment_is_no_crowd() -> None:
    assert density(sight_of(history(newest=times(2, client_count=90)), usual_clients=10.0), ()) == ()


@pytest.mark.parametrize(
    ("clients", "usual", "cleared"),
    [
        (17, 12.0, True),
        (18, 12.0, False),
        (79, None, True),
        (80, None, False),
        (14, 0.0, True),
        (15, 0.0, False),
    ],
)
def test_cleared(clients: int, usual: float | None, cleared: bool) -> None:
    found = density(sight_of(history(newest=times(3, client_count=clients)), usual_clients=usual), KEY)
    assert bool(found) is cleared
    if cleared:
        assert over(found).evidence["clients"] == clients
    assert density(sight_of(history(newest=times(3, client_count=clients)), usual_clients=usual), ()) == ()


def test_no_client_table_no_crowd() -> None:
    assert density(sight_of(history(newest=times(70, client_count=None)), usual_clients=1.0), KEY) == ()


def test_a_reset_spoils_no_count_of_clients() -> None:
    crowd = times(3, client_count=50, flaws=frozenset({Flaw.RESET}), frames=None)
    assert there(density(sight_of(history(newest=crowd), usual_clients=10.0), ()))
