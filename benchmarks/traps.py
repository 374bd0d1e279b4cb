"""What a trap costs the daemon's ear, beside net-snmp's snmptrapd that takes the same ones in the same run.

CPU of the receiving process per datagram, taken from /proc, at a rate that both keep up with. `flood`: from
an address (ours) or with a community (snmptrapd, which has no list of addresses) that nobody expects.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivers.notifications import Sender
from drivers.transport import ber
from drivers.transport import traps_message as wire
from drivers.transport.traps import TrapListener
from drivers.transport.traps_message import AUTH, PRIV, UserMessage
from drivers.transport.traps_queue import Outcome
from drivers.transport.traps_socket import listening
from drivers.transport.traps_usm import Engine, User
from inventory.credentials import Secret
from inventory.snmp_login import SnmpLogin

COMMUNITY = "hush-hush"
USER = SnmpLogin(user="rrm", auth_password=Secret("auth-password"), priv_password=Secret("priv-password"))
THEIRS = b"\x80\0\0\0\x05controller1"
KNOWN, STRANGER = "127.0.0.1", "127.0.0.9"
RADAR = "1.3.6.1.4.1.14179.2.6.3.81"
ROW = "0.23.223.161.178.192"
PER_S = {"flood": 5000, "v2c": 1000, "v3": 1000}
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
KINDS = tuple(PER_S)


# -- what is sent ----------------------------------------------------------------------------------------


def pdu(number: int) -> bytes:
    """A radar trap of eight variables, as a Cisco controller sends it."""
    pairs = [
        (wire.UPTIME, ber.of_integer(number, ber.TIME_TICKS)),
        (wire.TRAP_OID, ber.of_oid(RADAR)),
        (f"1.3.6.1.4.1.14179.2.2.1.1.1.{ROW}", ber.of_octets(bytes(6))),
        (f"1.3.6.1.4.1.14179.2.2.2.1.1.{ROW}.1", ber.of_integer(1)),
        (f"1.3.6.1.4.1.14179.2.2.2.1.4.{ROW}.1", ber.of_integer(52)),
        *((f"1.3.6.1.4.1.14179.2.2.1.1.{n}.{ROW}", ber.of_octets(b"Lobby AP")) for n in (3, 4, 5)),
    ]
    varbinds = (ber.element(ber.SEQUENCE, ber.of_oid(oid), value) for oid, value in pairs)
    zero = ber.of_integer(0)
    return ber.element(wire.TRAP, ber.of_integer(number), zero, zero, ber.element(ber.SEQUENCE, *varbinds))


def v2c(number: int, community: str) -> bytes:
    return ber.element(ber.SEQUENCE, ber.of_integer(wire.V2C), ber.of_octets(community.encode()), pdu(number))


def v3(number: int, user: User) -> bytes:
    flags = AUTH | PRIV
    scoped = ber.element(ber.SEQUENCE, ber.of_octets(THEIRS), ber.of_octets(b""), pdu(number))
    head = UserMessage(
        id=number,
        flags=flags,
        engine_id=THEIRS,
        boots=1,
        time_s=0,
        user=user.name,
        mac=b"",
        mac_at=0,
        salt=b"",
        scoped_at=0,
    )
    return Engine(THEIRS, 1, 0.0).sealed(scoped, head, flags, user.keys(THEIRS), 1000 + number / 1000)


def datagrams(kind: str, start: int, count: int) -> list[bytes]:
    user = User(USER)
    numbers = range(start, start + count)
    if kind == "v3":
        return [v3(n, user) for n in numbers]
    return [v2c(n, COMMUNITY if kind == "v2c" else "stranger") for n in numbers]


def send(port: int, kind: str, batch: Sequence[bytes]) -> None:
    """At so many a second, by the clock and not by sleeping after each."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((STRANGER if kind == "flood" else KNOWN, 0))
        begun = time.perf_counter()
        for number, data in enumerate(batch):
            late_s = begun + number / PER_S[kind] - time.perf_counter()
            if late_s > 0.01:
                time.sleep(late_s)
            out.sendto(data, (KNOWN, port))


# -- who receives ----------------------------------------------------------------------------------------


