"""Alerts about escalated changes: said again, less and less often, until a person has acknowledged."""

from __future__ import annotations

from unit.agent.planner.test_guards import NOW, done

from agent.alert import Alert, Alerts
from agent.change import Cause
from agent.moment import Moment

CHANGE = done(60.0, Cause.OPERATOR)


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def monotonic(self) -> float:
        return self.now().monotonic_s

    def now(self) -> Moment:
        return NOW.plus(self.at_s)


def told_at(alerts: Alerts, clock: Hands, until_s: float, *, acknowledged_s: float = 1e9) -> list[float]:
    """When something was said, looked at each minute."""
    found: list[float] = []
    alerts.sinks.append(lambda alert: found.append(clock.at_s))
    while clock.at_s <= until_s:
        alerts.look([CHANGE] if clock.at_s < acknowledged_s else [])
        clock.at_s += 60.0
    return found


def test_an_escalated_change_is_said_again_and_again() -> None:
    clock = Hands()
    alerts = Alerts(clock, (900.0, 3600.0, 86_400.0))
    alerts.escalated(CHANGE)
    day = 86_400.0
    assert told_at(alerts, clock, 2 * day + 6000.0) == [900.0, 4500.0, 4500.0 + day, 4500.0 + 2 * day]


def test_an_acknowledged_one_is_not_said_any_more() -> None:
    clock = Hands()
    alerts = Alerts(clock)
    alerts.escalated(CHANGE)
    assert told_at(alerts, clock, 90_000.0, acknowledged_s=1000.0) == [900.0]


def test_what_an_earlier_process_said_is_said_at_once_and_counted() -> None:
    clock = Hands()
    alerts, heard = Alerts(clock, (900.0,)), list[Alert]()
    alerts.sinks.append(heard.append)
    alerts.look([CHANGE])
    clock.at_s = 899.0
    alerts.look([CHANGE])
    clock.at_s = 900.0
    alerts.look([CHANGE])
    assert [(each.change_id, each.again) for each in heard] == [(CHANGE.id, 0), (CHANGE.id, 1)]


def test_without_waits_it_is_said_once() -> None:
    clock = Hands()
    alerts = Alerts(clock, ())
    alerts.escalated(CHANGE)
    assert told_at(alerts, clock, 90_000.0) == []
