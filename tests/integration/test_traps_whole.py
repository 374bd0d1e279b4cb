"""The whole daemon: a site file, a controller that is polled over the network, and its trap."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path

from contract.snmp_case import RECORDING, ROW
from daemon import Daemon
from integration.snmp_responder import Agent, read_snmprec, served
from integration.snmpd import free_port
from integration.test_service import free_port as free_tcp_port
from traps_rig import pdu, v2c

SITE = """\
version: 1
site: {{id: north, country: "US", timezone: UTC}}
policy: {{mode: observe, poll_s: 3600, stale_s: 7200}}
devices:
  wlc: {{driver: snmp, address: "127.0.0.1:{port}", credential: "cred:wlc"}}
aps:
  ap1:
    device: wlc
    match: {{mac: "02:00:00:00:10:10"}}
    radios:
      r5: {{band: "5", widths_mhz: [20, 40]}}
"""
RADAR = v2c(pdu(values={f"1.3.6.1.4.1.14179.2.2.2.1.4.{ROW}": 100}))


def test_a_trap_of_a_controller_in_the_site_file_has_it_polled_at_once(tmp_path: Path) -> None:
    text = "\n".join(line for line in RECORDING.read_text().splitlines() if not line.startswith("#"))
    wlc = Agent(read_snmprec(text), community=b"hush-hush")
    traps, metrics = free_port(), free_tcp_port()
    more = {"RRMD_TRAPS": f"127.0.0.1:{traps}", "RRMD_METRICS": f"127.0.0.1:{metrics}"}

    def number(name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as answer:
            found = re.search(rf"^{re.escape(name)} ([\d.]+)$", answer.read().decode(), re.M)
        return float(found[1]) if found else 0.0

    polls = 'rrmd_polls_total{device="wlc",outcome="ok",site="north"}'
    taken = 'rrmd_traps_total{outcome="taken"}'
    nops = 'rrmd_nop_channels{site="north"}'
    with served(wlc) as port, Daemon(tmp_path, SITE.format(port=port), {"wlc": "hush-hush"}, more) as daemon:
        daemon.wait("it was polled, and its radar history told", lambda: number(nops) >= 1, 30)
        barred = number(nops)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:

            def sent() -> None:
                out.sendto(RADAR, ("127.0.0.1", traps))

            def heard() -> bool:
                sent()
                return number(taken) >= 1

            def polled_again() -> bool:
                sent()  # one unproven word in 5 s wakes the poller
                return number(polls) > before

            daemon.wait("the device listens, and hears the trap", heard, 30)
            before = number(polls)
            daemon.wait("it is polled again, long before its turn", polled_again, 30)
        assert number(nops) == barred, "a community proves nothing"
