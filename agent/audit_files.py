"""Reading the audit log: verify it, search it, copy parts of it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

from agent.audit_chain import AuditHead, Line, Report, verify

FILE_NAME = re.compile(r"audit_\d{8}\.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records are wanted; None = any. ``radio`` and ``ap`` are pseudonyms, times UTC microseconds
    (from ``since_utc_us`` on, before ``until_utc_us``)."""

    change_id: str | None = None
    event_id: str | None = None
    radio: str | None = None
    ap: str | None = None
    kind: str | None = None
    site: str | None = None
    since_utc_us: int | None = None
    until_utc_us: int | None = None

    def takes(self, record: Mapping[str, Any]) -> bool:
        at = record.get("utc")
        if not isinstance(at, int):
            return False
        if self.since_utc_us is not None and at < self.since_utc_us:
            return False
        if self.until_utc_us is not None and at >= self.until_utc_us:
            return False
        return self._names_fit(record)

    def _names_fit(self, record: Mapping[str, Any]) -> bool:
        if self.radio is not None and self.radio not in (record.get("radio"), *(record.get("members") or ())):
            return False
        wanted = {name: getattr(self, name) for name in ("change_id", "event_id", "ap", "kind", "site")}
        return all(value is None or record.get(name) == value for name, value in wanted.items())


def files(directory: Path) -> list[Path]:
    """The audit files in the order of their chain."""
    return sorted(path for path in directory.iterdir() if FILE_NAME.fullmatch(path.name))


def read_lines(directory: Path) -> Iterator[Line]:
    """Every line of every file, in order."""
    for path in files(directory):
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield path.name, number, line


def verify_directory(directory: Path, keys: Mapping[str, bytes], head: AuditHead | None = None) -> Report:
    """What the log in ``directory`` tells about itself; see `audit_chain.verify` and `mac_keys`. Of a log
    that is being written read the head first: records may only have been added since then."""
    return verify(read_lines(directory), keys, head)


def query(
    directory: Path, want: Filter | None = None, *, limit: int | None = None, newest: bool = False
) -> Iterator[dict[str, Any]]:
    """The records that fit, in order (``newest``: the last one first), at most ``limit``; signatures are
    not checked, and a line that is no record is passed over."""
    lines = _backwards(directory) if newest else (line for _, _, line in read_lines(directory))
    return islice((one for _, one in _fitting(lines, want or Filter())), limit)


def _fitting(lines: Iterable[bytes], want: Filter) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for line in lines:
        one = _record(line)
        if one is not None and want.takes(one):
            yield line, one


def _backwards(directory: Path) -> Iterator[bytes]:
    for path in reversed(files(directory)):
        yield from reversed(path.read_bytes().splitlines())


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


FORMULA = ("=", "+", "-", "@")


BLANKS = ("\t", "\r", "\n")


COLUMNS = (
    "seq",
    "id",
    "utc",
    "boot_id",
    "site",
    "kind",
    "ap",
    "radio",
    "pseudo_key_id",
    "event_id",
    "change_id",
    "undo_of",
    "from_state",
    "to_state",
    "reason",
    "evidence",
    "scope",
    "members",
    "old",
    "new",
    "token_sha256",
    "result",
    "actor",
    "drill",
    "v",
    "prev_mac",
    "key_id",
    "mac",
)


def export(directory: Path, out: IO[str], format: Literal["jsonl", "csv"], want: Filter | None = None) -> int:
    """How many records were written to ``out``: JSON lines as they stand, or CSV for a spreadsheet."""
    found = _fitting((line for _, _, line in read_lines(directory)), want or Filter())
    if format == "csv":
        return _export_csv((one for _, one in found), out)
    count = 0
    for line, _ in found:
        out.write(line.decode(errors="replace"))
        count += 1
    return count


def _export_csv(found: Iterable[Mapping[str, Any]], out: IO[str]) -> int:
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    count = 0
    for one in found:
        writer.writerow([_cell(one.get(name)) for name in COLUMNS])
        count += 1
    return count


def _cell(value: Any) -> Any:
    """A spreadsheet takes text that begins like a formula for one and runs it; a quote stops that."""
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, str) and (value.lstrip().startswith(FORMULA) or value.startswith(BLANKS)):
        return f"'{value}"
    return value
