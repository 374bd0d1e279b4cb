"""rrmd under a real systemd, as docs/service.md installs it, with a guest's hostapd as its AP."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

from vm.guest import Guest, eventually
from vm.world import World

SITES = "/etc/rrmd/sites"
PATIENCE_S = 400.0
"""For what takes the guest seconds: on a busy host an emulated machine gets a tenth of a processor."""
R5 = "lab/ap1/r5"
HOST = "10.0.2.2"
"""Where a guest finds what listens on the host's loopback."""
SITE = """\
version: 1
site: {{id: lab, country: "US", timezone: UTC}}
policy:
  mode: act
  poll_s: 5
  apply_timeout_s: 45
  ack_timeout_s: 120
  cooldown_s: 1
  routine_interval_s: 0
  monitor: {{slot_s: 4, settle_s: 2, slots: 3, more_slots: 4, more_slots_above: 3, max_slots: 5,
            no_data_s: 30}}
aps:
  ap1:
    driver: hostapd
    address: "{address}"
    credential: "cred:ap1"
    options: {{host_key: "{fingerprint}", csa_count: {csa}, connect_timeout_s: 30, command_timeout_s: 30}}
    radios:
      r5: {{band: "5", ifname: wlan0, widths_mhz: [20, 40, 80]}}
"""
"""Nobody is associated, so nothing is ever proven: half a minute without data, and it is kept as UNPROVEN."""

FASTER = """\
[Service]
TimeoutStartSec=400
TimeoutStopSec=300
WatchdogSec=20
TimeoutAbortSec=2
"""
"""The same watchdog with less patience, since a test can't wait for a minute; and more with a start and
a stop, which an emulated machine on a busy host takes its time for."""

ASK = """\
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect("/run/rrmd/control.sock")
peer.sendall(sys.argv[1].encode() + b"\\n")
while chunk := peer.recv(65536):
    sys.stdout.buffer.write(chunk)
"""


