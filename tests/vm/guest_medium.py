"""The air between the simulated radios: loses frames and acknowledgements as told. Runs inside the guest.

mac80211_hwsim hands every frame to the program that registered over generic netlink, which delivers it to the
radios that hear it and reports to the sender how many attempts each rate took and whether an ACK came.

    guest_medium.py CONFIG RADIOS        writes its pid to CONFIG.pid; reads CONFIG again on SIGHUP

Lines of CONFIG, `*` for any, a later line beats an earlier one:

    TX RX FREQ_MHZ loss=P ack=P signal=DBM     P: probability per attempt; radios by number, as in phy0, phy1
"""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import sys
from collections import deque
from collections.abc import Iterator

STATIONS_FROM = 2  # radios 0 and 1 are the access point's

NETLINK_GENERIC, NLMSG_ERROR, NLM_F_REQUEST, NLM_F_ACK = 16, 2, 1, 4
CTRL_ID, CTRL_GETFAMILY, CTRL_FAMILY_ID, CTRL_FAMILY_NAME = 16, 3, 1, 2
REGISTER, FRAME, TX_INFO = 1, 2, 3  # commands of MAC80211_HWSIM
RECEIVER, TRANSMITTER, DATA, FLAGS, RX_RATE, SIGNAL, RATES, COOKIE, FREQ = 1, 2, 3, 4, 5, 6, 7, 8, 19
NO_ACK, GOT_ACK = 2, 4  # bits of FLAGS
NO_RATE = (-1, 0)

BEACON, PROBE_RESPONSE, ACTION = 0x80, 0x50, 0xD0
ADDBA_REQUEST, ADDBA_RESPONSE, DECLINED = b"\x03\x00", b"\x03\x01", b"\x25\x00"
FIXED_BEACON_BYTES = 36  # header, timestamp, interval, capabilities
COUNTRY = 7


class Link:
    """What one radio makes of another's frames on one frequency."""

    def __init__(self) -> None:
        self.loss, self.ack, self.signal = 0.0, 0.0, -50.0


