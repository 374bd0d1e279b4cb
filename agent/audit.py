"""The audit log on disk: copies the store's outbox into chained files."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from uuid6 import uuid7

from agent.audit_chain import (
    GENESIS,
    PRUNED,
    AuditHead,
    Finding,
    Kind,
    key_id_of,
    read_line,
    sign,
)
from agent.audit_files import files
from agent.audit_key import Key, derive
from agent.audit_place import id_of, refusal, shown, writing_alone
from agent.audit_pruning import oldest
from agent.clock import Clock, SystemClock
from agent.disk import sync_directory, write_all
from agent.moment import EPOCH
from agent.records import Pseudonyms, record
from agent.store.rows import OutboxRow
from agent.store.store import Store

BATCH = 1000
"""Records of one write."""


EVERY_SITE = "*"
"""The site of a record about the log itself."""

CODES = {
    Kind.TORN: "audit.torn_line",
    Kind.TRUNCATION: "audit.truncated",
    Kind.EDIT: "audit.edited",
    Kind.INSERTION: "audit.inserted",
    Kind.FORK: "audit.store_behind",
}


class AuditError(Exception):
    """The root of what the audit log raises."""


class AuditUnavailable(AuditError):
    """The disk did not take the records: write to no device, flush again later; nothing is lost."""


@dataclass(frozen=True, slots=True)
class _Signed:
    seq: int
    mac: str
    line: bytes


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AuditUnavailable(f"the audit log can't be written: {error}") from error


class AuditLog:
    """The one writer of a directory of audit files; call `recover` before the first `flush`."""

    def __init__(self, directory: Path, store: Store, key: Key, *, clock: Clock | None = None) -> None:
        self._directory = directory
        self._store = store
        self._clock = clock or SystemClock()
        self._names = Pseudonyms(derive(key, "pseudonym"))
        self._key = derive(key, "audit-mac")
        self._key_id = key_id_of(self._key)
        self._lock = threading.RLock()
        self._newest = ""
        self._head: AuditHead | None = None
        self._id = ""
        self._held = False

    @property
    def directory(self) -> Path:
        return self._directory

    def forget(self) -> None:
        """The store was made anew: where the chain ends is to be read from the files."""
        self._head = None

    def flush(self) -> int:
        """How many waiting records are now in the file and synced: all of them.

        Raises AuditUnavailable (nothing is lost, a later flush goes on) and what the store raises.
        """
        done = 0
        with self._alone():
            self._keep()
            while rows := self._store.unwritten(BATCH):
                copied = self._copy(rows)
                if not copied and not (rows := self._store.unwritten(BATCH)):
                    break  # they were in the file already
                copied = copied or self._copy(rows)
                if not copied:
                    raise AuditUnavailable("the newest audit file changes while it is being written")
                done += copied
                if copied == len(rows) < BATCH:
                    break
        return done

    def recover(self) -> tuple[Finding, ...]:
        """What was wrong with the end of the log, each recorded in the log itself; then a flush.

        A torn line is moved into a ``.torn`` file; records written but not marked are marked, not written
        again; a store that is behind its own log (restored, or made anew) takes the log's end for its own.
        What else is damaged stays as it is, and the chain goes on from the end that the store knows.
        """
        with self._alone():
            self._keep()
            findings = self._settle()
            self.flush()
        return findings

    def prune(self, before_day: str) -> str | None:
        """The oldest file's name when it was of a day (YYYYMMDD) before that, and is gone now; one at a time.

        The log says so, synced, before the file goes. Raises AuditUnavailable and what the store raises.
        """
        with self._alone():
            head = self._store.audit_head()
            cut = oldest(self._directory, before_day, head.file) if head else None
            if cut is None:
                return None
            self._store.append([self._about_itself(PRUNED, cut.params)])
            self.flush()
            cut.path.unlink()
            sync_directory(self._directory)
            return cut.path.name

    def elsewhere(self) -> str | None:
        """Why this directory is not the store's log, None: it is; two would each have gaps. Raises
        AuditUnavailable and what the store raises."""
        with self._alone():
            self._id = self._id or id_of(self._directory)
            kept, place = self._store.log_kept(self._id, shown(self._directory))
            if kept == self._id:
                return None
            self._id = ""  # a person may copy the log here
            return refusal(kept, place, self._directory)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread of one process at a time: of two agents on one store both may have records to write."""
        with self._lock, _disk():
            if self._held:
                yield
                return
            with writing_alone(self._directory):
                self._held = True
                try:
                    yield
                finally:
                    self._held = False

    def _keep(self) -> None:
        if why := self.elsewhere():
            raise AuditUnavailable(why)

    # Writing

    def _copy(self, rows: Sequence[OutboxRow]) -> int:
        """How many of the first rows are now in their file, synced and marked; 0 = the file was not as the
        store knows it, and both agree now."""
        head = self._head = self._head or self._store.audit_head()
        newest = self._newest or self._find_newest(head)
        name, group = next(groupby(rows, lambda row: max(_day_name(row), newest)))
        size = head.size if head and head.file == name else 0
        forgotten = head is not None and rows[0].seq <= head.seq  # a server that crashed lost the last mark
        if forgotten or self._size(name) != size:
            self._settle()
            return 0
        signed = self._sign(group, head)
        data = b"".join(one.line for one in signed)
        self._write(name, data, size)
        self._newest = name
        self._mark(signed, name, size + len(data))
        return len(signed)

    def _sign(self, rows: Iterable[OutboxRow], head: AuditHead | None) -> list[_Signed]:
        prev = head.mac if head else GENESIS
        signed = []
        for row in rows:
            chained, line = sign(row.record, row.seq, prev, self._key, self._key_id)
            prev = chained["mac"]
            signed.append(_Signed(row.seq, prev, line))
        return signed

    def _write(self, name: str, data: bytes, size: int) -> None:
        """``data`` after the first ``size`` bytes of the file, synced; or the file as it was, and OSError."""
        path = self._directory / name
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if not size:
                os.fchmod(fd, 0o640)
            write_all(fd, data)
            os.fdatasync(fd)
        except OSError:
            with suppress(OSError):  # the next flush sees the length and settles it
                os.ftruncate(fd, size)
            raise
        finally:
            os.close(fd)
        if not size:
            sync_directory(self._directory)

    def _mark(self, signed: Sequence[_Signed], name: str, size: int) -> None:
        head = AuditHead(seq=signed[-1].seq, mac=signed[-1].mac, file=name, size=size)
        self._head = None  # should the store fail now, it is asked again
        self._store.mark_written([(one.seq, one.mac) for one in signed], name, head)
        self._head = head

    def _find_newest(self, head: AuditHead | None) -> str:
        """The newest file's name: a clock that jumped back starts no older one."""
        return max([*(path.name for path in files(self._directory)), head.file if head else ""])

    def _size(self, name: str) -> int:
        try:
            return (self._directory / name).stat().st_size
        except FileNotFoundError:
            return 0

    # Coming back

    def _settle(self) -> tuple[Finding, ...]:
        """Makes file and store agree about where the chain ends, and records what was wrong."""
        self._head = None
        head = self._store.audit_head()
        name = self._newest = self._find_newest(head)
        if not name:
            return ()
        findings = [*self._cut_torn(name), *self._check_head(head)]
        findings += self._take_tail(name, head)
        self._store.append([self._system_record(one) for one in findings])
        return tuple(findings)

    def _cut_torn(self, name: str) -> Iterator[Finding]:
        """Moves a last line without its end aside, into ``NAME.torn``."""
        data = self._read(name)
        whole = data.rfind(b"\n") + 1
        torn = data[whole:]
        if not torn:
            return
        aside = self._directory / f"{name}.torn"
        fd = os.open(aside, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            write_all(fd, torn + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_directory(self._directory)
        self._truncate(name, whole)
        text = f"{len(torn)} bytes without a line's end were moved to {aside.name}"
        yield _finding(Kind.TORN, name, data.count(b"\n", 0, whole) + 1, None, text)

    def _truncate(self, name: str, size: int) -> None:
        fd = os.open(self._directory / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            os.fsync(fd)
        finally:
            os.close(fd)

    def _check_head(self, head: AuditHead | None) -> Iterator[Finding]:
        """Is the last record that the store knows of still where it was written?"""
        if head is None:
            return
        data = self._read(head.file)
        line = data.count(b"\n") + 1
        if len(data) < head.size:
            text = f"{head.size - len(data)} bytes at the end are gone"
            yield _finding(Kind.TRUNCATION, head.file, line, head.seq, text)
        elif head.seq and not self._ends_with(data, head):
            text = "the last record the store knows of is not where it was written"
            yield _finding(Kind.EDIT, head.file, line, head.seq, text)

    def _ends_with(self, data: bytes, head: AuditHead) -> bool:
        last = data[: head.size].rsplit(b"\n", 2)
        return len(last) > 1 and last[-1] == b"" and head.mac.encode() in last[-2]

    def _take_tail(self, name: str, head: AuditHead | None) -> Iterator[Finding]:
        """Marks the lines of waiting records that are in the files already, after the last known one: a flush
        whose marks were lost may have gone on for many batches, and over midnight."""
        last = head or AuditHead(seq=0, mac=GENESIS, file=self._first_waited_for(name), size=0)
        between = [path.name for path in files(self._directory) if last.file <= path.name < name]
        for each in [*between, name]:
            data = self._read(each)
            last = self._take(each, data, last)
        self._store.mark_written([], name, AuditHead(seq=last.seq, mac=last.mac, file=name, size=len(data)))
        if len(data) > last.size:
            yield self._explain(name, data, last.size, last.seq)

    def _first_waited_for(self, name: str) -> str:
        """The file in which a log without a known end began."""
        return min([name, *map(_day_name, self._store.unwritten(1))])

    def _take(self, name: str, data: bytes, head: AuditHead) -> AuditHead:
        """The chain's end in this file, once its lines of waiting records are marked."""
        head = replace(head, file=name, size=head.size if head.file == name else 0)
        while signed := self._sign(self._store.unwritten(BATCH), head):
            found = data.rfind(signed[0].line)
            there, end = _already(signed, data, head.size if found < 0 else found)
            if not there:
                break
            head = AuditHead(seq=there[-1].seq, mac=there[-1].mac, file=name, size=end)
            self._store.mark_written([(one.seq, one.mac) for one in there], name, head)
        return head

    def _explain(self, name: str, data: bytes, end: int, known: int) -> Finding:
        """What the lines after the last one known are; genuine later ones mean that the store is behind."""
        line = data.count(b"\n", 0, end) + 1
        tail = data[:-1].rfind(b"\n") + 1
        last = read_line((name, line, data[tail:]), {self._key_id: self._key})
        if last.kind is None and last.seq and last.seq > known:
            self._store.adopt(AuditHead(seq=last.seq, mac=last.mac, file=name, size=len(data)))
            text = f"the log went on to {last.seq}, the store knew {known}: it was restored or made anew"
            return _finding(Kind.FORK, name, line, known + 1, text)
        text = f"{len(data) - end} bytes that are not this store's stand at the end"
        return _finding(Kind.INSERTION, name, line, None, text)

    def _read(self, name: str) -> bytes:
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return b""

    def _system_record(self, finding: Finding) -> dict[str, Any]:
        where = {"file": finding.file, "line": finding.line, "seq": finding.seq, "detail": finding.detail}
        return self._about_itself(CODES[finding.kind], where)

    def _about_itself(self, reason: str, params: dict[str, Any]) -> dict[str, Any]:
        return record(
            id=str(uuid7()),
            now=self._clock.now(),
            kind="system",
            site=EVERY_SITE,
            names=self._names,
            reason=reason,
            params=params,
        )


def _already(signed: Sequence[_Signed], data: bytes, start: int) -> tuple[list[_Signed], int]:
    """The records whose lines stand in ``data`` from ``start`` on, and where they end."""
    there = []
    for one in signed:
        if not data.startswith(one.line, start):
            break
        there.append(one)
        start += len(one.line)
    return there, start


def _finding(kind: Kind, file: str, line: int, seq: int | None, detail: str) -> Finding:
    return Finding(kind=kind, file=file, line=line, seq=seq, detail=detail)


def _day_name(row: OutboxRow) -> str:
    day = EPOCH + timedelta(microseconds=row.record["utc"])
    return f"audit_{day:%Y%m%d}.jsonl"