class Service:
    """The unit rrmd.service of a guest. Each test begins with `running`."""

    @staticmethod
    def cannot_run(guest: Guest) -> str | None:
        """Why the packages of this Python are of no use in the guest; None: they are."""
        theirs = guest.run("python3 -c 'import sys; print(*sys.version_info[:2])'").split()
        ours = [str(part) for part in sys.version_info[:2]]
        if theirs == ours:
            return None
        return f"no guest with systemd: it has Python {'.'.join(theirs)}, this one is {'.'.join(ours)}"

    def __init__(self, guest: Guest, ap: Guest | None = None, csa: int = 10) -> None:
        self.guest = guest
        self.ap = ap or guest
        self.world = World(self.ap)
        address = f"{HOST}:{ap.port}" if ap else "127.0.0.1:22"
        self.site = SITE.format(fingerprint=self.ap.fingerprint, address=address, csa=csa)
        self.world.access_point(36, 40)
        self.install()

    def install(self) -> None:
        """The steps of docs/service.md, from the user on; a disk, where there is one, holds the state."""
        key = textwrap.indent(self.ap.key_file.read_text(), "  ")
        run, put = self.guest.run, self.guest.put
        if self.guest.has_disk:
            run("modprobe virtio_blk; modprobe ext4; mkdir -p /var/lib/rrmd; mount /dev/vda /var/lib/rrmd")
        run("systemctl daemon-reload", timeout=PATIENCE_S)
        run("systemd-sysusers /usr/lib/sysusers.d/rrmd.conf")
        run("systemd-tmpfiles --create /usr/lib/tmpfiles.d/rrmd.conf")
        run("mkdir -p /etc/systemd/system/rrmd.service.d")
        put("/etc/systemd/system/rrmd.service.d/faster.conf", FASTER)
        put("/etc/rrmd/cred/ap1", f"user: {self.ap.user}\nprivate_key: |\n{key}", "600")
        self.write_site(self.site)

    def write_site(self, text: str) -> None:
        self.guest.put(f"{SITES}/lab.yaml", text, "640")
        self.guest.run(f"chown root:rrmd {SITES}/lab.yaml")

    def running(self) -> None:
        """Started with the good site file, the AP read, no change open."""
        self.write_site(self.site)
        self.guest.run("systemctl reset-failed rrmd; systemctl start rrmd", timeout=PATIENCE_S, check=False)
        assert self.show("ActiveState") == "active", self.journal()
        eventually(lambda: self.radio()["channel"], PATIENCE_S, "the radio has been read", every=1)
        for change in self.ask("changes", open=True)["changes"]:
            if change["state"] == "ESCALATED":
                self.ask("acknowledge", id=change["id"])
            else:
                self.ended(change["id"])

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self.guest.run(f"systemctl show --value -p {name} rrmd").strip()

    def journal(self, lines: int = 40) -> str:
        return self.guest.run(f"journalctl -u rrmd -o cat -n {lines} --no-pager", timeout=PATIENCE_S)

    def events(self, name: str) -> list[dict[str, Any]]:
        """What the daemon's log has under a name."""
        found = self.guest.run(
            f"journalctl -u rrmd -o cat --no-pager --grep={name}", check=False, timeout=PATIENCE_S
        )
        return [json.loads(line) for line in found.splitlines() if line.startswith("{")]

    def polled(self) -> int:
        """How many polls the AP has answered."""
        told = self.guest.run("busybox wget -qO- http://127.0.0.1:9842/metrics", timeout=PATIENCE_S)
        lines = (line for line in told.splitlines() if line.startswith("rrmd_polls_total{"))
        return int(float(next((line.split()[-1] for line in lines if 'outcome="ok"' in line), "0")))

    def ask(self, op: str, *, as_user: str = "", **args: Any) -> dict[str, Any]:
        """One operation of the control socket; ``as_user``: options of setpriv."""
        answer = self.raw(op, args, as_user)
        said = json.loads(answer)
        assert said["ok"], said
        result: dict[str, Any] = said["result"]
        return result

    def raw(self, op: str, args: Mapping[str, Any], as_user: str = "") -> str:
        line = json.dumps({"op": op, "args": args})
        who = f"setpriv {as_user} " if as_user else ""
        self.guest.put("/run/ask.py", ASK)
        return self.guest.run(f"{who}python3 -S /run/ask.py '{line}' 2>&1", timeout=PATIENCE_S, check=False)

    def radio(self) -> dict[str, Any]:
        row: dict[str, Any] = self.ask("status")["radios"][0]
        return row

    def begin_change(self) -> dict[str, Any]:
        """A change to the other channel, monitored when this returns."""
        return self.in_state(self.order_change(), "MONITORING")

    def order_change(self) -> str:
        """The id of a change to the other channel, which has begun. An emulated access point beside other
        tests may answer too late for a poll or two: a stale reading is waited for, no other objection."""
        here = self.radio()["channel"]
        wanted: dict[str, Any] = {"channel": 149 if here < 100 else 36, "width_mhz": 40}

        def begun() -> str | None:
            done = self.ask("inject", kind="NON_WIFI_BURST", radio=R5, act=True, **wanted)
            if done["change"]:
                return str(done["change"]["id"])
            assert done["decision"]["params"].get("guard") == "stale", done["decision"]
            return None

        id = eventually(begun, PATIENCE_S, "a reading that is not stale", every=5)
        assert id is not None
        return id

    def in_state(self, id: str, *states: str, within_s: float = PATIENCE_S) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            change = self.ask("change", id=id)
            return change if change["state"] in states else None

        change = eventually(found, within_s, f"change {id} is {states}", every=1)
        assert change is not None
        return change

    def ended(self, id: str) -> dict[str, Any]:
        return self.in_state(id, "COMMITTED", "ROLLED_BACK", "FAILED", "SUPERSEDED")
