"""What a row of the fault matrix is: one operation, one fault, and what must come of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faults.scene import Scene

Story = Callable[["Scene"], Awaitable[None]]


class Phase(StrEnum):
    """Where in the life of a change the fault strikes."""

    BEFORE = "before the write"
    WRITE = "write"
    READ_BACK = "read-back"
    MONITORING = "monitoring"
    ROLLBACK = "rollback"
    RECOVERY = "after a restart of rrmd"
    IDLE = "no change open"


def as_built(scene: Scene) -> None:
    """Nothing is put between the agent and its parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault, tried. ``must``: what must happen, a sentence; ``seen``: where an operator sees it.

    ``undo_timer``: the devices have one. ``controller``: AP 1 and its sister AP 4 are behind one controller.
    ``options``: more of the simulated devices' options. ``channel``: where AP 1 is at first. ``restarts``:
    rrmd is killed, or its machine sleeps, in between, and the well AP is changed only afterwards.
    ``arrange``: puts something between the agent and its store, its audit log or its devices.
    """

    operation: str
    fault: str
    phase: Phase
    must: str
    seen: str
    story: Story
    undo_timer: bool = False
    controller: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    channel: int = 36
    restarts: bool = False
    arrange: Callable[[Scene], None] = as_built

    @property
    def id(self) -> str:
        return "/".join(word.replace(" ", "_") for word in (self.operation, self.fault, self.phase))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unapplied:
    """A fault that an operation cannot have, and why."""

    operation: str
    fault: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A fault that needs real threads, sockets or servers. ``test``: the file and the test that tries it."""

    operation: str
    fault: str
    phase: Phase
    must: str
    seen: str
    test: str
