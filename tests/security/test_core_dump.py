"""No process that holds a credential leaves a core dump, nor lets one of its own user read its memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import Daemon, unset
from integration.test_service import SITE

ROOT = Path(__file__).parents[2]
TOLD = "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)"
DAEMON = f"""
import ctypes, resource
import agent.daemon
async def serve(settings):
    {TOLD}
    return 0
agent.daemon.serve = serve
from agent.cli.app import app
app(["--state-dir", "/nowhere", "run"])
"""
WORKER = f"""
import ctypes, resource
from drivers.transport import snmp_worker
async def serve(out):
    {TOLD}
snmp_worker._serve = serve
snmp_worker.main()
"""


@pytest.mark.parametrize("program", [DAEMON, WORKER], ids=["daemon", "snmp-v3-worker"])
def test_what_holds_credentials_is_not_dumpable(program: str) -> None:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=unset())
    assert "(0, 0) 0" in done.stdout + done.stderr, done.stderr


def test_the_running_daemon_has_no_room_for_a_core_dump(tmp_path: Path) -> None:
    with Daemon(tmp_path, SITE, {}) as daemon:
        limits = Path(f"/proc/{daemon.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M), limits


def test_the_unit_forbids_it_too() -> None:
    assert "\nLimitCORE=0\n" in (ROOT / "systemd/rrmd.service").read_text()
