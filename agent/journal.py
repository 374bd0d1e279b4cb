"""The radar journal: a small file whose blocks exist before they are needed, for when the store is lost.

A header names the present generation; entries follow one another, each with its length and a MAC over the
one before, so that a torn entry, or one of an earlier generation, is never taken for a good one.
"""

from __future__ import annotations

import hmac
import os
import secrets
import struct
from pathlib import Path
from typing import Final

from agent.disk import sync_directory, write_all_at

SIZE: Final = 262_144
"""Some eighty records. A full disk takes them, since not one block is added (on a file system that copies on
write that is not so)."""
_MAGIC: Final = b"rrmdrj01"
_NONCE: Final = 16
_HEADER: Final = 512  # a sector: written whole or not at all
_LENGTH: Final = struct.Struct(">I")
_MAC: Final = 32
_NO_MORE: Final = bytes(_LENGTH.size)


class JournalLost(OSError):
    """The journal does not take an entry: the disk is read-only or failing, or the journal is full. What it
    should hold is in memory only."""


class Journal:
    """The journal in ``path``. Not safe for two threads at once. ``torn``: the last entry was not whole (the
    power was cut), and is left out."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self.torn = False
        self._key = key
        self._end = _HEADER
        self._last = b""
        self._unclear = False  # a `clear` failed

    def open(self) -> list[bytes]:
        """What was written since the last `clear`, oldest first; the file is made when there is none.

        Raises JournalLost.
        """
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise JournalLost(f"the radar journal can't be read: {error}") from error
        if len(data) != SIZE or not data.startswith(_MAGIC):
            self._make()
            return []
        return self._read(data)

    def put(self, entry: bytes) -> None:
        """One more entry, synced. Raises JournalLost."""
        if self._unclear:
            self.clear()
        mac = self._mac(self._last, entry)
        block = _LENGTH.pack(len(entry)) + mac + entry + _NO_MORE
        if not self._last or self._end + len(block) > SIZE:
            raise JournalLost("the radar journal is full" if self._last else "the radar journal is not open")
        self._write(block, self._end)
        self._end, self._last = self._end + len(block) - len(_NO_MORE), mac

    def clear(self) -> None:
        """Forget all entries. Raises JournalLost: nobody knows then which generation the disk has, and the
        next `put` clears first."""
        self._unclear = True
        nonce = secrets.token_bytes(_NONCE)
        self._write((_MAGIC + nonce).ljust(_HEADER, b"\0") + _NO_MORE, 0)
        self._end, self._last = _HEADER, self._mac(nonce, b"")
        self._unclear = False

    def _make(self) -> None:
        """A new file beside the old place, its blocks written and synced, then put there as a whole."""
        draft = self.path.with_name(f".{self.path.name}.new")
        try:
            fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, SIZE)
                write_all_at(fd, bytes(SIZE), 0)  # allocated is not enough: converting extents takes blocks
                os.fsync(fd)
            finally:
                os.close(fd)
            draft.replace(self.path)
            sync_directory(self.path.parent)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise JournalLost(f"the radar journal can't be made: {error}") from error
        self.clear()

    def _read(self, data: bytes) -> list[bytes]:
        found = []
        at, last = _HEADER, self._mac(data[len(_MAGIC) : len(_MAGIC) + _NONCE], b"")
        while at + _LENGTH.size + _MAC <= SIZE:
            (length,) = _LENGTH.unpack_from(data, at)
            begin = at + _LENGTH.size + _MAC
            entry, mac = data[begin : begin + length], data[begin - _MAC : begin]
            if not length or begin + length > SIZE or not hmac.compare_digest(mac, self._mac(last, entry)):
                break
            found.append(entry)
            at, last = begin + length, mac
        self.torn = any(data[at : at + _LENGTH.size])
        self._end, self._last = at, last
        return found

    def _mac(self, before: bytes, entry: bytes) -> bytes:
        return hmac.digest(self._key, before + entry, "sha256")

    def _write(self, data: bytes, at: int) -> None:
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                write_all_at(fd, data, at)
                os.fdatasync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise JournalLost(f"the radar journal can't be written: {error}") from error
