"""The whole daemon on an OpenWrt AP: announced, with the AP's own undo timer, and killed in between."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import Daemon
from integration.openwrt.bus import Tempo
from integration.openwrt_peer import Peer, http_peer

pytestmark = pytest.mark.timeout(120)

R5 = "north/ap1/r5"
SITE = """
version: 1
site: {{id: north, country: "US", timezone: UTC}}
policy: {{mode: act, poll_s: 1, cooldown_s: 1, ack_timeout_s: 30, apply_timeout_s: 20}}
aps:
  ap1:
    driver: openwrt
    address: "{address}"
    credential: "cred:ap1"
    options: {{csa_count: 5, log_poll_s: 1, method: {method}}}
    radios:
      r5: {{band: "5", widths_mhz: [20, 40, 80]}}
"""


@contextmanager
def daemon(tmp_path: Path, peer: Peer, method: str) -> Iterator[Daemon]:
    site = SITE.format(address=peer.address, method=method)
    login = textwrap.dedent("user: rrmd\npassword: lab-Ctl-1\n")
    with Daemon(tmp_path / "rrmd", site, {"ap1": login}) as running:
        running.wait("the radio has been read", lambda: radio(running)["channel"] == 36, 30)
        yield running
    assert running.log.read_text().count("Traceback") == 0, running.tail()


def radio(running: Daemon) -> dict[str, object]:
    return next(row for row in running.call("status")["radios"] if row["key"] == R5)


def drill(running: Daemon, channel: int) -> str:
    done = running.call("inject", kind="NON_WIFI_BURST", radio=R5, channel=channel, width_mhz=80, act=True)
    assert done["change"], done["decision"]
    return str(done["change"]["id"])


def test_a_change_is_announced_proven_and_recorded_nowhere(tmp_path: Path) -> None:
    with http_peer() as peer, daemon(tmp_path, peer, "csa") as running:
        change = running.wait_state(drill(running, 149), "MONITORING")
        assert change["state"] == "MONITORING"
        assert peer.ap.airs["radio0"].drops == 0
        running.wait("the poll sees it too", lambda: radio(running)["channel"] == 149, 20)
        assert not any(name == "uci" for name, _, _ in peer.ap.written)


def test_the_ap_s_own_undo_timer_is_armed_and_disarmed_by_the_proof(tmp_path: Path) -> None:
    with http_peer() as peer, daemon(tmp_path, peer, "uci") as running:
        running.wait_state(drill(running, 149), "MONITORING")
        running.wait("it was confirmed", lambda: peer.ap.uci.pending is None, 20)
        timeouts = [args["timeout"] for _, method, args in peer.ap.written if method == "apply"]
        armed, *asked = timeouts
        assert asked == [30], "whether it is armed: refused while it is"
        assert armed == 90, "30 s of silence, 10 s to settle, 20 s for the write and 30 s for the ack"
        assert peer.ap.uci.rollbacks == 0
        assert peer.ap.uci.file["radio0"]["channel"] == "149"


def test_killed_between_apply_and_confirmation_the_ap_goes_back_and_the_agent_sees_it(
    tmp_path: Path,
) -> None:
    """The AP's reload takes so long that the agent dies before the proof."""
    with http_peer(Tempo(reload_s=4.0, second_s=0.1)) as peer, daemon(tmp_path, peer, "uci") as running:
        id = drill(running, 149)
        running.wait("it was applied", lambda: peer.ap.uci.pending is not None, 20)
        running.kill()
        running.start()
        change = running.wait_state(id, "ROLLED_BACK", "FAILED", "SUPERSEDED", "ESCALATED", limit_s=90)
        assert change["state"] == "ROLLED_BACK", change
        assert peer.ap.uci.rollbacks == 1
        assert peer.ap.uci.file["radio0"]["channel"] == "36"
