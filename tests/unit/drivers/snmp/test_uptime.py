"""When counters started again, by the device's clock."""

from __future__ import annotations

import pytest

from drivers.snmp.questions import SYS_UP_TIME
from drivers.snmp.uptime import Uptime

BOOTS = "1.3.6.1.6.3.10.2.1.2.0"
DAY_S = 86400.0


@pytest.mark.parametrize(
    ("before", "passed_s", "after", "again"),
    [
        (1000, 30.0, 4000, False),
        (1000, 30.0, 4300, False),  # the answer took 3 s longer
        (8_640_000, 30.0, 500, True),
        (8_640_000, 30.0, 8_643_000, False),
        (2**32 - 1000, 30.0, 2000, False),  # 497 days are over
        (2**32 - 1000, DAY_S, 8_639_000, False),
        (2**32 - 1000, 30.0, 900_000, True),
        (1000, 10 * DAY_S, 2000, True),  # restarted while nobody looked: it should be at ten days
        (1000, 10 * DAY_S, 80_000_000, True),  # higher than before, and still too low
    ],
)
def test_a_clock_that_is_behind(before: int, passed_s: float, after: int, again: bool) -> None:
    first = Uptime(at_s=100.0).then(100.0, {SYS_UP_TIME: before}, ())
    then = first.then(100.0 + passed_s, {SYS_UP_TIME: after}, ())
    assert (then.epoch != first.epoch) is again


def test_what_else_tells_of_a_restart() -> None:
    first = Uptime(at_s=0.0).then(0.0, {SYS_UP_TIME: 100, BOOTS: 4}, (BOOTS,))
    assert first.epoch == 0
    same = first.then(1.0, {SYS_UP_TIME: 200, BOOTS: 4}, (BOOTS,))
    assert same.epoch == 0
    silent = same.then(2.0, {SYS_UP_TIME: 300}, (BOOTS,))
    assert silent.epoch == 0
    assert silent.then(3.0, {SYS_UP_TIME: 400, BOOTS: 5}, (BOOTS,)).epoch == 1


def test_a_device_that_tells_no_clock_never_restarted() -> None:
    assert Uptime(at_s=0.0).then(1.0, {}, ()).then(2.0, {}, ()).epoch == 0
