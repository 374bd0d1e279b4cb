"""What a power cut leaves of files: a model of a disk, fed with what a process asked of it. Pure.

A write is durable when its file was synced after it; a name (a file made, renamed, unlinked, a directory
made) when its directory was. Of all else a power cut keeps whatever it likes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from os.path import dirname

Image = dict[str, bytes]
"""The files of a directory, by their paths in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """``data`` at this offset of a file; with ``data`` None the file ends there."""

    file: int
    at: int
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """``path`` is this file from now on; None: nothing any more; DIRECTORY: a directory."""

    path: str
    file: int | None


Op = Write | Name
DIRECTORY = -1


@dataclass(slots=True)
class State:
    names: dict[str, int] = field(default_factory=dict)
    data: dict[int, bytes] = field(default_factory=dict)

    def apply(self, op: Op) -> None:
        if isinstance(op, Write):
            self.data[op.file] = _written(self.data.get(op.file, b""), op)
        elif op.file is None:
            self.names.pop(op.path, None)
        else:
            self.names[op.path] = op.file

    def image(self, root: str) -> Image:
        """The files that can be reached from the root."""
        return {
            path[len(root) + 1 :]: self.data.get(file, b"")
            for path, file in self.names.items()
            if file != DIRECTORY and self._reached(path, root) and not path.endswith("-shm")
        }

    def _reached(self, path: str, root: str) -> bool:
        above = dirname(path)
        return above == root or (self.names.get(above) == DIRECTORY and self._reached(above, root))


def _written(data: bytes, op: Write) -> bytes:
    if op.data is None:
        return data[: op.at].ljust(op.at, b"\0")
    return data[: op.at].ljust(op.at, b"\0") + op.data + data[op.at + len(op.data) :]


@dataclass(frozen=True, slots=True)
class Cut:
    """One thing that a power cut may leave: how it came about, and the files."""

    how: str
    image: Image


class Disk:
    """Below ``root``, which is empty and durable at first. ``unsynced``: what a power cut may lose, in the
    order in which it was asked for."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.unsynced: list[Op] = []
        self._durable = State()
        self._now: dict[str, int] = {}
        self._files: dict[int, int] = {}  # inode -> file: an inode comes again after its file is gone
        self._numbers = count(1)

    # what happens

    def create(self, inode: int, path: str) -> None:
        self._files[inode] = next(self._numbers)
        self.link(inode, path)

    def link(self, inode: int, path: str) -> None:
        self._name(path, self._files[inode])

    def mkdir(self, path: str) -> None:
        self._name(path, DIRECTORY)

    def unlink(self, path: str) -> None:
        self._name(path, None)

    def rename(self, old: str, new: str) -> None:
        self._name(new, self._now[old])
        self._name(old, None)

    def write(self, inode: int, at: int, data: bytes | None) -> None:
        self.unsynced.append(Write(file=self._files[inode], at=at, data=data))

    def sync(self, inode: int) -> None:
        file = self._files[inode]
        self._keep([op for op in self.unsynced if isinstance(op, Write) and op.file == file])

    def sync_directory(self, path: str) -> None:
        self._keep([op for op in self.unsynced if isinstance(op, Name) and dirname(op.path) == path])

    def _name(self, path: str, file: int | None) -> None:
        self.unsynced.append(Name(path=path, file=file))
        if file is None:
            self._now.pop(path, None)
        else:
            self._now[path] = file

    def _keep(self, ops: Sequence[Op]) -> None:
        kept = {id(op) for op in ops}
        for op in ops:
            self._durable.apply(op)
        self.unsynced = [op for op in self.unsynced if id(op) not in kept]

    # what may be left

    def left(self, ops: Sequence[Op]) -> Image:
        """The files when of the unsynced only these came to the disk."""
        state = State(dict(self._durable.names), dict(self._durable.data))
        for op in ops:
            state.apply(op)
        return state.image(self.root)

    def cuts(self) -> Iterator[Cut]:
        """What a power cut now may leave: only what was synced; everything; a prefix of the rest, its last
        write torn; the writes of one file and not those of the others."""
        yield Cut("synced", self.left([]))
        if not self.unsynced:
            return
        yield Cut("everything", self.left(self.unsynced))
        writes = [at for at, op in enumerate(self.unsynced) if isinstance(op, Write) and op.data]
        for at in sorted({*writes[:1], *writes[len(writes) // 2 :][:1], *writes[-1:]}):
            yield Cut(f"torn at {at + 1} of {len(self.unsynced)}", self.left(self._torn(at)))
        files = {op.file for op in self.unsynced if isinstance(op, Write)}
        for file in sorted(files) if len(files) > 1 else ():
            mine = [op for op in self.unsynced if isinstance(op, Name) or op.file == file]
            yield Cut(f"file {file} alone", self.left(mine))

    def _torn(self, at: int) -> list[Op]:
        last = self.unsynced[at]
        assert isinstance(last, Write)
        assert last.data is not None
        return [*self.unsynced[:at], replace(last, data=last.data[: len(last.data) // 2])]
