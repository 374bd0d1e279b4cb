"""The machine that a figure was measured on, its disk first of all."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.audit import Disk, quantiles, timed

LINE = b"x" * 900
"""About the size of an audit record of a transition."""


def described() -> dict[str, Any]:
    """Processor, cores, kernel, Python, and how loaded the machine was when asked."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model.group(1) if model else platform.processor(),
        "cores": os.cpu_count(),
        "kernel": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def text(machine: dict[str, Any]) -> str:
    """The machine in two lines."""
    disk = machine["disk"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, Python {machine['python']}, "
        f"load {machine['load']}\nthe disk's own synced append: p50 {disk['p50_ms']:.3f} ms, "
        f"p99 {disk['p99_ms']:.3f} ms"
    )


def synced(disk: Disk) -> float:
    """Seconds that one plain append with fdatasync takes now."""
    return timed(lambda: disk.append(LINE))


def disk_alone(directory: Path, count: int) -> dict[str, float]:
    """p50, p90, p99 in ms of plain synced appends in this directory, with nothing else done."""
    disk = Disk(directory)
    seconds = [synced(disk) for _ in range(count)]
    os.close(disk.fd)
    return quantiles(seconds)


def in_syncs(figure: dict[str, float], disk: dict[str, float]) -> dict[str, float]:
    """A figure's quantiles in units of this disk's own, at the same quantile."""
    return {at: round(value / disk[at], 1) for at, value in figure.items()}


def told(quantiles: dict[str, float]) -> str:
    """Median and 99th percentile, as a figure is printed."""
    return f"p50 {quantiles['p50_ms']:.2f} ms, p99 {quantiles['p99_ms']:.2f} ms"


def told_in_syncs(syncs: dict[str, float]) -> str:
    return f"in syncs of this disk: p50 {syncs['p50_ms']}, p99 {syncs['p99_ms']}"


def worst(seconds: Sequence[float]) -> float:
    """The largest, in ms."""
    return round(max(seconds) * 1000, 3)
