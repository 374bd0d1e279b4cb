"""Real devices' recordings: the file, a walk of it and a live agent that serves it tell the same radios."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from integration.snmp_responder import Agent, read_snmprec
from integration.test_discover import WLC, served
from shared_data import shared_data
from typer.testing import CliRunner

from agent.cli.app import app

RADIOS = {
    "aruba-instant_105": 4,
    "ciscowlc_cbw240ac": 8,
    "hiveos-wireless_2": 2,
    "merakimr_mr28": 2,
    "openwrt": 2,
    "routeros_wifi": 0,  # of 60 GHz alone
    "ruckuswireless-hotzone": 2,
    "ruckuswireless_zd1200": 0,  # tells how many APs there are, and of none
    "unifi_nanohd": 2,
    "vrp_ac6605-26": 2,
}
CAMPUS = {"arubaos": 1380}
WALK = shutil.which("snmpbulkwalk")


def told(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["probe", *words, "--json"], env={"RRMD_CRED_WLC": "public"})
    found: dict[str, Any] = json.loads(result.stdout)
    assert (found["errors"], result.exit_code) == ([], 0)
    return found


def agent_of(file: Path) -> Agent:
    return Agent(read_snmprec(file.read_text(errors="replace")))


@pytest.mark.parametrize(("name", "radios"), [*RADIOS.items(), *CAMPUS.items()])
def test_a_recording_tells_what_the_live_device_tells(name: str, radios: int) -> None:
    file = shared_data("snmp", f"{name}.snmprec")
    recorded = told("--replay", str(file))
    assert len(recorded["radios"]) == radios
    assert bool(recorded["notes"]) or radios
    with served({WLC: agent_of(file)}) as port:
        live = told("--address", f"{WLC}:{port}", "--credential", "cred:wlc")
    assert live["radios"] == recorded["radios"]
    assert live["device"] == recorded["device"]


@pytest.mark.skipif(WALK is None, reason="snmpbulkwalk (package snmp) is not installed")
@pytest.mark.parametrize("name", RADIOS)
def test_a_walk_of_it_tells_the_same(name: str, tmp_path: Path) -> None:
    file = shared_data("snmp", f"{name}.snmprec")
    with served({WLC: agent_of(file)}) as port:
        command = [str(WALK), "-v2c", "-c", "public", "-On", f"{WLC}:{port}", ".1"]
        walked = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    (tmp_path / "walk.txt").write_bytes(walked)
    assert told("--replay", str(tmp_path / "walk.txt"))["radios"] == told("--replay", str(file))["radios"]
