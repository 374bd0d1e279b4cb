"""A guest that runs the user's own OpenWrt image: x86-64, with kmod-mac80211-hwsim, rpcd and hostapd.

Set up over its serial console as docs/openwrt.md says: the ACL files, a user of rpcd, radios. Nothing is
written to the image.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from integration.sshd import free_port

QEMU: Final = shutil.which("qemu-system-x86_64")
PASSWORD: Final = "lab-Ctl-1"
PIECE: Final = 200  # characters; busybox cuts a line off at 512
PROMPT: Final = r"root@\S+:\S*# "
SETUP: Final = (
    "modprobe mac80211_hwsim radios=2",
    "rm -f /etc/config/wireless; wifi config; sleep 1",
    "uci -q batch <<X\nset wireless.radio0.band=5g\nset wireless.radio0.channel=36\n"
    "set wireless.radio0.htmode=HE80\nset wireless.radio0.country=US\nset wireless.radio0.disabled=0\n"
    "add_list wireless.radio0.channels=36-48\nadd_list wireless.radio0.channels=149-161\n"
    "set wireless.radio1.disabled=1\nset rpcd.rrmd=login\nset rpcd.rrmd.username=rrmd\n"
    "add_list rpcd.rrmd.read=rrmd-monitor\nadd_list rpcd.rrmd.write=rrmd-control\nX",
    f"uci set rpcd.rrmd.password=$(uhttpd -m {PASSWORD}); uci commit",
    f"(echo {PASSWORD}; sleep 1; echo {PASSWORD}) | passwd",
    "/etc/init.d/rpcd restart; /etc/init.d/uhttpd restart; wifi up",
)


class Console:
    """Its serial line."""

    def __init__(self, qemu: subprocess.Popen[bytes]) -> None:
        self._qemu = qemu
        self._text = ""
        self._ended = False
        self._more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._qemu.stdout is not None
        while part := self._qemu.stdout.read1(4096):  # type: ignore[attr-defined]  # a buffered pipe has it
            with self._more:
                self._text += part.decode("utf-8", "replace")
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def send(self, line: str) -> None:
        assert self._qemu.stdin is not None
        self._qemu.stdin.write(f"{line}\n".encode())
        self._qemu.stdin.flush()

    def expect(self, pattern: str, within_s: float) -> str:
        """What came up to the pattern; what comes after it is kept."""
        with self._more:
            self._more.wait_for(lambda: self._ended or re.search(pattern, self._text), within_s)
            found = re.search(pattern, self._text)
            assert found, f"not within {within_s:g} s: {pattern}; its last words: {self._text[-500:]}"
            text, self._text = self._text[: found.end()], self._text[found.end() :]
            return text

    def run(self, line: str, within_s: float = 60.0) -> str:
        """What the shell answered."""
        self.send(f"{line}\necho done-$((40+2))")
        text = self.expect(r"done-42\r?\n", within_s)
        self.expect(PROMPT, within_s)
        return text


@contextmanager
def openwrt(image: Path) -> Iterator[tuple[str, str, Console]]:
    """(address over HTTP, address over SSH, console) of an AP that is set up and on air."""
    assert QEMU is not None
    http, ssh = free_port(), free_port()
    forward = f"hostfwd=tcp:127.0.0.1:{http}-192.168.1.1:80,hostfwd=tcp:127.0.0.1:{ssh}-192.168.1.1:22"
    command = [QEMU, "-m", "256", "-nographic", "-snapshot", "-drive", f"file={image},format=raw,if=virtio"]
    command += ["-netdev", f"user,id=lan,net=192.168.1.0/24,host=192.168.1.2,{forward}"]
    command += ["-device", "virtio-net,netdev=lan", "-device", "virtio-rng-pci"]
    if Path("/dev/kvm").exists():
        command += ["-enable-kvm", "-cpu", "host"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as qemu:
        try:
            console = Console(qemu)
            _set_up(console)
            yield f"http://127.0.0.1:{http}", f"ssh://127.0.0.1:{ssh}", console
        finally:
            qemu.kill()


def _set_up(console: Console) -> None:
    console.expect(r"Please press Enter", 300.0)
    console.send("")
    console.expect(PROMPT, 30.0)
    for name in ("rrmd-monitor.json", "rrmd-control.json"):
        text = files("drivers.openwrt").joinpath("acl", name).read_text()
        _write(console, f"/usr/share/rpcd/acl.d/{name}", json.dumps(json.loads(text)))
    for line in SETUP:
        console.run(line)
    on_air = "ubus call hostapd.phy0-ap0 get_status | grep -q ENABLED && echo on-$((10+1))"
    end_s = time.monotonic() + 120.0
    while "on-11" not in console.run(on_air):
        assert time.monotonic() < end_s, console.run("logread | tail -20")


def _write(console: Console, path: str, text: str) -> None:
    console.run(f": > {path}")
    for at in range(0, len(text), PIECE):
        console.run(f"printf %s '{text[at : at + PIECE]}' >> {path}")
