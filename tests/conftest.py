"""One thread for each process of the suite; and what it says at its end: how many kill points there were."""

from __future__ import annotations

import os

import pytest

# Before NumPy is loaded, which else takes a thread for each core; the planner's process has one as well.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line; a story that failed has not survived."""
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, [])]
    found = [dict(r.user_properties) for r in reports if r.when == "call"]
    tried = sum(int(each["kill_points"]) for each in found if "kill_points" in each)
    survived = sum(int(each["survived"]) for each in found if "kill_points" in each)
    if tried:
        terminalreporter.write_line(f"kill points: {tried} tried, {survived} survived")
