"""docs/security.md: each answer to a threat names the code that gives it and the test that shows it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = [
    tuple(cell.strip() for cell in line.strip("| ").split(" | "))
    for line in PAGE.splitlines()
    if re.search(r"^\| .*`tests/", line)
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_threat_has_code_and_a_test_that_exist(row: tuple[str, ...]) -> None:
    _, answer, where, test = row
    assert answer
    found = re.fullmatch(r"`([\w/.-]+)`", where)
    assert found, where
    assert (ROOT / found[1]).is_file(), where
    named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", test)
    assert named, test
    tree = ast.parse((ROOT / named[1]).read_text())
    assert named[2] in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}, test


def test_every_threat_has_four_cells() -> None:
    tables = [line for line in PAGE.partition("## From the air")[2].splitlines() if line.startswith("| ")]
    threats = [line for line in tables if not line.startswith("| threat |")]
    assert len(threats) == len(ROWS) >= 40


def test_what_is_not_protected_is_said() -> None:
    assert len(re.findall(r"^- \*\*", PAGE.partition("## What it does not protect against")[2], re.M)) >= 10
