"""The verdict on a death: it sees what it is there to see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from crash.life import Play, first_life, next_life, read_image
from crash.stories import Story, held, two_aps
from crash.verdict import survive

from agent.change import Change
from agent.changes import Changes
from agent.late_writes import LateWrites
from agent.planner.decision import NoChange
from drivers.simulated import worlds

HELD = Story(name="held", tell=held, site=two_aps)


def judged(directory: Path) -> None:
    """A change that is kept, the death of the agent after it, and the verdict on the next life."""
    found: list[tuple[Play, Any]] = []

    def visit(play: Play, number: int, name: str) -> None:
        if name == "the end":
            found.append((play, read_image(directory / "first")))

    (directory / "first").mkdir()
    first_life(HELD, directory / "first", visit)
    ((play, image),) = found
    with worlds.registered("rig", play.rig.world, HELD.faults):
        next_life(play, image, directory / "next", survive)


def test_a_change_that_is_kept_survives(tmp_path: Path) -> None:
    judged(tmp_path)


def test_a_token_that_never_works_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: Changes, done: Change, *args: object, **named: object) -> NoChange:
        return NoChange(radio=done.radios[0], reason="never")

    monkeypatch.setattr(Changes, "try_undo", refuse)
    with pytest.raises(AssertionError, match="can't be taken back: not undone: never"):
        judged(tmp_path)


def test_a_bug_that_the_daemon_contains_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*args: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(LateWrites, "look", fail)
    with pytest.raises(AssertionError, match=r"loop\.failed.*a bug"):
        judged(tmp_path)
