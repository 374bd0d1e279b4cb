"""Cutting the oldest file off the audit log, so that the log itself says that it was rrmd who did it.

A record names the file and its last record, signed and synced, before the file is removed. `audit verify`
finds that record when the log does not begin with number 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from agent.audit_chain import read_last
from agent.audit_files import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The oldest file, and the number and signature of its last record."""

    path: Path
    seq: int
    mac: str

    @property
    def params(self) -> dict[str, Any]:
        return {"file": self.path.name, "seq": self.seq, "mac": self.mac}


def oldest(directory: Path, before_day: str, newest: str) -> Cut | None:
    """The oldest file, if it is of a day (YYYYMMDD) before that; None also when it is the newest, or its end
    cannot be read: what is damaged is for a person to look at."""
    known = files(directory)
    if len(known) < 2 or not known[0].name < min(f"audit_{before_day}", newest):
        return None
    with known[0].open("rb") as file:  # not the whole at once: a day of a large site is many MB
        line = reduce(lambda _, later: later, file, b"")
    last = read_last(line)
    return None if last is None else Cut(path=known[0], seq=last[0], mac=last[1])
