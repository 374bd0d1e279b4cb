"""The rows say what was reached, and what against; tables and plot are made of them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import plan
from benchmarks.plan_plot import plot
from benchmarks.plan_rows import BUDGETS, OURS, Effort, Row, rows
from benchmarks.plan_sites import Kind
from benchmarks.plan_table import SOLVERS, table
from inventory.model import Band

FOUND = rows(
    Kind(radios=6, band=Band.GHZ_6, widths_mhz=(80,), country="DE"),
    Effort(ours_s=5.0, proof_s=20.0, curve=True),
)
"""So small a site that both the search and the proof end by themselves."""


def test_every_solver_has_a_row_for_every_budget() -> None:
    assert {(row.solver, row.budget) for row in FOUND} == {(s, b) for s in SOLVERS for b in BUDGETS}


def test_a_row_has_what_its_reader_looks_for() -> None:
    wanted = {"site", "radios", "width_mhz", "solver", "value", "bound", "gap_ratio", "moves", "seconds"}
    for row in json.loads(json.dumps([row.as_json() for row in FOUND])):
        assert wanted <= row.keys()
        assert row["radios"] == 6
        assert row["gap_to"] == ("best_known" if row["bound"] is None else "bound")


def test_nobody_is_better_than_the_bound_and_ours_is_at_it() -> None:
    assert all(row.bound is not None and row.value <= row.bound + 1e-9 for row in FOUND)
    ours = [row for row in FOUND if row.solver == OURS]
    assert all(row.gap_ratio < 0.002 for row in ours)


def test_nobody_makes_more_moves_than_the_budget() -> None:
    most = next(row.moves for row in FOUND if row.solver == OURS)
    limit = {"same": most, "half": most // 2}
    assert all(row.moves <= limit.get(row.budget, 6) for row in FOUND)


def test_rows_of_an_earlier_run_are_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier, picture = tmp_path / "rows.json", tmp_path / "plot.svg"
    earlier.write_text(json.dumps([row.as_json() for row in FOUND]))
    monkeypatch.setattr("sys.argv", ["plan", "--from", str(earlier), "--plot", str(picture)])
    plan.main()
    assert capsys.readouterr().out.strip() == table(FOUND)
    assert picture.read_text() == plot(FOUND)


def test_the_tables_name_every_solver_and_the_plot_is_well_formed() -> None:
    told = table(FOUND)
    assert all(solver in told for solver in SOLVERS)
    assert len({line.count("|") for line in told.split("\n\n")[0].splitlines()}) == 1
    root = ET.fromstring(plot(FOUND))
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == len(SOLVERS)


def _row(value: float, curve: tuple[tuple[float, float], ...]) -> Row:
    return Row(
        site="s", radios=10, width_mhz=20, solver=OURS, budget="free", value=value, bound=None,
        gap_ratio=0.0, gap_to="best_known", moves=1, seconds=1.0, band="5", widths_mhz=(20,),
        country="US", seed=1, curve=curve,
    )  # fmt: skip


def test_close_is_when_a_fiftieth_is_missing() -> None:
    """10 radios: 0.2 nats are 2 % each."""
    assert _row(30.0, ((0.1, 25.0), (0.2, 29.85), (0.4, 30.0))).close_s == 0.2
    assert _row(30.0, ()).close_s is None
