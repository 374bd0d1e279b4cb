"""The whole daemon on an AP that speaks NETCONF, killed while the AP's own undo timer is armed."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon import Daemon
from integration.netconfd import NEEDS_NETCONFD, USABLE, Netconfd, netconfd

pytestmark = [
    pytest.mark.skipif(not USABLE, reason=NEEDS_NETCONFD),
    pytest.mark.timeout(240),
]

TESTS = Path(__file__).parents[1]
RECORDING = TESTS / "contract/recordings/netconf/openconfig.ap.xml"
# netconfd runs its timers only when nothing was asked of it for a second: polls leave it more than that
R5 = "north/ap1/r5"
SITE = """
version: 1
site: {{id: north, country: "US", timezone: UTC}}
policy: {{mode: act, poll_s: 3, cooldown_s: 1, ack_timeout_s: 10, apply_timeout_s: 10}}
aps:
  ap1:
    driver: netconf
    profile: openconfig-access-points
    address: "127.0.0.1:{port}"
    credential: "cred:ap1"
    options: {{host_key: "{fingerprint}"}}
    match: {{name: ap1.example.net}}
    radios:
      r5: {{band: "5", widths_mhz: [20, 40, 80]}}
"""


@dataclass(frozen=True)
class Stage:
    daemon: Daemon
    ap: Netconfd
    recording: Path

    @property
    def channel(self) -> object:
        return next(row for row in self.daemon.call("status")["radios"] if row["key"] == R5)["channel"]


@contextmanager
def stage(tmp_path: Path) -> Iterator[Stage]:
    recording = tmp_path / "ap.xml"
    shutil.copy(RECORDING, recording)
    with netconfd(f"{sys.executable} {TESTS / 'integration/netconf_mute.py'} {recording}") as ap:
        asyncio.run(ap.reset())
        site = SITE.format(port=ap.server.port, fingerprint=ap.server.fingerprint)
        with Daemon(tmp_path / "rrmd", site, {"ap1": login(ap)}) as daemon:
            told = Stage(daemon, ap, recording)
            daemon.wait("the radio has been read", lambda: told.channel == 36, 60)
            yield told


def login(ap: Netconfd) -> str:
    key = ap.server.login.private_key
    assert key is not None
    return f"user: {ap.server.login.user}\nprivate_key: |\n" + textwrap.indent(key.reveal(), "  ")


def test_killed_before_the_confirmation_the_ap_goes_back_and_the_next_agent_says_so(tmp_path: Path) -> None:
    """netconfd takes the confirmed commit, and is not heard of again until rrmd is dead. The next rrmd finds
    the change in force, and sees the device take it back."""
    with stage(tmp_path) as at:
        at.recording.with_name("ap.xml.armed").touch()
        mute = at.recording.with_name("ap.xml.mute")
        done = at.daemon.call("inject", kind="NON_WIFI_BURST", radio=R5, channel=149, width_mhz=20, act=True)
        assert done["change"], done["decision"]
        change = str(done["change"]["id"])
        at.daemon.wait("it was committed, to be confirmed", mute.exists, 30)
        at.daemon.kill()
        mute.unlink()
        at.daemon.start()
        at.daemon.wait("the change is in force", lambda: at.channel == 149, 30)
        told = at.daemon.wait_state(change, "ROLLED_BACK", "FAILED", "COMMITTED", "ESCALATED", limit_s=150)
        assert told["state"] == "ROLLED_BACK", told
        assert at.daemon.reasons()[-1] == "device_went_back"
        at.daemon.wait("the poll says so too", lambda: at.channel == 36, 30)
        at.daemon.verify()
