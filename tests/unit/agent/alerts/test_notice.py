"""An alert on its way out: its lines, its body, and the same one not twice."""

from __future__ import annotations

from dataclasses import replace

from agent.alert import Alert
from agent.alerts.notice import Folding, Notice, body, local_line, network_line
from inventory.model import RadioKey

ALERT = Alert(utc_us=1_772_409_600_000_000, site="lab", text="a change\nstays", radio=RadioKey("lab/ap1/r5"))


def test_a_line_for_the_local_syslog() -> None:
    assert local_line(Notice(alert=ALERT), 7) == b"<27>rrmd[7]: lab/ap1/r5: a change stays"


def test_a_line_for_another_host() -> None:
    notice = Notice(alert=replace(ALERT, radio=None, change_id="c1"), folded=3)
    assert network_line(notice, "srv", 7) == (
        b"<27>1 2026-03-02T00:00:00.000000Z srv rrmd 7 alert - "
        b"lab: a change stays (change c1) (3 more of the same before)"
    )


def test_a_line_has_an_end() -> None:
    assert len(Notice(alert=replace(ALERT, text="x" * 5000)).text) == 1000


def test_the_body_says_all() -> None:
    assert body(Notice(alert=ALERT, folded=1), "srv") == {
        "version": 1,
        "source": "rrmd",
        "host": "srv",
        "utc": "2026-03-02T00:00:00.000000Z",
        "site": "lab",
        "radio": "lab/ap1/r5",
        "change_id": None,
        "text": "a change\nstays",
        "folded": 1,
        "again": 0,
    }


def test_a_reminder_is_not_folded_and_says_what_to_do() -> None:
    folding = Folding(600.0)
    assert folding.admit(ALERT, 0.0) is not None
    again = folding.admit(replace(ALERT, again=2, change_id="c1"), 1.0)
    assert again is not None
    assert again.text.endswith("(change c1) (told 2 times before: `rrmd acknowledge`)")
    assert body(again, "srv")["again"] == 2


def test_the_same_is_told_once_in_a_span_and_counted() -> None:
    folding = Folding(600.0)
    assert folding.admit(ALERT, 0.0) == Notice(alert=ALERT)
    assert folding.admit(ALERT, 10.0) is None
    assert folding.admit(ALERT, 599.0) is None
    assert folding.admit(replace(ALERT, text="another"), 599.0) is not None
    assert folding.admit(ALERT, 600.0) == Notice(alert=ALERT, folded=2)
    assert folding.admit(ALERT, 1200.0) == Notice(alert=ALERT)


def test_what_got_lost_is_told_again_at_once_and_counted() -> None:
    folding = Folding(600.0)
    first = folding.admit(ALERT, 0.0)
    assert first is not None
    assert folding.admit(ALERT, 10.0) is None
    folding.lost(first)
    second = folding.admit(ALERT, 20.0)
    assert second == Notice(alert=ALERT, folded=2)
    folding.lost(second)
    assert folding.admit(ALERT, 20.0) == Notice(alert=ALERT, folded=3)
    assert folding.admit(ALERT, 30.0) is None


def test_a_later_one_on_its_way_counts_as_told_when_an_earlier_one_gets_lost() -> None:
    folding = Folding(600.0)
    early = folding.admit(ALERT, 0.0)
    assert early is not None
    assert folding.admit(ALERT, 600.0) is not None
    folding.lost(early)
    assert folding.admit(ALERT, 700.0) is None
    assert folding.admit(ALERT, 1200.0) == Notice(alert=ALERT, folded=2)


def test_a_lost_reminder_is_none_of_those_that_are_folded() -> None:
    folding = Folding(600.0)
    folding.admit(ALERT, 0.0)
    reminder = folding.admit(replace(ALERT, again=1), 1.0)
    assert reminder is not None
    folding.lost(reminder)
    assert folding.admit(ALERT, 2.0) is None
    assert folding.admit(ALERT, 600.0) == Notice(alert=ALERT, folded=1)


def test_what_is_long_over_is_forgotten() -> None:
    folding = Folding(600.0)
    for number in range(100):
        folding.admit(replace(ALERT, text=str(number)), 1200.0 * number)
    assert len(folding._out) <= 2