async def receive(port: int) -> None:
    """Ours, as a process: until SIGTERM; then what became of them goes to stdout."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    listener = TrapListener(listening(KNOWN, port), Engine(b"\x80\0\0\0\x05us", 1, 0.0), time.monotonic)
    listener.start()
    logins = (SnmpLogin(community=Secret(COMMUNITY)), None), (USER, THEIRS)
    tasks = [asyncio.create_task(_read(listener, login, engine)) for login, engine in logins]
    await asyncio.sleep(0)
    print("ready", flush=True)
    await over.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(listener.counts[Outcome.TAKEN], flush=True)
    await listener.close()


async def _read(listener: TrapListener, login: SnmpLogin, engine_id: bytes | None) -> None:
    sender = Sender(device="wlc", addresses=frozenset({KNOWN}), login=login, engine_id=engine_id)
    async for _ in listener.subscribe(sender):
        continue


@contextmanager
def ours(directory: Path, port: int) -> Iterator[tuple[int, Callable[[], int]]]:
    """Process id, and how many it took in all (ends it)."""
    command = [sys.executable, "-m", "benchmarks.traps", "--receive", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid, lambda: _ended(process)


def _ended(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    return int(out.split()[-1])


@contextmanager
def theirs(directory: Path, port: int) -> Iterator[tuple[int, Callable[[], int]]]:
    """snmptrapd, which writes a line for each that it takes."""
    config, written = directory / "snmptrapd.conf", directory / "traps.log"
    engine = THEIRS.hex()
    config.write_text(
        f"authCommunity log {COMMUNITY}\n"
        f'createUser -e 0x{engine} rrm SHA-256 "auth-password" AES "priv-password"\n'
        "authUser log rrm\nformat2 %v\\n\n"
    )
    command = ["snmptrapd", "-f", "-C", "-c", str(config), "-On", "-m", "", "-Lf", str(written)]
    given = os.environ | {"SNMP_PERSISTENT_DIR": str(directory), "SNMPCONFPATH": str(directory)}
    with subprocess.Popen(
        [*command, f"udp:{KNOWN}:{port}"], env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while not written.exists() or "NET-SNMP version" not in written.read_text():
            time.sleep(0.02)
        yield process.pid, lambda: written.read_text().count(RADAR)
        process.terminate()


def cpu_s(pid: int) -> float:
    """User and system time of a process, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def settled(pid: int) -> float:
    """CPU time when the process has nothing more to do."""
    last = -1.0
    while (now := cpu_s(pid)) != last:
        last = now
        time.sleep(0.25)
    return now


# -- the figure ------------------------------------------------------------------------------------------


def one(directory: Path, receiver: str, count: int, rounds: int) -> dict[str, Any]:
    """µs of CPU per datagram, by kind; ``taken``: how many arrived of those that should."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    port = _free_port()
    running = ours if receiver == "ours" else theirs
    with running(directory, port) as (pid, taken):
        for turn in range(rounds):
            for kind in KINDS:
                batch = datagrams(kind, turn * count, count)
                before_s = settled(pid)
                send(port, kind, batch)
                found[kind].append((settled(pid) - before_s) / count * 1e6)
        arrived = taken()
    result: dict[str, Any] = {kind: round(statistics.median(values), 1) for kind, values in found.items()}
    return {**result, "taken": arrived, "expected": 2 * count * rounds}


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((KNOWN, 0))
        return int(probe.getsockname()[1])


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    count, rounds = (1000, 1) if quick else (5000, 3)
    result: dict[str, Any] = {"n": count, "rounds": rounds, "ours": one(directory, "ours", count, rounds)}
    if shutil.which("snmptrapd") is not None:
        result["snmptrapd"] = one(directory, "snmptrapd", count, rounds)
        result["ratio"] = {
            kind: round(result["ours"][kind] / result["snmptrapd"][kind], 2)
            if result["snmptrapd"][kind]
            else None
            for kind in KINDS
        }
    return result


def lines(result: dict[str, Any]) -> list[str]:
    found = [f"a trap of 8 variables, CPU of the receiver, median of {result['rounds']} x {result['n']}:"]
    for receiver in ("ours", "snmptrapd"):
        if (one := result.get(receiver)) is None:
            found.append(f"  {receiver:9} is not installed")
            continue
        costs = ", ".join(f"{kind} {one[kind]:.0f} µs" for kind in KINDS)
        found.append(f"  {receiver:9} {costs}; {one['taken']} of {one['expected']} arrived")
    if "ratio" in result:
        found.append("  ours / snmptrapd: " + ", ".join(f"{k} {v}" for k, v in result["ratio"].items()))
    return [
        *found,
        "  to reach: no more than snmptrapd, which is written in C; none that should arrive is lost",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receive", type=int, help="be the receiver, on this port")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.receive is not None:
        asyncio.run(receive(options.receive))
        return
    with tempfile.TemporaryDirectory() as directory:
        print("\n".join(lines(measure(Path(directory), options.quick))))


if __name__ == "__main__":
    main()
