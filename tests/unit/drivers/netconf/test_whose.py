"""When a controller is asked again whose its radios are."""

from __future__ import annotations

from drivers.netconf.whose import AGAIN_S, Whose

ONE, TWO = frozenset({("ap1", 0)}), frozenset({("ap1", 0), ("ap2", 0)})


def test_only_when_a_radio_has_come_or_gone_or_after_a_while() -> None:
    whose = Whose()
    whose.learnt(ONE, 10.0, complete=True)
    assert not whose.is_due(ONE, 11.0)
    assert whose.is_due(TWO, 11.0)
    whose.learnt(TWO, 11.0, complete=True)
    assert not whose.is_due(TWO, 10.0 + AGAIN_S)
    assert whose.is_due(ONE, 12.0), "the other one may be the only one now"
    assert whose.is_due(TWO, 11.0 + AGAIN_S), "it may have been named since"


def test_at_once_while_something_is_not_told_yet() -> None:
    whose = Whose()
    assert whose.is_due(ONE, 0.0)
    whose.learnt(ONE, 10.0, complete=False)
    assert whose.is_due(ONE, 11.0)
