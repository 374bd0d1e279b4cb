"""The rows of the fault matrix: a part of them here, all with `make fault-matrix` (or RRMD_LONG=1)."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from faults import run
from faults.case import Case
from faults.matrix import CASES, ELSEWHERE, OPERATIONS, UNAPPLIED
from faults.scene import tell

ROOT = Path(__file__).parents[2]
EVERY = 1 if os.environ.get("RRMD_LONG") == "1" else 8


@pytest.mark.parametrize("case", CASES[::EVERY], ids=lambda case: case.id)
def test_the_fault_ends_as_stated(case: Case, tmp_path: Path) -> None:
    tell(case, tmp_path)


def test_each_row_has_a_name_and_a_place_of_its_own() -> None:
    assert [id for id, n in Counter(case.id for case in CASES).items() if n > 1] == []
    assert {o.operation for rows in (CASES, ELSEWHERE, UNAPPLIED) for o in rows} == set(OPERATIONS)


def test_a_fault_that_another_test_tries_is_tried_there() -> None:
    for row in ELSEWHERE:
        path, _, name = row.test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), row.test


def test_the_last_line_tells_when_one_is_not_as_stated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"apply/refusal/write": None, "apply/time-out/write": "AssertionError"}
    monkeypatch.setattr(run, "results", lambda names: ((name, told[name]) for name in names))
    assert run.main(["apply/refusal/write", "apply/time-out/write"]) == 1
    assert capsys.readouterr().out == "faults: 2 tried, 1 as stated\n"
    assert run.main(["apply/refusal/write"]) == 0
    assert run.main(["no such fault"]) == 1
