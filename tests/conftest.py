"""What the whole suite says at its end: how many kill points there were."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line; a story that failed has not survived."""
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, [])]
    found = [dict(r.user_properties) for r in reports if r.when == "call"]
    tried = sum(int(each["kill_points"]) for each in found if "kill_points" in each)
    survived = sum(int(each["survived"]) for each in found if "kill_points" in each)
    if tried:
        terminalreporter.write_line(f"kill points: {tried} tried, {survived} survived")
