"""All rows of the fault matrix, in the order of the table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from faults import deeds, disk, machines, reads, timers, writes
from faults.case import Case, Elsewhere, Unapplied

OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "open": "a session begins",
        "read": "a poll",
        "read_config": "the settings are read: prior values, read-back",
        "plan": "what an edit would do",
        "apply": "a write, there or back",
        "confirm": "the device's own undo timer is disarmed, or the change saved",
        "cancel": "the device is told to go back now",
        "act": "a restart, a hint to clients: done once, without undo",
        "signals": "what a device pushes",
        "undo timer": "undo timer",
        "clocks": "clocks",
        "rrmd": "rrmd",
        "store": "the disk of store and audit log",
    }
)
"""The operations in the order of the page, each with what it is."""

MODULES = (reads, writes, timers, deeds, machines, disk)

CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in module.CASES)
UNAPPLIED: tuple[Unapplied, ...] = tuple(each for module in MODULES for each in module.UNAPPLIED)
ELSEWHERE: tuple[Elsewhere, ...] = tuple(each for module in MODULES for each in module.ELSEWHERE)
