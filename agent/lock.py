"""A lock file's lines: which packages at which version, for which machines, known by which hashes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_ENTRY: Final = re.compile(r"(?P<name>[a-z0-9-]+)(\[[a-z0-9,-]+\])?==(?P<version>[^ ;]+)( ; (?P<marker>.+))?")
_HASH: Final = re.compile(r"--hash=sha256:(?P<hash>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """``marker``: for which machines only (PEP 508), None: for all. ``sha256``: of each of its files."""

    name: str
    version: str
    marker: str | None
    sha256: tuple[str, ...]


def locked(text: str) -> Iterator[Locked]:
    """In the file's order. Raises ValueError for a line that is none, and for one without a hash."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        words, *_ = line.partition(" --hash=")
        entry, hashes = _ENTRY.fullmatch(words.strip()), tuple(_HASH.findall(line))
        if entry is None or not hashes:
            raise ValueError(f"expected name==version and its hashes: {line[:80]}")
        yield Locked(
            name=entry["name"], version=entry["version"], marker=entry["marker"], sha256=tuple(sorted(hashes))
        )
