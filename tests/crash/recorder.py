"""The real writes of this process, recorded by recorder.c and told to a model of the disk."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from crash.disk import Cut, Disk

SOURCE = Path(__file__).with_name("recorder.c")


def build(directory: Path) -> Path:
    """The library to be preloaded. Raises CalledProcessError, FileNotFoundError without a C compiler."""
    library = directory / "recorder.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(library)]
    subprocess.run(["gcc", *flags, str(SOURCE), "-ldl"], check=True)
    return library


class Recorder:
    """Records below ``root``; the library must have been preloaded. ``book``: where the record is kept."""

    def __init__(self, root: Path, book: Path) -> None:
        self.disk = Disk(str(root))
        self._library = ctypes.CDLL(None)
        self._read = 0
        if self._library.recorder_start(os.fsencode(book), os.fsencode(root)) != 0:
            raise OSError(f"no record can be kept in {book}")
        self._book = book.open("rb")

    def stop(self) -> None:
        self._library.recorder_stop()

    def cuts(self) -> list[Cut]:
        """All that a power cut may have left since the last time this was asked, and now: at each sync what
        there was just before it. The first one is what is synced now."""
        found: list[Cut] = []
        for op, words, data in self._ops():
            if op in ("sync", "syncdir"):
                found += self.disk.cuts()
            self._tell(op, words, data)
        now = list(self.disk.cuts())
        return _each_once([*now, *found])

    def _tell(self, op: str, words: str, data: bytes) -> None:
        disk = self.disk
        if op in ("create", "link"):
            inode, path = words.split(" ", 1)
            (disk.create if op == "create" else disk.link)(int(inode), path)
        elif op == "write":
            disk.write(int(words.split()[0]), int(words.split()[1]), data)
        elif op == "truncate":
            disk.write(int(words.split()[0]), int(words.split()[1]), None)
        elif op == "sync":
            disk.sync(int(words))
        elif op == "syncdir":
            disk.sync_directory(words)
        elif op == "rename":
            disk.rename(*words.split("\t"))
        else:
            {"mkdir": disk.mkdir, "unlink": disk.unlink}[op](words)

    def _ops(self) -> Iterator[tuple[str, str, bytes]]:
        """What was recorded since the last time."""
        while line := self._book.readline():
            op, words = line.decode().rstrip("\n").split(" ", 1)
            length = int(words.split()[2]) if op == "write" else 0
            yield op, words, self._book.read(length)


def _each_once(cuts: list[Cut]) -> list[Cut]:
    """Of those that left the same files the first."""
    found: dict[int, Cut] = {}
    for cut in cuts:
        found.setdefault(hash(frozenset(cut.image.items())), cut)
    return list(found.values())
