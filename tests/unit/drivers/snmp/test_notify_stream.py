"""How often words that prove nothing make the agent look."""

from __future__ import annotations

from drivers.signals import Gap, RadarDetected, RadioUp, Signal
from drivers.snmp.notify_stream import LOOK_S, Looks
from inventory.model import RadioKey


def gap(at_s: float = 0.0) -> Signal:
    return Gap(at_s=at_s, device="wlc")


def radar(*, proven: bool) -> Signal:
    return RadarDetected(at_s=0.0, device="wlc", mhz20=frozenset({5260}), authenticated=proven)


def test_the_first_goes_at_once_and_the_newest_of_the_rest_later() -> None:
    looks = Looks()
    assert looks.may(gap(), 0.0)
    assert looks.wait_s(0.0) is None
    assert not looks.may(gap(1.0), 1.0)
    assert not looks.may(gap(2.0), 2.0)
    assert looks.wait_s(2.0) == LOOK_S - 2.0
    assert looks.late(2.0) == ()
    assert looks.late(LOOK_S) == (gap(2.0),)
    assert looks.may(gap(2.0), LOOK_S)
    assert looks.wait_s(LOOK_S) is None
    assert looks.late(2 * LOOK_S) == ()


def test_what_is_proven_never_waits() -> None:
    looks = Looks()
    assert looks.may(radar(proven=False), 0.0)
    assert not looks.may(radar(proven=False), 0.1)
    assert looks.may(radar(proven=True), 0.1)
    assert looks.may(RadioUp(at_s=0.0, device="wlc", radio=RadioKey("a/b/c")), 0.1)
