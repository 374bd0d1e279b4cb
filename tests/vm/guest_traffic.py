"""Steady downlink traffic, and how long it was ever interrupted. Runs inside the guest.

    guest_traffic.py send RATE INTERFACE,MAC,SOURCE_IP,IP ...    packets per second to each station
    guest_traffic.py receive FILE                                in the station's network namespace

FILE is written ten times a second: a line "NOW LAST RECEIVED", then a line "START END" for each interruption
of more than 50 ms, the running one last; times in seconds of the guest's monotonic clock.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import time
from contextlib import suppress

PORT = 9
PAYLOAD = b"\0" * 172  # a voice packet's size, with headers 200 bytes
INTERRUPTION_S = 0.05
REMEMBERED = 500
WRITE_EVERY_S = 0.1
ETH_P_IP = 0x0800


def _packet(source: str, destination: str) -> bytes:
    """IPv4 and UDP written by hand: no ARP that could fail, so that a gap is the air's alone."""
    length = 20 + 8 + len(PAYLOAD)
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0x4000, 64, socket.IPPROTO_UDP, 0) + addresses
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[12:]
    return head + struct.pack("!HHHH", PORT, PORT, 8 + len(PAYLOAD), 0) + PAYLOAD


def send(rate: float, stations: list[str]) -> None:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    flows = []
    for station in stations:
        interface, mac, source, destination = station.split(",")
        address = (interface, ETH_P_IP, 0, 0, bytes.fromhex(mac.replace(":", "")))
        flows.append((_packet(source, destination), address))
    due = time.monotonic()
    while True:
        for packet, address in flows:
            with suppress(OSError):  # the radio is off, or its queue is full
                raw.sendto(packet, address)
        due = max(due + 1 / rate, time.monotonic() - 0.1)  # after a pause no burst
        time.sleep(max(0.0, due - time.monotonic()))


def receive(path: str) -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", PORT))
    gaps: list[tuple[float, float]] = []
    last, received, written = time.monotonic(), 0, 0.0
    while True:
        ready = select.select([udp], [], [], WRITE_EVERY_S)[0]
        now = time.monotonic()
        if ready:
            udp.recv(2048)
            if now - last > INTERRUPTION_S:
                gaps = [*gaps[-REMEMBERED:], (last, now)]
            last, received = now, received + 1
        if now - written >= WRITE_EVERY_S:
            _write(path, now, last, received, [*gaps, (last, now)])
            written = now


def _write(path: str, now: float, last: float, received: int, gaps: list[tuple[float, float]]) -> None:
    with open(path + ".new", "w") as handle:
        handle.write(f"{now:.3f} {last:.3f} {received}\n")
        handle.writelines(f"{start:.3f} {end:.3f}\n" for start, end in gaps)
    os.rename(path + ".new", path)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(float(sys.argv[2]), sys.argv[3:])
    else:
        receive(sys.argv[2])