class Config:
    """Rules as written, links as looked up."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rules: list[tuple[list[str], dict[str, float]]] = []
        self._links: dict[tuple[int, int, int], Link] = {}

    def load(self) -> None:
        rules = []
        with open(self._path) as lines:
            for line in lines:
                words = line.split()
                if words:
                    pairs = (word.split("=") for word in words[3:])
                    rules.append((words[:3], {name: float(value) for name, value in pairs}))
        self._rules, self._links = rules, {}

    def link(self, tx: int, rx: int, freq: int) -> Link:
        key = (tx, rx, freq)
        if key not in self._links:
            found = Link()
            for wanted, values in self._rules:
                if all(word in ("*", str(number)) for word, number in zip(wanted, key, strict=True)):
                    vars(found).update(values)
            self._links[key] = found
        return self._links[key]


class Hwsim:
    """The kernel's side of the medium."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind((0, 0))
        self._sequence = 0
        self._frames: deque[bytes] = deque()
        self._family = self._find_family()
        if not self._ask(REGISTER, b""):
            sys.exit("medium: the kernel refuses (is another one registered?)")

    def frames(self) -> Iterator[dict[int, bytes]]:
        """Attributes of every frame that a radio sends, for ever."""
        while True:
            while self._frames:
                yield _attributes(self._frames.popleft())
            self._receive()

    def deliver(self, frame: dict[int, bytes], receiver: int, rate: int, dbm: float) -> bool:
        """True when the receiver is there, awake and tuned to the frame's channel."""
        data = frame[DATA]
        if receiver >= STATIONS_FROM and data[0] in (BEACON, PROBE_RESPONSE):
            data = _without_country(data)
        payload = _attribute(RECEIVER, bytes([0x42, 0, 0, 0, receiver, 0])) + _attribute(DATA, data)
        payload += _attribute(RX_RATE, struct.pack("=I", rate))
        payload += _attribute(SIGNAL, struct.pack("=i", int(dbm)))
        if FREQ in frame:
            payload += _attribute(FREQ, frame[FREQ])
        return self._ask(FRAME, payload)

    def report(self, frame: dict[int, bytes], used: list[tuple[int, int]], acked: bool, dbm: float) -> None:
        """Tell the sender which attempts were made: (rate index, count) each."""
        flags = struct.unpack("=I", frame[FLAGS])[0] & ~GOT_ACK | (GOT_ACK if acked else 0)
        rates = b"".join(struct.pack("=bB", *pair) for pair in (used + [NO_RATE] * 4)[:4])
        payload = _attribute(TRANSMITTER, frame[TRANSMITTER]) + _attribute(FLAGS, struct.pack("=I", flags))
        payload += _attribute(COOKIE, frame[COOKIE]) + _attribute(RATES, rates)
        self._send(self._family, TX_INFO, payload + _attribute(SIGNAL, struct.pack("=i", int(dbm))), 0)

    def _find_family(self) -> int:
        self._send(CTRL_ID, CTRL_GETFAMILY, _attribute(CTRL_FAMILY_NAME, b"MAC80211_HWSIM\0"), 0)
        answer = self._socket.recv(1 << 16)
        if struct.unpack_from("=H", answer, 4)[0] == NLMSG_ERROR:
            sys.exit("medium: mac80211_hwsim is not loaded")
        family: int = struct.unpack("=H", _attributes(answer[20:])[CTRL_FAMILY_ID])[0]
        return family

    def _ask(self, command: int, payload: bytes) -> bool:
        """Send, and wait for the kernel's verdict; frames that come before it are kept for later."""
        self._send(self._family, command, payload, NLM_F_ACK)
        while True:
            for sequence, error in self._receive():
                if sequence == self._sequence:
                    return error == 0

    def _send(self, family: int, command: int, payload: bytes, flags: int) -> None:
        self._sequence += 1
        head = struct.pack("=IHHII", 20 + len(payload), family, NLM_F_REQUEST | flags, self._sequence, 0)
        self._socket.send(head + struct.pack("=BBH", command, 1, 0) + payload)

    def _receive(self) -> list[tuple[int, int]]:
        """Verdicts (sequence number, error) of one read; frames go to the queue."""
        try:
            data = self._socket.recv(1 << 16)
        except OSError:  # the kernel's queue overran: those frames are lost, as in a real collision
            return []
        verdicts, offset = [], 0
        while offset + 16 <= len(data):
            length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data, offset)
            if kind == NLMSG_ERROR:
                verdicts.append((sequence, struct.unpack_from("=i", data, offset + 16)[0]))
            elif kind == self._family and data[offset + 16] == FRAME:
                self._frames.append(data[offset + 20 : offset + length])
            offset += (length + 3) & ~3
        return verdicts


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def _attributes(data: bytes) -> dict[int, bytes]:
    found, offset = {}, 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        found[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += (max(length, 4) + 3) & ~3
    return found


def _without_country(data: bytes) -> bytes:
    """The frame without its Country element.

    A station in the same kernel as the access point makes cfg80211 take a hint from it, and that forgets on
    which channels radar was heard.
    """
    kept, offset = data[:FIXED_BEACON_BYTES], FIXED_BEACON_BYTES
    while offset + 2 <= len(data):
        length = 2 + data[offset + 1]
        if data[offset] != COUNTRY:
            kept += data[offset : offset + length]
        offset += length
    return kept


def _refusal(data: bytes) -> bytes:
    """The answer to a request for aggregation: no.

    With aggregation mac80211 throws retry counts away. A request that is lost instead stops its queue for a
    second.
    """
    token, parameters, timeout = data[26:27], data[27:29], data[29:31]
    head = data[:4] + data[10:16] + data[4:10] + data[16:24]
    return head + ADDBA_RESPONSE + token + DECLINED + parameters + timeout


def carry(hwsim: Hwsim, config: Config, radios: int, frame: dict[int, bytes]) -> None:
    """Let one frame cross the air."""
    data, tx = frame[DATA], frame[TRANSMITTER][4]
    freq = struct.unpack("=I", frame[FREQ])[0] if FREQ in frame else 0
    rates = list(struct.iter_unpack("=bB", frame[RATES]))
    if data[4] & 1:  # to a group: one attempt, no ACK
        for rx in range(radios):
            link = config.link(tx, rx, freq)
            if rx != tx and random.random() >= link.loss:
                hwsim.deliver(frame, rx, 0, link.signal)
        hwsim.report(frame, [(rates[0][0], 1)], True, -50)
        return
    rx = data[8]
    link = config.link(tx, rx, freq)
    if data[0] == ACTION and data[24:26] == ADDBA_REQUEST:
        hwsim.report(frame, [(rates[0][0], 1)], True, link.signal)
        hwsim.deliver(frame | {DATA: _refusal(data)}, tx, 0, link.signal)
        return
    wants_ack = not struct.unpack("=I", frame[FLAGS])[0] & NO_ACK
    acked, used = attempt(hwsim, frame, rx, link, rates if wants_ack else [(rates[0][0], 1)])
    hwsim.report(frame, used, acked or not wants_ack, link.signal)


def attempt(
    hwsim: Hwsim, frame: dict[int, bytes], rx: int, link: Link, rates: list[tuple[int, int]]
) -> tuple[bool, list[tuple[int, int]]]:
    """(acknowledged, attempts per rate) of a frame for one radio."""
    heard: bool | None = None  # unknown until the first attempt gets through; a second copy is not delivered
    used: list[tuple[int, int]] = []
    for rate, allowed in rates:
        if rate < 0:
            break
        for count in range(1, allowed + 1):
            if random.random() < link.loss:
                continue
            if heard is None:
                heard = hwsim.deliver(frame, rx, max(0, min(rate, 7)), link.signal)
            if heard and random.random() >= link.ack:
                return True, [*used, (rate, count)]
        used.append((rate, allowed))
    return False, used


def main() -> None:
    path, radios = sys.argv[1], int(sys.argv[2])
    config = Config(path)
    config.load()
    signal.signal(signal.SIGHUP, lambda *_: config.load())
    hwsim = Hwsim()
    with open(path + ".pid", "w") as handle:
        handle.write(str(os.getpid()))
    for frame in hwsim.frames():
        if DATA in frame:
            carry(hwsim, config, radios, frame)


if __name__ == "__main__":
    main()
