"""The daemon as a process, as a service manager sees it: ready, alive, reloading, stopping."""

from __future__ import annotations

import json
import socket
import urllib.request
from pathlib import Path
from typing import Self

from daemon import Daemon

SITE = """\
version: 1
site: {id: lab, country: "US", timezone: UTC}
policy: {mode: act, poll_s: 1}
aps:
  ap1:
    driver: simulated
    address: ap1
    options: {country: US}
    radios:
      r5: {band: "5", channels: [36, 44], widths_mhz: [20]}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Manager:
    """Where a service manager listens; one message at a time."""

    def __init__(self, path: Path) -> None:
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.channel.bind(str(path))
        self.channel.settimeout(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def next(self, *wanted: str) -> str:
        """The next message that begins with one of these."""
        while not (said := self.channel.recv(4096).decode()).startswith(wanted):
            pass
        return said


def test_a_service_manager_hears_all_of_its_life(tmp_path: Path) -> None:
    port = free_port()
    more = {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "400000",
        "RRMD_METRICS": f"127.0.0.1:{port}",
        "RRMD_ALERT_SYSLOG": str(tmp_path / "log.sock"),
    }
    with (
        Manager(tmp_path / "notify") as manager,
        Manager(tmp_path / "log.sock") as log,
        Daemon(tmp_path / "rrmd", SITE, {}, more) as running,
    ):
        assert manager.next("READY=1", "WATCHDOG=1").startswith("READY=1\nSTATUS=1 sites, 1 devices, 0 lost")
        assert manager.next("WATCHDOG=1")
        assert manager.next("WATCHDOG=1")

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            assert b"rrmd_reload_ok 1.0" in answer.read()

        file = tmp_path / "rrmd" / "sites" / "site.yaml"
        file.write_text(SITE.replace("poll_s: 1", "poll_s: often"))
        running.hang_up()
        assert manager.next("RELOADING=1", "READY=1").startswith("RELOADING=1\nMONOTONIC_USEC=")
        manager.next("READY=1")
        assert b"site.yaml:3: policy.poll_s: expected" in log.channel.recv(4096)
        (refused,) = [each for each in lines(running) if each["event"] == "configuration.refused"]
        assert (refused["line"], refused["path"]) == (3, "policy.poll_s")
        assert running.call("status")["sites"][0]["mode"] == "act"

        file.write_text(SITE.replace("mode: act", "mode: observe"))
        running.hang_up()
        manager.next("RELOADING=1")
        manager.next("READY=1")
        assert running.call("status")["sites"][0]["mode"] == "observe"

        assert running.stop() == 0
        manager.next("STOPPING=1")
        running.verify()


def test_a_taken_address_for_metrics_costs_the_metrics_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with Daemon(tmp_path / "rrmd", SITE, {}, {"RRMD_METRICS": where}) as running:
            (alert,) = running.call("status")["alerts"]
            assert alert["text"].startswith(f"no metrics: RRMD_METRICS={where}: Address already in use")
            assert running.stop() == 0


def lines(running: Daemon) -> list[dict[str, object]]:
    return [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
