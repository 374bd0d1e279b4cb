"""The audit log's chain: each record signed together with the signature before it. Pure.

A line is the canonical form (RFC 8785) of one record; its ``mac`` is the HMAC-SHA256 of the canonical form
of everything else in it, ``prev_mac`` included. Whoever lacks the key can cut the log, never rewrite it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import rfc8785

GENESIS = "0" * 64
"""``prev_mac`` of the first record."""

PRUNED = "audit.pruned"
"""The reason of a record that says that rrmd cut off the oldest file, whose last record it names."""

MIN_KEY_BYTES = 32

Line = tuple[str, int, bytes]
"""File name, line number from 1, and the bytes with their newline."""


class NotCanonical(ValueError):
    """The record holds something that has no exact canonical form: a float, a huge integer, a bad string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The end of the chain: the last record, its file, and that file's length after it in bytes."""

    seq: int
    mac: str
    file: str
    size: int

    def to_json(self) -> dict[str, Any]:
        return {"seq": self.seq, "mac": self.mac, "file": self.file, "size": self.size}

    @classmethod
    def from_json(cls, text: str) -> AuditHead:
        return cls(**json.loads(text))


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of a value of mappings, sequences, text, integers, booleans and null.

    Raises NotCanonical; floats are refused though the RFC has a form for them.
    """
    try:
        return rfc8785.dumps(_strict(value))
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise NotCanonical(str(error)) from error


def _strict(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    raise NotCanonical(f"{value!r} is a {type(value).__name__}; audit records hold integers and text")


def key_id_of(key: bytes) -> str:
    """The public name of a key."""
    return hashlib.sha256(b"rrmd audit key id" + key).hexdigest()[:16]


def mac_of(body: bytes, key: bytes) -> str:
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"an audit key has at least {MIN_KEY_BYTES} bytes")
    return hmac.digest(key, body, "sha256").hex()


def _around_mac(record: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The canonical record in two parts, open where its ``mac`` belongs: each value is encoded only once."""
    before = canonical({key: value for key, value in record.items() if key < "mac"})
    after = canonical({key: value for key, value in record.items() if key > "mac"})
    return before[:-1], after[1:]


def _line(before: bytes, mac: str, after: bytes) -> bytes:
    return b'%b,"mac":%b,%b\n' % (before, canonical(mac), after)


def sign(
    record: Mapping[str, Any], seq: int, prev_mac: str, key: bytes, key_id: str
) -> tuple[dict[str, Any], bytes]:
    """The chained record and its line, newline included. Raises NotCanonical."""
    signed = {**record, "seq": seq, "prev_mac": prev_mac, "key_id": key_id}
    before, after = _around_mac(signed)
    signed["mac"] = mac_of(before + b"," + after, key)
    return signed, _line(before, signed["mac"], after)


