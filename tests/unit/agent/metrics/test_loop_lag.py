"""The loop's lateness: the worst of the last minute."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from agent.metrics.loop_lag import LoopLag


class Over(Exception):
    """The story is told."""


def test_the_worst_delay_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, late_s, measured = [0.0], [0.0] * 5 + [2.5] + [0.25] * 60, []

    async def sleep(seconds: float) -> None:
        if not late_s:
            raise Over
        measured.append(lag.worst_s)
        clock[0] += seconds + late_s.pop(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: SimpleNamespace(time=lambda: clock[0]))
    lag = LoopLag()
    with pytest.raises(Over):
        lag.run().send(None)
    assert measured[5] == 0.0
    assert measured[6] == 2.5
    assert lag.worst_s == 0.25
