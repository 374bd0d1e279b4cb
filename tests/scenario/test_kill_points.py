"""The daemon is killed before and after every store, audit and driver call of a change, and started again.

All points are enumerated, none is sampled; the suite ends with how many there were. `make crash-matrix` tries
more stories, deaths of deaths, and power cuts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crash.stories import OF_ONE_CHANGE

TESTS = Path(__file__).parents[1]
LINE = re.compile(r"crash points: (\d+) tried, (\d+) survived")


@pytest.mark.parametrize("name", [story.name for story in OF_ONE_CHANGE])
@pytest.mark.timeout(600)
def test_every_kill_point_is_survived(name: str, record_property: Callable[[str, object], None]) -> None:
    """In a process of its own: it is forked at each point."""
    command = [sys.executable, "-m", "crash", name, "--ways", "killed", "--brief", "--jobs", "1"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, check=False
    )
    found = LINE.fullmatch(done.stdout.strip().splitlines()[-1])
    assert found, done.stdout + done.stderr
    record_property("kill_points", int(found[1]))
    record_property("survived", int(found[2]))
    assert int(found[1]) > 20
    assert done.returncode == 0, done.stderr
