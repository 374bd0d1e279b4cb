"""The short form of `make million-events`, and its judge: it sees what it is there to see."""

from __future__ import annotations

import pytest
from storm.__main__ import summary
from storm.chapter import tell
from storm.witness import Tally

from agent.departing import Departing
from agent.late_writes import LateWrites
from agent.ledger import Ledger
from agent.memory import Memory
from agent.operator import Operator


@pytest.mark.parametrize("seed", [1, 3, 11])
def test_a_storm_loses_no_radar_breaks_no_law_and_leaves_nothing_open_or_unaudited(seed: int) -> None:
    told = tell(seed, 1500)
    wrong = [*told.lost, *told.illegal, *told.without_deadline, *told.unaudited, *told.other]
    assert not wrong, wrong[:3]
    assert told.events >= 1500


def test_the_last_line_says_it_all() -> None:
    told = Tally(radar=3, changes=4, lost=["x"])
    told.heard["reading"] = 7
    assert summary(told) == (
        "events: 7 simulated, 3 radar reports, 4 changes; lost radar 1, illegal 0, without deadline 0, "
        "unaudited 0"
    )
    assert not told.clean


def test_the_judge_sees_radar_that_no_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "bar", lambda self, nops: None)
    assert tell(3, 1500).lost


def test_the_judge_sees_radar_that_no_disk_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def bar(self: Ledger, *args: object) -> None:
        pass

    monkeypatch.setattr(Ledger, "bar", bar)
    assert tell(3, 1500).lost


def test_the_judge_sees_radar_of_which_the_report_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def bar(self: Ledger, *args: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(Ledger, "bar", bar)
    assert tell(3, 1500).lost


def test_the_judge_sees_a_write_that_the_audit_does_not_tell_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "_write", lambda self, work: work())
    assert tell(3, 1500).unaudited


@pytest.mark.parametrize(
    ("part", "name", "told"),
    [(LateWrites, "look", "loop.failed"), (Departing, "_gone", "radar.gave_up")],
    ids=["loop", "radar"],
)
def test_the_judge_sees_a_bug_that_the_daemon_contains(
    monkeypatch: pytest.MonkeyPatch, part: type, name: str, told: str
) -> None:
    async def fail(*args: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(part, name, fail)
    assert any(each.startswith(told) for each in tell(3, 1500).other)


def test_the_judge_sees_a_request_that_ends_by_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*args: object, **more: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(Operator, "inject", fail)
    assert any("KeyError: 'a bug'" in each for each in tell(3, 1500).other)
