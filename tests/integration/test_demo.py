"""The demo is real: its stories come out as they should, and it says so when they do not."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.cli.demo import demo
from agent.cli.failure import ExitCode, Failure
from agent.demo import hour
from agent.demo.line import Tag
from agent.demo.stories import STORIES
from drivers.simulated.faults import Fault, FaultPlan, Kind, Operation, Scripted

REFUSING = FaultPlan((Scripted(Operation.APPLY, None, Fault(Kind.REFUSED)),))
"""Devices that let nobody set anything."""

SILENT = {"PLANNED", "APPLYING"}
"""Steps on the way, of which nothing is said."""

STEP = re.compile(rf"(\d\d:\d\d:\d\d)?\s+(\S+\s+)?({'|'.join(Tag)}) {{1,3}}\S")


pytestmark = pytest.mark.timeout(400)  # an hour is ten seconds of work, and a loaded machine's minutes


def test_every_story_comes_out_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = demo(seed=1, keep=tmp_path / "kept")
    said = capsys.readouterr().out
    assert code == ExitCode.FINE, said
    records = [json.loads(line) for line in _audit(tmp_path / "kept").splitlines()]
    told = [line for line in said.splitlines() if STEP.match(line)]
    assert all(len(line) <= 100 for line in said.splitlines() if str(tmp_path) not in line)
    assert len(told) >= len([r for r in records if r["kind"] != "system" and r["to_state"] not in SILENT])
    assert all(story.title in said for story in STORIES)
    assert f"ok: {len(records)} records" in said, "what `rrmd audit verify` prints"
    assert "NOT" not in said
    assert "\x1b" not in said, "colours are for terminals"


def _audit(directory: Path) -> str:
    (file,) = (directory / "audit").glob("*.jsonl")
    return file.read_text()


def test_a_broken_expectation_is_told_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hour, "run", partial(hour.run, faults=REFUSING))
    code = demo(seed=1, keep=None, as_json=True)
    (line,) = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    assert code == ExitCode.REFUSED
    assert found.keys() == {"stories", "audit"}
    assert [story["name"] for story in found["stories"]] == [story.name for story in STORIES]
    assert all(story.keys() == {"name", "expected", "got", "ok"} for story in found["stories"])
    ok = {story["name"]: story["ok"] for story in found["stories"]}
    assert ok["radar"], "the AP leaves by itself"
    assert not ok["worse"], "nothing was changed, so nothing was taken back"
    assert found["audit"]["intact"]


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(Failure, match="not empty"):
        demo(seed=1, keep=tmp_path)
