"""The unit, its hardening and the names of the metrics: docs, files and code agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent import places
from agent.metrics.families import FAMILIES
from agent.settings import Settings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "rrmd.service"
MOST_EXPOSURE = 2.0
DRAIN_MOST_S = 20 + 5
"""Of the agent, and of operations that are under way at the control socket."""


def values(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


def test_the_exposure_is_low() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here: apt-get install systemd")
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (exposure,) = re.findall(r"Overall exposure level for rrmd\.service: ([\d.]+)", told)
    assert float(exposure) <= MOST_EXPOSURE, told


def test_peers_stay_known() -> None:
    """With PrivateUsers the kernel would give 65534 for everybody at the control socket."""
    assert values("PrivateUsers") == []


def test_places_are_those_of_the_code() -> None:
    assert Path("/var/lib", *values("StateDirectory")) == places.STATE_DIR
    assert Path("/run", *values("RuntimeDirectory")) == places.SOCKET.parent
    assert Path("/etc", *values("ConfigurationDirectory")) == places.SITES.parent
    assert values("Group") == [places.SOCKET_GROUP]


def test_stopping_has_time_for_the_drain() -> None:
    assert int(values("TimeoutStopSec")[0]) > DRAIN_MOST_S


def test_the_units_settings_are_settings() -> None:
    given = dict(each.split("=", 1) for each in values("Environment"))
    ours = {name: value for name, value in given.items() if name.startswith("RRMD_")}
    assert Settings.from_environ(ours).metrics is not None


def test_every_metric_is_documented() -> None:
    table = re.findall(
        r"^\| `(rrmd_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", (ROOT / "docs/metrics.md").read_text(), re.M
    )
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in table}
    assert told == {name: (f.kind, f.labels, f.help) for name, f in FAMILIES.items()}
