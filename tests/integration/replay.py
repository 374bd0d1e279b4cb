"""An access point of recordings behind a real sshd."""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration.sshd import Sshd, sshd

from drivers.base import DeviceContext
from inventory.credentials import Secret
from inventory.model import Band, DeviceConfig, Radio, radio_key

HERE = Path(__file__).resolve().parent
RECORDINGS = HERE.parent / "contract" / "recordings" / "hostapd"
R5 = radio_key("north", "ap1", "r5")
R2 = radio_key("north", "ap1", "r2")
ANSWERS = {
    "iw dev": "iw-dev.txt",
    "iw reg get": "reg-get.us.txt",
    "iw phy phy0 channels": "phy-channels.fresh.txt",
    "iw phy phy1 channels": "phy-channels.fresh.txt",
    "iw phy phy0 info": "phy-info.txt",
    "iw phy phy1 info": "phy-info.txt",
    "iw dev wlan0 survey dump": "survey-dump.5ghz.txt",
    "iw dev wlan1 survey dump": "survey-dump.2ghz.txt",
    "iw dev wlan0 station dump": "station-dump.two-clients.txt",
    "iw dev wlan1 station dump": "station-dump.2ghz.txt",
    "iw dev wlan0 scan dump": "scan.on-ap-force.txt",
    "iw dev wlan1 scan dump": "scan.on-ap-force.txt",
    "status wlan0": "status.enabled-36-40mhz.txt",
    "status wlan1": "status.enabled-2ghz.txt",
    "all_sta wlan0": "all-sta.two-clients.txt",
    "all_sta wlan1": "all-sta.one-has-roamed-away.txt",
    "show_neighbor wlan0": "show-neighbor.txt",
    "version": "version.txt",
}


@dataclass(frozen=True, slots=True)
class Replay:
    """``state``: what the stand-ins answer, one file per command; a test may write to it."""

    server: Sshd
    state: Path

    def reset(self) -> None:
        for path in self.state.iterdir():
            path.unlink()
        for name, recording in ANSWERS.items():
            (self.state / name).write_text((RECORDINGS / recording).read_text())
        for interface in ("wlan0", "wlan1"):
            os.mkfifo(self.state / f"events {interface}")

    @property
    def written(self) -> list[str]:
        """Commands that changed something, or tried to."""
        path = self.state / "written"
        return path.read_text().splitlines() if path.exists() else []

    def set(self, name: str, old: str, new: str) -> None:
        text = (self.state / name).read_text()
        assert old in text
        (self.state / name).write_text(text.replace(old, new, 1))

    def context(self, **options: object) -> DeviceContext:
        return context(
            self.server.port, self.server.fingerprint, key_of(self.server), user=getpass.getuser(), **options
        )


def context(
    port: int, fingerprint: str, private_key: str, *, user: str = "root", **options: object
) -> DeviceContext:
    indented = "".join(f"  {line}\n" for line in private_key.splitlines())
    config = DeviceConfig(
        id="ap1",
        driver="hostapd",
        address=f"127.0.0.1:{port}",
        options={"host_key": fingerprint, **options},
    )
    return DeviceContext(
        config=config,
        radios=(Radio(key=R5, band=Band.GHZ_5), Radio(key=R2, band=Band.GHZ_2_4, ifname="wlan1")),
        secret=Secret(f"user: {user}\nprivate_key: |\n{indented}"),
        clock=time.monotonic,
    )


def key_of(server: Sshd) -> str:
    assert server.login.private_key is not None
    return server.login.private_key.reveal()


@contextmanager
def replay(directory: Path) -> Iterator[Replay]:
    programs = directory / "bin"
    (programs / "state").mkdir(parents=True)
    text = (HERE / "replay_tools.py").read_text()
    tools = programs / "replay_tools.py"
    tools.write_text(f"#!{sys.executable} -SE\n{text}")
    tools.chmod(0o755)
    for name in ("hostapd_cli", "iw"):
        (programs / name).symlink_to(tools)
    with sshd(directory, path=f"{programs}:{os.environ['PATH']}") as server:
        running = Replay(server, programs / "state")
        running.reset()
        yield running
