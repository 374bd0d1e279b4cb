"""What a synced audit record costs, beside the disk's own fdatasync of as many bytes in the same run.

`single`: one record from the outbox into the file, synced and marked (`AuditLog.flush`). `write`: of that,
only signing, writing and syncing. `many`: records a second when many are waiting. The disk's own figure is
taken in turns with ours, so that a slow moment of the disk hits both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agent.audit import AuditLog
from agent.audit_files import verify_directory
from agent.audit_key import Key, mac_keys
from agent.clock import SystemClock
from agent.records import Evidence, Pseudonyms, record
from agent.store.store import Store
from inventory.model import RadioKey

NAMES = Pseudonyms(bytes(32))
RADIO = RadioKey("north/ap1/r0")


def sample() -> dict[str, Any]:
    """A record of the size of an ordinary transition."""
    seen = [Evidence(field="retry_ratio", value=123_456, unit="ppm", source="iw.station", age_ms=900)] * 3
    one = record(
        id="0192f0c1-0000-7000-8000-000000000000",
        now=SystemClock().now(),
        kind="transition",
        site="north",
        names=NAMES,
        reason="held",
        params={"slots": 5},
        radio=RADIO,
        evidence=seen,
    )
    values = {"old": {"channel": 1, "width_mhz": 20}, "new": {"channel": 11, "width_mhz": 20}}
    return {**one, **values, "change_id": one["id"], "members": [NAMES(RADIO)], "token_sha256": "0" * 64}


def sampled(store: Store) -> None:
    store.append([sample()])


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p90 and p99 in ms."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {f"p{n}_ms": round(cuts[n - 1] * 1000, 4) for n in (50, 90, 99)}


class Disk:
    """A file beside the log, appended to and synced with nothing else done."""

    def __init__(self, directory: Path) -> None:
        self.fd = os.open(directory / "plain", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, data: bytes) -> None:
        os.write(self.fd, data)
        os.fdatasync(self.fd)


def single(directory: Path, store: Store, log: AuditLog, count: int) -> dict[str, Any]:
    disk = Disk(directory)
    line = b"x" * len(next(iter(_signed(store, log))).line)
    figures: dict[str, list[float]] = {"disk": [], "append": [], "flush": [], "write": []}
    original = log._write

    def watched(name: str, data: bytes, size: int) -> None:
        figures["write"].append(timed(lambda: original(name, data, size)))

    log._write = watched  # type: ignore[method-assign]
    for _ in range(count):
        figures["append"].append(timed(partial(sampled, store)))
        figures["disk"].append(timed(lambda: disk.append(line)))
        figures["flush"].append(timed(log.flush))
    os.close(disk.fd)
    result: dict[str, Any] = {name: quantiles(values) for name, values in figures.items()}
    for name in ("write", "flush", "append"):
        result[f"{name}_to_disk"] = {
            at: round(result[name][at] / result["disk"][at], 3) for at in ("p50_ms", "p90_ms", "p99_ms")
        }
    return {"bytes": len(line), "n": count, **result}


def _signed(store: Store, log: AuditLog) -> list[Any]:
    store.append([sample()])
    signed = log._sign(store.unwritten(1), store.audit_head())
    log.flush()
    return signed


def many(store: Store, log: AuditLog, count: int) -> dict[str, Any]:
    one = sample()
    queued = timed(lambda: [store.append([one] * 500) for _ in range(count // 500)])
    seconds = timed(log.flush)
    return {"n": count, "flush_per_s": round(count / seconds), "append_per_s": round(count / queued)}


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    store = Store(f"sqlite:///{directory}/store.sqlite3")
    key = Key(secret=os.urandom(32))
    (directory / "log").mkdir()
    log = AuditLog(directory / "log", store, key)
    log.recover()
    result: dict[str, Any] = {
        "single": single(directory, store, log, 200 if quick else 2000),
        "many": many(store, log, 5_000 if quick else 50_000),
    }
    head = store.audit_head()
    seconds = timed(lambda: _check(verify_directory(directory / "log", mac_keys(key), head).intact))
    result["verify_per_s"] = round((head.seq if head else 0) / seconds)
    store.close()
    return result


def lines(result: dict[str, Any]) -> list[str]:
    one, many = result["single"], result["many"]
    found = [f"audit record of {one['bytes']} bytes, synced, n {one['n']}:"]
    for name in ("disk", "write", "flush", "append"):
        at = ", ".join(f"{q[:-3]} {value:.3f} ms" for q, value in one[name].items())
        ratios = ", ".join(f"{q[:-3]} {value:.2f} x" for q, value in one.get(f"{name}_to_disk", {}).items())
        found.append(f"  {name:6} {at}" + (f"; {ratios} the disk's own" if ratios else ""))
    return [
        *found,
        f"  {many['flush_per_s']} records/s when many wait, {result['verify_per_s']} verified/s",
        "  to reach: p99 of write <= 1.2 x the disk's own; >= 5000 records/s",
    ]


def _check(intact: bool) -> None:
    if not intact:
        raise SystemExit("the log that was measured is not intact")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--directory", type=Path, help="on which disk; default: that of temporary files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        result = measure(Path(directory), options.quick)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(*lines(result), sep="\n")


if __name__ == "__main__":
    main()