class Kind(StrEnum):
    """What is wrong with a log."""

    EDIT = "edit"  # a record is not what was signed
    WRONG_KEY = "wrong_key"  # signed with a key that was not given
    DELETION = "deletion"
    INSERTION = "insertion"  # a record repeated, or a line that nobody signed
    REORDERING = "reordering"
    TRUNCATION = "truncation"  # the end that the store knows of is not there
    FORK = "fork"  # two genuine histories joined: a restored store, or two daemons with one key
    TORN = "torn_line"  # a line without its end: a crash while writing
    GARBAGE = "garbage"  # not a record at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong, and where. ``seq``: the record's own number, or the first one missing."""

    kind: Kind
    file: str
    line: int
    seq: int | None
    detail: str

    def __str__(self) -> str:
        number = "" if self.seq is None else f", seq {self.seq}"
        return f"{self.file}:{self.line}{number}: {self.kind}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `verify` found. ``records``: those whose signature is good. ``last_seq`` None = there is none."""

    records: int
    last_seq: int | None
    findings: tuple[Finding, ...]

    @property
    def intact(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One line, read: ``kind`` None = its signature is good. ``pruned``: number and signature of the last
    record that rrmd cut off, when this one tells of that."""

    file: str
    line: int
    kind: Kind | None = None
    detail: str = ""
    seq: int | None = None
    key_id: str = ""
    mac: str = ""
    prev_mac: str = ""
    pruned: tuple[int, str] | None = None

    def finding(self, kind: Kind, detail: str, seq: int | None = None) -> Finding:
        number = self.seq if seq is None else seq
        return Finding(kind=kind, file=self.file, line=self.line, seq=number, detail=detail)


def read_line(line: Line, keys: Mapping[str, bytes]) -> Read:
    """What a line is. ``keys``: key id -> key. A signature is checked over what stands in the line: nothing
    of it is written anew before the check."""
    file, number, raw = line
    read = Read(file=file, line=number)
    if not raw.endswith(b"\n"):
        return replace(read, kind=Kind.TORN, detail="the line has no end")
    record = _parsed(raw)
    if record is None:
        return replace(read, kind=Kind.GARBAGE, detail="not an audit record")
    read = replace(
        read,
        seq=record["seq"],
        key_id=record["key_id"],
        mac=record["mac"],
        prev_mac=record["prev_mac"],
    )
    key = keys.get(read.key_id)
    if key is None:
        return replace(read, kind=Kind.WRONG_KEY, detail=f"no key with id {read.key_id} was given")
    if not _genuine(record, raw, key):
        return replace(read, kind=Kind.EDIT, detail="its MAC is bad")
    return replace(read, pruned=_pruned(record))


def _pruned(record: Mapping[str, Any]) -> tuple[int, str] | None:
    reason = record.get("reason")
    if record.get("kind") != "system" or not isinstance(reason, dict) or reason.get("code") != PRUNED:
        return None
    return reason["params"]["seq"], reason["params"]["mac"]


def read_last(line: bytes) -> tuple[int, str] | None:
    """Number and signature of a file's last record, unchecked; None: this, its last line, is no whole one."""
    record = _parsed(line) if line.endswith(b"\n") else None
    return None if record is None else (record["seq"], record["mac"])


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or type(record.get("seq")) is not int:
        return None
    return (
        record if all(isinstance(record.get(name), str) for name in ("mac", "prev_mac", "key_id")) else None
    )


def _genuine(record: Mapping[str, Any], raw: bytes, key: bytes) -> bool:
    """True when the MAC is right and the line is, byte for byte, the canonical form of what was signed."""
    try:
        before, after = _around_mac(record)
    except NotCanonical:
        return False
    good = hmac.compare_digest(mac_of(before + b"," + after, key).encode(), record["mac"].encode())
    return good and raw == _line(before, record["mac"], after)


def verify(
    lines: Iterable[Line],
    keys: Mapping[str, bytes],
    head: AuditHead | None = None,
    start: AuditHead | None = None,
) -> Report:
    """What the lines of a log, in the order of its files, tell about it.

    ``head``: the end that the store knows of; None = truncation can't be seen. ``start``: the end of what
    was archived before these lines; None = they begin with the first record.
    """
    walk = _Walk(head=head, last=start.seq if start else 0, last_mac=start.mac if start else GENESIS)
    for line in lines:
        walk.step(read_line(line, keys))
    return walk.report()


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Where a verification stands. ``missing``: gaps in the numbers (from, to, seen at), until a record
    turns up late. ``waiting``: unreadable lines since the last good one; which numbers they stood for is
    known only when the next good one comes."""

    head: AuditHead | None
    last: int
    last_mac: str
    records: int = 0
    at: Read = field(default_factory=lambda: Read(file="", line=0))
    findings: list[Finding] = field(default_factory=list)
    waiting: list[Read] = field(default_factory=list)
    missing: list[tuple[int, int, Read]] = field(default_factory=list)
    good: Counter[str] = field(default_factory=Counter)
    bad: dict[str, list[Finding]] = field(default_factory=dict)
    unknown: dict[str, list[Read]] = field(default_factory=dict)
    pruned: set[tuple[int, str]] = field(default_factory=set)

    def step(self, read: Read) -> None:
        self.at = read
        if read.kind is Kind.TORN:
            self.findings.append(read.finding(Kind.TORN, read.detail))
        elif read.kind in (Kind.GARBAGE, Kind.EDIT):
            self.waiting.append(read)
        else:
            self._count(read)
            self._place(read)

    def _count(self, read: Read) -> None:
        if read.kind is Kind.WRONG_KEY:
            self.unknown.setdefault(read.key_id, []).append(read)
            return
        self.records += 1
        if read.pruned is not None:
            self.pruned.add(read.pruned)
        self.good[read.key_id] += 1

    def _place(self, read: Read) -> None:
        seq = read.seq or 0
        if seq > self.last:
            self._advance(read, seq)
        elif self._was_missing(seq):
            self.findings.append(read.finding(Kind.REORDERING, "it stands after a later record"))
        else:
            self.findings.append(read.finding(Kind.INSERTION, "its number was there already"))

    def _advance(self, read: Read, seq: int) -> None:
        skipped = seq - self.last - 1
        unread = self._settle(skipped)
        if skipped > unread:
            self.missing.append((self.last + 1, seq - 1 - unread, read))
        if not skipped:
            self._check_link(read)
        self._check_head(read)
        self.last, self.last_mac = seq, read.mac

    def _settle(self, numbers: int) -> int:
        """How many of so many absent numbers the unreadable lines account for; the rest were inserted."""
        count = len(self.waiting)
        for place, read in enumerate(self.waiting):
            inserted = place >= numbers and read.kind is Kind.EDIT
            kind = Kind.INSERTION if inserted else read.kind or Kind.EDIT
            finding = read.finding(kind, "nobody signed it" if inserted else read.detail)
            self.findings.append(finding)
            if read.key_id:
                self.bad.setdefault(read.key_id, []).append(finding)
        self.waiting.clear()
        return min(count, numbers)

    def _check_link(self, read: Read) -> None:
        if not hmac.compare_digest(read.prev_mac.encode(), self.last_mac.encode()):
            self.findings.append(read.finding(Kind.FORK, "it was signed after another record than this one"))

    def _check_head(self, read: Read) -> None:
        head = self.head
        if head and read.seq == head.seq and read.mac != head.mac:
            self.findings.append(read.finding(Kind.FORK, "the store knows another record of this number"))

    def _was_missing(self, seq: int) -> bool:
        for place, (first, last, seen) in enumerate(self.missing):
            if first <= seq <= last:
                parts = [(first, seq - 1, seen), (seq + 1, last, seen)]
                self.missing[place : place + 1] = [part for part in parts if part[0] <= part[1]]
                return True
        return False

    def report(self) -> Report:
        known = self.head.seq if self.head else self.last + len(self.waiting)
        self.last += self._settle(max(0, known - self.last))
        self._close_gaps(known)
        self._name_wrong_keys()
        order = {kind: rank for rank, kind in enumerate(Kind)}
        found = sorted(self.findings, key=lambda one: (one.file, one.line, order[one.kind]))
        return Report(records=self.records, last_seq=self.last or None, findings=tuple(found))

    def _close_gaps(self, known: int) -> None:
        for first, last, seen in self.missing:
            if first == 1 and seen.seq == last + 1 and (last, seen.prev_mac) in self.pruned:
                continue  # rrmd cut them off itself, and said so
            text = f"records {first}..{last} are missing before this line"
            self.findings.append(seen.finding(Kind.DELETION, text, seq=first))
        if known > self.last:
            text = f"records {self.last + 1}..{known} are missing at the end"
            self.findings.append(self.at.finding(Kind.TRUNCATION, text, seq=self.last + 1))

    def _name_wrong_keys(self) -> None:
        """One finding for each key that fits nothing it should fit, in place of one for each record."""
        for reads in self.unknown.values():
            text = f"{reads[0].detail}; {len(reads)} records can't be checked"
            self.findings.append(reads[0].finding(Kind.WRONG_KEY, text))
        for key_id, found in self.bad.items():
            if len(found) > 1 and not self.good[key_id]:
                self.findings = [one for one in self.findings if one not in found]
                text = f"none of the {len(found)} records of key {key_id} fits the key given"
                self.findings.append(replace(found[0], kind=Kind.WRONG_KEY, detail=text))
