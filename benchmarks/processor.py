"""Processor time of this process, of others, and of what descends from them."""

from __future__ import annotations

import os
import resource
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def tree_s(pid: int) -> float:
    """User and system time of a process, of all that descend from it and live, and of those that have ended;
    to a hundredth of a second."""
    return sum(_of(each) for each in (pid, *below(pid)))


def own_s(but: frozenset[int]) -> float:
    """Of this process with all its threads, and of its living children, but for those (and what descends from
    them)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    others = sum(tree_s(each) for each in _children().get(os.getpid(), []) if each not in but)
    return used.ru_utime + used.ru_stime + others


def below(pid: int) -> list[int]:
    """All processes that descend from it."""
    children, found = _children(), list[int]()
    waiting = [pid]
    while waiting:
        own = children.get(waiting.pop(), [])
        found += own
        waiting += own
    return found


def _children() -> dict[int, list[int]]:
    """Of each process, as the kernel lists them."""
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        if fields := _fields(path):
            found.setdefault(int(fields[1]), []).append(int(path.parent.name))
    return found


def _of(pid: int) -> float:
    """With its children that have ended."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return sum(map(int, fields[11:15])) * TICK_S


def _fields(path: Path) -> list[str]:
    """Behind the name, which may hold anything; of a process that has just ended as many zeros."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 15
