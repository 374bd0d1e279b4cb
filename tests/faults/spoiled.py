"""The disk under store, audit log and radar journal of the agent in a scene, as it goes wrong."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from faults.scene import Scene
from stories import Gate

from agent.store import sqlite
from agent.store.database import Database
from agent.store.errors import boundary
from drivers.simulated import worlds
from drivers.simulated.faults import Call, Fault, Kind, Operation, Scripted

BUSY_S = 0.02
"""How long SQLite waits for another's lock here: in real time, of which a scene takes little."""
NOTICED_S = 60.0
BACK_S = 120.0


def impatient(scene: Scene) -> None:
    """Waits for no other process that has the database."""
    scene.until_the_end(mock.patch.object(sqlite, "BUSY_S", BUSY_S))


class Disk:
    """One that can be lost and given back. ``arrange`` is called before the agent starts."""

    def __init__(self) -> None:
        self.scene: Any = None

    def arrange(self, scene: Scene) -> None:
        self.scene = scene
        scene.disk = self
        impatient(scene)

    def lose(self) -> None:
        raise NotImplementedError

    def give_back(self) -> None:
        raise NotImplementedError

    def lose_with_the_write(self, *, refused: bool = False) -> Gate:
        """It is lost as the next write of AP 1 begins; the gate is hit then. ``refused``: by the device."""
        gate = Gate(opened=True, most=1)

        def now(call: Call) -> bool:
            if not gate(call):
                return False
            self.lose()
            return refused

        worlds.get("rig").faults.add(Scripted(Operation.APPLY, now, Fault(Kind.REFUSED), device="ap1"))
        return gate


class Refusing(Disk):
    """Each call that writes to it fails with this errno."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.lost = False

    def arrange(self, scene: Scene) -> None:
        super().arrange(scene)
        for name in ("_write", "_mark"):
            scene.until_the_end(mock.patch.object(Database, name, self._instead(getattr(Database, name))))
        for name in ("open", "write"):
            called = partial(getattr(self, f"_{name}"), getattr(os, name))
            scene.until_the_end(mock.patch.object(os, name, called))

    def lose(self) -> None:
        self.lost = True

    def give_back(self) -> None:
        self.lost = False

    def _refuse(self) -> None:
        raise OSError(self.number, os.strerror(self.number))

    def _instead(self, transaction: Any) -> Any:
        @contextmanager
        def write(database: Database) -> Iterator[Any]:
            if self.lost:
                with boundary():
                    self._refuse()
            with transaction(database) as conn:
                yield conn

        return write

    def _open(self, opened: Any, path: Any, flags: int, *more: Any, **named: Any) -> int:
        """Read-only: nothing of it can be opened for writing."""
        ours = self.lost and self.number == errno.EROFS and flags & (os.O_WRONLY | os.O_RDWR)
        if ours and Path(os.fsdecode(path)).is_relative_to(self.scene.rig.directory):
            self._refuse()
        fd: int = opened(path, flags, *more, **named)
        return fd

    def _write(self, written: Any, fd: int, data: Any) -> int:
        """Full: half of what is appended still goes in."""
        if self.lost and Path(os.readlink(f"/proc/self/fd/{fd}")).is_relative_to(self.scene.rig.directory):
            if len(data) < 2:
                self._refuse()
            data = data[: len(data) // 2]
        size: int = written(fd, data)
        return size


class Locked(Disk):
    """Another process holds the database."""

    other: sqlite3.Connection | None = None

    def lose(self) -> None:
        if self.other is not None:
            return
        self.other = sqlite3.connect(self.scene.rig.directory / "rrmd.sqlite3", isolation_level=None)
        self.other.execute("BEGIN EXCLUSIVE")

    def give_back(self) -> None:
        assert self.other is not None
        self.other.rollback()
        self.other.close()
        self.other = None


def damage(scene: Scene) -> None:
    """Pages of the database are overwritten with noise, the first of them too."""
    path, chance = scene.rig.directory / "rrmd.sqlite3", random.Random(7)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        for page in range(path.stat().st_size // 4096):
            file.seek(4096 * page)
            file.write(chance.randbytes(512))
