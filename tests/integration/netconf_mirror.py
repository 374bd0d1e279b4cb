"""What an AP has and netconfd has not: its operational state. Runs the subsystem and adds to each answer to a
`get` what the recording tells, with the radios' own leafs as they are configured. ``RECORDING COMMAND...``

It changes nothing of hellos, locks, edits and commits.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

sys.path.insert(0, str(Path(__file__).parents[2]))
from drivers.transport.netconf_framing import Framing, framed

OC = "{http://openconfig.net/yang/wifi/access-points}"
MIRRORED = ("channel", "channel-bandwidth", "transmit-power", "enabled", "dca", "dtp")


class Way:
    """One direction. The hello is framed as base 1.0, what follows as base 1.1 (RFC 6242 4.1)."""

    def __init__(self, target: int, change: Callable[[str], str]) -> None:
        self._target = target
        self._change = change
        self._framing = Framing()
        self._greeted = False

    def pass_on(self, data: bytes) -> None:
        messages = self._framing.messages(data, chunked=self._greeted)
        while message := next(messages, None):
            write(self._target, framed(self._change(message), chunked=self._greeted))
            if not self._greeted:
                self._greeted = True
                messages = self._framing.messages(b"", chunked=True)


def main() -> None:
    asked: dict[str, str] = {}
    with subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        ways = {
            0: Way(server.stdin.fileno(), lambda message: requested(message, asked)),
            server.stdout.fileno(): Way(1, lambda message: answered(message, asked)),
        }
        try:
            while all(passed(source, ways) for source in select.select(list(ways), [], [])[0]):
                pass
        finally:
            server.kill()


def passed(source: int, ways: dict[int, Way]) -> bool:
    """False: that side has hung up."""
    data = os.read(source, 65536)
    ways[source].pass_on(data)
    return bool(data)


def write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]


def requested(message: str, asked: dict[str, str]) -> str:
    if (found := re.search('message-id="([^"]+)"', message)) and re.search("<(?:nc:)?get[ >]", message):
        asked[found[1]] = message
    return message


def answered(message: str, asked: dict[str, str]) -> str:
    found = re.search('message-id="([^"]+)"', message)
    request = asked.pop(found[1], None) if found else None
    if request is None or "rpc-error" in message:
        return message
    root = ElementTree.fromstring(message)
    told = ElementTree.parse(sys.argv[1]).getroot().find(f".//{OC}access-point")
    assert told is not None
    for ap in root.iter(f"{OC}access-point"):
        states = {radio.findtext(f"{OC}id"): radio for radio in told.iter(f"{OC}radio")}
        for radio in ap.iter(f"{OC}radio"):
            mirror(radio, states[radio.findtext(f"{OC}id")], request)
        for name in ("ssids", "system"):
            if f"<{name}>" in request:
                ap.extend(told.findall(f"{OC}{name}"))
    return ElementTree.tostring(root, encoding="unicode")


def mirror(radio: Element, told: Element, request: str) -> None:
    for state in told.findall(f"{OC}state"):
        for name in MIRRORED:
            for old in state.findall(f"{OC}{name}"):
                state.remove(old)
            state.extend(radio.findall(f"{OC}config/{OC}{name}"))
        radio.append(state)
    if "<neighbors/>" in request:
        radio.extend(told.findall(f"{OC}neighbors"))


if __name__ == "__main__":
    main()
