"""What others take for the same walk: net-snmp's snmpbulkwalk and Prometheus' snmp_exporter, which ask the
same devices for the same columns. Neither makes a radio of what it is told."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from integration import ber

from benchmarks import poll_air, poll_usm, processor
from benchmarks.poll_servers import Served
from drivers.snmp import questions
from drivers.snmp.load import shipped
from drivers.snmp.profile import Profile
from drivers.types import Table

OFTEN = frozenset(Table) - {Table.NEIGHBORS}
"""What a poll reads; neighbours are read each five minutes."""
EXPORTER = "prometheus-snmp-exporter"
ROWS = 50
"""Rows that one GetBulk of theirs asks for: more than a datagram holds, so that the device decides."""
NET_SNMP_V3 = (
    *("-v3", "-l", "authPriv", "-u", "rrm", "-a", "SHA-256", "-A", "auth-password"),
    *("-x", "AES", "-X", "priv-password"),
)
AUTH_V3 = {
    "security_level": "authPriv",
    "username": "rrm",
    "password": "auth-password",
    "auth_protocol": "SHA256",
    "priv_protocol": "AES",
    "priv_password": "priv-password",
}
INDEXES = {"mac": "PhysAddress48", "int": "gauge"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The columns and single values of one poll."""

    profile: Profile
    columns: tuple[tuple[str, str], ...]
    single: tuple[str, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        return tuple(questions.oid_of(self.profile, column) for column in self.columns)


def walk() -> Walk:
    """What the driver asks for in one poll of such a device."""
    profile = shipped()["airespace"]
    wanted = questions.wanted(profile, OFTEN)
    own = (questions.SYS_UP_TIME, questions.SYS_OBJECT_ID, *questions.identity_oids(profile))
    return Walk(profile=profile, columns=wanted.columns, single=(*own, *wanted.instances))


def absent(program: str, package: str) -> str | None:
    """Why a row is left out; None: it is there."""
    return None if shutil.which(program) else f"left out: needs {program} (apt-get install {package})"


# -- net-snmp ----------------------------------------------------------------------------------------------


def bulkwalks(server: Served, *, v3: bool, polls: int) -> dict[str, Any]:
    """Milliseconds of processor of one poll, by a process for each column and one for the single values;
    ``start_ms``: of it, what as many processes take that ask for one value."""
    who = NET_SNMP_V3 if v3 else ("-v2c", "-c", poll_usm.COMMUNITY.decode())
    asked, addresses = walk(), [context.config.address for context in server.contexts]
    device_s, begun = server.cpu_s, time.perf_counter()
    took = [_poll(asked, who, addresses[turn % len(addresses)]) for turn in range(polls)]
    wall_s, device_s = time.perf_counter() - begun, server.cpu_s - device_s
    one = min(_used_s(("snmpget", *who, "-On", addresses[0], questions.SYS_UP_TIME)) for _ in range(10))
    return {
        "cpu_ms": [round(each * 1e3, 3) for each in took],
        "start_ms": round(one * (len(asked.roots) + 1) * 1e3, 3),
        "processes": len(asked.roots) + 1,
        "per_s": [round(polls / wall_s, 2)],
        "device_ms": round(device_s / polls * 1e3, 3),
    }


def _poll(asked: Walk, who: Sequence[str], address: str) -> float:
    used_s = _used_s(("snmpget", *who, "-On", address, *asked.single))
    for root in asked.roots:
        used_s += _used_s(("snmpbulkwalk", *who, "-On", f"-Cr{ROWS}", address, root))
    return used_s


def _used_s(command: Sequence[str]) -> float:
    """Processor time of one run, from its start to its end; it reads no MIB and no file."""
    given = {"PATH": os.environ["PATH"], "MIBS": "", "SNMPCONFPATH": "/nonexistent"}
    with subprocess.Popen(command, env=given, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


# -- Prometheus' exporter ------------------------------------------------------------------------------------


def exported(
    directory: Path, server: Served, *, v3: bool, seconds: float, rounds: int, at_once: int
) -> dict[str, Any]:
    """Milliseconds of processor of one scrape, in each round; its time to write the text is in it."""
    asked, addresses = walk(), [context.config.address for context in server.contexts]
    cpu_ms, per_s = list[float](), list[float]()
    with _exporter(directory, asked, v3=v3) as (pid, scrape):
        lines = scrape(addresses[0])
        device_s, scrapes = server.cpu_s, 0
        for _ in range(rounds):
            before_s, begun = processor.tree_s(pid), time.perf_counter()
            done = _scraped(scrape, addresses, begun + seconds, at_once)
            wall_s = time.perf_counter() - begun
            cpu_ms.append(round((processor.tree_s(pid) - before_s) / done * 1e3, 3))
            per_s.append(round(done / wall_s, 2))
            scrapes += done
        device_ms = round((server.cpu_s - device_s) / scrapes * 1e3, 3)
    return {"cpu_ms": cpu_ms, "per_s": per_s, "device_ms": device_ms, "samples": lines}


def _scraped(scrape: Callable[[str], int], addresses: Sequence[str], until: float, at_once: int) -> int:
    """How many scrapes ended."""

    def one(address: str) -> int:
        done = 0
        while not done or time.perf_counter() < until:
            scrape(address)
            done += 1
        return done

    with ThreadPoolExecutor(at_once) as pool:
        return sum(pool.map(one, addresses[:at_once]))


@contextmanager
def _exporter(directory: Path, asked: Walk, *, v3: bool) -> Iterator[tuple[int, Callable[[str], int]]]:
    """Its process id, and what scrapes a device and says how many samples came."""
    config = directory / "snmp.yml"
    config.write_text(yaml.safe_dump(_configuration(asked, v3=v3)))
    port = _free_port()
    command = [EXPORTER, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]

    def scrape(address: str) -> int:
        query = urlencode({"target": address, "module": "poll"})
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/snmp?{query}", timeout=60) as answer:
            text: bytes = answer.read()
        return sum(not line.startswith((b"#", b"snmp_scrape")) for line in text.splitlines())

    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _await_port(port)
            yield process.pid, scrape
        finally:
            process.terminate()


def _configuration(asked: Walk, *, v3: bool) -> dict[str, Any]:
    """Of one module that walks these columns, and makes a sample of each value."""
    kinds = {oid.removesuffix(".0"): tag for oid, (tag, _) in poll_air.controller(1).items()}
    metrics = [_metric(asked, column, kinds) for column in asked.columns]
    module = {
        "walk": sorted(asked.roots),
        "get": list(asked.single),
        "metrics": [*metrics, {"name": "sysUpTime", "oid": questions.SYS_UP_TIME[:-2], "type": "gauge"}],
        "version": 3 if v3 else 2,
        "auth": AUTH_V3 if v3 else {"community": poll_usm.COMMUNITY.decode()},
        "max_repetitions": ROWS,
        "retries": 0,
    }
    return {"poll": module}


def _metric(asked: Walk, column: tuple[str, str], kinds: Mapping[str, int]) -> dict[str, Any]:
    table, number = column
    oid = questions.oid_of(asked.profile, column)
    tag = next((tag for each, tag in kinds.items() if each.startswith(f"{oid}.")), ber.INTEGER)
    index = asked.profile.tables[table].index
    return {
        "name": f"{table}_{number}",
        "oid": oid,
        "type": "OctetString" if tag == ber.OCTETS else "gauge",
        "help": "-",
        "indexes": [{"labelname": name, "type": INDEXES[kind]} for name, kind in index.items()],
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    end_s = time.monotonic() + 10.0
    while time.monotonic() < end_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{EXPORTER} does not listen")
