"""Stands in for `hostapd_cli` and `iw` on the far side of SSH: answers from recordings, remembers switches.

Runs as a program of its own, by the name that it was linked as; its state is the directory above. What it
cannot show (CSA, CAC, radar, what a driver clips) is tested in the guest, tests/vm.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

STATE = Path(__file__).resolve().parent / "state"
BANNER = "hostapd_cli v2.10\n\nInteractive mode\n\n> "


def main() -> int:
    program, words = Path(sys.argv[0]).name, sys.argv[1:]
    if program == "iw":
        return iw(words)
    if words == ["-v"]:
        return answer("version")
    interface, words = words[3], words[4:]  # -p DIR -i INTERFACE
    return hostapd(interface, words) if words else events(interface)


def iw(words: list[str]) -> int:
    if words[2:4] == ["set", "txpower"]:
        remember(words)
        dbm = f"txpower {int(words[5]) / 100:.2f} dBm"
        rewrite("iw dev", rf"(Interface {words[1]}\n(?:\t\t.*\n)*?\t\t)txpower .*", rf"\g<1>{dbm}")
        return 0
    if "ap-force" in words and (STATE / "hang").exists():
        signal.pause()
    return answer(" ".join(["iw", *words]))


def hostapd(interface: str, words: list[str]) -> int:
    if words[0] in ("status", "all_sta", "show_neighbor"):
        return answer(f"{words[0]} {interface}")
    if words[:2] == ["bss_tm_req", "00:00:00:00:00:00"]:
        print("UNKNOWN COMMAND" if (STATE / "no-wnm").exists() else "FAIL")
        return 0
    remember([interface, *words])
    if words[0] == "chan_switch":
        print(switched(interface, words[1:]))
    elif words[0] == "bss_tm_req":
        print("OK" if words[1] in (STATE / f"all_sta {interface}").read_text() else "FAIL")
    elif words[0] in ("disable", "enable"):
        set_status(interface, state="DISABLED" if words[0] == "disable" else "ENABLED")
        print("OK")
    else:
        print("OK" if words[0] == "set" else "Unknown command")
    return 0


def switched(interface: str, words: list[str]) -> str:
    """hostapd's checks of the arguments, as far as the tests need them."""
    values = dict(re.findall(r"(\w+)=(\S+)", " ".join(words)))
    freq, center, width = int(words[1]), int(values["center_freq1"]), int(values["bandwidth"])
    if (STATE / "refuse").exists() or abs(freq - center) > width / 2 - 10 or not 5000 < freq < 5900:
        return "FAIL"
    place = f"channel {(freq - 5000) // 5} ({freq} MHz), width: {width} MHz, center1: {center} MHz"
    rewrite("iw dev", rf"(Interface {interface}\n(?:\t\t.*\n)*?\t\t)channel .*", rf"\g<1>{place}")
    offset = values["sec_channel_offset"]
    set_status(interface, freq=str(freq), channel=str((freq - 5000) // 5), secondary_channel=offset)
    return "OK"


def set_status(interface: str, **values: str) -> None:
    for name, value in values.items():
        rewrite(f"status {interface}", rf"^{name}=.*$", f"{name}={value}")


def rewrite(name: str, pattern: str, text: str) -> None:
    path = STATE / name
    path.write_text(re.sub(pattern, text, path.read_text(), count=1, flags=re.M))


def remember(words: list[str]) -> None:
    with open(STATE / "written", "a") as file:
        file.write(" ".join(words) + "\n")


def answer(name: str) -> int:
    """The recording's text and, where it ends with one, its exit status."""
    path = STATE / name
    if not path.exists():
        print("command failed: No such device (-19)")
        return 237
    text, _, status = path.read_text().partition("[exit status ")
    sys.stdout.write(text)
    return int(status.strip().removesuffix("]")) if status else 0


def events(interface: str) -> int:
    """Buffered by Python into a pipe and not into a terminal, as the real one's are by libc."""
    print(BANNER, end="")
    path = STATE / f"events {interface}"
    if not path.exists():
        os.mkfifo(path)
    with open(path) as lines:
        for line in lines:
            print(line, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
